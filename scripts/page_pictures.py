"""Take the pictures of the page that the docs show: before, during and after an outage, wide and on a telephone.

``.venv/bin/python scripts/page_pictures.py`` writes ``docs/images``. It needs a Chromium; the region that it takes down
is one of the simulated Azure.
"""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browsing import BROWSER, Tab, browser  # type: ignore[import-not-found]  # noqa: E402 - of the tests
from home_page import entered, give, overflow, wait  # type: ignore[import-not-found]  # noqa: E402
from live import Caller, live  # type: ignore[import-not-found]  # noqa: E402

from orchestrator.core.base.vocabulary import Mode  # noqa: E402
from orchestrator.local.session import Local  # noqa: E402
from orchestrator.local.workload import User  # noqa: E402

IMAGES = ROOT / "docs" / "images"
SIZES = {1280: 860, 390: 844}
"""Width -> height, in pixels."""

JOBS = 8


async def take(one: Tab, name: str) -> None:
    for width, height in SIZES.items():
        await overflow(one, width)
        await asyncio.sleep(0.5)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        told = await one.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        (IMAGES / f"page-{name}-{width}.png").write_bytes(base64.b64decode(told["data"]))


def submit_jobs(local: Local) -> None:
    hub = local.plan.primary
    job = {
        "jobType": "Command",
        "command": "python train.py",
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
        "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
        "tags": {"local.duration": "360000"},
    }
    for number in range(JOBS):
        User(local.azure).submit(hub, f"train-{number}", job)


async def show_outage(local: Local, place: str) -> None:
    async with entered(place, local) as one:
        await wait(one, "document.querySelector('main').textContent.includes('running')", "the jobs")
        await take(one, "before")
        local.azure.region_down(local.plan.primary.region)
        await wait(one, "document.querySelector('main button[data-do=approve]')", "the proposal")
        await take(one, "during")
        await give(one, "approve", "the region is down")
        await wait(one, "document.querySelector('main button[data-do=acknowledge]')", "the switch")
        await take(one, "after")


def main() -> None:
    if BROWSER is None:
        sys.exit("no Chromium on this machine")
    IMAGES.mkdir(exist_ok=True)
    with (
        live(mode=Mode.APPROVE) as local,
        Caller(local) as caller,
        tempfile.TemporaryDirectory() as folder,
        browser(Path(folder)) as place,
    ):
        caller.settled_down()
        submit_jobs(local)
        asyncio.run(show_outage(local, place))


if __name__ == "__main__":
    main()
