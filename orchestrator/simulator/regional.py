"""What a region answers itself, past Resource Manager: its Azure ML API, and a scoring endpoint.

The paths are those of azure-ai-ml's generated run history client (``history/v1.0``): ``experiments:query``,
``experiments/{name}/runs:query``, ``runs/{id}``, ``runs/{id}/details|children`` and PATCH of a run. Two more are
modelled on them for probes and **are to be verified against the real service**: ``GET {workspace}/experiments`` and
``POST {workspace}/runs:query`` over all experiments. ``GET /`` without a token is our own convention.
Tokens for Azure ML are accepted, and tokens for Resource Manager, which azure-ai-ml 1.35.2 sends here.

Paths with ``/runs`` belong to the surface ``jobs``, all others to ``hub``.
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
    r"^/history/v1\.0(?P<workspace>/subscriptions/[^/]+/resourcegroups/[^/]+/providers"
    r"/microsoft\.machinelearningservices/workspaces/[^/]+)/(?P<rest>.+)$",
    re.IGNORECASE,
)
_TOP = 100


def surface_of(path: str) -> str:
    """The surface that a path of the regional API belongs to."""
    return "jobs" if "/runs" in path else "hub"


class RegionalApi:
    """The Azure ML API of one region.

    Args:
        workspaces: ids of the region's workspaces, in lower case.
    """

    def __init__(self, kernel: Kernel, url: str, region: str, workspaces: frozenset[str], life: JobsLife) -> None:
        self._kernel = kernel
        self._url = url
        self._region = region
        self._workspaces = workspaces
        self._life = life

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._root),
            web.get("/discovery", self._discovery),
            web.route("*", "/history/{path:.*}", self._history),
        ]

    async def _root(self, _: web.Request) -> web.Response:
        return json_answer({"region": self._region})

    async def _discovery(self, _: web.Request) -> web.Response:
        services = ("api", "catalog", "experimentation", "history", "hyperdrive", "notebooks", "pipelines")
        return json_answer(dict.fromkeys(services, self._url) | {"studio": "https://ml.azure.com"})

    async def _history(self, request: web.Request) -> web.Response:
        permission = "ml.write" if request.method == "PATCH" else "ml.read"
        self._kernel.admit(request, (ML_AUDIENCE, self._kernel.resource_manager), permission)
        found = _HISTORY.match(request.path)
        if found is None or found["workspace"].lower() not in self._workspaces:
            raise AzureError(404, "NotFound", f"'{request.path}' was not found in {self._region}.")
        body = await read_json(request, "BadRequest", "The body is not JSON")
        workspace, parts = found["workspace"], tuple(found["rest"].split("/"))
        answer = self._list(request, workspace, parts, body) or self._run(request, workspace, parts, body)
        if answer is None:
            raise AzureError(404, "NotFound", f"{request.method} '{request.path}' is not simulated.")
        return json_answer(answer)

    def _list(self, request: web.Request, workspace: str, parts: tuple[str, ...], body: Any) -> dict[str, Any] | None:
        top = _top(request, body)
        match request.method, parts:
            case ("GET", ("experiments",)) | ("POST", ("experiments:query",)):
                return {"value": self._experiments(workspace, top)}
            case ("GET", ("runs",)) | ("POST", ("runs:query",)):
                return {"value": self._runs(workspace, None, top)}
            case "POST", ("experiments", name, "runs:query"):
                return {"value": self._runs(workspace, name, top)}
        return None

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
                "latestModifiedRunDateTimeUtc": job.resource["systemData"]["lastModifiedAt"],
                "archivedTime": None,
                "tags": {},
            }
            for name, job in list(newest.items())[:top]
        ]

    def _runs(self, workspace: str, experiment: str | None, top: int) -> list[dict[str, Any]]:
        """Newest first. ``filter`` and ``orderBy`` of the query are not looked at."""
        jobs = [job for job in self._life.of(workspace) if experiment in {None, job.experiment}]
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


def _top(request: web.Request, body: Any) -> int:
    asked = request.query.get("$top") or (body.get("top") if isinstance(body, dict) else None)
    return int(asked) if asked and str(asked).isdigit() else _TOP
