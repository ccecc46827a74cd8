"""What a look, or a delivery, brought besides signals: the epoch record, the stores' trouble, what stamps share. Pure.

A look takes time. What it read before the state last changed is older than the state and proves nothing against it:
pauses carry the time at which they were given, and epoch records are compared only by looks that began afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.store_time import StoreTime
from orchestrator.core.base.text import format_time, join_words, truncate
from orchestrator.core.base.vocabulary import Mode, NoticeName
from orchestrator.core.decision import holds
from orchestrator.core.decision.evidence import Deletion, Evidence
from orchestrator.core.decision.leadership import keep_since
from orchestrator.core.decision.stamps import PauseRecord, Shared, green_count
from orchestrator.core.decision.standing import ReadinessStanding, find_standing
from orchestrator.core.decision.state import Order, PairState, Pause, Polled, Tell
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import Signal


class Observed(Value, kw_only=True):
    """What one look, or one delivery, brought."""

    now: Moment
    signals: tuple[Signal, ...] = ()
    record: EpochRecord | None = None
    """The epoch record as read during the look; None in deliveries."""

    trouble: str | None = None
    """Why a store could not be read, or contradicts another; the pair stands still until that is over."""

    shared: Shared | None = None
    """What the stamps share, as read during the look; in deliveries, a pause that was just given."""

    began: Moment | None = None
    """When the look began: what it read is no younger."""

    store_time: StoreTime | None = None
    """What the clocks of the stores showed at ``now``, by the answers that the look got from them."""

    is_fenced: bool = False
    """True if the pointer is ahead of the epoch record: no run could publish over it."""

    is_look: bool = False
    """True for the timer's looks, which alone can tell that trouble is over."""

    pairs_moving: float = 0.0
    """Share of all pairs that are suspect or on the move."""

    polled: Polled | None = None
    """What became of the poll, if this is one."""


_replace = msgspec.structs.replace


def apply_observation(
    state: PairState, seen: Observed, now: datetime, policy: Policy
) -> tuple[PairState, tuple[Order, ...]]:
    """The state after everything but the signals, and what is to be told of it."""
    before = state
    if seen.polled is not None:
        state = _replace(state, polled=seen.polled)
    if seen.shared:
        state = with_shared(state, seen.shared)
    if seen.is_look:
        trouble = seen.trouble or contradiction(state, seen.record, seen.began)
        resumed = now if holds.is_blind_spell(state, now, policy) else state.resumed_at
        caution = seen.shared.caution if seen.shared else None
        said = truncate(trouble) if trouble else None
        state = _replace(state, looked_at=now, resumed_at=resumed, trouble=said, caution=caution)
        state = _replace(state, pairs_moving=seen.pairs_moving)
    elif seen.trouble:
        state = _replace(state, trouble=truncate(seen.trouble))
    return state, _notices(before, state, now, policy)


def clear_readiness(state: PairState, evidence: Evidence, now: datetime) -> tuple[PairState, tuple[Order, ...]]:
    """The state and what is to be told when something of a standby was deleted that was found ready before.

    It is not ready before a look says so that has begun after this, nor while the deletion stands.
    """
    before, standing = state.evidence.deletions, find_standing(state.readiness, state.active)
    if standing is None or not standing.ready or evidence.deletions is before:
        return state, ()
    gone = [
        each
        for key, each in evidence.deletions.items()
        if each.role is state.active.other and each.at > standing.at and before.get(key) != each
    ]
    if not gone:
        return state, ()
    after = _replace(standing, at=now, ready=False, why=_describe_deleted(gone), due_at=now)
    return _replace(state, readiness=after), tuple(_readiness_notices(standing, after))


def with_shared(state: PairState, shared: Shared) -> PairState:
    """The state with what the stamps share. What was not read, or is not there, changes nothing."""
    changes: dict[str, Any] = {}
    if shared.pause and _is_news(shared.pause, state.pause_read):
        changes |= {"paused": _pause(shared.pause), "pause_read": shared.pause.at}
    if shared.pause_all and _is_news(shared.pause_all, state.pause_all_read):
        changes |= {"paused_all": _pause(shared.pause_all), "pause_all_read": shared.pause_all.at}
    if shared.drills is not None:
        changes["green_drills"] = tuple(drill.at for drill in shared.drills)
    if shared.views is not None:
        changes["views"] = shared.views
    if shared.leadership is not None:
        since = keep_since(state.leadership, shared.leadership)
        changes["leadership"] = _replace(shared.leadership, since=since)
    if shared.readiness is not None and (state.readiness is None or shared.readiness.at >= state.readiness.at):
        changes["readiness"] = _while_deleted(shared.readiness, state)
    return _replace(state, **changes) if changes else state


def _while_deleted(standing: ReadinessStanding, state: PairState) -> ReadinessStanding:
    """What a look found, not ready as long as something of the standby is told to be deleted, which holds as well."""
    if not standing.ready or standing.active is not state.active:
        return standing
    gone = [each for each in state.evidence.deletions.values() if each.role is state.active.other]
    return _replace(standing, ready=False, why=_describe_deleted(gone)) if gone else standing


def _describe_deleted(gone: Iterable[Deletion]) -> str:
    names = join_words(f"{each.name} ({format_time(each.at)})" for each in gone)
    return truncate(f"somebody deleted {names}")


def contradiction(state: PairState, record: EpochRecord | None, began: datetime | None) -> str | None:
    """Why the epoch record cannot be true, given what has been seen before."""
    if record is None or record.epoch > state.epoch:
        return None
    if began is not None and state.switched_at is not None and began <= state.switched_at:
        return None
    if record.epoch < state.epoch:
        return f"the epoch record says {record.epoch}, but epoch {state.epoch} has been seen: it went back"
    if record.active is not state.active:
        return f"the epoch record of epoch {record.epoch} names the {record.active}, not the {state.active}"
    return None


def _is_news(record: PauseRecord, known: datetime | None) -> bool:
    return known is None or record.at > known


def _pause(record: PauseRecord) -> Pause | None:
    if not record.paused:
        return None
    return Pause(since=record.at, by=truncate(record.by, 80), reason=truncate(record.reason))


def _notices(before: PairState, after: PairState, now: datetime, policy: Policy) -> tuple[Order, ...]:
    """Trouble that begins or ends, a pause of everything, and drills that have grown too old, each once."""
    told: list[Order] = []
    if after.trouble and not before.trouble:
        told.append(Tell(name=NoticeName.TROUBLE_BEGAN, why=after.trouble))
    if before.trouble and not after.trouble:
        told.append(Tell(name=NoticeName.TROUBLE_OVER, why=f"there is no trouble any more; it was: {before.trouble}"))
    told += _readiness_notices(before.readiness, after.readiness)
    if policy.mode is Mode.AUTO and not policy.auto_without_drills.strip() and before.looked_at:
        had = green_count(before.green_drills, before.looked_at, policy)
        has = green_count(after.green_drills, now, policy)
        if has < policy.green_drills <= had:
            why = f"{has} of {policy.green_drills} drills count now: the mode auto does not act before the next one"
            told.append(Tell(name=NoticeName.DRILLS_LAPSED, why=why))
    return tuple(told)


def _readiness_notices(before: ReadinessStanding | None, after: ReadinessStanding | None) -> list[Order]:
    """A standby that is not ready any more, or was not from the first look on, and one that is again; each once."""
    if after is None or before == after:
        return []
    was = before is None or before.ready
    if was and not after.ready:
        return [Tell(name=NoticeName.STANDBY_NOT_READY, why=f"the {after.active.other} is not ready: {after.why}")]
    if after.ready and not was:
        return [Tell(name=NoticeName.STANDBY_READY, why=f"the {after.active.other} is ready (score {after.score})")]
    return []
