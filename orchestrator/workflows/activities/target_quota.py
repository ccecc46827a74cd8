"""Whether the side where a job would run has quota for it, as far as that can be known. Reads only, as the reader.

What cannot be read holds no job back: Azure ML accepts a job without quota, and says so at its cluster.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from orchestrator import telemetry
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.standby.demand import least_nodes_of
from orchestrator.core.standby.inventory import code_of, dig
from orchestrator.core.standby.job_quota import find_lacking_quota
from orchestrator.ports import World

LOG = telemetry.logger("jobs")


class TargetQuota:
    """Asks once for one batch of jobs, when the first of them names a cluster. May be called from threads."""

    def __init__(self, world: World, plan: Plan, target: Role) -> None:
        self._sides = world.sides
        self._hub = plan.side(target)
        self._target = target
        self._lock = threading.Lock()
        self._read: dict[str, Any] | None = None

    def find(self, body: Mapping[str, Any]) -> str:
        """Which quota a body lacks, for people; empty if it lacks none that is known."""
        return find_lacking_quota(body, self._inventory(), self._target) if least_nodes_of(body) else ""

    def _inventory(self) -> dict[str, Any]:
        with self._lock:
            if self._read is None:
                self._read = self._sides.quota(self._hub)
                for key, found in self._read.items():
                    if code_of(found):
                        LOG.warning("%s of the %s are not known: %s", key, self._target, dig(found, "error.message"))
            return self._read
