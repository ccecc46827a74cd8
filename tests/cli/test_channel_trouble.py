"""A channel that does not take notices is seen: in `status`, over HTTP, on the page."""

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
