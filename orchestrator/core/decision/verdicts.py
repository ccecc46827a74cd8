"""What the evidence amounts to at a moment: one verdict per side and class. Pure.

A probed class is bad after ``bad_after`` bad answers in a row, since the first of them, until one good answer or
until its lifetime has passed without a further one. Being bad lasts from the first evidence to the last: blind
answers in between neither break nor prolong it. Statements of Resource Health and alerts are states: they last
until a newer statement, a newer good answer of that resource's probe, or their lifetime.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.base.codec import Value, to_builtins
from orchestrator.core.base.evidence_classes import MEMBERS
from orchestrator.core.base.text import format_duration, remark_of
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role, Surface
from orchestrator.core.decision.brown_out import BAD_LETTER, SPELLS, Share, is_brown_out, share_of
from orchestrator.core.decision.evidence import (
    MEMBER_KEYS,
    SIDE_KEYS,
    SPEAKER,
    Deletion,
    Evidence,
    Incident,
    Reported,
    Spell,
    Track,
    class_key,
    track_key,
)
from orchestrator.core.plan.policy import Policy

REASONS_TOLD = 3
"""Reasons that a verdict tells in full; of the others only how many there are."""


class Verdict(Value, kw_only=True):
    """What one class says of one side."""

    observation: Observation | None
    """None if nothing was ever asked or heard."""

    since: datetime | None = None
    """For ``bad``: since when, without a break."""

    until: datetime | None = None
    """For ``bad``: the last evidence of it."""

    last_ok_at: datetime | None = None
    """When it was last seen well, in all its parts."""

    why: str = ""

    @property
    def bad_for(self) -> timedelta:
        return self.until - self.since if self.since and self.until else timedelta()


class Assessment:
    """Verdicts at one moment, made when asked for."""

    def __init__(self, evidence: Evidence, now: datetime, policy: Policy, bad: Extents | None = None) -> None:
        self.evidence = evidence
        self.now = now
        self.policy = policy
        self._made: dict[tuple[Role, EvidenceClass], Verdict] = {}
        self._told: dict[Role, tuple[EvidenceClass, ...]] = {}
        self._extents = bad

    def of(self, role: Role, evidence_class: EvidenceClass) -> Verdict:
        key = (role, evidence_class)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._verdict(role, evidence_class)
        return made

    def bad(self, role: Role) -> tuple[EvidenceClass, ...]:
        """The classes that are bad on a side, ``notice`` among them."""
        told = self._told.get(role)
        if told is None:
            told = self._told[role] = in_order(self._bad(role))
        return told

    def _verdict(self, role: Role, evidence_class: EvidenceClass) -> Verdict:
        evidence, now, policy = self.evidence, self.now, self.policy
        surfaces = MEMBERS.get(evidence_class, ())
        tracks = {s: t for s in surfaces if (t := evidence.tracks.get(track_key(role, s)))}
        last_ok = _last_ok(list(tracks.values()))
        extent = self._bad(role).get(evidence_class)
        if extent is not None:
            spell = spell_of(evidence, role, evidence_class, extent)
            return Verdict(
                observation=Observation.BAD,
                since=spell.since,
                until=spell.until,
                last_ok_at=last_ok,
                why=_why_bad(evidence, role, evidence_class, now, policy),
            )
        if not tracks:
            return Verdict(observation=None, why="nothing bad is known")
        return _not_bad(tracks, last_ok, now, policy)

    def _bad(self, role: Role) -> dict[EvidenceClass, Extent]:
        if self._extents is None:
            self._extents = bad_extents(self.evidence, self.now, self.policy)
        return self._extents[role]

    def answers_well(self, role: Role, evidence_class: EvidenceClass) -> bool:
        """Whether every part of a class that is asked answered well the last time, and not long ago."""
        tracks = [self.evidence.tracks.get(key) for key in MEMBER_KEYS[role, evidence_class]]
        asked = [track for track in tracks if track is not None]
        fresh = all(self.now - track.at <= self.policy.evidence_lifetime for track in asked)
        well = all(track.seen in {Observation.OK, Observation.DEGRADED} for track in asked)
        return bool(asked) and fresh and well and evidence_class not in self.bad(role)

    def share(self, role: Role, evidence_class: EvidenceClass) -> Share:
        """How much of the last ``share_window`` a probed class of a side was bad."""
        return share_bad(self.evidence, role, evidence_class, self.now, self.policy)

    def browns_out(self, role: Role, evidence_class: EvidenceClass) -> bool:
        """Whether a class is bad by its share of bad answers."""
        probed = evidence_class in MEMBERS
        return probed and is_bad_by_share(self.evidence, role, evidence_class, self.now, self.policy)

    def open_incidents(self) -> tuple[Incident, ...]:
        """Incidents that Service Health holds to be active."""
        return tuple(i for i in self.evidence.incidents.values() if is_open(i, self.now, self.policy))

    def deletions(self) -> tuple[Deletion, ...]:
        return tuple(self.evidence.deletions.values())

    def world(self, surface: Surface) -> Track | None:
        """What was found on a surface that belongs to no side, if it is not too old."""
        track = self.evidence.tracks.get(track_key(None, surface))
        return track if track and self.now - track.at <= self.policy.evidence_lifetime else None

    def as_table(self) -> dict[str, dict[str, Any]]:
        """All verdicts as plain data, by side and class."""
        return {role.value: {c.value: to_builtins(self.of(role, c)) for c in EvidenceClass} for role in Role}


def assess(evidence: Evidence, now: datetime, policy: Policy, bad: Extents | None = None) -> Assessment:
    """What the evidence amounts to at ``now``; ``bad`` is what ``bad_extents`` gives for it, if that is known."""
    return Assessment(evidence, now, policy, bad)


def is_open(incident: Incident, now: datetime, policy: Policy) -> bool:
    """Whether an incident is active: the newest message says so and is not too old."""
    return incident.active and now - incident.at <= policy.notice_lifetime


def is_down(item: Reported, evidence: Evidence, now: datetime, policy: Policy) -> bool:
    """Whether what was delivered still says that the thing is down."""
    if not item.bad or item.change or now - item.at > lifetime_of(item.evidence_class, policy):
        return False
    return not _is_outdone(item, evidence)


def _is_outdone(item: Reported, evidence: Evidence) -> bool:
    """Whether the resource itself has answered well since Resource Health said so."""
    track = evidence.tracks.get(track_key(item.role, item.surface)) if item.surface else None
    speaks = item.evidence_class is EvidenceClass.DEPENDENCY
    return bool(speaks and track and track.ok_at and track.ok_at > item.at)


def lifetime_of(evidence_class: EvidenceClass, policy: Policy) -> timedelta:
    """How long a delivered statement for a class lasts."""
    return policy.metrics_lifetime if evidence_class is EvidenceClass.METRICS else policy.notice_lifetime


def track_is_bad(track: Track, now: datetime, policy: Policy) -> bool:
    """Whether a surface is bad by answers in a row. What is the effect of somebody's change is no evidence."""
    return (
        track.bads >= policy.bad_after
        and not track.change
        and track.bad_at is not None
        and now - track.bad_at <= policy.evidence_lifetime
    )


def share_bad(evidence: Evidence, role: Role, evidence_class: EvidenceClass, now: datetime, policy: Policy) -> Share:
    """How much of the last ``share_window`` a probed class of a side was bad."""
    tracks = (evidence.tracks.get(key) for key in MEMBER_KEYS[role, evidence_class])
    histories = [track.history for track in tracks if track is not None and track.history and not track.change]
    return share_of(histories, now, window=policy.share_window, stands=policy.probe_interval)


def is_bad_by_share(
    evidence: Evidence, role: Role, evidence_class: EvidenceClass, now: datetime, policy: Policy
) -> bool:
    """Whether a probed class browns out. Cheap where its surfaces had fewer bad spells than that takes."""
    tracks = (evidence.tracks.get(key) for key in MEMBER_KEYS[role, evidence_class])
    histories = [track.history for track in tracks if track is not None and track.history and not track.change]
    if sum(history.runs.count(BAD_LETTER) for history in histories) < SPELLS:
        return False
    declared = any(role in i.used and is_open(i, now, policy) for i in evidence.incidents.values())
    return is_brown_out(
        share_of(histories, now, window=policy.share_window, stands=policy.probe_interval),
        now,
        window=policy.share_window,
        least=policy.bad_share_notice if declared else policy.bad_share,
        recent=policy.confirm_after,
    )


Extent = tuple[datetime, datetime]
"""From the first to the last evidence that something is bad."""

Extents = dict[Role, dict[EvidenceClass, Extent]]
CLASSES, ROLES = tuple(EvidenceClass), tuple(Role)
PROBED = tuple((role, evidence_class) for role in Role for evidence_class in MEMBERS)
"""Every class of a side that is probed."""


def bad_extents(evidence: Evidence, now: datetime, policy: Policy) -> Extents:
    """What is bad at this moment, by side and class: from the first to the last evidence. One walk through it all."""
    found: Extents = {role: {} for role in ROLES}
    for key, track in evidence.tracks.items():
        if track.bads and track.bad_since and track.bad_at and track_is_bad(track, now, policy):
            speaker = SPEAKER.get(key)
            if speaker:
                _widen(found[speaker[0]], speaker[1], track.bad_since, track.bad_at)
    for role, evidence_class in PROBED:
        if is_bad_by_share(evidence, role, evidence_class, now, policy):
            _widen(found[role], evidence_class, now - policy.confirm_after, now)
    for item in evidence.reported.values():
        if item.bad and item.since:
            known = found[item.role].get(item.evidence_class)
            wider = known is None or item.since < known[0] or now > known[1]
            if wider and is_down(item, evidence, now, policy):
                _widen(found[item.role], item.evidence_class, item.since, now)
    for incident in evidence.incidents.values():
        for role in incident.used if incident.active else ():
            known = found[role].get(EvidenceClass.NOTICE)
            wider = known is None or incident.at < known[0] or now > known[1]
            if wider and is_open(incident, now, policy):
                _widen(found[role], EvidenceClass.NOTICE, incident.at, now)
    return found


def _widen(side: dict[EvidenceClass, Extent], name: EvidenceClass, since: datetime, until: datetime) -> None:
    known = side.get(name)
    side[name] = (min(known[0], since), max(known[1], until)) if known else (since, until)


def spell_of(evidence: Evidence, role: Role, evidence_class: EvidenceClass, extent: Extent) -> Spell:
    """Since when a class that is bad has been so without a break: its last spell goes on if the two touch."""
    since, until = extent
    last = evidence.spells.get(class_key(role, evidence_class))
    if last is not None and last.since < since <= last.until:
        since = last.since
    return Spell(since=since, until=max(until, since))


def in_order(classes: Container[EvidenceClass]) -> tuple[EvidenceClass, ...]:
    """These classes, in the order in which all are told."""
    return tuple(c for c in CLASSES if c in classes)


def unsteadiness_of(evidence: Evidence, role: Role, now: datetime, policy: Policy) -> str:
    """Why a side on which nothing is bad is still not known to be well; empty if it is.

    Well means that every probed surface answers well, and has done so as often in a row as bad answers are
    needed to call it bad. A surface that answers every other time is therefore never well.
    """
    probed = False
    for key in SIDE_KEYS[role]:
        track = evidence.tracks.get(key)
        if track is None:
            continue
        probed = True
        if track.seen is not Observation.OK or now - track.at > policy.evidence_lifetime:
            return f"{key.rpartition('.')[2]} was not seen well at the last look: {track.why or track.seen}"
        if track.oks < policy.bad_after:
            return f"{key.rpartition('.')[2]} has not answered well {policy.bad_after} times in a row yet"
    for item in evidence.reported.values():
        degraded = item.role is role and item.observation is Observation.DEGRADED
        if degraded and now - item.at <= lifetime_of(item.evidence_class, policy) and not _is_outdone(item, evidence):
            return f"{item.name} is degraded: {item.why}"
    return "" if probed else "nothing has been asked yet"


def _not_bad(tracks: dict[Surface, Track], last_ok: datetime | None, now: datetime, policy: Policy) -> Verdict:
    slow = [s.value for s, t in tracks.items() if t.seen is Observation.DEGRADED]
    if last_ok is not None and now - last_ok <= policy.evidence_lifetime:
        observation = Observation.DEGRADED if slow else Observation.OK
        why = f"last seen well {format_duration(now - last_ok)} ago{''.join(remark_of(t.why) for t in tracks.values())}"
        return Verdict(observation=observation, last_ok_at=last_ok, why=why)
    unseen = [f"{s}: {t.why or t.seen}" for s, t in tracks.items() if not _has_answered_lately(t, now, policy)]
    if not unseen:
        why = "; ".join(f"{s}: {t.why or t.seen}" for s, t in tracks.items() if t.seen is Observation.DEGRADED)
        return Verdict(observation=Observation.DEGRADED, last_ok_at=last_ok, why=why or "was degraded a while ago")
    ago = f", last seen well {format_duration(now - last_ok)} ago" if last_ok else ""
    return Verdict(observation=Observation.BLIND, last_ok_at=last_ok, why=f"cannot be told ({'; '.join(unseen)}){ago}")


def _has_answered_lately(track: Track, now: datetime, policy: Policy) -> bool:
    """Whether a surface was seen, well or degraded, within the lifetime of that."""
    return any(at is not None and now - at <= policy.evidence_lifetime for at in (track.ok_at, track.degraded_at))


def _last_ok(tracks: list[Track]) -> datetime | None:
    """When the last of a class's parts to be seen well was: a class is as well as its least known part."""
    seen = [track.ok_at for track in tracks]
    return None if not seen or None in seen else min(at for at in seen if at is not None)


def _why_bad(evidence: Evidence, role: Role, evidence_class: EvidenceClass, now: datetime, policy: Policy) -> str:
    said = [
        f"{key.rpartition('.')[2]} probe: {track.bad_why or 'failed'}"
        for key in MEMBER_KEYS[role, evidence_class]
        if (track := evidence.tracks.get(key)) and track_is_bad(track, now, policy)
    ]
    if evidence_class in MEMBERS and is_bad_by_share(evidence, role, evidence_class, now, policy):
        share = share_bad(evidence, role, evidence_class, now, policy)
        window = format_duration(policy.share_window)
        said.append(f"bad for {share.part:.0%} of the last {window}, in {share.spells} spells")
    said += [
        item.why
        for item in evidence.reported.values()
        if item.role is role and item.evidence_class is evidence_class and is_down(item, evidence, now, policy)
    ]
    if evidence_class is EvidenceClass.NOTICE:
        said += [i.why for i in evidence.incidents.values() if role in i.used and is_open(i, now, policy)]
    more = len(said) - REASONS_TOLD
    return "; ".join(said[:REASONS_TOLD]) + (f" (and {more} more)" if more > 0 else "")
