"""What is kept of looks at a standby: the last result, its score over time, and why the last try failed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.core.base.codec import SCHEMA, Moment, Value, to_builtins
from orchestrator.core.base.text import truncate
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.standing import EVERY, SOONER, ReadinessStanding
from orchestrator.core.standby.inventory import as_object, dig
from orchestrator.core.standby.readiness import Finding, Readiness, Severity, read_time
from orchestrator.core.standby.readiness_checks import NEVER_SYNCED
from orchestrator.core.standby.tier_readiness import ByPlan

HISTORY = 96
"""Scores that are kept: two days of looks, if nothing is changed meanwhile."""

FINDINGS = 500
"""Findings that are kept, the worst. A pair with more of them has something else to do than to read them all."""


class Scored(Value, kw_only=True):
    """One look's score."""

    at: Moment
    score: int
    ready: bool


class FailedLook(Value, kw_only=True):
    """A look that could not be done."""

    at: Moment
    why: str


class ReadinessRecord(Value, kw_only=True):
    """The blob ``<pair>/readiness.json``."""

    schema: int = SCHEMA
    pair: str
    active: Role | None = None
    """The side that was active at the last look that was done."""

    as_of: Moment | None = None
    """When it began; None before the first one."""

    ready: bool = False
    score: int = 0
    checks: int = 0
    findings: tuple[Finding, ...] = ()
    kept: tuple[str, ...] = ()
    """Keys of the active side's inventory that could not be read, and stand as they were read before."""

    by_plan: tuple[ByPlan, ...] = ()
    """What differs from the active side because the plan's `standby` says so."""

    history: tuple[Scored, ...] = ()
    """Newest last."""

    failed: FailedLook | None = None
    """The last try, if it failed."""


class KeptInventory(Value, kw_only=True):
    """The blob ``<pair>/readiness/inventory.json``."""

    schema: int = SCHEMA
    at: Moment
    project: str
    """ARM id of the project that it is of, in lower case: sides may be exchanged."""

    inventory: dict[str, Any]


def sync_times(inventory: Mapping[str, Any]) -> dict[str, datetime]:
    """When storage last replicated each account of an inventory to its other region, for those that it replicates."""
    found: dict[str, datetime] = {}
    for name, account in as_object(inventory.get("data_accounts")).items():
        synced = read_time(dig(account, "properties.geoReplicationStats.lastSyncTime"))
        if synced is not None and synced.year >= NEVER_SYNCED:
            found[name] = synced
    return found


def after_look(
    before: ReadinessRecord | None,
    pair: str,
    active: Role,
    at: datetime,
    found: Readiness,
    kept: tuple[str, ...],
    by_plan: tuple[ByPlan, ...] = (),
) -> ReadinessRecord:
    """The record after a look. One that began earlier than the one that is kept changes nothing."""
    if before is not None and before.as_of is not None and before.as_of > at:
        return before
    history = before.history if before is not None and before.active is active else ()
    return ReadinessRecord(
        pair=pair,
        active=active,
        as_of=at,
        ready=found.ready,
        score=found.score,
        checks=found.checks,
        findings=found.findings[:FINDINGS],
        kept=kept,
        by_plan=by_plan[:FINDINGS],
        history=(*history, Scored(at=at, score=found.score, ready=found.ready))[-HISTORY:],
    )


def after_failure(before: ReadinessRecord | None, pair: str, at: datetime, why: str) -> ReadinessRecord:
    """The record after a look that could not be done: the old result stands, with its age."""
    return msgspec.structs.replace(before or ReadinessRecord(pair=pair), failed=FailedLook(at=at, why=truncate(why)))


def make_standing(active: Role, at: datetime, found: Readiness, plan: str, *, lacks: bool) -> ReadinessStanding:
    """What all stamps are to know. ``lacks``: something could not be read for the time being; it is read again soon.

    ``plan``: the mark of the plan.
    """
    return ReadinessStanding(
        at=at,
        active=active,
        ready=found.ready,
        score=found.score,
        why="" if found.ready else truncate(describe_worst(found)),
        due_at=at + (SOONER if lacks else EVERY),
        plan=plan,
    )


def describe_worst(found: Readiness) -> str:
    """The findings that keep a standby from being ready, the worst in words."""
    blocking = [each for each in found.findings if each.severity is Severity.BLOCK]
    first = next(iter(blocking or found.findings), None)
    if first is None:
        return "something could not be read"
    more = len(blocking) - 1
    values = f" (primary {first.primary or '-'}, secondary {first.secondary or '-'})"
    told = f"{first.path}: {first.what}{values if first.primary or first.secondary else ''}"
    return f"{told}; and {more} more" if more > 0 else told


DELETED = 28
"""The check that is about what was deleted."""


def with_deletion(view: dict[str, Any], standing: ReadinessStanding | None) -> dict[str, Any]:
    """The same view, red where the look that it shows found the standby ready and a deletion there is told."""
    as_of = view["as_of"]
    if standing is None or standing.ready or not view["ready"] or as_of is None or standing.at < as_of:
        return view
    finding = Finding(
        check=DELETED,
        severity=Severity.BLOCK,
        path="deleted",
        what=standing.why,
        primary="",
        secondary="",
        fix=f"hubswitch recover {view['pair']}",
    )
    return view | {"ready": False, "findings": [to_builtins(finding), *view["findings"]]}


def view_of(record: ReadinessRecord | None, pair: str, now: datetime) -> dict[str, Any]:
    """What ``GET pairs/{pair}/readiness`` answers. ``ready`` is null if nobody has looked yet."""
    record = record or ReadinessRecord(pair=pair)
    looked = record.as_of is not None
    return {
        "pair": pair,
        "ready": record.ready if looked else None,
        "score": record.score if looked else None,
        "checks": record.checks,
        "findings": to_builtins(record.findings),
        "active": record.active,
        "as_of": record.as_of,
        "age_s": max(0, round((now - record.as_of).total_seconds())) if record.as_of else None,
        "kept": list(record.kept),
        "by_plan": to_builtins(record.by_plan),
        "trend": to_builtins(record.history),
        "failed": to_builtins(record.failed),
    }
