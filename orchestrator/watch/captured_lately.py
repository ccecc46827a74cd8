"""Jobs that this process has just taken into the ledger: what tells of them once more need not be looked into.

Azure ML tells of a job several times before it runs. Without this each time costs an activity, and a switch that
is ordered amid many of them waits for its turn behind theirs. Memory of the process only: lost with it, each costs a
look in the ledger as before.
"""

from __future__ import annotations

import threading

import msgspec

from orchestrator.core.jobs.azure_status import has_ended
from orchestrator.workflows.messages import CaptureOrder, CaptureReport

LIMIT = 50_000
"""Jobs that are remembered; the oldest are forgotten first."""


class Recent:
    """Names of jobs by pair. Safe to share between threads."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], None] = {}
        self._lock = threading.Lock()

    def note(self, order: CaptureOrder, report: CaptureReport) -> None:
        """Remember an order's jobs, if each of them was taken in. What its hub did not know yet is no such job."""
        if report.captured != len(order.jobs):
            return
        with self._lock:
            self._jobs |= dict.fromkeys((order.pair, job) for job in order.jobs)
            for key in list(self._jobs)[: max(0, len(self._jobs) - LIMIT)]:
                del self._jobs[key]

    def news(self, order: CaptureOrder) -> CaptureOrder | None:
        """What is left of a told order without the jobs that are known to run; None if nothing is. An end is news."""
        if not order.told or has_ended(order.told):
            return order
        jobs = tuple(job for job in order.jobs if (order.pair, job) not in self._jobs)
        return msgspec.structs.replace(order, jobs=jobs) if jobs else None
