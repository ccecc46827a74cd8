"""Somebody deletes something of a pair: no failover, a proposal, and it is there again, by HTTP and by command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from live import Caller, grant_all, live, unpaced
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.base.vocabulary import Mode
from orchestrator.local.session import Local
from orchestrator.local.up import subscribe_changes
from orchestrator.simulator.estate import Site


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    with unpaced(), live(speed=60.0, mode=Mode.APPROVE, begin=grant_all) as running:
        subscribe_changes(running)
        yield running


@pytest.fixture
def caller(local: Local) -> Iterator[Caller]:
    with Caller(local) as found:
        found.settled_down()
        yield found


def site(local: Local) -> Site:
    return local.azure.estate.pair("demo").primary


def change(local: Local, **body: Any) -> None:
    answer = requests.post(f"{local.azure.urls['admin']}/admin/resources", json=body, timeout=120)
    assert answer.status_code == 200, answer.text


def holds(caller: Caller) -> set[str]:
    return {hold["rule"] for hold in caller.view().get("holds", ())}


def proposal(caller: Caller) -> dict[str, Any]:
    answer = caller.post("pairs/demo/recover", {"reason": "a look", "dry": True})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def command(local: Local, *words: str) -> int:
    return status_of(["recover", "demo", *words, "--url", local.host.url, "--key", local.key])


def test_deleted_things_are_told_proposed_approved_and_there_again(
    local: Local, caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    """The vault and the account come back in this order, the registry does not, and is said to be lost."""
    assert proposal(caller)["items"] == []
    assert command(local) == 0
    refused = caller.post("pairs/demo/recover", {"reason": "nothing is deleted"})
    assert (refused.status_code, "nothing of demo" in refused.json()["detail"]) == (409, True)
    primary = site(local)
    registry = f"{primary.group_id}/providers/Microsoft.ContainerRegistry/registries/{primary.acr}"
    change(local, delete=[primary.storage_id, primary.keyvault_id, registry])
    until(lambda: "hold.deleted" in holds(caller), "the hold")
    found = until(lambda: (p := proposal(caller)) and len(p["items"]) == 3 and p, "all three of them")
    assert [item["how"] for item in found["items"]] == ["call", "call", "never"]
    capsys.readouterr()
    assert command(local) == 3
    printed = capsys.readouterr().out
    assert "createMode" in printed
    assert "hubswitch failover demo --force" in printed
    unnamed = caller.post("pairs/demo/recover", {"reason": "without looking"})
    assert (unnamed.status_code, found["id"] in unnamed.json()["detail"]) == (409, True)
    wrong = caller.post("pairs/demo/recover", {"reason": "another", "proposal": "0123456789ab"})
    assert (wrong.status_code, found["id"] in wrong.json()["detail"]) == (409, True)
    capsys.readouterr()
    given = ["--do", "--wait", "--json", "--proposal", found["id"], "--reason", "a slip", "--by", "ana"]
    assert command(local, *given) == 0
    run = json.loads(capsys.readouterr().out)
    output = run["output"]
    assert (run["id"], output["ok"], output["outcome"]) == (f"recover-demo-{found['id']}", True, "completed")
    assert [step["name"] for step in output["steps"]] == [primary.keyvault_id, primary.storage_id]
    assert [step["outcome"] for step in output["steps"]] == ["done", "done"]
    assert [item["resource"].casefold() for item in output["left"]] == [registry.casefold()]
    until(lambda: [item["how"] for item in proposal(caller)["items"]] == ["never"], "a proposal of what is left")
    shown = caller.get("runs?pair=demo").json()["runs"]
    assert [(each["id"], each["kind"], each["outcome"]) for each in shown] == [(run["id"], "recover", "completed")]
    entries = until(lambda: _audited(caller, run["id"]), "both entries of the audit log")
    assert {(entry["kind"], entry["who"]) for entry in entries} == {("run-ended", "ana"), ("order", "ana")}


def _audited(caller: Caller, run: str) -> list[dict[str, Any]] | None:
    entries = caller.get("audit?pair=demo").json()["pairs"][0]["entries"]
    found = [entry for entry in entries if entry["details"].get("run") == run]
    return found if len(found) == 2 else None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"reason": " "}, 400),
        ({"reason": "x", "dry": "yes"}, 400),
        ({"reason": "x", "force": True}, 400),
        ({"reason": "x" * 2000}, 400),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(caller: Caller, body: dict[str, Any], status: int) -> None:
    """With the place; and nothing begins."""
    assert caller.post("pairs/demo/recover", body).status_code == status
    assert caller.post("pairs/nobody/recover", {"reason": "x"}).status_code == 404
