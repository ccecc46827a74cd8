"""Orders that a second person has to approve, where the policy says so: whoever orders a switch does not let it begin.

An order becomes a request with an id, which is answered like a proposal. It starts nothing, holds nothing and keeps no
automatic switch from happening. It is void when it expires, after a switch, or when a newer one replaces it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.text import format_time, truncate
from orchestrator.core.decision.proposals import expires_at, open_proposal, proposal_id
from orchestrator.core.decision.state import OrderRequest, PairState
from orchestrator.core.plan.policy import Policy

_replace = msgspec.structs.replace

NAMELESS = frozenset({"", "unnamed"})
"""What stands for a caller who said no name: it may be anybody, so it is nobody else."""


def waiting_request(state: PairState, now: datetime, policy: Policy) -> OrderRequest | None:
    """The request that waits for a second person; None if none does."""
    request = state.request
    if request is None or state.run is not None or request.epoch != state.epoch:
        return None
    return request if request.asked_at <= now < request.asked_at + policy.approval_expiry else None


def waiting_id(state: PairState, now: datetime, policy: Policy) -> str | None:
    """What an answer has to name: the id of the proposal or of the request that waits; None if nothing does."""
    request = waiting_request(state, now, policy)
    return open_proposal(state) or (request_id(state, request) if request else None)


def answer_until(state: PairState, now: datetime, policy: Policy) -> datetime | None:
    """Until when what waits can be answered; None if nothing does."""
    if state.approval is not None:
        return expires_at(state.approval, policy)
    request = waiting_request(state, now, policy)
    return request.asked_at + policy.approval_expiry if request else None


def request_id(state: PairState, request: OrderRequest) -> str:
    """Of the same form as a proposal's."""
    return proposal_id(state.pair, request.epoch, request.asked_at)


def with_request(state: PairState, request: OrderRequest) -> PairState:
    """The state with an order that waits for a second person.

    Raises:
        NotNow: nobody is named who could be told from a second person, or a proposal waits, which would do the same.
    """
    if request.by.strip().casefold() in NAMELESS:
        raise NotNow("a second person has to approve this order, so it has to say who gives it")
    waiting = open_proposal(state)
    if waiting is not None:
        raise NotNow(f"the proposal {waiting} waits for approval: it begins a switch, and so an order is not needed")
    return _replace(state, request=request, proposals=state.proposals + 1)


def find_request(state: PairState, given: str | None, now: datetime, policy: Policy) -> OrderRequest | None:
    """The request that an answer is about; None if it can only be about a proposal.

    Raises:
        NotNow: it names none, and there has been more than one thing to answer.
    """
    request = waiting_request(state, now, policy)
    if request is None:
        return None
    name = request_id(state, request)
    if given is None and (state.proposals > 1 or open_proposal(state) is not None):
        raise NotNow(f"name what is answered: {name} is the {request.do} that {request.by} asks for")
    return request if given in {None, name} else None


def must_be_another(request: OrderRequest, by: str) -> None:
    """Refuse an approval by whoever asked, or by nobody in particular.

    Raises:
        NotNow: says who asked, and that somebody else has to approve.
    """
    one, other = (truncate(name, 80).strip().casefold() for name in (request.by, by))
    if one == other or other in NAMELESS:
        raise NotNow(
            f"{request.by} asked for this {request.do} at {format_time(request.asked_at)}: somebody else approves"
        )
