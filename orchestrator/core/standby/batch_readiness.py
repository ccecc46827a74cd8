"""The check of batch endpoints: those that the plan's ``standby.batch_endpoints`` names, in the standby. Pure.

Shapes: ``BatchEndpoint`` (``properties.defaults.deploymentName``, ``provisioningState``) and ``BatchDeployment``
(``properties.provisioningState``), learn.microsoft.com, rest/api/azureml/batch-endpoints/list and
rest/api/azureml/batch-deployments/list.

Whether endpoint and deployment are there, and what a tier says of that, is looked at as for every planned part
(``tier_readiness``); this is what else the check asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from orchestrator.core.standby.planned_parts import PlannedPart
from orchestrator.core.standby.readiness import CheckRow, Comparison, Severity

ENDPOINTS, DEPLOYMENTS = "batch_endpoints", "batch_deployments"
BATCH_CHECK = 30


def batch_row(parts: Sequence[PlannedPart] = ()) -> CheckRow:
    """The row for what the plan names; of other endpoints nothing is asked."""
    look = partial(_look_at_batch, [part for part in parts if part.key in {ENDPOINTS, DEPLOYMENTS}])
    fix = "az ml batch-endpoint create; az ml batch-deployment create"
    return CheckRow(BATCH_CHECK, "batch endpoints", (ENDPOINTS, DEPLOYMENTS), Severity.BLOCK, look, fix)


def set_default_command(endpoint: str, deployment: str) -> str:
    """The command that makes a deployment the default one."""
    return f"az ml batch-endpoint update --name {endpoint} --set defaults.deployment_name={deployment}"


def _look_at_batch(parts: Sequence[PlannedPart], c: Comparison) -> None:
    for key in (ENDPOINTS, DEPLOYMENTS):
        there = c.secondary.by_name(key)
        for part in parts:
            found = there.get(part.name.casefold()) if part.key == key else None
            if found is not None:
                path = f"{key}.{part.name}"
                c.must(path, found, "properties.provisioningState", ["Succeeded"], "is not provisioned")
