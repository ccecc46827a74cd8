"""What it costs to play long outages through the decision core, against the core's own share of that work."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from bench.measure import Measured, at_most, say, spread
from orchestrator.core.base.vocabulary import Mode, Observation, Surface
from orchestrator.core.decision import commands, decide
from orchestrator.core.decision import state as state_module
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import initial
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import probe_signal
from orchestrator.local.replay import ASKED, replay
from orchestrator.local.scenario import Action, Condition, Expectation, Scenario, ScenarioOutcome, Side, WorldChange

OUTAGES = 26
SHORTEST, LONGEST = 12.0, 50.0
"""Hours."""

LIMIT = 10.0
"""Seconds for all outages: what a person waits for a changed policy's answer."""

SEED = 20260301
START = datetime(2026, 1, 5, tzinfo=UTC)

HOW = """\
26 scenarios of 12 to 50 hours are made from a seed: quiet hours, an outage of one to many surfaces of the primary \
that comes and goes in stairs, some with flaky or blind surfaces, a second wave, or a person who acknowledges. All are \
played one after another under the default policy in mode auto, sweeps every 30 s and every 10 s while suspect, in one \
process. The goal is judged by processor time, which is what the wall shows on a machine of one's own; the wall is \
told too. looks: observe was called that often. Beside it, in the same run: as many calls of observe as there were \
looks, on signals made beforehand for a pair that is well: what the decision alone costs when nothing happens. The \
limit is absolute; the ratio to that floor says how much of the time goes into the scenario and into trouble."""


def measured(*, quick: bool) -> Measured:
    rounds = 1 if quick else 3
    dice = random.Random(SEED)  # noqa: S311 - scenarios, no secrets
    scenarios = outages(dice)[: 4 if quick else OUTAGES]
    times: list[float] = []
    walls: list[float] = []
    looks = moves = 0
    for turn in range(rounds):
        say(f"replay: round {turn + 1} of {rounds}")
        looks = 0
        counted = _Counted()
        began, wall = time.process_time(), time.perf_counter()
        with counted:
            moves = sum(len(replay(scenario).failovers) for scenario in scenarios)
        times.append(time.process_time() - began)
        walls.append(time.perf_counter() - wall)
        looks = counted.looks
    floor = _floor(scenarios[0], min(looks, 2000)) * looks
    goal = at_most(
        LIMIT,
        max(times),
        f"replay: {len(scenarios)} outages of 12 to 50 hours, slowest of all rounds, processor seconds",
    )
    figures: dict[str, Any] = {
        "processor_s": spread(times, 2),
        "wall_s": spread(walls, 2),
        "outages": len(scenarios),
        "hours": round(sum((s.end - s.start) / timedelta(hours=1) for s in scenarios), 1),
        "looks": looks,
        "failovers": moves,
        "looks_per_second": round(looks / median(times)),
        "floor_s": round(floor, 2),
        "ratio_to_floor": round(median(times) / floor, 2),
    }
    return Measured(goals=(goal,), runs=rounds, how=HOW, figures=figures)


def outages(dice: random.Random) -> list[Scenario]:
    """Scenarios in the shape of real outages, all different, always the same."""
    return [_outage(dice, n) for n in range(OUTAGES)]


def _outage(dice: random.Random, number: int) -> Scenario:
    length = timedelta(hours=dice.uniform(SHORTEST, LONGEST))
    first = START + length * dice.uniform(0.1, 0.3)
    turns = list(_wave(dice, first, length * dice.uniform(0.1, 0.3)))
    if dice.random() < 0.4:
        turns += _wave(dice, START + length * 0.75, length * dice.uniform(0.05, 0.2))
    people = (
        (Action(at=START + length * 0.7, do=commands.Do.ACKNOWLEDGE, reason="seen"),) if dice.random() < 0.5 else ()
    )
    return Scenario(
        name=f"outage-{number}",
        start=START,
        end=START + length,
        primary=Side(region="eastus2"),
        secondary=Side(region="westus3"),
        world=tuple(turns),
        operator=people,
        expect=Expectation(outcome=ScenarioOutcome.HOLD),
    )


def _wave(dice: random.Random, start: datetime, length: timedelta) -> list[WorldChange]:
    """Surfaces that fail within minutes of each other, and come back one after another."""
    surfaces = [s for s in Surface if s not in {Surface.OBSERVER, Surface.ELSEWHERE}]
    struck = dice.sample(surfaces, dice.randint(1, len(surfaces)))
    worst = (Condition.BAD, Condition.BAD, Condition.BAD, Condition.FLAKY, Condition.BLIND)
    falls = [
        WorldChange(at=start + timedelta(minutes=dice.uniform(0, 20)), set={f"primary.{s}": dice.choice(worst)})
        for s in struck
    ]
    rises = [WorldChange(at=start + length * dice.uniform(0.5, 1), set={f"primary.{s}": Condition.OK}) for s in struck]
    return sorted(falls + rises, key=lambda turn: turn.at)


class _Counted:
    """Counts the looks that are made meanwhile."""

    def __init__(self) -> None:
        self.looks = 0
        self._plain = decide.step

    def __enter__(self) -> None:
        def step(*given: Any, **more: Any) -> state_module.Decision:
            self.looks += 1
            return self._plain(*given, **more)

        decide.step = step

    def __exit__(self, *_: object) -> None:
        decide.step = self._plain


def _floor(scenario: Scenario, looks: int) -> float:
    """Seconds that one look costs a pair that is well, with its signals given."""
    policy, state = Policy(mode=Mode.AUTO), initial("floor", scenario.start)
    times = [scenario.start + n * policy.probe_interval for n in range(looks)]
    swept = [[probe_signal(role, what, Observation.OK, at, "answered") for _, role, what in ASKED] for at in times]
    began = time.process_time()
    for at, signals in zip(times, swept, strict=True):
        state = decide.step(state, Observed(now=at, signals=tuple(signals)), at, policy).state
    return (time.process_time() - began) / looks
