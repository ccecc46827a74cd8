"""A pair that cannot be seen stays where it is, and people learn that it does."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator.core.base.text import moment
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.decision.rule import blind_work
from orchestrator.core.decision.state import Order, PairState, Tell
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.policy import Policy


def sighted(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> tuple[PairState, tuple[Order, ...]]:
    """The state with since when its active side cannot be seen; told after ``confirm_after``, and when it is over.

    Nothing is decided on it: what cannot be seen is neither bad nor well.
    """
    blind = blind_work(seen, state.active)
    if not blind:
        return _seeing(state)
    since = state.blind_since or now
    if state.blind_told or now - since < policy.confirm_after:
        return msgspec.structs.replace(state, blind_since=since), ()
    why = f"since {moment(since)} {blind}; until that is over nothing is switched by itself"
    after = msgspec.structs.replace(state, blind_since=since, blind_told=True)
    return after, (Tell(name=NoticeName.SIGHT_LOST, why=why),)


def _seeing(state: PairState) -> tuple[PairState, tuple[Order, ...]]:
    if state.blind_since is None:
        return state, ()
    why = f"the active side can be seen again; it could not since {moment(state.blind_since)}"
    orders = (Tell(name=NoticeName.SIGHT_REGAINED, why=why),) if state.blind_told else ()
    return msgspec.structs.replace(state, blind_since=None, blind_told=False), orders
