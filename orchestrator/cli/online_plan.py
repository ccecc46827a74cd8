"""``hubswitch plan check --online``: the plan's map against what exists in both projects. Reads only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.strict_yaml import Document
from orchestrator.core.plan.faults import Fault, PlacedFault, place_faults
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.standby.name_map_check import NameMapFinding, Sides, findings
from orchestrator.ports import Inventory


def compare_with_azure(
    file: Path, plan: Plan, document: Document
) -> tuple[tuple[PlacedFault, ...], tuple[PlacedFault, ...]]:
    """What of the map jobs would be refused for, and what is worth knowing.

    Raises:
        HubswitchError: one side could not be asked.
    """
    deployment = Deployment({**os.environ, "HUBSWITCH_PLANS": str(file)}, Path.cwd())
    sides = [_side(deployment.inventory, hub) for hub in (plan.primary, plan.secondary)]
    found = findings(plan, *sides)
    refused = _place((each for each in found if each.is_refused), document, file)
    return refused, _place((each for each in found if not each.is_refused), document, file)


def _place(found: Iterable[NameMapFinding], document: Document, file: Path) -> tuple[PlacedFault, ...]:
    faults = (Fault(each.field, each.expected, each.got) for each in found)
    return tuple(sorted(place_faults(faults, document, str(file)), key=lambda each: (each.line, each.column)))


def _side(inventory: Inventory, hub: Hub) -> Sides:
    return Sides(
        computes=dict(inventory.computes(hub)),
        datastores=inventory.datastores(hub),
        environments=inventory.environments(hub),
    )
