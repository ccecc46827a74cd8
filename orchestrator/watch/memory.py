"""What one process remembers between ticks. All of it may be lost: Azure, ledger and entities have the truth."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cached_property
from uuid import uuid4

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.leadership import TAKE_OVER_AFTER
from orchestrator.core.jobs.listing import Lag
from orchestrator.watch.arrivals import Arrivals
from orchestrator.watch.canaries import Canaries
from orchestrator.watch.captured_lately import Recent
from orchestrator.watch.leadership import Leaders
from orchestrator.watch.stamps import Teller
from orchestrator.watch.tick import FairQueue
from orchestrator.watch.unread import Pending
from orchestrator.workflows.activities.letters import Waiting

THREADS = 64
"""As many as looks go on at once: none waits for another's epoch record."""

CANARY_THREADS = 8
READINESS_THREADS = 12
READINESS_AT_ONCE = 8
"""Standbys looked at together. A few threads more: a look that hangs must not keep news from being written down."""


class GoingOn:
    """Looks at standbys that go on in their threads, and pairs that rest after one that failed. Safe for threads."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._until: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self.is_closed = False
        """Set when the process ends: no look begins, and what one that goes on still meets is nobody's trouble."""

    def begin(self, pair: str) -> bool:
        """Whether a look may begin; it counts as begun then."""
        with self._lock:
            if self.is_closed or pair in self._begun or len(self._begun) >= READINESS_AT_ONCE:
                return False
            self._begun.add(pair)
            return True

    def end(self, pair: str, rests_until: datetime | None) -> None:
        with self._lock:
            self._begun.discard(pair)
            self._until.pop(pair, None)
            if rests_until is not None:
                self._until[pair] = rests_until

    def rests(self, pair: str, now: datetime) -> bool:
        """Whether a pair is looked at, or is not to be looked at again yet."""
        with self._lock:
            until = self._until.get(pair)
            return pair in self._begun or (until is not None and now < until)


class Memory:
    """The memory of one process. Its parts may be shared between threads."""

    def __init__(self, stamp: str, take_over_after: timedelta = TAKE_OVER_AFTER) -> None:
        """What is empty at first.

        Args:
            stamp: the name of this deployment among those that watch the same pairs.
            take_over_after: after so long without a sign of the leader it takes over.
        """
        self.leaders = Leaders(stamp, take_over_after)
        """Who leads in each container."""

        self.looks = FairQueue()
        """When each pair was last looked at by this process, whatever came of it."""

        self.reconciliations, self.replications, self.canary_looks = FairQueue(), FairQueue(), FairQueue()
        """The same for the reconciliation of its ledger, for the replication to its standby, and for its canaries."""

        self.copies = FairQueue()
        """The same for data that are copied ahead."""

        self.holder = uuid4().hex
        """What this process is called where only one may work at a time."""

        self.readiness_looks = FairQueue()
        """The same for looks at its standby."""

        self.readiness_going_on = GoingOn()

        self.existence_looks = FairQueue()
        """The same for looks at whether what its plan names is there."""

        self.existence_due: dict[str, datetime] = {}
        """When the next of these is due, by pair; at once for others."""

        self.held_drills: set[str] = set()
        """Scheduled drills that are known to have begun; a few a week."""

        self.last_drill: str = ""
        """The one that this process has begun last."""

        self.polled: dict[str, datetime] = {}
        """When this process last polled for a pair. If it is lost, the next poll comes a little early."""

        self.told_of_incidents: dict[str, frozenset[str]] = {}
        """By pair: ids of the messages about incidents that polls have listed and that have been handed over."""

        self.signalled: dict[str, datetime] = {}
        """By pair: the oldest look that was signalled to its entity and has not been seen in its state."""

        self.told_untaken: set[str] = set()
        """Pairs of which people were told that their looks are not taken in."""

        self.summarised: set[tuple[str, str]] = set()
        """Pairs with their runs that have left a summary: it never goes away, so it need not be looked for again."""

        self.lags: dict[tuple[str, Role], tuple[datetime, Lag]] = {}
        """By pair and active side: how far the standby was behind, and when that was counted."""

        self.untold: tuple[datetime, list[Waiting]] | None = None
        """Notices that channels did not take, and when they were listed."""

        self.canaries = Canaries()
        """What is known of each side's canary."""

        self.unread = Pending()
        """Deliveries that could not be read, and have not been counted by the entity yet."""

        self.arrivals = Arrivals()
        """When deliveries came last."""

        self.captured_lately = Recent()
        """Jobs that were just taken into the ledger."""

        self.teller = Teller(stamp)

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """Where looks read their epoch records."""
        return ThreadPoolExecutor(THREADS, thread_name_prefix="hubswitch-look")

    @cached_property
    def readiness_threads(self) -> ThreadPoolExecutor:
        """Where standbys are looked at: Resource Manager may hang here for minutes."""
        return ThreadPoolExecutor(READINESS_THREADS, thread_name_prefix="hubswitch-readiness")

    @cached_property
    def canary_threads(self) -> ThreadPoolExecutor:
        """Where Resource Manager is asked about canaries: its own few threads, so that it holds up nothing else."""
        return ThreadPoolExecutor(CANARY_THREADS, thread_name_prefix="hubswitch-canary")
