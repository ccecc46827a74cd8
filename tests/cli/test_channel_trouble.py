"""A channel that does not take notices is seen: in `status`, over HTTP, on the page, and by a test notice."""

from __future__ import annotations

from typing import Any

import pytest
from live import Caller, until

from orchestrator.cli.main import status_of


def test_a_channel_that_fails_is_trouble_in_the_status(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    """With how many notices, since when, and why; the pair needs a look, and is watched as before."""
    azure = caller.local.azure
    azure.faults.set(azure.estate.third, "eventgrid", "403")
    try:
        caller.post("alerts", {"schemaId": "nobody knows"})

        def failing() -> Any:
            (line,) = caller.get("status").json()["pairs"]
            return line["untold"]

        def shown() -> dict[str, Any] | None:
            """What is said of the channel, once it is the same wherever one looks: another notice may be on its way."""
            (told,) = until(failing, "the notice that was not told")
            page = caller.get("status", headers={"Accept": "text/html"}).text
            capsys.readouterr()
            assert status_of(["status", "--url", caller.local.host.url, "--key", caller.local.key]) == 0
            is_printed = f"trouble: {told['what']}" in capsys.readouterr().out
            return told if caller.view()["untold"] == [told] and told["what"] in page and is_printed else None

        told = until(shown, "the same word everywhere")
    finally:
        azure.faults.clear(azure.estate.third, "eventgrid")
    assert told["channel"].startswith("event_grid ")
    assert told["notices"] >= 1
    many = "notice" if told["notices"] == 1 else "notices"
    assert told["what"].startswith(f"{told['notices']} {many} not told on {told['channel']} since ")


def test_a_test_notice_shows_whether_a_channel_takes_notices(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    """It arrives as what it is; one that is not taken is told at once, is not tried again, and is no trouble."""
    azure, at = caller.local.azure, ["--url", caller.local.host.url, "--key", caller.local.key]
    asked = ["doctor", "demo", "--test-notices", "--reason", "a new rota", *at]
    assert status_of(asked) == 0
    assert capsys.readouterr().out.startswith("ok   event_grid ")
    (arrived,) = [
        each for each in azure.call(lambda: list(azure.event_grid.published)) if each["type"] == "Hubswitch.TestNotice"
    ]
    assert "nothing has happened" in str(arrived)
    assert "a new rota" in str(arrived)
    azure.faults.set(azure.estate.third, "eventgrid", "403")
    try:
        answer = caller.post("pairs/demo/test-notices", {"reason": "once more"})
        assert status_of(asked) == 1
    finally:
        azure.faults.clear(azure.estate.third, "eventgrid")
    (told,) = answer.json()["channels"]
    assert (answer.status_code, answer.json()["ok"], told["ok"]) == (200, False, False)
    assert "403" in told["why"]
    assert "FAIL event_grid " in capsys.readouterr().out

    def audited() -> bool:
        (log,) = caller.get("audit?pair=demo").json()["pairs"]
        reasons = [
            each["details"].get("reason") for each in log["entries"] if each["details"].get("do") == "test_notices"
        ]
        return sorted(reasons) == ["a new rota", "a new rota", "once more"]

    assert until(audited, "three entries of the audit log")


def test_a_test_notice_needs_a_pair_and_a_reason(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what was expected, and nobody is told anything."""
    at = ["--url", caller.local.host.url, "--key", caller.local.key]
    assert status_of(["doctor", "--test-notices", "--reason", "x", *at]) == 2
    assert "a pair was expected" in capsys.readouterr().err
    assert caller.post("pairs/demo/test-notices", {}).status_code == 400
    assert caller.post("pairs/nope/test-notices", {"reason": "x"}).status_code == 404
