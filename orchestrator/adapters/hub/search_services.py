"""Indexes of Azure AI Search, read from the search service itself: whether they are there, and how much is in them.

Tokens go to search services alone: where one answers is what Resource Manager says of it, never what a connection
says, which users of a project write.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RequestIdPolicy, RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse

from orchestrator.adapters.http.arm import ONE_SHORT_WAIT, read_object
from orchestrator.adapters.http.errors import from_response, translate_errors, unexpected_answer
from orchestrator.adapters.http.one_host import OneHostTransport, place_of
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.core.base.errors import NotFound, Refused, Throttled
from orchestrator.core.standby.search_indexes import INDEX_NAME

VERSION = "2024-07-01"
"""A stable version of the data plane (learn.microsoft.com, rest/api/searchservice)."""

AUDIENCES: Mapping[str, str] = {
    "search.windows.net": "https://search.azure.com",
    "search.azure.us": "https://search.azure.us",
    "search.azure.cn": "https://search.azure.cn",
}
"""End of a search service's host -> whom a token for it is for."""

READS_PER_SECOND = 2.0
READ_BURST = 4
"""Of one service: less than what the smallest takes (learn.microsoft.com, "Service limits", throttling limits)."""

_HOST = re.compile(rf"[a-z0-9][a-z0-9-]{{0,58}}[a-z0-9]\.(?:{'|'.join(map(re.escape, AUDIENCES))})")


class SearchServices:
    """Reads of indexes. Safe to share between threads.

    Args:
        credential: the reader's.
        transport: bounds every request.
        pacer_of: the share of reads of a service, by its endpoint.
        manager: Resource Manager's endpoint. Its own host is believed besides Azure's, for clouds that are not.
    """

    def __init__(
        self,
        credential: TokenCredential,
        transport: BoundedTransport,
        pacer_of: Callable[[str], Pacer],
        manager: str,
    ) -> None:
        self._credential = credential
        self._transport = transport
        self._pacer_of = pacer_of
        self._manager = manager
        self._clients: dict[str, PipelineClient[HttpRequest, HttpResponse]] = {}
        self._lock = threading.Lock()

    def endpoint_of(self, service: Mapping[str, Any]) -> str:
        """Where a search service answers, from what Resource Manager says of it.

        Raises:
            Refused: that is no host of Azure AI Search.
        """
        properties = service.get("properties")
        said = properties.get("endpoint") if isinstance(properties, Mapping) else None
        url = said if isinstance(said, str) and said else f"https://{service.get('name')}.search.windows.net"
        scheme, host, port = place_of(url)
        is_azures = port == 443 and _HOST.fullmatch(host)
        if scheme != "https" or port is None or not (is_azures or host == place_of(self._manager)[1]):
            raise Refused(f"{url[:100]!r} is no search service of Azure; it is not asked")
        return f"https://{host}" if port == 443 else f"https://{host}:{port}"

    def read(self, endpoint: str, index: str) -> dict[str, Any]:
        """``definition`` and ``statistics`` of an index, as the service answers them; null if there is no such index.

        Args:
            endpoint: what ``endpoint_of`` has said.
            index: its name; one that no index can have is of none.

        Raises:
            HubswitchError: it could not be read.
        """
        absent = {"definition": None, "statistics": None}
        if not INDEX_NAME.fullmatch(index):
            return absent
        try:
            definition = self._get(endpoint, f"/indexes/{index}")
            if definition.get("name") != index:
                got = f"an object with {', '.join(sorted(definition)[:5])}" if definition else "nothing"
                raise unexpected_answer(f"getting the index {index}", f"the index {index}", got)
            return {"definition": definition, "statistics": self._get(endpoint, f"/indexes/{index}/stats")}
        except NotFound:
            return absent

    def _get(self, endpoint: str, path: str) -> dict[str, Any]:
        doing, pacer = f"getting {endpoint}{path}", self._pacer_of(endpoint)
        pacer.wait_turn()
        request = HttpRequest("GET", endpoint + path, params={"api-version": VERSION})
        try:
            with translate_errors(doing):
                response = self._client(endpoint).send_request(request, **ONE_SHORT_WAIT)
            if response.status_code != 200:
                raise from_response(response, doing)
        except Throttled as fault:
            pacer.refused(fault.retry_after)
            raise
        return read_object(response.read(), f"the answer to {doing}")

    def _client(self, endpoint: str) -> PipelineClient[HttpRequest, HttpResponse]:
        with self._lock:
            if endpoint not in self._clients:
                self._clients[endpoint] = PipelineClient(
                    endpoint,
                    transport=OneHostTransport(self._transport, endpoint),
                    policies=[
                        RequestIdPolicy(),
                        UserAgentPolicy(sdk_moniker="hubswitch"),
                        RetryPolicy(),
                        BearerTokenCredentialPolicy(self._credential, f"{_audience_of(endpoint)}/.default"),
                    ],
                )
            return self._clients[endpoint]


def _audience_of(endpoint: str) -> str:
    host = place_of(endpoint)[1]
    return next(
        (who for suffix, who in AUDIENCES.items() if host.endswith(f".{suffix}")), AUDIENCES["search.windows.net"]
    )
