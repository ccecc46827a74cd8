"""What is stored of how far data had been copied when a run was decided."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.base.codec import read_record
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.evidence.data_loss import copy_loss, sync_loss
from orchestrator.core.evidence.document import DataLoss
from orchestrator.core.jobs.copy_state import CopyRecord
from orchestrator.core.ledger_paths import copy_path, inventory_path
from orchestrator.core.plan.data_copies import tasks_of
from orchestrator.core.plan.schema import Plan
from orchestrator.core.standby.readiness_record import KeptInventory, sync_times
from orchestrator.ports import Ledger
from orchestrator.workflows.messages import RunKind, RunSummary


def measure_data_losses(ledger: Ledger, plan: Plan, summary: RunSummary) -> tuple[DataLoss, ...]:
    """A loss for each copy that the plan names, and for each account that storage replicates.

    Raises:
        HubswitchError: the ledger does not answer. What it holds and cannot be read is a loss that is not measured.
    """
    source = Role.PRIMARY if summary.kind is RunKind.FAILOVER else Role.SECONDARY
    return (*_measure_copies(ledger, plan, summary, source), *_measure_replication(ledger, plan, summary, source))


def _measure_copies(ledger: Ledger, plan: Plan, summary: RunSummary, source: Role) -> Iterator[DataLoss]:
    for task in tasks_of(plan.data):
        path = copy_path(plan.pair, task.key, source)
        found = ledger.get(path)
        try:
            record = read_record(found, CopyRecord, path) if found is not None else None
        except InvalidInput as fault:
            yield DataLoss(what=f"data copied ahead: {task.name}", seconds=None, how=f"not measured: {fault}")
            continue
        yield copy_loss(
            task.name,
            record,
            decided_at=summary.milestones.decided_at,
            epoch=summary.epoch,
            target=plan.targets.rpo,
        )


def _measure_replication(ledger: Ledger, plan: Plan, summary: RunSummary, source: Role) -> Iterator[DataLoss]:
    path = inventory_path(plan.pair)
    found = ledger.get(path)
    try:
        kept = read_record(found, KeptInventory, path) if found is not None else None
    except InvalidInput:
        return
    if kept is None or kept.project != plan.side(source).project_id.casefold():
        return
    for account, synced_at in sorted(sync_times(kept.inventory).items()):
        yield sync_loss(account, synced_at, kept.at, summary.milestones.decided_at)
