"""Azure AI Search, as far as somebody needs it who wants to know whether an index is there and has documents.

Documented (learn.microsoft.com, rest/api/searchservice/indexes; "Connect to Azure AI Search using roles"): both paths
with ``api-version``, ``documentCount`` and ``storageSize``, that a service takes keys alone unless ``authOptions``
says otherwise, that ``aadAuthFailureMode`` decides between 401 with a challenge and 403, and that the definition and
statistics of an index take ``Microsoft.Search/searchServices/indexes/read``, which Reader has. **Not documented**, and
decided for the strict side: which of the versions of the list a service refuses, all other paths, and all wording.
Documents are counted at once here; the real service counts them every few minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.services import TENANT, AzureError, Kernel

AUDIENCE = "https://search.azure.com"
VERSIONS = frozenset({"2023-11-01", "2024-07-01", "2025-09-01"})
"""Stable versions that know both paths."""

INDEX = "policies"
_BYTES_OF_A_DOCUMENT = 2048


class SearchService:
    """The data plane of one search service.

    Args:
        name: the service's.
        resource: what Resource Manager keeps of it; None once it was deleted.
    """

    def __init__(self, kernel: Kernel, name: str, resource: Callable[[], Mapping[str, Any] | None]) -> None:
        self._kernel = kernel
        self._name = name
        self._resource = resource
        self.documents: dict[str, int] = {INDEX: 120}
        """Index -> how many documents it has."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/indexes/{index}", self._definition), web.get("/indexes/{index}/stats", self._statistics)]

    async def _definition(self, request: web.Request) -> web.Response:
        self._check(request)
        index, _ = self._find(request)
        fields = [
            {"name": "id", "type": "Edm.String", "key": True, "searchable": False, "retrievable": True},
            {"name": "content", "type": "Edm.String", "key": False, "searchable": True, "retrievable": True},
        ]
        return json_answer({"@odata.etag": f'"{index}"', "name": index, "fields": fields})

    async def _statistics(self, request: web.Request) -> web.Response:
        self._check(request)
        _, count = self._find(request)
        return json_answer({"documentCount": count, "storageSize": count * _BYTES_OF_A_DOCUMENT, "vectorIndexSize": 0})

    def _find(self, request: web.Request) -> tuple[str, int]:
        index = request.match_info["index"]
        if index not in self.documents:
            raise AzureError(404, "", f"No index with the name '{index}' was found in the service '{self._name}'.")
        return index, self.documents[index]

    def _check(self, request: web.Request) -> None:
        """Caller first, then what is asked."""
        found = self._resource()
        if found is None:
            raise AzureError(404, "", f"There is no service '{self._name}'.")
        options = found["properties"].get("authOptions") or {}
        said = options.get("aadOrApiKey")
        if said is None and not found["properties"].get("disableLocalAuth"):
            raise AzureError(403, "Forbidden", "The service takes API keys only.")
        try:
            self._kernel.admit(request, AUDIENCE, "arm.read")
        except AzureError as fault:
            if fault.status == 401 and (said or {}).get("aadAuthFailureMode") == "http401WithBearerChallenge":
                challenge = f'Bearer authorization_uri="https://login.microsoftonline.com/{TENANT}"'
                raise AzureError(401, "Unauthorized", fault.message, {"WWW-Authenticate": challenge}) from fault
            raise AzureError(403, "Forbidden", fault.message) from fault
        if request.query.get("api-version") not in VERSIONS:
            raise AzureError(400, "", f"The api-version '{request.query.get('api-version')}' is not supported.")
        if other := set(request.query) - {"api-version"}:
            raise AzureError(400, "", f"{min(other)}: is no parameter of this operation.")
