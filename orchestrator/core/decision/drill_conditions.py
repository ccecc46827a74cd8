"""What a full drill needs before it begins: it moves the pointer, so nothing may be in the way there or back. Pure.

What holds every switch that a person orders holds it as well; that is asked for with the order.
"""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.base.text import format_duration, format_time
from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision import failback
from orchestrator.core.decision.standing import find_standing
from orchestrator.core.decision.state import PairState
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.policy import Policy

FORCED = ", or forced with a reason"
"""What a refused way back offers to a person. A full drill forces nothing."""


def find_unfit(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> str:
    """Why a pair is in no state for a full drill, for people; empty if it may begin, as far as its state goes."""
    if state.looked_at is None:
        return "the pair has not been looked at yet"
    if state.active is not Role.PRIMARY:
        return "it begins with the primary active, and the secondary is"
    if state.phase is not Phase.STEADY:
        return f"the pair is {state.phase.replace('_', ' ')}, and has to be steady"
    return _find_unready(state, now, policy) or _find_closed_way_back(seen, now, policy)


def _find_unready(state: PairState, now: datetime, policy: Policy) -> str:
    standing = find_standing(state.readiness, Role.PRIMARY)
    if standing is None:
        return "nobody has looked yet whether the secondary is ready"
    if not standing.ready:
        return f"the secondary is not ready, as of {format_time(standing.at)}: {standing.why}"
    age = now - standing.at
    if age > policy.readiness_lifetime:
        limit = format_duration(policy.readiness_lifetime)
        return f"the secondary was found ready {format_duration(age)} ago, which counts no more (limit {limit})"
    return ""


def _find_closed_way_back(seen: Assessment, now: datetime, policy: Policy) -> str:
    closed = failback.unready(seen, now, policy)
    return f"the way back would not be open: {closed.removesuffix(FORCED)}" if closed else ""
