"""Folding signals into evidence: newest by time of occurrence, blind neither breaks nor prolongs, bounded."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice, zip_longest
from typing import Any, Protocol

import msgspec

from orchestrator.core.base.evidence_classes import MEMBERS
from orchestrator.core.base.text import join_words, truncate
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role, Surface
from orchestrator.core.decision.brown_out import append_answer
from orchestrator.core.decision.evidence import (
    CHANGE_LIMIT,
    DELETION_LIMIT,
    FUTURE_LIMIT,
    INCIDENT_LIMIT,
    OF_NO_SIDE,
    REPORTED_LIMIT,
    WORLD,
    Change,
    Deletion,
    Evidence,
    Incident,
    Reported,
    Spell,
    Track,
    Wellness,
    class_key,
    track_key,
)
from orchestrator.core.decision.verdicts import (
    ROLES,
    Extent,
    Extents,
    bad_extents,
    in_order,
    is_open,
    lifetime_of,
    spell_of,
    unsteadiness_of,
)
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import Says, Scope, Signal


class Dated(Protocol):
    @property
    def at(self) -> datetime: ...


def evict_fairly[T: Dated](items: dict[str, T], limit: int, kind: Callable[[T], tuple[Any, ...]]) -> dict[str, T]:
    """At most ``limit`` of the items, oldest first: the newest of every kind, then the second newest of each.

    Args:
        items: by key.
        limit: how many may stay.
        kind: what an item is good for. Where there are more kinds than room, those that sort last stay.
    """
    if len(items) <= limit:
        return items
    aged = sorted(items, key=lambda key: (items[key].at, key))
    kept = set(islice(_in_turn(items, aged[::-1], kind), limit))
    return {key: items[key] for key in aged if key in kept}


def _in_turn[T: Dated](items: dict[str, T], keys: list[str], kind: Callable[[T], tuple[Any, ...]]) -> Iterator[str]:
    kinds: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for key in keys:
        kinds[kind(items[key])].append(key)
    for row in zip_longest(*(kinds[each] for each in sorted(kinds, reverse=True))):
        yield from (key for key in row if key is not None)


WHY_LIMIT = 120

NAME_LIMIT = 80

OPERATION = timedelta(minutes=1)
"""How long before its end an operation may have shown its effect."""

_OBSERVER = track_key(None, Surface.OBSERVER)

_ELSEWHERE = track_key(None, Surface.ELSEWHERE)

_IDENTITY = {role: track_key(role, Surface.IDENTITY) for role in Role}

_FAILING = frozenset({Observation.BAD, Observation.BLIND})

_replace = msgspec.structs.replace


class _Draft:
    """Working copies of one fold's parts, copied when first written."""

    def __init__(self, evidence: Evidence, now: datetime, policy: Policy) -> None:
        self.tracks: dict[str, Track] = dict(evidence.tracks)
        self.reported: dict[str, Reported] = evidence.reported
        self.incidents: dict[str, Incident] = evidence.incidents
        self.deletions: dict[str, Deletion] = evidence.deletions
        self.spells: dict[str, Spell] = evidence.spells
        self.changes: dict[str, Change] = evidence.changes
        self.global_at, self.global_why = evidence.global_at, evidence.global_why
        self.from_the_future = evidence.from_the_future
        self.unknown_words = evidence.unknown_words
        self.last_unknown = evidence.last_unknown
        self.now = now
        self.policy = policy


def fold(evidence: Evidence, signals: Iterable[Signal], now: datetime, policy: Policy) -> Evidence:
    """The evidence after these signals, as known at ``now``. Time passes even without signals."""
    return fold_with_extents(evidence, signals, now, policy)[0]


def fold_with_extents(
    evidence: Evidence, signals: Iterable[Signal], now: datetime, policy: Policy
) -> tuple[Evidence, Extents]:
    """The same, with what is bad by it at ``now``, which folding has to work out anyway."""
    draft = _Draft(evidence, now, policy)
    for signal in sorted(signals, key=_order):
        if signal.unknown:
            draft.unknown_words += 1
            draft.last_unknown = truncate(signal.unknown[0], NAME_LIMIT)
        if signal.occurred_at - now > FUTURE_LIMIT:
            draft.from_the_future += 1
        else:
            _FOLDERS[signal.says](draft, signal)
    after = Evidence(
        tracks=draft.tracks,
        reported=evict_fairly(draft.reported, REPORTED_LIMIT, lambda item: _use_of_statement(item, now, policy)),
        incidents=evict_fairly(draft.incidents, INCIDENT_LIMIT, lambda item: _use_of_incident(item, now, policy)),
        deletions=evict_fairly(
            _deletions_that_stand(draft), DELETION_LIMIT, lambda item: (item.role, item.surface or "")
        ),
        spells=draft.spells,
        wellness=evidence.wellness,
        changes=evict_fairly(_recent_changes(draft), CHANGE_LIMIT, lambda item: (item.role, item.surfaces)),
        from_the_future=draft.from_the_future,
        unknown_words=draft.unknown_words,
        last_unknown=draft.last_unknown,
    )
    bad = bad_extents(after, now, policy)
    global_at, global_why = _last_global(draft, after, bad)
    after = _replace(after, global_at=global_at, global_why=global_why)
    spells, wellness = _spells(after, bad), _wellness(after, bad, now, policy)
    return _replace(after, spells=spells, wellness=wellness), bad


def without_deletions(evidence: Evidence) -> Evidence:
    """The evidence after a person has seen what was deleted."""
    return _replace(evidence, deletions={})


def _order(signal: Signal) -> tuple[datetime, int]:
    """By time, and of the same moment those surfaces first through which all others are seen."""
    surface = signal.surface
    return signal.occurred_at, 0 if surface is Surface.OBSERVER else 1 if surface is Surface.IDENTITY else 2


def _fold_probe(draft: _Draft, signal: Signal) -> None:
    surface = signal.surface
    if surface is None or (signal.role is None) is not (surface in OF_NO_SIDE):
        return
    key = track_key(signal.role, surface)
    at = signal.occurred_at
    at = min(at, draft.now)
    track = draft.tracks.get(key)
    if track is not None and at <= track.at:
        return
    void = _why_answer_is_void(draft, signal.role, surface, at)
    observation, why = (Observation.BLIND, void) if void else (signal.observation, truncate(signal.why, WHY_LIMIT))
    after = _track_answer(track, observation, at, why, draft.policy.evidence_lifetime)
    history = track.history if track else None
    if signal.role is not None:
        policy = draft.policy
        history = append_answer(history, observation, at, stands=policy.probe_interval, window=policy.share_window)
    change = _change_behind(draft, signal.role, surface, after) if observation is Observation.BAD else after.change
    draft.tracks[key] = _replace(after, history=history, change=change, asked_since=track.asked_since if track else at)


def _why_answer_is_void(draft: _Draft, role: Role | None, surface: Surface, at: datetime) -> str | None:
    """Why a probe's answer says nothing about what it asked: our own network, or the token, failed at that time."""
    if surface is Surface.OBSERVER:
        return None
    lifetime = draft.policy.evidence_lifetime
    if _is_failing(draft.tracks.get(_OBSERVER), at, lifetime):
        return "our own network or region is in trouble"
    if role is None or surface is Surface.IDENTITY:
        return None
    return "no token could be had" if _is_failing(draft.tracks.get(_IDENTITY[role]), at, lifetime) else None


def _is_failing(prerequisite: Track | None, at: datetime, lifetime: timedelta) -> bool:
    return prerequisite is not None and prerequisite.seen in _FAILING and at - prerequisite.at <= lifetime


def _track_answer(track: Track | None, seen: Observation, at: datetime, why: str, lifetime: timedelta) -> Track:
    if track is None:
        track = Track(at=at, seen=seen)
    if seen is Observation.OK:
        return Track(at=at, seen=seen, why=why, ok_at=at, oks=track.oks + 1)
    if seen is not Observation.BAD:
        degraded_at = at if seen is Observation.DEGRADED else track.degraded_at
        return _replace(track, at=at, seen=seen, why=why, degraded_at=degraded_at)
    goes_on = track.bad_at is not None and at - track.bad_at <= lifetime
    return Track(
        at=at,
        seen=seen,
        why=why,
        ok_at=track.ok_at,
        degraded_at=track.degraded_at,
        bads=track.bads + 1 if goes_on else 1,
        bad_since=track.bad_since if goes_on else at,
        bad_at=at,
        bad_why=why,
        change=track.change,
    )


def _change_behind(draft: _Draft, role: Role | None, surface: Surface, track: Track) -> str:
    """Which change a row of bad answers is the effect of; as long as no good answer came, the first one found."""
    if track.change:
        return track.change
    for change in draft.changes.values():
        if change.role is role and surface in change.surfaces and _follows(track.bad_since, change, draft.policy):
            return change.why
    return ""


def _follows(since: datetime | None, change: Change, policy: Policy) -> bool:
    """Whether something turned bad soon after a change. An operation shows its effect a little before it ends."""
    return since is not None and change.at - OPERATION <= since <= change.at + policy.change_window


def _fold_health(draft: _Draft, signal: Signal) -> None:
    """Resource Health. What does not know the state, or not whose doing it is, changes nothing."""
    if signal.observation is Observation.BLIND or signal.role is None:
        return
    _report(draft, signal, EvidenceClass.DEPENDENCY, draft.policy.notice_lifetime)


def _fold_alert(draft: _Draft, signal: Signal) -> None:
    if signal.counts and signal.role is not None and signal.observation is not Observation.BLIND:
        _report(draft, signal, EvidenceClass.METRICS, draft.policy.metrics_lifetime)


def _alive[T: (Reported, Incident)](items: dict[str, T], now: datetime, policy: Policy) -> dict[str, T]:
    """Without what is so old that neither it nor anything older can count."""
    horizon = now - 2 * max(policy.notice_lifetime, policy.metrics_lifetime)
    return {key: item for key, item in items.items() if item.at >= horizon}


def _report(draft: _Draft, signal: Signal, evidence_class: EvidenceClass, lifetime: timedelta) -> None:
    if signal.role is None:
        return
    key = _short_key(signal)
    bad = signal.observation is Observation.BAD and signal.counts
    at = signal.occurred_at
    before = draft.reported.get(key)
    if before is not None and not _is_newer(signal, before, bad=bad):
        late = _with_late(before, at, bad=bad, lifetime=lifetime)
        if late is not before:
            draft.reported = {**draft.reported, key: late}
            if not bad:
                _break_spell(draft, signal.role, evidence_class, at)
        return
    if before is not None and before.bad and not bad:
        _break_spell(draft, signal.role, evidence_class, at)
    since = at if bad else None
    if bad and before is not None and before.bad and before.since is not None and at - before.at <= lifetime:
        track = draft.tracks.get(track_key(signal.role, signal.surface)) if signal.surface else None
        since = at if track and track.ok_at and track.ok_at > before.at else before.since
    draft.reported = {
        **_alive(draft.reported, draft.now, draft.policy),
        key: Reported(
            role=signal.role,
            evidence_class=evidence_class,
            surface=signal.surface,
            name=truncate(signal.subject.rpartition("/")[2], NAME_LIMIT),
            at=at,
            bad=bad,
            since=since,
            good_at=at if not bad else before.good_at if before is not None else None,
            observation=signal.observation,
            why=truncate(signal.why, WHY_LIMIT),
            change=_change_behind_alert(draft, signal, since, before) if bad else "",
        ),
    }


def _change_behind_alert(draft: _Draft, signal: Signal, since: datetime | None, before: Reported | None) -> str:
    """Which change an alert's row is the effect of. What Resource Health says of the platform is nobody's change."""
    if signal.says is not Says.ALERT or signal.role is None:
        return ""
    if before is not None and before.bad and before.change:
        return before.change
    name = truncate(signal.subject.rpartition("/")[2], NAME_LIMIT)
    for change in draft.changes.values():
        if (change.role, change.name) == (signal.role, name) and _follows(since, change, draft.policy):
            return change.why
    return ""


def _with_late(before: Reported, at: datetime, *, bad: bool, lifetime: timedelta) -> Reported:
    """What stands, after a statement that was overtaken: it may begin a row of bad ones earlier, or break it."""
    if bad:
        is_row = before.bad and before.since is not None and timedelta() < before.since - at <= lifetime
        unbroken = before.good_at is None or before.good_at < at
        return _replace(before, since=at) if is_row and unbroken else before
    if before.good_at is not None and before.good_at >= at:
        return before
    breaks = before.bad and before.since is not None and before.since <= at < before.at
    return _replace(before, good_at=at, since=before.at if breaks else before.since)


def _break_spell(draft: _Draft, role: Role, evidence_class: EvidenceClass, at: datetime) -> None:
    """A class was bad no longer than until a recovery in it occurred, however late that was told."""
    key = class_key(role, evidence_class)
    spell = draft.spells.get(key)
    if spell is not None and spell.until > at:
        draft.spells = {**draft.spells, key: Spell(since=min(spell.since, at), until=at)}


def _is_newer(signal: Signal, before: Reported, *, bad: bool) -> bool:
    """Whether a statement takes the place of the one that stands, whichever arrived first.

    Resource Health dates its states to the second: of two in the same second the worse stands. An alert that is
    resolved at the very moment at which it fired is over.
    """
    at = signal.occurred_at
    if signal.says is Says.ALERT:
        return at > before.at or (at == before.at and before.bad and not bad)
    rank, stands = _badness(bad, signal.observation), _badness(before.bad, before.observation)
    return (at.replace(microsecond=0), rank, at) > (before.at.replace(microsecond=0), stands, before.at)


def _badness(bad: bool, observation: Observation) -> int:
    return 2 if bad else 1 if observation is Observation.DEGRADED else 0


def _fold_notice(draft: _Draft, signal: Signal) -> None:
    """Service Health. What is not understood neither begins nor ends an incident."""
    if signal.observation is Observation.BLIND:
        return
    scope = signal.scope or Scope()
    key = _short_key(signal)
    active = signal.observation is Observation.BAD and signal.counts
    before = draft.incidents.get(key)
    if before is not None and (
        signal.occurred_at < before.at or (signal.occurred_at == before.at and not (before.active and not active))
    ):
        return
    if before is None and not (scope.named or scope.everywhere or scope.ours):
        return
    draft.incidents = {
        **_alive(draft.incidents, draft.now, draft.policy),
        key: Incident(
            at=signal.occurred_at,
            active=active,
            named=scope.named,
            used=scope.used,
            everywhere=scope.everywhere,
            ours=scope.ours,
            why=truncate(signal.why, WHY_LIMIT),
        ),
    }


def _fold_deletion(draft: _Draft, signal: Signal) -> None:
    key = _short_key(signal)
    before = draft.deletions.get(key)
    if signal.role is None or (before is not None and before.at >= signal.occurred_at):
        return
    name = truncate(signal.subject.rpartition("/")[2], NAME_LIMIT)
    deletion = Deletion(role=signal.role, surface=signal.surface, name=name, at=signal.occurred_at)
    draft.deletions = {**draft.deletions, key: deletion}


def _fold_write(draft: _Draft, signal: Signal) -> None:
    key = _short_key(signal)
    before = draft.deletions.get(key)
    if before is not None and signal.occurred_at > before.at:
        draft.deletions = {kept: value for kept, value in draft.deletions.items() if kept != key}
    _fold_change(draft, signal)


def _fold_change(draft: _Draft, signal: Signal) -> None:
    """Somebody changed a resource: what has turned bad in it since then is no evidence, told early or late."""
    key, role = _short_key(signal), signal.role
    before = draft.changes.get(key)
    if role is None or (before is not None and before.at >= signal.occurred_at):
        return
    name = truncate(signal.subject.rpartition("/")[2], NAME_LIMIT)
    change = Change(
        role=role,
        surfaces=_surfaces_behind(signal),
        name=name,
        at=signal.occurred_at,
        why=truncate(f"{name}: {signal.why}", WHY_LIMIT),
    )
    draft.changes = {**draft.changes, key: change}
    for surface in change.surfaces:
        track_of = track_key(role, surface)
        track = draft.tracks.get(track_of)
        if track is not None and track.bads and not track.change and _follows(track.bad_since, change, draft.policy):
            draft.tracks[track_of] = _replace(track, change=change.why)
    for of, item in draft.reported.items():
        is_alert = item.evidence_class is EvidenceClass.METRICS and (item.role, item.name) == (role, name)
        if is_alert and item.bad and not item.change and _follows(item.since, change, draft.policy):
            draft.reported = {**draft.reported, of: _replace(item, change=change.why)}


def _surfaces_behind(signal: Signal) -> tuple[Surface, ...]:
    """What asks a resource: its own surface, or all that goes through the workspace itself."""
    return (signal.surface,) if signal.surface else (Surface.HUB, Surface.JOBS) if signal.is_hub else ()


def _recent_changes(draft: _Draft) -> dict[str, Change]:
    """Changes that may still explain something; those that explain a row of bad answers are kept with its track."""
    horizon = draft.now - draft.policy.change_window - draft.policy.evidence_lifetime
    if all(change.at >= horizon for change in draft.changes.values()):
        return draft.changes
    return {key: change for key, change in draft.changes.items() if change.at >= horizon}


def _last_global(draft: _Draft, after: Evidence, bad: Extents) -> tuple[datetime | None, str]:
    """When and why a fault was last known to be everybody's: seen elsewhere, or told as global."""
    at, why = draft.global_at, draft.global_why
    seen = after.tracks.get(_ELSEWHERE)
    if seen is not None and seen.bad_at is not None and (at is None or seen.bad_at > at):
        at, why = seen.bad_at, f"the same fault was seen in regions that belong to no pair: {seen.bad_why or 'failed'}"
    for incident in after.incidents.values():
        if _is_global(incident, bad) and is_open(incident, draft.now, draft.policy):
            at, why = draft.now, f"Service Health named the whole world: {incident.why}"
    return at, truncate(why, WHY_LIMIT)


def _is_global(incident: Incident, bad: Extents) -> bool:
    """Whether an incident with the region ``global`` is everybody's, as far as what was probed tells.

    One that also names the region of one side may be a regional one, unless the other side is bad as well.
    """
    if not incident.everywhere or len(incident.used) != 1:
        return incident.everywhere
    return any(evidence_class in MEMBERS for evidence_class in bad[incident.used[0].other])


def _deletions_that_stand(draft: _Draft) -> dict[str, Deletion]:
    """Deletions, without those whose resource still answers well a lifetime later: it is there again."""
    lifetime = draft.policy.evidence_lifetime
    back = {key for key, gone in draft.deletions.items() if _answers_since(draft, gone, lifetime)}
    return {key: gone for key, gone in draft.deletions.items() if key not in back} if back else draft.deletions


def _answers_since(draft: _Draft, gone: Deletion, lifetime: timedelta) -> bool:
    track = draft.tracks.get(track_key(gone.role, gone.surface)) if gone.surface else None
    return bool(track and track.ok_at and track.ok_at == track.at and track.ok_at - gone.at > lifetime)


_FOLDERS = {
    Says.SEEN: _fold_probe,
    Says.HEALTH: _fold_health,
    Says.ALERT: _fold_alert,
    Says.NOTICE: _fold_notice,
    Says.DELETED: _fold_deletion,
    Says.WRITTEN: _fold_write,
    Says.CHANGED: _fold_change,
}


def _short_key(signal: Signal) -> str:
    """A short key for what a signal is about; bounded, whatever the sender put into its names."""
    says = Says.DELETED if signal.says in {Says.WRITTEN, Says.CHANGED} else signal.says
    what = f"{signal.role or WORLD}|{says}|{signal.subject}"
    return hashlib.blake2b(what.encode(errors="replace"), digest_size=9).hexdigest()


def _use_of_statement(item: Reported, now: datetime, policy: Policy) -> tuple[Any, ...]:
    """What a statement speaks for or against. A good one of a kind keeps older bad ones of it from counting."""
    lives = now - item.at <= lifetime_of(item.evidence_class, policy)
    return lives, item.bad, item.role, item.evidence_class, item.surface or ""


def _use_of_incident(item: Incident, now: datetime, policy: Policy) -> tuple[Any, ...]:
    """Incidents that are alike in this have the same effect: one of them is enough, and one of each has to stay."""
    return is_open(item, now, policy), item.everywhere, item.ours, item.used, item.named


def _spells(evidence: Evidence, bad: Extents) -> dict[str, Spell]:
    """Joins what is bad now to the last spell of its class, if the two touch."""
    if not any(bad.values()):
        return evidence.spells
    found = {
        class_key(role, c): spell_of(evidence, role, c, extent)
        for role, classes in bad.items()
        for c, extent in classes.items()
    }
    return evidence.spells | found


def _wellness(evidence: Evidence, bad: Extents, now: datetime, policy: Policy) -> dict[str, Wellness]:
    return {role: _well(evidence, role, _trouble(bad[role]), now, policy) for role in ROLES}


def _trouble(bad: dict[EvidenceClass, Extent]) -> str:
    return f"{join_words(in_order(bad))} bad" if bad else ""


def _well(evidence: Evidence, role: Role, trouble: str, now: datetime, policy: Policy) -> Wellness:
    if trouble:
        return Wellness(at=now, why=trouble)
    before = evidence.wellness.get(role)
    length = before.length if before else timedelta()
    doubt = unsteadiness_of(evidence, role, now, policy)
    if doubt:
        return Wellness(length=length, at=now, why=truncate(doubt, WHY_LIMIT))
    if before and before.is_well and now - before.at <= policy.evidence_lifetime:
        length += max(now - before.at, timedelta())
    return Wellness(length=length, at=now, is_well=True)
