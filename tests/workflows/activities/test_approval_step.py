"""The step at which a run waits for a person."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import claimed

from orchestrator.core.base.errors import HubswitchError, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import approval_path
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.workflows.activities.approval_step import answer_step, read_answer
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES, STEPS, skip_step
from orchestrator.workflows.messages import RunOrder, SkipWish, StepAnswer, StepOrder

STEP = AwaitApproval(name="go", question="has the network team agreed?")


def carried(visit: Visit, run: RunOrder, step: AwaitApproval = STEP) -> str:
    _, body = STEP_ACTIVITIES[step.kind]
    return body(visit.world, StepOrder(**msgspec.structs.asdict(run), step=step))


def answered(visit: Visit, run: RunOrder, **more: Any) -> bool:
    usual: dict[str, Any] = {"step": "go", "is_approved": True, "by": "ana", "reason": "they have"}
    answer = StepAnswer(**(usual | more), at=visit.world.clock.now())
    return answer_step(visit.world.ledgers[visit.pair], visit.pair, run.run, answer)


def test_it_waits_until_somebody_approves_this_step_of_this_run(bench: Bench) -> None:
    """And says how to answer."""
    visit = bench.visit()
    run = claimed(visit)
    answered(visit, run, step="other")
    answered(visit, msgspec.structs.replace(run, run="failover-other-e1"))
    with pytest.raises(TemporaryError, match=f"hubswitch approve {visit.pair} --proposal {run.run}/go"):
        carried(visit, run)
    assert answered(visit, run)
    assert carried(visit, run) == ""


def test_who_rejects_it_leaves_it_out(bench: Bench) -> None:
    """With the reason. The first answer counts."""
    visit = bench.visit()
    run = claimed(visit)
    assert answered(visit, run, is_approved=False, reason="they have not")
    assert not answered(visit, run)
    assert carried(visit, run) == "ana rejected it: they have not"
    kept = read_answer(visit.world.ledgers[visit.pair], visit.pair, run.run, "go")
    assert kept is not None
    assert not kept.is_approved


def test_it_may_be_skipped_as_any_step(bench: Bench) -> None:
    """While nobody has answered."""
    visit = bench.visit()
    run = claimed(visit)
    wish = SkipWish(step="go", by="bo", reason="nobody is here", at=visit.world.clock.now())
    skip_step(visit.world.ledgers[visit.pair], visit.pair, run.run, wish)
    assert carried(visit, run) == "bo skipped it: nobody is here"


def test_an_answer_that_cannot_be_read_is_none(bench: Bench) -> None:
    """Unknown means stand still."""
    visit = bench.visit()
    run = claimed(visit)
    visit.world.ledgers[visit.pair].put_once(approval_path(visit.pair, run.run, "go"), b"yes")
    with pytest.raises(HubswitchError):
        carried(visit, run)


def test_a_drill_says_what_would_be_asked(bench: Bench) -> None:
    """With the question."""
    preview = STEPS["await_approval"].preview
    assert preview is not None
    visit = bench.visit()
    assert "has the network team agreed?" in preview(visit.world, visit.plan, Role.SECONDARY, STEP)
