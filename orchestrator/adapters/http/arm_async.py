"""Lists of Resource Manager, read asynchronously and as raw JSON, for what is fetched beside the real work.

A list has a bounded number of pages here: whoever polls wants the newest, not everything that ever was.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.policies import RequestIdPolicy, UserAgentPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from orchestrator.adapters.http.arm import check_elements, next_link, read_object
from orchestrator.adapters.http.errors import from_response
from orchestrator.adapters.http.transport import AsyncBoundedTransport

PAGES = 10


class Listed(NamedTuple):
    """Elements of a list, and whether it has more than was read."""

    elements: list[Any]
    more: bool

    def blind(self, what: str) -> tuple[str, ...]:
        return (f"only the first {len(self.elements)} {what} were read",) if self.more else ()


class ManagerReader:
    """Reads lists. One per event loop and transport."""

    def __init__(self, endpoint: str, credential: AsyncTokenCredential, transport: AsyncBoundedTransport) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._client: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncARMPipelineClient(
            self._endpoint,
            transport=transport,
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy(sdk_moniker="hubswitch"),
                AsyncARMChallengeAuthenticationPolicy(credential, f"{self._endpoint}/.default"),
            ],
        )

    async def listed(self, path: str, api_version: str) -> Listed:
        """The elements of the first ``PAGES`` pages.

        Raises:
            HubswitchError: an answer that is no success, or no list.
            AzureError: no answer, or no token.
        """
        elements: list[Any] = []
        request = HttpRequest("GET", self._endpoint + path, params={"api-version": api_version})
        for _ in range(PAGES):
            page = await self._page(request, path)
            elements += page["value"]
            link = next_link(self._endpoint, page, path)
            if not link:
                return Listed(elements, more=False)
            request = HttpRequest("GET", link)
        return Listed(elements, more=True)

    async def _page(self, request: HttpRequest, path: str) -> dict[str, Any]:
        response = await self._client.send_request(request)
        if response.status_code != 200:
            raise from_response(response, "asking")
        page = read_object(await response.read(), f"the list {path}")
        check_elements(page, path)
        return page
