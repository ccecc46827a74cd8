"""Thousands of running jobs that the ledger does not know: what it takes to bring them in, by calls and time."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bench.measure import Measured, at_most, mebibytes, say
from bench.stage import LOOK, Pair, Stage, stage, worker
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.azure_status import has_ended, status_of
from orchestrator.local.sample_jobs import kinds
from orchestrator.local.workload import User
from orchestrator.simulator.identity import EXECUTOR
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.watch.reconcile import find_differing
from orchestrator.workflows.messages import CaptureReport

READS_PER_JOB = 1.2
AT_ONCE = 8
LONGEST = 30.0
"""Seconds that a cancelled job has to end."""

ENDED_SHARE = 100
"""Every so many jobs one is cancelled before the last look."""

HOW = """\
Command, distributed, sweep, pipeline, AutoML, Spark and fine-tuning jobs, in equal parts, run in the primary; the \
ledger is empty. The reconciling list of the timer is read and its orders are carried out by a worker process of its \
own. new: all of them are taken in, with what they need. same: nothing has changed since. ended: one in a hundred has \
been cancelled. reads: GETs that Resource Manager got from the executor, the list's pages included; the goal is \
judged by the first pass. Limit: a page for every fifty jobs and one read for each that changed."""


class Pass(NamedTuple):
    """One reconciliation."""

    changed: int
    seconds: float
    calls: Counter[str]
    """Requests by surface and method."""

    reads: int
    highest: float
    """MiB of the worker."""


def measured(*, quick: bool) -> Measured:
    number = 60 if quick else 10_000
    with stage() as at:
        pair = at.pair("capture")
        _submitted(at, pair, number)
        with worker(at, pair) as process:
            at.warm_up(pair)

            def look() -> float:
                return mebibytes(process.memory_info().rss)

            before = look()
            new = _reconciled(at, pair, "new", look)
            same = _reconciled(at, pair, "same", look)
            cancelled = _cancelled(pair, number)
            ended = _reconciled(at, pair, "ended", look)
    if (new.changed, same.changed, ended.changed) != (number, 0, cancelled):
        raise RuntimeError(
            f"{number} new jobs, none and {cancelled} ended ones were to be seen, "
            f"{new.changed}, {same.changed} and {ended.changed} were"
        )
    goal = at_most(READS_PER_JOB, new.reads / number, "capture: reads of Resource Manager per job that changed")
    figures = {"jobs": number, "resident_mib_before": before} | {
        name: _told(one) for name, one in (("new", new), ("same", same), ("ended", ended))
    }
    return Measured(goals=(goal,), runs=1, how=HOW, figures=figures)


def _submitted(at: Stage, pair: Pair, number: int) -> None:
    say(f"capture: submitting {number} jobs to the primary")
    user, hub = User(at.azure), pair.plan.primary
    bodies = list(kinds(hub, user.code(hub), user.environment(hub), duration="360000").values())

    def submit(index: int) -> None:
        user.submit(hub, f"job-{index:05}", bodies[index % len(bodies)])

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(submit, range(number)))


def _cancelled(pair: Pair, number: int) -> int:
    """End a few, and wait until their hub says so; how many."""
    names = [f"job-{index:05}" for index in range(0, number, ENDED_SHARE)]
    for name in names:
        pair.world.jobs.cancel(pair.plan.primary, name)
    until = time.monotonic() + LONGEST
    while not all(has_ended(status_of(pair.world.jobs.get(pair.plan.primary, name))) for name in names):
        if time.monotonic() > until:
            raise RuntimeError(f"jobs that were cancelled run on after {LONGEST:g} s")
        time.sleep(LOOK)
    return len(names)


def _reconciled(at: Stage, pair: Pair, name: str, look: Any) -> Pass:
    """List, order, and wait until all orders are carried out."""
    say(f"capture: reconciling, {name}")
    moment, began, highest = datetime.now(UTC), time.monotonic(), [look()]
    orders = list(find_differing(pair.world, pair.plan, Role.PRIMARY))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:

        def carry_out(number: int) -> CaptureReport:
            report = at.capture(pair, orders[number], f"{name}-{number}")
            highest.append(look())
            return report

        reports = list(pool.map(carry_out, range(len(orders))))
    if failed := [report.why for report in reports if report.failed]:
        raise RuntimeError(f"{len(failed)} orders failed: {failed[0]}")
    calls = at.azure.log.between(moment, datetime.now(UTC))
    return Pass(
        changed=sum(report.captured + report.finished for report in reports),
        seconds=time.monotonic() - began,
        calls=Counter(f"{call.surface} {call.method}" for call in calls),
        reads=sum(1 for call in calls if _is_read(call)),
        highest=max(highest),
    )


def _is_read(call: LoggedRequest) -> bool:
    return call.surface == "control" and call.method == "GET" and call.principal == EXECUTOR


def _told(one: Pass) -> dict[str, Any]:
    return {
        "changed": one.changed,
        "seconds": round(one.seconds, 2),
        "reads": one.reads,
        "calls": dict(sorted(one.calls.items())),
        "resident_mib": one.highest,
    }
