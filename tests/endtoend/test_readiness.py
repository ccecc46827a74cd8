"""The standby as a running app sees it: a person deletes something there, and everybody is told within that event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from live import Caller, grant_all, live, unpaced
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.base.vocabulary import ReadinessRule
from orchestrator.local.session import Local
from orchestrator.local.up import subscribe_changes


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    with unpaced(), live(speed=60.0, begin=grant_all) as running:
        subscribe_changes(running)
        yield running


@pytest.fixture
def caller(local: Local) -> Iterator[Caller]:
    with Caller(local) as found:
        yield found


def readiness(caller: Caller) -> dict[str, Any]:
    found: dict[str, Any] = caller.get("pairs/demo/readiness").json()
    return found


def change(local: Local, **body: Any) -> None:
    answer = requests.post(f"{local.azure.urls['admin']}/admin/resources", json=body, timeout=120)
    assert answer.status_code == 200, answer.text


def notices(local: Local, name: str) -> list[dict[str, Any]]:
    published = local.azure.call(lambda: list(local.azure.event_grid.published))
    return [each for each in published if each["type"] == f"Hubswitch.{name}"]


def test_a_deleted_cluster_turns_the_pair_red_within_its_event(
    local: Local, caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ready at first; not ready by the very next look, everywhere that people look, and ready when it is there again.

    Half an hour passes between two looks that nothing hastens: nothing but the event brings the next one.
    """
    # A look of a busy machine may find that something cannot be read, and the next one comes soon then.
    first = until(lambda: (found := readiness(caller))["ready"] and not found["failed"] and found, "the first look")
    assert first["score"] > 90
    until(lambda: caller.view()["ready"] is True, "the entity's word")
    cluster = f"{local.plan.secondary.project_id}/computes/gpu-cluster"
    kept = dict(local.azure.resources.get(cluster) or {})
    change(local, delete=[cluster])
    red = until(lambda: not (found := readiness(caller))["ready"] and found, "the look after the event")
    after = red["trend"][len(first["trend"]) :]  # one event may be delivered twice
    assert after
    assert not any(look["ready"] for look in after)
    worst = red["findings"][0]
    assert (worst["path"], worst["severity"], worst["check"]) == ("computes.gpu-cluster", "block", 5)
    until(lambda: caller.view()["ready"] is False, "the entity's word")
    assert "computes.gpu-cluster" in caller.get("pairs/demo/explain").json()["text"]
    page = caller.get("status", headers={"Accept": "text/html"}).text
    assert "The standby is not ready: computes.gpu-cluster" in page
    at = ["--url", local.host.url, "--key", local.key]
    assert status_of(["readiness", "demo", *at]) == 1
    printed = capsys.readouterr().out
    assert "NOT READY" in printed
    assert printed.index("block computes.gpu-cluster") < printed.index("info  locations")
    assert status_of(["status", "--json", *at]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"][0]["ready"] is False
    told = until(lambda: notices(local, "StandbyNotReady"), "the notice")
    assert len(told) == 1
    change(local, put={cluster: kept})
    until(lambda: readiness(caller)["ready"] is True, "the look after it was made again")
    assert status_of(["readiness", "demo", "--json", *at]) == 0
    assert json.loads(capsys.readouterr().out)["ready"] is True


def test_a_pair_that_is_not_known_is_said_to_be_so(local: Local, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 and one line; without an app it is 2; `compare` and `show` are still commands."""
    at = ["--url", local.host.url, "--key", local.key]
    assert status_of(["readiness", "nobody", *at]) == 1
    assert "there is no plan" in capsys.readouterr().err
    assert status_of(["readiness", "show", "demo", "--url", "http://127.0.0.1:1"]) == 2
    assert status_of(["readiness", "compare"]) == 2
    assert status_of(["readiness", "--help"]) == 0
    assert ReadinessRule.WARN is local.plan.policy.readiness
