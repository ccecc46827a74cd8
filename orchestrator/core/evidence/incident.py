"""What Service Health said of the incident that a run answered, and how much earlier hubswitch saw it.

A message belongs to a run if it names, for a service that the pair uses, the region that the run left, and if the time
of its incident overlaps with the run. A message that names no region or no service belongs to a run if another message
with its tracking id does. An incident that follows another has a tracking id of its own, so several may belong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.regions import GLOBAL
from orchestrator.core.base.services import service_key, service_keys
from orchestrator.core.base.text import format_duration, format_time
from orchestrator.core.base.vocabulary import EvidenceClass, Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.facts import Fact, NoticeStep
from orchestrator.core.signals.json_access import digest_of

CLAIMED_LATE = timedelta(hours=3)
"""How long after the end of a run the claimed beginning of its incident may be. Microsoft revises it by hours."""

OPEN_FOR = timedelta(hours=24)
"""How long an incident is taken to last after its newest message, if no message gives its end."""

SAME_UPDATE = timedelta(minutes=15)
"""How far the times of one update may lie apart, as it was delivered and as it is listed. The first is when Azure wrote
it into the activity log, the second when it was published; how much later the first is, is not documented."""

MOST = 100
"""Messages of one report: the first, and the newest."""


class IncidentNotice(Value, kw_only=True):
    """One message about an incident, as it is kept for a pair."""

    id: str
    """Equal for two deliveries of the same message."""

    tracking: str
    step: NoticeStep
    title: str
    text: str
    published_at: Moment
    received_at: Moment
    impact_start: Moment | None
    impact_end: Moment | None
    services: tuple[str, ...]
    regions: tuple[str, ...]
    touches: tuple[str, ...]
    """Those of the regions that are the pair's, or ``global``, for a service that the pair uses. Empty where the
    message names no region or no service: then its tracking id alone says what it is about."""

    polled: bool = False
    """Whether a poll has found it; False of one that was delivered."""


class RunTimes(NamedTuple):
    """The part of a run that is compared with an incident."""

    region: str
    """The region that was left."""

    begun: datetime
    """First bad evidence; where there was none, suspicion or decision."""

    suspected_at: datetime | None
    decided_at: datetime
    ended: datetime


class RunIncident(Value, kw_only=True):
    """The incident that a run answered, as Service Health told it. ``incident`` in ``evidence.json``."""

    region: str
    tracking: tuple[str, ...]
    suspected_at: Moment | None
    decided_at: Moment
    first_notice_at: Moment
    """When Azure published its first message."""

    impact_start: Moment | None
    impact_end: Moment | None
    """As the newest message that names them claims."""

    suspected_before_notice_s: float | None
    decided_before_notice_s: float
    """Seconds by which hubswitch was earlier than the first message; negative if it was later."""

    decided_after_impact_s: float | None
    """Seconds from the claimed beginning of the impact to the decision."""

    why: str
    """The same as one sentence."""

    notices: tuple[IncidentNotice, ...]
    """Oldest first."""


def notice_of(fact: Fact, plan: Plan, received: datetime, *, polled: bool = False) -> IncidentNotice | None:
    """The message as it is kept for a pair; None if it is about no incident, or about other regions or services."""
    parsed, details = fact.parsed, fact.details
    said = details.incident
    if parsed.evidence_class is not EvidenceClass.NOTICE or said is None or details.tracking is None:
        return None
    ours = {plan.side(role).region for role in Role} | {GLOBAL}
    named = [(name, regions) for name, regions in details.places if name]
    used = service_keys(plan.services)
    touches = {region for name, regions in named if service_key(name) in used for region in regions} & ours
    if parsed.regions and not ours & set(parsed.regions):
        return None
    if named and not any(service_key(name) in used for name, _ in named):
        return None
    if not touches and parsed.regions and named:
        return None
    return IncidentNotice(
        id=digest_of(parsed.dedupe_key),
        tracking=details.tracking,
        step=said.step,
        title=said.title,
        text=said.text,
        published_at=parsed.occurred_at or received,
        received_at=received,
        impact_start=said.impact_start,
        impact_end=said.impact_end,
        services=tuple(name for name, _ in named),
        regions=parsed.regions,
        touches=tuple(sorted(touches)),
        polled=polled,
    )


def select_new(kept: Iterable[IncidentNotice], found: Sequence[IncidentNotice]) -> list[IncidentNotice]:
    """Those of the found messages that are to be kept beside what is kept.

    A poll lists whatever concerns the subscription. Of that a message without a region or a service is kept only if
    another one says that its incident touches the pair.
    """
    ids, known = set[str](), set[str]()
    for each in kept:
        ids.add(each.id)
        known.update([each.tracking] if each.touches else [])
    known |= {each.tracking for each in found if each.touches}
    return [each for each in found if each.id not in ids and (each.tracking in known or not each.polled)]


def find_incident(times: RunTimes, notices: Iterable[IncidentNotice]) -> RunIncident | None:
    """What belongs to a run of these messages of its pair; None if nothing does."""
    by_tracking = groupby(sorted(notices, key=_order), key=lambda each: each.tracking)
    series = [_merge(list(each)) for _, each in by_tracking]
    found = sorted((each for one in series if _belongs(one, times) for each in one), key=_order_in_time)
    if not found:
        return None
    first, start = found[0].published_at, _newest_claim(found, "impact_start")
    return RunIncident(
        region=times.region,
        tracking=tuple(dict.fromkeys(each.tracking for each in found)),
        suspected_at=times.suspected_at,
        decided_at=times.decided_at,
        first_notice_at=first,
        impact_start=start,
        impact_end=_newest_claim(found, "impact_end"),
        suspected_before_notice_s=(first - times.suspected_at).total_seconds() if times.suspected_at else None,
        decided_before_notice_s=(first - times.decided_at).total_seconds(),
        decided_after_impact_s=(times.decided_at - start).total_seconds() if start else None,
        why=_describe(times, first, start, found[-1]),
        notices=tuple(found if len(found) <= MOST else [found[0], *found[1 - MOST :]]),
    )


def _merge(series: Sequence[IncidentNotice]) -> list[IncidentNotice]:
    """Messages of one tracking id without those that were delivered and polled, which are one with the earlier time."""
    delivered = [each for each in series if not each.polled]
    merged = list(delivered)
    for each in series:
        if not each.polled:
            continue
        same = [number for number, other in enumerate(delivered) if _is_same(each, other)]
        if same:
            nearest = min(same, key=lambda number: abs(delivered[number].published_at - each.published_at))
            first = min(merged[nearest].published_at, each.published_at)
            merged[nearest] = msgspec.structs.replace(merged[nearest], published_at=first)
        else:
            merged.append(each)
    return sorted(merged, key=_order)


def _is_same(polled: IncidentNotice, delivered: IncidentNotice) -> bool:
    apart = abs(polled.published_at - delivered.published_at)
    return polled.step is delivered.step and apart <= SAME_UPDATE


def _order(notice: IncidentNotice) -> tuple[str, datetime, str]:
    return notice.tracking, notice.published_at, notice.id


def _order_in_time(notice: IncidentNotice) -> tuple[datetime, str]:
    return notice.published_at, notice.id


def _belongs(series: Sequence[IncidentNotice], times: RunTimes) -> bool:
    """Whether messages of one tracking id, oldest first, are about the region and the time of a run."""
    if not any({times.region, GLOBAL} & set(each.touches) for each in series):
        return False
    starts = [each.impact_start for each in series if each.impact_start]
    begun = min([*starts, series[0].published_at])
    return begun <= times.ended + CLAIMED_LATE and _find_end(series, begun) >= times.begun


def _find_end(series: Sequence[IncidentNotice], begun: datetime) -> datetime:
    """When it was over. The end that a message names while the incident goes on is a guess and is not used."""
    over = [each for each in series if each.step is not NoticeStep.ACTIVE]
    claimed = _newest_claim(over, "impact_end")
    if claimed is not None:
        return claimed
    if resolved := [each.published_at for each in over if each.step is NoticeStep.RESOLVED]:
        return max(resolved)
    active = [each.published_at for each in series if each.step is NoticeStep.ACTIVE]
    return max([begun, *active]) + OPEN_FOR


def _newest_claim(notices: Iterable[IncidentNotice], name: str) -> datetime | None:
    claims: list[datetime] = [found for each in notices if (found := getattr(each, name)) is not None]
    return claims[-1] if claims else None


def _describe(times: RunTimes, first: datetime, start: datetime | None, newest: IncidentNotice) -> str:
    decided = f"hubswitch decided at {format_time(times.decided_at)}"
    if times.suspected_at is not None:
        decided = f"hubswitch suspected {times.region} at {format_time(times.suspected_at)} and decided at "
        decided += format_time(times.decided_at)
    lead = first - times.decided_at
    order = "before" if lead >= timedelta() else "after"
    told = f"{decided}, {format_duration(abs(lead))} {order} Azure's first notice ({format_time(first)})"
    if start is not None:
        told = f"{told}; Azure says that the impact began at {format_time(start)}"
    withdrawn = newest.step is NoticeStep.WITHDRAWN
    return f"{told}; Azure has withdrawn the notice as a false positive" if withdrawn else told
