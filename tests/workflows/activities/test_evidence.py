"""Evidence is made of what is stored, however a run ended, and is frozen by one person, against the local Azure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crash_harness import Bench, Visit

from orchestrator.audit.evidence import RunName, finalise, make_up, read_evidence, run_named
from orchestrator.core.base.codec import encode, to_builtins
from orchestrator.core.base.errors import NotNow
from orchestrator.core.evidence.document import Attestation, AttestedVerdict, Outcome
from orchestrator.core.jobs.record import Manifest
from orchestrator.core.ledger_paths import evidence_path, runs_folder, summary_path
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.activities.evidence import make_evidence
from orchestrator.workflows.messages import EvidenceOrder, Milestones, RunKind, RunSummary

T = datetime(2026, 3, 1, 12, tzinfo=UTC)


def summary(visit: Visit, outcome: str = "completed", **fields: Any) -> RunSummary:
    usual: dict[str, Any] = {
        "pair": visit.pair,
        "run": f"failover-{visit.pair}-e1",
        "kind": RunKind.FAILOVER,
        "epoch": 1,
        "outcome": outcome,
        "why": "a test",
        "milestones": Milestones(decided_at=T),
        "ended_at": T + timedelta(minutes=1),
    }
    return RunSummary(**usual | fields)


def name_of(visit: Visit) -> RunName:
    return RunName(f"failover-{visit.pair}-e1", visit.pair, "")


def said(who: str, verdict: AttestedVerdict = AttestedVerdict.SUCCESS) -> Attestation:
    return Attestation(who=who, at=T, verdict=verdict, note="")


@pytest.mark.parametrize("outcome", ["completed", "superseded", "failed"])
def test_a_run_leaves_evidence_and_one_line_in_the_log_however_it_ended(bench: Bench, outcome: str) -> None:
    """A repeated step changes neither, and the evidence names the entry of its own end."""
    visit = bench.visit()
    ledger = visit.world.ledgers[visit.pair]
    order = EvidenceOrder(summary=summary(visit, outcome))
    make_evidence(visit.world, order)
    first = ledger.get(evidence_path(visit.pair, order.run))
    make_evidence(visit.world, order)
    assert ledger.get(evidence_path(visit.pair, order.run)) == first
    kept = read_evidence(visit.world, name_of(visit))
    assert kept is not None
    (entry,) = audit_log.newest(ledger, visit.pair, 10)
    assert (entry.kind, entry.details["outcome"], entry.sha256) == ("run-ended", outcome, kept.evidence.audit_head)
    assert kept.evidence.outcome in set(Outcome)


def test_a_run_that_was_stopped_and_begun_again_is_told_as_it_ended(bench: Bench) -> None:
    """Such as one that stopped because a plan of other hubs was deployed meanwhile. The log has both of its ends."""
    visit = bench.visit()
    stopped, completed = (EvidenceOrder(summary=summary(visit, word)) for word in ("superseded", "completed"))
    for order in (stopped, completed, completed, stopped):
        make_evidence(visit.world, order)
    kept = read_evidence(visit.world, name_of(visit))
    assert kept is not None
    assert kept.evidence.outcome is Outcome.SUCCEEDED
    entries = audit_log.newest(visit.world.ledgers[visit.pair], visit.pair, 10)
    assert [entry.details["outcome"] for entry in entries] == ["completed", "superseded"]


def test_what_a_person_has_attested_is_not_replaced_by_a_later_end(bench: Bench) -> None:
    """The document is final; the log has what came after."""
    visit = bench.visit()
    make_evidence(visit.world, EvidenceOrder(summary=summary(visit, "superseded")))
    final = finalise(visit.world, name_of(visit), said("ana", AttestedVerdict.FAILURE), "enough")
    make_evidence(visit.world, EvidenceOrder(summary=summary(visit)))
    assert read_evidence(visit.world, name_of(visit)) == final


def test_a_log_that_cannot_be_read_does_not_keep_the_evidence_from_being_made(bench: Bench) -> None:
    """It is kept without a head."""
    visit = bench.visit()
    visit.world.ledgers[visit.pair].put_once(f"{visit.pair}/audit/00000001.jsonl", b"by hand\n")
    make_evidence(visit.world, EvidenceOrder(summary=summary(visit)))
    kept = read_evidence(visit.world, name_of(visit))
    assert kept is not None
    assert kept.evidence.audit_head is None


def test_what_was_not_stored_is_made_from_the_ledger_or_from_what_the_engine_remembers(bench: Bench) -> None:
    """And stored then; a run of which neither knows anything has none."""
    visit = bench.visit()
    assert make_up(visit.world, name_of(visit), None) is None
    made = make_up(visit.world, name_of(visit), to_builtins(summary(visit, "failed")))
    assert made is not None
    assert made.evidence.outcome is Outcome.FAILED
    assert read_evidence(visit.world, name_of(visit)) == made

    other = bench.visit()
    ledger = other.world.ledgers[other.pair]
    ledger.put_once(summary_path(other.pair, summary(other).run), encode(summary(other)))
    jobs = tuple(each.name for each in ledger.summaries(other.pair))
    manifest = Manifest(run=summary(other).run, batch=0, jobs=(*jobs, "never-was"))
    ledger.put_once(f"{runs_folder(other.pair)}{manifest.run}/round-0.json", encode(manifest))
    found = make_up(other.world, name_of(other), None)
    assert found is not None
    assert found.evidence.jobs.interrupted == found.evidence.jobs.lost == len(jobs) + 1


def test_evidence_that_its_run_stored_meanwhile_is_what_is_given(bench: Bench) -> None:
    """Who asks in the moment at which a run ends gets the bytes that the ledger has, and no other ones."""
    visit = bench.visit()
    order = EvidenceOrder(summary=summary(visit))
    make_evidence(visit.world, order)
    found = make_up(visit.world, name_of(visit), to_builtins(summary(visit, "failed")))
    assert found is not None
    assert found == read_evidence(visit.world, name_of(visit))
    assert found.evidence.outcome is Outcome.SUCCEEDED


def test_of_two_people_who_finalise_at_once_one_has_done_it(bench: Bench) -> None:
    """The other is told who; the log has one entry."""
    visit = bench.visit()
    make_evidence(visit.world, EvidenceOrder(summary=summary(visit)))

    def tried(who: str) -> str:
        try:
            finalise(visit.world, name_of(visit), said(who), "the quarter")
        except NotNow as fault:
            return str(fault)
        return ""

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(tried, ("ana", "ben")))
    kept = read_evidence(visit.world, name_of(visit))
    assert kept is not None
    assert kept.evidence.attestation is not None
    winner = kept.evidence.attestation.who
    assert told[0] == ""
    assert f"was finalised by {winner}" in told[1]
    entries = audit_log.newest(visit.world.ledgers[visit.pair], visit.pair, 10)
    assert [entry.who for entry in entries if entry.kind == "finalised"] == [winner]


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("failover-a-e1", "a"),
        ("failback-a-b-e12-again3", "a-b"),
        ("failover-a-e1-by-hand", "a"),
        ("failover-a-e1-by-hand-again2", None),
        ("drill-a-20260301t120000000000", "a"),
        ("failover-a-20260301t120000000000", None),
        ("drill-a-e1", None),
        ("failover-c-e1", None),
        ("failover-a-e1/../../b", None),
        ("failover-a-e1\n", None),
        ("", None),
    ],
)
def test_an_id_names_a_run_of_a_pair_that_is_known_or_none(name: str, pair: str | None) -> None:
    """What is found is safe in a path of the ledger."""
    found = run_named(name, {"a", "a-b"})
    assert (found.pair if found else None) == pair
