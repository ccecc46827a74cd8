"""Notices of Service Health are attached to the runs of their incident, whenever they arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from crash_harness import Bench, Visit

from orchestrator.audit.evidence import RunName, finalise, make_up, read_evidence
from orchestrator.core.base.codec import encode
from orchestrator.core.evidence.document import Attestation, AttestedVerdict
from orchestrator.core.evidence.incident import IncidentNotice
from orchestrator.core.ledger_paths import evidence_path, incident_path, incidents_folder, summary_path
from orchestrator.core.signals.facts import NoticeStep
from orchestrator.workflows.activities.evidence import make_evidence
from orchestrator.workflows.activities.incident import keep_notices, read_incident
from orchestrator.workflows.messages import EvidenceOrder, Milestones, NoticeOrder, RunKind, RunSummary

T = datetime(2026, 3, 1, 12, tzinfo=UTC)


def notice(visit: Visit, minutes: float = 30, **fields: Any) -> IncidentNotice:
    region = visit.plan.primary.region
    usual: dict[str, Any] = {
        "id": f"n{minutes}",
        "tracking": "ABCD-123",
        "step": NoticeStep.ACTIVE,
        "title": "Storage",
        "text": "",
        "published_at": T + timedelta(minutes=minutes),
        "received_at": T + timedelta(minutes=minutes),
        "impact_start": T - timedelta(minutes=5),
        "impact_end": None,
        "services": ("Storage",),
        "regions": (region,),
        "touches": (region,),
    }
    return IncidentNotice(**usual | fields)


def keep(visit: Visit, *notices: IncidentNotice) -> None:
    keep_notices(visit.world, NoticeOrder(pair=visit.pair, notices=notices))


def run_of(visit: Visit) -> RunName:
    return RunName(f"failover-{visit.pair}-e1", visit.pair, "")


def ended(visit: Visit, *, with_evidence: bool = True) -> None:
    """A run that ended a minute after twelve."""
    summary = RunSummary(
        pair=visit.pair,
        run=run_of(visit).id,
        kind=RunKind.FAILOVER,
        epoch=1,
        outcome="completed",
        why="a test",
        milestones=Milestones(decided_at=T),
        ended_at=T + timedelta(minutes=1),
    )
    visit.world.ledgers[visit.pair].put_once(summary_path(visit.pair, summary.run), encode(summary))
    if with_evidence:
        make_evidence(visit.world, EvidenceOrder(summary=summary))


def attached(visit: Visit) -> list[str]:
    found = read_incident(visit.world.ledgers[visit.pair], visit.pair, run_of(visit).id)
    return [each.id for each in found.notices] if found else []


def in_evidence(visit: Visit) -> list[str]:
    kept = read_evidence(visit.world, run_of(visit))
    assert kept is not None
    return [each.id for each in kept.evidence.incident.notices] if kept.evidence.incident else []


def test_a_notice_that_came_before_the_end_of_the_run_is_in_its_evidence(bench: Bench) -> None:
    """It waits for the run to end."""
    visit = bench.visit()
    keep(visit, notice(visit, 0.5))
    assert attached(visit) == []
    ended(visit)
    assert attached(visit) == in_evidence(visit) == ["n0.5"]


def test_a_notice_that_came_after_the_run_is_attached_once(bench: Bench) -> None:
    """The same again changes no byte, and one of another region attaches to nothing."""
    visit = bench.visit()
    ended(visit)
    assert b"incident" not in (visit.world.ledgers[visit.pair].get(evidence_path(visit.pair, run_of(visit).id)) or b"")
    elsewhere = notice(visit, 31, tracking="EFGH-456", touches=("australiaeast",), regions=("australiaeast",))
    keep(visit, elsewhere)
    assert attached(visit) == in_evidence(visit) == []
    for _ in range(2):
        keep(visit, notice(visit), notice(visit))
    assert attached(visit) == in_evidence(visit) == ["n30"]
    before = read_evidence(visit.world, run_of(visit))
    keep(visit, notice(visit))
    assert read_evidence(visit.world, run_of(visit)) == before
    keep(visit, notice(visit, 9000, step=NoticeStep.REVIEW, impact_end=T + timedelta(hours=3), touches=()))
    assert attached(visit) == in_evidence(visit) == ["n30", "n9000"]


def test_a_message_that_was_polled_as_well_as_delivered_is_attached_once(bench: Bench) -> None:
    """Whichever came first, and however often it is polled; nothing is written again for it."""
    visit = bench.visit()
    ended(visit)
    keep(visit, notice(visit, 30, id="polled", polled=True))
    assert attached(visit) == in_evidence(visit) == ["polled"]
    keep(visit, notice(visit, 32))
    assert attached(visit) == in_evidence(visit) == ["n32"]
    ledger = visit.world.ledgers[visit.pair]
    before = ledger.page(incident_path(visit.pair, run_of(visit).id))
    keep(visit, notice(visit, 30, id="polled", polled=True), notice(visit, 31, id="polled too", polled=True))
    assert ledger.page(incident_path(visit.pair, run_of(visit).id)) == before
    assert attached(visit) == in_evidence(visit) == ["n32"]


def test_evidence_that_is_final_stays_as_it_is(bench: Bench) -> None:
    """What arrives later stands beside it: the audit log has the hash of the document."""
    visit = bench.visit()
    ended(visit)
    keep(visit, notice(visit))
    said = Attestation(who="ana", at=T, verdict=AttestedVerdict.SUCCESS, note="")
    final = finalise(visit.world, run_of(visit), said, "the quarter")
    keep(visit, notice(visit, 40, id="late"))
    assert read_evidence(visit.world, run_of(visit)) == final
    assert in_evidence(visit) == ["n30"]
    assert attached(visit) == ["n30", "late"]


def test_evidence_that_is_made_up_for_has_what_is_attached(bench: Bench) -> None:
    """It was not stored when the run ended."""
    visit = bench.visit()
    ended(visit, with_evidence=False)
    keep(visit, notice(visit))
    assert attached(visit) == ["n30"]
    made = make_up(visit.world, run_of(visit), None)
    assert made is not None
    assert made.evidence.incident
    assert read_evidence(visit.world, run_of(visit)) == made


def test_a_kept_notice_that_is_broken_hides_no_other(bench: Bench) -> None:
    """It is left out, and the run's evidence is made."""
    visit = bench.visit()
    visit.world.ledgers[visit.pair].put_once(f"{incidents_folder(visit.pair)}a.json", b"by hand")
    keep(visit, notice(visit))
    ended(visit)
    assert attached(visit) == in_evidence(visit) == ["n30"]
    assert incident_path(visit.pair, "x").endswith("runs/x/incident.json")
