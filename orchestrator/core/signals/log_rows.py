"""What rows of Azure Monitor Logs say about one side: do its runs arrive and end well, do its endpoints answer.

Both are careful, because most failures in logs are their users' own. Whatever is too little to tell is no statement
but a sentence that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Observation
from orchestrator.core.signals.json_access import when, word

ENOUGH_REQUESTS = 10
"""Requests in a window below which a share of them says nothing."""

FAILED_SHARE = 0.5
PLATFORM_CODES = frozenset({500, 502, 503, 504})
"""Codes of the platform or the container. 424 is the model's own failure, 408 and 429 are capacity
(learn.microsoft.com, troubleshooting online endpoints)."""

ENOUGH_RUNS = 5
"""Runs that must have failed, or be waiting, with not one that ran well."""

PATIENCE = timedelta(minutes=15)
"""How long a run may wait for its compute: scaling up from nothing takes minutes."""

_WAITING = frozenset({"notstarted", "queued", "preparing", "provisioning", "starting"})
_WELL = frozenset({"running", "finalizing", "completed"})


class LogStatement(NamedTuple):
    """A statement, as of a moment at which the logs show it."""

    observation: Observation
    at: datetime
    why: str


class Group(NamedTuple):
    """Rows that were summarised: how many, and when the oldest and the newest were."""

    word: str
    number: int
    oldest: datetime
    newest: datetime


type Judged = LogStatement | str
"""A statement, or why there is none."""


def groups(rows: Iterable[Mapping[str, Any]], by: str, count: str) -> list[Group]:
    """The rows of a summary. Raises nothing: a row that cannot be read is left out."""
    found = []
    for row in rows:
        oldest, newest, number = _moment(row.get("Oldest")), _moment(row.get("Newest")), _number(row.get(count))
        if newest is not None and number:
            found.append(Group(word(str(row.get(by, ""))), number, oldest or newest, newest))
    return found


def traffic(found: list[Group]) -> Judged:
    """Whether scoring requests are answered, from their number by response code."""
    total = sum(group.number for group in found)
    if total < ENOUGH_REQUESTS:
        return f"{total} scoring requests are too few to tell"
    failed = [group for group in found if _number(group.word) in PLATFORM_CODES]
    count = sum(group.number for group in failed)
    if count >= total * FAILED_SHARE:
        codes = join_words(sorted(group.word for group in failed))
        why = f"{count} of {total} scoring requests were answered with {codes}"
        return LogStatement(Observation.BAD, max(group.newest for group in failed), why)
    why = f"{total - count} of {total} scoring requests were not failed by the platform"
    return LogStatement(Observation.OK, max(group.newest for group in found), why)


def runs(found: list[Group], now: datetime) -> Judged:
    """Whether runs arrive and end well, from the number of runs by the last status of each."""
    well = [group for group in found if group.word in _WELL]
    if well:
        count = sum(group.number for group in well)
        return LogStatement(Observation.OK, max(group.newest for group in well), f"{count} runs run, or ended well")
    failed = next((group for group in found if group.word == "failed"), None)
    if failed and failed.number >= ENOUGH_RUNS:
        why = f"all of the last {failed.number} runs that ended have failed"
        return LogStatement(Observation.BAD, failed.newest, why)
    waiting = [group for group in found if group.word in _WAITING]
    count = sum(group.number for group in waiting)
    if count >= ENOUGH_RUNS:
        since = min(group.oldest for group in waiting)
        if now - since >= PATIENCE:
            at = min(now, max(since + PATIENCE, *(group.newest for group in waiting)))
            return LogStatement(
                Observation.BAD, at, f"{count} runs wait and none has arrived for {PATIENCE.seconds // 60} min"
            )
    return f"{sum(group.number for group in found)} runs are too few to tell"


def _moment(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) and value.tzinfo else when(value)


def _number(value: Any) -> int:
    """A count or a code: the schema says int, samples compare with texts."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
