"""A few tries within seconds: of what may be over in a moment, and never longer than the budget."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.adapters.http import retries
from orchestrator.adapters.http.retries import TRIES, pause_after, try_again
from orchestrator.core.base.errors import Forbidden, HubswitchError, TemporaryError, Throttled, Unreachable

BUDGET = timedelta(seconds=60)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.001)


class Failing:
    def __init__(self, *faults: HubswitchError) -> None:
        self.faults = list(faults)
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)


def test_what_is_over_in_a_moment_is_tried_again() -> None:
    """And nobody hears of it."""
    call = Failing(Unreachable("a"), TemporaryError("b"))
    try_again(call, BUDGET)
    assert call.calls == 3


def test_the_last_error_is_told() -> None:
    """After so many tries."""
    call = Failing(*(TemporaryError(str(number)) for number in range(9)))
    with pytest.raises(TemporaryError, match=str(TRIES - 1)):
        try_again(call, BUDGET)
    assert call.calls == TRIES


@pytest.mark.parametrize(
    "fault", [Forbidden("no"), Throttled("later", retry_after=timedelta(seconds=6))], ids=["refused", "for long"]
)
def test_what_is_not_over_in_a_moment_is_not(fault: HubswitchError) -> None:
    """What was refused, and who asks to be left alone for longer than is waited here."""
    call = Failing(fault)
    with pytest.raises(type(fault)):
        try_again(call, BUDGET)
    assert call.calls == 1


def test_no_pause_ends_after_the_budget() -> None:
    """Who waits longer than there is time has waited for nothing."""
    call = Failing(Throttled("later", retry_after=timedelta(seconds=4)))
    with pytest.raises(Throttled):
        try_again(call, timedelta(seconds=3))
    assert call.calls == 1


def test_a_wish_is_honoured() -> None:
    """To the second."""
    assert pause_after(Throttled("later", retry_after=timedelta(seconds=2)), 1) == 2.0
    assert [pause_after(TemporaryError("x"), tries) for tries in (1, 2, 30)] == [0.001, 0.002, 5.0]
