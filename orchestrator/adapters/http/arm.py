"""Resource Manager as raw JSON: one pipeline, one error translation, one share of writes.

Bodies stay as they are: typed models drop fields they do not know. A request is sent once more only if the service
answers with a Retry-After that is short enough to wait for inside the call; writes are never repeated here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import RequestIdPolicy, RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from orchestrator.adapters.http.errors import from_response, retry_after, translate_errors, unexpected_answer
from orchestrator.adapters.http.one_host import OneHostTransport
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.core.base.codec import decode, encode
from orchestrator.core.base.errors import InvalidInput, TemporaryError, Throttled

WORKSPACE_VERSION = "2024-10-01-preview"
"""What azure-ai-ml 1.35 reads hubs and projects with."""

OBJECTS = ("properties", "tags", "outputs", "credentials")
"""Fields of ``properties`` that are objects in every resource that is read here (Microsoft.MachineLearningServices)."""

ONE_SHORT_WAIT: Mapping[str, Any] = {"retry_total": 1, "retry_on_methods": frozenset()}
"""With no method to repeat, the SDK's policy repeats only what the service itself put a time on."""

ONCE: Mapping[str, Any] = {"retry_total": 0}


def check_resource(answer: dict[str, Any], doing: str) -> dict[str, Any]:
    """The answer, if it is a resource: each has an ``id`` (Resource Manager's RPC, resource API reference).

    Raises:
        TemporaryError: it is something else; names what was being done.
    """
    if not isinstance(answer.get("id"), str):
        got = f"an object with {', '.join(sorted(answer)[:5])}" if answer else "nothing"
        raise unexpected_answer(doing, "a resource with an id", got)
    return answer


def read_object(content: bytes, where: str) -> dict[str, Any]:
    """The JSON object that an answer holds.

    Raises:
        TemporaryError: it is something else: nobody can mend what a service answers; it may answer rightly later.
    """
    try:
        return decode(content, dict[str, Any], where)
    except InvalidInput as fault:
        raise TemporaryError(str(fault)) from fault


def check_elements(page: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """The elements of one page of a list.

    Raises:
        TemporaryError: it is not a list of objects.
    """
    elements = page.get("value")
    if not isinstance(elements, list):
        raise TemporaryError(f"the list {path}: value: expected an array, got {type(elements).__name__}")
    for number, element in enumerate(elements):
        if not isinstance(element, dict):
            found = type(element).__name__
            raise TemporaryError(f"the list {path}: value[{number}]: expected an object, got {found}")
        check_objects(element, f"the list {path}", f"value[{number}].")
    return elements


def check_objects(body: Mapping[str, Any], where: str, prefix: str = "") -> None:
    """Check that those fields of a resource are objects, if they are there, in which our code looks for others.

    Raises:
        TemporaryError: one of them is something else.
    """
    properties = body.get("properties")
    inner = properties if isinstance(properties, dict) else {}
    fields = {"properties": properties} | {f"properties.{name}": inner.get(name) for name in OBJECTS}
    for name, value in fields.items():
        if value is not None and not isinstance(value, dict):
            raise TemporaryError(f"{where}: {prefix}{name}: expected an object, got {type(value).__name__}")


def next_link(endpoint: str, page: Mapping[str, Any], path: str) -> str:
    """The link to the page after one of a list; empty after the last. One to another host would take our token there.

    Raises:
        InvalidInput: it leads to another host.
    """
    link = page.get("nextLink")
    if not link:
        return ""
    if not isinstance(link, str) or urlsplit(link)[:2] != urlsplit(endpoint)[:2]:
        raise InvalidInput(f"the list {path}", "nextLink", f"a link to {endpoint}", repr(link)[:100])
    return link


class ResourceManager:
    """Calls by ARM id. Safe to share between threads.

    Args:
        endpoint: such as ``https://management.azure.com``; also the audience of its tokens.
        credential: whose rights count.
        transport: the process's transport.
    """

    def __init__(self, endpoint: str, credential: TokenCredential, transport: BoundedTransport) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._client: ARMPipelineClient[HttpRequest, HttpResponse] = ARMPipelineClient(
            self.endpoint,
            transport=OneHostTransport(transport, self.endpoint),
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy(sdk_moniker="hubswitch"),
                RetryPolicy(),
                ARMChallengeAuthenticationPolicy(credential, f"{self.endpoint}/.default"),
            ],
        )

    def get(self, path: str, api_version: str, **query: str) -> dict[str, Any]:
        """The resource. NotFound if there is none.

        Raises:
            TemporaryError: a success without the resource, as gateways and captive portals answer.
        """
        request = HttpRequest("GET", self.endpoint + path, params={"api-version": api_version, **query})
        return check_resource(self._answer(request, f"getting {path}", ONE_SHORT_WAIT), f"getting {path}")

    def get_with_etag(self, path: str, api_version: str) -> tuple[dict[str, Any], str]:
        """The resource and the ETag of the answer; empty if the service gives none. See ``get``."""
        doing = f"getting {path}"
        request = HttpRequest("GET", self.endpoint + path, params={"api-version": api_version})
        response = self._send(request, doing, ONE_SHORT_WAIT)
        return check_resource(_read(response, doing), doing), response.headers.get("ETag", "")

    def pages(self, path: str, api_version: str, **query: str) -> Iterator[list[dict[str, Any]]]:
        """The elements of a list, a page at a time."""
        return self.paced_pages(path, api_version, lambda: None, query)

    def paced_pages(
        self, path: str, api_version: str, turn: Callable[[], None], query: Mapping[str, str]
    ) -> Iterator[list[dict[str, Any]]]:
        """The same; ``turn`` is called before each request.

        Raises:
            InvalidInput: a page leads back to one that was read: nothing else would end that.
        """
        followed: set[str] = set()
        request: HttpRequest | None = HttpRequest(
            "GET", self.endpoint + path, params={"api-version": api_version, **query}
        )
        while request is not None:
            turn()
            page = self._answer(request, f"listing {path}", ONE_SHORT_WAIT)
            yield check_elements(page, path)
            link = next_link(self.endpoint, page, path)
            if link in followed:
                raise InvalidInput(f"the list {path}", "nextLink", "a page that was not read yet", repr(link)[:100])
            followed.add(link)
            request = HttpRequest("GET", link) if link else None

    def write(
        self,
        method: str,
        path: str,
        api_version: str,
        body: Mapping[str, Any] | None,
        *,
        pacer: Pacer,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """PUT or POST, when the caller's share of writes allows it.

        Raises:
            Throttled: Azure asks for a pause, or the turn is too far away. If it counts our writes, all of this share
                pause; not if what was written to is busy, such as the hub in a sick region.
            TemporaryError: a success without what was asked for, such as a PUT's without the resource. Whether it was
                carried out is not known.
        """
        request = HttpRequest(
            method,
            self.endpoint + path,
            params={"api-version": api_version},
            headers={"Content-Type": "application/json", **(headers or {})},
            content=b"" if body is None else encode(body),
        )
        answer = self._write(request, f"{method} {path}", pacer)
        return check_resource(answer, f"{method} {path}") if method == "PUT" else answer

    def ask_for(self, path: str, api_version: str, body: Mapping[str, Any], *, pacer: Pacer) -> None:
        """PUT something that may be there only later: an answer without the resource is a success as well.

        Raises:
            Throttled: as for ``write``.
        """
        request = HttpRequest(
            "PUT",
            self.endpoint + path,
            params={"api-version": api_version},
            headers={"Content-Type": "application/json"},
            content=encode(body),
        )
        self._write(request, f"PUT {path}", pacer)

    def _write(self, request: HttpRequest, doing: str, pacer: Pacer) -> dict[str, Any]:
        pacer.wait_turn()
        try:
            return self._answer(request, doing, ONCE, pacer)
        except Throttled as fault:
            if fault.of_all:
                pacer.refused(fault.retry_after)
            raise

    def act(self, path: str, api_version: str, *, pacer: Pacer, patience: timedelta) -> dict[str, Any]:
        """POST an action without a body, and wait for its result where the answer says.

        Raises:
            TemporaryError: no result within ``patience``.
            InvalidInput: the answer leads to another host.
        """
        doing, until = f"POST {path}", time.monotonic() + patience.total_seconds()
        pacer.wait_turn()
        request = HttpRequest("POST", self.endpoint + path, params={"api-version": api_version})
        response = self._send(request, doing, ONCE)
        while response.status_code == HTTPStatus.ACCEPTED:
            link = next_link(self.endpoint, {"nextLink": response.headers.get("Location")}, path)
            wait = (retry_after(response.headers) or timedelta(seconds=1)).total_seconds()
            if not link or time.monotonic() + wait > until:
                raise TemporaryError(f"{doing}: no result within {patience.total_seconds():.0f} s")
            time.sleep(wait)
            pacer.wait_turn()
            response = self._send(HttpRequest("GET", link), doing, ONE_SHORT_WAIT)
        return _read(response, doing)

    def _answer(
        self, request: HttpRequest, doing: str, retries: Mapping[str, Any], pacer: Pacer | None = None
    ) -> dict[str, Any]:
        response = self._send(request, doing, retries)
        if pacer:
            pacer.learn(response.headers)
        return _read(response, doing)

    def _send(self, request: HttpRequest, doing: str, retries: Mapping[str, Any]) -> HttpResponse:
        with translate_errors(doing):
            response = self._client.send_request(request, **retries)
        if response.status_code >= 300:
            raise from_response(response, doing)
        return response


def _read(response: HttpResponse, doing: str) -> dict[str, Any]:
    content, where = response.read(), f"the answer to {doing}"
    body = read_object(content, where) if content else {}
    check_objects(body, where)
    return body
