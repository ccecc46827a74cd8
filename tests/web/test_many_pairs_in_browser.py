"""Many pairs on the home page: one line each, a search, and no more than fits a telephone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from browsing import BROWSER, browser, tab
from home_page import do, overflow, wait
from stories import Story

from orchestrator.web.page import PageScope, home_page, number_in_full, status_page
from orchestrator.web.views import pair_view, status_view

NUMBER = 300
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")


def page_of(plan_of: Any, quiet: Story, suspect: Story) -> str:
    """A few hundred pairs, of which two need a look."""
    names = [f"pair-{number:03}" for number in range(NUMBER)]
    plans = {name: plan_of(name) for name in names}
    states = {name: suspect.state if name in {"pair-077", "pair-200"} else quiet.state for name in names}
    lines = status_view(plans, states, quiet.now)["pairs"]
    first = [line["pair"] for line in lines[: number_in_full(NUMBER)]]
    views = [pair_view(plans[name], states[name], quiet.now) for name in first]
    return status_page(views, quiet.now, scope=PageScope(lines=lines))


def test_a_search_leaves_the_lines_that_are_meant(tmp_path: Path, plan_of: Any, quiet: Story, suspect: Story) -> None:
    """It goes on holding when the page renews itself; those that need a look stand first."""
    told, asked = page_of(plan_of, quiet, suspect), []
    home, headers = home_page(sign_in=True)

    async def answer_home(_: web.Request) -> web.Response:
        return web.Response(text=home, content_type="text/html", headers=dict(headers))

    async def answer_status(request: web.Request) -> web.Response:
        asked.append(request.query_string)
        return web.Response(text=told, content_type="text/html")

    async def look(place: str) -> dict[str, Any]:
        site = web.Application()
        site.router.add_get("/", answer_home)
        site.router.add_get("/api/status", answer_status)
        runner = web.AppRunner(site)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found: dict[str, Any] = {}
        shown = (
            "[...document.querySelectorAll('#pairs tbody tr')].filter(r => !r.hidden).map(r => r.cells[0].textContent)"
        )
        try:
            async with tab(place) as one:
                port = runner.addresses[0][1]
                await one.opened(f"http://127.0.0.1:{port}/")
                await wait(one, "document.querySelector('#pairs')", "the pairs")
                found["all"] = await one.value(shown)
                found["wide"] = await overflow(one, 390)
                await do(one, f"document.getElementById('search').value = {json.dumps(' PAIR-20')}")
                await do(one, "document.getElementById('search').dispatchEvent(new Event('input'))")
                found["some"] = await one.value(shown)
                await do(one, "document.querySelector('#pairs').dataset.old = 'yes'")
                await do(one, "document.getElementById('again').click()")
                await wait(one, "!document.querySelector('#pairs').dataset.old", "the renewed page")
                found["renewed"] = await one.value(shown)
                await one.opened(f"http://127.0.0.1:{port}/?pair=pair-123")
                await wait(one, "document.querySelector('main article')", "the pair")
        finally:
            await runner.cleanup()
        return found

    with browser(tmp_path) as place:
        found = asyncio.run(look(place))
    assert found["all"][:2] == ["pair-077", "pair-200"]
    assert (len(found["all"]), found["wide"]) == (NUMBER, 0)
    assert found["some"] == ["pair-200", *(f"pair-20{digit}" for digit in range(1, 10))]
    assert found["renewed"] == found["some"]
    assert asked[-1] == "pair=pair-123"
