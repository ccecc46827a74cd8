"""Sorting what was delivered: which pair it concerns, and whether it is a signal, a job or nothing.

A delivery never decides anything; it is handed to the entity, or names jobs to look at.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import batched
from typing import NamedTuple

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.observation import Observed
from orchestrator.core.evidence.incident import IncidentNotice, notice_of
from orchestrator.core.plan.schema import Plan, side_of
from orchestrator.core.signals.facts import ElementKind, Fact
from orchestrator.core.signals.ownership import Directory, attribute, touches
from orchestrator.core.signals.signal import Signal
from orchestrator.ports import Engine
from orchestrator.workflows import calls
from orchestrator.workflows.messages import CaptureOrder, NoticeOrder

JOBS_AT_ONCE = 500
"""Jobs of one delivery that one capture run is given."""


class Intake(NamedTuple):
    """What a delivery comes to."""

    signals: Mapping[str, tuple[Signal, ...]]
    """By pair."""

    captures: tuple[CaptureOrder, ...]
    ignored: int
    invalid: tuple[str, ...]
    """Why each element that could not be understood was not."""

    unknown: tuple[tuple[str, ...], ...]
    """For each element with words that no table knows: these words."""

    touched: frozenset[str]
    """Pairs of which somebody changed something."""

    deleted: frozenset[str]
    """Those of them of which somebody deleted something."""

    notices: Mapping[str, tuple[IncidentNotice, ...]]
    """By pair: messages of Service Health about incidents, for the reports of runs."""


def route(plans: Directory, facts: Iterable[Fact], received: datetime) -> Intake:
    """What was delivered, by pair. ``received`` stands in for the time of what does not say when it happened."""
    signals: dict[str, list[Signal]] = defaultdict(list)
    jobs: dict[tuple[str, Role, str], dict[str, None]] = defaultdict(dict)
    ignored = 0
    invalid: list[str] = []
    unknown: list[tuple[str, ...]] = []
    touched: set[str] = set()
    deleted: set[str] = set()
    notices: dict[str, dict[str, IncidentNotice]] = defaultdict(dict)
    for fact in facts:
        parsed = fact.parsed
        if parsed.kind is ElementKind.INVALID:
            invalid.append(parsed.why)
            continue
        if fact.details.unknown:
            unknown.append(fact.details.unknown)
        concerned = False
        for plan in plans.find_concerned(fact):
            found = attribute(fact, plan, received)
            signals[plan.pair].extend(found)
            side = side_of(plan, parsed.target) if parsed.kind is ElementKind.JOB and parsed.target else None
            if side and fact.details.run:
                jobs[plan.pair, side, fact.details.run_status or ""][fact.details.run] = None
            if notice := notice_of(fact, plan, received):
                notices[plan.pair].setdefault(notice.id, notice)
            changed = touches(fact, plan)
            touched.update([plan.pair] if changed else [])
            deleted.update([plan.pair] if changed and fact.details.is_deletion else [])
            concerned = concerned or bool(found) or side is not None or changed
        ignored += not concerned
    return Intake(
        signals={pair: tuple(found) for pair, found in signals.items() if found},
        captures=tuple(
            CaptureOrder(pair=pair, side=side, jobs=chunk, told=told)
            for (pair, side, told), names in jobs.items()
            for chunk in batched(names, JOBS_AT_ONCE, strict=False)
        ),
        ignored=ignored,
        invalid=tuple(invalid),
        unknown=tuple(unknown),
        touched=frozenset(touched),
        deleted=frozenset(deleted),
        notices={pair: tuple(each.values()) for pair, each in notices.items()},
    )


SIGNALS_AT_ONCE = 500
"""Signals of one operation of an entity. Thousands at once would keep everybody else waiting while they are encoded."""


async def hand_over(engine: Engine, plans: Mapping[str, Plan], found: Intake, now: datetime) -> None:
    """Give signals to their pairs' entities, side by side, and job names to capture runs."""
    limit = asyncio.Semaphore(calls.AT_ONCE)

    async def signal(pair: str) -> None:
        async with limit:
            told = found.signals[pair]
            for at in range(0, len(told), SIGNALS_AT_ONCE):
                await calls.observe(engine, pair, Observed(now=now, signals=told[at : at + SIGNALS_AT_ONCE]))

    await asyncio.gather(*(signal(pair) for pair in found.signals))
    await calls.capture(engine, plans, found.captures)

    async def keep(pair: str) -> None:
        async with limit:
            await calls.keep_notices(engine, NoticeOrder(pair=pair, notices=found.notices[pair]))

    await asyncio.gather(*(keep(pair) for pair in found.notices))
