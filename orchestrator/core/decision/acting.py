"""What several stamps that watch one pair make of a decision: who tells people, who cannot act, who sees otherwise.

A state without ``leadership`` is one of a stamp that has not found out yet, or of a version that knew no leaders: it
acts, as the only one does.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from orchestrator.core.base.text import format_duration, join_words, truncate
from orchestrator.core.base.vocabulary import EvidenceClass, NoticeName
from orchestrator.core.decision import holds
from orchestrator.core.decision.holds import CLOCK, CLOCK_LIMIT, UNFIT, Case
from orchestrator.core.decision.stamps import StampView, view_of
from orchestrator.core.decision.state import Decision, Order, PairState, Tell
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.policy import Policy

TOLD_BY_FOLLOWERS = frozenset({NoticeName.TROUBLE_BEGAN, NoticeName.TROUBLE_OVER})
"""What a follower tells people too: while it cannot read the stores it cannot know whether anybody leads."""

SILENT_AFTER = 2
"""Lifetimes of evidence without a view after which a stamp is told to be silent: ten minutes by default. It writes its
view three times in each, and a restart or a deployment takes less than two."""

_replace = msgspec.structs.replace


def follows(state: PairState | None) -> bool:
    """Whether another stamp acts for a pair, and this one only watches."""
    return state is not None and state.leadership is not None and state.leadership.follows


def is_fit(state: PairState | None, now: datetime, policy: Policy) -> bool:
    """Whether this stamp can act for a pair now, as far as itself is concerned. One that it never saw it cannot."""
    if state is None or state.looked_at is None:
        return False
    return state.unfit is None and state.rule != CLOCK and not holds.is_blind_spell(state, now, policy)


def account_for_stamps(
    before: PairState, decision: Decision, seen: Assessment, now: datetime, policy: Policy
) -> Decision:
    """The decision of a look, with what it means among several stamps.

    What this stamp cannot judge and what others see differently is noted. A follower tells people nothing but its own
    trouble. One that begins to act says so if it has taken over, and tells anew what stands: the stamp that told it,
    or should have, may be gone.
    """
    state = decision.state
    if state.leadership is None:
        return decision
    state = _replace(state, unfit=_why_unfit(state, seen, now, policy), dissent=describe_dissent(state, seen, now))
    orders = decision.orders
    if follows(state):
        orders = tuple(order for order in orders if not isinstance(order, Tell) or order.name in TOLD_BY_FOLLOWERS)
        return _replace(decision, state=_replace(state, silent_stamps=()), orders=orders)
    state, silence = _tell_silence(state, now, policy)
    return _replace(decision, state=state, orders=(*_tell_change(before, state), *silence, *orders))


def begin_to_act(before: PairState, after: PairState) -> PairState:
    """The state of a stamp that followed and acts from this look on: what people were told by others is told anew."""
    if not follows(before) or follows(after):
        return after
    return _replace(after, escalated=(), blind_classes=(), blind_told=False)


def describe_dissent(state: PairState, seen: Assessment, now: datetime) -> str | None:
    """What another stamp sees well and we see bad of the active side, or the other way round; None if nothing."""
    if not state.views:
        return None
    own = view_of("", now, phase=state.phase, active=state.active, epoch=state.epoch, seen=seen)
    told = [_describe_difference(state, own, view) for view in state.views if _is_fresh(view, state, now, seen.policy)]
    return truncate("; ".join(filter(None, told))) or None


def _is_fresh(view: StampView, state: PairState, now: datetime, policy: Policy) -> bool:
    return view.epoch == state.epoch and -CLOCK_LIMIT <= now - view.looked_at <= policy.evidence_lifetime


def _describe_difference(state: PairState, own: StampView, view: StampView) -> str:
    side = state.active
    better = set(own.bad.get(side, ())).intersection(view.well.get(side, ()))
    worse = set(own.well.get(side, ())).intersection(view.bad.get(side, ()))
    told = [
        f"{join_words(c.value for c in EvidenceClass if c in classes)} of the {side} {how}"
        for classes, how in ((better, "well"), (worse, "bad"))
        if classes
    ]
    return f"the stamp {view.stamp} sees {join_words(told)}, this one does not" if told else ""


def _why_unfit(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> str | None:
    side = state.active
    case = Case(state, seen, now, policy, side, side.other, seen.bad(side), state.pairs_moving)
    found = holds.find_holds(case, UNFIT)
    if found:
        return truncate(found[0].why)
    return "neither hub nor jobs of the active side can be seen from here" if state.blind_told else None


def _tell_change(before: PairState, after: PairState) -> tuple[Order, ...]:
    """A notice if this stamp has taken over from another one."""
    was, leadership = before.leadership, after.leadership
    if was is None or leadership is None or was.is_ours or not leadership.is_ours:
        return ()
    why = (
        f"the stamp {was.stamp} gave no sign that it leads: the stamp {leadership.stamp} leads under term "
        f"{leadership.term}; {after.why or 'the pair is watched on'}"
    )
    return (Tell(name=NoticeName.LEADER_CHANGED, why=truncate(why)),)


def _tell_silence(state: PairState, now: datetime, policy: Policy) -> tuple[PairState, tuple[Order, ...]]:
    """Stamps that write no view any more: told once by the one that acts, and again when all of them are back.

    The age of a view is by its writer's clock. A stamp whose clock is ahead is told so much later.
    """
    limit = SILENT_AFTER * policy.evidence_lifetime
    silent = {view.stamp: now - view.looked_at for view in state.views if now - view.looked_at > limit}
    new, known = sorted(silent.keys() - set(state.silent_stamps)), state.silent_stamps
    state = _replace(state, silent_stamps=tuple(sorted(silent)))
    if new:
        ages = join_words(f"the stamp {stamp} looked last {format_duration(silent[stamp])} ago" for stamp in new)
        why = f"{ages}: it does not watch, and nobody takes over if this one is gone"
        return state, (Tell(name=NoticeName.STAMP_SILENT, why=truncate(why)),)
    if known and not silent:
        why = f"{join_words(known)} can be heard again, or {'its view was' if len(known) == 1 else 'their views were'}"
        return state, (Tell(name=NoticeName.STAMP_HEARD, why=truncate(f"{why} removed")),)
    return state, ()
