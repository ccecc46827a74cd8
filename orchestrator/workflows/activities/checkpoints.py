"""What a job finds of its checkpoints where it goes on: how old they are, or that there are none.

Nothing here copies them. People read in the job's history from where it can go on, and that it has to start anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.text import format_duration
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import checkpoint
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs.data_report import Amount
from orchestrator.core.jobs.rewrite.data_uses import DataUse, data_uses
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import World, container_of


class Checkpoints:
    """Looks at checkpoints on one side of a pair. Reads only, and raises nothing: no job waits for what it says."""

    def __init__(self, world: World, plan: Plan, side: Role) -> None:
        self._inventory = world.inventory
        self._hub = plan.side(side)
        self._side = side
        self._workspace = rewriting.job_map(plan, side).from_

    def told(self, body: Mapping[str, Any], now: datetime) -> str:
        """What is to be said of the checkpoints that a job's body names; empty if it names none.

        Args:
            body: the job as it is put to this side.
            now: ages are told as of this time.
        """
        place = checkpoint.checkpoint_of(body)
        if place is None:
            return ""
        named = {"properties": {"environmentVariables": {checkpoint.CHECKPOINT_VARIABLE: place}}}
        use = next(data_uses(named, self._workspace), None)
        if use is None:
            return f"how old its checkpoints are is not known: {place} is no place in blob storage"
        try:
            found = self._amount(use)
        except HubswitchError as fault:
            return f"how old its checkpoints are is not known: {fault}"
        if found is None:
            return f"it starts anew: the {self._side} has no datastore {use.datastore}"
        if found.newest is None:
            return f"it starts anew: no checkpoint is in the {self._side} at {place}"
        return f"its newest checkpoint in the {self._side} is {format_duration(now - found.newest)} old"

    def _amount(self, use: DataUse) -> Amount | None:
        """What lies there; None if the datastore does not exist."""
        if use.datastore:
            store = self._inventory.place(self._hub, use.datastore)
            return self._inventory.amount(self._hub, store, use.path) if store else None
        container, _, path = use.path.partition("/")
        return self._inventory.amount(self._hub, container_of(use.account, container), path)
