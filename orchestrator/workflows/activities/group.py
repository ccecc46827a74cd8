"""Bodies of the run of a recovery group: keep the order to one of its pairs, and look where that pair is."""

from __future__ import annotations

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.commands import Command
from orchestrator.core.ledger_paths import pair_order_path
from orchestrator.ports import World
from orchestrator.workflows.activities.pair_step import check_switched, choose_direction, keep_order, read_pair_record
from orchestrator.workflows.group_messages import GroupPairOrder
from orchestrator.workflows.messages import RunKind
from orchestrator.workflows.pair_orders import PairOrder

STEP = "group"
"""In place of a step's name in the path of a kept order."""


def keep_group_order(world: World, order: GroupPairOrder) -> PairOrder | None:
    """The order to a pair, kept once in that pair's own ledger; None if the pair is on the wanted side.

    Raises:
        HubswitchError: the pair is not known here, or its epoch record or the ledger cannot be read.
    """
    record = read_pair_record(world, order.pair)
    target = _target(order.kind)
    if record.active is target:
        return None
    do = choose_direction(target)
    command = Command(
        do=do,
        by=order.by,
        reason=f"{order.reason} (ordered by the run {order.run} of group {order.group})",
        graceful=order.graceful and order.kind is RunKind.FAILOVER,
        epoch=record.epoch,
    )
    made = PairOrder(id=order.run, pair=order.pair, command=command, at=world.clock.now())
    return keep_order(world.ledgers[order.pair], pair_order_path(order.pair, order.run, STEP), made)


def look_at_group_pair(world: World, order: GroupPairOrder) -> None:
    """Return if the pair is on the wanted side; raise where it stands otherwise, as ``check_switched`` does."""
    record = read_pair_record(world, order.pair)
    if record.active is not _target(order.kind):
        check_switched(record, order.pair, order.answer)


def _target(kind: RunKind) -> Role:
    return Role.SECONDARY if kind is RunKind.FAILOVER else Role.PRIMARY
