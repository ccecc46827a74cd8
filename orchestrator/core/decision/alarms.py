"""What people are told of a pair that is not switched: what stays bad, what is blind, what somebody changed. Pure.

Nothing is decided here. Each thing is told once, and again when it comes back after it was over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from orchestrator.core.base.evidence_classes import DECIDING_CLASSES, MEMBERS, WORK_CLASSES
from orchestrator.core.base.text import format_duration, join_words, truncate
from orchestrator.core.base.vocabulary import EvidenceClass, NoticeName, Observation, Role
from orchestrator.core.decision.evidence import MEMBER_KEYS, SIDE_KEYS, Track, class_key
from orchestrator.core.decision.rule import WITNESSES, judge
from orchestrator.core.decision.state import Order, PairState, Tell
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.policy import Policy

CLASS_BLIND_AFTER = timedelta(minutes=15)
"""How long a class that has spoken before may be blind before people are told."""

_replace = msgspec.structs.replace


def raise_alarms(
    state: PairState, seen: Assessment, now: datetime, policy: Policy
) -> tuple[PairState, tuple[Order, ...]]:
    """The state with what has been told, and what is to be told now."""
    orders: list[Order] = []
    for alarm in (_escalate, _tell_blind_classes, _tell_reach, _tell_changes):
        state, told = alarm(state, seen, now, policy)
        orders += told
    return state, _join(orders)


def _join(orders: list[Order]) -> tuple[Order, ...]:
    """One notice of a name: the run that sends it takes its id from the name and the time."""
    whys: dict[NoticeName, list[str]] = {}
    for order in orders:
        if isinstance(order, Tell):
            whys.setdefault(order.name, []).append(order.why)
    return tuple(Tell(name=name, why=truncate("; ".join(said))) for name, said in whys.items())


def _escalate(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> tuple[PairState, list[Order]]:
    """A deciding class that has been bad for long without a switch: what a person can do about it."""
    del now
    side = state.active
    long_bad = [
        c for c in seen.bad(side) if c in DECIDING_CLASSES and seen.of(side, c).bad_for >= policy.escalate_after
    ]
    keys = tuple(class_key(side, c) for c in long_bad)
    new = [c for c in long_bad if class_key(side, c) not in state.escalated]
    if not new:
        return _replace(state, escalated=keys), []
    long = join_words(f"{c} for {format_duration(seen.of(side, c).bad_for)}" for c in new)
    why = (  # what a person can do comes first: the end of a long reason is cut off
        "order a failover with a reason to move the pair all the same, or pause it to stop being told: "
        f"{long} bad on the {side} and nothing was switched: {judge(seen, side, policy).why}"
    )
    return _replace(state, escalated=keys), [Tell(name=NoticeName.ESCALATED, why=truncate(why))]


def _tell_blind_classes(
    state: PairState, seen: Assessment, now: datetime, policy: Policy
) -> tuple[PairState, list[Order]]:
    """Classes of both sides that nobody can see for long, or that have never spoken."""
    blind = {class_key(role, c): why for role in Role for c, why in _blind_classes(seen, role, now, policy)}
    new = {key: why for key, why in blind.items() if key not in state.blind_classes}
    state = _replace(state, blind_classes=tuple(blind))
    if not new:
        return state, []
    why = "; ".join(new.values())
    if len(new) > 1:  # the names come first: the end of a long reason is cut off
        why = f"{join_words(new)}: {why}"
    return state, [Tell(name=NoticeName.CLASS_BLIND, why=truncate(why))]


def _blind_classes(seen: Assessment, role: Role, now: datetime, policy: Policy) -> Iterator[tuple[EvidenceClass, str]]:
    for c in MEMBERS:
        tracks = [track for key in MEMBER_KEYS[role, c] if (track := seen.evidence.tracks.get(key))]
        verdict = seen.of(role, c)
        if not tracks or verdict.observation is not Observation.BLIND:
            continue
        if not any(map(_spoke_at, tracks)):
            asked = _find_asked_since(tracks)
            if asked is not None and now - asked > grace(policy):
                yield c, f"{c} of the {role} has never been seen: {verdict.why}"
            continue
        since = min((at for track in tracks if (at := _spoke_at(track) or track.asked_since)), default=now)
        if now - since >= CLASS_BLIND_AFTER:
            yield c, f"{c} of the {role} cannot be seen for {format_duration(now - since)}: {verdict.why}"


def _tell_reach(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> tuple[PairState, list[Order]]:
    """Whether two classes, one of them a work class, could ever become bad on the active side."""
    spoken = {key for key in state.spoken if key.startswith(f"{state.active}.")} | _find_speaking(seen, state.active)
    state = _replace(state, spoken=tuple(sorted(spoken)))
    tracks = [track for key in SIDE_KEYS[state.active] if (track := seen.evidence.tracks.get(key))]
    asked = _find_asked_since(tracks)
    if asked is None or now - asked <= grace(policy):
        return state, []
    able = [c for c in EvidenceClass if c in DECIDING_CLASSES and class_key(state.active, c) in spoken]
    if len(able) >= WITNESSES and WORK_CLASSES.intersection(able):
        if state.out_of_reach is None:
            return state, []
        why = f"the rule can be met again: {join_words(able)} of the {state.active} speak"
        return _replace(state, out_of_reach=None), [Tell(name=NoticeName.RULE_IN_REACH, why=why)]
    have = f"only {join_words(able)}" if able else "no class"
    why = (
        f"this pair can never fail over by itself: {have} of the {state.active} has ever spoken, and two classes are "
        "needed, one of them hub, jobs or inference"
    )
    if why == state.out_of_reach:
        return state, []
    return _replace(state, out_of_reach=why), [Tell(name=NoticeName.RULE_OUT_OF_REACH, why=why)]


def _find_speaking(seen: Assessment, side: Role) -> set[str]:
    """Keys of the deciding classes of a side that have ever said anything but blind."""
    probed = {
        class_key(side, c)
        for c in MEMBERS
        if c in DECIDING_CLASSES
        and any(_spoke_at(track) for key in MEMBER_KEYS[side, c] if (track := seen.evidence.tracks.get(key)))
    }
    said = {class_key(side, item.evidence_class) for item in seen.evidence.reported.values() if item.role is side}
    return probed | said


def _tell_changes(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> tuple[PairState, list[Order]]:
    """What turned bad after somebody had changed it, which is no evidence for a failover."""
    del now, policy
    evidence = seen.evidence
    found = {
        key: f"{key} turned bad after somebody changed it, and is no evidence while it stays bad: {track.change}"
        for key, track in evidence.tracks.items()
        if track.change and track.bads
    }
    found |= {
        f"{item.role}.{item.name}": f"{item.name} of the {item.role} alerts after somebody changed it: {item.change}"
        for item in evidence.reported.values()
        if item.change and item.bad
    }
    keys = tuple(sorted(found))
    orders: list[Order] = [
        Tell(name=NoticeName.CHANGE_SUSPECTED, why=truncate(why))
        for key, why in found.items()
        if key not in state.suspected_changes
    ]
    return _replace(state, suspected_changes=keys), orders


def grace(policy: Policy) -> timedelta:
    """How long a class may be asked before its silence means something.

    What is asked for longer has been looked at two times at the least, and about as often as a bad one needs. It is
    told before ``bad_after - 1`` intervals are over, a minute by default. The time is an interval less than
    that: the second look comes at the pair's own place within the interval, and one that comes
    just before the time would be followed by the next an interval later.
    """
    return max(policy.bad_after - 2, 0) * policy.probe_interval


def _spoke_at(track: Track) -> datetime | None:
    """When a surface was last anything but blind."""
    return max((at for at in (track.ok_at, track.degraded_at, track.bad_at) if at), default=None)


def _find_asked_since(tracks: list[Track]) -> datetime | None:
    return min((track.asked_since for track in tracks if track.asked_since), default=None)
