"""What one process remembers between ticks. All of it may be lost: Azure, ledger and entities have the truth."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.listing import Lag
from orchestrator.watch.canaries import Canaries
from orchestrator.watch.captured_lately import Recent
from orchestrator.watch.stamps import Teller
from orchestrator.watch.tick import FairQueue
from orchestrator.watch.unread import Pending

THREADS = 64
"""As many as looks go on at once: none waits for another's epoch record."""

CANARY_THREADS = 8


class Memory:
    """The memory of one process. Its parts may be shared between threads."""

    def __init__(self, stamp: str) -> None:
        """``stamp``: the name of this deployment among those that watch the same pairs."""
        self.looks = FairQueue()
        """When each pair was last looked at by this process, whatever came of it."""

        self.reconciliations, self.replications, self.canary_looks = FairQueue(), FairQueue(), FairQueue()
        """The same for the reconciliation of its ledger, for the replication to its standby, and for its canaries."""

        self.polled: dict[str, datetime] = {}
        """When this process last polled for a pair. If it is lost, the next poll comes a little early."""

        self.signalled: dict[str, datetime] = {}
        """By pair: the oldest look that was signalled to its entity and has not been seen in its state."""

        self.told_untaken: set[str] = set()
        """Pairs of which people were told that their looks are not taken in."""

        self.summarised: set[tuple[str, str]] = set()
        """Pairs with their runs that have left a summary: it never goes away, so it need not be looked for again."""

        self.lags: dict[tuple[str, Role], tuple[datetime, Lag]] = {}
        """By pair and active side: how far the standby was behind, and when that was counted."""

        self.canaries = Canaries()
        """What is known of each side's canary."""

        self.unread = Pending()
        """Deliveries that could not be read, and have not been counted by the entity yet."""

        self.captured_lately = Recent()
        """Jobs that were just taken into the ledger."""

        self.teller = Teller(stamp)

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """Where looks read their epoch records."""
        return ThreadPoolExecutor(THREADS, thread_name_prefix="hubswitch-look")

    @cached_property
    def canary_threads(self) -> ThreadPoolExecutor:
        """Where Resource Manager is asked about canaries: its own few threads, so that it holds up nothing else."""
        return ThreadPoolExecutor(CANARY_THREADS, thread_name_prefix="hubswitch-canary")
