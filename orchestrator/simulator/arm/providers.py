"""Resource Manager's answers about what is not Azure ML's: resources, lists of them, roles, what was deleted.

==========================================================================  =======================================
``GET /subscriptions/{id}/locations``                                       the regions
``GET {resource}`` and ``GET {resource}/{type}``                            a resource, and those inside it
``GET /subscriptions/{id}/providers/{provider}/{type}``                     all of a type in the subscription
``GET {scope}/…/Microsoft.Authorization/roleAssignments?$filter=atScope()``  those at the scope and above it
``GET {scope}/…/Microsoft.Insights/diagnosticSettings``                     those of the scope
==========================================================================  =======================================

Each type takes the api-versions that are listed for it and no other. Decided here, because it is neither documented
nor recorded: that a type which is not simulated is answered as one that does not exist, and that a list of what was
deleted is one page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.dependencies import SYNCED, with_statistics
from orchestrator.simulator.arm.models import offered_models
from orchestrator.simulator.arm.resources import Resource, Resources, stamp
from orchestrator.simulator.services import AzureError

VERSIONS = {
    "locations": ("2022-12-01",),
    "microsoft.appconfiguration": ("2024-06-01", "2024-05-01"),
    "microsoft.authorization": ("2022-04-01",),
    "microsoft.cognitiveservices": ("2024-10-01", "2026-07-01"),
    "microsoft.containerregistry": ("2025-11-01",),
    "microsoft.documentdb": ("2026-03-15",),
    "microsoft.insights/components": ("2020-02-02",),
    "microsoft.insights/diagnosticsettings": ("2021-05-01-preview",),
    "microsoft.keyvault": ("2026-02-01",),
    "microsoft.network": ("2025-09-01",),
    "microsoft.network/privatednszones": ("2024-06-01",),
    "microsoft.operationalinsights": ("2026-03-01",),
    "microsoft.search": ("2025-05-01",),
    "microsoft.storage": ("2026-04-01",),
}
"""Stable versions of each provider's types (Azure/bicep-types-az, 2026); of diagnostic settings the only one."""

DELETED = frozenset(
    {
        ("microsoft.keyvault", "deletedvaults"),
        ("microsoft.storage", "deletedaccounts"),
        ("microsoft.cognitiveservices", "deletedaccounts"),
        ("microsoft.appconfiguration", "deletedconfigurationstores"),
        ("microsoft.operationalinsights", "deletedworkspaces"),
    }
)
"""Lists of what can still be recovered."""

_EXTENSION = re.compile(
    r"^(?P<scope>/.+)/providers/(?P<type>microsoft\.authorization/roleassignments|microsoft\.insights/diagnosticsettings)$",
    re.IGNORECASE,
)


class ProvidersApi:
    """Answers from the store. ``page`` is the number of elements of a page."""

    def __init__(self, resources: Resources, base: Callable[[], str], now: Callable[[], datetime], page: int) -> None:
        self._resources = resources
        self._base = base
        self._now = now
        self._page = page

    def extension(self, request: web.Request) -> web.Response | None:
        """The answer to a question about what extends a scope; None if it is none."""
        found = _EXTENSION.match(request.path.rstrip("/"))
        if found is None:
            return None
        _must_read(request)
        kind = found["type"].lower()
        _check_version(request, kind)
        if kind.endswith("diagnosticsettings"):
            _must_ask(request, set())
            return self._list(request, self._resources.listed(request.path.rstrip("/")))
        _must_ask(request, {"$filter"})
        if request.query.get("$filter") != "atScope()":
            raise AzureError(400, "BadRequest", "$filter: only atScope() is simulated.")
        return self._list(request, list(self._assignments(found["scope"])))

    def locations(self, request: web.Request) -> web.Response:
        _must_read(request)
        _check_version(request, "locations")
        return self._list(request, self._resources.listed(request.path.rstrip("/")))

    def check_version(self, request: web.Request, provider: str, rest: str) -> None:
        """Refuse a provider that is not simulated, and an api-version that the type does not have."""
        if not any(key.partition("/")[0] == provider.lower() for key in VERSIONS):
            raise AzureError(404, "InvalidResourceType", f"The provider '{provider}' is not simulated.")
        _check_version(request, f"{provider.lower()}/{rest.lower().split('/')[0]}")

    def answer(self, request: web.Request, provider: str, rest: str) -> web.Response:
        """A resource of another provider, or a list of such."""
        _must_read(request)
        parts = tuple(rest.lower().split("/"))
        self.check_version(request, provider, rest)
        path = request.path.rstrip("/")
        if "/resourcegroups/" not in path.lower():
            return self._of_subscription(request, provider, parts)
        found = self._resources.get(path)
        if found is not None:
            _must_ask(request, {"$expand"} if parts[0] == "storageaccounts" else set())
            return json_answer(self._show(request, found))
        if len(parts) % 2 and self._resources.get(path.rpartition("/")[0]) is not None:
            _must_ask(request, set())
            if (provider.lower(), parts[-1]) == ("microsoft.cognitiveservices", "models"):
                return self._list(request, offered_models(self._resources, path.rpartition("/")[0]))
            return self._list(request, self._resources.listed(path))
        raise AzureError(404, "ResourceNotFound", f"The Resource '{provider}/{rest}' was not found.")

    def _of_subscription(self, request: web.Request, provider: str, parts: tuple[str, ...]) -> web.Response:
        path = request.path.rstrip("/")
        _must_ask(request, set())
        known = (provider.lower(), parts[0])
        if known in DELETED or (parts[0] == "locations" and len(parts) % 2):
            return self._list(request, self._resources.listed(path))
        if known == ("microsoft.appconfiguration", "configurationstores") and len(parts) == 1:
            subscription = path.partition("/providers/")[0]
            return self._list(request, list(self._of_type(f"{subscription}/", f"{provider}/{parts[0]}")))
        raise AzureError(404, "InvalidResourceType", f"'{'/'.join(parts)}' of {provider} is not simulated.")

    def _of_type(self, prefix: str, kind: str) -> Any:
        return (found for found in self._resources.under(prefix) if found["type"].lower() == kind.lower())

    def _show(self, request: web.Request, found: Resource) -> Resource:
        if found["type"].lower() != "microsoft.storage/storageaccounts":
            return found
        expanded = request.query.get("$expand", "").lower() == "georeplicationstats"
        return with_statistics(found, stamp(self._now() - SYNCED), expanded=expanded)

    def _assignments(self, scope: str) -> Any:
        """Those at the scope and at what contains it (learn.microsoft.com, "List Azure role assignments", REST)."""
        for found in self._resources.under("/subscriptions/"):
            if found["type"] == "Microsoft.Authorization/roleAssignments":
                at = str(found["properties"]["scope"]).lower()
                if scope.lower() == at or scope.lower().startswith(f"{at}/"):
                    yield found

    def _list(self, request: web.Request, items: list[Resource]) -> web.Response:
        said = request.query.get("$skipToken", "0")
        if not said.isdigit():
            raise AzureError(400, "BadRequest", f"$skipToken: a continuation token was expected, got {said!r}.")
        start = int(said)
        answer: dict[str, Any] = {"value": items[start : start + self._page]}
        if start + self._page < len(items):
            url = request.rel_url.update_query({"$skipToken": str(start + self._page)})
            answer["nextLink"] = f"{self._base()}{url}"
        return json_answer(answer)


def _must_read(request: web.Request) -> None:
    if request.method != "GET":
        raise AzureError(405, "MethodNotAllowed", f"{request.method} is not supported for '{request.path}'.")


def _must_ask(request: web.Request, more: set[str]) -> None:
    unknown = request.query.keys() - {"api-version", "$skipToken"} - more
    if unknown:
        raise AzureError(400, "BadRequest", f"{', '.join(sorted(unknown))}: not simulated.")


def _check_version(request: web.Request, kind: str) -> None:
    """Refuse an api-version that the type does not have, as Resource Manager does."""
    known = VERSIONS.get(kind) or VERSIONS.get(kind.partition("/")[0], ())
    if request.query["api-version"] not in known:
        text = (
            f"No registered resource provider found for location '' and API version '{request.query['api-version']}' "
            f"for type '{kind}'. The supported api-versions are '{', '.join(known)}'."
        )
        raise AzureError(400, "NoRegisteredProviderFound", text)
