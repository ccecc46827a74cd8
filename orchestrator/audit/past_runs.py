"""The runs and drills of a pair that have ended, as its ledger keeps them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from orchestrator.core.base.codec import Moment, Value, decode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.ports import Ledger
from orchestrator.workflows.messages import BatchReport, DrillReport, RunSummary

_EPOCH = re.compile(r"-e(\d+)(?:-again(\d+))?/summary\.json$")
_DRILL_TIME = "%Y%m%dt%H%M%S%f"
"""How a drill is named: the moment at which it was asked for, with microseconds, in UTC."""


class RunLine(Value, kw_only=True):
    """One run or drill, for people."""

    id: str
    """As ``GET runs/{id}`` takes it."""

    pair: str
    kind: Literal["failover", "failback", "drill"]
    epoch: int | None
    """None for a drill, which claims none."""

    outcome: str
    """``completed``, ``superseded`` or ``failed``; ``running`` for one that has not ended."""

    why: str
    at: Moment
    """When it was decided, or asked for."""

    jobs: BatchReport | None = None


def list_past_runs(ledger: Ledger, pair: str, limit: int) -> list[RunLine]:
    """The newest runs and drills that have ended, newest first; at most ``limit``.

    Raises:
        HubswitchError: the ledger cannot be read, or one of them is not of a shape that this version knows.
    """
    ended = [path for path in ledger.names(f"{pair}/runs/") if _EPOCH.search(path)]
    found = _read(ledger, sorted(ended, key=_epoch_and_attempt)[-limit:], _past_run)
    found += _read(ledger, sorted(ledger.names(f"{pair}/drills/"))[-limit:], _past_drill)
    return sorted(found, key=lambda run: run.at, reverse=True)[:limit]


def _read(ledger: Ledger, paths: list[str], read: Callable[[bytes, str], RunLine]) -> list[RunLine]:
    return [read(data, path) for path in paths if (data := ledger.get(path))]


def _epoch_and_attempt(path: str) -> tuple[int, int]:
    """What runs are ordered by: their names alone would put epoch 10 before epoch 9."""
    found = _EPOCH.search(path)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def _past_run(data: bytes, path: str) -> RunLine:
    summary = decode(data, RunSummary, path)
    same = {name: getattr(summary, name) for name in ("pair", "kind", "epoch", "outcome", "why", "jobs")}
    return RunLine(id=summary.run, at=summary.milestones.decided_at, **same)


def _past_drill(data: bytes, path: str) -> RunLine:
    report = decode(data, DrillReport, path)
    failed = [finding for finding in report.findings if not finding.ok]
    told = "; ".join(f"{finding.check}: {finding.why}" for finding in failed) or "every check passed"
    return RunLine(
        id=f"drill-{report.pair}-{report.drill}",
        pair=report.pair,
        kind="drill",
        epoch=None,
        outcome="completed" if report.ok else "failed",
        why=f"{report.kind}, {report.reason}: {told}",
        at=_drill_time(report.drill, path),
    )


def _drill_time(drill: str, path: str) -> datetime:
    try:
        return datetime.strptime(drill, _DRILL_TIME).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput(path, "drill", "a time such as 20260301t120000000000", repr(drill)[:100]) from None
