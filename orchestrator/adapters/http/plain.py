"""Requests without a token to URLs that a plan names: bounded like all others, never repeated, never redirected."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.pipeline.policies import UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse

from orchestrator.adapters.http.errors import from_response, translate_errors
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.core.base.errors import Refused


class PlainHttp:
    """GET and POST. Safe to share between threads. ``Urls`` for steps that ask a URL."""

    def __init__(self, transport: BoundedTransport) -> None:
        self._client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
            "", transport=transport, policies=[UserAgentPolicy(sdk_moniker="hubswitch")]
        )

    def check(self, url: str) -> None:
        """Return if a GET is answered with 2xx.

        Raises:
            HubswitchError: any other answer, or none; names the host, never the URL, which may hold a key.
        """
        self._send(HttpRequest("GET", url), f"GET {urlsplit(url).hostname}")

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> None:
        """Send bytes; return if they are answered with 2xx.

        Raises:
            HubswitchError: any other answer, or none.
        """
        request = HttpRequest("POST", url, headers=dict(headers), content=content)
        self._send(request, f"POST {urlsplit(url).hostname}")

    def _send(self, request: HttpRequest, doing: str) -> None:
        with translate_errors(doing):
            response = self._client.send_request(request)
        if 300 <= response.status_code < 400:
            # The signature and the body are for the host that the plan names, and for no other.
            raise Refused(
                f"{doing}: it answered {response.status_code}; redirects are not followed",
                status=response.status_code,
                code="",
            )
        if not 200 <= response.status_code < 300:
            raise from_response(response, doing)
