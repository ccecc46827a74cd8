"""The page of the running app in a real browser: it asks for nothing else, fits a telephone, and follows the scheme."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import BROWSER, browser, tab
from live import Caller, live, until

from orchestrator.local.session import Local

WIDTHS = (320, 400, 800, 1400)
SCHEMES = ("light", "dark")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")


async def looked_at(place: str, url: str) -> dict[str, Any]:
    """What a person would see."""
    found: dict[str, Any] = {"grounds": {}, "overflow": {}}
    async with tab(place) as one:
        await one.opened(url)
        for scheme in SCHEMES:
            for width in WIDTHS:
                await one.seen_as(scheme, width)
                found["overflow"][scheme, width] = await one.value(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
            found["grounds"][scheme] = await one.value("getComputedStyle(document.body).backgroundColor")
        found["title"] = await one.value("document.title")
        found["heading"] = await one.value("document.querySelector('h2').textContent")
        found["scripts"] = await one.value("document.scripts.length")
        found["requests"] = [told["request"]["url"] for told in one.told("Network.requestWillBeSent")]
        found["complaints"] = [told["entry"]["text"] for told in one.told("Log.entryAdded")]
    return found


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """A pair that somebody has paused for a reason that does not wrap."""
    with live() as running, Caller(running) as caller:
        caller.settled_down()
        caller.post("pairs/demo/pause", {"reason": "/subscriptions/" + "x" * 300, "by": "y" * 80})
        until(lambda: caller.view()["paused"], "the pause")
        yield running


def test_the_page_stands_on_its_own_in_a_browser(local: Local, tmp_path: Path) -> None:
    """One request, no complaint of the browser, nothing wider than the screen, and a ground for light and for dark."""
    url = f"{local.host.url}/api/status?code={local.key}"
    with browser(tmp_path) as place:
        found = asyncio.run(looked_at(place, url))
    assert [request for request in found["requests"] if not request.startswith("data:")] == [url]
    assert found["complaints"] == []
    assert found["overflow"] == dict.fromkeys(((scheme, width) for scheme in SCHEMES for width in WIDTHS), 0)
    assert found["grounds"] == {"light": "rgb(244, 246, 248)", "dark": "rgb(14, 19, 24)"}
    assert (found["title"], found["heading"], found["scripts"]) == ("1 pair needs a look | hubswitch", "demo", 0)
