"""One call to Resource Manager, taken apart, and the pages of its lists."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm.resources import Resource
from orchestrator.simulator.arm.rules import user_error
from orchestrator.simulator.services import AzureError, Principal

PAGE = 50
"""Elements of a page. The real sizes are not documented and differ by collection."""


class BlobAccount(Protocol):
    """The project's own storage account, as far as Azure ML itself uses it."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...

    def create_container(self, name: str) -> object: ...

    def sas(self, container: str, permissions: str, expiry: datetime) -> str: ...

    def names(self, container: str, prefix: str) -> Sequence[str]: ...


@dataclass(frozen=True)
class ArmCall:
    """A request below a workspace. ``parts`` is the path behind the workspace's id, split at its slashes."""

    request: web.Request
    caller: Principal
    workspace: Resource
    parts: tuple[str, ...]
    body: Any
    base: str

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    @property
    def workspace_id(self) -> str:
        return str(self.workspace["id"])

    @property
    def region(self) -> str:
        return str(self.workspace["location"])

    @property
    def kind(self) -> str:
        return self.parts[0].lower()

    @property
    def id(self) -> str:
        """The ARM id of what is asked for."""
        return "/".join([self.workspace_id, *self.parts])

    def location(self) -> dict[str, str]:
        """The header of an answer 201: where the new thing is, with the api-version of the request."""
        return {"Location": f"{self.base}{self.id}?api-version={self.query['api-version']}"}

    def not_found(self) -> AzureError:
        return AzureError(404, "ResourceNotFound", f"The resource '{self.id}' was not found.")

    def not_allowed(self) -> AzureError:
        return AzureError(405, "MethodNotAllowed", f"{self.method} is not supported for '{self.id}'.")


def page_of(call: ArmCall, items: Sequence[Any], size: int, orders: Sequence[int] | None = None) -> web.Response:
    """One page, with a ``nextLink`` if there is more.

    The token in ``$skip`` (opaque, as in Azure) names the last element given, so that elements that are added while a
    client pages neither repeat nor hide others.

    Args:
        call: the request.
        items: everything, in the order in which it is to be given.
        size: elements of a page.
        orders: numbers that fall from element to element and never change; positions are used if there are none.
    """
    numbers = list(orders) if orders is not None else [-position for position in range(len(items))]
    start = _start(call, numbers)
    top = call.query.get("$top")
    count = int(top) if top and top.isdigit() else size
    answer: dict[str, Any] = {"value": [*items[start : start + count]]}
    if start + count < len(items) and not top:
        answer["nextLink"] = _next_link(call, numbers[start + count - 1])
    return json_answer(answer)


def _start(call: ArmCall, numbers: Sequence[int]) -> int:
    token = call.query.get("$skip")
    if not token:
        return 0
    try:
        last = int(base64.urlsafe_b64decode(token).decode())
    except (binascii.Error, ValueError) as fault:
        raise user_error(f"$skip: a continuation token was expected, got {token!r}.") from fault
    return next((position for position, number in enumerate(numbers) if number < last), len(numbers))


def _next_link(call: ArmCall, last: int) -> str:
    token = base64.urlsafe_b64encode(str(last).encode()).decode()
    query = {name: value for name, value in call.query.items() if name != "$skip"} | {"$skip": token}
    url = call.request.rel_url.with_query(query)
    return f"{call.base}{url}"


def list_by_view(resources: Sequence[Resource], view: str | None) -> list[Resource]:
    """Active resources, unless the list view asks for archived ones or all."""
    wanted = {"ArchivedOnly": {True}, "All": {True, False}}.get(view or "ActiveOnly", {False})
    return [resource for resource in resources if bool(resource["properties"].get("isArchived")) in wanted]
