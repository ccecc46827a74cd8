"""The drills of three plans through a quarter, as the timer begins them, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec
import pytest

from orchestrator.core.base.codec import encode, from_builtins
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.leadership import Leadership
from orchestrator.core.decision.state import PairState, initial
from orchestrator.core.plan.drills import ScheduledDrill
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.windows import Window
from orchestrator.plan_files import plan_in
from orchestrator.ports import Engine, World
from orchestrator.watch.drills import hold_scheduled
from orchestrator.watch.memory import Memory
from orchestrator.watch.process import Process
from orchestrator.workflows import names
from orchestrator.workflows.messages import DrillOrder

BERLIN = ZoneInfo("Europe/Berlin")
BEGINS, ENDS = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
TICK = timedelta(minutes=30)
TAKES = timedelta(minutes=50)
"""How long each drill is under way: the second tick after it finds it over."""

PAIRS = ("a", "b", "c")
TUESDAYS = [date(2026, 2, 3) + timedelta(weeks=week) for week in range(13)]
BLOCKED = (date(2026, 2, 17), date(2026, 4, 7))
ALARM = date(2026, 3, 10)
"""All day long pair b is suspect."""

CLOSED = date(2026, 3, 24)
"""Until noon pair a is in a blackout window."""


class Quarter:
    """Engine, ledgers and clock of an app that has three pairs; each drill ends after a while."""

    def __init__(self, usual: Plan) -> None:
        self.now = BEGINS
        self.begun: list[tuple[datetime, DrillOrder]] = []
        self._running: dict[str, datetime] = {}
        schedule = ScheduledDrill(
            rule="FREQ=WEEKLY;BYDAY=TU",
            start=datetime(2026, 1, 6, 10, 0),  # noqa: DTZ001 - on the wall
            duration=timedelta(hours=4),
            zone="Europe/Berlin",
            blocked_dates=BLOCKED,
        )
        plans = {pair: msgspec.structs.replace(usual, pair=pair, drills=(schedule,)) for pair in PAIRS}
        window = Window(since=at(CLOSED, 6), until=at(CLOSED, 12))
        policy = msgspec.structs.replace(usual.policy, blackout_windows=(window,))
        self.plans = plans | {"a": msgspec.structs.replace(plans["a"], policy=policy)}
        self.clock = SimpleNamespace(now=lambda: self.now)
        self.memory = Memory("south")

    async def assembled(self) -> World:
        return cast("World", SimpleNamespace(ledgers=dict.fromkeys(PAIRS, self)))

    def get(self, _: str) -> bytes | None:
        """No report: the engine alone knows what was held."""
        return None

    async def entity_state(self, _: str, pair: str) -> str | None:
        leads = Leadership(stamp="south", term=1, is_ours=True, since=BEGINS)
        is_suspect = pair == "b" and self.now.astimezone(BERLIN).date() == ALARM
        phase = Phase.SUSPECT if is_suspect else Phase.STEADY
        state: PairState = msgspec.structs.replace(
            initial(pair, BEGINS), looked_at=self.now, leadership=leads, phase=phase
        )
        return encode(state).decode()

    async def status(self, run: str) -> str | None:
        begun = self._running.get(run)
        return None if begun is None else "running" if self.now < begun + TAKES else "completed"

    async def start(self, orchestration: str, given: Any, instance: str | None = None) -> str:
        assert instance is not None
        if orchestration != names.DRILL_RUN:  # the audit log's entry
            return instance
        assert instance not in self._running, "a drill is held twice"
        self._running[instance] = self.now
        self.begun.append((self.now, from_builtins(given, DrillOrder, instance)))
        return instance

    async def signal(self, entity: str, key: str, operation: str, given: Any) -> None:
        pass

    def live(self) -> None:
        """Every tick of the quarter. Once a day, among the drills, a process follows that remembers nothing."""
        while self.now < ENDS:
            if self.now.hour == 10 and not self.now.minute:
                self.memory = Memory("south")
            asyncio.run(hold_scheduled(cast("Process", self), cast("Engine", self)))
            self.now += TICK


def at(day: date, hour: int) -> datetime:
    """An hour on the wall in Berlin, in UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=BERLIN).astimezone(UTC)


def _expected() -> Iterator[tuple[datetime, str]]:
    """One pair after the other from ten o'clock on, each as soon as the one before it is over."""
    for day in TUESDAYS:
        if day in BLOCKED:
            continue
        if day == ALARM:
            order = ["a", "c"]
        elif day == CLOSED:
            order = ["b", "c", "a"]
        else:
            order = list(PAIRS)
        yield from ((at(day, 10 + number), pair) for number, pair in enumerate(order))


@pytest.fixture(scope="module")
def quarter() -> Quarter:
    made = Quarter(plan_in(Path(__file__).parents[2] / "plans" / "hot-warm.yaml"))
    made.live()
    return made


def test_a_quarter_of_drills_is_held_at_its_hours_on_the_wall_and_one_at_a_time(quarter: Quarter) -> None:
    """Also after the clocks have changed; not on blocked dates, not in an alarm, and after a blackout window only."""
    assert [(begun, order.pair) for begun, order in quarter.begun] == list(_expected())
    hours = {begun.hour for begun, order in quarter.begun if order.pair == "c"}
    assert {begun.astimezone(BERLIN).hour for begun, _ in quarter.begun} == {10, 11, 12}
    assert len(hours) > 1, "the clocks have not changed"


def test_each_of_them_says_that_nobody_but_the_plan_wanted_it(quarter: Quarter) -> None:
    """Its name is that of its span, whenever it begins within it."""
    assert {(order.by, order.reason) for _, order in quarter.begun} == {
        ("the plan's schedule", "scheduled: FREQ=WEEKLY;BYDAY=TU")
    }
    spans = {order.drill for _, order in quarter.begun}
    assert spans == {f"{at(day, 10):%Y%m%dt%H%M%S}000000" for day in TUESDAYS if day not in BLOCKED}
