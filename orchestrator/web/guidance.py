"""What a person can do about a pair, and what the page offers: from a view alone. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from orchestrator.core.base.vocabulary import Phase

OPERATE, APPROVE = "operate", "approve"
"""What a caller may do beyond looking."""

MOVING = frozenset({Phase.SWITCHING, Phase.RETURNING})
"""Phases in which the pointer is on its way."""

CLEARED = frozenset({"hold.deleted", "hold.run-failed"})
"""Holds that an acknowledgement ends."""

WIDTH = 1000
"""Width of a timeline, in units of its drawing."""

NARROWEST = 4.0
"""Width of a phase that took next to no time: it would not be seen otherwise."""


class Offer(NamedTuple):
    """One order that makes sense now. ``is_urgent``: it is what the pair waits for."""

    do: str
    words: str
    is_urgent: bool = False
    may_force: bool = False


class Segment(NamedTuple):
    """A phase on the timeline; ``x`` and ``width`` are to scale."""

    phase: str
    begun: datetime
    ended: datetime
    x: float
    width: float


def story_of(view: Mapping[str, Any]) -> list[str]:
    """What happened, one sentence each: after a switch why it came and what is still bad over there; then how it is."""
    told = []
    switched = next((entry for entry in view.get("journal") or () if str(entry["phase"]) in MOVING), None)
    if switched is not None and view["phase"] in {*MOVING, Phase.RESUBMITTING, Phase.SETTLED}:
        begun = _first_of_move(view, switched)
        told.append(f"{_time(begun['at']):%H:%M:%S}: {begun['why']}")
        if view["phase"] == Phase.SETTLED:
            active = str(view["active"])
            other, bad = "primary" if active == "secondary" else "secondary", _bad_classes(view)
            still, now = ", ".join(bad[other]), ", ".join(bad[active])
            told.append(f"The {other} is {f'still bad in {still}' if still else 'not seen bad any more'}.")
            told.append(f"The {active} is {f'bad in {now}' if now else 'not seen bad'}.")
            return told
    return [*told, str(view["why"])]


def _bad_classes(view: Mapping[str, Any]) -> dict[str, list[str]]:
    """Of each side, the classes that are bad now."""
    return {
        side: [name for name, verdict in view["evidence"][side].items() if verdict["observation"] == "bad"]
        for side in ("primary", "secondary")
    }


def _first_of_move(view: Mapping[str, Any], last: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry that began the newest move: later ones of the same phase say how its run goes on."""
    found = last
    for entry in view["journal"][view["journal"].index(last) :]:
        if str(entry["phase"]) != str(last["phase"]):
            break
        found = entry
    return found


def todo_of(view: Mapping[str, Any]) -> list[str]:
    """What a person has to do, one sentence each; empty if nothing."""
    told = []
    if view.get("proposal"):
        told.append(f"Approve or reject {view['proposal']}: read below what it rests on.")
    if _waits_for_acknowledgement(view):
        told.append("Acknowledge the switch when you have seen it: that ends the cooldown and protects the new side.")
    if view.get("stale"):
        told.append("See whether the app's timer runs and the engine answers: nobody looks at this pair.")
    if view.get("out_of_reach"):
        told.append("Mend what keeps the pair from ever failing over by itself.")
    if view.get("trouble"):
        told.append("Mend what cannot be read: the pair stands still meanwhile.")
    if view.get("paused") or view.get("paused_all"):
        told.append("Resume it when what it was paused for is over: nothing is switched meanwhile.")
    if view["phase"] == "unreadable":
        told.append("Mend the stored state: see the runbook.")
    return told


def offers_of(view: Mapping[str, Any], may: Collection[str]) -> list[Offer]:
    """The orders to offer to somebody who may do these things, the most urgent first."""
    found = [*(_answers(view) if APPROVE in may else ()), *(_orders(view) if OPERATE in may else ())]
    return sorted(found, key=lambda offer: not offer.is_urgent)


def _answers(view: Mapping[str, Any]) -> Iterator[Offer]:
    if view.get("proposal"):
        yield Offer("approve", "Approve", is_urgent=True)
        yield Offer("reject", "Reject", is_urgent=True)


def _orders(view: Mapping[str, Any]) -> Iterator[Offer]:
    if not view.get("active"):
        return
    if _waits_for_acknowledgement(view) or any(hold["rule"] in CLEARED for hold in view.get("holds") or ()):
        yield Offer("acknowledge", "Acknowledge", is_urgent=True)
    yield Offer("resume", "Resume") if view.get("paused") else Offer("pause", "Pause")
    if view.get("run") is None:
        if view["active"] == "secondary":
            yield Offer("failback", "Fail back", may_force=True)
        else:
            yield Offer("failover", "Fail over", may_force=True)
    yield Offer("drill", "Drill", may_force=True)


def _waits_for_acknowledgement(view: Mapping[str, Any]) -> bool:
    return view["phase"] == Phase.SETTLED and bool(view.get("needs_a_person"))


def timeline_of(view: Mapping[str, Any], now: datetime) -> list[Segment]:
    """The pair's phases since it was last steady, oldest first, on one scale; empty if nothing but calm is known."""
    changes: list[tuple[str, datetime]] = []
    for entry in reversed(view.get("journal") or ()):
        phase, at = str(entry["phase"]), _time(entry["at"])
        if phase == Phase.STEADY and view["phase"] != Phase.STEADY:
            changes = []
        if not changes or changes[-1][0] != phase:
            changes.append((phase, at))
    if len(changes) < 2:  # noqa: PLR2004 - one phase is no story
        return [] if not changes or changes[0][0] == Phase.STEADY else _scale(changes, now)
    return _scale(changes, now)


class Wait(NamedTuple):
    """The time from when the pair came into its phase until the next step. ``share``: the part that is over, 0 to 1."""

    what: str
    begun: datetime
    until: datetime
    share: float


def wait_of(view: Mapping[str, Any], now: datetime) -> Wait | None:
    """What the pair waits for by the clock; None if nothing has a time."""
    if not view.get("next") or not view.get("since"):
        return None
    begun, until = _time(view["since"]), _time(view["next"]["at"])
    whole = (until - begun).total_seconds()
    share = (now - begun).total_seconds() / whole if whole > 0 else 1.0
    return Wait(str(view["next"]["what"]), begun, until, round(min(max(share, 0.0), 1.0), 3))


def _scale(changes: list[tuple[str, datetime]], now: datetime) -> list[Segment]:
    first, last = changes[0][1], max(now, changes[-1][1])
    whole = (last - first).total_seconds() or 1.0
    ends = [*(at for _, at in changes[1:]), last]
    segments = []
    for (phase, begun), ended in zip(changes, ends, strict=True):
        x = (begun - first).total_seconds() / whole * WIDTH
        width = max((ended - begun).total_seconds() / whole * WIDTH, NARROWEST)
        segments.append(Segment(phase, begun, ended, round(min(x, WIDTH - width), 1), round(width, 1)))
    return segments


def _time(value: datetime | str) -> datetime:
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
