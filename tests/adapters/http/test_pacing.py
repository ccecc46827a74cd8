"""Writes go out just below the rate that Azure grants, on a clock that the test turns."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from orchestrator.adapters.http.deadline import deadline
from orchestrator.adapters.http.pacing import MARGIN, REMAINING, Budget, Pacer, pacer_for
from orchestrator.core.base.errors import Throttled


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Azure:
    """The other side: a bucket of 200 that refills 10 a second."""

    def __init__(self, clock: Clock, tokens: float = 200.0) -> None:
        self._clock = clock
        self._tokens = tokens
        self._seen = clock.now

    def write(self) -> int | None:
        """Writes left, or None for a 429."""
        self._tokens = min(200.0, self._tokens + (self._clock.now - self._seen) * 10.0)
        self._seen = self._clock.now
        if self._tokens < 1.0:
            return None
        self._tokens -= 1.0
        return int(self._tokens)


def paced(clock: Clock, rate: float = 10.0, burst: int = 200) -> Pacer:
    return Pacer(Budget(rate, burst), clock, clock.sleep)


def test_a_thousand_writes_take_what_arithmetic_says() -> None:
    """(1000 - 200) / 10 = 80 s, within half a percent, and none is refused."""
    clock = Clock()
    pacer, azure = paced(clock), Azure(clock)
    refused = 0
    for _ in range(1000):
        pacer.wait_turn()
        left = azure.write()
        refused += left is None
        pacer.learn({REMAINING: str(left)})
    assert refused == 0
    assert 80.0 <= clock.now - 1000.0 <= 80.4


def test_a_bucket_that_somebody_else_emptied_is_noticed() -> None:
    """Azure's count of writes left corrects ours: few are refused, not as many as the bucket was thought to hold."""
    clock = Clock()
    pacer, azure = paced(clock), Azure(clock, tokens=20)
    refused = 0
    for _ in range(100):
        pacer.wait_turn()
        left = azure.write()
        if left is None:
            refused += 1
            pacer.refused(timedelta(seconds=1))
        else:
            pacer.learn({REMAINING: str(left)})
    assert refused == 0


def test_a_refusal_stops_all_writes_for_as_long_as_asked() -> None:
    """Trying earlier would start Azure's wait anew."""
    clock = Clock()
    pacer = paced(clock)
    pacer.wait_turn()
    pacer.refused(timedelta(seconds=17))
    pacer.wait_turn()
    assert clock.now == 1017.0


def test_after_a_refusal_writes_go_out_one_by_one() -> None:
    """The bucket is empty then: nothing of the old burst may go out at once."""
    clock = Clock()
    pacer = paced(clock)
    pacer.refused(timedelta(seconds=5))
    for _ in range(3):
        pacer.wait_turn()
    assert clock.now == pytest.approx(1005.2)


def test_turns_given_before_a_refusal_are_void() -> None:
    """Who waited for a turn when the refusal came waits for a new one."""
    budget = Budget(10, 3)
    before = budget.reserve(0.0)
    budget.learn_wait(timedelta(seconds=4), 0.0)
    assert before.era != budget.era
    assert budget.reserve(0.0).at == 4.0


def test_a_shorter_wish_does_not_lift_a_longer_one() -> None:
    """The longest wait asked for counts."""
    budget = Budget(10, 3)
    budget.learn_wait(timedelta(seconds=9), 0.0)
    budget.learn_wait(timedelta(seconds=1), 0.0)
    assert budget.reserve(0.0).at == 9.0


def test_the_burst_is_kept_below_what_azure_grants() -> None:
    """A little of the burst stays unspent, since two clocks never agree."""
    budget = Budget(10, 200)
    turns = [budget.reserve(0.0).at for _ in range(200)]
    assert sum(at == 0.0 for at in turns) == 200 - MARGIN


def test_an_idle_bucket_fills_up_to_its_size_only() -> None:
    """A night's rest is worth one burst."""
    budget = Budget(10, 12)
    budget.reserve(0.0)
    turns = [budget.reserve(1e6).at for _ in range(11)]
    assert [at - 1e6 for at in turns] == [0.0] * 10 + [pytest.approx(0.1)]


def test_a_turn_too_far_away_is_left_to_durable_timers() -> None:
    """Nobody blocks a worker for minutes; the caller learns how long it would be."""
    clock = Clock()
    pacer = paced(clock)
    pacer.refused(timedelta(minutes=5))
    with pytest.raises(Throttled) as caught:
        pacer.wait_turn()
    assert caught.value.retry_after == timedelta(minutes=5)
    assert clock.now == 1000.0


def test_a_deadline_counts_for_turns_too() -> None:
    """With half a second left, a turn in a second is refused at once."""
    clock = Clock()
    pacer = paced(clock)
    pacer.refused(timedelta(seconds=1))
    with pytest.raises(Throttled), deadline(timedelta(seconds=0.5)):
        pacer.wait_turn()


def test_a_turn_that_was_not_taken_is_given_back() -> None:
    """Whoever gives up leaves the place in the queue to the next."""
    budget = Budget(10, 3)
    budget.reserve(0.0)
    budget.give_back(budget.reserve(0.0))
    assert budget.reserve(0.0).at == pytest.approx(0.1)


def test_threads_share_one_budget() -> None:
    """Eight threads together get what one would get."""
    pacer = Pacer(Budget(1000.0, 12))
    done: list[int] = []

    def work() -> None:
        for _ in range(25):
            pacer.wait_turn()
            done.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 200


def test_one_pacer_serves_an_identity_in_a_subscription() -> None:
    """Whoever asks for the same bucket gets the same one, however the subscription is spelt."""
    first = pacer_for("https://a", "SUB", "me", rate=10, burst=200)
    assert pacer_for("https://a", "sub", "me", rate=10, burst=200) is first
    assert pacer_for("https://a", "sub", "other", rate=10, burst=200) is not first


class Unpublished:
    """Another side: two writes a second, a burst of five, and nobody said so. Refused, it asks for a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens = 5.0
        self._seen = clock.now

    def takes(self) -> bool:
        self._tokens = min(5.0, self._tokens + (self._clock.now - self._seen) * 2.0)
        self._seen = self._clock.now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def test_a_limit_that_nobody_publishes_is_found_by_halving_and_growing() -> None:
    """Most writes are taken, few are refused, and the rate comes near to what the service allows."""
    clock = Clock()
    pacer, service = paced(clock), Unpublished(clock)
    began, taken, refused = clock.now, 0, 0
    while clock.now < began + 600:
        pacer.wait_turn()
        if service.takes():
            taken += 1
        else:
            refused += 1
            pacer.refused(timedelta(seconds=1))
    assert taken > 0.6 * 1200
    assert refused < 0.35 * taken


def test_one_refusal_does_not_slow_what_comes_later() -> None:
    """Somebody else spent the bucket once: after the wait the full rate is back."""
    clock = Clock()
    pacer = paced(clock, burst=1)
    pacer.refused(timedelta(seconds=3))
    began = clock.now
    for _ in range(101):
        pacer.wait_turn()
    assert clock.now - began == pytest.approx(13.0, abs=0.3)
