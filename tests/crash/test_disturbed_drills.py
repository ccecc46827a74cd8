"""A drill of each kind that a person aborts, or that a switch overtakes, at every step: nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from crash_harness import Bench, Visit, patiently, running
from durabletask.client import TaskHubGrpcClient
from job_stories import claimed, records, status, submitted, until_status
from killing import Killer, ReplacedWorker
from waiting import until

from orchestrator.core.base.codec import decode, read_record, to_builtins
from orchestrator.core.decision.state import initial
from orchestrator.core.evidence.document import RunEvidence
from orchestrator.core.ledger_paths import drill_path, evidence_path
from orchestrator.core.plan.drills import PartialDrill
from orchestrator.workflows import names
from orchestrator.workflows.messages import DrillKind, DrillOrder, DrillOutcome, DrillReport, Wish, drill_run_id

BEAT = timedelta(milliseconds=50)
SLOW, FAST = 0.0001, 1000
"""Speeds of the simulated Azure: one at which no canary and no copy comes to its end, and the bench's own."""

STEPS = {
    DrillKind.TABLETOP: {"rehearse": 1},
    DrillKind.DECISION: {"rehearse": 1},
    DrillKind.CANARY: {"submit": 1, "first look": 2, "second look": 3},
    DrillKind.PARTIAL: {"begin": 1, "first look": 2, "second look": 3},
}
"""Of each kind but the full one: the activities after which it may be disturbed, by their number."""

PLACES = [
    pytest.param(kind, number, id=f"{kind}-{step}") for kind, steps in STEPS.items() for step, number in steps.items()
]


class Left(NamedTuple):
    """What a drill leaves behind."""

    report: DrillReport
    evidence: RunEvidence
    strangers: list[str]
    """How each canary and each copy stands in its hub."""

    jobs: list[str]
    untouched: bool
    """Whether the ledger says of the jobs what it said before."""


class Disturber(Killer):
    """Does something when a step of the drill is complete, before the drill hears of it."""

    def __init__(self, number: int, disturb: Callable[[], object]) -> None:
        super().__init__(None, stored=True)
        self._place, self._disturb = f"activity of drill#{number}", disturb
        self.has_disturbed = False

    def __call__(self, kind: str, instance: str) -> bool:
        super().__call__(kind, instance)
        if self.seen[-1] == self._place and not self.has_disturbed:
            self.has_disturbed = True
            self._disturb()
        return True


def _name(visit: Visit) -> str:
    """A drill of its own for each visit: a canary is named by its drill alone."""
    return f"20260301t120000{int(visit.pair[1:]):06d}"


def _order(visit: Visit, kind: DrillKind) -> DrillOrder:
    now = datetime.now(UTC)
    return DrillOrder(
        pair=visit.pair,
        kind=kind,
        drill=_name(visit),
        reason="practice",
        by="cleo",
        asked_at=now,
        beat=BEAT,
        longest=BEAT,
        workload="nightly" if kind is DrillKind.PARTIAL else "",
        state=msgspec.structs.replace(initial(visit.pair, now), looked_at=now) if kind is DrillKind.DECISION else None,
    )


def _hold(bench: Bench, kind: DrillKind, number: int, disturb: Callable[[Visit, TaskHubGrpcClient], Any]) -> Left:
    visit = bench.visit(partial_drill=PartialDrill(until="running"))
    jobs = [submitted(visit, mark, tags={"hubswitch.workload": "nightly"}) for mark in ("one", "two")]
    for job in jobs:
        until_status(visit, job, "Running")
    before = records(visit)
    clients: list[TaskHubGrpcClient] = []

    def act() -> None:
        disturb(visit, clients[0])
        bench.azure.kernel.speed = FAST

    disturber = Disturber(number, act)
    bench.azure.kernel.speed = SLOW
    try:
        with running(disturber) as (engine, client), ReplacedWorker(visit, engine, disturber) as workers:
            clients.append(client)
            order = to_builtins(_order(visit, kind))
            client.schedule_new_orchestration(names.DRILL_RUN, input=order, instance_id=f"drill-{visit.pair}")
            workers.wait_until_idle("the end of the drill")
    finally:
        bench.azure.kernel.speed = FAST
    assert disturber.has_disturbed, disturber.seen
    return _left(visit, jobs, before)


def _left(visit: Visit, jobs: list[str], before: Any) -> Left:
    ledger = visit.world.ledgers[visit.pair]
    path, kept = drill_path(visit.pair, _name(visit)), evidence_path(visit.pair, drill_run_id(visit.pair, _name(visit)))
    report = decode(patiently(lambda: ledger.get(path)) or b"", DrillReport, path)
    evidence = read_record(patiently(lambda: ledger.get(kept)) or b"", RunEvidence, kept)

    def strangers() -> list[str]:
        found = visit.bench.azure.truth.jobs()
        return [job.status for job in found if job.tags.get("hubswitch.drill") == _name(visit)]

    if report.kind is not DrillKind.CANARY or report.outcome is not DrillOutcome.PROMOTED:  # that one ends by itself
        until(lambda: set(strangers()) <= {"Canceled"}, "the end of canary and copies", longest=30)
    return Left(report, evidence, strangers(), [status(visit, job) for job in jobs], records(visit) == before)


def _abort(visit: Visit, client: TaskHubGrpcClient) -> None:
    wish = Wish(by="ana", reason="the wrong pair", at=datetime.now(UTC))
    client.raise_orchestration_event(f"drill-{visit.pair}", names.ABORT, data=to_builtins(wish))


@pytest.mark.parametrize(("kind", "number"), PLACES)
def test_an_abort_at_any_step_of_a_drill_leaves_everything_as_it_was(
    both_well: Bench, kind: DrillKind, number: int
) -> None:
    """Its outcome says so, no canary and no copy runs on, and the jobs were not touched."""
    left = _hold(both_well, kind, number, _abort)
    assert (left.report.ok, left.report.aborted) == (False, "ana aborted it: the wrong pair")
    assert left.evidence.outcome == "aborted"
    if number > 1:  # before the first look of a partial drill there is no copy, and the others make nothing
        assert set(left.strangers) == {"Canceled"}
    assert (left.jobs, left.untouched) == (["Running", "Running"], True)


@pytest.mark.parametrize(("kind", "number"), [place for place in PLACES if place.values[0] in {"canary", "partial"}])
def test_a_switch_at_any_step_of_a_drill_makes_it_a_promoted_one(
    both_well: Bench, kind: DrillKind, number: int
) -> None:
    """It neither holds the switch nor counts, and no copy takes the place of the job itself."""
    left = _hold(both_well, kind, number, lambda visit, _: claimed(visit))
    assert (left.report.ok, left.report.outcome) == (False, "promoted")
    assert left.evidence.outcome == "promoted"
    assert (left.jobs, left.untouched) == (["Running", "Running"], True)
