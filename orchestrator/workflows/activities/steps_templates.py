"""The step that deploys an ARM template from the ledger's account into the resource group of a side's project.

The deployment's name follows from run and step, so that a second try meets the first: what is under way is waited for,
what succeeded is not deployed again, and what failed is put again. Mode Incremental: nothing that the template does not
name is touched (learn.microsoft.com, rest/api/resources/deployments; "Deployment modes").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from orchestrator.core.base.codec import decode
from orchestrator.core.base.errors import InvalidInput, NotFound, Refused, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import template_path
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.plan.step_base import StepSide
from orchestrator.core.plan.steps_standby import DeployTemplate
from orchestrator.ports import Ledger, World
from orchestrator.workflows.messages import StepOrder

DEPLOYMENT_VERSION = "2025-04-01"
"""The newest version of Microsoft.Resources whose types were read (Azure/bicep-types-az)."""

LONGEST_NAME = 64
"""Characters of a deployment's name (learn.microsoft.com, "Naming rules and restrictions for Azure resources")."""

DEEPEST, MOST = 5, 5
"""How far into an error's details is looked, and how many of the innermost ones are told."""

ENDED_BADLY = frozenset({"Failed", "Canceled"})


def deploy_template(world: World, order: StepOrder, step: DeployTemplate) -> None:
    """Put the deployment unless it is there, and return when it has succeeded.

    Raises:
        NotFound: the ledger has no such template.
        InvalidInput: it is no ARM template.
        Refused: Resource Manager does not take it; with its reason.
        TemporaryError: it is under way, or has failed: with the innermost errors. It is put again by the next try.
    """
    plan = world.plans[order.pair]
    hub = plan.side(order.target if step.side is StepSide.TARGET else order.source)
    place = f"{hub.group_id}/providers/Microsoft.Resources/deployments/{deployment_name(order.run, step.title)}"
    properties = _read_deployment(world, place)
    state = str(properties.get("provisioningState")) if properties is not None else ""
    if properties is None or state in ENDED_BADLY:
        template = read_template(world.ledgers[order.pair], step.template)
        given = {name: {"value": value} for name, value in step.parameters.items()}
        body = {"properties": {"mode": "Incremental", "template": template, "parameters": given}}
        world.resources.put(hub, place, DEPLOYMENT_VERSION, body)
    if state != "Succeeded":
        raise TemporaryError(f"the deployment of {step.template} is {_told(properties, state)}")


def preview_deploy_template(world: World, plan: Plan, target: Role, step: DeployTemplate) -> str:
    """Whether the ledger has the template, and its parameters are those that are given. Azure is not asked.

    Raises:
        NotFound: the ledger has no such template.
        InvalidInput: it is no ARM template.
        Refused: a parameter is lacking, or unknown to the template.
    """
    template = read_template(world.ledgers[plan.pair], step.template)
    declared = template.get("parameters")
    declared = declared if isinstance(declared, dict) else {}
    lacking = {n for n, each in declared.items() if not (isinstance(each, dict) and "defaultValue" in each)}
    for what, names in (("needs", lacking - step.parameters.keys()), ("has no", step.parameters.keys() - declared)):
        if names:
            raise Refused(f"{step.template} {what} parameter {', '.join(sorted(names))}")
    hub: Hub = plan.side(target if step.side is StepSide.TARGET else target.other)
    return f"{step.template} would be deployed into {hub.resource_group}"


def deployment_name(run: str, step: str) -> str:
    """The name under which a run's step deploys; of a run and a step whose names are too long, a part and a hash."""
    name = re.sub(r"[^-\w.()]", "-", f"{run}-{step}")
    if len(name) <= LONGEST_NAME:
        return name
    mark = sha256(name.encode()).hexdigest()[:12]
    return f"{name[: LONGEST_NAME - len(mark) - 1]}-{mark}"


def read_template(ledger: Ledger, name: str) -> dict[str, Any]:
    """A template from the ledger's container.

    Raises:
        NotFound: there is none.
        InvalidInput: it is no JSON object with ``$schema`` and ``resources``.
    """
    path = template_path(name)
    kept = ledger.get(path)
    if kept is None:
        raise NotFound(f"the ledger has no template {path}")
    template = decode(kept, dict[str, Any], path)
    for field in ("$schema", "resources"):
        if field not in template:
            raise InvalidInput(path, field, "an ARM template, as `az bicep build` writes it", "nothing")
    return template


def innermost_errors(error: Any, depth: int = 0) -> Iterator[str]:
    """``code: message`` of each error that has none inside it: the outer ones say only that something failed."""
    if not isinstance(error, Mapping):
        return
    details = error.get("details")
    inner = [each for each in details if isinstance(each, Mapping)] if isinstance(details, list) else []
    if inner and depth < DEEPEST:
        for each in inner:
            yield from innermost_errors(each, depth + 1)
        return
    yield ": ".join(str(error[name]) for name in ("code", "message") if error.get(name)) or "an error without a word"


def _read_deployment(world: World, place: str) -> Mapping[str, Any] | None:
    """Properties of the deployment; None if there is none."""
    try:
        found = world.resources.get(place, DEPLOYMENT_VERSION).get("properties")
    except NotFound:
        return None
    return found if isinstance(found, dict) else {}


def _told(properties: Mapping[str, Any] | None, state: str) -> str:
    if properties is None:
        return "begun"
    errors = list(innermost_errors(properties.get("error")))
    if not errors:
        return state
    more = f" and {len(errors) - MOST} more" if len(errors) > MOST else ""
    return f"{state}, and begun again: {'; '.join(errors[:MOST])}{more}"
