"""Drills that write nothing: what a switch would do with steps and jobs, and what would be decided."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import changed, claimed

from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.decision.state import initial
from orchestrator.core.plan.steps import AwaitStandby, MoveJobs, ScaleCluster, WaitForUrl, Workflow
from orchestrator.ports import Probes
from orchestrator.workflows.activities.drill import (
    NO_JOBS,
    _job_finding,
    check_canary,
    finish_drill,
    rehearse,
    submit_canary,
)
from orchestrator.workflows.messages import (
    SWITCHED,
    DrillDone,
    DrillFinding,
    DrillJob,
    DrillKind,
    DrillOrder,
    DrillReport,
)

BEAT = timedelta(seconds=1)


def order(visit: Visit, kind: DrillKind, *, with_state: bool = True) -> DrillOrder:
    now = datetime.now(UTC)
    return DrillOrder(
        pair=visit.pair,
        kind=kind,
        drill="d1",
        reason="practice",
        asked_at=now,
        beat=BEAT,
        longest=BEAT,
        state=initial(visit.pair, now) if with_state else None,
    )


def with_steps(visit: Visit, *steps: AwaitStandby | MoveJobs | ScaleCluster | WaitForUrl) -> Visit:
    plan = msgspec.structs.replace(visit.plan, steps=Workflow(failover=steps))
    visit.world = visit.world._replace(plans={plan.pair: plan})
    return visit


def findings_of(report: DrillReport) -> dict[str, DrillFinding]:
    return {finding.check: finding for finding in report.findings}


def writes(bench: Bench) -> int:
    return sum(entry.method in {"PUT", "PATCH", "DELETE"} for entry in bench.azure.log.entries())


def test_a_tabletop_says_of_each_step_what_it_would_do_or_what_it_lacks(bench: Bench) -> None:
    """By the same reads that the step itself would begin with."""
    visit = with_steps(
        bench.visit(),
        ScaleCluster(name="warm", cluster="cpu-cluster", min_nodes=2),
        ScaleCluster(name="too-many", cluster="cpu-cluster", min_nodes=1_000),
        ScaleCluster(name="not-there", cluster="nobody", min_nodes=1),
        WaitForUrl(name="dark", url="https://localhost:1/health"),
        AwaitStandby(),
        MoveJobs(),
    )
    found = findings_of(rehearse(visit.world, order(visit, DrillKind.TABLETOP)))
    steps = {check.removeprefix("step "): finding for check, finding in found.items() if check.startswith("step ")}
    assert {name: finding.ok for name, finding in steps.items()} == {
        "warm": True,
        "too-many": False,
        "not-there": False,
        "dark": False,
        "await_standby": True,
        "move_jobs": True,
    }
    assert steps["warm"].why == "cpu-cluster would have at least 2 nodes instead of 0"
    assert "the plan wants at least 1000" in steps["too-many"].why


def test_a_tabletop_foresees_what_becomes_of_each_job(bench: Bench) -> None:
    """Move, wait or skip, with the reason; and writes nothing to either hub."""
    visit = bench.visit()
    jobs = [summary.name for summary in visit.world.ledgers[visit.pair].summaries(visit.pair)]
    primary = sorted(name for name in jobs if name.endswith(Role.PRIMARY))
    user = f"{visit.pair}-plain-primary"
    never, late, *_ = (name for name in primary if name != user)
    changed(visit, user, identity="user")
    changed(visit, never, policy=JobPolicy.NEVER)
    changed(visit, late, policy=JobPolicy.ALWAYS, deadline=datetime(2026, 1, 1, tzinfo=UTC))
    before = writes(bench)
    report = rehearse(visit.world, order(visit, DrillKind.TABLETOP))
    told = {job.job: (job.outcome, job.why) for job in report.jobs}
    assert told[user] == ("wait", "it runs as its user")
    assert told[never] == ("skip", "its policy is never")
    assert told[late] == ("skip", "its deadline 2026-01-01 00:00:00Z has passed")
    assert report.jobs[0].outcome == "wait"
    finding = findings_of(report)["jobs"]
    assert not finding.ok
    assert "would wait, first" in finding.why
    assert writes(bench) == before


def test_a_tabletop_without_a_job_says_that_none_was_tried() -> None:
    """It goes well all the same: a pair may be there for its endpoints."""
    found, other = _job_finding([]), _job_finding([DrillJob(job="job-1", outcome="move")])
    assert (found.ok, found.why) == (True, NO_JOBS)
    assert (other.ok, other.why) == (True, "1 job could be resubmitted")


def test_a_decision_drill_needs_a_pair_that_was_looked_at(bench: Bench) -> None:
    """And says so."""
    visit = bench.visit()
    report = rehearse(visit.world, order(visit, DrillKind.DECISION, with_state=False))
    assert (report.ok, report.findings[0].why) == (False, "the pair has not been looked at yet")


@pytest.mark.parametrize("kind", [DrillKind.TABLETOP, DrillKind.DECISION])
def test_a_rehearsal_during_which_the_pair_switches_is_promoted(bench: Bench, kind: DrillKind) -> None:
    """What it found is about a standby that is active by now: it does not count as one that went well."""
    visit = bench.visit()
    asked = order(visit, kind)
    swept = visit.world.probes.sweep

    class Overtaken:
        """Probes, while which somebody switches the pair."""

        async def sweep(self, *given: Any) -> Any:
            found = await swept(*given)
            await asyncio.to_thread(claimed, visit)
            return found

        async def aclose(self) -> None:
            await visit.world.probes.aclose()

    report = rehearse(visit.world._replace(probes=cast("Probes", Overtaken())), asked)
    assert (report.ok, report.outcome) == (False, "promoted")
    assert findings_of(report)["switched"].why == "the pair switched during the drill: epoch 1, active is the secondary"
    calm = msgspec.structs.replace(asked, asked_at=visit.world.clock.now())
    assert rehearse(visit.world, calm).outcome is None


@pytest.mark.parametrize(
    ("kind", "jobs", "counts"),
    [
        (DrillKind.TABLETOP, 1, 1),
        (DrillKind.TABLETOP, 0, 0),
        (DrillKind.DRY, 1, 1),
        (DrillKind.DRY, 0, 0),
        (DrillKind.CANARY, 0, 1),
        (DrillKind.DECISION, 0, 0),
    ],
)
def test_only_a_drill_that_tries_the_standby_counts(bench: Bench, kind: DrillKind, jobs: int, counts: int) -> None:
    """A decision drill tries the policy, a tabletop drill without jobs nothing: neither may arm a pair."""
    visit = bench.visit()
    asked = order(visit, kind, with_state=False)
    foreseen = tuple(DrillJob(job=f"job-{number}", outcome="move") for number in range(jobs))
    report = DrillReport(pair=visit.pair, drill="d1", kind=kind, ok=True, findings=(), jobs=foreseen)
    finish_drill(visit.world, DrillDone(order=asked, report=report))
    shared = [path for path in visit.world.shared[visit.pair].everything() if f"/{visit.pair}/drills" in path]
    assert len(shared) == counts


def test_a_canary_whose_pair_has_switched_is_not_looked_for_on_the_other_side(bench: Bench) -> None:
    """What was the standby is active then. A switch before the drill is none of its matter."""
    visit = bench.visit()
    asked = msgspec.structs.replace(order(visit, DrillKind.CANARY, with_state=False), drill=f"{visit.pair}-c")
    submit_canary(visit.world, asked)
    assert check_canary(visit.world, asked) != SWITCHED
    claimed(visit)
    assert check_canary(visit.world, asked) == SWITCHED
    later = msgspec.structs.replace(asked, drill=f"{visit.pair}-d", asked_at=visit.world.clock.now())
    submit_canary(visit.world, later)
    assert check_canary(visit.world, later) != SWITCHED
