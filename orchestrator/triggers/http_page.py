"""The status page as an answer: views of every pair, and how many jobs each ledger holds."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.errors import HubswitchError
from orchestrator.triggers.answers import page
from orchestrator.triggers.lags import lags
from orchestrator.web.page import HEADERS, status_page
from orchestrator.web.views import Readable, pair_view

_SECONDS = re.compile(r"^[0-9]{1,4}$")

COUNTING = 2.0
"""Seconds in which the ledgers must have been counted; the page comes without their numbers if they are not."""


async def answered_page(
    deployment: Deployment, req: func.HttpRequest, order: Sequence[str], states: Mapping[str, Readable]
) -> func.HttpResponse:
    """The page for a list of pairs, in that order. ``refresh=15`` in the query makes it load itself again."""
    now = deployment.clock.now()
    views = [pair_view(deployment.plans[pair], states[pair], now) for pair in order]
    jobs = dict(zip(order, await asyncio.gather(*(_jobs(deployment, pair) for pair in order)), strict=True))
    behind = await lags(deployment, order, states)
    wanted = _SECONDS.match(req.params.get("refresh", ""))
    refresh = int(wanted[0]) if wanted else None
    return page(status_page(views, now, jobs=jobs, behind=behind, refresh=refresh), HEADERS)


async def _jobs(deployment: Deployment, pair: str) -> Mapping[str, int] | None:
    """Records in a pair's ledger by status, most frequent first; None if they cannot be counted in time."""
    try:
        async with asyncio.timeout(COUNTING):
            return await asyncio.to_thread(_counted, deployment, pair)
    except (HubswitchError, TimeoutError):
        return None


def _counted(deployment: Deployment, pair: str) -> Mapping[str, int]:
    found = Counter(summary.status.value for summary in deployment.world.ledgers[pair].summaries(pair))
    return dict(found.most_common())
