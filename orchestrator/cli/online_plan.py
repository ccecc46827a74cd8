"""``hubswitch plan check --online``: the plan's map against what exists in both projects. Reads only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.standby.name_map_check import Sides, findings
from orchestrator.ports import Inventory


def online_check(file: Path, plan: Plan, *, out: TextIO, err: TextIO) -> int:
    """0 if the map fits, 2 and a line for each thing that does not, 1 if one side could not be asked."""
    try:
        deployment = Deployment({**os.environ, "HUBSWITCH_PLANS": str(file)}, Path.cwd())
        sides = [_side(deployment.inventory, hub) for hub in (plan.primary, plan.secondary)]
    except InvalidInput as fault:
        print(fault, file=err)
        return 2
    except HubswitchError as fault:
        print(f"{file}: the two sides could not be asked: {fault}", file=err)
        return 1
    found = findings(plan, *sides)
    refused = [finding for finding in found if finding.is_refused]
    for finding in refused:
        print(f"{file}: {finding}", file=err)
    for finding in found[len(refused) :]:
        print(f"worth knowing: {finding}", file=out)
    if not refused:
        print("online: every compute and datastore that the plan names exists, with memory enough", file=out)
    return 2 if refused else 0


def _side(inventory: Inventory, hub: Hub) -> Sides:
    return Sides(
        computes=dict(inventory.computes(hub)),
        datastores=inventory.datastores(hub),
        environments=inventory.environments(hub),
    )
