"""A deliberately dumb second decider checks the clever one on random histories.

It keeps every signal for ever and works everything out anew at every step, by walking through all of it.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import AUTO, BAD, BLIND, DEEP, OK, PRIMARY, START, alert, deletion, health, minutes, notice, probe, seconds

from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Surface
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.fold import fold
from orchestrator.core.decision.rule import judge
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.signals.signal import Says, Signal

Interval = tuple[datetime, datetime]
CLASSES = {
    EvidenceClass.HUB: [Surface.HUB],
    EvidenceClass.JOBS: [Surface.JOBS],
    EvidenceClass.INFERENCE: [Surface.INFERENCE],
    EvidenceClass.DEPENDENCY: [Surface.STORAGE, Surface.ACR],
    EvidenceClass.METRICS: [],
}
SURFACES = [surface for surfaces in CLASSES.values() for surface in surfaces]
EYES = [Surface.IDENTITY, Surface.OBSERVER]


class Step(NamedTuple):
    """A stretch of looks that find the same."""

    looks: int
    apart: int
    bad: frozenset[Surface]
    blind: frozenset[Surface]
    delivered: str
    every: int = 1
    """Bad only at every so many-th look: a brown-out never is bad many times in a row."""


words = st.sampled_from(
    ["", "", "fired", "resolved", "down", "up", "user", "notice", "notice over", "hub changed", "acr changed"]
)
mixed = st.builds(
    Step,
    looks=st.integers(1, 10),
    apart=st.sampled_from([5, 10, 30, 45, 100, 310]),
    bad=st.frozensets(st.sampled_from([*SURFACES, *SURFACES, *EYES]), max_size=4),
    blind=st.frozensets(st.sampled_from([*SURFACES, *EYES]), max_size=2),
    delivered=words,
    every=st.just(1),
)
outages = st.builds(
    Step,
    looks=st.integers(6, 14),
    apart=st.sampled_from([30, 45]),
    bad=st.frozensets(st.sampled_from(SURFACES), min_size=2, max_size=3),
    blind=st.just(frozenset[Surface]()),
    delivered=words,
    every=st.just(1),
)
brown_outs = st.builds(
    Step,
    looks=st.integers(60, 75),
    apart=st.just(30),
    bad=st.frozensets(st.sampled_from(SURFACES), min_size=2, max_size=3),
    blind=st.just(frozenset[Surface]()),
    delivered=words,
    every=st.sampled_from([2, 2, 3]),
)
notices = st.builds(
    Step,
    looks=st.integers(1, 4),
    apart=st.just(30),
    bad=st.frozensets(st.sampled_from(SURFACES), min_size=1, max_size=2),
    blind=st.just(frozenset[Surface]()),
    delivered=st.just("notice"),
    every=st.just(1),
)
steps = mixed | outages
histories = st.lists(steps, min_size=1, max_size=6) | st.tuples(brown_outs, notices, steps).map(list)


def signals_of(step: Step, at: datetime, *, look: int) -> list[Signal]:
    found, first = [], look == 0
    for surface in [*SURFACES, *EYES]:
        is_bad_now = surface in step.bad and look % step.every == 0
        seen = BLIND if surface in step.blind else BAD if is_bad_now else OK
        side = "" if surface is Surface.OBSERVER else "primary."
        found.append(probe(f"{side}{surface}", seen, at))
    return found + (delivery(step.delivered, at - seconds(2)) if first else [])


def delivery(word: str, at: datetime) -> list[Signal]:
    made = {
        "fired": [alert(PRIMARY, BAD, at)],
        "resolved": [alert(PRIMARY, OK, at)],
        "down": [health(PRIMARY, Surface.ACR, BAD, at)],
        "up": [health(PRIMARY, Surface.ACR, OK, at)],
        "user": [health(PRIMARY, Surface.ACR, BAD, at, counts=False)],
        "notice": [notice(at, BAD, used=[PRIMARY])],
        "notice over": [notice(at, OK, used=[PRIMARY])],
        "hub changed": [change_of(None, at)],
        "acr changed": [change_of(Surface.ACR, at)],
    }
    return made.get(word, [])


def change_of(surface: Surface | None, at: datetime) -> Signal:
    """Somebody wrote a resource of the primary: the workspace itself, if no surface is named."""
    return msgspec.structs.replace(
        deletion(PRIMARY, surface or Surface.HUB, at, Says.WRITTEN), surface=surface, is_hub=surface is None
    )


class Dumb:
    """Everything that ever arrived, and nothing else."""

    def __init__(self) -> None:
        self.sweeps: list[tuple[datetime, dict[Surface, Observation]]] = []
        self.said: list[Signal] = []
        self.looked: list[datetime] = []
        self.extents: dict[tuple[EvidenceClass, datetime], Interval | None] = {}
        self.known: dict[datetime, list[Signal]] = {}
        """Changes that were known at each look."""

    def take(self, signals: list[Signal], now: datetime) -> None:
        found = {s.surface: s.observation for s in signals if s.says is Says.SEEN and s.surface}
        if any(found[eye] in {BAD, BLIND} for eye in EYES):
            found = dict.fromkeys(found, BLIND)
        self.sweeps.append((now, found))
        self.said += [s for s in signals if s.says is not Says.SEEN]
        self.looked.append(now)
        self.known[now] = [s for s in self.said if s.says is Says.WRITTEN]

    def is_explained(self, surface: Surface, now: datetime) -> bool:
        """Whether the bad answers up to now are the effect of somebody's change: none since the last good one is not.

        A row begins anew after the lifetime of evidence without a bad answer, but what was explained stays so.
        """
        explained, row = False, []
        for at, found in self.sweeps:
            if at > now:
                break
            if found[surface] is OK:
                explained, row = False, []
            elif found[surface] is BAD:
                row = [*row, at] if row and at - row[-1] <= AUTO.evidence_lifetime else [at]
            for change in self.known[at] if row else ():
                touched = {change.surface} if change.surface else {Surface.HUB, Surface.JOBS}
                soon = change.occurred_at - minutes(1) <= row[0] <= change.occurred_at + minutes(30)
                explained = explained or (surface in touched and soon)
        return explained

    def run_of(self, surface: Surface, now: datetime) -> Interval | None:
        """First and last bad answer of a row that is still bad."""
        row: list[datetime] = []
        for at, found in self.sweeps:
            if at > now:
                break
            if found[surface] is OK:
                row = []
            elif found[surface] is BAD:
                row = [*row, at] if row and at - row[-1] <= AUTO.evidence_lifetime else [at]
        alive = len(row) >= AUTO.bad_after and now - row[-1] <= AUTO.evidence_lifetime
        alive = alive and not self.is_explained(surface, now)
        return (row[0], row[-1]) if alive else None

    def ok_times(self, surface: Surface, now: datetime) -> list[datetime]:
        return [at for at, found in self.sweeps if at <= now and found[surface] is OK]

    def said_down(self, says: Says, now: datetime, lifetime: timedelta) -> Interval | None:
        """From the first of an unbroken row of statements that it is down, until now."""
        voids = self.ok_times(Surface.ACR, now) if says is Says.HEALTH else []
        story = [s for s in self.said if s.says is says and s.occurred_at <= now]
        if not story or not is_bad(story[-1]) or now - story[-1].occurred_at > lifetime:
            return None
        if any(at > story[-1].occurred_at for at in voids):
            return None
        since = story[-1].occurred_at
        for earlier in reversed(story[:-1]):
            broken = not is_bad(earlier) or since - earlier.occurred_at > lifetime
            if broken or any(earlier.occurred_at < at < since for at in voids):
                break
            since = earlier.occurred_at
        return since, now

    def intervals(self, evidence_class: EvidenceClass, now: datetime) -> list[Interval]:
        found = [self.run_of(surface, now) for surface in CLASSES[evidence_class]]
        if self.browns_out(evidence_class, now):
            found.append((now - AUTO.confirm_after, now))
        if evidence_class is EvidenceClass.DEPENDENCY:
            found.append(self.said_down(Says.HEALTH, now, AUTO.notice_lifetime))
        if evidence_class is EvidenceClass.METRICS:
            found.append(self.said_down(Says.ALERT, now, AUTO.metrics_lifetime))
        return [interval for interval in found if interval]

    def browns_out(self, evidence_class: EvidenceClass, now: datetime) -> bool:
        """Bad for long enough of the last half hour, second by second where anything changes."""
        begin, stands = now - AUTO.share_window, AUTO.probe_interval
        heard = [(at, found) for at, found in self.sweeps if begin - stands < at <= now]
        edges = sorted({begin, now, *(t for at, _ in heard for t in (at, at + stands) if begin < t < now)})
        bad = ok = timedelta()
        spells, before, last = 0, None, None
        counted = [surface for surface in CLASSES[evidence_class] if not self.is_explained(surface, now)]
        for start, end in pairwise(edges):
            newest = [found for at, found in heard if at <= start]
            stood = newest[-1] if newest and start < heard[len(newest) - 1][0] + stands else {}
            seen = {stood.get(surface) for surface in counted}
            if BAD in seen:
                bad, last = bad + (end - start), end
                spells += before is not BAD
                before = BAD
            elif OK in seen:
                ok, before = ok + (end - start), OK
        declared = self.said_down(Says.NOTICE, now, AUTO.notice_lifetime) is not None
        least = AUTO.bad_share_notice if declared else AUTO.bad_share
        answered = bad + ok
        recent = last is not None and now - last <= AUTO.confirm_after
        enough = answered >= AUTO.share_window * 5 / 6 and bad >= answered * least
        BROWN_OUTS[enough and spells >= 3 and recent] += 1
        return enough and spells >= 3 and recent

    def extent(self, evidence_class: EvidenceClass, now: datetime) -> Interval | None:
        """From the first to the last evidence of what is bad at one moment."""
        key = (evidence_class, now)
        if key not in self.extents:
            here = self.intervals(evidence_class, now)
            self.extents[key] = (min(a for a, _ in here), max(b for _, b in here)) if here else None
        return self.extents[key]

    def bad_for(self, evidence_class: EvidenceClass, now: datetime) -> timedelta | None:
        """How long without a break, joining everything that was ever bad and touches."""
        here = self.extent(evidence_class, now)
        if here is None:
            return None
        since, until = here
        past = [found for at in self.looked if at <= now and (found := self.extent(evidence_class, at))]
        while longer := [a for a, b in past if a < since <= b]:
            since = min(longer)
        return until - since

    def is_well(self, surface: Surface, now: datetime) -> bool:
        good = self.ok_times(surface, now)
        if self.browns_out(EvidenceClass(surface), now):
            return False
        return self.run_of(surface, now) is None and bool(good) and now - good[-1] <= AUTO.evidence_lifetime

    def met(self, now: datetime) -> bool:
        bad = {c: length for c in CLASSES if (length := self.bad_for(c, now)) is not None}
        if EvidenceClass.INFERENCE in bad and self.is_well(Surface.HUB, now) and self.is_well(Surface.JOBS, now):
            return False
        declared = self.said_down(Says.NOTICE, now, AUTO.notice_lifetime) is not None
        wait = AUTO.confirm_after_notice if declared else AUTO.confirm_after
        ripe = {c for c, length in bad.items() if length >= wait}
        work = {EvidenceClass.HUB, EvidenceClass.JOBS, EvidenceClass.INFERENCE}
        return len(ripe) >= 2 and bool(ripe & work)


def is_bad(signal: Signal) -> bool:
    return signal.observation is BAD and signal.counts


REACHED: Counter[bool] = Counter()
BROWN_OUTS: Counter[bool] = Counter()
EXPLAINED: Counter[bool] = Counter()


@settings(max_examples=80 * DEEP)
@given(histories)
def check_history(history: list[Step]) -> None:
    evidence, dumb, now = Evidence(), Dumb(), START
    for step in history:
        for look in range(step.looks):
            now += seconds(step.apart)
            signals = signals_of(step, now, look=look)
            evidence = fold(evidence, signals, now, AUTO)
            dumb.take(signals, now)
            view = assess(evidence, now, AUTO)
            lengths = {c: v.bad_for for c in CLASSES if (v := view.of(PRIMARY, c)).observation is BAD}
            EXPLAINED[any(dumb.is_explained(surface, now) for surface in SURFACES)] += 1
            assert lengths == {c: length for c in CLASSES if (length := dumb.bad_for(c, now)) is not None}
            met = judge(view, PRIMARY, AUTO).met
            assert met == dumb.met(now)
            REACHED[met] += 1


def test_the_clever_decider_agrees_with_a_dumb_one() -> None:
    """On random histories both see the same classes bad for the same time, and the rule met at the same moments."""
    REACHED.clear()
    check_history()
    assert min(REACHED[True], REACHED[False]) > 50, REACHED
    assert BROWN_OUTS[True] > 50, BROWN_OUTS
    assert EXPLAINED[True] > 50, EXPLAINED
