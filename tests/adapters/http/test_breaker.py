"""A breaker is arithmetic on instants."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.adapters.http.transport import Breaker


def opened(at: float) -> Breaker:
    """A breaker (3 failures, 10 s) that opened at an instant."""
    breaker = Breaker(3, timedelta(seconds=10))
    for _ in range(3):
        breaker.failed("h", at)
    return breaker


def test_two_failures_do_not_open() -> None:
    """Below the limit everything goes out."""
    breaker = Breaker(3, timedelta(seconds=10))
    breaker.failed("h", 0)
    breaker.failed("h", 0)
    assert breaker.admits("h", 0)


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    """Only failures in a row count."""
    breaker = Breaker(3, timedelta(seconds=10))
    for _ in range(5):
        breaker.failed("h", 0)
        breaker.failed("h", 0)
        breaker.connected("h")
    assert breaker.admits("h", 0)


def test_an_open_breaker_admits_nothing_before_the_cooldown() -> None:
    """The host is given its rest."""
    assert not opened(at=100).admits("h", 109.9)


def test_one_trial_goes_out_after_the_cooldown() -> None:
    """The first to ask is the trial; the next one waits for another cooldown."""
    breaker = opened(at=100)
    assert [breaker.admits("h", 110), breaker.admits("h", 110), breaker.admits("h", 120)] == [True, False, True]


def test_a_trial_that_fails_rests_the_host_again() -> None:
    """One failure is enough to stay open."""
    breaker = opened(at=100)
    breaker.admits("h", 110)
    breaker.failed("h", 112)
    assert [breaker.admits("h", 121), breaker.admits("h", 122)] == [False, True]


def test_a_trial_that_connects_closes() -> None:
    """Everything goes out again, and the count starts anew."""
    breaker = opened(at=100)
    breaker.admits("h", 110)
    breaker.connected("h")
    breaker.failed("h", 111)
    assert breaker.admits("h", 111)


def test_hosts_do_not_answer_for_each_other() -> None:
    """One dead region leaves the other alone."""
    assert opened(at=100).admits("other", 100)
