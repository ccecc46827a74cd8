"""What an evidence page shows of the time before: the newest evidence of the same pair, runs and drills together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.ledger import BlobLedger
from orchestrator.audit.evidence import read_earlier, run_named
from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.evidence.document import (
    NO_JOBS,
    DecidedOn,
    Outcome,
    RunEvidence,
    TargetsMet,
)
from orchestrator.core.ledger_paths import evidence_path

T = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def world(container: Container) -> Any:
    return SimpleNamespace(ledgers={"demo": BlobLedger(container)})


def keep(world: Any, run: str, at: datetime, pair: str = "demo") -> None:
    made = RunEvidence(
        pair=pair,
        run=run,
        kind=run.partition("-")[0],
        outcome=Outcome.SUCCEEDED,
        plan_sha256=None,
        version="1",
        started_at=at,
        ended_at=at,
        phases=(),
        targets=TargetsMet(rto_s=None, rpo_s=None, rto_met=None, rpo_met=None),
        rpo=(),
        decision=DecidedOn(rule=None, why="", evidence=()),
        approvals=(),
        jobs=NO_JOBS,
        steps=(),
        readiness_before=None,
        findings=(),
        audit_head=None,
    )
    world.ledgers["demo"].put_once(evidence_path(pair, run), encode(made))


def earlier(world: Any, run: str, before: datetime, limit: int = 12) -> list[str]:
    name = run_named(run, {"demo"})
    assert name is not None
    return [each.run for each in read_earlier(world, name, before, limit)]


def test_the_newest_come_first_and_no_more_than_asked_for(world: Any) -> None:
    """Epoch 10 is newer than epoch 9, and a drill between two runs stands between them."""
    for epoch in (8, 9, 10, 11):
        keep(world, f"failover-demo-e{epoch}", T + timedelta(hours=epoch))
    keep(world, "drill-demo-20260301t213000000000", T + timedelta(hours=9.5))
    here = T + timedelta(hours=11)
    assert earlier(world, "failover-demo-e11", here) == [
        "failover-demo-e10",
        "drill-demo-20260301t213000000000",
        "failover-demo-e9",
        "failover-demo-e8",
    ]
    assert earlier(world, "failover-demo-e11", here, limit=2) == [
        "failover-demo-e10",
        "drill-demo-20260301t213000000000",
    ]


def test_neither_later_runs_nor_other_files_of_a_run_are_shown(world: Any) -> None:
    """Nor those of a pair whose name begins alike."""
    keep(world, "failover-demo-e1", T)
    keep(world, "failback-demo-e2", T + timedelta(hours=1))
    world.ledgers["demo"].put_once("demo/runs/failover-demo-e0/skip-evidence.json", b"{}")
    assert earlier(world, "failover-demo-e1", T) == []


def test_evidence_that_cannot_be_read_is_an_error_and_no_gap(world: Any) -> None:
    """A trend with a hole in it would look better, or worse, than it is."""
    world.ledgers["demo"].put_once(evidence_path("demo", "failover-demo-e1"), b"{")
    with pytest.raises(HubswitchError):
        earlier(world, "failover-demo-e2", T)
