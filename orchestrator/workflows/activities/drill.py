"""Drills: practice without consequences.

``tabletop``, formerly ``dry``, asks everything that a switch would need, says of each step and each job what would
become of it, and writes nothing. ``decision`` plays an outage of the active side on a copy of the pair's state, and
writes nothing either. ``canary`` submits one small tagged job to the standby, waits for its end, and does no more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import HubswitchError, InvalidInput, NotFound
from orchestrator.core.base.evidence_classes import CLASS_OF_SURFACE, DECIDING_CLASSES
from orchestrator.core.base.text import count_of, format_duration, format_time, join_words
from orchestrator.core.base.vocabulary import JobPolicy, Observation, Role, Surface
from orchestrator.core.decision.rehearsal import Rehearsal
from orchestrator.core.decision.rehearsal import rehearse as rehearse_outage
from orchestrator.core.decision.state import PairState
from orchestrator.core.epoch import EpochRecord, describe_other_hub
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs import tags
from orchestrator.core.jobs.azure_status import DRILL_TAG, has_ended, status_of
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.ledger_paths import drill_path
from orchestrator.core.plan.plan_warnings import reach_gap
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import Step, steps_in
from orchestrator.core.plan.steps_standby import DeployTemplate
from orchestrator.core.signals.signal import Signal
from orchestrator.core.standby import canary
from orchestrator.ports import PointerStore, World
from orchestrator.workflows.activities.epoch import read_epoch, why_other_hub
from orchestrator.workflows.activities.stamps import store_green
from orchestrator.workflows.activities.steps import STEPS, StepPreview
from orchestrator.workflows.messages import (
    GREEN_KINDS,
    SWITCHED,
    DrillDone,
    DrillFinding,
    DrillJob,
    DrillKind,
    DrillOrder,
    DrillOutcome,
    DrillReport,
)

NO_JOBS = "no job runs by the ledger's word, so none was tried: this drill does not count for mode auto"

JOBS_SHOWN = 200
"""Jobs that a report names. The finding counts all of them."""


def finish_drill(world: World, done: DrillDone) -> None:
    """Keep what a drill found, and count it if all went well and its kind counts. A repeated step changes nothing."""
    order, report = done.order, done.report
    world.ledgers[order.pair].put_once(drill_path(order.pair, order.drill), encode(report))
    if report.ok and order.kind in GREEN_KINDS and not _has_tried_nothing(report):
        store_green(world, order.pair, order.drill, order.kind, order.asked_at)


def _has_tried_nothing(report: DrillReport) -> bool:
    """Whether it was a tabletop drill while no job ran: it has rewritten none, which is what it would show."""
    return report.kind in {DrillKind.TABLETOP, DrillKind.DRY} and not report.jobs


def rehearse(world: World, order: DrillOrder) -> DrillReport:
    """Hold a drill that is one activity, as its kind has it. It is promoted if the pair switches meanwhile."""
    report = REHEARSALS[order.kind](world, order)
    with suppress(HubswitchError):  # the finding on the epoch record says so
        held = read_epoch(world, order.pair)
        if _has_switched(held, order):
            why = f"the pair switched during the drill: epoch {held.epoch}, active is the {held.active}"
            finding = DrillFinding(check="switched", ok=False, why=why)
            outcome, findings = DrillOutcome.PROMOTED, (*report.findings, finding)
            return msgspec.structs.replace(report, ok=False, outcome=outcome, findings=findings)
    return report


def _has_switched(held: EpochRecord, order: DrillOrder) -> bool:
    return held.epoch > 0 and held.since > order.asked_at


def rehearse_tabletop(world: World, order: DrillOrder) -> DrillReport:
    """Ask what a failover of the active side would ask, rewrite what it would submit, write nothing."""
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
    findings += _step_findings(world, plan, active.other)
    jobs: list[DrillJob] = []
    try:
        jobs = _foresee_jobs(world, plan, active)
        findings.append(_job_finding(jobs))
    except HubswitchError as fault:
        findings.append(DrillFinding(check="jobs", ok=False, why=f"the ledger cannot be read: {fault}"))
    return _report(order, findings, jobs)


def rehearse_decision(world: World, order: DrillOrder) -> DrillReport:
    """Play an outage of the active side on a copy of the pair's state, with the other side as it is seen now."""
    plan = world.plans[order.pair]
    if order.state is None:
        return _report(order, [DrillFinding(check="state", ok=False, why="the pair has not been looked at yet")])
    signals = asyncio.run(_swept(world, plan))
    now = world.clock.now()
    found = rehearse_outage(order.state, signals, now, plan.policy, f"drill {order.drill}")
    return _report(order, list(_decision_findings(order.state, found)))


def _decision_findings(state: PairState, found: Rehearsal) -> Iterator[DrillFinding]:
    left, after = state.active, format_duration(found.after)
    made_up = f"made up for this drill, and never told to the pair: all that is probed on the {left} is bad"
    yield DrillFinding(check="evidence", ok=True, why=f"{made_up}; everything else as it is; {found.looks} looks")
    held = "; ".join(f"{hold.rule}: {hold.why}" for hold in found.holds)
    yield DrillFinding(check="holds", ok=not held, why=held or "nothing would hold an automatic switch now")
    does = {
        "switch": f"after {after} the pair would fail over to the {left.other}",
        "proposal": f"after {after} a failover to the {left.other} would be proposed, and wait for approval",
        "": f"after {after} nothing would have been decided",
    }[found.decided]
    yield DrillFinding(check="decision", ok=bool(found.decided), why=f"{does} ({found.rule}): {found.why}")
    told = join_words(f"{told.name} after {format_duration(told.after)}" for told in found.told)
    yield DrillFinding(check="notices", ok=True, why=f"would be told: {told}" if told else "nobody would be told")


def _report(order: DrillOrder, findings: Sequence[DrillFinding], jobs: Sequence[DrillJob] = ()) -> DrillReport:
    return DrillReport(
        pair=order.pair,
        drill=order.drill,
        kind=order.kind,
        ok=all(finding.ok for finding in findings),
        findings=tuple(findings),
        jobs=tuple(jobs[:JOBS_SHOWN]),
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
    """The canary's status, as Azure ML spells it; ``SWITCHED`` if the pair switched during the drill."""
    plan, held = world.plans[order.pair], read_epoch(world, order.pair)
    if _has_switched(held, order):
        return SWITCHED
    standby = plan.side(held.active.other)
    return status_of(world.jobs.get(standby, order.canary_name))


def cancel_canary(world: World, order: DrillOrder) -> None:
    """Ask for the canary's end, wherever it is: the pair may have switched since it was submitted."""
    plan = world.plans[order.pair]
    for side in Role:
        with suppress(NotFound):
            if not has_ended(status_of(world.jobs.get(plan.side(side), order.canary_name))):
                world.jobs.cancel(plan.side(side), order.canary_name)


def _reach_finding(signals: Sequence[Signal], active: Role) -> DrillFinding:
    """Whether two classes of the active side, one a work class, could ever become bad: a blind one never does."""
    speaking = {
        CLASS_OF_SURFACE[signal.surface]
        for signal in signals
        if signal.role is active and signal.surface and signal.observation is not Observation.BLIND
    }
    able = sorted(each for each in speaking if each in DECIDING_CLASSES)
    gap = reach_gap(able)
    why = (
        f"the {active}: {gap}"
        if gap
        else f"{join_words(able)} of the {active} are seen, well or bad, so that the rule can be met"
    )
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


def _step_findings(world: World, plan: Plan, target: Role) -> Iterator[DrillFinding]:
    """What each step of a failover would do, or what it lacks as things stand."""
    made = {step.title for _, step in steps_in(plan.workflow.failover) if isinstance(step, DeployTemplate)}
    for _, step in steps_in(plan.workflow.failover):
        preview = STEPS[step.kind].preview
        if preview is not None:
            finding = partial(_preview, preview, world, plan, target, step)
            if made.isdisjoint(step.after):
                yield _try_check(f"step {step.title}", finding)
            else:
                yield _try_check(f"step {step.title}", partial(_unless_made, finding))
        else:
            yield DrillFinding(check=f"step {step.title}", ok=True, why=f"{step.kind} would run; see jobs")


def _unless_made(finding: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    """What a step says that comes after a template: what that is to make need not be there yet."""
    try:
        return finding()
    except NotFound as lack:
        return True, f"not there yet, and a template comes before it: {lack}"


def _preview(preview: StepPreview, world: World, plan: Plan, target: Role, step: Step) -> tuple[bool, str]:
    return True, preview(world, plan, target, step)


def _foresee_jobs(world: World, plan: Plan, source: Role) -> list[DrillJob]:
    """What would become of each job that runs on a side: those that would wait first, those that would move last.

    It is judged by what the ledger has. What only a submission can show, such as an input that is absent in the
    standby, is not foreseen.
    """
    ledger, now = world.ledgers[plan.pair], world.clock.now()
    job_map = rewriting.job_map(plan, source)
    found = [
        _foresee(record.value, job_map, now)
        for summary in ledger.summaries(plan.pair)
        if summary.status is JobStatus.RUNNING
        and summary.hub is source
        and (record := ledger.read(plan.pair, summary.name))
    ]
    return sorted(found, key=lambda job: (["wait", "skip", "move"].index(job.outcome), job.job))


def _foresee(record: JobRecord, job_map: Any, now: datetime) -> DrillJob:
    if record.policy is JobPolicy.NEVER:
        return DrillJob(job=record.name, outcome="skip", why="its policy is never")
    if record.deadline and now > record.deadline:
        return DrillJob(job=record.name, outcome="skip", why=f"its deadline {format_time(record.deadline)} has passed")
    trouble = _would_wait(record, job_map)
    return DrillJob(job=record.name, outcome="wait" if trouble else "move", why=trouble)


def _job_finding(jobs: Sequence[DrillJob]) -> DrillFinding:
    """Whether each job of the ledger could be submitted to the standby as it is recorded."""
    count = Counter(job.outcome for job in jobs)
    if not jobs:
        return DrillFinding(check="jobs", ok=True, why=NO_JOBS)
    why = f"{count_of(count['move'], 'job', 'jobs')} could be resubmitted"
    if count["skip"]:
        why += f"; {count['skip']} would be skipped"
    if count["wait"]:
        why += f"; {count['wait']} would wait, first {jobs[0].job}: {jobs[0].why}"
    return DrillFinding(check="jobs", ok=not count["wait"], why=why)


def _would_wait(record: JobRecord, job_map: Any) -> str:
    """Why a job could not be submitted to the other side; empty if it could."""
    if record.identity == "user" or tags.runs_as_user(record.body):
        return "it runs as its user"
    try:
        unmapped = rewriting.rewrite(rewriting.without_read_only(record.body), job_map).unmapped
    except InvalidInput as fault:
        return str(fault)
    return f"{unmapped[0].path} names {unmapped[0].value}: {unmapped[0].why}" if unmapped else ""


def _try_check(check: str, asked: Callable[[], tuple[bool, str]]) -> DrillFinding:
    try:
        ok, why = asked()
    except HubswitchError as fault:
        return DrillFinding(check=check, ok=False, why=str(fault))
    return DrillFinding(check=check, ok=ok, why=why)


REHEARSALS: Mapping[DrillKind, Callable[[World, DrillOrder], DrillReport]] = {
    DrillKind.TABLETOP: rehearse_tabletop,
    DrillKind.DRY: rehearse_tabletop,
    DrillKind.DECISION: rehearse_decision,
}
"""What is done for each kind of drill that is one activity."""
