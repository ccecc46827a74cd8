"""A share of Resource Manager's writes: one token bucket per subscription and identity.

Resource Manager refills 10 writes a second up to 200 for each subscription and principal, and answers 429 with a
Retry-After beyond that; trying earlier starts the wait anew (learn.microsoft.com, request-limits-and-throttling).
Jobs are sent just below that rate instead, so that none is refused. Azure ML has limits of its own, which it does not
publish: where refusals go on at that rate, it is halved, and grows again while none comes. ``Budget`` is arithmetic
without a clock; ``Pacer`` gives it one, and locks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NamedTuple

from orchestrator.adapters.http.deadline import remaining
from orchestrator.core.base.errors import Throttled
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Hub, Jobs, Plan
from orchestrator.settings import Settings

REMAINING = "x-ms-ratelimit-remaining-subscription-writes"
MARGIN = 2.0
"""Writes of the burst that are left unspent, so that Azure's clock and ours may differ by a fifth of a second."""

AGAIN = 10.0
"""Seconds after a wait within which another refusal says that the rate itself is too high."""

GROWTH = 0.01
"""Share of the full rate that comes back with each second without a refusal."""

LEAST = 1 / 64
"""Share of the full rate below which it is not halved."""

PATIENCE = timedelta(seconds=30)
"""Longest wait for a turn: several activities of 50 jobs side by side. Longer waits belong to durable timers."""


class WriteTurn(NamedTuple):
    """The instant from which one write may go out. Void if ``era`` has passed when the instant comes."""

    at: float
    era: int


class Budget:
    """Arithmetic of one token bucket. Instants are seconds of one monotonic clock. Not safe for threads."""

    def __init__(self, rate: float, burst: int) -> None:
        self._full = rate
        self._rate = rate
        self._size = max(1.0, burst - MARGIN)
        self._tokens = self._size
        self._seen: float | None = None
        self._held_until = float("-inf")
        self.era = 0

    def reserve(self, now: float) -> WriteTurn:
        """The next turn, now or later; it counts as taken."""
        self._refill(now)
        self._tokens -= 1.0
        start = max(now, self._held_until)
        return WriteTurn(start + max(0.0, -self._tokens) / self._rate, self.era)

    def give_back(self, turn: WriteTurn) -> None:
        """A turn that nobody is going to use."""
        if turn.era == self.era:
            self._tokens = min(self._size, self._tokens + 1.0)

    def learn_remaining(self, writes: int, now: float) -> None:
        """Azure counts fewer writes left than we do: somebody else spends from the same bucket."""
        self._refill(now)
        self._tokens = min(self._tokens, float(writes))

    def learn_wait(self, wait: timedelta, now: float) -> None:
        """Azure refused a write. Nothing goes out before ``wait`` is over; turns given away until now are void.

        Refused again soon after a wait: the limit is lower than the one that is known, and the rate is halved.
        """
        until = now + wait.total_seconds()
        if until > self._held_until:
            if self._held_until <= now < self._held_until + AGAIN:
                self._rate = max(self._rate / 2, self._full * LEAST)
            self._held_until = until
            self._tokens = 1.0
            self._seen = until
            self.era += 1

    def _refill(self, now: float) -> None:
        if self._seen is None:
            self._seen = now
        if now > self._seen:
            self._tokens = min(self._size, self._tokens + (now - self._seen) * self._rate)
            self._rate = min(self._full, self._rate + (now - self._seen) * self._full * GROWTH)
            self._seen = now


class Pacer:
    """A budget that threads wait on, each for its own turn."""

    def __init__(
        self,
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait_turn(self) -> None:
        """Return when one write may go out.

        Raises:
            Throttled: the turn is further away than patience or deadline allow; the turn is given back.
        """
        left = remaining()
        latest = self._clock() + min(PATIENCE, PATIENCE if left is None else left).total_seconds()
        while True:
            turn = self._reserve(latest)
            self._sleep(max(0.0, turn.at - self._clock()))
            with self._lock:
                if turn.era == self._budget.era:
                    return

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take note of what an answer says about writes that are left."""
        text = headers.get(REMAINING, "")
        if text.isdigit():
            with self._lock:
                self._budget.learn_remaining(int(text), self._clock())

    def refused(self, wait: timedelta | None) -> None:
        """Take note of a 429."""
        with self._lock:
            self._budget.learn_wait(wait or timedelta(seconds=1), self._clock())

    def _reserve(self, latest: float) -> WriteTurn:
        with self._lock:
            now = self._clock()
            turn = self._budget.reserve(now)
            if turn.at <= latest:
                return turn
            self._budget.give_back(turn)
        wait = timedelta(seconds=turn.at - now)
        raise Throttled(f"the next write is {wait.total_seconds():.1f} s away", retry_after=wait)


_PACERS: dict[tuple[str, ...], Pacer] = {}
_PACERS_LOCK = threading.Lock()


def pacers(settings: Settings, plans: Mapping[str, Plan], principal: str) -> Callable[[Hub], Pacer]:
    """The pacer for writes about a hub. Where plans that share a subscription differ, the smallest numbers count."""
    pacer_in = pacers_by_subscription(settings, plans, principal)
    return lambda hub: pacer_in(hub.subscription)


def pacers_by_subscription(settings: Settings, plans: Mapping[str, Plan], principal: str) -> Callable[[str], Pacer]:
    """The same for any resource, by the id of its subscription."""

    def pacer_in(subscription: str) -> Pacer:
        sharing = [
            plan.jobs
            for plan in plans.values()
            if subscription.casefold() in {plan.side(role).subscription.casefold() for role in Role}
        ] or [Jobs()]
        return pacer_for(
            settings.resource_manager,
            subscription,
            principal,
            rate=min(jobs.writes_per_second for jobs in sharing),
            burst=min(jobs.write_burst for jobs in sharing),
        )

    return pacer_in


def pacer_for(endpoint: str, subscription: str, principal: str, *, rate: float, burst: int) -> Pacer:
    """The one pacer of this process for an identity's writes in a subscription; the first caller sets its size."""
    key = (endpoint, subscription.casefold(), principal)
    with _PACERS_LOCK:
        return _PACERS.setdefault(key, Pacer(Budget(rate, burst)))
