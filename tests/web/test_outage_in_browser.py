"""The runbook on the page alone: an outage, the way home and a drill, by somebody who has nothing but a browser."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from browsing import BROWSER, Tab, browser
from home_page import approve, do, entered, give, overflow, wait
from live import Caller, live, until

from orchestrator.core.base.vocabulary import Mode

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")
SHOWN = {
    "headline": "document.querySelector('.headline').textContent",
    "answers": "document.querySelector('.answers').textContent",
    "phases": "document.querySelectorAll('svg.timeline rect').length",
}


async def read_evidence(one: Tab) -> str:
    """What the link to it shows; asked again while the run has ended and its evidence is still being made."""
    body = "document.getElementById('document-body')"
    link = "[...document.querySelectorAll('main a')].find(a => a.href.endsWith('/evidence'))"
    for _ in range(300):
        await wait(one, f"(a => a && (a.click(), true))({link})", "the link to the evidence")
        await wait(one, f"{body}.textContent !== 'asking'", "an answer")
        found = await one.value(f"{body}.querySelector('h1') && {body}.textContent")
        await do(one, "document.getElementById('document-close').click()")
        if found:
            return str(found)
        await asyncio.sleep(0.2)
    raise AssertionError("the evidence did not come")


def test_an_outage_is_handled_on_the_page_alone(tmp_path: Path) -> None:
    """Each answer of the page is true when it is given, nothing is wider than a telephone, and names are recorded."""

    async def handle(place: str, local: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with entered(place, local) as one:
            await wait(one, "document.title.startsWith('all quiet')", "calm")
            found["calm"] = await one.value("document.title")
            local.azure.region_down(local.plan.primary.region)
            await approve(one)
            bad = "document.querySelector('.answers')?.textContent.includes('The primary is still bad in hub, jobs')"
            await wait(one, f"{bad} && document.querySelector('main button[data-do=acknowledge]')", "the switch")
            for name, expression in SHOWN.items():
                found[name] = await one.value(expression)
            await give(one, "acknowledge", "seen")  # at once: the end of the cooldown takes the button away
            await wait(one, "!document.querySelector('main button[data-do=acknowledge]')", "the acknowledgement")
            found["wide"] = [await overflow(one, width) for width in (390, 1280)]
            found["evidence"] = await read_evidence(one)
            local.azure.region_up(local.plan.primary.region)
            found["refusal"] = await go_home(one)
            found["home"] = await one.value("document.querySelector('.headline').textContent")
            found["drill"] = await practise(one)
        return found

    with live(mode=Mode.APPROVE) as local, Caller(local) as caller, browser(tmp_path) as place:
        caller.settled_down()
        found = asyncio.run(handle(place, local))
        until(lambda: caller.view()["cooldown_until"] is None, "the end of the cooldown")
        audit = caller.get("audit?pair=demo").json()["pairs"][0]["entries"]
    assert found["calm"] == "all quiet | hubswitch"
    assert "secondary" in found["headline"]
    assert "westus3" in found["headline"]
    assert "approved by ana (the region is down)" in found["answers"]
    assert "failover-demo-e1" in found["answers"]
    assert "Acknowledge the switch" in found["answers"]
    assert found["phases"] > 2
    assert found["wide"] == [0, 0]
    assert "ana" in found["evidence"]
    assert "failover-demo-e1" in found["evidence"]
    assert "the primary has been well for" in found["refusal"]
    assert "or forced with a reason" in found["refusal"]
    assert "primary" in found["home"]
    assert "eastus2" in found["home"]
    assert found["drill"]["why"].startswith("tabletop, weekly practice: ")
    ordered = [(entry["details"]["do"], entry["who"]) for entry in audit if "do" in (entry.get("details") or {})]
    assert {"approve", "acknowledge", "failback", "drill"} <= {do for do, _ in ordered}
    assert {who for _, who in ordered} == {"ana"}


async def go_home(one: Tab) -> str:
    """Order the way back when the page shows the other side well again, and watch until the pair is there.

    It is refused at first, for the side has not been well for long; what was said then is returned.
    """
    hub = "[...document.querySelectorAll('.evidence tr')].find(row => row.textContent.trim().startsWith('hub'))"
    await wait(one, f"{hub}.querySelector('td[data-side^=primary] .badge.good')", "a primary that is well again")
    await give(one, "failback", "the region is well again")
    await wait(one, "!document.getElementById('order-fault').hidden", "the refusal")
    refusal = await one.value("document.getElementById('order-fault').textContent")
    await do(one, "document.getElementById('force').checked = true", "document.getElementById('order-go').click()")
    await wait(one, "!document.getElementById('order').open", "the order, by force")
    home = "document.querySelector('.headline').textContent.includes('primary')"
    await wait(one, f"{home} && document.querySelector('main button[data-do=failover]')", "the end of the failback")
    return str(refusal)


async def practise(one: Tab) -> dict[str, Any]:
    """Hold a drill and look, in the list of runs on the page, until it has ended."""
    await give(one, "drill", "weekly practice")
    await wait(one, "!document.getElementById('order').open", "the order of the drill")
    for _ in range(200):
        await do(one, "[...document.querySelectorAll('main a')].find(a => a.textContent === 'All runs').click()")
        await wait(one, "document.querySelector('#document-body pre')", "the runs")
        runs = json.loads(await one.value("document.querySelector('#document-body pre').textContent"))["runs"]
        await do(one, "document.getElementById('document-close').click()")
        if ended := [run for run in runs if run["kind"] == "drill" and run["outcome"] != "running"]:
            return dict(ended[0])
        await asyncio.sleep(0.3)
    raise AssertionError("the drill did not end")
