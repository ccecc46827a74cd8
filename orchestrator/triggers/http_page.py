"""The status page as an answer: views of every pair, and how many jobs each ledger holds."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.decision_log import KeptPage
from orchestrator.core.decision.state import PairState
from orchestrator.triggers.answers import page
from orchestrator.triggers.lags import lags
from orchestrator.web.page import HEADERS, status_page
from orchestrator.web.views import Readable, decisions_view, pair_view
from orchestrator.workflows.activities.decision_log import read_page

_SECONDS = re.compile(r"^[0-9]{1,4}$")

DECIDED = 5
"""Decisions on the page."""

COUNTING = 2.0
"""Seconds in which the ledgers must have been counted; the page comes without their numbers if they are not."""


async def answer_page(
    deployment: Deployment,
    req: func.HttpRequest,
    order: Sequence[str],
    states: Mapping[str, Readable],
    unread: Sequence[Mapping[str, Any]] | None,
) -> func.HttpResponse:
    """The page for a list of pairs, in that order. ``refresh=15`` in the query makes it load itself again."""
    now = deployment.clock.now()
    views = [pair_view(deployment.plans[pair], states[pair], now) for pair in order]
    jobs = dict(zip(order, await asyncio.gather(*(_jobs(deployment, pair) for pair in order)), strict=True))
    behind = await lags(deployment, order, states)
    decided = await asyncio.gather(*(_read_decisions(deployment, pair, states[pair]) for pair in order))
    decisions = dict(zip(order, decided, strict=True))
    wanted = _SECONDS.match(req.params.get("refresh", ""))
    refresh = int(wanted[0]) if wanted else None
    told = status_page(views, now, jobs=jobs, behind=behind, decisions=decisions, unread=unread, refresh=refresh)
    return page(told, HEADERS)


async def _jobs(deployment: Deployment, pair: str) -> Mapping[str, int] | None:
    """Records in a pair's ledger by status, most frequent first; None if they cannot be counted in time."""
    try:
        async with asyncio.timeout(COUNTING):
            return await asyncio.to_thread(_count_jobs, deployment, pair)
    except (HubswitchError, TimeoutError):
        return None


async def _read_decisions(deployment: Deployment, pair: str, state: Readable) -> list[Mapping[str, Any]]:
    """The last few decisions; of those in the ledger none if it cannot be read in time."""
    page = KeptPage()
    with suppress(HubswitchError, TimeoutError):
        async with asyncio.timeout(COUNTING):
            page = await asyncio.to_thread(lambda: read_page(deployment.world.ledgers[pair], pair))
    latest = state.latest if isinstance(state, PairState) else None
    found: list[Mapping[str, Any]] = decisions_view(pair, page, latest, DECIDED)["decisions"]
    return found


def _count_jobs(deployment: Deployment, pair: str) -> Mapping[str, int]:
    found = Counter(summary.status.value for summary in deployment.world.ledgers[pair].summaries(pair))
    return dict(found.most_common())
