"""The page of the running app in a real browser: it asks for nothing else, fits a telephone, and follows the scheme."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from live import Caller, live, until

from orchestrator.local.session import Local

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
WIDTHS = (320, 400, 800, 1400)
SCHEMES = ("light", "dark")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")


class Tab:
    """One tab, over the browser's own debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[dict[str, Any]] = []

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=300)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])
            self.events.append(message)

    async def value(self, expression: str) -> Any:
        found = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"]["value"]

    async def opened(self, url: str) -> None:
        """Go there, and wait until all is loaded."""
        for domain in ("Page", "Network", "Log", "Runtime"):
            await self.ask(f"{domain}.enable")
        await self.ask("Page.navigate", url=url)
        for _ in range(500):
            if await self.value("document.readyState + location.href") == f"complete{url}":
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{url} was not loaded")

    async def seen_as(self, scheme: str, width: int) -> None:
        await self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await self.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)

    def told(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event.get("method") == method]


@contextmanager
def browser(folder: Path) -> Iterator[str]:
    """A browser of our own; where its first tab can be talked to."""
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            note = folder / "DevToolsActivePort"
            until(lambda: note.exists() and "\n" in note.read_text(), "the start of the browser")
            yield f"http://127.0.0.1:{note.read_text().splitlines()[0]}"
        finally:
            process.terminate()
            process.wait(20)


@asynccontextmanager
async def tab(place: str) -> AsyncIterator[Tab]:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{place}/json/list") as answer:
            (target,) = [found for found in await answer.json() if found["type"] == "page"]
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            yield Tab(socket)


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
