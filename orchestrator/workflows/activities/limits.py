"""Places for work that takes long, so that a switch never waits for a slot behind it.

Activities of one process share its slots (``maxConcurrentActivityFunctions`` in ``host.json``), whatever they are for.
Captures that ask a region which hangs, or batches of jobs that wait for Resource Manager's bucket, would hold all of
them. Each kind of such work has fewer places than there are slots, and all kinds together leave some free. Who finds
no place is turned away at once, and comes again after a durable pause that holds nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.core.base.errors import TurnedAway
from orchestrator.workflows import names
from orchestrator.workflows.activities.steps import STEP_LIMITS
from orchestrator.workflows.messages import BUSY, AfterReport, BatchReport, CaptureReport, DrainReport
from orchestrator.workflows.names import CONCURRENCY_LIMITS

_TURNED_AWAY: Mapping[str, Callable[[Any], Any]] = {
    names.RESUBMIT_JOBS: lambda order: BatchReport(pending=order.size or 1, busy=True, why=BUSY),
    names.CAPTURE_JOBS: lambda order: CaptureReport(left=order.jobs, busy=True),
    names.SETTLE_JOBS: lambda _order: AfterReport(busy=True, why=BUSY),
    names.LOOK_AT_DRAIN: lambda _order: DrainReport(busy=True, why=BUSY),
}
"""What an activity answers that finds no place. Steps of a plan have no word for that: they raise, and come again."""


class ConcurrencyLimits:
    """The places of one process. Safe to share between threads."""

    def __init__(self, places: Mapping[str, int] = {**CONCURRENCY_LIMITS, **STEP_LIMITS}) -> None:
        self._free = {name: threading.BoundedSemaphore(number) for name, number in places.items()}

    def run(self, activity: str, order: Any, body: Callable[[], Any]) -> Any:
        """What the body returns; what stands for it if all places of its kind are taken.

        Raises:
            TurnedAway: no place, and the activity's answer has no word for that.
        """
        places = self._free.get(activity)
        if places is None:
            return body()
        if not places.acquire(blocking=False):
            if activity not in _TURNED_AWAY:
                raise TurnedAway(f"others are at their step {activity}; this one's turn comes")
            return _TURNED_AWAY[activity](order)
        try:
            return body()
        finally:
            places.release()
