"""A second, simple account of what holds, checked against the real one on random histories.

It keeps everything that ever happened in one list, and walks through all of it at every step.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import AUTO, BAD, BLIND, DEEP, PRIMARY, START, Story, minutes, seconds, stamp_view

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role
from orchestrator.core.decision import holds
from orchestrator.core.decision.commands import Command, Do, command
from orchestrator.core.decision.stamps import GreenDrill, PauseRecord, Shared
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.plan.policy import Recurring

LEARNT = {
    "hold.paused-all",
    "hold.paused",
    "hold.blackout",
    "hold.identity",
    "hold.other-stamp",
    "hold.drills",
    "hold.blind-spell",
}
POLICY = msgspec.structs.replace(
    AUTO,
    green_drills=2,
    drill_age=timedelta(days=2),
    blackout_weekly=(
        Recurring(
            rule="FREQ=DAILY",
            start=datetime(2026, 2, 1, 13, 30),  # noqa: DTZ001 - as in a plan
            duration=minutes(20),
            zone="Europe/Berlin",
        ),
    ),
)
"""Berlin is an hour ahead in March, until the 29th; histories are shorter than that."""

CLASSES = (EvidenceClass.HUB, EvidenceClass.JOBS)
events = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.frozensets(st.sampled_from(["hub", "jobs"])), st.integers(1, 14)),
        st.tuples(st.just("blind"), st.frozensets(st.sampled_from(["primary", "secondary"])), st.integers(1, 3)),
        st.tuples(st.just("gap"), st.none(), st.sampled_from([1, 2, 3, 7, 61])),
        st.tuples(st.just("pause"), st.booleans(), st.integers(-3, 0)),
        st.tuples(st.just("pause all"), st.booleans(), st.integers(-3, 0)),
        st.tuples(st.just("order"), st.sampled_from([Do.PAUSE, Do.RESUME]), st.none()),
        st.tuples(st.just("drill"), st.none(), st.sampled_from([0, 1, 47, 49])),
        st.tuples(st.just("view"), st.frozensets(st.sampled_from(CLASSES)), st.integers(0, 8)),
    ),
    min_size=4,
    max_size=14,
)


class History:
    """Everything that happened, and what of it holds."""

    def __init__(self) -> None:
        self.looks: list[tuple[datetime, frozenset[str], frozenset[str]]] = []
        self.pauses: list[tuple[str, datetime, bool]] = []
        self.drills: list[datetime] = []
        self.view: tuple[datetime, frozenset[EvidenceClass]] | None = None

    def is_paused(self, whose: str) -> bool:
        """The one of the latest time counts, whenever it was heard of."""
        said = [(at, paused) for who, at, paused in self.pauses if who == whose]
        return bool(said) and max(said, key=lambda each: each[0])[1]

    def bad(self, now: datetime) -> set[EvidenceClass]:
        """Three bad looks in a row, blind ones left out, none of them more than five minutes from the next."""
        found = set()
        for name in CLASSES:
            row: list[datetime] = []
            for at, down, blind in self.looks:
                if "primary" in blind:
                    continue
                if name.value not in down:
                    row = []
                elif row and at - row[-1] > minutes(5):
                    row = [at]
                else:
                    row.append(at)
            if len(row) >= 3 and now - row[-1] <= minutes(5):
                found.add(name)
        return found

    def standing(self, now: datetime) -> set[str]:
        said = {
            "hold.paused-all": self.is_paused("all"),
            "hold.paused": self.is_paused("pair"),
            "hold.drills": sum(now - at <= timedelta(hours=48) for at in self.drills) < 2,
            "hold.blackout": timedelta(hours=12, minutes=30) <= _of_day(now) < timedelta(hours=12, minutes=50),
            "hold.identity": bool(self.looks) and len(self.looks[-1][2]) == 2 and now - self.looks[-1][0] <= minutes(5),
            "hold.other-stamp": self.is_contradicted(now),
            "hold.blind-spell": self.is_blind_spell(now),
        }
        return {rule for rule, stands in said.items() if stands}

    def is_contradicted(self, now: datetime) -> bool:
        bad = self.bad(now)
        return bool(bad) and self.view is not None and now - self.view[0] <= minutes(5) and bad <= self.view[1]

    def is_blind_spell(self, now: datetime) -> bool:
        times = [at for at, _, _ in self.looks]
        gaps = [after for before, after in pairwise(times) if after - before > minutes(2)]
        late = bool(times) and now - times[-1] > minutes(2)
        return late or (bool(gaps) and now - gaps[-1] < minutes(5))


def _of_day(at: datetime) -> timedelta:
    return at - at.replace(hour=0, minute=0, second=0, microsecond=0)


class Play:
    """The same history, told to the real core and to the books."""

    def __init__(self) -> None:
        self.story = Story(POLICY, runs=False)
        self.story.policy = POLICY
        self.books = History()
        self.drills: list[GreenDrill] = []

    def look(self, down: frozenset[str], blind: frozenset[str], **brought: Any) -> None:
        found: dict[str, Observation] = {f"primary.{name}": BAD for name in down}
        found |= {f"{side}.identity": BLIND for side in blind}
        self.books.looks.append((self.story.now, down, blind))
        self.story.look(found, shared=Shared(drills=tuple(self.drills), **brought))

    def happen(self, what: str, which: Any, number: Any) -> None:
        story, books = self.story, self.books
        story.now += seconds(20)
        if what == "look":
            for _ in range(number):
                story.now += seconds(25)
                self.look(which, frozenset())
        elif what == "blind":
            for _ in range(number):
                story.now += seconds(25)
                self.look(frozenset(), which)
        elif what == "gap":
            story.now += minutes(number)
        elif what in {"pause", "pause all"}:
            at = story.now + minutes(number)
            books.pauses.append(("all" if what == "pause all" else "pair", at, which))
            record = PauseRecord(paused=which, at=at, by="b", reason="r")
            self.look(frozenset(), frozenset(), **{"pause_all" if what == "pause all" else "pause": record})
        elif what == "order":
            self.order(which)
        elif what == "drill":
            self.drills.append(
                GreenDrill(drill=str(len(self.drills)), kind="dry", at=story.now - timedelta(hours=number))
            )
            books.drills.append(self.drills[-1].at)
            self.look(frozenset(), frozenset())
        else:
            books.view = (story.now - minutes(number), which)
            for _ in range(4):
                self.look(
                    frozenset({"hub", "jobs"}),
                    frozenset(),
                    views=(stamp_view(books.view[0], well=sorted(books.view[1])),),
                )
                story.now += seconds(15)

    def order(self, do: Do) -> None:
        asked = Command(do=do, by="b", reason="r", stored_at=self.story.now)
        try:
            self.story.state = command(self.story.state, asked, self.story.now, POLICY).state
        except NotNow:
            return
        self.books.pauses.append(("pair", self.story.now, do is Do.PAUSE))

    def compare(self) -> set[str]:
        state, now = self.story.state, self.story.now
        seen = assess(state.evidence, now, POLICY)
        case = holds.Case(state, seen, now, POLICY, PRIMARY, Role.SECONDARY, seen.bad(PRIMARY))
        clever = {hold.rule for hold in holds.find_holds(case, holds.ALWAYS, holds.AUTOMATIC_SWITCH)} & LEARNT
        assert clever == self.books.standing(now)
        return clever


REACHED: Counter[str] = Counter()


@settings(max_examples=150 * DEEP)
@given(events, st.integers(0, 59))
def check_history(history: list[tuple[str, Any, Any]], minute: int) -> None:
    play = Play()
    play.story.now = START + minutes(minute)
    play.look(frozenset(), frozenset())
    for what, which, number in history:
        play.happen(what, which, number)
        REACHED.update(play.compare())


def test_the_holds_agree_with_a_second_account_of_them() -> None:
    """On random histories both say the same of each, and each of them was seen to stand."""
    REACHED.clear()
    check_history()
    assert set(REACHED) == LEARNT, REACHED
