"""What is recorded of an activity: which span, below which, and the number of the try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from traced import tracing_on, values

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.steps import MoveJobs
from orchestrator.triggers.registration import ACTIVITIES
from orchestrator.workflows import names
from orchestrator.workflows.activities import spans
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.messages import (
    ATTEMPT,
    BatchOrder,
    EvidenceOrder,
    Milestones,
    RunKind,
    RunOrder,
    RunSummary,
    StepOrder,
    StepOutcome,
    StepReport,
)
from orchestrator.workflows.orchestrators.retry import number_try

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = RunOrder(
    pair="p",
    kind=RunKind.FAILBACK,
    run="failback-p-e2",
    epoch=2,
    source=Role.SECONDARY,
    target=Role.PRIMARY,
    why="because",
    decided_at=NOW,
    doubted_since=NOW,
    claim_by=NOW,
    beat=timedelta(seconds=1),
    longest=timedelta(seconds=9),
)
SUMMARY = RunSummary(
    pair="p",
    run=RUN.run,
    kind=RUN.kind,
    epoch=2,
    outcome="failed",
    why="no store",
    target=RUN.target,
    milestones=Milestones(decided_at=NOW),
    steps=(StepReport(name="home", kind="move_jobs", outcome=StepOutcome.DONE, begun=NOW, ended=NOW),),
    ended_at=NOW + timedelta(seconds=3),
)


def test_the_number_of_a_try_comes_back_out_of_the_order() -> None:
    """The first try is given the order as it always was, so that a run in flight is not changed by an upgrade."""
    given = to_builtins(RUN)
    assert number_try(given, 1) is given
    assert spans.split_attempt(number_try(given, 7)) == (given, 7)
    assert spans.split_attempt(given) == (given, 1)
    assert (number_try("a-pair", 3), spans.split_attempt("a-pair")) == ("a-pair", ("a-pair", 1))


@pytest.mark.parametrize("activity", sorted(ACTIVITIES))
def test_no_order_has_a_field_of_that_name(activity: str) -> None:
    """It would be taken out of it."""
    shape = ACTIVITIES[activity][0]
    assert shape is str or ATTEMPT not in {field.encode_name for field in msgspec.structs.fields(shape)}


def test_a_batch_stands_below_the_step_that_moves_jobs_whatever_its_title(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its activity does not know the title; the step is recorded later, by its name."""
    order = BatchOrder(run=RUN, round=1, batch=2)
    with tracing_on(monkeypatch) as traced:
        spans.carry_out(names.RESUBMIT_JOBS, order, 4, lambda: None)
        spans.carry_out(names.MAKE_EVIDENCE, EvidenceOrder(summary=SUMMARY), 1, lambda: None)
        (batch,), (step,) = traced.spans("hubswitch.jobs.batch"), traced.spans("hubswitch.step")
    assert values(batch, "round", "batch", "attempt", "side") == (1, 2, 4, "primary")
    assert batch.parent is not None
    assert batch.parent.span_id == step.context.span_id
    assert values(step, "step", "kind", "outcome") == ("home", "move_jobs", "done")


def test_a_run_is_recorded_once_though_its_evidence_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if its evidence is never stored. A run that failed is an error."""

    def fail() -> None:
        raise OSError("no store")

    with tracing_on(monkeypatch) as traced:
        for attempt in (1, 2):
            with pytest.raises(OSError, match="no store"):
                spans.carry_out(names.MAKE_EVIDENCE, EvidenceOrder(summary=SUMMARY), attempt, fail)
        (run,) = traced.spans("hubswitch.run")
        assert len(traced.spans("hubswitch.decide")) == len(traced.spans("hubswitch.step")) == 1
        assert [values(span, "attempt") for span in traced.spans("hubswitch.evidence")] == [(1,), (2,)]
    assert values(run, "kind", "outcome") == ("failback", "failed")
    assert not run.status.is_ok


def test_every_kind_of_step_that_is_an_activity_has_a_span_for_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new kind needs no row of its own."""
    with tracing_on(monkeypatch) as traced:
        for kind in sorted(STEP_ACTIVITIES):
            step = MoveJobs(name=kind)  # what it is does not matter here
            spans.carry_out(kind, StepOrder(**msgspec.structs.asdict(RUN), step=step), 1, lambda: None)
        assert [values(span, "step")[0] for span in traced.spans("hubswitch.step.try")] == sorted(STEP_ACTIVITIES)
