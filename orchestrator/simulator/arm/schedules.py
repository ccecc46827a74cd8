"""Schedules of a project, as far as they are switched here. They fire nothing.

Documented (learn.microsoft.com, rest/api/azureml/schedules; types in Azure/bicep-types-az, 2024-10-01): a schedule is
put as a whole, with ``action`` and ``trigger``; ``isEnabled`` switches it; ``provisioningState`` is read-only. **Not
documented**, and decided for the strict side: that a read-only field is refused, and all wording.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.calls import ArmCall
from orchestrator.simulator.arm.progress import Progress
from orchestrator.simulator.arm.resources import Resources
from orchestrator.simulator.arm.rules import user_error

_PROPERTIES = frozenset({"action", "trigger", "isEnabled", "displayName", "description", "properties", "tags"})
_ACTIONS = {"CreateJob": "jobDefinition", "InvokeBatchEndpoint": "endpointInvocationDefinition"}


class SchedulesApi:
    """The PUT of a schedule.

    Args:
        resources: where schedules are kept.
        progress: changes that take a while.
    """

    def __init__(self, resources: Resources, progress: Progress) -> None:
        self._resources = resources
        self._progress = progress

    def answer(self, call: ArmCall) -> web.Response | None:
        """The answer to a change of a schedule; None for everything else."""
        match call.method, tuple(part.lower() for part in call.parts):
            case "PUT", ("schedules", _):
                return self._put(call)
        return None

    def _put(self, call: ArmCall) -> web.Response:
        properties = _check_schedule(call.body)
        found = self._resources.get(call.id)
        if found is None:
            raise user_error("Schedules are not created here.")
        self._progress.refuse_another(found)
        found["properties"] = {**properties, "isEnabled": properties.get("isEnabled", True)}
        return json_answer(self._progress.begin(found))


def _check_schedule(body: Any) -> dict[str, Any]:
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise user_error("properties: an object was expected.")
    if other := {*(set(body) - {"properties"}), *(f"properties.{name}" for name in set(properties) - _PROPERTIES)}:
        raise user_error(f"{min(other)}: is read-only and cannot be set.")
    for field in ("action", "trigger"):
        if not isinstance(properties.get(field), dict):
            raise user_error(f"properties.{field}: is required.")
    wanted = _ACTIONS.get(str(properties["action"].get("actionType")))
    if wanted is None or not isinstance(properties["action"].get(wanted), dict):
        raise user_error("properties.action: one of CreateJob and InvokeBatchEndpoint, with its definition.")
    if not isinstance(properties.get("isEnabled", True), bool):
        raise user_error("properties.isEnabled: true or false was expected.")
    return properties
