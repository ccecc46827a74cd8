"""Drills: practice without consequences.

``dry`` asks everything that a switch would need and rewrites every job, and writes nothing. ``canary`` submits
one small tagged job to the standby, waits for its end, and does nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import encode, from_builtins, to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs import tags
from orchestrator.core.jobs.azure_status import DRILL_TAG, has_ended, status_of
from orchestrator.core.jobs.record import JobStatus
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal
from orchestrator.core.standby import canary
from orchestrator.ports import World
from orchestrator.watch.stamps import store_green
from orchestrator.workflows import names
from orchestrator.workflows.activities.epoch import read_epoch
from orchestrator.workflows.messages import DrillDone, DrillKind, DrillOrder, DrillReport, Finding
from orchestrator.workflows.orchestrators.retry import Steps, insist

CANARY_LOOKS = 60
"""Looks at the canary before the drill says that it does not end. With a growing pause this is about half an hour."""

FINISH_TRIES = 8
"""Attempts to keep a drill's result. A ledger that is away for longer is trouble of its own."""


def drill_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``DrillOrder``; output: ``DrillReport``; both as plain data."""
    order = from_builtins(given, DrillOrder, ctx.instance_id)
    answer = yield from _held(ctx, order, given)
    report = from_builtins(answer, DrillReport, ctx.instance_id)
    done = to_builtins(DrillDone(order=order, report=report))
    try:
        yield from insist(ctx, names.FINISH_DRILL, done, beat=order.beat, longest=order.longest, tries=FINISH_TRIES)
    except TaskFailedError as failed:
        kept = Finding(check="kept", ok=False, why=f"this drill does not count, for it was not kept: {failed}")
        report = msgspec.structs.replace(report, ok=False, findings=(*report.findings, kept))
    return to_builtins(report)


def finish_drill(world: World, done: DrillDone) -> None:
    """Keep what a drill found, and count it if all went well. A repeated step changes nothing."""
    order, report = done.order, done.report
    world.ledgers[order.pair].put_once(f"{order.pair}/drills/{order.drill}.json", encode(report))
    if report.ok:
        store_green(world, order.pair, order.drill, order.kind, order.asked_at)


def _held(ctx: OrchestrationContext, order: DrillOrder, given: Any) -> Steps[Any]:
    if order.kind is DrillKind.DRY:
        return (yield from insist(ctx, names.REHEARSE, given, beat=order.beat, longest=order.longest, tries=2))
    try:
        yield from insist(ctx, names.SUBMIT_CANARY, given, beat=order.beat, longest=order.longest, tries=3)
    except TaskFailedError as failed:
        return to_builtins(_canary_report(order, ok=False, why=f"was not accepted: {failed.details.message}"))
    return (yield from _awaited(ctx, order, given))


def rehearse(world: World, order: DrillOrder) -> DrillReport:
    """Ask what a switch would ask, rewrite what it would submit, write nothing."""
    plan = world.plans[order.pair]
    findings: list[Finding] = []
    active = Role.PRIMARY
    try:
        record = read_epoch(world, order.pair)
        active = record.active
        findings.append(Finding(check="epoch", ok=True, why=f"epoch {record.epoch}, active is the {active}"))
    except HubswitchError as fault:
        findings.append(Finding(check="epoch", ok=False, why=str(fault)))
    findings += _standby_findings(world, plan, active.other)
    findings += _pointer_findings(world, plan)
    try:
        findings += _job_findings(world, plan, active)
    except HubswitchError as fault:
        findings.append(Finding(check="jobs", ok=False, why=f"the ledger cannot be read: {fault}"))
    return DrillReport(
        pair=order.pair,
        drill=order.drill,
        kind=order.kind,
        ok=all(finding.ok for finding in findings),
        findings=tuple(findings),
        by=order.by,
        reason=order.reason,
    )


def submit_canary(world: World, order: DrillOrder) -> None:
    """Put the canary into the standby. Its name follows from the drill, so that a repeated step finds it."""
    plan = world.plans[order.pair]
    standby = plan.side(read_epoch(world, order.pair).active.other)
    name = canary_name(order)
    body = canary.body_of(plan.canary, standby, plan.canary.compute, name, {DRILL_TAG: order.drill})
    world.jobs.put(standby, name, body, canary.API_VERSION)


def check_canary(world: World, order: DrillOrder) -> str:
    """The canary's status, as Azure ML spells it."""
    plan = world.plans[order.pair]
    standby = plan.side(read_epoch(world, order.pair).active.other)
    return status_of(world.jobs.get(standby, canary_name(order)))


def canary_name(order: DrillOrder) -> str:
    return f"hubswitch-canary-{order.drill}"


def _awaited(ctx: OrchestrationContext, order: DrillOrder, given: Any) -> Steps[Any]:
    pause = order.beat
    status = "Unknown"
    for _ in range(CANARY_LOOKS):
        try:
            status = yield from insist(ctx, names.CHECK_CANARY, given, beat=order.beat, longest=order.longest, tries=5)
        except TaskFailedError as failed:
            return to_builtins(_canary_report(order, ok=False, why=f"cannot be asked about: {failed.details.message}"))
        if has_ended(status):
            break
        yield ctx.create_timer(pause)
        pause = min(pause * 2, order.longest)
    report = _canary_report(order, ok=status == "Completed", why=f"is {status} in the standby")
    return to_builtins(report)


def _canary_report(order: DrillOrder, *, ok: bool, why: str) -> DrillReport:
    finding = Finding(check="canary", ok=ok, why=f"{canary_name(order)} {why}")
    return DrillReport(
        pair=order.pair,
        drill=order.drill,
        kind=order.kind,
        ok=ok,
        findings=(finding,),
        by=order.by,
        reason=order.reason,
    )


def _standby_findings(world: World, plan: Plan, standby: Role) -> Iterator[Finding]:
    """What the probes say of the standby. Everything must be seen well; blind is not well."""
    for signal in asyncio.run(_swept(world, plan)):
        if signal.role is standby or signal.surface in {Surface.OBSERVER, Surface.ELSEWHERE}:
            check = f"{standby}.{signal.subject}" if signal.role else signal.subject
            yield Finding(check=check, ok=signal.observation is Observation.OK, why=signal.why)


async def _swept(world: World, plan: Plan) -> Sequence[Signal]:
    """One sweep in an event loop of its own, which ends here and so must its connections."""
    try:
        return await world.probes.sweep(plan, world.clock.now())
    finally:
        await world.probes.aclose()


def _pointer_findings(world: World, plan: Plan) -> Iterator[Finding]:
    store = world.pointers[plan.pair]
    for endpoint in (plan.pointer.endpoint, *plan.pointer.replicas):
        yield _tried(f"pointer {endpoint}", lambda endpoint=endpoint: _shown(store.seen_on(plan.pair, endpoint)))  # type: ignore[misc]


def _shown(value: Any) -> tuple[bool, str]:
    return (True, f"shows epoch {value.epoch}, {value.active}") if value else (False, "shows no pointer")


def _job_findings(world: World, plan: Plan, source: Role) -> Iterator[Finding]:
    """Whether each job of the ledger could be submitted to the standby as it is recorded."""
    ledger = world.ledgers[plan.pair]
    job_map = rewriting.job_map(plan, source)
    ready, held = 0, []
    for summary in ledger.summaries(plan.pair):
        if summary.status is not JobStatus.RUNNING or summary.hub is not source:
            continue
        trouble = _would_wait(ledger.read(plan.pair, summary.name), job_map)
        if trouble:
            held.append(f"{summary.name}: {trouble}")
        else:
            ready += 1
    why = f"{ready} jobs could be resubmitted"
    yield Finding(check="jobs", ok=not held, why=f"{why}; {len(held)} would wait, first {held[0]}" if held else why)


def _would_wait(found: Any, job_map: Any) -> str:
    if found is None:
        return ""
    if tags.runs_as_user(found.value.body):
        return "it runs as its user"
    try:
        unmapped = rewriting.rewrite(rewriting.without_read_only(found.value.body), job_map).unmapped
    except InvalidInput as fault:
        return str(fault)
    return f"{unmapped[0].path} names {unmapped[0].value}: {unmapped[0].why}" if unmapped else ""


def _tried(check: str, asked: Callable[[], tuple[bool, str]]) -> Finding:
    try:
        ok, why = asked()
    except HubswitchError as fault:
        return Finding(check=check, ok=False, why=str(fault))
    return Finding(check=check, ok=ok, why=why)
