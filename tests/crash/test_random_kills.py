"""S5: kill -9 at random moments of a failover with many jobs: nothing is lost, and nothing runs twice."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable

from crash_harness import Bench, Visit, order_of, running, start, until_seen, wait_until_idle
from job_stories import records
from judged import complaints

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobStatus

KILLS = int(os.environ.get("HUBSWITCH_KILLS", "6"))
"""Workers that are killed. ``make outage`` kills thirty."""

JOBS = 150

IN_VAIN = 3
"""Workers in a row that may be killed before they have moved a job."""

SLOW = 1.5
"""Seconds of each answer of Resource Manager, so that the run lasts as long as the kills."""


def test_a_failover_survives_kills_at_random_moments(
    dead_primary: Bench, record_property: Callable[[str, object], None]
) -> None:
    """Every job ends in the standby once, however often and whenever the worker is killed on the way.

    The moments are seconds after a worker's start, spread over what the run takes: each kill meets another place. If
    several workers in a row came to nothing, the next one moves a job first.
    """
    visit = dead_primary.visit()
    names = {f"{visit.pair}-many-{number}-{Role.PRIMARY}" for number in range(JOBS)}
    for number in range(JOBS):
        visit.record("plain", Role.PRIMARY, mark=f"many-{number}")
    dice, met = random.Random("random kills"), 0  # noqa: S311 - repeatable, not secret
    azure = dead_primary.azure
    azure.faults.latency(SLOW, "resource-manager")
    with running() as (engine, client):
        start(client, order_of(visit, 1))
        seen = [0]
        for _ in range(KILLS):
            worker, before = visit.worker(engine), seen[-1]
            if seen[-IN_VAIN:] == [before] * IN_VAIN:  # a slow machine would never come further than a worker's start
                over: Callable[[], bool] = lambda b=before: len(_moved(visit, names)) > b or b == JOBS  # type: ignore[misc] # noqa: E731
                until_seen(over, "a further job", engine, worker)
                time.sleep(dice.uniform(0.0, 0.2))
            else:
                time.sleep(dice.uniform(0.3, 2.5))
            seen.append(len(_moved(visit, names)))
            met += 0 < seen[-1] < JOBS
            worker.end()
        azure.faults.latency(0.0, "resource-manager")
        worker = visit.worker(engine)
        try:
            wait_until_idle(engine, "the end of the run", worker)
        finally:
            worker.end()
    kept = records(visit)
    assert complaints(kept, azure.truth.jobs()) == []
    accepted = Counter(
        job.tags["hubswitch.source"] for job in azure.truth.jobs() if job.tags.get("hubswitch.source") in names
    )
    assert {record.status for name, record in kept.items() if name in names} == {JobStatus.RESUBMITTED}
    assert accepted == Counter(names)
    assert met > 0, "no worker was killed before the run was over"
    record_property("visited", f"failover of {JOBS} jobs with {met} of {KILLS} kills on its way")


def _moved(visit: Visit, names: set[str]) -> set[str]:
    """Jobs that a hub has taken a successor of."""
    tags = (job.tags.get("hubswitch.source", "") for job in visit.bench.azure.truth.jobs())
    return names.intersection(tags)
