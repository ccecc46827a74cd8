"""The one place that chooses concrete things: settings and plans from the environment, adapters for the ports.

Settings and plans are read, and refused if wrong, when the app starts. Adapters are built at first use: importing
the Azure clients takes longer than everything else together, and a worker that only answers a health check should
not pay for them.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path

from orchestrator.audit.recorder import Recorder
from orchestrator.clock import SystemClock
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Line
from orchestrator.core.signals.ownership import Directory
from orchestrator.plan_files import at_home, groups_in, plans_in
from orchestrator.ports import Inventory, Trials, World
from orchestrator.settings import Settings, settings_from
from orchestrator.watch.memory import Memory
from orchestrator.workflows.activities.limits import ConcurrencyLimits


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
        self._environment = environment
        self.settings: Settings = settings_from(environment)
        plans = plans_in(root / self.settings.plans)
        self.plans = Directory({pair: at_home(plan, self.settings) for pair, plan in plans.items()})
        self.groups = groups_in(root / self.settings.plans, self.plans)
        """Recovery groups by name."""

        self.memory = Memory(self.settings.stamp, self.settings.take_over_after)
        self.recorder = Recorder()
        """What was seen and has not been written down yet."""

        self.limits = ConcurrencyLimits()
        self._building = threading.Lock()

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
    def trials(self) -> Trials:
        """Harmless calls that show what the app's identities may do."""
        from orchestrator.adapters.assembly import trials

        return trials(self.settings)

    @cached_property
    def _world(self) -> World:
        from orchestrator.adapters.assembly import assemble

        made = assemble(self.settings, self.plans, self.clock, environment=self._environment)
        _freeze_imports()
        return made


@cache
def _freeze_imports() -> None:
    """Leave what is there now, modules and clients, out of the collections of garbage to come.

    It lives as long as the process. With it a full collection takes some 100 ms, in which no request is answered; one
    large delivery causes several. Once in a process: what is garbage at this moment stays, and must not add up.
    """
    gc.freeze()
