"""Orders that runs give to a pair. Each has an id and is taken once, however often it is given.

It is judged as a person's order is. What the pair has taken is kept with its state, so that the answer to a repeated
order says what has become of the first.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.decision import commands
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.second_person import request_id, waiting_request
from orchestrator.core.decision.state import Decision, GivenOrder, PairState
from orchestrator.core.plan.policy import Policy

REMEMBERED = 10
"""Orders that are kept with the state: one for each switch, and a few that a second person has not approved."""


class OrderAnswer(Value, kw_only=True):
    """What a pair says of an order."""

    is_taken: bool
    """False: it was refused, and nothing has changed."""

    is_over: bool = False
    """What it has begun is no longer under way. Whether the pair has switched is in its epoch record."""

    run: str = ""
    """The run that it has begun; empty if it has begun none."""

    why: str
    """Why it was refused, or what has become of it."""


def give_order(state: PairState, order: str, command: Command, now: datetime, policy: Policy) -> Decision:
    """What follows from an order that was not taken yet.

    Args:
        state: the pair's.
        order: id of the order.
        command: what is ordered.
        now: the present.
        policy: the pair's.

    Raises:
        NotNow: it is refused.
    """
    decision = commands.command(state, command, now, policy)
    given = GivenOrder(id=order, run=decision.state.run, at=now)
    orders = (*decision.state.orders, given)[-REMEMBERED:]
    return msgspec.structs.replace(decision, state=msgspec.structs.replace(decision.state, orders=orders))


def answer_order(state: PairState, order: str, now: datetime, policy: Policy) -> OrderAnswer | None:
    """What has become of an order; None if it was not taken."""
    given = next((each for each in state.orders if each.id == order), None)
    if given is None:
        return None
    if given.run is None:
        request = waiting_request(state, now, policy)
        if request is not None and request.asked_at == given.at:
            why = f"the order {request_id(state, request)} waits for somebody's approval"
            return OrderAnswer(is_taken=True, why=why)
        why = "the order waited for somebody's approval, and waits no longer"
        return OrderAnswer(is_taken=True, is_over=state.run is None, why=why)
    if state.run == given.run:
        return OrderAnswer(is_taken=True, run=given.run, why=f"{given.run} is under way")
    why = f"{given.run} was ordered, and is not under way any more"
    return OrderAnswer(is_taken=True, is_over=True, run=given.run, why=why)
