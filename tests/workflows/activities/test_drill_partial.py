"""A partial drill: copies run in the standby and are cleared away, and the jobs themselves are not touched."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import changed, claimed, records, status, submitted, truth, until_status
from waiting import until

from orchestrator.core.base.errors import Refused, Unreachable
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.plan.drills import PartialDrill
from orchestrator.ports import JobService
from orchestrator.workflows.activities.drill import finish_drill
from orchestrator.workflows.activities.drill_partial import begin_partial, end_copies, look_at_copies
from orchestrator.workflows.messages import DrillDone, DrillKind, DrillOrder, DrillOutcome
from orchestrator.workflows.partial_drill import Copy, CopyState, PartialDrillRun, report_of

DRILL = "20260301t120000000000"
BEAT = timedelta(seconds=1)
NIGHTLY = {"hubswitch.workload": "nightly"}
SHORT = {**NIGHTLY, "local.duration": "20"}


@pytest.fixture
def visit(bench: Bench) -> Visit:
    return bench.visit()


def order(visit: Visit, **changes: Any) -> DrillOrder:
    made = DrillOrder(
        pair=visit.pair,
        kind=DrillKind.PARTIAL,
        drill=DRILL,
        reason="practice",
        asked_at=datetime.now(UTC),
        beat=BEAT,
        longest=BEAT,
        workload="nightly",
    )
    return msgspec.structs.replace(made, **changes)


def with_plan(visit: Visit, **fields: Any) -> None:
    plan = msgspec.structs.replace(visit.plan, **fields)
    visit.world = visit.world._replace(plans={plan.pair: plan})


def copies(run: PartialDrillRun) -> dict[str, Copy]:
    return {copy.job: copy for copy in run.copies}


def looked_to_the_end(visit: Visit, run: PartialDrillRun) -> PartialDrillRun:
    found = [run]

    def is_over() -> bool:
        found[0] = look_at_copies(visit.world, found[0])
        return not found[0].is_open

    until(is_over, "the end of the copies", pause=0.05)
    return found[0]


def test_the_jobs_of_a_workload_are_copied_and_stay_as_they_are(visit: Visit) -> None:
    """Accepted, run to their end, and reported; the ledger knows of nothing, and the jobs run on."""
    first = submitted(visit, "n1", tags=NIGHTLY)
    other = submitted(visit, "n2", tags={"hubswitch.workload": "weekly"})
    changed(visit, first, with_duration)
    before = records(visit)
    run = begin_partial(visit.world, order(visit))
    assert [copy.job for copy in run.copies] == [first]
    over = end_copies(visit.world, looked_to_the_end(visit, run))
    (copy,) = over.copies
    report = report_of(over)
    assert (report.ok, report.outcome) == (True, DrillOutcome.SUCCEEDED)
    assert (copy.state, copy.ended, copy.azure_status) == (CopyState.REACHED, True, "Completed")
    made = truth(visit, copy.name)
    assert made is not None
    assert made.region == visit.plan.secondary.region
    assert (made.tags["hubswitch.drill"], made.tags["hubswitch.drill.of"]) == (DRILL, first)
    assert "hubswitch.source" not in made.tags
    assert "hubswitch.epoch" not in made.tags
    assert records(visit) == before
    for job in (first, other):
        until_status(visit, job, "Running")
    assert f"accepted as {copy.name} after" in report.findings[1].why


def with_duration(record: Any) -> Any:
    """The record of a job whose copies end soon."""
    properties = record.body["properties"]
    body = {**record.body, "properties": {**properties, "tags": {**properties["tags"], "local.duration": "20"}}}
    return msgspec.structs.replace(record, body=body)


def test_a_copy_that_has_to_run_is_cancelled_as_soon_as_it_does(visit: Visit) -> None:
    """With ``until: running`` of the plan. Its job goes on."""
    job = submitted(visit, "n1", tags=NIGHTLY)
    with_plan(visit, partial_drill=PartialDrill(until="running"))
    over = looked_to_the_end(visit, begin_partial(visit.world, order(visit)))
    (copy,) = over.copies
    assert (copy.state, copy.ended) == (CopyState.REACHED, False)
    (cleared,) = end_copies(visit.world, over).copies
    assert cleared.ended
    until(lambda: status(visit, copy.name) == "Canceled", "the end of the copy")
    until_status(visit, job, "Running")


def test_a_repeated_step_submits_no_second_copy(visit: Visit) -> None:
    """Whatever has become of its answer."""
    submitted(visit, "n1", tags=NIGHTLY)
    run = begin_partial(visit.world, order(visit))
    first, second = look_at_copies(visit.world, run), look_at_copies(visit.world, run)
    assert first.copies[0].name == second.copies[0].name
    assert second.copies[0].state is CopyState.ACCEPTED
    assert sum(job.name.startswith(f"{visit.pair}-n1-d") for job in visit.bench.azure.truth.jobs()) == 1
    end_copies(visit.world, second)


def test_what_a_failover_would_not_submit_or_could_not_is_said_for_each_job(visit: Visit) -> None:
    """With the reason; one job does not hide the others, and none of these reaches the standby."""
    odd = {
        "never": submitted(visit, "never", tags={**NIGHTLY, "hubswitch.policy": "never"}),
        "user": submitted(visit, "user", tags=NIGHTLY),
        "unmapped": submitted(visit, "unmapped", tags=NIGHTLY),
        "shared": submitted(visit, "shared", tags=NIGHTLY),
        "assets": submitted(visit, "assets", tags=NIGHTLY),
    }
    changed(visit, odd["never"], policy=JobPolicy.NEVER)
    changed(visit, odd["user"], identity="user")
    changed(visit, odd["unmapped"], lambda record: with_properties(record, inputs={"i": lineage("somebody")}))
    changed(visit, odd["shared"], lambda record: with_properties(record, outputs={"o": {"uri": "adl://s.net/x"}}))
    closure = visit.bench.templates.closures["coded"]
    changed(visit, odd["assets"], closure=tuple(msgspec.structs.replace(each, id=each.id + "0") for each in closure))
    over = end_copies(visit.world, looked_to_the_end(visit, begin_partial(visit.world, order(visit))))
    found = {kind: copies(over)[name].state for kind, name in odd.items()}
    assert found == {
        "never": CopyState.SKIPPED,
        "user": CopyState.UNFIT,
        "unmapped": CopyState.UNMAPPED,
        "shared": CopyState.UNFIT,
        "assets": CopyState.NEEDS_ASSETS,
    }
    report = report_of(over)
    assert (report.ok, report.outcome) == (False, DrillOutcome.FAILED)
    assert {finding.check for finding in report.findings if finding.ok} == {f"job {odd['never']}"}
    assert not [job.name for job in visit.bench.azure.truth.jobs() if job.name in {copy.name for copy in over.copies}]


def lineage(run: str) -> dict[str, str]:
    return {"jobInputType": "uri_folder", "uri": f"azureml://jobs/{run}/outputs/o"}


def with_properties(record: Any, **more: Any) -> Any:
    return msgspec.structs.replace(record, body={**record.body, "properties": {**record.body["properties"], **more}})


def test_a_drill_of_which_all_jobs_are_skipped_has_shown_nothing(visit: Visit) -> None:
    """It must not count as one that went well."""
    changed(visit, submitted(visit, "n1", tags=NIGHTLY), policy=JobPolicy.NEVER)
    over = end_copies(visit.world, looked_to_the_end(visit, begin_partial(visit.world, order(visit))))
    assert (report_of(over).ok, report_of(over).outcome) == (False, DrillOutcome.NOT_READY)


@pytest.mark.parametrize(("jobs", "why"), [(0, "no job with the tag"), (3, "allows 2")])
def test_a_drill_of_no_job_or_of_too_many_does_not_begin(visit: Visit, jobs: int, why: str) -> None:
    """And says so."""
    with_plan(visit, partial_drill=PartialDrill(most=2))
    for number in range(jobs):
        submitted(visit, f"n{number}", tags=NIGHTLY)
    run = begin_partial(visit.world, order(visit))
    assert (run.is_open, run.copies, run.outcome) == (False, (), DrillOutcome.NOT_READY)
    assert why in report_of(run).findings[0].why


def test_a_drill_is_promoted_when_the_pair_switches_and_its_copies_make_room(visit: Visit) -> None:
    """The failover takes the jobs themselves; their copies must not hold its quota."""
    submitted(visit, "n1", tags=NIGHTLY)
    run = look_at_copies(visit.world, begin_partial(visit.world, order(visit)))
    claimed(visit)
    seen = look_at_copies(visit.world, run)
    assert (seen.is_open, seen.outcome) == (False, DrillOutcome.PROMOTED)
    over = end_copies(visit.world, seen)
    until(lambda: status(visit, over.copies[0].name) == "Canceled", "the end of the copy")
    report = report_of(over)
    assert (report.ok, report.outcome) == (False, DrillOutcome.PROMOTED)
    assert "the secondary is active in epoch 1" in report.findings[0].why


def test_nothing_is_submitted_for_a_drill_that_is_over(visit: Visit) -> None:
    """By a worker that was frozen, and wakes when nobody is left to clear away."""
    submitted(visit, "n1", tags=NIGHTLY)
    run = begin_partial(visit.world, order(visit))
    finish_drill(visit.world, DrillDone(order=run.order, report=report_of(run)))
    late = look_at_copies(visit.world, run)
    assert late.copies[0].state is CopyState.SKIPPED
    assert truth(visit, late.copies[0].name) is None


class Standby:
    """The hubs' jobs, of which the standby answers calls as it is told to."""

    def __init__(self, real: JobService, faults: dict[str, Exception]) -> None:
        self._real, self._faults, self.asked = real, faults, 0

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self.asked += 1
            if name in self._faults:
                raise self._faults[name]
            return getattr(self._real, name)(*args)

        return call


@pytest.fixture
def two_jobs(visit: Visit) -> PartialDrillRun:
    for mark in ("n1", "n2"):
        submitted(visit, mark, tags=NIGHTLY)
    return begin_partial(visit.world, order(visit))


def test_a_standby_that_is_silent_is_asked_once_a_look(visit: Visit, two_jobs: PartialDrillRun) -> None:
    """Each copy says why it is pending; none is given up, and none is said to have ended."""
    jobs = Standby(visit.world.jobs, {"put": Unreachable("nobody answers"), "get": Unreachable("nobody answers")})
    visit.world = visit.world._replace(jobs=jobs)  # type: ignore[arg-type]
    seen = look_at_copies(visit.world, two_jobs)
    assert {(copy.state, copy.why) for copy in seen.copies} == {(CopyState.PENDING, "nobody answers")}
    assert jobs.asked == 1
    assert not any(copy.ended for copy in end_copies(visit.world, seen).copies)
    assert "cancel it by hand" in report_of(seen).findings[1].why


class Together:
    """The hubs' jobs, of which a submission but the first one goes on only beside another one."""

    def __init__(self, real: JobService) -> None:
        self._real, self._barrier, self._first = real, threading.Barrier(2, timeout=60), True

    def put(self, *args: Any) -> Any:
        if not self._first:
            self._barrier.wait()
        self._first = False
        return self._real.put(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_copies_but_the_first_are_submitted_side_by_side(visit: Visit, two_jobs: PartialDrillRun) -> None:
    """Azure takes about a second for a job; a workload of twenty is not to take twenty of them."""
    submitted(visit, "n3", tags=NIGHTLY)
    visit.world = visit.world._replace(jobs=Together(visit.world.jobs))  # type: ignore[arg-type]
    seen = look_at_copies(visit.world, begin_partial(visit.world, two_jobs.order))
    assert [copy.state for copy in seen.copies] == [CopyState.ACCEPTED] * 3


def test_a_refusal_is_reported_with_its_words(visit: Visit, two_jobs: PartialDrillRun) -> None:
    visit.world = visit.world._replace(jobs=Standby(visit.world.jobs, {"put": Refused("quota of 0 cores", status=400)}))  # type: ignore[arg-type]
    over = end_copies(visit.world, look_at_copies(visit.world, two_jobs))
    assert {(copy.state, copy.ended) for copy in over.copies} == {(CopyState.REFUSED, True)}
    assert "refused; quota of 0 cores" in report_of(over).findings[1].why


def test_the_jobs_of_the_side_that_is_active_are_meant(visit: Visit) -> None:
    """After a failover those in the secondary, whose copies go to the primary."""
    submitted(visit, "n1", tags=NIGHTLY)
    there = submitted(visit, "n2", Role.SECONDARY, tags=NIGHTLY)
    claimed(visit)
    run = begin_partial(visit.world, order(visit))
    assert ([copy.job for copy in run.copies], run.source) == ([there], Role.SECONDARY)
