"""The status page as an answer: views of every pair, and how many jobs each ledger holds."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.decision_log import KeptPage
from orchestrator.core.decision.state import PairState
from orchestrator.standby.readiness import read_readiness
from orchestrator.triggers.answers import page
from orchestrator.triggers.callers import CallerRole, may_of
from orchestrator.triggers.lags import lags
from orchestrator.triggers.untold import Untold, untold_of
from orchestrator.web.guidance import APPROVE, OPERATE
from orchestrator.web.page import HEADERS, PageScope, home_page, number_in_full, status_page
from orchestrator.web.portal import portal_links
from orchestrator.web.views import Readable, decisions_view, pair_view
from orchestrator.workflows.activities.decision_log import read_page

_SECONDS = re.compile(r"^[0-9]{1,4}$")

DEEDS = {CallerRole.OPERATOR: OPERATE, CallerRole.APPROVER: APPROVE}
"""Which buttons a role is shown."""

ASKED = ("headline", "needs_a_person", "proposal")
"""Fields of a pair's line that know of runs which wait for a person at a step; its state knows nothing of them."""

DECIDED = 5
"""Decisions on the page."""

COUNTING = 2.0
"""Seconds in which the ledgers must have been counted; the page comes without their numbers if they are not."""


def home(deployment: Deployment) -> Callable[[func.HttpRequest], func.HttpResponse]:
    """``GET /``: the page that asks for the status page by a script. It holds nothing of any pair."""

    def handler(req: func.HttpRequest) -> func.HttpResponse:
        del req
        told, headers = home_page(sign_in=deployment.settings.signed_in_header)
        return page(told, dict(headers))

    return handler


async def answer_page(
    deployment: Deployment,
    req: func.HttpRequest,
    lines: Sequence[Mapping[str, Any]],
    states: Mapping[str, Readable],
    unread: Sequence[Mapping[str, Any]] | None,
    waiting: Untold,
) -> func.HttpResponse:
    """The page for every pair in one line, in that order; the first of them in full.

    ``pair=vision`` in the query shows one alone, and ``refresh=15`` makes the page load itself again.
    """
    now = deployment.clock.now()
    order = [str(line["pair"]) for line in lines[: number_in_full(len(lines))]]
    views = [
        pair_view(deployment.plans[pair], states[pair], now)
        | {name: line[name] for name in ASKED if name in line}
        | {"untold": untold_of(waiting, pair), "portal": portal_links(deployment.plans[pair])}
        for pair, line in zip(order, lines, strict=False)
    ]
    counted, trends, decided = await asyncio.gather(  # at once: a ledger that hangs costs its time only once
        asyncio.gather(*(_jobs(deployment, pair) for pair in order)),
        asyncio.gather(*(_read_trend(deployment, pair) for pair in order)),
        asyncio.gather(*(_read_decisions(deployment, pair, states[pair]) for pair in order)),
    )
    views = [view | {"trend": trend} for view, trend in zip(views, trends, strict=True)]
    jobs, decisions = dict(zip(order, counted, strict=True)), dict(zip(order, decided, strict=True))
    behind = await lags(deployment, order, states)
    wanted = _SECONDS.match(req.params.get("refresh", ""))
    refresh = int(wanted[0]) if wanted else None
    may = frozenset(DEEDS[role] for role in may_of(req, deployment.settings) if role in DEEDS)
    scope = PageScope(may=may, lines=lines, only="pair" in req.params, refresh=refresh)
    told = status_page(views, now, jobs=jobs, behind=behind, decisions=decisions, unread=unread, scope=scope)
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


async def _read_trend(deployment: Deployment, pair: str) -> Sequence[Mapping[str, Any]]:
    """The looks at a pair's standby, oldest first; none if the ledger cannot be read in time."""
    with suppress(HubswitchError, TimeoutError):
        async with asyncio.timeout(COUNTING):
            found = await asyncio.to_thread(lambda: read_readiness(deployment.world.ledgers[pair], pair))
            return to_builtins(found.history) if found else []
    return []


def _count_jobs(deployment: Deployment, pair: str) -> Mapping[str, int]:
    found = Counter(summary.status.value for summary in deployment.world.ledgers[pair].summaries(pair))
    return dict(found.most_common())
