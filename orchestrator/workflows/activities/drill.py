"""Drills: practice without consequences.

``dry`` asks everything that a switch would need and rewrites every job, and writes nothing. ``canary`` submits
one small tagged job to the standby, waits for its end, and does nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.evidence_classes import CLASS_OF_SURFACE, DECIDING_CLASSES
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.epoch import describe_other_hub
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs import tags
from orchestrator.core.jobs.azure_status import DRILL_TAG, status_of
from orchestrator.core.jobs.record import JobStatus
from orchestrator.core.plan.plan_warnings import reach_gap
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal
from orchestrator.core.standby import canary
from orchestrator.ports import PointerStore, World
from orchestrator.workflows.activities.epoch import read_epoch, why_other_hub
from orchestrator.workflows.activities.stamps import store_green
from orchestrator.workflows.messages import DrillDone, DrillFinding, DrillKind, DrillOrder, DrillReport


def finish_drill(world: World, done: DrillDone) -> None:
    """Keep what a drill found, and count it if all went well. A repeated step changes nothing."""
    order, report = done.order, done.report
    world.ledgers[order.pair].put_once(f"{order.pair}/drills/{order.drill}.json", encode(report))
    if report.ok:
        store_green(world, order.pair, order.drill, order.kind, order.asked_at)


def rehearse(world: World, order: DrillOrder) -> DrillReport:
    """Hold a drill that is one activity, as its kind has it."""
    return REHEARSALS[order.kind](world, order)


def rehearse_dry(world: World, order: DrillOrder) -> DrillReport:
    """Ask what a switch would ask, rewrite what it would submit, write nothing."""
    plan = world.plans[order.pair]
    findings: list[DrillFinding] = []
    active = Role.PRIMARY
    try:
        record = read_epoch(world, order.pair)
        active = record.active
        other = why_other_hub(record, plan)
        why = other or f"epoch {record.epoch}, active is the {active}"
        findings.append(DrillFinding(check="epoch", ok=other is None, why=why))
    except HubswitchError as fault:
        findings.append(DrillFinding(check="epoch", ok=False, why=str(fault)))
    signals = asyncio.run(_swept(world, plan))
    findings += _standby_findings(signals, active.other)
    findings.append(_reach_finding(signals, active))
    findings += _pointer_findings(world, plan)
    try:
        findings += _job_findings(world, plan, active)
    except HubswitchError as fault:
        findings.append(DrillFinding(check="jobs", ok=False, why=f"the ledger cannot be read: {fault}"))
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
    name = order.canary_name
    body = canary.body_of(plan.canary, standby, plan.canary.compute, name, {DRILL_TAG: order.drill})
    world.jobs.put(standby, name, body, canary.API_VERSION)


def check_canary(world: World, order: DrillOrder) -> str:
    """The canary's status, as Azure ML spells it."""
    plan = world.plans[order.pair]
    standby = plan.side(read_epoch(world, order.pair).active.other)
    return status_of(world.jobs.get(standby, order.canary_name))


def _reach_finding(signals: Sequence[Signal], active: Role) -> DrillFinding:
    """Whether two classes of the active side, one a work class, could ever become bad: a blind one never does."""
    speaking = {
        CLASS_OF_SURFACE[signal.surface]
        for signal in signals
        if signal.role is active and signal.surface and signal.observation is not Observation.BLIND
    }
    able = sorted(each for each in speaking if each in DECIDING_CLASSES)
    gap = reach_gap(able)
    why = f"the {active}: {gap}" if gap else f"{join_words(able)} of the {active} answer, so the rule can be met"
    return DrillFinding(check="reach", ok=gap is None, why=why)


def _standby_findings(signals: Sequence[Signal], standby: Role) -> Iterator[DrillFinding]:
    """What the probes say of the standby. Everything must be seen well; blind is not well."""
    for signal in signals:
        if signal.role is standby or signal.surface in {Surface.OBSERVER, Surface.ELSEWHERE}:
            check = f"{standby}.{signal.subject}" if signal.role else signal.subject
            yield DrillFinding(check=check, ok=signal.observation is Observation.OK, why=signal.why)


async def _swept(world: World, plan: Plan) -> Sequence[Signal]:
    """One sweep in an event loop of its own, which ends here and so must its connections."""
    try:
        return await world.probes.sweep(plan, world.clock.now())
    finally:
        await world.probes.aclose()


def _pointer_findings(world: World, plan: Plan) -> Iterator[DrillFinding]:
    store = world.pointers[plan.pair]
    for endpoint in (plan.pointer.endpoint, *plan.pointer.replicas):
        yield _try_check(f"pointer {endpoint}", partial(_read_pointer, store, plan, endpoint))


def _read_pointer(store: PointerStore, plan: Plan, endpoint: str) -> tuple[bool, str]:
    value = store.read_from(plan.pair, endpoint)
    if value is None:
        return False, "shows no pointer"
    other = describe_other_hub(plan, value.active, value, f"the pointer of epoch {value.epoch}")
    return other is None, other or f"shows epoch {value.epoch}, {value.active}"


def _job_findings(world: World, plan: Plan, source: Role) -> Iterator[DrillFinding]:
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
    yield DrillFinding(
        check="jobs", ok=not held, why=f"{why}; {len(held)} would wait, first {held[0]}" if held else why
    )


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


def _try_check(check: str, asked: Callable[[], tuple[bool, str]]) -> DrillFinding:
    try:
        ok, why = asked()
    except HubswitchError as fault:
        return DrillFinding(check=check, ok=False, why=str(fault))
    return DrillFinding(check=check, ok=ok, why=why)


REHEARSALS: Mapping[DrillKind, Callable[[World, DrillOrder], DrillReport]] = {DrillKind.DRY: rehearse_dry}
"""What is done for each kind of drill that is one activity."""
