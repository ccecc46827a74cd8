"""The home page in a browser, as a person uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from browsing import Tab, tab

from orchestrator.local.session import Local


async def wait(one: Tab, expression: str, what: str) -> None:
    """Until an expression is true on the page."""
    for _ in range(3000):
        if await one.value(f"Boolean({expression})"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what} did not come: {await one.value('document.body.innerText')}")


async def do(one: Tab, *statements: str) -> None:
    await one.value("; ".join([*statements, "0"]))


@asynccontextmanager
async def entered(place: str, local: Local) -> AsyncIterator[Tab]:
    """The page after the key has been typed."""
    async with tab(place) as one:
        await one.opened(f"{local.host.url}/")
        await do(one, "sessionStorage.clear()", "location.reload()")
        await wait(one, "document.getElementById('entry')?.hidden === false", "the question for a key")
        await do(one, f"document.getElementById('key').value = {json.dumps(local.key)}")
        await do(one, "document.querySelector('#entry-form button').click()")
        await wait(one, "document.querySelector('main article')", "the pair")
        yield one


async def give(one: Tab, order: str, reason: str, instead: str = "") -> None:
    """An order by its button and its dialog. ``instead``: the order that the button is made to give.

    The button is pressed as soon as it is there: the page renews itself, and a later look may find another one.
    """
    button = f"document.querySelector('main button[data-do={order}]')"
    change = f"b.dataset.do = '{instead}', " if instead else ""
    await wait(one, f"(b => b && ({change}b.click(), true))({button})", f"the button {order}")
    await do(one, f"document.getElementById('reason').value = {json.dumps(reason)}")
    await do(one, "if (document.getElementById('by')) document.getElementById('by').value = 'ana'")
    await do(one, "document.getElementById('order-go').click()")


async def overflow(one: Tab, width: int) -> int:
    """By how many pixels the page is wider than a screen of that width."""
    await one.seen_as("light", width)
    return int(await one.value("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


async def approve(one: Tab) -> None:
    """Answer the proposal that waits; one that has expired by then is made anew, and answered then."""
    for _ in range(30):
        await give(one, "approve", "the region is down")
        order = "document.getElementById('order')"
        await wait(one, f"!{order}.open || !document.getElementById('order-fault').hidden", "the answer")
        if not await one.value(f"{order}.open"):
            return
        await do(one, "document.getElementById('order-cancel').click()")
    raise AssertionError("no proposal could be answered in time")
