"""Requests without a token to URLs that a plan names: bounded like all others, never repeated, never redirected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.policies import UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse

from orchestrator.adapters.http.errors import from_response, from_status, translate_errors
from orchestrator.adapters.http.transport import BoundedTransport, CircuitOpen
from orchestrator.core.base.errors import HubswitchError, Refused, Unreachable

TEXT_READ = 1_000
"""Characters of an answer that a caller is given: enough for a word or a short JSON object."""


class PlainAnswer(NamedTuple):
    """An answer of 2xx: its status, and the beginning of its text."""

    status: int
    text: str


class AnswerHead(NamedTuple):
    """Status and headers of an answer of 2xx."""

    status: int
    headers: Mapping[str, str]


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

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> PlainAnswer:
        """Send bytes; what they are answered with, if that is 2xx.

        Raises:
            HubswitchError: any other answer, or none; names the host, never the URL, which may be a secret.
        """
        request = HttpRequest("POST", url, headers=dict(headers), content=content)
        response = self._send(request, f"POST {urlsplit(url).hostname}")
        try:
            return PlainAnswer(response.status_code, response.text()[:TEXT_READ])
        except (ValueError, LookupError):  # no text, or in an encoding that nobody knows
            return PlainAnswer(response.status_code, "")

    def head_of(
        self, method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> AnswerHead:
        """Ask; status and headers of an answer of 2xx. Its body is not read, however long it is.

        Raises:
            HubswitchError: any other answer, or none; names the host, never the URL, which may be a secret.
        """
        doing = f"{method} {urlsplit(url).hostname}"
        response = self._ask(HttpRequest(method, url, headers=dict(headers or {}), content=content), doing, stream=True)
        status, said = response.status_code, response.headers
        response.close()
        if 300 <= status < 400:
            raise _redirected(doing, status)
        if not 200 <= status < 300:
            raise from_status(status, said, doing)
        return AnswerHead(status, said)

    def _send(self, request: HttpRequest, doing: str) -> HttpResponse:
        response = self._ask(request, doing)
        if 300 <= response.status_code < 400:
            raise _redirected(doing, response.status_code)
        if not 200 <= response.status_code < 300:
            raise from_response(response, doing)
        return response

    def _ask(self, request: HttpRequest, doing: str, *, stream: bool = False) -> HttpResponse:
        """The answer, whatever it says; with ``stream``, before its body is read.

        Danger: the library's messages repeat path and query, which may be a secret. So they are not taken over, and the
        cause is not chained: an engine logs tracebacks.
        """
        try:
            with translate_errors(doing):
                try:
                    return self._client.send_request(request, stream=stream)
                except CircuitOpen:
                    raise
                except (ServiceRequestError, ServiceResponseError) as fault:
                    raise Unreachable(f"{doing}: no answer ({_describe_kind(fault)})") from None
        except HubswitchError as fault:
            raise fault from None


def _redirected(doing: str, status: int) -> Refused:
    """The signature and the body are for the host that the plan names, and for no other."""
    return Refused(f"{doing}: it answered {status}; redirects are not followed", status=status, code="")


def _describe_kind(fault: AzureError) -> str:
    """What kind of error it was, down to the innermost that tells: ``ConnectTimeout: ConnectTimeoutError``."""
    inner = fault.inner_exception or fault
    reason = getattr(inner.args[0], "reason", None) if inner.args else None
    return ": ".join(type(each).__name__ for each in (inner, reason) if each is not None)
