"""The one place that chooses concrete things: settings and plans from the environment, adapters for the ports.

Settings and plans are read, and refused if wrong, when the app starts. Adapters are built at first use: importing
the Azure clients takes longer than everything else together, and a worker that only answers a health check should
not pay for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import msgspec

from orchestrator.audit.recorder import Recorder
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.regions import region_named
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.directory import Directory
from orchestrator.core.plan.schema import Plan, plan_from
from orchestrator.core.recording import Line
from orchestrator.core.replication import Lag
from orchestrator.plan_files import text_of
from orchestrator.ports import Inventory, World
from orchestrator.settings import Settings, settings_from
from orchestrator.watch.canaries import Canaries
from orchestrator.watch.captured_lately import Recent
from orchestrator.watch.stamps import Teller
from orchestrator.watch.tick import Turns
from orchestrator.workflows.activities.limits import Lanes

THREADS = 64
"""As many as looks go on at once: none waits for another's epoch record."""


CANARY_THREADS = 8


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Deployment:
    """Settings, plans and ports of one process."""

    def __init__(self, environment: Mapping[str, str], root: Path) -> None:
        """Read settings and plans.

        Args:
            environment: where the settings come from.
            root: what relative paths in them are relative to.

        Raises:
            InvalidInput: a setting or a plan is wrong; names which.
        """
        self.clock = SystemClock()
        self.settings: Settings = settings_from(environment)
        plans = plans_in(root / self.settings.plans)
        self.plans = Directory({pair: at_home(plan, self.settings) for pair, plan in plans.items()})
        self.summarised: set[tuple[str, str]] = set()
        """Pairs with their runs that have left a summary: it never goes away, so it need not be looked for again."""

        self.polled: dict[str, datetime] = {}
        """When this process last polled for a pair. Lost with it: then it polls a little early, no more."""

        self.lags: dict[tuple[str, Role], tuple[datetime, Lag]] = {}
        """By pair and active side: how far the standby was behind, and when that was counted."""

        self.teller = Teller(self.settings.stamp)

        self.looks = Turns()
        """When each pair was last looked at by this process, whatever came of it."""

        self.reconciliations, self.replications = Turns(), Turns()
        """The same for the reconciliation of its ledger, and for bringing its standby up to date."""

        self.canaries = Canaries()
        """What is known of each side's canary; Azure has the truth."""

        self.canary_looks = Turns()
        self.recorder, self.recent = Recorder(), Recent()
        """What was seen and has not been written down yet, and jobs that were just taken into the ledger."""

        self.lanes = Lanes()
        self._building = threading.Lock()

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """Where looks read their epoch records."""
        return ThreadPoolExecutor(THREADS, thread_name_prefix="hubswitch-look")

    @cached_property
    def canary_threads(self) -> ThreadPoolExecutor:
        """Where Resource Manager is asked about canaries: its own few threads, so that it holds up nothing else."""
        return ThreadPoolExecutor(CANARY_THREADS, thread_name_prefix="hubswitch-canary")

    @property
    def world(self) -> World:
        """The ports, built at first use, once."""
        with self._building:
            return self._world

    async def assembled(self) -> World:
        """The same, without holding up the running event loop while the clients are imported."""
        return await asyncio.to_thread(lambda: self.world)

    async def record(self, plan: Plan, line: Line) -> None:
        """Write down what was delivered or wanted. Never raises for what the ledger does."""
        if plan.recording.retain:
            await asyncio.to_thread(lambda: self.recorder.line(self.world.ledgers[plan.pair], plan, line))

    async def aclose(self) -> None:
        """Close what the running event loop holds open. Azure Functions never calls this; local hosts do."""
        if "_world" in self.__dict__:
            await self._world.probes.aclose()
            await self._world.polls.aclose()

    @cached_property
    def inventory(self) -> Inventory:
        """What exists on both sides, for reports and checks."""
        from orchestrator.adapters.assembly import inventory

        return inventory(self.settings)

    @cached_property
    def _world(self) -> World:
        from orchestrator.adapters.assembly import assembled

        return assembled(self.settings, self.plans, self.clock)


def plans_in(place: Path) -> Directory:
    """The plans of a folder (every ``*.yaml``), or of one file, by pair.

    Raises:
        InvalidInput: nothing is there, a plan is wrong, two plans are for one pair, two pairs have one primary, or
            one pair's primary is another's secondary: its jobs would be recorded, and moved, by both.
    """
    files = [place] if place.is_file() else sorted(place.glob("*.yaml"))
    if not files:
        raise InvalidInput(str(place), "", "a plan, or a folder with plans (*.yaml)", "none")
    plans: dict[str, Plan] = {}
    places: dict[Path, Plan] = {}
    for file in files:
        plan = plan_from(text_of(file), str(file))
        if plan.pair in plans:
            raise InvalidInput(str(file), "pair", "a pair that no other plan has", plan.pair)
        places[file] = plan
        plans[plan.pair] = plan
    _apart(places)
    return Directory(plans)


def _apart(places: dict[Path, Plan]) -> None:
    """Refuse a project that leads one pair and belongs to another. A standby may be shared."""
    leads = {plan.primary.project_id.casefold(): plan.pair for plan in reversed(places.values())}
    for file, plan in places.items():
        for role in Role:
            other = leads.get(plan.side(role).project_id.casefold(), plan.pair)
            if other != plan.pair:
                expected = "a project that is no other pair's primary"
                raise InvalidInput(str(file), f"{role}.project", expected, f"that of {other}")


def at_home(plan: Plan, settings: Settings) -> Plan:
    """The plan with the region in which we run, unless it names one itself."""
    if plan.references.home or not settings.region:
        return plan
    home = msgspec.structs.replace(plan.references, home=region_named(settings.region) or "")
    return msgspec.structs.replace(plan, references=home)
