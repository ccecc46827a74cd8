"""The evidence of a run says what is stored, and null or nothing where nothing is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from job_records import AT, job

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.vocabulary import Mode, Phase, Role
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.standing import ReadinessStanding
from orchestrator.core.evidence.basis import RunBasis, plan_digest
from orchestrator.core.evidence.build import DrillFacts, EvidenceFacts, drill_evidence, measure_rto, run_evidence
from orchestrator.core.evidence.document import Consent, EvidenceFinding, PhaseTime, RunEvidence
from orchestrator.core.evidence.job_account import account_jobs
from orchestrator.core.jobs.record import JobEvent, JobEventKind, JobRecord, JobStatus, OldRun
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Plan, Targets

PLAN = plan_from(
    """\
schema: 1
pair: a
primary: {region: eastus2, subscription: s, resource_group: rg, hub: h, project: p}
secondary: {region: westus3, subscription: s, resource_group: rg2, hub: h2, project: p2}
pointer: {endpoint: "https://pointer.azconfig.io"}
ledger: {account: "https://ledger.blob.core.windows.net"}
targets: {rto: 10m, rpo: 1h}
""",
    "p.yaml",
)
FIELDS = (
    *("schema", "pair", "run", "kind", "outcome", "plan_sha256", "version", "started_at", "ended_at", "phases"),
    *("targets", "rpo", "decision", "approvals", "jobs", "steps", "readiness_before", "findings", "attestation"),
    "audit_head",
)


def after(**times: float) -> datetime:
    return AT + timedelta(**times)


def facts(**fields: Any) -> EvidenceFacts:
    usual: dict[str, Any] = {
        "pair": "a",
        "run": "failover-a-e1",
        "kind": "failover",
        "outcome": "completed",
        "why": "hub and jobs are bad",
        "epoch": 1,
        "decided_at": after(minutes=5),
        "verified_at": after(minutes=6),
        "resubmitted_at": after(minutes=9),
        "ended_at": after(minutes=10),
        "basis": basis(),
        "steps": (),
        "findings": (),
        "jobs": ("train",),
    }
    return EvidenceFacts(**usual | fields)


def basis(plan: Plan = PLAN, **fields: Any) -> RunBasis:
    kept = Kept(
        first_at=after(minutes=5),
        last_at=after(minutes=5),
        was=Phase.SUSPECT,
        phase=Phase.SWITCHING,
        epoch=0,
        mode=Mode.AUTO,
        verdicts={"primary.hub": "bad", "secondary.hub": "ok"},
        holds=(),
        rule="rule",
        why="hub and jobs are bad",
        would_change=(),
    )
    usual: dict[str, Any] = {
        "bad_since": AT,
        "suspected_at": after(minutes=1),
        "decision": kept,
        "consents": (Consent(who="ana", at=after(minutes=5), reason="go"),),
        "plan_sha256": plan_digest(plan),
    }
    return RunBasis(**usual | fields)


def moved(**fields: Any) -> JobRecord:
    line = JobEvent(at=after(minutes=7), what=JobEventKind.RESUBMITTED, why="to the secondary", epoch=1)
    usual = {"successor": "train-e1", "reason": "to the secondary", "history": (line,)}
    return job(JobStatus.RESUBMITTED, **usual | fields)


def made(given: EvidenceFacts, plan: Plan = PLAN, **records: JobRecord | str) -> RunEvidence:
    return run_evidence(given, records or {"train": moved()}, plan, version="1.2.3", audit_head="ab")


def test_a_planned_failover_says_so_and_what_was_known_of_the_standby() -> None:
    """Its kind is one of its own; readiness is that of the moment of the order."""
    standing = ReadinessStanding(
        at=AT, active=Role.PRIMARY, ready=False, score=71, why="usages: too few", due_at=after(minutes=30)
    )
    found = made(facts(graceful=True, basis=basis(readiness=standing)))
    assert found.kind == "graceful"
    assert found.readiness_before == {"as_of": AT, "ready": False, "score": 71, "why": "usages: too few"}
    assert made(facts()).readiness_before is None


def test_every_promised_field_is_there_in_its_order() -> None:
    """Scripts read these names, nested ones too."""
    plain = to_builtins(made(facts()))
    assert tuple(plain) == FIELDS
    assert list(plain["phases"][0]) == ["name", "from", "to", "seconds"]
    assert list(plain["targets"]) == ["rto_s", "rpo_s", "rto_met", "rpo_met"]
    assert list(plain["decision"]) == ["rule", "why", "evidence"]
    assert list(plain["decision"]["evidence"][0]) == ["side", "class", "observation"]
    assert list(plain["approvals"][0]) == ["who", "at", "reason"]
    assert list(plain["jobs"]["list"][0]) == ["name", "outcome", "successor", "why"]
    assert set(plain["rpo"][0]) == {"what", "seconds", "how", "met"}


def test_phases_are_measured_between_what_is_stored() -> None:
    """From the first bad evidence to the last job."""
    found = {phase.name: phase.seconds for phase in made(facts()).phases}
    assert found == {"detect": 60, "decide": 240, "switch": 60, "first_job": 60, "all_jobs": 180, "steps": None}


def test_a_phase_that_did_not_come_is_null() -> None:
    """Never zero, and never negative."""
    bare = made(facts(basis=None, verified_at=None, resubmitted_at=None, jobs=()))
    assert [phase.seconds for phase in bare.phases] == [None] * 6
    early = made(facts(verified_at=after(minutes=4)))
    assert {phase.name: phase.seconds for phase in early.phases}["switch"] is None


@pytest.mark.parametrize(("rto", "met"), [("6m", True), ("359s", False), (None, None)])
def test_the_time_from_the_first_bad_evidence_is_held_against_the_target(rto: str | None, met: bool | None) -> None:
    """Six minutes passed until the pointer was verified."""
    lengths = {"6m": timedelta(minutes=6), "359s": timedelta(seconds=359), None: None}
    plan = msgspec.structs.replace(PLAN, targets=Targets(rto=lengths[rto]))
    found = made(facts(basis=basis(plan)), plan)
    assert (found.targets.rto_met, measure_rto(found)) == (met, 360)


def test_without_bad_evidence_nothing_is_met_or_missed() -> None:
    """A failover that a person ordered of a hub that is well has no recovery time."""
    found = made(facts(basis=basis(bad_since=None)))
    assert (found.targets.rto_s, found.targets.rto_met, measure_rto(found)) == (600, None, None)


def test_a_plan_that_was_changed_since_says_nothing_of_targets() -> None:
    """They are those of another plan."""
    found = made(facts(), msgspec.structs.replace(PLAN, targets=Targets(rto=timedelta(hours=9))))
    assert to_builtins(found.targets) == {"rto_s": None, "rpo_s": None, "rto_met": None, "rpo_met": None}


def test_a_loss_that_nothing_measures_is_null_with_the_reason() -> None:
    """And the target for it neither met nor missed."""
    found = made(facts())
    assert [(loss.seconds, loss.how.startswith("not measured: ")) for loss in found.rpo] == [(None, True)] * 2
    assert (found.targets.rpo_s, found.targets.rpo_met) == (3600, None)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (JobStatus.RESUBMITTED, "resubmitted"),
        (JobStatus.SKIPPED, "skipped"),
        (JobStatus.WAITING, "waiting"),
        (JobStatus.REFUSED, "refused"),
        (JobStatus.FINISHED, "finished"),
        (JobStatus.RUNNING, "lost"),
    ],
)
def test_a_job_has_exactly_one_outcome(status: JobStatus, outcome: str) -> None:
    """Whatever its record says; the outcomes add up to those that were interrupted."""
    found = account_jobs(("train",), {"train": job(status, successor="train-e1")}, 1)
    counts = {name: value for name, value in to_builtins(found).items() if name != "list" and value}
    assert counts == {"interrupted": 1, outcome: 1}


@pytest.mark.parametrize(("epoch", "outcome"), [(1, "lost"), (2, "staying"), (3, "staying"), (4, "lost")])
def test_a_job_that_goes_on_in_a_hub_that_was_left_is_not_lost(epoch: int, outcome: str) -> None:
    """A later run that leaves it there for the same reason adds no line to its story; one that said nothing did not."""
    stays = JobEvent(at=after(minutes=7), what=JobEventKind.STAYS, why="the plan lets it finish", epoch=2)
    record = job(JobStatus.RUNNING, epoch=3, reason=stays.why, history=(stays,))
    found = account_jobs(("train",), {"train": record}, epoch)
    counted = int(outcome == "lost")
    assert (found.jobs[0].outcome, found.interrupted, found.lost) == (outcome, counted, counted)


def test_a_job_without_a_record_that_can_be_read_is_lost_and_says_why() -> None:
    """It is counted, not left out."""
    found = account_jobs(("train", "gone"), {"train": "it is broken"}, 1)
    assert [(line.outcome, line.why) for line in found.jobs] == [
        ("lost", "it is broken"),
        ("lost", "the ledger has no record of it"),
    ]


def test_what_happened_to_a_job_in_a_later_epoch_is_not_this_runs_outcome() -> None:
    """The account is as of the run, whenever it is made."""
    later = JobEvent(at=after(hours=9), what=JobEventKind.SKIPPED, why="nobody wants it", epoch=2)
    first = JobEvent(at=after(minutes=7), what=JobEventKind.WAITING, why="its input is absent", epoch=1)
    record = job(JobStatus.SKIPPED, epoch=2, reason="nobody wants it", history=(first, later))
    assert account_jobs(("train",), {"train": record}, 1).jobs[0].outcome == "waiting"
    assert account_jobs(("train",), {"train": record}, 2).jobs[0].outcome == "skipped"


def test_a_job_whose_old_run_completed_as_well_ran_twice() -> None:
    """It is told, not hidden."""
    assert account_jobs(("train",), {"train": moved(old_run=OldRun.COMPLETED)}, 1).duplicated == 1


@pytest.mark.parametrize(
    ("kind", "ok", "told"),
    [
        ("dry", True, ("tabletop", "succeeded")),
        ("dry", False, ("tabletop", "not-ready")),
        ("canary", False, ("canary", "failed")),
    ],
)
def test_a_drill_is_told_in_the_words_of_auditors(kind: str, ok: bool, told: tuple[str, str]) -> None:
    """With its findings, and no account of jobs."""
    given = DrillFacts(
        pair="a",
        run="drill-a-20260301t120000000000",
        kind=kind,
        ok=ok,
        reason="the quarter",
        asked_at=AT,
        ended_at=after(seconds=30),
        findings=(EvidenceFinding(check="epoch", ok=ok, why="as it is"),),
    )
    found = drill_evidence(given, version="1.2.3", audit_head=None)
    assert (found.kind, found.outcome) == told
    assert [phase.seconds for phase in found.phases] == [30]
    assert found.jobs.interrupted == 0


@pytest.mark.parametrize(("back", "met"), [(40.0, True), (90.0, False), (None, True)])
def test_the_slower_way_of_a_full_drill_is_held_against_the_target(back: float | None, met: bool) -> None:
    """Each from its order to the verified pointer. What followed a switch does not count, nor a way not gone."""
    spans = {"failover": 30.0, "failover_steps": 500.0} | ({} if back is None else {"failback": back})
    phases = tuple(
        PhaseTime(name=name, begun=AT, ended=after(seconds=long), seconds=long) for name, long in spans.items()
    )
    given = DrillFacts(
        pair="a",
        run="drill-a-20260301t120000000000",
        kind="full",
        ok=True,
        reason="the year",
        asked_at=AT,
        ended_at=after(seconds=900),
        findings=(),
        phases=phases,
    )
    plan = msgspec.structs.replace(PLAN, targets=Targets(rto=timedelta(minutes=1)))
    found = drill_evidence(given, version="1.2.3", audit_head=None, plan=plan)
    assert (found.kind, found.plan_sha256) == ("full", plan_digest(plan))
    assert [phase.name for phase in found.phases] == ["drill", *spans]
    assert (found.targets.rto_s, found.targets.rto_met, measure_rto(found)) == (60.0, met, max(30.0, back or 0.0))
