"""Body of the step that waits until an alert of Azure Monitor is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps_alert import WaitForAlert
from orchestrator.ports import ArmResources, World
from orchestrator.workflows.messages import StepOrder

ALERTS_VERSION = "2019-05-05-preview"
"""What Microsoft's own clients list alerts with (Az.AlertsManagement; azure-mgmt-alertsmanagement)."""

FIRED = "Fired"


def wait_for_alert(world: World, _: StepOrder, step: WaitForAlert) -> None:
    """Return if no alert that counts is fired.

    Raises:
        TemporaryError: one is, or an alert says of itself neither that it is fired nor that it is resolved.
    """
    fired = count_fired(world.resources, step)
    if fired:
        raise TemporaryError(f"{fired} alerts are fired still")


def preview_alert(world: World, _plan: Plan, _target: Role, step: WaitForAlert) -> str:
    """How many alerts are fired now."""
    fired = count_fired(world.resources, step)
    return f"the run would wait: {fired} alerts are fired" if fired else "no alert that counts is fired"


def count_fired(resources: ArmResources, step: WaitForAlert) -> int:
    """How many alerts that count are fired.

    The service filters, and each answer is looked at again: a filter that it does not heed must not make the run wait
    for an alert of somebody else. An alert whose condition is not ``Resolved`` counts as fired: unknown means wait.
    """
    query = {"timeRange": "30d", "monitorCondition": FIRED}
    query |= {"alertRule": step.rule} if step.rule else {}
    query |= {"targetResource": step.target} if step.target else {}
    place = f"/subscriptions/{step.subscription}/providers/Microsoft.AlertsManagement/alerts"
    return sum(_counts(each, step) for each in resources.list(place, ALERTS_VERSION, query))


def _counts(alert: Mapping[str, Any], step: WaitForAlert) -> bool:
    properties = alert.get("properties")
    essentials = properties.get("essentials") if isinstance(properties, dict) else None
    if not isinstance(essentials, dict):
        raise TemporaryError("an alert is listed without its essentials: whether it is fired is not known")
    if essentials.get("monitorCondition") == "Resolved":
        return False
    return _fits(essentials.get("alertRule"), step.rule) and _fits(essentials.get("targetResource"), step.target)


def _fits(said: Any, wanted: str) -> bool:
    """Whether it is the one that is wanted. A rule may be told by its name alone, depending on the monitor service."""
    if not wanted:
        return True
    text = str(said or "").casefold().rstrip("/")
    return text in {wanted.casefold(), wanted.rpartition("/")[2].casefold(), ""}
