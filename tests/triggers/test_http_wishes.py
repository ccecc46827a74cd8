"""Which orchestrations a wish about a run is handed to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from orchestrator.ports import OrchestrationState
from orchestrator.triggers.http_wishes import find_waiting
from orchestrator.workflows import names

PAIRS = {"demo", "demo-e1-x"}
AT = datetime(2026, 3, 1, tzinfo=UTC)
RUN = "failover-demo-e1"


def seen(instance: str, name: str, waits: Any = None, status: str = "running") -> OrchestrationState:
    return OrchestrationState(instance, name, status, waits, None, AT, AT)


def waits(step: str, why: str = "it answered 503", since: str = "12:00") -> dict[str, Any]:
    return {"step": step, "since": since, "why": why}


def found(run: OrchestrationState, *begun: OrchestrationState) -> list[str]:
    return [each.id for each in find_waiting(run, begun, PAIRS)]


def test_a_run_that_pauses_itself_is_woken_itself() -> None:
    """The first tries of a step are the run's own."""
    assert found(seen(RUN, names.SWITCH_RUN, waits("gate"))) == [RUN]


def test_a_step_that_is_tried_for_long_is_woken_where_it_is_tried() -> None:
    """The run has the same status, and would keep a wish that it does not wait for until its next step fails."""
    long = seen(f"{RUN}-wait_for_url-1234abcd", names.PATIENCE_RUN, waits("gate"))
    assert found(seen(RUN, names.SWITCH_RUN, waits("gate")), long) == [long.id]


def test_steps_of_a_group_and_batches_are_woken_each() -> None:
    """The run's own status names them without a reason, or as the batches that it waits for."""
    step = seen(f"{RUN}-s-gate-1234abcd", names.STEP_RUN, waits("gate"))
    batch = seen(f"{RUN}-r0-b1-1234abcd", names.RESUBMIT_RUN, waits(names.RESUBMIT_JOBS))
    over = seen(f"{RUN}-s-door-1234abcd", names.STEP_RUN, waits("door"), "completed")
    assert found(seen(RUN, names.SWITCH_RUN, waits("gate, door", why="")), step, over) == [step.id]
    assert found(seen(RUN, names.SWITCH_RUN, waits(names.RESUBMIT_RUN, why="9 jobs in round 0")), batch) == [batch.id]


def test_what_goes_on_is_not_woken() -> None:
    """No status, or one whose step is none."""
    assert found(seen(RUN, names.SWITCH_RUN)) == []
    assert found(seen(RUN, names.SWITCH_RUN, waits("", why=""))) == []


def test_orchestrations_of_other_runs_are_left_alone() -> None:
    """Ids of runs begin alike: a second attempt, and the run of a pair whose name looks like the id of a run."""
    others = [
        seen(f"{RUN}-again1", names.SWITCH_RUN, waits("gate")),
        seen(f"{RUN}-again1-s-gate-1234abcd", names.STEP_RUN, waits("gate")),
        seen("failover-demo-e1-x-e3-s-gate-1234abcd", names.STEP_RUN, waits("gate")),
    ]
    assert found(seen(RUN, names.SWITCH_RUN), *others) == []
