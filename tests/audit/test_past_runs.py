"""What has run is listed from the ledger, newest first, and only as far back as was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.ledger import BlobLedger
from orchestrator.audit.past_runs import list_past_runs
from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.ledger_paths import summary_path
from orchestrator.workflows.messages import (
    BatchReport,
    DrillFinding,
    DrillKind,
    DrillReport,
    Milestones,
    RunSummary,
)

T = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(container: Container) -> BlobLedger:
    return BlobLedger(container)


def keep_run(ledger: BlobLedger, epoch: int, again: str = "", **fields: object) -> str:
    """A failover at noon and as many hours as its epoch."""
    run = f"failover-demo-e{epoch}{again}"
    summary = RunSummary(
        pair="demo",
        run=run,
        kind="failover",
        epoch=epoch,
        outcome="completed",
        why="all moved",
        jobs=BatchReport(resubmitted=epoch),
        milestones=Milestones(decided_at=T + timedelta(hours=epoch)),
    )
    ledger.put_once(summary_path("demo", run), encode(msgspec.structs.replace(summary, **fields)))
    return run


def keep_drill(ledger: BlobLedger, at: datetime, *, ok: bool) -> str:
    name = at.strftime("%Y%m%dt%H%M%S%f")
    findings = (DrillFinding(check="epoch", ok=True, why="0"), DrillFinding(check="jobs", ok=ok, why="unread"))
    report = DrillReport(
        pair="demo", drill=name, kind=DrillKind.DRY, ok=ok, findings=findings, by="ana", reason="monthly"
    )
    ledger.put_once(f"demo/drills/{name}.json", encode(report))
    return f"drill-demo-{name}"


def test_a_pair_without_runs_has_none(ledger: BlobLedger) -> None:
    """Also where the ledger has no container yet."""
    assert list_past_runs(ledger, "demo", 5) == []


def test_the_newest_come_first_by_epoch_and_not_by_name(ledger: BlobLedger) -> None:
    """The tenth epoch is newer than the ninth, and a second attempt than the first."""
    runs = [keep_run(ledger, epoch) for epoch in (1, 2, 9, 10)]
    again = keep_run(ledger, 10, "-again1", milestones=Milestones(decided_at=T + timedelta(hours=10, minutes=1)))
    ledger.put_once(f"demo/runs/{again}/round-1.json", b"{}")
    assert [run.id for run in list_past_runs(ledger, "demo", 3)] == [again, runs[3], runs[2]]
    assert len(list_past_runs(ledger, "demo", 200)) == 5


def test_drills_stand_between_the_runs(ledger: BlobLedger) -> None:
    """With what failed in them; a drill claims no epoch."""
    first, second = keep_run(ledger, 1), keep_run(ledger, 2)
    failed = keep_drill(ledger, T + timedelta(hours=1, minutes=30), ok=False)
    passed = keep_drill(ledger, T + timedelta(hours=3), ok=True)
    found = list_past_runs(ledger, "demo", 9)
    assert [run.id for run in found] == [passed, second, failed, first]
    assert [(run.kind, run.outcome, run.epoch) for run in found[:3]] == [
        ("drill", "completed", None),
        ("failover", "completed", 2),
        ("drill", "failed", None),
    ]
    assert found[0].why == "dry, monthly: every check passed"
    assert found[2].why == "dry, monthly: jobs: unread"


def test_a_drill_of_a_name_that_is_no_time_is_told(ledger: BlobLedger) -> None:
    """Somebody else's file in the ledger is named, not guessed at."""
    report = DrillReport(pair="demo", drill="spring", kind=DrillKind.DRY, ok=True, findings=())
    ledger.put_once("demo/drills/spring.json", encode(report))
    with pytest.raises(InvalidInput, match="drills/spring"):
        list_past_runs(ledger, "demo", 9)
