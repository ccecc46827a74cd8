"""The evidence of a run says of each copy and each replicated account what may have been lost."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from crash_harness import Bench, Visit

from orchestrator.audit.evidence import RunName, read_evidence
from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.evidence.basis import RunBasis, plan_digest
from orchestrator.core.evidence.document import RunEvidence
from orchestrator.core.jobs.copy_state import CompletePass, CopyRecord
from orchestrator.core.ledger_paths import copy_path, inventory_path
from orchestrator.core.plan.data_copies import DataCopy, DataPlan, tasks_of
from orchestrator.core.plan.schema import Targets
from orchestrator.core.standby.readiness_record import KeptInventory
from orchestrator.workflows.activities.evidence import make_evidence
from orchestrator.workflows.messages import EvidenceOrder, Milestones, RunKind, RunSummary

DATA = DataPlan(copies=(DataCopy(datastore="workspaceblobstore"),))
(TASK,) = tasks_of(DATA)


def keep_pass(visit: Visit, source: Role, begun: datetime, epoch: int = 0) -> None:
    last = CompletePass(begun=begun, ended=begun, epoch=epoch, whole_at=begun, seen=1, copied=1, copied_bytes=1)
    found = CopyRecord(name=TASK.name, source=source, last=last)
    visit.world.ledgers[visit.pair].put_once(copy_path(visit.pair, TASK.key, source), encode(found))


def keep_inventory(visit: Visit, at: datetime, synced: str) -> None:
    account = {"properties": {"geoReplicationStats": {"status": "Live", "lastSyncTime": synced}}}
    kept = KeptInventory(
        at=at,
        project=visit.plan.primary.project_id.casefold(),
        inventory={"data_accounts": {"shared": account, "plain": {"properties": {}}}},
    )
    visit.world.ledgers[visit.pair].put_once(inventory_path(visit.pair), encode(kept))


def evidence_of(visit: Visit, now: datetime, kind: RunKind = RunKind.FAILOVER) -> RunEvidence:
    run = f"{kind}-{visit.pair}-e1"
    summary = RunSummary(
        pair=visit.pair,
        run=run,
        kind=kind,
        epoch=1,
        outcome="completed",
        why="a test",
        milestones=Milestones(decided_at=now),
        ended_at=now,
        basis=RunBasis(plan_sha256=plan_digest(visit.plan)),
    )
    make_evidence(visit.world, EvidenceOrder(summary=summary))
    kept = read_evidence(visit.world, RunName(run, visit.pair, ""))
    assert kept is not None
    return kept.evidence


@pytest.mark.parametrize(("target", "met"), [(16, True), (15, True), (14, False)])
def test_the_worst_store_is_held_against_the_target(bench: Bench, target: int, met: bool) -> None:
    """The copy was fifteen minutes behind, the account two."""
    visit = bench.visit(data=DATA, targets=Targets(rpo=timedelta(minutes=target)))
    now = visit.world.clock.now()
    keep_pass(visit, Role.PRIMARY, now - timedelta(minutes=15))
    keep_inventory(visit, now, (now - timedelta(minutes=2)).isoformat())
    found = evidence_of(visit, now)
    assert {loss.what: loss.seconds for loss in found.rpo} == {
        "data copied ahead: workspaceblobstore": 900,
        "account shared, replicated by storage": 120,
    }
    assert [loss.met for loss in found.rpo] == [met, True]
    assert (found.targets.rpo_s, found.targets.rpo_met) == (target * 60, met)


def test_each_direction_is_measured_by_its_own_copies(bench: Bench) -> None:
    """A failback leaves the secondary; what was copied from the primary says nothing about it."""
    visit = bench.visit(data=DATA, targets=Targets(rpo=timedelta(hours=1)))
    now = visit.world.clock.now()
    keep_pass(visit, Role.PRIMARY, now - timedelta(minutes=15))
    keep_inventory(visit, now, now.isoformat())
    found = evidence_of(visit, now, RunKind.FAILBACK)
    assert [(loss.what, loss.seconds) for loss in found.rpo] == [("data copied ahead: workspaceblobstore", None)]
    assert found.targets.rpo_met is None


def test_what_cannot_be_read_is_not_measured_and_keeps_nothing_from_being_made(bench: Bench) -> None:
    visit = bench.visit(data=DATA)
    visit.world.ledgers[visit.pair].put_once(copy_path(visit.pair, TASK.key, Role.PRIMARY), b"{}")
    visit.world.ledgers[visit.pair].put_once(inventory_path(visit.pair), b"by hand")
    (loss,) = evidence_of(visit, visit.world.clock.now()).rpo
    assert (loss.seconds, loss.how.startswith("not measured: ")) == (None, True)


def test_a_pass_of_a_later_epoch_says_nothing_about_an_earlier_run(bench: Bench) -> None:
    visit = bench.visit(data=DATA)
    now = visit.world.clock.now()
    keep_pass(visit, Role.PRIMARY, now, epoch=2)
    (loss,) = evidence_of(visit, now).rpo
    assert loss.seconds is None


def test_a_plan_without_copies_has_no_line_for_them(bench: Bench) -> None:
    visit = bench.visit()
    assert msgspec.structs.asdict(evidence_of(visit, visit.world.clock.now()))["rpo"] == ()
