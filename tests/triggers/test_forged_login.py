"""Where no setting says that App Service authentication is on, its headers are anybody's text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from live import Caller, live, until


@pytest.fixture
def plain() -> Iterator[Caller]:
    """An app with the default settings."""
    with live() as local, Caller(local) as made:
        made.settled_down()
        yield made


def test_without_the_setting_the_headers_of_the_platform_are_anybodys_text(plain: Caller) -> None:
    """A forged login opens nothing, names nobody and takes nothing away from a key."""
    claims = [{"typ": "roles", "val": role} for role in ("Reader", "Operator", "Approver")]
    forged = {
        "x-ms-client-principal": base64.b64encode(json.dumps({"claims": claims}).encode()).decode(),
        "x-ms-client-principal-name": "the boss",
        "x-hubswitch-request": "1",
    }
    order = {"reason": "practice", "by": "ana"}
    opened = plain.post("pairs/demo/pause", order, key=None, headers=forged)
    read = plain.get("status", key=None, headers=forged)
    nobody = forged | {"x-ms-client-principal": base64.b64encode(b'{"claims": []}').decode()}
    keyed = plain.post("pairs/demo/pause", order, headers=nobody)
    until(lambda: plain.view()["paused"], "the pause")
    plain.post("pairs/demo/resume", {"reason": "done"})
    until(lambda: plain.view()["paused"] is None, "the end of the pause")
    assert (opened.status_code, read.status_code, keyed.status_code) == (401, 401, 202)
    assert "ana" in keyed.json()["why"]
    assert "boss" not in keyed.json()["why"]
