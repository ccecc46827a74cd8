"""Jobs of every type from the ledger to the standby: cost per job and memory as their number grows, and the limit."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import psutil

from bench.ledgers import filled
from bench.measure import Goal, Measured, at_least, at_most, mebibytes, say
from bench.resubmit import NO_LIMIT, SHARE, Size, limits, phase_of, puts_of
from bench.stage import Pair, Stage, stage, worker
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord
from orchestrator.local.sample_jobs import kinds
from orchestrator.local.workload import User
from orchestrator.workflows.activities.capture_jobs import record_of

SIZES = "HUBSWITCH_BENCH_JOBS"
"""Environment variable with the numbers of jobs, such as ``100,1000``; 100, 1,000 and 10,000 without it."""

BURST, RATE = 200, 50.0
FLAT = 1.10
GROWTH = 24.0
"""MiB by which a worker may be larger at its highest with the most jobs than with the fewest."""

HOW = """\
Command, distributed, sweep, pipeline (nested, with a parallel step), AutoML, Spark and fine-tuning jobs, in equal \
parts, stand in the ledger as running in a primary that is down; one switch in a worker process of its own moves them, \
per number of jobs. cpu_ms_per_job: processor time of the worker over the whole switch, by job, Azure clients loaded \
before; flat if the largest number costs at most 1.1 times as much per job as the smallest. \
resident_mib: its memory at the highest. limited: a bucket of writes with a refill; bound and seconds as in resubmit."""


class Cost(NamedTuple):
    jobs: int
    cpu_ms: float
    """Per job."""

    seconds: float
    """First PUT to last accepted PUT."""

    phase: float
    highest: float
    refused: int


def sizes_of(*, quick: bool) -> list[int]:
    """How many jobs, ascending.

    Raises:
        ValueError: the variable holds something else than whole numbers above 0.
    """
    if quick:
        return [21]
    text = os.environ.get(SIZES, "100,1000,10000")
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or found[0] < 1:
        raise ValueError(f"{SIZES}: numbers of jobs such as 100,1000 were expected, got {text!r}")
    return found


def measured(*, quick: bool) -> Measured:
    sizes = sizes_of(quick=quick)
    limit = Size(sizes[-1], 10, 20.0, 0) if quick else Size(sizes[-1], BURST, RATE, 0)
    with stage() as at:
        free = [at.pair(f"mixed-{size}", NO_LIMIT) for size in sizes]
        limited = at.pair("mixed-limited", {"write_burst": limit.burst, "writes_per_second": limit.rate})
        drafts = _drafts(at, limited)
        for pair, size in zip([*free, limited], [*sizes, sizes[-1]], strict=True):
            say(f"mixed: {size} jobs into the ledger of {pair.plan.pair}")
            filled(pair, drafts, size)
        at.azure.region_down(limited.plan.primary.region)
        costs = [_moved(at, pair) for pair in free]
        say(f"mixed: {limit.jobs} jobs with {limit.burst} writes + {limit.rate:g}/s")
        with limits(at, limit):
            paced = _moved(at, limited)
    bound = max(0.0, limit.jobs - limit.burst) / limit.rate
    return Measured(goals=_goals(costs, paced, bound), runs=1, how=HOW, figures=_figures(costs, paced, bound))


def _drafts(at: Stage, pair: Pair) -> list[JobRecord]:
    """One record of each kind, made by capture, and what they need in both hubs."""
    user, hub = User(at.azure), pair.plan.primary
    bodies = kinds(hub, user.code(hub), user.environment(hub))
    jobs = [user.submit(hub, f"template-{kind}", properties) for kind, properties in bodies.items()]
    return [record_of(pair.plan, Role.PRIMARY, job["name"], job, pair.world) for job in jobs]


def _moved(at: Stage, pair: Pair) -> Cost:
    """Fail a pair over in a new worker, and see what its jobs cost."""
    say(f"mixed: moving {pair.plan.pair}")
    with worker(at, pair) as process:
        at.warm_up(pair)
        before, highest = _busy(process), [process.memory_info().rss]
        summary = at.switch(pair, 1, lambda: highest.append(process.memory_info().rss))
        busy = _busy(process) - before
    puts = puts_of(at, pair)
    accepted = [put for put in puts if put.status in {200, 201}]
    jobs = len({put.path for put in accepted})
    if jobs != summary.jobs.resubmitted:
        raise RuntimeError(f"{summary.jobs.resubmitted} jobs were counted, {jobs} accepted: {summary.jobs}")
    return Cost(
        jobs=jobs,
        cpu_ms=1000 * busy / jobs,
        seconds=(accepted[-1].at - puts[0].at).total_seconds(),
        phase=phase_of(summary.milestones),
        highest=mebibytes(max(highest)),
        refused=sum(put.status == 429 for put in puts),
    )


def _busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _goals(costs: list[Cost], paced: Cost, bound: float) -> tuple[Goal, ...]:
    few, most = costs[0], costs[-1]
    return (
        at_least(SHARE, bound / paced.seconds, "mixed, limited: bound / seconds from first to last PUT"),
        at_most(FLAT, most.cpu_ms / few.cpu_ms, f"mixed: processor time per job, {most.jobs} jobs / {few.jobs} jobs"),
        at_most(GROWTH, most.highest - few.highest, f"mixed: MiB more for {most.jobs} jobs than for {few.jobs}"),
    )


def _figures(costs: list[Cost], paced: Cost, bound: float) -> dict[str, Any]:
    unlimited = [
        {
            "jobs": cost.jobs,
            "cpu_ms_per_job": round(cost.cpu_ms, 3),
            "jobs_per_second": round(cost.jobs / cost.seconds, 1) if cost.seconds else None,
            "jobs_per_second_whole_phase": round(cost.jobs / cost.phase, 1),
            "resident_mib": cost.highest,
        }
        for cost in costs
    ]
    limited = {
        "jobs": paced.jobs,
        "seconds": round(paced.seconds, 3),
        "bound_s": bound,
        "refused_with_429": paced.refused,
        "resident_mib": paced.highest,
    }
    return {"unlimited": unlimited, "limited": limited}
