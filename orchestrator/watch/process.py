"""What the timers need of the process that they run in. ``orchestrator.bootstrap.Deployment`` is one."""

from __future__ import annotations

from typing import Protocol

from orchestrator.audit.recorder import Recorder
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Line
from orchestrator.core.signals.ownership import Directory
from orchestrator.ports import Clock, World
from orchestrator.settings import Settings
from orchestrator.watch.memory import Memory


class Process(Protocol):
    """Settings, plans, ports and memory of one process."""

    settings: Settings
    plans: Directory
    memory: Memory
    recorder: Recorder

    @property
    def clock(self) -> Clock: ...

    @property
    def world(self) -> World:
        """The ports, built at first use, once."""

    async def assembled(self) -> World:
        """The same, without holding up the running event loop while the clients are imported."""

    async def record(self, plan: Plan, line: Line) -> None:
        """Write down what was delivered or wanted. Never raises for what the ledger does."""
