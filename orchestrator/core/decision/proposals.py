"""Proposals to fail over: each has an id, and an answer counts only for the proposal that it names.

A person answers what a notice said, minutes or hours later. By then the proposal may have expired, been rejected, been
withdrawn or been made anew on other evidence: such an answer is refused with what became of the proposal.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.text import format_time, truncate
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.state import Approval, ClosedProposal, PairState
from orchestrator.core.plan.policy import Policy

CLOSED_LIMIT = 8
"""Closed proposals that are remembered, so that a late answer can be told what became of its proposal."""

_DIGITS = 8
"""Hexadecimal digits of an id: few enough to be typed, enough that no two proposals of a pair share them."""

_replace = msgspec.structs.replace


def proposal_id(pair: str, epoch: int, asked_at: datetime) -> str:
    """Id of a proposal: the epoch that is to be left, and a digest: ``3-9f2c41ab``. The same for the same values."""
    digest = hashlib.sha256(f"{pair}\n{epoch}\n{asked_at.isoformat()}".encode()).hexdigest()
    return f"{epoch}-{digest[:_DIGITS]}"


def open_proposal(state: PairState) -> str | None:
    """The id of the proposal that waits for an answer, or for a hold to end; None if none does."""
    if state.phase is not Phase.AWAITING_APPROVAL or state.approval is None:
        return None
    return proposal_id(state.pair, state.epoch, state.approval.asked_at)


def expires_at(approval: Approval, policy: Policy) -> datetime:
    """Until when a proposal can be answered."""
    return approval.asked_at + policy.approval_expiry


def with_proposal(state: PairState, now: datetime, why: str) -> PairState:
    """The state with a proposal made now. A state stored before proposals were counted may hold one already."""
    made = max(state.proposals, 1 if state.approval else 0) + 1
    return _replace(state, approval=Approval(asked_at=now, why=truncate(why)), proposals=made)


def close_proposal(state: PairState, now: datetime, how: str) -> PairState:
    """The state with no approval; what became of the proposal, if one was open, is remembered.

    ``how`` is a verb phrase: ``expired unanswered``.
    """
    if state.approval is None:
        return state
    if state.approval.rejected_at is not None:  # it was remembered when it was rejected
        return _replace(state, approval=None)
    return _replace(_remember(state, now, how), approval=None)


def reject_proposal(state: PairState, now: datetime, by: str) -> PairState:
    """The state in which the open proposal is rejected. It keeps the time, before which nothing is proposed again."""
    if state.approval is None:
        return state
    return _replace(_remember(state, now, f"was rejected by {by}"), approval=_replace(state.approval, rejected_at=now))


def find_answered(state: PairState, given: str | None, now: datetime, policy: Policy) -> Approval:
    """The approval that an answer is about.

    Args:
        state: the pair's.
        given: the id that the answer names; None if it names none.
        now: the present.
        policy: for how long a proposal is valid.

    Raises:
        NotNow: no proposal waits, the answer is about another one, or it names none and there has been more than one.
    """
    waiting = open_proposal(state)
    if given is not None and given != waiting:
        raise NotNow(f"{_fate(state, given)}; {_describe_waiting(state, waiting)}")
    if waiting is None or state.approval is None:
        raise NotNow(_describe_waiting(state, waiting))
    if given is None and state.proposals > 1:
        raise NotNow(
            f"{state.proposals} proposals of this pair have been made: name the one that is answered; "
            f"{_describe_waiting(state, waiting)}"
        )
    until = expires_at(state.approval, policy)
    if now >= until:
        raise NotNow(
            f"the proposal {waiting} expired at {format_time(until)}; the evidence is judged anew at the next look"
        )
    return state.approval


def _remember(state: PairState, now: datetime, how: str) -> PairState:
    if state.approval is None:
        return state
    name = proposal_id(state.pair, state.epoch, state.approval.asked_at)
    closed = ClosedProposal(id=name, at=now, how=truncate(how))
    return _replace(state, closed_proposals=(*state.closed_proposals, closed)[-CLOSED_LIMIT:])


def _fate(state: PairState, given: str) -> str:
    for closed in reversed(state.closed_proposals):
        if closed.id == given:
            return f"the proposal {closed.id} {closed.how} at {format_time(closed.at)}"
    return f"no proposal {truncate(given)!r} of this pair is known"


def _describe_waiting(state: PairState, waiting: str | None) -> str:
    if waiting is None or state.approval is None:
        return f"nothing waits for approval: {state.why or 'the pair is steady'}"
    return f"the proposal {waiting} of {format_time(state.approval.asked_at)} waits: {state.approval.why}"
