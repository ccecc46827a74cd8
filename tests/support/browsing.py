"""A real browser of our own, over its debugging protocol."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from waiting import until

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
        for _ in range(15000):
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
            process.wait(300)


async def _list_pages(session: aiohttp.ClientSession, place: str) -> list[dict[str, Any]]:
    async with session.get(f"{place}/json/list") as answer:
        return [found for found in await answer.json() if found["type"] == "page"]


@asynccontextmanager
async def tab(place: str) -> AsyncIterator[Tab]:
    async with aiohttp.ClientSession() as session:
        for _ in range(6000):  # a browser that has just begun may have no page yet
            if targets := await _list_pages(session, place):
                break
            await asyncio.sleep(0.05)
        (target,) = targets
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            yield Tab(socket)
