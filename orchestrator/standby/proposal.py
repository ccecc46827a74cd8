"""A first plan for two hubs that exist: both sides are read through Resource Manager. Reads only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from orchestrator.core.plan.schema import Hub
from orchestrator.core.standby.plan_proposal import Proposal, ProposalRequest, check_project_id, hub_of, propose_plan
from orchestrator.ports import ArmResources, SideInventories, SideRequest

WORKSPACE_VERSION = "2024-10-01"


def read_proposal(resources: ArmResources, sides: SideInventories, wanted: ProposalRequest) -> Proposal:
    """Read both sides, at most a few minutes, and propose their plan.

    Raises:
        InvalidInput: an id is none, or a project has no region that is known.
        HubswitchError: a project cannot be read. What else cannot be read is told in the proposal.
    """
    hubs = [find_hub(resources, "primary", wanted.primary), find_hub(resources, "secondary", wanted.secondary)]
    subscriptions = frozenset(hub.subscription.casefold() for hub in hubs)
    requests = [SideRequest(hub, wanted.pointer, subscriptions) for hub in hubs]
    with ThreadPoolExecutor(max_workers=len(requests)) as pool:
        primary, secondary = pool.map(sides.collect, requests)
    return propose_plan(primary, secondary, wanted)


def find_hub(resources: ArmResources, role: str, project_id: str) -> Hub:
    """The side that a project's ARM id means: its names from the id, its region and its hub from the project."""
    check_project_id(role, project_id)
    return hub_of(role, project_id, resources.get(project_id, WORKSPACE_VERSION))
