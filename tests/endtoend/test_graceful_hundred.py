"""A planned switch of a hundred jobs that run, under each thing that a plan may say of them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from running_jobs import Stage, overlaps, running_jobs
from waiting import until

from orchestrator.core.base.vocabulary import LeftJob, Role
from orchestrator.core.jobs.record import JobStatus

JOBS = 100
ROOTS = {f"way-{number:03d}": "" for number in range(JOBS)}

LATER = timedelta(seconds=15)
"""The plan's deadline: long enough for the switch itself to be over before it."""


def _switched(stage: Stage) -> dict[str, int]:
    """What the run has counted, once the pointer is at the secondary and the run has ended."""
    stage.app.switch("failover", graceful=True)
    stage.rests(Role.SECONDARY.value)
    (run,) = stage.app.get("runs?pair=demo&limit=1").json()["runs"]
    assert (run["kind"], run["epoch"], run["outcome"]) == ("failover", 1, "completed")
    found: dict[str, int] = run["jobs"]
    return found


def _expect_each_once(stage: Stage, tail: str) -> None:
    """Each line goes on in one job alone, never two of them at once, and the ledger has neither more nor fewer."""
    heads = {root: [f"{root}{tail}"] for root in ROOTS}
    until(lambda: stage.alive() == heads, "each job once", pause=0.2, longest=120)
    assert [found for root in ROOTS for found in overlaps(stage.jobs(), root)] == []
    wanted = set(ROOTS) | ({f"{root}{tail}" for root in ROOTS} if tail else set())
    assert set(stage.jobs()) == wanted

    def told() -> bool:
        records = stage.records()
        left = JobStatus.RESUBMITTED if tail else JobStatus.RUNNING
        return set(records) == wanted and {records[root].status for root in ROOTS} == {left}

    until(told, "the ledger's word", pause=0.2, longest=120)


@pytest.mark.parametrize("wish", list(LeftJob))
def test_a_hundred_running_jobs_are_lost_and_doubled_by_no_planned_switch(tmp_path: Path, wish: LeftJob) -> None:
    """They finish where they are, move at once, or move when their deadline is over: each goes on exactly once."""
    with running_jobs(tmp_path, ROOTS, seed=11, deadline=LATER, failback=wish) as stage:
        counted = _switched(stage)
        if wish is LeftJob.MOVE:
            assert (counted["resubmitted"], counted["staying"]) == (JOBS, 0)
        else:
            assert (counted["resubmitted"], counted["staying"]) == (0, JOBS)
        _expect_each_once(stage, "" if wish is LeftJob.FINISH else "-e1")
        regions = Counter(job.region for job in stage.jobs().values() if job.status == "Running")
        home = Role.PRIMARY if wish is LeftJob.FINISH else Role.SECONDARY
        assert regions == {stage.plan.side(home).region: JOBS}
        assert stage.app.view()["epoch"] == 1
