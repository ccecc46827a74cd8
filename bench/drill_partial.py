"""A partial drill of a workload: how fast its copies are submitted, and how long it takes beside its slowest copy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from bench.measure import Goal, Measured, at_most, say
from bench.resubmit import Size, limits
from bench.stage import Pair, Stage, stage, worker
from bench.switch import took
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.azure_status import DRILL_TAG
from orchestrator.core.jobs.drill_copy import WORKLOAD_TAG
from orchestrator.core.plan.drills import PartialDrill
from orchestrator.local.sample_jobs import kinds
from orchestrator.local.workload import User
from orchestrator.simulator.job_lifecycle import TrueJob
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.workflows.messages import CaptureOrder, DrillKind, DrillOrder, drill_order

WORKLOAD = "nightly"
KINDS = ("command", "distributed", "sweep")
LATENCY = 0.5
"""Seconds added to each answer of Resource Manager, which takes about that long to accept a job."""

BUCKET = Size(jobs=20, burst=200, rate=10.0, looped=0)
SIDE_BY_SIDE = 0.25
"""Share of the time that the submissions would take one after another."""

TWICE = 2.0
"""The pauses between two looks double, so an end is seen at the latest after twice the time that it took."""

HOW = """\
Command jobs, distributed ones and sweeps of one workload run in the primary, and are captured. A partial drill in a \
worker process of its own runs a copy of each in the secondary until it has completed. Resource Manager grants 200 \
writes and 10 more a second, which does not bound 20 copies (bound_s is max(0, copies - burst) / rate), and takes half \
a second for each answer. submission: seconds from the first copy's PUT to the answer of the last one; baseline: the \
sum of what each of these PUTs took by the simulated Azure's log, as if they were sent one after another. whole: \
seconds from the order to the end of the drill; baseline: the time of its slowest copy from its acceptance to its end, \
by the simulated Azure's own truth, which is how long a drill takes that submits all at once and sees every end at \
once. The limit of twice that follows from pauses that double."""


class Drilled(NamedTuple):
    """One drill, in seconds."""

    copies: int
    submission: float
    one_by_one: float
    whole: float
    slowest: float
    refused: int
    """PUTs that met 429."""


def measured(*, quick: bool) -> Measured:
    number, duration = (6, 5) if quick else (BUCKET.jobs, 60)
    with stage() as at:
        pair = at.pair("practice", partial_drill=PartialDrill(until="completed", most=number))
        with worker(at, pair):
            say(f"drill-partial: {number} jobs of {duration} s run in the primary")
            _captured(at, pair, number, duration)
            at.azure.faults.latency(LATENCY, "resource-manager")
            say("drill-partial: holding the drill")
            with limits(at, BUCKET):
                found = _held(at, pair)
    if found.copies != number:
        raise RuntimeError(f"{number} copies were to be submitted, {found.copies} were")
    return Measured(goals=_goals(found), runs=1, how=HOW, figures=_figures(found, duration))


def _captured(at: Stage, pair: Pair, number: int, duration: int) -> None:
    """Submit a workload as a person would, and let the worker take it into the ledger."""
    user, hub = User(at.azure), pair.plan.primary
    listed = kinds(hub, user.code(hub), user.environment(hub), duration=str(duration))
    names = tuple(f"{WORKLOAD}-{index:02}" for index in range(number))
    for index, name in enumerate(names):
        body = listed[KINDS[index % len(KINDS)]]
        user.submit(hub, name, {**body, "tags": {**body["tags"], WORKLOAD_TAG: WORKLOAD}})
    report = at.capture(pair, CaptureOrder(pair=pair.plan.pair, side=Role.PRIMARY, jobs=names), "captured")
    if report.captured != number:
        raise RuntimeError(f"{number} jobs were to be captured, {report.captured} were: {report.why}")


def _held(at: Stage, pair: Pair) -> Drilled:
    usual = drill_order(pair.plan, DrillKind.PARTIAL, "a benchmark wants it", "bench", datetime.now(UTC))
    order = msgspec.structs.replace(usual, workload=WORKLOAD)
    report = at.drill(order)
    if not report.ok or report.ended_at is None:
        raise RuntimeError(f"the drill did not end well: {[each.why for each in report.findings if not each.ok]}")
    return _judged(order, report.ended_at, _puts_of(at, pair, order), _copies(at, order))


def _puts_of(at: Stage, pair: Pair, order: DrillOrder) -> list[LoggedRequest]:
    """Every submission of a copy, by arrival."""
    jobs = f"{pair.plan.secondary.project_id}/jobs/"
    return [
        call
        for call in at.azure.log
        if call.method == "PUT" and call.path.startswith(jobs) and call.path.endswith(f"-d{order.drill}")
    ]


def _copies(at: Stage, order: DrillOrder) -> list[TrueJob]:
    return [job for job in at.azure.truth.jobs() if job.tags.get(DRILL_TAG) == order.drill]


def _judged(order: DrillOrder, ended: datetime, puts: Sequence[LoggedRequest], copies: Sequence[TrueJob]) -> Drilled:
    accepted = [put for put in puts if put.status in {200, 201}]
    first = min(put.at for put in puts)
    return Drilled(
        copies=len(copies),
        submission=max((put.at - first).total_seconds() + took(put) for put in accepted),
        one_by_one=sum(took(put) for put in accepted),
        whole=(ended - order.asked_at).total_seconds(),
        slowest=max((copy.statuses[-1][0] - copy.statuses[0][0]).total_seconds() for copy in copies),
        refused=sum(put.status == 429 for put in puts),
    )


def _goals(found: Drilled) -> tuple[Goal, ...]:
    return (
        at_most(SIDE_BY_SIDE, found.submission / found.one_by_one, "drill-partial: submission / its PUTs one by one"),
        at_most(TWICE, found.whole / found.slowest, "drill-partial: whole drill / its slowest copy"),
    )


def _figures(found: Drilled, duration: int) -> dict[str, Any]:
    return {
        "copies": found.copies,
        "job_s": duration,
        "bound_s": max(0.0, found.copies - BUCKET.burst) / BUCKET.rate,
        "submission_s": round(found.submission, 3),
        "submission_one_by_one_s": round(found.one_by_one, 3),
        "whole_s": round(found.whole, 3),
        "slowest_copy_s": round(found.slowest, 3),
        "refused_with_429": found.refused,
    }
