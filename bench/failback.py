"""Jobs that run in the secondary, brought home: against the bucket of writes that Resource Manager grants."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

from bench.measure import Goal, Measured, at_least, mebibytes, say
from bench.resubmit import NO_LIMIT, Size, limits, recorded
from bench.stage import Pair, Stage, stage, worker
from orchestrator.core.base.vocabulary import LeftJob
from orchestrator.core.jobs.tags import SOURCE_TAG
from orchestrator.simulator.identity import EXECUTOR
from orchestrator.simulator.job_lifecycle import TrueJob
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.workflows.messages import RunSummary

SHARE = 0.95
NAME = "failback"
WRITES_PER_JOB = 2
"""The end of the run that is left is asked for (POST), and the job is submitted to the other hub (PUT)."""

OURS = frozenset({"POST", "PUT"})

HOW = """\
Command jobs of several kinds (with and without code, on several nodes, with data) stand in the ledger as running in \
the primary. It goes down, and a failover moves them all to the secondary, without a limit; that is not measured. The \
primary returns, and a failback in a worker process of its own brings every job home (jobs.failback: move). Each costs \
two writes: the end of its run in the secondary is asked for, and it is submitted to the primary once that has ended. \
Resource Manager grants the executor one bucket of writes with a refill for both; the bound is \
max(0, 2 x jobs - burst) / rate; seconds are from the first of these writes to the last accepted PUT, by the simulated \
Azure's log; the goal is bound / seconds. right: jobs of which exactly one run was submitted to each hub, and the \
secondary's had ended before the primary's began. resident_mib: the worker's memory when its clients were \
loaded, and at its highest."""


class Home(NamedTuple):
    """One failback with jobs."""

    jobs: int
    """Accepted by the primary."""

    right: int
    seconds: float
    """First write to last accepted PUT."""

    run: float
    """Seconds from the decision to the end of the run."""

    refused: int
    """Writes that met 429."""

    writes: Counter[str]
    """By method and what it was about."""

    resident: dict[str, float]


def measured(*, quick: bool) -> Measured:
    size = Size(40, 20, 20.0, 0) if quick else Size(1000, 200, 10.0, 0)
    with stage() as at:
        say(f"failback: {size.jobs} jobs run in the primary")
        out = at.pair(NAME, NO_LIMIT)
        recorded(at, [out], size.jobs)
        region = out.plan.primary.region
        at.azure.region_down(region)
        say("failback: moving them to the secondary")
        with worker(at, out):
            at.switch(out, 1)
        at.azure.region_up(region)
        paced = {"write_burst": size.burst, "writes_per_second": size.rate, "failback": LeftJob.MOVE}
        back = at.pair(NAME, paced)
        say(f"failback: bringing them home with {size.burst} writes + {size.rate:g}/s")
        with limits(at, size):
            home = _bring_home(at, back)
    bound = max(0.0, WRITES_PER_JOB * size.jobs - size.burst) / size.rate
    return Measured(goals=_goals(home, size, bound), runs=1, how=HOW, figures=_figures(home, bound))


def _bring_home(at: Stage, pair: Pair) -> Home:
    with worker(at, pair) as process:
        at.warm_up(pair)
        loaded = process.memory_info().rss
        highest = [loaded]
        summary = at.switch(pair, 2, lambda: highest.append(process.memory_info().rss))
    calls = _writes_of(at, summary)
    puts = [call for call in calls if call.method == "PUT" and call.status in {200, 201} and "/jobs/" in call.path]
    return Home(
        jobs=len({put.path for put in puts}),
        right=_count_right(at, pair),
        seconds=(puts[-1].at - calls[0].at).total_seconds(),
        run=(_ended(summary) - summary.milestones.decided_at).total_seconds(),
        refused=sum(1 for call in calls if call.status == 429),
        writes=Counter(f"{call.method} {_about(call)}" for call in calls),
        resident={"clients_loaded": mebibytes(loaded), "highest": mebibytes(max(highest))},
    )


def _writes_of(at: Stage, summary: RunSummary) -> list[LoggedRequest]:
    """What the run spent of the bucket, by arrival."""
    found = at.azure.log.between(summary.milestones.decided_at, _ended(summary))
    return [call for call in found if call.surface == "control" and call.method in OURS and call.principal == EXECUTOR]


def _about(call: LoggedRequest) -> str:
    tail = call.path.partition("/workspaces/")[2].split("/")[1:]
    return "cancel" if call.path.endswith("/cancel") else (tail[0] if tail else call.path)


def _ended(summary: RunSummary) -> datetime:
    if summary.ended_at is None:
        raise RuntimeError("a run that ended well has no time of its end")
    return summary.ended_at


def _count_right(at: Stage, pair: Pair) -> int:
    """Jobs that ran in one hub, and then in the other, by the simulated Azure's own truth."""
    runs: dict[str, list[TrueJob]] = {}
    for job in at.azure.truth.jobs():
        if root := job.tags.get(SOURCE_TAG):
            runs.setdefault(root, []).append(job)
    secondary, primary = pair.plan.secondary.region, pair.plan.primary.region
    return sum(_went_home(jobs, secondary, primary) for jobs in runs.values())


def _went_home(jobs: list[TrueJob], left: str, home: str) -> bool:
    there, here = [job for job in jobs if job.region == left], [job for job in jobs if job.region == home]
    if len(there) != 1 or len(here) != 1 or there[0].status != "Canceled":
        return False
    return there[0].statuses[-1][0] <= here[0].statuses[0][0]


def _goals(home: Home, size: Size, bound: float) -> tuple[Goal, ...]:
    return (
        at_least(SHARE, bound / home.seconds, "failback: bound of the write bucket / seconds from first to last write"),
        at_least(1.0, home.right / size.jobs, "failback: share of jobs that ran in one hub and then in the other"),
    )


def _figures(home: Home, bound: float) -> dict[str, Any]:
    return {
        "jobs": home.jobs,
        "right": home.right,
        "seconds": round(home.seconds, 3),
        "bound_s": bound,
        "whole_run_s": round(home.run, 3),
        "refused_with_429": home.refused,
        "writes": dict(sorted(home.writes.items())),
        "resident_mib": home.resident,
    }
