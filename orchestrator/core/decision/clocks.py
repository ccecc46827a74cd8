"""A clock that jumped: what is decided while nobody knows the time, and what is put right when the stores confirm it.

A look brings what the stores' clocks say. If they contradict ours, nothing of the look counts: its evidence would be
dated wrongly. If our clock is behind what has been seen of it, it is wrong now or was wrong before: only a second clock
can tell. Until it does the pair holds; when it confirms the present, whatever was dated ahead of that is dropped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.core.base.store_time import StoreTime, describe_contradiction
from orchestrator.core.base.text import truncate
from orchestrator.core.base.vocabulary import NoticeName, Phase
from orchestrator.core.decision import holds
from orchestrator.core.decision.evidence import Deletion, Evidence, Reported, Spell, Track
from orchestrator.core.decision.proposals import close_proposal
from orchestrator.core.decision.state import Decision, Order, PairState, Tell, change_phase, note_reason
from orchestrator.core.decision.transitions import Trigger

_replace = msgspec.structs.replace


def find_doubt(state: PairState, told: StoreTime | None, now: datetime) -> str | None:
    """Why ``now`` is not believed; None if it is."""
    if told is not None and told.contradicts(now):
        return f"{describe_contradiction(now, told)}; nothing is decided until they agree"
    if told is not None and told.confirms(now):
        return None
    fault = holds.clock_fault(state, now)
    return fault.why if fault else None


def is_late(state: PairState, told: StoreTime | None, now: datetime) -> bool:
    """Whether a look was right about its time and is taken in long after it: a later time has been confirmed since."""
    if told is None or state.confirmed_at is None or not told.confirms(now):
        return False
    return state.confirmed_at - now > holds.CLOCK_LIMIT


def hold_for_clock(state: PairState, now: datetime, why: str) -> Decision:
    """Nothing is taken in. People are told when it begins."""
    is_new = state.rule != holds.CLOCK
    after = note_reason(state, now, holds.CLOCK, why, trouble=truncate(why))
    orders: tuple[Order, ...] = (Tell(name=NoticeName.TROUBLE_BEGAN, why=truncate(why)),) if is_new else ()
    return Decision(state=after, orders=orders, rule=holds.CLOCK, why=why)


def confirm_clock(state: PairState, told: StoreTime | None, now: datetime) -> PairState:
    """The state after the stores have confirmed ``now``, if they do: what lies ahead of it came from a wrong clock."""
    if told is None or not told.confirms(now):
        return state
    if state.last_now - now > holds.CLOCK_LIMIT:
        return _replace(without_future(state, now), confirmed_at=now)
    return _replace(state, confirmed_at=max(now, state.confirmed_at or now))


def without_future(state: PairState, now: datetime) -> PairState:
    """The state with nothing in it that is dated after ``now``.

    Evidence from then is dropped, and looks count as missed until now, so that what is left confirms no switch by
    itself. What holds (deletions, a cooldown, a failed run) stays, dated now.
    """
    approval = state.approval
    if approval is not None and approval.rejected_at is not None:
        asked, rejected = min(approval.asked_at, now), min(approval.rejected_at, now)
        state = _replace(state, approval=_replace(approval, asked_at=asked, rejected_at=rejected))
    elif approval is not None and approval.asked_at > now:
        state = close_proposal(state, now, "was withdrawn, for it was made by a wrong clock,")
        if state.phase is Phase.AWAITING_APPROVAL:
            why = "the proposal was made by a clock that was wrong"
            state = change_phase(state, Trigger.RULE_LOST, now, holds.CLOCK, why)
    past: dict[str, Any] = {
        name: min(at, now)
        for name in ("phase_since", "switched_at", "failed_at", "blind_since")
        if (at := getattr(state, name)) is not None
    }
    if state.polled is not None:
        past["polled"] = _replace(state.polled, at=min(state.polled.at, now))
    if state.looked_at is not None and state.looked_at > now:
        past |= {"looked_at": None, "resumed_at": now}
    elif state.resumed_at is not None:
        past["resumed_at"] = min(state.resumed_at, now)
    return _replace(state, evidence=_evidence_until(state.evidence, now), last_now=now, **past)


def _evidence_until(evidence: Evidence, now: datetime) -> Evidence:
    return _replace(
        evidence,
        tracks={key: track for key, track in evidence.tracks.items() if _latest(track) <= now},
        reported={key: item for key, item in evidence.reported.items() if _latest(item) <= now},
        incidents={key: item for key, item in evidence.incidents.items() if item.at <= now},
        deletions={key: _date(item, now) for key, item in evidence.deletions.items()},
        changes={key: item for key, item in evidence.changes.items() if item.at <= now},
        spells={key: _cut(spell, now) for key, spell in evidence.spells.items() if spell.since <= now},
        wellness={
            key: well if well.at <= now else _replace(well, at=now, is_well=False)
            for key, well in evidence.wellness.items()
        },
        global_at=min(evidence.global_at, now) if evidence.global_at else None,
    )


def _latest(dated: Track | Reported) -> datetime:
    """The latest moment in a track or a statement."""
    return max(at for name in dated.__struct_fields__ if isinstance(at := getattr(dated, name), datetime))


def _date(item: Deletion, now: datetime) -> Deletion:
    return _replace(item, at=min(item.at, now))


def _cut(spell: Spell, now: datetime) -> Spell:
    return _replace(spell, until=min(spell.until, now))
