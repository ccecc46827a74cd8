"""Azure Monitor's query API: ``POST /v1/workspaces/{id}/query`` over the logs of every hub.

Rows follow what really happens, late: a run's statuses become ``AmlRunStatusChangedEvent``, scoring requests that were
answered become ``AmlOnlineEndpointTrafficLog``. A table in which no row has arrived yet cannot be resolved. ``insert``
puts rows in besides; ``mood`` makes a workspace answer badly:

================  ===============================================================
partial           the rows, and an error ``PartialError`` (200)
partial-empty     no table, and ``PartialError`` (200)
empty             an empty body (200)
no-content        204
text-error        ``error`` is a text instead of an object (403)
================  ===============================================================

The workspace's own region answers for it, so its fault ``logs`` stops it. Limits on requests are left to faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from orchestrator.simulator import kusto
from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.resources import stamp
from orchestrator.simulator.estate import Estate, Site
from orchestrator.simulator.job_lifecycle import JobsLife
from orchestrator.simulator.request_log import RequestLog
from orchestrator.simulator.services import AzureError, Kernel

DELAY = 300.0
"""Seconds, before the kernel's speed divides them, until a row arrives (3 to 10 minutes in reality)."""

RUNS, TRAFFIC = "AmlRunStatusChangedEvent", "AmlOnlineEndpointTrafficLog"
COLUMNS = {
    RUNS: {"TimeGenerated": "datetime", "RunId": "string", "Status": "string", "WorkspaceName": "string"},
    TRAFFIC: {"TimeGenerated": "datetime", "ResponseCode": "int", "Method": "string", "Path": "string"},
}
MOODS = frozenset({"", "partial", "partial-empty", "empty", "no-content", "text-error"})
_PATH = re.compile(r"^/v1/workspaces/(?P<workspace>[^/]+)/query$")
_SPAN = re.compile(r"^PT(?P<seconds>\d+(?:\.\d+)?)S$")
_PARTIAL = {"code": "PartialError", "message": "There were some errors when processing your query.", "details": []}
_TYPES = {"Runs": "long", "Requests": "long", "Oldest": "datetime", "Newest": "datetime"}


def workspace_in(path: str) -> str:
    """The workspace that a path asks, in lower case; empty if none."""
    found = _PATH.match(path)
    return found["workspace"].lower() if found else ""


@dataclass
class LogStore:
    """Every workspace of the estate. Used inside the serving loop only."""

    kernel: Kernel
    estate: Estate
    life: JobsLife
    requests: RequestLog
    delay: float = DELAY
    moods: dict[str, str] = field(default_factory=dict)
    _inserted: list[tuple[str, str, kusto.Row]] = field(default_factory=list)

    def mood(self, workspace: str, mood: str) -> None:
        """Let a workspace answer in another way from now on; empty for well.

        Raises:
            ValueError: no such mood.
        """
        if mood not in MOODS:
            raise ValueError(f"mood: one of {', '.join(sorted(MOODS))} was expected, got {mood!r}")
        self.moods[workspace.lower()] = mood

    def insert(self, workspace: str, table: str, *rows: kusto.Row) -> None:
        """Put rows in that can be found at once."""
        self._inserted += [(workspace.lower(), table, row) for row in rows]

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            return await self._answer_query(request)
        except AzureError as error:
            if error.status == 403:
                text = "The provided credentials have insufficient access to perform the requested operation"
                error = AzureError(403, "InsufficientAccessError", text)
            return json_answer(kusto.body_of(error), error.status, error.headers)

    async def _answer_query(self, request: web.Request) -> web.Response:
        found = _PATH.match(request.path)
        if found is None or request.method != "POST":
            raise AzureError(404, "PathNotFoundError", "The requested path does not exist")
        self.kernel.admit(request, f"{request.scheme}://{request.host}", "logs.read")
        sites = [site for site in self.estate.sites if site.logs == found["workspace"].lower()]
        if not sites:
            # Which code the real service gives is not known to us.
            raise AzureError(404, "WorkspaceNotFoundError", "The workspace could not be found")
        asked = await _body(request)
        return self._tell(sites[0].logs, asked)

    def _tell(self, workspace: str, asked: dict[str, Any]) -> web.Response:
        mood = self.moods.get(workspace, "")
        if mood == "text-error":
            return json_answer({"error": "invalid_grant", "error_description": "The token has been revoked."}, 403)
        if mood in {"empty", "no-content"}:
            return web.Response(status=204 if mood == "no-content" else 200)
        if mood == "partial-empty":
            return json_answer({"tables": [], "error": _PARTIAL})
        since, until = _span(asked.get("timespan"), self.kernel.now())
        columns, rows = kusto.answer(
            asked["query"],
            lambda name: [row for row in self._table(workspace, name) if since <= row["TimeGenerated"] <= until],
            ["_ResourceId", *{column for known in COLUMNS.values() for column in known}],
        )
        shown = [{"name": name, "type": _type(name)} for name in columns]
        told = [[stamp(at) if isinstance(at := row[c], datetime) else at for c in columns] for row in rows]
        table = {"name": "PrimaryResult", "columns": shown, "rows": told}
        return json_answer({"tables": [table]} | ({"error": _PARTIAL} if mood == "partial" else {}))

    def _table(self, workspace: str, name: str) -> list[kusto.Row]:
        rows = [row for there, table, row in self._inserted if (there, table) == (workspace, name)]
        made: dict[str, Callable[[Site], Iterator[kusto.Row]]] = {RUNS: self._runs, TRAFFIC: self._traffic}
        if name in made:
            before = self.kernel.now() - timedelta(seconds=self.delay / self.kernel.speed)
            sites = [site for site in self.estate.sites if site.logs == workspace]
            rows += [row for site in sites for row in made[name](site) if row["TimeGenerated"] <= before]
        if not rows:
            raise kusto.unresolved_error(
                f"'where' operator: Failed to resolve table or column expression named '{name}'"
            )
        return rows

    def _runs(self, site: Site) -> Iterator[kusto.Row]:
        common = {"WorkspaceName": site.project, "_ResourceId": site.project_id.lower()}
        for job in self.life.of(site.project_id):
            for at, status in job.statuses:
                yield {"TimeGenerated": at, "RunId": job.name, "Status": status, **common}

    def _traffic(self, site: Site) -> Iterator[kusto.Row]:
        resource = f"{site.project_id.lower()}/onlineendpoints/score"
        for entry in self.requests.entries():
            if entry.service == "inference" and entry.region == site.region and entry.status is not None:
                told = {"ResponseCode": entry.status, "Method": entry.method, "Path": entry.path}
                yield {"TimeGenerated": entry.at, "_ResourceId": resource, **told}


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(await request.read())
    except msgspec.DecodeError as fault:
        raise AzureError(400, "BadArgumentError", "The request body is not JSON") from fault
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise AzureError(400, "BadArgumentError", "The request had some invalid properties: query")
    if unknown := body.keys() - {"query", "timespan", "workspaces"} or body.get("workspaces"):
        raise AzureError(400, "BadArgumentError", f"not simulated: {unknown}")
    return body


def _span(said: Any, now: datetime) -> tuple[datetime, datetime]:
    """The time that is asked for: a duration that ends now, or two moments."""
    if said is None:
        return datetime.min.replace(tzinfo=UTC), now
    found = _SPAN.match(str(said))
    if found:
        return now - timedelta(seconds=float(found["seconds"])), now
    try:
        since, until = (datetime.fromisoformat(part) for part in str(said).split("/"))
    except ValueError as fault:
        raise AzureError(400, "BadArgumentError", f"timespan: not simulated: {said}") from fault
    return since.astimezone(UTC), until.astimezone(UTC)


def _type(name: str) -> str:
    known = next((columns[name] for columns in COLUMNS.values() if name in columns), None)
    return known or _TYPES.get(name, "string")
