"""Resource Manager as raw JSON: one pipeline, one error translation, one share of writes.

Bodies stay as they are: typed models drop fields they do not know. A request is sent once more only if the service
answers with a Retry-After that is short enough to wait for inside the call; writes are never repeated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import RequestIdPolicy, RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from orchestrator.adapters.http.errors import from_response, translate_errors
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
        raise TemporaryError(
            f"{doing}: the answer is not what was asked for: expected a resource with an id, got {got}"
        )
    return answer


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

    def pages(self, path: str, api_version: str, **query: str) -> Iterator[list[dict[str, Any]]]:
        """The elements of a list, a page at a time."""
        request: HttpRequest | None = HttpRequest(
            "GET", self.endpoint + path, params={"api-version": api_version, **query}
        )
        while request is not None:
            page = self._answer(request, f"listing {path}", ONE_SHORT_WAIT)
            yield check_elements(page, path)
            link = next_link(self.endpoint, page, path)
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
        pacer.wait_turn()
        doing = f"{method} {path}"
        try:
            answer = self._answer(request, doing, ONCE, pacer)
        except Throttled as fault:
            if fault.of_all:
                pacer.refused(fault.retry_after)
            raise
        return check_resource(answer, doing) if method == "PUT" else answer

    def _answer(
        self, request: HttpRequest, doing: str, retries: Mapping[str, Any], pacer: Pacer | None = None
    ) -> dict[str, Any]:
        with translate_errors(doing):
            response = self._client.send_request(request, **retries)
        if response.status_code >= 300:
            raise from_response(response, doing)
        if pacer:
            pacer.learn(response.headers)
        content, where = response.read(), f"the answer to {doing}"
        try:
            body = decode(content, dict[str, Any], where) if content else {}
        except InvalidInput as fault:  # nobody can mend what a service answers; it may answer rightly later
            raise TemporaryError(str(fault)) from fault
        check_objects(body, where)
        return body
