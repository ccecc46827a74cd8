"""A plan that does not mean the hub of the stores: the running app holds, and says so wherever people look."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from live import Caller, until

from orchestrator.cli.main import status_of
from orchestrator.local.session import Local


def _told(local: Local, name: str) -> list[str]:
    published = local.azure.call(lambda: list(local.azure.event_grid.published))
    return [notice["data"]["why"] for notice in published if notice["type"] == f"Hubswitch.{name}"]


def _rewrite_record(local: Local, change: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
    """Write the epoch record as if it had been written for another plan; gives what puts it back."""
    store, container = local.azure.ledger, local.plan.ledger.container

    def write(data: bytes) -> None:
        local.azure.call(lambda: store.put(container, "demo/epoch.json", data))

    before = local.azure.call(lambda: store.get(container, "demo/epoch.json")).data  # type: ignore[union-attr]
    record = json.loads(before)
    change(record)
    write(json.dumps(record).encode())
    return lambda: write(before)


def _rewrite_pointer(local: Local, change: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
    """The same for the pointer."""
    store, key = local.azure.configuration, "hubswitch:demo:active"

    def write(value: str) -> None:
        local.azure.call(lambda: store.put(key, value, content_type="application/json"))

    before = local.azure.call(lambda: store.get(key))
    assert before is not None
    record = json.loads(before.value)
    change(record)
    write(json.dumps(record))
    return lambda: write(before.value)


def _line_that_begins(caller: Caller, words: str) -> dict[str, Any] | None:
    (line,) = caller.get("status").json()["pairs"]
    return line if line["headline"].partition(";")[0] == words else None


def _page(caller: Caller) -> str:
    return caller.get("status", headers={"Accept": "text/html"}).text


FIELDS = ("hub", "project", "region")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("where", ["epoch record", "pointer"])
def test_a_contradiction_holds_and_is_told(
    caller: Caller, where: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In status, explain, the page, the command and a notice; and when it is over, that is told, too."""
    local = caller.local
    caller.settled_down()
    over = len(_told(local, "TroubleOver"))

    def change(found: dict[str, Any]) -> None:
        (found["place"] if where == "epoch record" else found)[field] = "another"

    mend = (_rewrite_record if where == "epoch record" else _rewrite_pointer)(local, change)
    said = f"the {where} of epoch 0 names another primary than the plan: {field} another"
    try:
        # A store that is slow for one look is a trouble of its own.
        view = until(lambda: (v := caller.view())["trouble"] and v["trouble"].startswith(said) and v, "the trouble")
        assert "hold.trouble" in [hold["rule"] for hold in view["holds"]]
        line = until(lambda: _line_that_begins(caller, "IN TROUBLE"), "the headline")
        assert (line["can_fail_over"], line["needs_a_person"]) == (False, True)
        until(lambda: said in caller.get("pairs/demo/explain").json()["text"], "the explanation")
        page = until(lambda: said in (p := _page(caller)) and p, "the page")
        assert "in trouble</span>" in page
        command = ["status", "--url", local.host.url, "--key", local.key]
        until(lambda: status_of(command) == 0 and said in capsys.readouterr().out, "the command's word")
        until(lambda: any(why.startswith(said) for why in _told(local, "TroubleBegan")), "the notice")
    finally:
        mend()
    until(lambda: caller.view()["trouble"] is None, "the end of the trouble")
    until(lambda: len(_told(local, "TroubleOver")) > over, "the notice of its end")
