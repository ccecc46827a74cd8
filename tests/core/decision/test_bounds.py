"""Memory: whatever arrives, and however it is written, what is stored about a pair stays below 64 KB."""

from __future__ import annotations

import random
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import AUTO, BAD, OK, PRIMARY, SECONDARY, START, deletion, health, minutes, notice, seconds

from bench.state import BATCH, hostile_signal
from orchestrator.core.base.codec import encode
from orchestrator.core.base.text import TEXT_LIMIT, truncate
from orchestrator.core.base.vocabulary import Role, Surface
from orchestrator.core.decision import commands, decide
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.evidence import DELETION_LIMIT, INCIDENT_LIMIT, REPORTED_LIMIT, Track
from orchestrator.core.decision.fold import NAME_LIMIT, WHY_LIMIT, fold
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import JOURNAL_LIMIT, PairState, initial, note_reason, read_state
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import Signal, probe_signal

LIMIT = 64_000
FIRE = "\U0001f525"
EYES = {Surface.OBSERVER, Surface.IDENTITY}
LETTERS = ["x", "\x00", '"', "\\", "é", FIRE]


@pytest.mark.parametrize("letter", LETTERS)
def test_the_largest_state_that_there_can_be_is_small_enough(letter: str) -> None:
    """Every part full, every text at its longest, written in whatever JSON needs most room for."""
    state = fullest(letter * 1_000)
    held = state.evidence
    counted = [len(part) for part in (held.reported, held.incidents, held.deletions, state.journal)]
    assert counted == [REPORTED_LIMIT, INCIDENT_LIMIT, DELETION_LIMIT, JOURNAL_LIMIT]
    assert len(encode(state)) < LIMIT


def fullest(text: str) -> PairState:
    """A state with as much of everything as it takes."""
    now = START + timedelta(microseconds=1)
    policy = msgspec.structs.replace(AUTO, bad_after=1)
    probes = [
        probe_signal(role, surface, OK if surface in EYES else BAD, now + seconds(-1), text)
        for role in (*Role, None)
        for surface in Surface
    ]
    many = range(REPORTED_LIMIT * 2)
    said: list[Signal] = [told(health(SECONDARY, Surface.KEYVAULT, BAD, now), f"{text}{n}") for n in many]
    said += [told(notice(now, used=Role, everywhere=True), f"{text}{n}") for n in many]
    said += [told(deletion(SECONDARY, Surface.KEYVAULT, now), f"{text}{n}") for n in many]
    state = decide.step(initial("p" * 63, START), Observed(now=now, signals=tuple(probes + said)), now, policy).state
    for n in range(JOURNAL_LIMIT):
        state = note_reason(state, now, f"hold.standby-unseen-{n % 10}", text)
    return commands.command(state, Command(do=Do.PAUSE, by=text, reason=text), now, policy).state


def told(signal: Signal, text: str) -> Signal:
    return msgspec.structs.replace(signal, subject=text, why=text)


@given(st.text(max_size=400), st.integers(20, 250))
def test_what_is_clipped_is_the_beginning_and_fits(text: str, limit: int) -> None:
    """In bytes as they are stored; what fits is left as it is."""
    kept = truncate(text, limit)
    assert len(msgspec.json.encode(kept)) - 2 <= limit
    fits = len(msgspec.json.encode(text)) - 2 <= limit
    assert (kept == text) if fits else (kept[-1] == "…" and text.startswith(kept[:-1]))


def test_as_much_is_kept_as_fits() -> None:
    """Plain letters up to the limit; and a character that cannot be encoded does no harm."""
    assert truncate("x" * 500, 103) == "x" * 100 + "…"
    assert truncate(FIRE * 500, 103) == FIRE * 25 + "…"
    assert truncate("half of \ud83d a pair", 80) == "half of ? a pair"


def test_what_is_cut_ends_between_two_words() -> None:
    """Half of a path looks like a path; a text of few words is cut where it must be."""
    text = f"the jobs of a region that is down: getting /subscriptions/{'0' * 80}"
    assert truncate(text, 80) == "the jobs of a region that is down: getting …"
    assert truncate(text.removeprefix("the jobs of a region that is down: "), 30) == "getting /subscriptions/0000…"
    assert truncate("one two three four five six seven", 30) == "one two three four five six…"


@given(st.integers(0, 2**32), st.sampled_from([0, 1, 30, 300, 7200]))
def test_no_variety_of_signals_makes_a_state_large(seed: int, apart: int) -> None:
    """All kinds, both sides, any subject, any length, late and in the future: bounded, and readable again."""
    dice = random.Random(seed)  # noqa: S311 - drawn by Hypothesis
    state, now = initial("p", START), START
    for _ in range(4):
        now += seconds(apart)
        batch = [hostile_signal(dice, now) for _ in range(BATCH)]
        state = decide.step(state, Observed(now=now, signals=tuple(batch)), now, AUTO).state
        assert len(encode(state)) < LIMIT
    assert read_state(encode(state)) == state


@given(st.integers(0, 2**32))
def test_hostile_signals_in_another_order_or_doubled_come_to_the_same(seed: int) -> None:
    """Of signals that arrive together, as long as there is room for what they say."""
    dice = random.Random(seed)  # noqa: S311 - drawn by Hypothesis
    signals = [hostile_signal(dice, START) for _ in range(30)]
    signals = [msgspec.structs.replace(s, occurred_at=START - seconds(n)) for n, s in enumerate(signals)]
    shuffled = [*signals, *signals[::2]]
    dice.shuffle(shuffled)
    state = initial("p", START).evidence
    assert fold(state, signals, START, Policy()) == fold(state, shuffled, START, Policy())


def test_probes_of_what_a_side_does_not_have_leave_no_trace() -> None:
    """The observer has no side, and a hub has one; a signal that says otherwise is nobody's."""
    wrong = [probe_signal(PRIMARY, Surface.OBSERVER, BAD, START, ""), probe_signal(None, Surface.HUB, BAD, START, "")]
    assert fold(initial("p", START).evidence, wrong, START + minutes(1), AUTO).tracks == {}


def test_a_long_reason_is_cut_to_its_limits() -> None:
    """Reasons of probes, names of what was reported, and reasons of decisions have a limit each."""
    state = fullest("x" * 1_000)
    track: Track = state.evidence.tracks["primary.hub"]
    assert (len(track.why.encode()), len(state.journal[0].why.encode())) == (WHY_LIMIT, TEXT_LIMIT)
    assert {len(item.name.encode()) for item in state.evidence.reported.values()} == {NAME_LIMIT}
