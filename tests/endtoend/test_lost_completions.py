"""An engine that gives work out and loses what comes of it, without an error: everything else must say so."""

from __future__ import annotations

from typing import Any

import requests
from live import live, until

from orchestrator.local.session import Local


class Asking:
    """Questions and orders about the pair."""

    def __init__(self, local: Local) -> None:
        self._url, self._headers = f"{local.host.url}/api", {"x-functions-key": local.key}

    def get(self, path: str, accept: str = "application/json") -> requests.Response:
        return requests.get(f"{self._url}/{path}", headers=self._headers | {"Accept": accept}, timeout=120)

    def order(self, do: str) -> requests.Response:
        body = {"reason": "the region is down", "by": "a test", "force": True}
        return requests.post(f"{self._url}/pairs/demo/{do}", json=body, headers=self._headers, timeout=120)

    def line(self) -> dict[str, Any]:
        return dict(self.get("status").json()["pairs"][0])


def test_a_pair_whose_looks_are_lost_looks_well_nowhere() -> None:
    """Status, page, explanation, readiness, the answer to an order and a notice."""
    with live() as local:
        ask = Asking(local)
        until(lambda: ask.line()["phase"] == "steady", "the first look")
        local.engine._checkpoint = lambda kind, _: kind != "entity"
        local.azure.region_down(local.plan.primary.region)
        line = until(lambda: (now := ask.line())["stale"] and now, "a pair that says that it is not looked at")
        until(lambda: ask.get("health/ready").status_code == 503, "an app that is not ready")
        looks = ask.get("health/ready").json()["looks"]
        told = until(lambda: _told(local, "LooksNotTakenIn"), "the notice")
        explained = ask.get("pairs/demo/explain").json()["text"]
        page = ask.get("status", accept="text/html").text
        answer = ask.order("failover")
        lost = ask.line()
    assert line["needs_a_person"]
    assert line["headline"].startswith("NOT LOOKED AT")
    assert looks == {"demo": False}
    assert len(told) == 1
    assert explained.startswith("Nothing was seen since")
    assert "not looked at since" in page
    assert answer.status_code == 202
    assert answer.json()["why"].startswith("Handed over, but nothing that is handed to demo was taken in since")
    assert answer.json()["see"] == "/api/pairs/demo"
    # A slow look may have made the pair suspect before its looks were lost.
    assert line["phase"] in {"steady", "suspect"}
    assert (lost["phase"], lost["active"], lost["epoch"]) == (line["phase"], "primary", 0)


def _told(local: Local, name: str) -> list[str]:
    notices = local.azure.call(lambda: list(local.azure.event_grid.published))
    return [one["subject"] for one in notices if one["type"] == f"Hubswitch.{name}"]
