"""How large a pair's stored state becomes, whatever arrives."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.measure import Measured, at_most, say, spread
from orchestrator.core.base.codec import encode
from orchestrator.core.base.evidence_classes import CLASS_OF_SURFACE
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Observation, Role, Surface
from orchestrator.core.decision import decide
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState, initial, read_state
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import Says, Scope, Signal, Source

SIGNALS = 1_000_000
LIMIT = 64_000
BATCH = 200
"""Signals folded at once: what a storm delivers between two operations of an entity."""

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SEED = 64
LETTERS = ("x", "\x00", '"', "\\", "\U0001f525", "é", "\u2028")
"""What long texts are made of: JSON needs one to six bytes for each."""

HOW = """\
Signals of every kind, made from a seed: subjects, reasons and tracking ids from a handful or never seen before, up \
to 100,000 characters long, of letters that JSON writes with up to six bytes; times of occurrence up to two days \
late, in any order, or in the future; both sides, every surface and every class, and pairs of them that make no \
sense. They are folded and decided on in batches, with time going on by seconds, minutes or, now and then, hours. \
The state is encoded as the entity stores it and read back. Limit: the 64 KB that a state must stay below."""


def measured(*, quick: bool, signals: int | None = None) -> Measured:
    number = signals or (20_000 if quick else SIGNALS)
    dice, policy = random.Random(SEED), Policy(mode=Mode.AUTO)  # noqa: S311 - a fixed mixture
    state, now, sizes = initial("p" * 40, START), START, []
    for at in range(0, number, BATCH):
        now += timedelta(seconds=dice.choice((0, 1, 30, 300, 300, 7200)))
        batch = [hostile_signal(dice, now) for _ in range(BATCH)]
        state = decide.step(state, Observed(now=now, signals=tuple(batch)), now, policy).state
        sizes.append(_stored(state))
        if at % 100_000 == 0:
            say(f"state: {at + BATCH} of {number} signals, {sizes[-1]} bytes")
    goal = at_most(LIMIT, max(sizes), "state: largest encoded state, bytes,")
    figures = {
        "bytes": spread([float(size) for size in sizes], 0),
        "limit": LIMIT,
        "held": {name: len(value) for name, value in _parts(state).items()},
        "from_the_future": state.evidence.from_the_future,
    }
    return Measured(goals=(goal,), runs=number, how=HOW, figures=figures)


def _stored(state: PairState) -> int:
    """Its size in bytes. What is stored can be read again."""
    stored = encode(state)
    if read_state(stored, "the state") != state:
        raise RuntimeError("what was read back is not what was stored")
    return len(stored)


def _parts(state: PairState) -> dict[str, Any]:
    evidence = state.evidence
    return {
        "tracks": evidence.tracks,
        "reported": evidence.reported,
        "incidents": evidence.incidents,
        "deletions": evidence.deletions,
        "journal": state.journal,
    }


def hostile_signal(dice: random.Random, now: datetime) -> Signal:
    """A signal of any kind about anything, at any time around ``now``."""
    surface = dice.choice((*Surface, None))
    role = dice.choice((*Role, None))
    named, used = _some_roles(dice), _some_roles(dice)
    return Signal(
        key=_text(dice),
        source=dice.choice(tuple(Source)),
        role=role,
        subject=_text(dice),
        surface=surface,
        evidence_class=dice.choice((CLASS_OF_SURFACE[surface] if surface else None, *EvidenceClass)),
        observation=dice.choice(tuple(Observation)),
        occurred_at=now + _offset(dice),
        why=_text(dice),
        says=dice.choice(tuple(Says)),
        counts=dice.random() < 0.8,
        scope=Scope(named=named, used=used, everywhere=dice.random() < 0.1),
    )


def _some_roles(dice: random.Random) -> tuple[Role, ...]:
    return tuple(role for role in Role if dice.random() < 0.5)


def _offset(dice: random.Random) -> timedelta:
    """Mostly of now, else late by up to two days or ahead by up to two hours."""
    low, high = dice.choice(((-60, 0), (-60, 0), (-172_800, 0), (-3600, 0), (0, 290), (300, 7200)))
    return timedelta(seconds=dice.uniform(low, high))


def _text(dice: random.Random) -> str:
    """One of a few names, a new one, or one that is much too long."""
    kind = dice.random()
    if kind < 0.4:
        return f"/subscriptions/s/providers/x/y/name-{dice.randrange(8)}"
    if kind < 0.98:
        return f"name-{dice.getrandbits(64):x}" + dice.choice(LETTERS) * dice.randrange(300)
    return dice.choice(LETTERS) * dice.choice((1_000, 100_000))
