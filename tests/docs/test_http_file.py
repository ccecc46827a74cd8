"""``test.http`` asks for routes that there are, with bodies that they take."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from orchestrator.triggers.routes import ROUTES, RouteAccess

ROOT = Path(__file__).parents[2]
BLOCKS = re.split(r"^###.*$", (ROOT / "test.http").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split()[1].partition("}}/")[2])
def test_a_request_is_one_that_the_app_takes(block: str) -> None:
    """Method, path, key where one is needed, and a body of the route's shape."""
    head, _, body = block.strip().partition("\n\n")
    method, address = head.splitlines()[0].split()
    path = address.removeprefix("{{url}}/").replace("{{pair}}", "{pair}")
    route = next((route for route in ROUTES if route.path == path and method in route.methods), None)
    assert route is not None
    assert ("x-functions-key: {{key}}" in head) is (route.access is RouteAccess.KEY)
    assert bool(body) is (route.body is not None)
    if body:
        msgspec.json.decode(body.encode(), type=route.body)
