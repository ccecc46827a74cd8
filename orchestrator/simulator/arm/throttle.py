"""Resource Manager's token buckets, one per subscription, principal and kind of operation.

Numbers and headers: learn.microsoft.com, "Understand how Azure Resource Manager throttles requests" (reads 250 + 25/s,
writes and deletes 200 + 10/s). A request that comes before the announced Retry-After has passed is refused, however
many tokens there are by then, as that page says. The buckets of a whole subscription (15 times as large) and those of
the resource provider, which Azure ML does not publish, are left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.simulator.services import AzureError

_KIND = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass
class Bucket:
    """Tokens that come back with time. ``rate`` is tokens per second."""

    burst: float
    rate: float
    tokens: float
    filled: float
    closed_until: float = 0.0

    def take(self, now: float) -> int:
        """Seconds to wait, or 0 and a token has been taken."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if now < self.closed_until:
            return math.ceil(self.closed_until - now)
        if self.tokens >= 1:
            self.tokens -= 1
            return 0
        wait = max(1, math.ceil((1 - self.tokens) / self.rate))
        self.closed_until = now + wait
        return wait


@dataclass
class Throttle:
    """Who may still ask, and how often. ``enabled`` may be turned off and on at any time."""

    enabled: bool = True
    write_burst: float = 200
    write_rate: float = 10
    read_burst: float = 250
    read_rate: float = 25
    delete_burst: float = 200
    delete_rate: float = 10
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[tuple[str, str, str], Bucket] = field(default_factory=dict)

    def admit(self, subscription: str, principal: str, method: str) -> dict[str, str]:
        """Spend one token; the headers that say how many are left.

        Raises:
            AzureError: 429 with Retry-After.
        """
        if not self.enabled:
            return {}
        kind = _KIND.get(method, "writes")
        now = self.clock()
        bucket = self._bucket(subscription, principal, kind, now)
        wait = bucket.take(now)
        if wait:
            raise AzureError(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of '{kind}' requests for subscription '{subscription}' exceeded the limit. "
                f"Please try again after '{wait}' seconds.",
                {"Retry-After": str(wait)},
            )
        return {f"x-ms-ratelimit-remaining-subscription-{kind}": str(int(bucket.tokens))}

    def reset(self) -> None:
        """Fill all buckets again."""
        self._buckets.clear()

    def _bucket(self, subscription: str, principal: str, kind: str, now: float) -> Bucket:
        key = (subscription.lower(), principal, kind)
        if key not in self._buckets:
            burst, rate = {
                "reads": (self.read_burst, self.read_rate),
                "writes": (self.write_burst, self.write_rate),
                "deletes": (self.delete_burst, self.delete_rate),
            }[kind]
            self._buckets[key] = Bucket(burst, rate, burst, now)
        return self._buckets[key]
