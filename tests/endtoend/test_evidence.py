"""The evidence of a failover from the fault to the last job, held against the simulated Azure's own account."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import requests
from deployed_app import count_captured
from waiting import until

from orchestrator import __version__
from orchestrator.core.evidence.audit_verify import verify
from orchestrator.core.evidence.basis import plan_digest
from orchestrator.core.ledger_paths import evidence_path
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import Local
from orchestrator.local.workload import submit_workload

RUN = "failover-demo-e1"
NOTED = {("phase", "suspect"), ("phase", "switching"), ("switch", "resubmitting"), ("run-ended", None)}
OUTCOMES = ("resubmitted", "skipped", "waiting", "refused", "finished", "lost")


def _ask(local: Local, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"x-functions-key": local.key, **options.pop("headers", {})}
    return requests.request(method, f"{local.host.url}/api/{path}", headers=headers, timeout=120, **options)


def _phase(local: Local) -> str:
    return str(_ask(local, "GET", "pairs/demo").json().get("phase"))


def _ended(local: Local) -> bool:
    return bool(_ask(local, "GET", f"runs/{RUN}").json().get("status") == "completed")


def _failed_over(local: Local, jobs: int) -> None:
    """An outage of the primary with so many jobs, and the run that follows, to its end."""
    submit_workload(local.azure, local.plan.primary, jobs, seed=5)
    until(lambda: count_captured(local.azure, local.plan) == jobs, "every job in the ledger")
    local.azure.region_down(local.plan.primary.region)
    until(lambda: _ended(local), "the end of the run")


def _audit_log(local: Local) -> bytes:
    return _ask(local, "GET", "audit", params={"pair": "demo", "format": "jsonl"}).content


def _kinds(log: bytes) -> set[tuple[str, str | None]]:
    """Kind of each entry and the phase that it tells of."""
    return {(entry["kind"], entry["details"].get("phase")) for entry in map(json.loads, log.splitlines())}


def test_every_field_of_a_failovers_evidence_is_true(sessions: Any) -> None:
    """Names and outcomes of jobs, phases, decision and plan, as the simulated Azure and the app have them."""
    with sessions() as local:
        _failed_over(local, 8)
        found = _ask(local, "GET", f"runs/{RUN}/evidence").json()
        accounts = audit_jobs(local.azure, local.plan)
        output = _ask(local, "GET", f"runs/{RUN}").json()["output"]
        # What the pair notes is written beside the run, and may be there later than its end.
        until(lambda: _kinds(_audit_log(local)) >= NOTED, "the audit log")
        log = _audit_log(local)
    truth = accounts.counts()
    jobs = found["jobs"]
    assert {name: jobs[name] for name in ("interrupted", "resubmitted", "skipped", "lost", "duplicated")} == {
        name: truth[name] for name in ("interrupted", "resubmitted", "skipped", "lost", "duplicated")
    }
    assert jobs["waiting"] + jobs["refused"] == truth["waiting"]
    assert sum(jobs[name] for name in OUTCOMES) == jobs["interrupted"] == 8
    assert {job["name"] for job in jobs["list"]} == set(accounts.interrupted)
    moved = {job["name"]: job["successor"] for job in jobs["list"] if job["outcome"] == "resubmitted"}
    assert moved == {name: made[0].name for name, made in accounts.successors.items()}
    assert {job["successor"] for job in jobs["list"] if job["outcome"] != "resubmitted"} <= {None}

    assert {name: found[name] for name in ("schema", "pair", "run", "kind", "outcome", "version")} == {
        "schema": 1,
        "pair": "demo",
        "run": RUN,
        "kind": "failover",
        "outcome": "succeeded",
        "version": __version__,
    }
    assert found["plan_sha256"] == plan_digest(local.plan)
    phases = {phase["name"]: phase for phase in found["phases"]}
    marks = output["milestones"]
    assert phases["switch"]["from"] == phases["decide"]["to"] == found["started_at"] == marks["decided_at"]
    assert phases["switch"]["to"] == marks["verified_at"]
    assert phases["all_jobs"]["to"] == marks["resubmitted_at"]
    assert found["ended_at"] == output["ended_at"]
    assert all(phase["seconds"] >= 0 for phase in phases.values())
    assert phases["detect"]["to"] == phases["decide"]["from"]
    down = min(job.killed_at for job in accounts.interrupted.values() if job.killed_at)
    first_bad = datetime.fromisoformat(phases["detect"]["from"])
    # A look is dated to its beginning, and on a busy machine lasts until its last probe has timed out.
    assert first_bad >= down - timedelta(seconds=30)
    assert accounts.first_accepted is not None
    late = datetime.fromisoformat(phases["first_job"]["to"]) - accounts.first_accepted
    assert late.total_seconds() >= 0

    assert found["targets"] == {"rto_s": None, "rpo_s": None, "rto_met": None, "rpo_met": None}
    losses = {loss["what"]: loss for loss in found["rpo"]}
    assert {loss["seconds"] for what, loss in losses.items() if not what.startswith("account ")} == {None}
    # Whether a look had read when storage last replicated the shared account before the outage, is a matter of time.
    assert all(loss["seconds"] is None or loss["seconds"] >= 0 for loss in losses.values())
    assert found["decision"]["rule"] == "two-classes"
    assert found["decision"]["why"] == output["why"]
    seen = {(line["side"], line["class"]): line["observation"] for line in found["decision"]["evidence"]}
    assert (seen["primary", "hub"], seen["secondary", "hub"]) == ("bad", "ok")
    assert (found["approvals"], found["findings"], found["attestation"]) == ([], [], None)
    known = found["readiness_before"]  # a look may have ended before the outage, or not
    assert known is None or set(known) == {"as_of", "ready", "score", "why"}
    assert [step["name"] for step in found["steps"]] == [step["name"] for step in output["steps"]]
    checked = verify(log.splitlines())
    assert checked.fault is None
    assert found["audit_head"] in checked.hashes
    assert [entry["kind"] for entry in map(json.loads, log.splitlines())].count("run-ended") == 1


def test_evidence_is_frozen_by_an_attestation_that_the_audit_log_knows(sessions: Any) -> None:
    """The same again is 200, other words are 409, and the log has the hash of the bytes that are given."""
    said = {"reason": "the quarter", "by": "ana", "verdict": "success", "note": "as planned"}
    with sessions() as local:
        _failed_over(local, 2)
        final = _ask(local, "POST", f"runs/{RUN}/finalise", json=said)
        again = _ask(local, "POST", f"runs/{RUN}/finalise", json=said)
        other = _ask(local, "POST", f"runs/{RUN}/finalise", json=said | {"verdict": "failure"})
        kept = _ask(local, "GET", f"runs/{RUN}/evidence")
        unknown = _ask(local, "POST", "runs/failover-nope-e1/finalise", json=said)
        senseless = _ask(local, "POST", f"runs/{RUN}/finalise", json=said | {"verdict": "good"})
        log = _ask(local, "GET", "audit", params={"pair": "demo"}).json()["pairs"][0]["entries"]
    assert [answer.status_code for answer in (final, again, other, kept, unknown, senseless)] == [
        *(200, 200, 409, 200, 404, 400)
    ]
    assert final.content == again.content == kept.content
    assert final.json()["attestation"] | {"at": ""} == {
        "who": "ana",
        "at": "",
        "verdict": "success",
        "note": "as planned",
    }
    assert "finalised by ana" in other.json()["detail"]
    (noted,) = [entry for entry in log if entry["kind"] == "finalised"]
    assert noted["details"]["evidence_sha256"] == hashlib.sha256(kept.content).hexdigest()
    assert (noted["who"], noted["why"]) == ("ana", "the quarter")


def test_a_store_that_refuses_the_evidence_stops_no_run_and_it_is_made_up_for(sessions: Any) -> None:
    """The run ends as it would, people are told, and who asks later gets the same."""
    with sessions() as local:
        path = evidence_path("demo", RUN)
        local.azure.faults.set(None, "ledger", "5xx", status=503, method="PUT", path=path)
        _failed_over(local, 3)
        until(lambda: _phase(local) in {"settled", "steady"}, "a pair at rest")
        notices = local.azure.call(lambda: list(local.azure.event_grid.published))
        made = _ask(local, "GET", f"runs/{RUN}/evidence")
        names = local.azure.call(lambda: local.azure.ledger.names(local.plan.ledger.container, path))
        local.azure.faults.clear(None, "ledger")
        kept = _ask(local, "GET", f"runs/{RUN}/evidence")
        stored = local.azure.call(lambda: local.azure.ledger.names(local.plan.ledger.container, path))
    assert (made.status_code, names) == (200, [])
    assert kept.json() | {"audit_head": ""} == made.json() | {"audit_head": ""}
    assert stored == [path]
    (told,) = [notice["data"]["why"] for notice in notices if notice["type"] == "Hubswitch.RecordNotKept"]
    assert f"the evidence of {RUN} was not stored" in told
    assert made.json()["jobs"]["interrupted"] == 3


def test_evidence_that_is_being_made_is_worth_asking_for_again(sessions: Any) -> None:
    """The list of runs has the end of a run before its evidence is stored: that is no conflict."""
    with sessions() as local:
        path = evidence_path("demo", RUN)
        submit_workload(local.azure, local.plan.primary, 1, seed=5)
        until(lambda: count_captured(local.azure, local.plan) == 1, "the job in the ledger")
        local.azure.faults.set(None, "ledger", "5xx", status=503, method="PUT", path=path)
        local.azure.region_down(local.plan.primary.region)

        def answered() -> list[requests.Response]:
            answer = _ask(local, "GET", f"runs/{RUN}/evidence")
            return [] if answer.status_code in {404, 409} else [answer]

        (said,) = until(answered, "the end of the run")
        local.azure.faults.clear(None, "ledger")
        until(lambda: _ask(local, "GET", f"runs/{RUN}/evidence").ok, "its evidence")
    assert (said.status_code, said.headers.get("Retry-After")) == (503, "2")
    assert "its evidence is being made" in said.json()["detail"]


def test_a_run_that_never_was_has_no_evidence(sessions: Any) -> None:
    """404, whatever its id looks like."""
    with sessions() as local:
        for name in ("failover-demo-e9", "drill-demo-20260301t120000000000", "x", "failover-demo-e1..%2F"):
            assert _ask(local, "GET", f"runs/{name}/evidence").status_code == 404, name
