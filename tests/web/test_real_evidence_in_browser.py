"""The evidence page of a failover that really ran here, in a browser: on a screen, on a telephone and on paper."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import NamedTuple

import pytest
from browsing import BROWSER, browser, tab
from deployed_app import count_captured
from live import Caller, live
from waiting import until

from orchestrator.local.workload import submit_workload

JOBS = 5
WIDTHS = (1280, 390)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")


class Seen(NamedTuple):
    """What a browser found."""

    too_wide: dict[int, int]
    """By width: pixels that stand out of the page."""

    text: str
    bars: int
    asked: list[str]
    pictures: dict[int, bytes]
    pdf: bytes


async def _look(place: str, url: str) -> Seen:
    async with tab(place) as one:
        await one.opened(url)
        too_wide, pictures = {}, {}
        for width in WIDTHS:
            await one.seen_as("light", width)
            over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            too_wide[width] = await one.value(over)
            pictures[width] = base64.b64decode((await one.ask("Page.captureScreenshot"))["data"])
        text = await one.value("document.body.innerText")
        bars = await one.value("document.querySelectorAll('svg rect').length")
        asked = [told["request"]["url"] for told in one.told("Network.requestWillBeSent")]
        pdf = base64.b64decode((await one.ask("Page.printToPDF", printBackground=True))["data"])
        return Seen(too_wide, text, bars, asked, pictures, pdf)


def test_the_evidence_of_a_real_failover_is_read_on_any_screen_and_printed(tmp_path: Path) -> None:
    """Timeline, targets and every job by its name; nothing wider than the screen, nothing asked for elsewhere."""
    run = "failover-demo-e1"
    with live() as local, Caller(local) as caller:
        caller.settled_down()
        submit_workload(local.azure, local.plan.primary, JOBS, seed=5)
        until(lambda: count_captured(local.azure, local.plan) == JOBS, "every job in the ledger")
        local.azure.region_down(local.plan.primary.region)
        until(lambda: caller.get(f"runs/{run}/evidence").ok, "the evidence")
        evidence = caller.get(f"runs/{run}/evidence").json()
        with browser(tmp_path / "profile") as place:
            page = f"{local.host.url}/api/runs/{run}/evidence?code={local.key}"
            seen = asyncio.run(_look(place, page))
    for width, picture in seen.pictures.items():
        (tmp_path / f"evidence-{width}.png").write_bytes(picture)
    (tmp_path / "evidence.pdf").write_bytes(seen.pdf)
    assert seen.too_wide == dict.fromkeys(WIDTHS, 0)
    assert [url for url in seen.asked if not url.startswith("data:") and url != page] == []
    names = [job["name"] for job in evidence["jobs"]["list"]]
    assert len(names) == JOBS
    assert [name for name in names if name not in seen.text] == []
    assert seen.bars > 0
    assert seen.pdf.startswith(b"%PDF")
