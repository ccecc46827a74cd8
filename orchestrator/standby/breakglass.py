"""Switch a pair from a person's machine while the app is away: by the same epoch rules, with the same steps.

It needs the stores alone: the epoch record and the jobs of the ledger, and the pointer. Resource Manager is asked only
to move jobs. The epoch is claimed for a run, as the app's own runs are, so whatever the app or another person does
meanwhile is fenced, or fences this. Nothing here says that the run has ended: the app, when it is back, takes over the
epoch record, finds a run without a summary, begins it again under its own id, and finds done what was done here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import HubswitchError, NotNow
from orchestrator.core.base.text import count_of
from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.run_start import BY_HAND, hand_run_id
from orchestrator.core.decision.state import StartRun
from orchestrator.core.epoch import EpochRecord, PointerValue, pointer_for
from orchestrator.core.evidence.audit_chain import AuditKind, AuditNote
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World
from orchestrator.standby import exchange
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.activities.decision_log import keep_decision
from orchestrator.workflows.activities.epoch import claim_epoch, publish_pointer, verify_pointer, why_other_hub
from orchestrator.workflows.activities.resubmit_jobs import list_jobs, resubmit_jobs
from orchestrator.workflows.messages import (
    BatchOrder,
    BatchReport,
    KeepOrder,
    ReplicaCheck,
    RoundOrder,
    RunKind,
    RunOrder,
    order_again,
    order_from,
)


class PairStores(Value, kw_only=True):
    """What the stores of a pair say of it. What could not be read is None, and in ``trouble``."""

    pair: str
    record: EpochRecord | None = None
    pointer: PointerValue | None = None
    run_has_ended: bool = True
    """Whether the run that holds the epoch has left a summary, or there is none."""

    jobs: Mapping[str, Mapping[str, int]] = msgspec.field(default_factory=dict)
    """Side -> status -> how many jobs of the ledger."""

    trouble: tuple[str, ...] = ()

    @property
    def active(self) -> Role:
        return self.record.active if self.record else Role.PRIMARY


class HandOrder(NamedTuple):
    """What a person wants."""

    target: Role
    by: str
    reason: str
    bad_since: datetime | None = None
    """When the side that is left began to fail: jobs that failed after it are moved, and the switch is a failover to
    whichever side. None: now, and a switch to the primary is a failback, which takes the secondary to be well."""


def read_stores(world: World, plan: Plan) -> PairStores:
    """What epoch record, pointer and ledger say. Reads only; never raises for what a store does."""
    pair, trouble = plan.pair, []

    def attempt[T](what: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except HubswitchError as fault:
            trouble.append(f"{what}: {fault}")
            return None

    found = attempt("epoch record", lambda: world.epochs[pair].read(pair))
    seen = attempt("pointer", lambda: world.pointers[pair].snapshot(pair))
    ended = attempt("summary of the run", lambda: _has_ended(world, pair, found))
    jobs = attempt("jobs", lambda: _count_jobs(world, pair))
    return PairStores(
        pair=pair,
        record=found.value if found else None,
        pointer=seen.value if seen else None,
        run_has_ended=bool(ended),
        jobs=jobs or {},
        trouble=tuple(trouble),
    )


def order_by_hand(world: World, plan: Plan, wanted: HandOrder) -> RunOrder | None:
    """The run that leads to a side: a new one, or the one that holds the epoch already. Reads only.

    Returns:
        None if that side is active and no run brought it there.

    Raises:
        NotNow: the epoch record means another hub than the plan.
        HubswitchError: the epoch record cannot be read: without it nobody may act.
    """
    found = world.epochs[plan.pair].read(plan.pair)
    record, now = found.value if found else None, world.clock.now()
    other = why_other_hub(record, plan) if record else None
    if other:
        raise NotNow(other)
    active = record.active if record else Role.PRIMARY
    if wanted.target is active:
        return order_again(record, plan, now) if record and record.run else None
    is_return = wanted.target is Role.PRIMARY and wanted.bad_since is None
    kind = RunKind.FAILBACK if is_return else RunKind.FAILOVER
    epoch = record.epoch + 1 if record else 1
    start = StartRun(
        kind="failover" if kind is RunKind.FAILOVER else "failback",
        run=hand_run_id(kind.value, plan.pair, epoch),
        epoch=epoch,
        source=active,
        target=wanted.target,
        why=f"{wanted.by} switched by hand, without the app: {wanted.reason}",
    )
    return order_from(start, plan, now, wanted.bad_since, ordered=True)


def point_by_hand(world: World, plan: Plan, order: RunOrder) -> tuple[ReplicaCheck, ...]:
    """Claim the epoch, write the decision down, publish the pointer. May be repeated.

    Returns:
        Replicas that do not show it yet.

    Raises:
        EpochFenced: somebody has switched the pair meanwhile.
        HubswitchError: a store did not answer; what was done before it stays, and is found done by the next try.
    """
    record = claim_epoch(world, order)
    _write_down(world, plan, order, record)
    shown = world.pointers[plan.pair].snapshot(plan.pair).value
    if shown != pointer_for(world.plans[plan.pair], record):
        publish_pointer(world, order)
    return verify_pointer(world, order).lagging


def note_by_hand(world: World, order: RunOrder, wanted: HandOrder) -> str:
    """Note in the pair's audit log who switched by hand, once for each run; why that cannot be done, if so.

    It comes after the switch, and nothing depends on it: a log that is away or broken must not keep a person.
    """
    note = AuditNote(
        pair=order.pair,
        id=f"breakglass-{order.run}",
        at=world.clock.now(),
        kind=AuditKind.ORDER,
        who=wanted.by,
        why=f"{order.kind} to the {order.target} by hand, without the app",
        details={"do": "breakglass", "reason": wanted.reason, "run": order.run, "epoch": order.epoch},
    )
    try:
        audit_log.append(world.ledgers[order.pair], order.pair, [note])
    except HubswitchError as fault:
        return str(fault)
    return ""


def repair_by_hand(world: World, plan: Plan) -> None:
    """Publish the pointer of an epoch that no run holds, if it shows something older."""
    found = world.epochs[plan.pair].read(plan.pair)
    if found:
        exchange.publish(world, plan, found.value)


def move_by_hand(world: World, order: RunOrder, until: datetime, tell: Callable[[str], None]) -> BatchReport:
    """Move every job that the outage took, each once, as the app would.

    Args:
        world: the ports.
        order: a failover that holds its epoch.
        until: from then on jobs that are neither taken nor refused are left for the next time, or for the app.
        tell: takes a line whenever something is waited for.

    Returns:
        What became of them; ``pending`` are those that are left.

    Raises:
        EpochFenced: somebody has switched the pair meanwhile.
    """
    total, left, why, number = BatchReport(), 0, "", 0
    while True:
        planned = list_jobs(world, RoundOrder(run=order, round=number))
        if not planned.batches:
            return msgspec.structs.replace(total, pending=left, why=why)
        for batch in range(planned.batches):
            report = _insist(world, BatchOrder(run=order, round=number, batch=batch, size=planned.size), until, tell)
            total, left, why = total.plus(report), left + report.pending, report.why or why
        number += 1


def _insist(world: World, batch: BatchOrder, until: datetime, tell: Callable[[str], None]) -> BatchReport:
    pause = batch.run.beat
    while True:
        report = resubmit_jobs(world, batch)
        if not report.pending or world.clock.now() >= until:
            return report
        tell(f"{count_of(report.pending, 'job is', 'jobs are')} neither taken nor refused yet: {report.why}")
        time.sleep(max(min(report.retry_after or pause, batch.run.longest), timedelta(0)).total_seconds())
        pause = min(pause * 2, batch.run.longest)


def _has_ended(world: World, pair: str, found: Versioned[EpochRecord] | None) -> bool:
    run = found.value.run if found else None
    return run is None or world.ledgers[pair].get(summary_path(pair, run)) is not None


def _count_jobs(world: World, pair: str) -> dict[str, dict[str, int]]:
    count = Counter((job.hub, job.status) for job in world.ledgers[pair].summaries(pair))
    return {side: {str(status): n for (at, status), n in sorted(count.items()) if at is side} for side in Role}


def _write_down(world: World, plan: Plan, order: RunOrder, record: EpochRecord) -> None:
    """Among the pair's decisions, once: at the time of the record, whoever goes on with its run."""
    if not (record.run or "").endswith(BY_HAND):
        return
    entry = Kept(
        first_at=record.since,
        last_at=record.since,
        was=Phase.STEADY,
        phase=Phase.SWITCHING if order.kind is RunKind.FAILOVER else Phase.RETURNING,
        epoch=record.epoch,
        mode=plan.policy.mode,
        verdicts={},
        holds=(),
        rule=BY_HAND,
        why=record.why,
        would_change=(),
    )
    keep_decision(world, KeepOrder(pair=plan.pair, entry=entry))
