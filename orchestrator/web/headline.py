"""What an engineer on call reads first: how a pair stands, what comes next, and whether somebody has to act. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestrator.core.base.text import format_time
from orchestrator.core.base.vocabulary import Mode, Phase
from orchestrator.core.decision import holds
from orchestrator.core.decision.acting import follows
from orchestrator.core.decision.proposals import expires_at
from orchestrator.core.decision.rule import find_confirmed_at
from orchestrator.core.decision.second_person import waiting_request
from orchestrator.core.decision.state import PairState
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.schema import Plan

WORDS = {
    Phase.STEADY: "steady on the {active} ({region})",
    Phase.SUSPECT: "SUSPECT: something about the {active} ({region}) is bad",
    Phase.AWAITING_APPROVAL: "WAITS FOR APPROVAL to leave the {active} ({region})",
    Phase.SWITCHING: "SWITCHING away from the {active} ({region})",
    Phase.RESUBMITTING: "SWITCHED to the {active} ({region}); jobs are being moved",
    Phase.SETTLED: "SWITCHED to the {active} ({region})",
    Phase.RETURNING: "RETURNING to the {active} ({region})",
}
"""How each phase is told in a few words."""


def headline_of(plan: Plan, state: PairState, now: datetime) -> str:
    """One line: what stands in the way of everything else comes first."""
    told = WORDS[state.phase].format(active=state.active, region=plan.side(state.active).region)
    if state.phase is Phase.SETTLED and state.switched_at:
        told += f" at {format_time(state.switched_at)}, epoch {state.epoch}"
    if follows(state) and state.leadership:
        told += f"; the stamp {state.leadership.stamp} leads, this one follows"
    first = _first_trouble(plan, state, now)
    return f"{first}; {told}" if first else told


def _first_trouble(plan: Plan, state: PairState, now: datetime) -> str:
    if holds.is_blind_spell(state, now, plan.policy):
        return "NOT LOOKED AT"
    if state.trouble:
        return "IN TROUBLE"
    if state.paused or state.paused_all:
        return "PAUSED"
    if state.out_of_reach:  # before what follows from it: a class that never speaks is also one that cannot be seen
        return "CANNOT FAIL OVER BY ITSELF"
    return "CANNOT BE SEEN" if state.blind_since else ""


def next_of(plan: Plan, state: PairState, seen: Assessment) -> dict[str, Any] | None:
    """What happens next by itself, and when: ``{"what", "at"}``; None if nothing has a time."""
    if state.phase is Phase.SUSPECT:
        met = find_confirmed_at(seen, state.active, plan.policy)
        return {"what": "the rule is met, if this lasts", "at": met} if met else None
    if state.phase is Phase.AWAITING_APPROVAL and state.approval:
        return {"what": "the proposal expires", "at": expires_at(state.approval, plan.policy)}
    ends = holds.cooldown_end(state, plan.policy)
    return {"what": "the cooldown ends", "at": ends} if ends else None


def needs_a_person(plan: Plan, state: PairState, now: datetime) -> bool:
    """Whether the pair waits for somebody, or does not get on without one."""
    return bool(
        state.phase is Phase.AWAITING_APPROVAL
        or waiting_request(state, now, plan.policy)
        or (state.phase is Phase.SETTLED and not state.acknowledged)
        or state.trouble
        or state.out_of_reach
        or holds.is_blind_spell(state, now, plan.policy)
    )


def can_fail_over(plan: Plan, state: PairState, seen: Assessment, now: datetime) -> bool:
    """Whether an outage of the active side would lead to a switch, or to a proposal of one, as things stand.

    That another stamp leads is no reason against it: it acts, or this one takes over.
    """
    return not (
        plan.policy.mode is Mode.OBSERVE
        or state.out_of_reach
        or holds.is_blind_spell(state, now, plan.policy)
        or any(hold.rule != holds.FOLLOWER for hold in holds.current_holds(state, seen, now, plan.policy))
    )
