"""The runs, drills and recoveries of a pair that have ended, as its ledger keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

from orchestrator.core.base.codec import Moment, Value, decode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.decision.run_start import RUN_END
from orchestrator.core.ledger_paths import drills_folder, recoveries_folder, runs_folder
from orchestrator.ports import Ledger
from orchestrator.workflows.messages import BatchReport, DrillReport, RunSummary, drill_run_id, drill_time
from orchestrator.workflows.recovery_messages import RecoveryReport

_EPOCH = re.compile(rf"-{RUN_END}/summary\.json$")


class RunLine(Value, kw_only=True):
    """One run, drill or recovery, for people."""

    id: str
    """As ``GET runs/{id}`` takes it."""

    pair: str
    kind: Literal["failover", "failback", "drill", "recover"]
    epoch: int | None
    """None for a drill or a recovery, which claim none."""

    outcome: str
    """``completed``, ``superseded`` or ``failed``; ``running`` for one that has not ended."""

    why: str
    at: Moment
    """When it was decided, or asked for."""

    jobs: BatchReport | None = None


def list_past_runs(ledger: Ledger, pair: str, limit: int) -> list[RunLine]:
    """The newest runs, drills and recoveries that have ended, newest first; at most ``limit``.

    Raises:
        HubswitchError: the ledger cannot be read, or one of them is not of a shape that this version knows.
    """
    runs = sorted(summary_paths(ledger, pair), key=_epoch_and_attempt)[-limit:]
    drills = sorted(ledger.names(drills_folder(pair)))[-limit:]
    recoveries = ledger.names(recoveries_folder(pair))
    found = [*map(_past_run, read_summaries(ledger, runs)), *_past_drills(ledger, drills)]
    found += _past_recoveries(ledger, recoveries)
    return sorted(found, key=lambda run: run.at, reverse=True)[:limit]


def summary_paths(ledger: Ledger, pair: str) -> Iterator[str]:
    """Where the summaries of a pair's runs are, in order of name."""
    return (path for path in ledger.names(runs_folder(pair)) if path.endswith("/summary.json"))


def read_summaries(ledger: Ledger, paths: Iterable[str]) -> Iterator[RunSummary]:
    """The summaries at these paths.

    Raises:
        HubswitchError: the ledger cannot be read, or one of them is not of a shape that this version knows.
    """
    return (decode(data, RunSummary, path) for path in paths if (data := ledger.get(path)))


def _epoch_and_attempt(path: str) -> tuple[int, int]:
    """What runs are ordered by: their names alone would put epoch 10 before epoch 9."""
    found = _EPOCH.search(path)
    return (int(found["epoch"]), int(found["attempt"] or 0)) if found else (0, 0)


def _past_run(summary: RunSummary) -> RunLine:
    same = {name: getattr(summary, name) for name in ("pair", "kind", "epoch", "outcome", "why", "jobs")}
    return RunLine(id=summary.run, at=summary.milestones.decided_at, **same)


def _past_drills(ledger: Ledger, paths: Iterable[str]) -> Iterator[RunLine]:
    return (_past_drill(decode(data, DrillReport, path), path) for path in paths if (data := ledger.get(path)))


def _past_drill(report: DrillReport, path: str) -> RunLine:
    failed = [finding for finding in report.findings if not finding.ok]
    told = "; ".join(f"{finding.check}: {finding.why}" for finding in failed) or "every check passed"
    return RunLine(
        id=drill_run_id(report.pair, report.drill),
        pair=report.pair,
        kind="drill",
        epoch=None,
        outcome="completed" if report.ok else "failed",
        why=f"{report.kind}, {report.reason}: {told}",
        at=_drill_time(report.drill, path),
    )


def _past_recoveries(ledger: Ledger, paths: Iterable[str]) -> Iterator[RunLine]:
    """All of them: their names say nothing of time, and there are few."""
    for path in paths:
        if data := ledger.get(path):
            report = decode(data, RecoveryReport, path)
            yield RunLine(
                id=report.run,
                pair=report.pair,
                kind="recover",
                epoch=None,
                outcome=report.outcome,
                why=f"{report.reason}: {report.why}",
                at=report.asked_at,
            )


def _drill_time(drill: str, path: str) -> datetime:
    try:
        return drill_time(drill)
    except ValueError:
        raise InvalidInput(path, "drill", "a time such as 20260301t120000000000", repr(drill)[:100]) from None
