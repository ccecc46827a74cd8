"""``hubswitch plan check --online``: what the plan names against what exists, and what its steps may do. Reads only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from orchestrator.bootstrap import Deployment
from orchestrator.cli.online_names import look_up_names
from orchestrator.cli.online_permissions import describe_lacking, look_up_permissions
from orchestrator.core.base.errors import Forbidden, NotFound, Refused
from orchestrator.core.base.strict_yaml import Document
from orchestrator.core.plan.faults import Fault, PlacedFault, place_faults
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.plan.steps import front_steps, steps_in
from orchestrator.core.plan.steps_alert import WaitForAlert
from orchestrator.core.standby.name_map_check import NameMapFinding, Sides, findings
from orchestrator.doctor.roles import find_missing
from orchestrator.ports import Inventory
from orchestrator.settings import with_own_login
from orchestrator.workflows.activities.alert_step import count_fired
from orchestrator.workflows.activities.steps_front import actions_of


def compare_with_azure(
    file: Path, plan: Plan, document: Document
) -> tuple[tuple[PlacedFault, ...], tuple[PlacedFault, ...]]:
    """What of the map jobs would be refused for, and what is worth knowing.

    Raises:
        HubswitchError: one side could not be asked.
    """
    deployment = Deployment({**with_own_login(os.environ), "HUBSWITCH_PLANS": str(file)}, Path.cwd())
    sides = [_side(deployment.inventory, hub) for hub in (plan.primary, plan.secondary)]
    is_executor = bool(deployment.settings.executor_client_id)
    found = (
        *findings(plan, *sides),
        *look_up_names(deployment.world, plan),
        *look_up_permissions(deployment.trials, plan, is_executor=is_executor),
        *_front(deployment, plan),
        *_alerts(deployment, plan),
    )
    refused = _place((each for each in found if each.is_refused), document, file)
    return refused, _place((each for each in found if not each.is_refused), document, file)


def _front(deployment: Deployment, plan: Plan) -> Iterator[NameMapFinding]:
    """What steps switch in front of the hubs: whether it is there, and whether the login of this check may change it.

    A login that is not the executor's says nothing about the executor: then it is only worth knowing.
    """
    is_executor = bool(deployment.settings.executor_client_id)
    for place, step in front_steps(plan.steps).items():
        field = f"{place}.{step.id_field}"
        try:
            wanted = actions_of(deployment.world.resources, step)
            lacking = find_missing(wanted, deployment.trials.permissions(step.resource_id))
        except Forbidden:
            lacking = [f"{step.resource_type}/read"]
        except (NotFound, Refused) as fault:
            yield NameMapFinding(field=field, expected="what the step names, in Azure", got=str(fault), is_refused=True)
            continue
        if lacking:
            yield describe_lacking(field, lacking, is_executor=is_executor)


def _alerts(deployment: Deployment, plan: Plan) -> Iterator[NameMapFinding]:
    """Whether alerts that steps wait for can be listed."""
    for direction in ("failover", "failback"):
        for path, step in steps_in(plan.steps.direction(direction)):
            if not isinstance(step, WaitForAlert):
                continue
            field = f"steps.{direction}{path}.{'target' if step.target else 'rule'}"
            try:
                count_fired(deployment.world.resources, step)
            except Forbidden:
                is_executor = bool(deployment.settings.executor_client_id)
                yield describe_lacking(field, ["Microsoft.AlertsManagement/alerts/read"], is_executor=is_executor)
            except (NotFound, Refused) as fault:
                expected = "a subscription whose alerts can be listed"
                yield NameMapFinding(field=field, expected=expected, got=str(fault), is_refused=True)


def _place(found: Iterable[NameMapFinding], document: Document, file: Path) -> tuple[PlacedFault, ...]:
    faults = (Fault(each.field, each.expected, each.got, hint=each.hint) for each in found)
    return tuple(sorted(place_faults(faults, document, str(file)), key=lambda each: (each.line, each.column)))


def _side(inventory: Inventory, hub: Hub) -> Sides:
    return Sides(
        computes=dict(inventory.computes(hub)),
        datastores=inventory.datastores(hub),
        environments=inventory.environments(hub),
    )
