"""Jobs per second, from the ledger to the standby: against Resource Manager's limit, and against azure-ai-ml's loop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bench.ledgers import filled
from bench.measure import Goal, Measured, at_least, mebibytes, say
from bench.sdk import moved_again
from bench.sdk_loop import Looped
from bench.stage import Pair, Stage, stage, worker
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.workflows.activities.capture_jobs import record_of
from orchestrator.workflows.messages import Milestones

SHARE = 0.95
NO_LIMIT = {"writes_per_second": 1e6, "write_burst": 1_000_000}
"""A plan for a subscription that limits nothing."""

HOW = """\
Command jobs of several kinds (with and without code, on several nodes, with data) stand in the ledger as running in \
a primary that is down; one switch in a worker process of its own moves them. limited: Resource Manager grants the \
executor a bucket of writes with a refill; the bound is max(0, jobs - burst) / rate; seconds are from the first PUT \
to the last accepted one, by the simulated Azure's log; the goal is bound / seconds. unlimited: no limit there, and \
a plan that knows none; jobs per second are counted in the same way, and for the whole of phase B with its list, its \
ledger records and the engine (whole_phase). mlclient: MLClient.jobs.create_or_update in a process of its own, one \
job after the other, as azure-ai-ml asks; the same jobs under other names, its first three not counted. The \
simulated Azure answers all of them from one thread of the benchmark's process, which bounds what is possible here. \
resident_mib: the worker's memory when started, with the Azure clients loaded, at its highest, and at the end."""


class Size(NamedTuple):
    jobs: int
    burst: int
    rate: float
    looped: int
    """Jobs for azure-ai-ml."""


class Moved(NamedTuple):
    """One switch with jobs."""

    jobs: int
    seconds: float
    """First PUT to last accepted PUT."""

    phase: float
    """Seconds of phase B, from Resource Manager's answer to the last record."""

    refused: int
    """PUTs that met 429."""

    resident: dict[str, float]


def measured(*, quick: bool) -> Measured:
    size = Size(60, 40, 20.0, 9) if quick else Size(1000, 200, 10.0, 103)
    with stage() as at:
        say(f"resubmit: submitting {size.jobs} jobs to the primary")
        limited = at.pair("limited", {"write_burst": size.burst, "writes_per_second": size.rate})
        unlimited = at.pair("unlimited", NO_LIMIT)
        recorded(at, [limited, unlimited], size.jobs)
        at.azure.region_down(limited.plan.primary.region)
        say("resubmit: moving them without a limit")
        free = moved(at, unlimited)
        say("resubmit: the same jobs through azure-ai-ml")
        loop = moved_again(at, unlimited, size.looped)
        say(f"resubmit: moving them with {size.burst} writes + {size.rate:g}/s")
        with limits(at, size):
            paced = moved(at, limited)
    bound = max(0.0, size.jobs - size.burst) / size.rate
    return Measured(goals=_goals(free, loop, paced, bound), runs=1, how=HOW, figures=_figures(free, loop, paced, bound))


def recorded(at: Stage, pairs: Sequence[Pair], number: int) -> None:
    """Submit jobs to the primary and put them into each pair's ledger, as capture would, assets included."""
    world, plan = pairs[0].world, pairs[0].plan
    submit_workload(at.azure, plan.primary, number * 3 // 2 + 20, seed=7)
    jobs = [job for page in world.jobs.pages(plan.primary) for job in page]
    commands = [job for job in jobs if job["properties"]["jobType"] == "Command"]
    found = [record_of(plan, Role.PRIMARY, job["name"], job, world) for job in commands]
    records = [record for record in found if record.policy is not JobPolicy.NEVER][:number]
    if len(records) < number:
        raise RuntimeError(f"{number} jobs were to be moved, only {len(records)} may be")
    for pair in pairs:
        filled(pair, records, number)


def moved(at: Stage, pair: Pair) -> Moved:
    """Fail the pair over in a new worker, and see how long its jobs took."""
    with worker(at, pair) as process:
        started = process.memory_info().rss
        at.warm_up(pair)
        loaded = process.memory_info().rss
        highest = [loaded]
        summary = at.switch(pair, 1, lambda: highest.append(process.memory_info().rss))
        ended = process.memory_info().rss
    puts = puts_of(at, pair)
    accepted = [put for put in puts if put.status in {200, 201}]
    return Moved(
        jobs=len({put.path for put in accepted}),
        seconds=(accepted[-1].at - puts[0].at).total_seconds(),
        phase=phase_of(summary.milestones),
        refused=sum(1 for put in puts if put.status == 429),
        resident={
            "started": mebibytes(started),
            "clients_loaded": mebibytes(loaded),
            "highest": mebibytes(max(highest)),
            "ended": mebibytes(ended),
        },
    )


def puts_of(at: Stage, pair: Pair) -> list[LoggedRequest]:
    """Every PUT of a successor of the pair's jobs, by arrival."""
    ours = f"{pair.plan.secondary.project_id}/jobs/{pair.plan.pair}-"
    return [call for call in at.azure.log if call.method == "PUT" and call.path.startswith(ours)]


def phase_of(marks: Milestones) -> float:
    if marks.standby_at is None or marks.resubmitted_at is None:
        raise RuntimeError("a run that ended well lacks a milestone")
    return (marks.resubmitted_at - marks.standby_at).total_seconds()


@contextlib.contextmanager
def limits(at: Stage, size: Size) -> Iterator[None]:
    """Resource Manager's limits on writes, from a full bucket."""
    throttle = at.azure.throttle
    throttle.write_burst, throttle.write_rate, throttle.enabled = size.burst, size.rate, True
    at.azure.call(throttle.reset)
    try:
        yield
    finally:
        throttle.enabled = False


def _goals(free: Moved, loop: Looped, paced: Moved, bound: float) -> tuple[Goal, ...]:
    return (
        at_least(SHARE, bound / paced.seconds, "resubmit, limited: bound / seconds from first to last PUT"),
        at_least(1.0, rate_of(free) / (loop.jobs / loop.seconds), "resubmit, unlimited: jobs/s / jobs/s of MLClient"),
    )


def _figures(free: Moved, loop: Looped, paced: Moved, bound: float) -> dict[str, Any]:
    return {
        "limited": {
            "jobs": paced.jobs,
            "seconds": round(paced.seconds, 3),
            "bound_s": bound,
            "whole_phase_s": round(paced.phase, 3),
            "refused_with_429": paced.refused,
            "resident_mib": paced.resident,
        },
        "unlimited": {
            "jobs": free.jobs,
            "jobs_per_second": round(rate_of(free), 1),
            "jobs_per_second_whole_phase": round(free.jobs / free.phase, 1),
            "resident_mib": free.resident,
        },
        "mlclient": {
            "jobs": loop.jobs,
            "jobs_per_second": round(loop.jobs / loop.seconds, 1),
            "resident_mib": mebibytes(loop.resident),
        },
    }


def rate_of(run: Moved) -> float:
    """Jobs per second."""
    return run.jobs / run.seconds
