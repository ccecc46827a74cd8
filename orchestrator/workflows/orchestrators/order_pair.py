"""One try of a step that orders another pair: keep the order, give it to that pair's entity, look where the pair is.

The order is kept in the ledger before it is given, and the entity takes each order once. So a try that is repeated, or
a run that begins again, orders nothing a second time.
"""

from __future__ import annotations

from typing import Any

import msgspec
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import from_message, to_message
from orchestrator.core.decision.given_orders import OrderAnswer
from orchestrator.core.plan.step_base import kind_of
from orchestrator.core.plan.steps_pair import RunPair
from orchestrator.workflows import names
from orchestrator.workflows.group_messages import GroupPairOrder
from orchestrator.workflows.messages import StepOrder
from orchestrator.workflows.orchestrators.retry import Steps, utc_now
from orchestrator.workflows.pair_orders import OrderGiven, PairOrder, TryOutcome


def order_pair_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """The orchestrator. Input: ``StepOrder``; output: ``TryOutcome``; both as plain data.

    Where the order cannot be kept, the step's activity is asked all the same: it says why, or that a person skips the
    step.
    """
    step = from_message(given, StepOrder, ctx.instance_id)
    return (yield from try_order(ctx, step, names.KEEP_PAIR_ORDER, kind_of(RunPair)))


def try_order(ctx: OrchestrationContext, order: StepOrder | GroupPairOrder, keep: str, look: str) -> Steps[Any]:
    """A ``TryOutcome`` as plain data: of the activity ``look``, after what ``keep`` has kept was given."""
    try:
        kept = yield ctx.call_activity(keep, input=to_message(order))
    except TaskFailedError:
        kept = None
    if kept:
        answer = yield from _give(ctx, from_message(kept, PairOrder, keep))
        order = msgspec.structs.replace(order, answer=answer)
    try:
        said = yield ctx.call_activity(look, input=to_message(order))
    except TaskFailedError as failed:
        error = failed.details.error_type.rpartition(".")[2]
        return to_message(TryOutcome(error=error, why=failed.details.message))
    return to_message(TryOutcome(answer=said or ""))


def _give(ctx: OrchestrationContext, order: PairOrder) -> Steps[OrderAnswer]:
    said = to_message(OrderGiven(now=utc_now(ctx), id=order.id, command=order.command))
    try:
        found = yield ctx.call_entity(EntityInstanceId(names.PAIR_ENTITY, order.pair), names.ORDER, input=said)
    except TaskFailedError as failed:
        return OrderAnswer(is_taken=False, why=failed.details.message)
    return from_message(found, OrderAnswer, names.ORDER)
