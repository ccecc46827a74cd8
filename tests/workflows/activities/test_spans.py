"""What is recorded of an activity: which span, below which, and the number of the try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from traced import tracing_on, values

from orchestrator import tracing
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.steps import MoveJobs
from orchestrator.triggers.registration import ACTIVITIES
from orchestrator.workflows import names
from orchestrator.workflows.activities import spans
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.full_drill import FullDrillRun
from orchestrator.workflows.messages import (
    ATTEMPT,
    BatchOrder,
    DrillDone,
    DrillFinding,
    DrillKind,
    DrillOrder,
    DrillOutcome,
    DrillPhase,
    DrillReport,
    EvidenceOrder,
    Milestones,
    RunKind,
    RunOrder,
    RunSummary,
    StepOrder,
    StepOutcome,
    StepReport,
    drill_name,
    drill_run_id,
)
from orchestrator.workflows.orchestrators.retry import number_try
from orchestrator.workflows.partial_drill import PartialDrillRun

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


DRILL = DrillOrder(
    pair="p",
    kind=DrillKind.FULL,
    drill=drill_name(NOW),
    reason="practice",
    asked_at=NOW,
    beat=timedelta(seconds=1),
    longest=timedelta(seconds=9),
)
DRILL_RUN = drill_run_id("p", DRILL.drill)
WENT_WELL = DrillReport(
    pair="p",
    drill=DRILL.drill,
    kind=DRILL.kind,
    ok=True,
    outcome=DrillOutcome.SUCCEEDED,
    findings=(DrillFinding(check="way home", ok=True, why="the primary is active"),),
    ended_at=NOW + timedelta(minutes=9),
    phases=(DrillPhase(name="failover", begun=NOW, ended=NOW + timedelta(seconds=4)),),
)


def test_every_activity_of_a_drill_is_a_span_in_the_trace_of_the_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new activity of drills needs no row of its own."""
    partial = PartialDrillRun(
        order=DRILL, source=Role.PRIMARY, epoch=0, begun_at=NOW, until="running", patience=timedelta(hours=1)
    )
    full = FullDrillRun(order=DRILL, outcome=DrillOutcome.SUCCEEDED, why="it is home", active=Role.PRIMARY)
    orders = {DrillOrder: DRILL, PartialDrillRun: partial, FullDrillRun: full}
    orders[DrillDone] = DrillDone(order=DRILL, report=WENT_WELL)
    drills = sorted(name for name, (shape, _) in ACTIVITIES.items() if shape in orders)
    assert len(drills) > 8
    with tracing_on(monkeypatch) as traced:
        for name in drills:
            spans.carry_out(name, orders[ACTIVITIES[name][0]], 2, lambda: None)
        tries = traced.spans("hubswitch.drill.try")
    assert [values(span, "pair", "run", "activity", "attempt") for span in tries] == [
        ("p", DRILL_RUN, name, 2) for name in drills
    ]
    assert {span.context.trace_id for span in tries} == {tracing.make_trace_id(DRILL_RUN)}
    assert {span.parent and span.parent.span_id for span in tries} == {tracing.make_span_id(DRILL_RUN, tracing.DRILL)}


def test_a_full_drill_is_recorded_with_its_phases_and_linked_to_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its switches are runs with traces of their own; who looks at the drill finds them."""
    runs = ("failover-p-e1", "failback-p-e2")
    ended = FullDrillRun(
        order=DRILL, outcome=DrillOutcome.SUCCEEDED, why="", active=Role.PRIMARY, failover=runs[0], failback=runs[1]
    )
    with tracing_on(monkeypatch) as traced:
        spans.carry_out(names.MEASURE_DRILL, ended, 1, lambda: None)
        spans.carry_out(names.MAKE_EVIDENCE, EvidenceOrder(drill=WENT_WELL), 1, lambda: None)
        measured, evidence = traced.spans("hubswitch.drill.try")
        (drill,), (phase,) = traced.spans("hubswitch.drill"), traced.spans("hubswitch.drill.phase")
    links = [(link.context.trace_id, link.context.span_id) for link in measured.links]
    assert links == [(tracing.make_trace_id(run), tracing.make_span_id(run, tracing.RUN)) for run in runs]
    assert drill.parent is None
    assert {span.parent and span.parent.span_id for span in (measured, evidence, phase)} == {drill.context.span_id}
    assert values(drill, "kind", "outcome") == ("full", "succeeded")
    assert ((drill.end_time or 0) - (drill.start_time or 0)) / 1e9 == 540
    assert values(phase, "phase") == ("failover",)


@pytest.mark.parametrize(
    ("kind", "aborted", "told"),
    [
        (DrillKind.CANARY, "", ("canary", "failed")),
        (DrillKind.DRY, "", ("tabletop", "not-ready")),
        (DrillKind.TABLETOP, "ana aborted it", ("tabletop", "aborted")),
    ],
)
def test_a_drill_that_does_not_go_well_says_how_it_ended_as_its_evidence_does(
    monkeypatch: pytest.MonkeyPatch, kind: DrillKind, aborted: str, told: tuple[str, str]
) -> None:
    """And it is recorded once, however often the evidence is tried."""
    report = msgspec.structs.replace(WENT_WELL, kind=kind, ok=False, outcome=None, aborted=aborted, phases=())
    with tracing_on(monkeypatch) as traced:
        for attempt in (1, 2):
            spans.carry_out(names.MAKE_EVIDENCE, EvidenceOrder(drill=report), attempt, lambda: None)
        (drill,) = traced.spans("hubswitch.drill")
    assert values(drill, "kind", "outcome") == told
    assert drill.status.is_ok is (told[1] != "failed")
