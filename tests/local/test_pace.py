"""The speed of a session follows the machine, and never exceeds what it was tried with."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.base.text import duration_from, spell_duration
from orchestrator.local.pace import FASTEST, REFERENCE, ROUNDS, SLOWEST, choose_speed, is_slow, measure


@given(st.floats(min_value=0, max_value=1e6), st.floats(min_value=1, max_value=100))
def test_a_slower_machine_gets_no_higher_speed(seconds: float, times: float) -> None:
    """And every machine one between the two bounds."""
    assert SLOWEST <= choose_speed(seconds * times) <= choose_speed(seconds) <= FASTEST


def test_a_machine_like_the_reference_gets_the_full_speed() -> None:
    """One four times slower gets a quarter, and one too slow for the slowest is told so."""
    assert choose_speed(REFERENCE) == FASTEST
    assert choose_speed(REFERENCE * 4) == FASTEST / 4
    assert not is_slow(REFERENCE * 4)
    assert is_slow(REFERENCE * 7)


def test_a_round_is_measured_with_its_waiting() -> None:
    """By a clock that goes on while another program has the processor."""
    ticks = iter([10.0, 10.0 + 3.0 * ROUNDS])
    assert measure(lambda: next(ticks)) == 3.0


@given(st.integers(min_value=0, max_value=10**15))
def test_a_length_that_a_speed_makes_is_read_as_it_was_written(microseconds: int) -> None:
    """Half a day at a speed of 18.5 has microseconds, and none may be lost."""
    length = timedelta(microseconds=microseconds)
    assert duration_from(spell_duration(length), "a plan", "policy.failback_hold") == length
