"""axe-core finds nothing wrong with the pages, whatever happens to the pair, on a screen and on a telephone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from axe import AXE, find_violations
from browsing import BROWSER, Tab, browser, tab
from home_page import approve, do, entered, give, wait
from live import Caller, live

from orchestrator.core.base.vocabulary import Mode
from orchestrator.local.session import Local
from orchestrator.local.workload import submit_workload

SCREENS = (("light", 1280), ("light", 390), ("dark", 390))
"""Schemes and widths. What is too faint in the dark is so at any width."""

JOBS = 5
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no browser on this machine"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed in .axe"),
]

type Found = dict[tuple[str, int, str], list[list[str]]]
"""What was looked at, at which width, in which scheme -> what is wrong with it."""


async def look(one: Tab, what: str, found: Found) -> None:
    for scheme, width in SCREENS:
        await one.seen_as(scheme, width)
        if wrong := await find_violations(one):
            found[what, width, scheme] = wrong


async def look_around(one: Tab, local: Local, stage: str, found: Found) -> None:
    """The page of all pairs, that of one pair, and the one that needs no script."""
    pages = {"home": "/", "pair": "/?pair=demo", "still": f"/api/status?code={local.key}"}
    for name, path in pages.items():
        await one.opened(local.host.url + path)
        await wait(one, "document.querySelector('main article')", "the pair")
        await do(one, "for (const each of document.querySelectorAll('details')) each.open = true")
        await look(one, f"{stage}: {name}", found)


async def fail_over(place: str, local: Local) -> Found:
    """An outage, as somebody sees it who reads every page at every stage."""
    found: Found = {}
    async with tab(place) as one:
        await one.opened(f"{local.host.url}/")
        await wait(one, "document.getElementById('entry')?.hidden === false", "the question for a key")
        await look(one, "entry", found)
    async with entered(place, local) as one:
        await wait(one, "document.title.startsWith('all quiet')", "calm")
        await wait(one, "document.querySelector('main').textContent.includes('running')", "the jobs")
        await look_around(one, local, "before", found)
        local.azure.region_down(local.plan.primary.region)
        await one.opened(f"{local.host.url}/")
        await wait(one, "document.querySelector('main button[data-do=approve]')", "the proposal")
        await look_around(one, local, "during", found)
        await one.opened(f"{local.host.url}/")
        await give(one, "approve", "")
        await look(one, "during: order", found)
        await do(one, "document.getElementById('order-cancel').click()")
        await approve(one)
        await wait(one, "document.querySelector('main button[data-do=acknowledge]')", "the switch")
        await look_around(one, local, "after", found)
        await one.opened(f"{local.host.url}/api/runs/failover-demo-e1/evidence?code={local.key}")
        await wait(one, "document.querySelector('[aria-labelledby=jobs] table')", "the evidence, with its jobs")
        await look(one, "after: evidence", found)
        await one.opened(f"{local.host.url}/")
        await wait(one, "document.querySelector('main article')", "the pair")
        await do(one, "[...document.querySelectorAll('main a')].find(a => a.href.endsWith('/evidence#jobs')).click()")
        await wait(one, "document.getElementById('document-body').querySelector('h1')", "the evidence in the page")
        await look(one, "after: evidence in the page", found)
        await do(one, "document.getElementById('document-close').click()")
        await do(one, "window.fetch = async () => { throw new Error('gone') }")
        await do(one, "const now = Date.now; Date.now = () => now.call(Date) + 90000")
        await wait(one, "document.body.classList.contains('stale')", "the look of age")
        await look(one, "after: stale", found)
    return found


def test_nothing_is_wrong_with_any_page_before_during_and_after_a_failover(tmp_path: Path) -> None:
    """Every rule of axe-core, in the light and in the dark, with everything that is folded opened."""
    with live(mode=Mode.APPROVE) as local, Caller(local) as caller, browser(tmp_path) as place:
        caller.settled_down()
        submit_workload(local.azure, local.plan.primary, JOBS, seed=5)
        found = asyncio.run(fail_over(place, local))
    assert "\n".join(f"{where}: {wrong}" for where, wrong in found.items()) == ""


PLANTED: Mapping[str, str] = {
    "image-alt": '<img src="data:,">',
    "color-contrast": '<p style="color: #999; background: #fff">hardly to be seen</p>',
    "label": "<input>",
    "button-name": "<button></button>",
}


@pytest.mark.parametrize("rule", PLANTED)
def test_what_is_wrong_is_found(rule: str, tmp_path: Path) -> None:
    """A check that finds nothing anywhere would be green for ever."""
    page = tmp_path / "page.html"
    text = f"<!DOCTYPE html><html lang='en'><title>t</title><main><h1>t</h1>{PLANTED[rule]}</main></html>"
    page.write_text(text, encoding="utf-8")

    async def find(place: str) -> list[list[str]]:
        async with tab(place) as one:
            await one.opened(page.as_uri())
            return await find_violations(one)

    with browser(tmp_path / "browser") as place:
        found = asyncio.run(find(place))
    assert [wrong[0] for wrong in found] == [rule]
