"""What a region answers itself, past Resource Manager: its Azure ML API, and a scoring endpoint.

Of run history (``history/v1.0``) it answers ``experiments:query`` and ``experiments/{name}/runs:query``, as its
specification (data plane 2019-09-30) has them; ``rundata`` and the index's ``index/v1.0/…/entities``, as traffic of
Microsoft's clients was recorded; and ``runs/{id}``, ``runs/{id}/details|children`` and PATCH of a run, as
azure-ai-ml's generated client calls them. What is none of these is not found. That an unknown experiment has no runs,
rather than being refused, is our guess; so is what a filter of the index other than by ``type`` finds: it is refused.
``GET /`` without a token is our own convention.
Tokens for Azure ML are accepted, and tokens for Resource Manager, which azure-ai-ml 1.35.2 sends here.

Paths with ``/runs``, and ``rundata``, belong to the surface ``jobs``, all others to ``hub``.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.jobs import ML_AUDIENCE
from orchestrator.simulator.arm.resources import Resource, stamp
from orchestrator.simulator.job_lifecycle import Job, JobsLife
from orchestrator.simulator.services import AzureError, Kernel, read_json

_HISTORY = re.compile(
    r"^/(?:history|index)/v1\.0(?P<workspace>/subscriptions/[^/]+/resourcegroups/[^/]+/providers"
    r"/microsoft\.machinelearningservices/workspaces/[^/]+)/(?P<rest>.+)$",
    re.IGNORECASE,
)
_TOP = 100


def surface_of(path: str) -> str:
    """The surface that a path of the regional API belongs to."""
    return "jobs" if "/runs" in path or path.endswith("/rundata") else "hub"


class RegionalApi:
    """The Azure ML API of one region.

    Args:
        workspaces: ids of the region's workspaces, in lower case.
        refuses: whether they have private link, and this is the host that everybody reaches.
    """

    def __init__(
        self,
        kernel: Kernel,
        url: str,
        region: str,
        workspaces: frozenset[str],
        life: JobsLife,
        *,
        refuses: bool = False,
    ) -> None:
        self._kernel = kernel
        self._url = url
        self._region = region
        self._workspaces = workspaces
        self._life = life
        self._refuses = refuses

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._root),
            web.get("/discovery", self._discovery),
            web.route("*", "/history/{path:.*}", self._history),
            web.post("/index/{path:.*}", self._index),
        ]

    async def _root(self, _: web.Request) -> web.Response:
        return json_answer({"region": self._region})

    async def _discovery(self, _: web.Request) -> web.Response:
        services = ("api", "catalog", "experimentation", "history", "hyperdrive", "notebooks", "pipelines")
        return json_answer(dict.fromkeys(services, self._url) | {"studio": "https://ml.azure.com"})

    async def _history(self, request: web.Request) -> web.Response:
        workspace, rest, body = await self._read(request, "ml.write" if request.method == "PATCH" else "ml.read")
        parts = tuple(rest.split("/"))
        if (request.method, parts) == ("POST", ("rundata",)):
            return self._rundata(workspace, body)
        answer = self._list(request, workspace, parts, body) or self._run(request, workspace, parts, body)
        if answer is None:
            raise _unknown(request)
        return json_answer(answer)

    async def _index(self, request: web.Request) -> web.Response:
        workspace, rest, body = await self._read(request, "ml.read")
        if rest != "entities":
            raise _unknown(request)
        asked = body if isinstance(body, dict) else {}
        kinds = [_kinds(each) for each in asked.get("filters") or []]
        size = asked.get("pageSize", _TOP)
        if not isinstance(size, int) or size < 1:
            raise AzureError(400, "UserError", "pageSize: a number of at least 1 was expected.")
        jobs = list(self._life.of(workspace)) if all("runs" in each for each in kinds) else []
        return json_answer(
            {
                "totalCount": len(jobs),
                "value": [_entity(job, self._region) for job in jobs[:size]],
                "nextSkip": min(size, len(jobs)),
                "continuationToken": None,
            }
        )

    async def _read(self, request: web.Request, permission: str) -> tuple[str, str, Any]:
        """The workspace that is asked, what of it, and the body."""
        self._kernel.admit(request, (ML_AUDIENCE, self._kernel.resource_manager), permission)
        found = _HISTORY.match(request.path)
        if found is None or found["workspace"].lower() not in self._workspaces:
            raise AzureError(404, "NotFound", f"'{request.path}' was not found in {self._region}.")
        if self._refuses:
            raise AzureError(403, "Forbidden", "Public network access of the workspace is disabled.")
        return found["workspace"], found["rest"], await read_json(request, "BadRequest", "The body is not JSON")

    def _list(self, request: web.Request, workspace: str, parts: tuple[str, ...], body: Any) -> dict[str, Any] | None:
        match request.method, parts:
            case "POST", ("experiments:query",):
                return {"value": self._experiments(workspace, _top(body))}
            case "POST", ("experiments", name, "runs:query"):
                return {"value": self._runs(workspace, name, _top(body))}
        return None

    def _rundata(self, workspace: str, body: Any) -> web.Response:
        name = body.get("runId") if isinstance(body, dict) else None
        if not isinstance(name, str) or not name:
            raise AzureError(400, "UserError", "runId: the name of a run was expected.")
        job = self._life.get(workspace, name)
        if job is None:
            told = {"runId": f"runId={name}"}
            raise AzureError(
                404, "UserError", f"Run runId={name} was not found", inner="NotFoundError", parameters=told
            )
        return json_answer({"runMetadata": _show(job), "runDefinition": None, "jobSpecification": None})

    def _run(self, request: web.Request, workspace: str, parts: tuple[str, ...], body: Any) -> dict[str, Any] | None:
        match request.method, parts:
            case "GET", ("runs", name):
                return _show(self._find(workspace, name))
            case "GET", ("runs", name, "details"):
                return _show(self._find(workspace, name)) | {"logFiles": {}}
            case "GET", ("runs", name, "children"):
                self._find(workspace, name)
                return {"value": []}
            case ("PATCH", ("experiments", _, "runs", name)) | ("PATCH", ("runs", name)):
                return _patch(self._find(workspace, name), body)
        return None

    def _find(self, workspace: str, name: str) -> Job:
        job = self._life.get(workspace, name)
        if job is None:
            raise AzureError(404, "NotFound", f"Run {name} was not found.")
        return job

    def _experiments(self, workspace: str, top: int) -> list[dict[str, Any]]:
        newest: dict[str, Job] = {}
        for job in self._life.of(workspace):
            newest.setdefault(job.experiment, job)
        return [
            {
                "experimentId": job.experiment_id,
                "name": name,
                "createdUtc": stamp(job.created),
                "archivedTime": None,
                "tags": {},
            }
            for name, job in list(newest.items())[:top]
        ]

    def _runs(self, workspace: str, experiment: str, top: int) -> list[dict[str, Any]]:
        """Newest first. ``filter`` and ``orderBy`` of the query are not looked at."""
        jobs = [job for job in self._life.of(workspace) if experiment == job.experiment]
        return [_show(job) for job in jobs[:top]]


class ScoringEndpoint:
    """A managed online endpoint with one model: 200 for a body with ``input_data``, 400 otherwise.

    It takes its key, or a token for Azure ML with the permission ``ml.score``.
    """

    def __init__(self, kernel: Kernel, region: str) -> None:
        self._kernel = kernel
        self.key = hashlib.sha256(f"{kernel.seed}/{region}/score".encode()).hexdigest()[:32]

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/score", self._score)]

    async def _score(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            self._kernel.admit(request, ML_AUDIENCE, "ml.score")
        body = await read_json(request, "BadRequest", "The body is not JSON")
        rows = body.get("input_data") if isinstance(body, dict) else None
        if not isinstance(rows, list) or not rows:
            raise AzureError(400, "BadArgument", "input_data: a list with at least one row was expected.")
        return json_answer([0 for _ in rows])


def reference_routes() -> list[web.RouteDef]:
    """A host that answers ``GET /`` with 200 whenever it can be reached."""

    async def root(_: web.Request) -> web.Response:
        return json_answer({"status": "ok"})

    return [web.get("/", root)]


def _show(job: Job) -> dict[str, Any]:
    """A run as run history shows it."""
    properties: Resource = job.resource["properties"]
    ended = job.statuses[-1][0] if job.ended else None
    return {
        "runId": job.name,
        "rootRunId": job.name,
        "experimentId": job.experiment_id,
        "experimentName": job.experiment,
        "runType": properties["jobType"].lower(),
        "displayName": properties["displayName"],
        "status": job.status,
        "createdUtc": stamp(job.created),
        "startTimeUtc": stamp(job.runs[0].since) if job.runs else None,
        "endTimeUtc": stamp(ended) if ended else None,
        "lastModifiedUtc": job.resource["systemData"]["lastModifiedAt"],
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
        "hidden": bool(properties.get("isArchived")),
    }


def _patch(job: Job, body: Any) -> dict[str, Any]:
    """Change what may be changed of a run: tags, properties, description, name shown, hidden."""
    changes = body if isinstance(body, dict) else {}
    properties = job.resource["properties"]
    for field in ("tags", "properties"):
        if isinstance(changes.get(field), dict):
            properties[field] = (properties.get(field) or {}) | changes[field]
    for field in ("description", "displayName"):
        if changes.get(field) is not None:
            properties[field] = changes[field]
    if changes.get("hidden") is not None:
        properties["isArchived"] = bool(changes["hidden"])
    return _show(job)


def _entity(job: Job, region: str) -> dict[str, Any]:
    """A run as the index lists it. That runs have the fields of recorded entities of another type is our guess."""
    return {
        "type": "runs",
        "kind": "Unversioned",
        "entityId": f"azureml://location/{region}/type/runs/objectId/{job.name}",
        "entityObjectId": job.name,
        "annotations": {"archived": False, "tags": job.resource["properties"].get("tags") or {}},
        "properties": {"runId": job.name, "status": job.status},
    }


def _kinds(given: Any) -> list[str]:
    """The types that a filter lets pass."""
    if isinstance(given, dict) and (given.get("field"), given.get("operator")) == ("type", "eq"):
        return [str(each) for each in given.get("values") or []]
    raise AzureError(400, "UserError", "filters: only filters of the field type by eq are simulated.")


def _unknown(request: web.Request) -> AzureError:
    return AzureError(404, "NotFound", f"{request.method} '{request.path}' is not known.")


def _top(body: Any) -> int:
    asked = body.get("top") if isinstance(body, dict) else None
    return int(asked) if asked and str(asked).isdigit() else _TOP
