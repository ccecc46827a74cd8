"""Jobs per second beside azure-ai-ml's own loop, command jobs and pipelines, and how many of that loop's are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.ledgers import filled
from bench.measure import Goal, Measured, at_least, say
from bench.resubmit import NO_LIMIT, Moved, moved, rate_of
from bench.sdk import checked, loop_of, moved_again, place_of
from bench.sdk_loop import WARM_UP, Looped
from bench.stage import Pair, Stage, stage
from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord
from orchestrator.local.simulated_plan import plan_of
from orchestrator.local.workload import submit_workload
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.messages import CaptureOrder

LATENCY = 0.05
"""Seconds added to every answer, of whatever service: a call to Resource Manager takes no less from anywhere."""

LATENCIES = (0.0, LATENCY)
COMMANDS_GOAL, PIPELINES_GOAL = 8.0, 20.0

HOW = """\
Command jobs of several kinds, and pipelines of three anonymous components with code, stand in the ledger as running \
in a primary that is down; one switch per kind, in a worker process of its own, moves them without a limit on writes. \
Jobs per second are counted from the first PUT to the last accepted one, by the simulated Azure's log. Beside it, in \
a process of its own: MLClient.jobs.create_or_update on the same command jobs, and on pipelines built from the same \
source, job after job, against the standby; its first three not counted, for they upload the code. Both with every \
answer of the simulated Azure delayed by latency_s, and without any delay. The goals are judged with it: over a \
network nothing answers at once. Without it, both are bound by processors that they share with the simulated Azure. \
right: what becomes of a loop that gives create_or_update what jobs.get said while the primary lived: accepted by \
the (strict) standby, and naming nothing of the primary. Strictness is the simulator's reading of the documents."""


class Size(NamedTuple):
    moved: int
    looped: int
    fetched: int


class Kept(NamedTuple):
    """Jobs as they were before the outage, by kind."""

    commands: Sequence[JobRecord]
    pipelines: Sequence[JobRecord]


class Right(NamedTuple):
    """What became of jobs that were fetched from one hub and given to the other."""

    tried: int
    right: int
    first_refusal: str


class Beside(NamedTuple):
    """One kind of job at one latency."""

    kind: str
    latency: float
    ours: Moved
    loop: Looped

    @property
    def ratio(self) -> float:
        return rate_of(self.ours) / (self.loop.jobs / self.loop.seconds)


def measured(*, quick: bool) -> Measured:
    size = Size(14, WARM_UP + 2, 2) if quick else Size(400, WARM_UP + 40, 18)
    delays = (LATENCY,) if quick else LATENCIES
    with stage() as at:
        pairs = {(kind, delay): _pair(at, kind, delay) for kind in Kept._fields for delay in delays}
        kept = _kept(at, size)
        right = {kind: _fetched(at, getattr(kept, kind)[: size.fetched]) for kind in Kept._fields}
        for (kind, _), pair in pairs.items():
            filled(pair, getattr(kept, kind), size.moved)
        at.azure.region_down(plan_of(at.azure).primary.region)
        found = [_beside(at, pair, kind, delay, size) for (kind, delay), pair in pairs.items()]
    return Measured(goals=_goals(found), runs=1, how=HOW, figures=_figures(found, right))


def _pair(at: Stage, kind: str, delay: float) -> Pair:
    return at.pair(f"{kind}-{'near' if delay == 0 else 'far'}", NO_LIMIT)


def _kept(at: Stage, size: Size) -> Kept:
    """Submit a few of each kind to the primary, the pipelines with azure-ai-ml, and capture them."""
    templates = at.pair("templates", NO_LIMIT)
    hub = templates.plan.primary
    say("mlclient: submitting to the primary")
    names = tuple(f"template-{number}" for number in range(size.fetched))
    loop_of(at, hub, pipelines=names)
    submit_workload(at.azure, hub, size.fetched * 3 + 10, seed=7, prefix="command")
    pipelines = _captured(templates, names)
    commands = [
        job.name
        for job in at.azure.truth.jobs()
        if job.submitted["properties"]["jobType"] == "Command"
        and job.submitted["properties"]["tags"].get("hubswitch.policy") != "never"
    ]
    return Kept(_captured(templates, commands[: size.fetched]), pipelines)


def _captured(pair: Pair, jobs: Sequence[str]) -> list[JobRecord]:
    capture_jobs(pair.world, CaptureOrder(pair=pair.plan.pair, side=Role.PRIMARY, jobs=tuple(jobs)))
    found = [pair.world.ledgers[pair.plan.pair].read(pair.plan.pair, name) for name in jobs]
    records = [one.value for one in found if one]
    if len(records) < len(jobs) or any(record.incomplete for record in records):
        raise RuntimeError(f"not every job could be captured: {[record.incomplete for record in records]}")
    return records


def _fetched(at: Stage, records: Sequence[JobRecord]) -> Right:
    """Give the standby what azure-ai-ml reads of the primary's jobs, and see what arrives."""
    plan = plan_of(at.azure)
    names = tuple(record.name for record in records)
    loop = loop_of(at, plan.secondary, fetched=names, source=place_of(plan.primary))
    here = [job for job in at.azure.truth.jobs() if job.region == plan.secondary.region and job.name in names]
    clean = [job for job in here if plan.primary.project not in encode(job.submitted).decode()]
    return Right(len(names), len(clean), loop.refused)


def _beside(at: Stage, pair: Pair, kind: str, delay: float, size: Size) -> Beside:
    say(f"mlclient: {size.moved} {kind} with {delay:g} s to every answer")
    at.azure.faults.latency(delay)
    try:
        ours = moved(at, pair)
        if kind == "pipelines":
            names = tuple(f"looped-{pair.plan.pair}-{number}" for number in range(size.looped))
            loop = checked(loop_of(at, pair.plan.secondary, pipelines=names), size.looped)
        else:
            loop = moved_again(at, pair, size.looped)
    finally:
        at.azure.faults.latency(0.0)
    return Beside(kind, delay, ours, loop)


def _goals(found: Sequence[Beside]) -> tuple[Goal, ...]:
    wanted = {"commands": COMMANDS_GOAL, "pipelines": PIPELINES_GOAL}
    return tuple(
        at_least(wanted[one.kind], one.ratio, f"mlclient, {one.kind}, {one.latency:g} s: jobs/s / jobs/s of MLClient")
        for one in found
        if one.latency == LATENCY
    )


def _figures(found: Sequence[Beside], right: dict[str, Right]) -> dict[str, Any]:
    return {
        "side_by_side": [
            {
                "kind": one.kind,
                "latency_s": one.latency,
                "jobs": one.ours.jobs,
                "jobs_per_second": round(rate_of(one.ours), 1),
                "jobs_per_second_whole_phase": round(one.ours.jobs / one.ours.phase, 1),
                "mlclient_jobs": one.loop.jobs,
                "mlclient_jobs_per_second": round(one.loop.jobs / one.loop.seconds, 2),
                "ratio": round(one.ratio, 1),
            }
            for one in found
        ],
        "fetched_and_submitted_by_mlclient": {kind: one._asdict() for kind, one in right.items()},
    }
