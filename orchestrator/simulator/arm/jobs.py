"""Jobs: PUT, GET, list, cancel.

A PUT of a name that exists is compared with the job: equal immutable parts answer 200 with the job, whose tags are
merged; a changed one is refused with 400 ``UserError``, inner code ``JobPropertyImmutable``, as people report. What the
service has normalised it may take for changed, too: ``kernel.refuses_second_puts``. azure-ai-ml archives and restores
jobs by such a PUT. Which parts are immutable is decided here: all but the texts for people, tags, and what the service
itself adds.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.calls import PAGE, ArmCall, list_by_view, page_of
from orchestrator.simulator.arm.resources import PROVIDER, Resource, stamp, system_data, type_of
from orchestrator.simulator.arm.rules import Resolver, check_job, user_error
from orchestrator.simulator.arm.tick import Upkeep
from orchestrator.simulator.job_lifecycle import Job, JobsLife, wishes_in
from orchestrator.simulator.services import AzureError, Kernel

ML_AUDIENCE = "https://ml.azure.com"
_TOKEN = "x-azureml-token"  # noqa: S105 - the name of a header
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,255}")
"""Which characters a job's name may have is not documented; its length is (256)."""


_UPDATABLE = frozenset({"tags", "displayName", "description", "properties", "isArchived", "services", "status"})


_COMMON: dict[str, Any] = {
    "description": None,
    "computeId": None,
    "identity": None,
    "componentId": None,
    "notificationSetting": None,
}
_COMMAND: dict[str, Any] = {
    "resources": {"instanceCount": 1, "instanceType": None, "properties": None, "shmSize": "2g", "dockerArgs": None},
    "codeId": None,
    "inputs": {},
    "distribution": None,
    "limits": {"timeout": None, "jobLimitsType": "Command"},
    "environmentVariables": None,
    "parameters": {},
    "queueSettings": {"jobTier": "Null"},
}


@dataclass
class Cancellation:
    """A cancellation that somebody may poll."""

    job: Job


class JobsApi:
    """The collection ``jobs`` of every workspace."""

    def __init__(self, kernel: Kernel, life: JobsLife, upkeep: Upkeep, page: int = PAGE) -> None:
        self._kernel = kernel
        self._life = life
        self._upkeep = upkeep
        self._page = page
        self._operations: dict[str, Cancellation] = {}

    def answer(self, call: ArmCall, wrong: Resolver) -> web.Response:
        match call.method, call.parts[1:]:
            case "GET", ():
                return self._list(call)
            case "GET", (name,):
                return json_answer(self._find(call, name).resource)
            case "PUT", (name,):
                return self._put(call, name, wrong)
            case "POST", (name, action) if action.lower() == "cancel":
                return self._cancel(call, self._find(call, name))
        raise call.not_allowed()

    def polled(self, operation_id: str, url: str) -> web.Response:
        """Where a cancellation stands: 202 with its own address again, then 200."""
        operation = self._operations.get(operation_id)
        if operation is None:
            raise AzureError(404, "ResourceNotFound", f"The operation '{operation_id}' was not found.")
        if operation.job.ended:
            return web.Response(status=200)
        return web.Response(status=202, headers={"Location": url, "Retry-After": "1"})

    def _find(self, call: ArmCall, name: str) -> Job:
        job = self._life.get(call.workspace_id, name)
        if job is None:
            raise call.not_found()
        return job

    def _list(self, call: ArmCall) -> web.Response:
        query = call.query
        jobs = self._life.of(call.workspace_id)
        if kind := query.get("jobType"):
            jobs = [job for job in jobs if job.resource["properties"]["jobType"] == kind]
        if tag := query.get("tag"):
            jobs = [job for job in jobs if tag in (job.resource["properties"].get("tags") or {})]
        shown = list_by_view([job.resource for job in jobs], query.get("listViewType"))
        orders = {job.resource["id"]: job.order for job in jobs}
        return page_of(call, shown, self._page, [orders[resource["id"]] for resource in shown])

    def _put(self, call: ArmCall, name: str, wrong: Resolver) -> web.Response:
        if not _NAME.fullmatch(name):
            raise user_error(f"name: 1 to 256 letters, digits, '-', '_' or '.' were expected, got {name!r}.")
        check_job(name, call.body, wrong)
        self._check_person(call)
        _check_wishes(call)
        existing = self._life.get(call.workspace_id, name)
        if existing is not None:
            return json_answer(self._update(existing, call.body["properties"]))
        job = self._life.submit(
            region=call.region,
            workspace=call.workspace_id,
            principal=call.caller.client_id,
            submitted=copy.deepcopy(call.body),
            resource=self._accept(call),
            lacks=self._upkeep.lacks(call),
        )
        return json_answer(job.resource, 201, call.location())

    def _update(self, job: Job, sent: dict[str, Any]) -> Resource:
        """The job after a second PUT.

        Raises:
            AzureError: 400, a part that cannot be changed is another one.
        """
        changed = "settings" if self._kernel.refuses_second_puts else _find_changed(job, sent)
        if changed:
            said = f"Cannot update the job {job.name}: the property {changed} cannot be changed."
            raise AzureError(400, "UserError", said, inner="JobPropertyImmutable")
        shown = job.resource["properties"]
        shown["tags"] = (shown.get("tags") or {}) | (sent.get("tags") or {})
        if isinstance(sent.get("isArchived"), bool):
            shown["isArchived"] = sent["isArchived"]
        return job.resource

    def _check_person(self, call: ArmCall) -> None:
        """A job that runs as its user needs that user's token.

        azure-ai-ml sends it in ``x-azureml-token``. That the service refuses the job without it is not known.
        """
        identity = call.body["properties"].get("identity")
        if not isinstance(identity, dict) or identity.get("identityType") != "UserIdentity":
            return
        token = call.request.headers.get(_TOKEN, "").removeprefix("Bearer ")
        if not self._kernel.is_person(token, ML_AUDIENCE):
            raise user_error("properties.identity: a job that runs as its user needs the token of a user.")

    def _accept(self, call: ArmCall) -> Resource:
        """The job as Azure ML shows it: what was sent, and what the service adds."""
        name, workspace = call.parts[1], call.workspace_id
        properties = _defaults_of(call.body["properties"]) | copy.deepcopy(call.body["properties"])
        properties |= {
            "status": "NotStarted",
            "displayName": properties.get("displayName") or name,
            "experimentName": properties.get("experimentName") or "Default",
            "isArchived": bool(properties.get("isArchived")),
            "tags": properties.get("tags") or {},
            "services": (properties.get("services") or {}) | _services(name, workspace, call.region),
            "properties": (properties.get("properties") or {}) | _results(properties, workspace),
            "outputs": (properties.get("outputs") or {}) | _default_output(name),
        }
        if isinstance(properties.get("limits"), dict):
            properties["limits"] = {"timeout": None} | properties["limits"]
        if properties["jobType"] == "Command" and isinstance(properties["resources"], dict):
            properties["resources"] = _COMMAND["resources"] | properties["resources"]
        if isinstance(properties.get("inputs"), dict):
            properties["inputs"] = {key: _show_input(item) for key, item in properties["inputs"].items()}
        now = self._kernel.now()
        person = call.caller.client_id in self._kernel.people
        data = system_data(now, call.caller.client_id, person=person)
        return {
            "id": call.id,
            "name": name,
            "type": type_of(call.id),
            "properties": properties,
            "systemData": data | {"lastModifiedAt": stamp(now)},
        }

    def _cancel(self, call: ArmCall, job: Job) -> web.Response:
        """202 and an operation to poll; 200 at once, empty, if the job has ended (recorded by azure-powershell)."""
        if job.ended:
            return web.Response(status=200)
        self._life.cancel(job)
        operation = str(uuid4())
        self._operations[operation] = Cancellation(job)
        subscription = call.workspace_id.split("/")[2]
        url = (
            f"{call.base}/subscriptions/{subscription}/providers/{PROVIDER}/locations/{call.region}"
            f"/mfeOperationResults/{operation}?api-version={call.query['api-version']}"
        )
        return web.Response(status=202, headers={"Location": url, "Retry-After": "1"})


def _defaults_of(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What a job is shown with although nobody sent it.

    As recorded of command jobs by azure-powershell's tests (api-version 2024-04-01). That the other types show the
    parts that all types have in common, and nothing else, is our guess: no GET of one is recorded.
    """
    return copy.deepcopy(_COMMON | (_COMMAND if sent.get("jobType") == "Command" else {}))


def _show_input(item: Any) -> Any:
    """An input as it is shown: with a description, and with a mode where it is no literal."""
    if not isinstance(item, dict):
        return item
    literal = str(item.get("jobInputType", "literal")).lower() == "literal"
    return {"description": None, **({} if literal else {"mode": "ReadOnlyMount"}), **item}


def _find_changed(job: Job, sent: Mapping[str, Any]) -> str:
    """The first part of a second PUT that differs from what was sent first, and from what is shown; empty: none."""
    first, shown = job.submitted["properties"], job.resource["properties"]
    keys: set[str] = {*sent, *first}
    for key in sorted(keys - _UPDATABLE):
        part = _without_nothing(sent.get(key))
        if part not in (_without_nothing(first.get(key)), _without_nothing(shown.get(key))):
            return key
    return ""


def _without_nothing(value: Any) -> Any:
    """A value without nulls and empty containers, which the service leaves out or fills in."""
    if isinstance(value, dict):
        cleared = {key: _without_nothing(item) for key, item in value.items()}
        return {key: item for key, item in cleared.items() if item is not None} or None
    if isinstance(value, list):
        return [_without_nothing(item) for item in value] or None
    return value


def _check_wishes(call: ArmCall) -> None:
    try:
        wishes_in(call.body["properties"].get("tags") or {})
    except ValueError as fault:
        raise user_error(f"properties.tags.{fault}") from fault


def _services(name: str, workspace: str, region: str) -> dict[str, Any]:
    return {
        "Tracking": {
            "jobServiceType": "Tracking",
            "port": None,
            "endpoint": f"azureml://{region}.api.azureml.ms/mlflow/v1.0{workspace}?",
            "status": None,
            "errorMessage": None,
            "properties": None,
            "nodes": None,
        },
        "Studio": {
            "jobServiceType": "Studio",
            "port": None,
            "endpoint": f"https://ml.azure.com/runs/{name}?wsid={workspace}",
            "status": None,
            "errorMessage": None,
            "properties": None,
            "nodes": None,
        },
    }


def _results(properties: dict[str, Any], workspace: str) -> dict[str, str]:
    """The properties that a run gets from the service."""
    compute = str(properties.get("computeId") or "")
    added = {"_azureml.ComputeTargetType": "amlctrain" if compute else "serverless"}
    if compute:
        added["_azureml.ClusterName"] = compute.rsplit("/", 1)[-1]
    if code := properties.get("codeId"):
        added["ContentSnapshotId"] = str(uuid5(NAMESPACE_URL, f"{workspace}{code}".lower()))
    return added


def _default_output(name: str) -> dict[str, Any]:
    return {
        "default": {
            "description": None,
            "jobOutputType": "uri_folder",
            "mode": "ReadWriteMount",
            "uri": f"azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.{name}",
        }
    }
