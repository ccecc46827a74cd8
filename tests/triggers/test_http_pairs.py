"""Questions and commands over HTTP, on the running app: who may ask, what is refused, what changes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
import requests
from live import Caller, until

from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.standby.readiness_record import ReadinessRecord, Scored
from orchestrator.local.session import Local
from orchestrator.settings import settings_from
from orchestrator.triggers.callers import caller_of

COMMANDS = ("approve", "reject", "acknowledge", "pause", "resume", "failover", "failback")
KEYED = [
    ("GET", "status"),
    ("GET", "pairs/demo"),
    ("GET", "pairs/demo/explain"),
    ("GET", "runs/some"),
    ("GET", "runs/some/evidence"),
    ("POST", "runs/some/finalise"),
    ("GET", "audit"),
    ("POST", "pairs/demo/drill"),
    ("POST", "pairs/demo/recover"),
    ("POST", "groups/demo/failover"),
    ("POST", "groups/demo/failback"),
    *(("POST", f"pairs/demo/{do}") for do in COMMANDS),
    ("POST", "events"),
    ("OPTIONS", "events"),
    ("POST", "alerts"),
    ("OPTIONS", "alerts"),
]
WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
STORES = ("resource-manager", "ledger", "configuration")

COMMANDED = {"paused", "resumed", "acknowledged", "ordered", "approved", "rejected", "second-person", "run-abandoned"}
"""Rules under which commands that were taken stand in the journal."""

KEPT = re.compile(r"/demo/(?:signals/|views/|audit/|decisions\.json|readiness)|/_shared/leader\.json|/diagnose\b")
"""What looks, orders and decisions leave behind, whenever they come."""


def written(local: Local, since: datetime) -> list[str]:
    """What was written to Resource Manager, the ledger or the pointer's store from a moment on, but for ``KEPT``."""
    return [
        f"{entry.method} {entry.path}"
        for entry in local.azure.log.between(since, datetime.now(UTC))
        if entry.method in WRITES and entry.service.startswith(STORES) and not KEPT.search(entry.path)
    ]


def kept(run: dict[str, Any]) -> list[str]:
    """Where a drill leaves its result, that it went well if it did and has tried something, and its evidence."""
    drill, ok = run["output"]["drill"], run["output"]["ok"]
    has_tried = run["output"]["kind"] not in {"tabletop", "dry"} or run["output"]["jobs"]
    counted = ["PUT /hubswitch/_shared/pairs/demo/drills.json"] if ok and has_tried else []
    evidence = f"PUT /hubswitch/demo/runs/drill-demo-{drill}/evidence.json"
    return [f"PUT /hubswitch/demo/drills/{drill}.json", *counted, evidence]


def practise(caller: Caller, failed: Iterable[str] = (), **body: Any) -> tuple[datetime, dict[str, Any]]:
    """A drill that finds exactly these faults, and a moment before it.

    On a busy machine a probe may have no answer in time: then it is held again, a few times.
    """

    def held() -> tuple[datetime, dict[str, Any]] | None:
        before = datetime.now(UTC)
        run = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice", **body}))
        found = {finding["check"] for finding in run["output"]["findings"] if not finding["ok"]}
        return (before, run) if found == set(failed) else None

    return until(held, f"a drill that finds {failed or 'no fault'}", longest=10, pause=1)


def commanded(caller: Caller) -> list[dict[str, Any]]:
    """What the journal has of commands: a look may add lines of its own meanwhile."""
    return [entry for entry in caller.view()["journal"] if entry["rule"] in COMMANDED]


@pytest.mark.parametrize(("method", "path"), KEYED)
@pytest.mark.parametrize("key", [None, "not-the-key"], ids=["no key", "a wrong key"])
def test_nothing_but_health_answers_without_the_key(caller: Caller, method: str, path: str, key: str | None) -> None:
    """401, and not a word about what is behind."""
    answer = caller.send(method, path, key=key, json={"reason": "practice"})
    assert (answer.status_code, answer.content) == (401, b"")


def test_the_key_may_come_in_the_query_too(caller: Caller) -> None:
    """Event Grid and browsers have no other place for it."""
    assert caller.get(f"status?code={caller.local.key}", key=None).status_code == 200


def test_the_status_says_how_far_the_standby_is_behind(caller: Caller) -> None:
    """The figure that says whether a failover would be one write per job."""
    none = {"jobs": 0, "assets": 0, "since": None, "running": 0}
    until(lambda: caller.get("status").json()["pairs"][0]["replication"] == none, "the figure")


def test_a_tabletop_drill_is_followed_to_its_end(caller: Caller) -> None:
    """202 with the run's place; the run ends with one finding for everything that a switch would need."""
    accepted = caller.post("pairs/demo/drill", {"reason": "weekly practice", "by": "ana"})
    assert caller.followed(accepted)["id"] == accepted.json()["run"]
    _, run = practise(caller, reason="weekly practice", by="ana")
    assert (run["output"]["by"], run["output"]["reason"]) == ("ana", "weekly practice")
    checks = {finding["check"] for finding in run["output"]["findings"]}
    assert (run["status"], run["output"]["ok"], run["output"]["kind"]) == ("completed", True, "tabletop")
    assert {"epoch", "secondary.hub", "secondary.control", "observer", "elsewhere", "jobs"} <= checks
    assert {"step await_standby", "step move_jobs"} <= checks
    assert accepted.json()["follow"] == accepted.headers["Location"]


def test_a_tabletop_drill_writes_nothing_anywhere(caller: Caller) -> None:
    """Neither to Resource Manager nor to the pointer's store; to the ledger what it found, and its evidence."""
    start, run = practise(caller)
    assert written(caller.local, start) == kept(run)


def test_the_older_name_of_a_tabletop_drill_is_understood(caller: Caller) -> None:
    """Scripts use it; its report has the name that was given."""
    _, run = practise(caller, kind="dry")
    assert (run["output"]["ok"], run["output"]["kind"]) == (True, "dry")
    assert "step move_jobs" in {finding["check"] for finding in run["output"]["findings"]}


def test_a_decision_drill_reports_and_the_pair_never_hears_of_it(caller: Caller) -> None:
    """Neither phase, journal, evidence nor cooldown change; only its report is written, and it does not count."""
    # A drill of another test may come to count meanwhile: that this one does not shows in what is written.
    same = ("phase", "since", "epoch", "run", "last_run", "journal", "cooldown_until")

    def practised() -> tuple[datetime, dict[str, Any], dict[str, Any]] | None:
        """None if the pair did not stay as it was, as after a slow answer to a look: then it is held again."""
        start, before = datetime.now(UTC), caller.view()
        run = caller.followed(caller.post("pairs/demo/drill", {"reason": "what would happen", "kind": "decision"}))
        after = caller.view()
        return (start, run, after) if all(after[name] == before[name] for name in same) else None

    start, run, after = until(practised, "a drill during which the pair stays as it is", longest=10, pause=1)
    findings = {finding["check"]: finding for finding in run["output"]["findings"]}
    assert (run["status"], run["output"]["ok"]) == ("completed", True)
    assert findings["decision"]["why"].startswith("after ")
    assert "the pair would fail over to the secondary" in findings["decision"]["why"]
    assert "Suspect after" in findings["notices"]["why"]
    assert "made up" not in str(after)
    assert written(caller.local, start) == [path for path in kept(run) if "_shared" not in path]


@pytest.mark.parametrize("body", [{"kind": "partial"}, {"kind": "partial", "workload": " "}, {"workload": "nightly"}])
def test_only_a_partial_drill_has_a_workload_and_needs_one(caller: Caller, body: dict[str, str]) -> None:
    """400 with the field, and nothing is begun."""
    answer = caller.post("pairs/demo/drill", {"reason": "practice", **body})
    assert answer.status_code == 400
    assert "workload: expected" in answer.json()["detail"]


def test_a_tabletop_drill_finds_what_would_go_wrong(caller: Caller) -> None:
    """A standby that does not answer fails its finding, and the drill; the run itself ends well."""
    region = caller.local.plan.secondary.region
    caller.local.azure.faults.set(region, "hub", "5xx", status=503)
    try:
        _, run = practise(caller, failed=["secondary.hub"])
    finally:
        caller.local.azure.faults.clear(region)
    assert (run["status"], run["output"]["ok"]) == ("completed", False)


def test_a_canary_drill_submits_one_tagged_job_to_the_standby_and_nothing_else(caller: Caller) -> None:
    """The job is there, has run, and its PUT is the only thing that was written, but for what the looks recorded."""
    start = datetime.now(UTC)
    run = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice", "kind": "canary", "force": True}))
    (canary,) = [job for job in caller.local.azure.truth.jobs() if "hubswitch.drill" in job.tags]
    assert (run["status"], run["output"]["ok"]) == ("completed", True)
    assert (canary.region, canary.status) == (caller.local.plan.secondary.region, "Completed")
    assert canary.tags["hubswitch.drill"] == run["output"]["drill"]
    job = f"PUT {caller.local.plan.secondary.project_id}/jobs/{canary.name}"
    assert written(caller.local, start) == [job, *kept(run)]


def test_times_of_a_run_carry_their_zone(caller: Caller) -> None:
    """Everything that is told in UTC says so."""
    run = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice"}))
    moments = [datetime.fromisoformat(run[name]) for name in ("created_at", "updated_at")]
    assert [moment.tzinfo for moment in moments] == [UTC, UTC]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "pairs/nope"), ("GET", "pairs/nope/explain"), ("POST", "pairs/nope/drill"), ("POST", "pairs/nope/pause")],
)
def test_an_unknown_pair_is_not_found(caller: Caller, method: str, path: str) -> None:
    """404, with the name that was asked for."""
    answer = caller.send(method, path, json={"reason": "because"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no plan for a pair named 'nope'")


def test_an_unknown_run_is_not_found(caller: Caller) -> None:
    """404, with the id that was asked for."""
    answer = caller.get("runs/failover-demo-e99")
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no run 'failover-demo-e99'")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b'{"reason": "\xff"}', ""),
        (b"{}", "reason"),
        (b'{"reason": ""}', "reason"),
        (b'{"reason": "  "}', "reason"),
        (b'{"reason": 3}', "reason"),
        (b'{"reason": "' + b"x" * 1001 + b'"}', "reason"),
        (b'{"reason": "because", "forse": true}', "forse"),
        (b'{"reason": "because", "force": "yes"}', "force"),
        (b'{"reason": "because", "by": null}', "by"),
    ],
)
@pytest.mark.parametrize("do", ["pause", "drill"])
def test_a_command_that_cannot_be_understood_is_the_callers_fault(
    caller: Caller, body: bytes, field: str, do: str
) -> None:
    """400 that says where, which field, what was expected and what was there; nothing changes."""
    before = commanded(caller)
    answer = caller.send("POST", f"pairs/demo/{do}", data=body)
    told = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert (told["where"], told["field"]) == (f"body of POST pairs/demo/{do}", field)
    assert told["expected"]
    assert told["got"]
    assert commanded(caller) == before


def test_an_unknown_kind_of_drill_is_refused_with_those_that_are_known(caller: Caller) -> None:
    """A person who guesses is told what there is."""
    told = caller.post("pairs/demo/drill", {"reason": "because", "kind": "wet"}).json()
    assert (told["status"], told["field"]) == (400, "kind")


def test_a_command_that_is_too_long_is_refused_unread(caller: Caller) -> None:
    """413: nobody writes that much."""
    answer = caller.send("POST", "pairs/demo/pause", data=b'{"reason": "' + b"x" * 70_000 + b'"}')
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")


@pytest.mark.parametrize("do", ["approve", "reject", "acknowledge", "resume"])
def test_a_command_that_makes_no_sense_now_is_refused_with_a_sentence(caller: Caller, do: str) -> None:
    """409, why, and nothing changes."""
    before = commanded(caller)
    answer = caller.post(f"pairs/demo/{do}", {"reason": "because"})
    assert answer.status_code == 409
    assert len(answer.json()["detail"].split()) > 3
    assert commanded(caller) == before


@pytest.mark.parametrize("do", ["approve", "reject"])
def test_an_answer_to_a_proposal_that_never_was_is_refused(caller: Caller, do: str) -> None:
    """409, and the sentence repeats the id that was given."""
    answer = caller.post(f"pairs/demo/{do}", {"reason": "because", "proposal": "0-12345678"})
    assert answer.status_code == 409
    assert "no proposal '0-12345678'" in answer.json()["detail"]
    assert caller.get("status").json()["pairs"][0]["proposal"] is None


def test_only_answers_name_a_proposal(caller: Caller) -> None:
    """Somebody who pauses with a proposal's id wanted something else."""
    told = caller.post("pairs/demo/pause", {"reason": "because", "proposal": "0-12345678"}).json()
    assert told["status"] == 400
    assert "proposal" in told["detail"]


def test_a_pause_shows_wherever_somebody_looks_and_ends_with_resume(caller: Caller) -> None:
    """In the pair, in the status line, in the explanation and on the page: by whom, and why."""
    accepted = caller.post("pairs/demo/pause", {"reason": "network work", "by": "ana"})
    assert (accepted.status_code, accepted.json()["why"]) == (202, "paused by ana: network work")
    paused = until(lambda: caller.view()["paused"], "the pause")
    (line,) = caller.get("status").json()["pairs"]
    until(lambda: "paused by ana" in caller.get("pairs/demo/explain").json()["text"], "the explanation")
    page = caller.get("status", headers={"Accept": "text/html"}).text
    caller.post("pairs/demo/resume", {"reason": "done", "by": "ana"})
    until(lambda: caller.view()["paused"] is None, "the end of the pause")
    assert (paused["by"], paused["reason"]) == ("ana", "network work")
    assert line["paused"] == paused
    assert "paused by ana" in page


def test_a_signed_in_name_outweighs_the_one_in_the_body(caller: Caller) -> None:
    """Who the platform vouches for is who did it."""
    headers = {"x-ms-client-principal-name": "ana@example.org"}
    answer = caller.post("pairs/demo/pause", {"reason": "work", "by": "somebody else"}, headers=headers)
    until(lambda: caller.view()["paused"], "the pause")
    caller.post("pairs/demo/resume", {"reason": "done"})
    until(lambda: caller.view()["paused"] is None, "the end of the pause")
    assert answer.json()["why"] == "paused by ana@example.org: work"


@pytest.mark.parametrize(("setting", "name"), [("false", ""), ("true", "ana@example.org")])
def test_the_header_that_names_a_caller_is_believed_only_where_the_platform_sets_it(setting: str, name: str) -> None:
    """Without authentication in front, anybody can send it."""
    settings = settings_from({"HUBSWITCH_PLANS": "plans", "HUBSWITCH_SIGNED_IN_HEADER": setting})
    headers = {"x-ms-client-principal-name": "ana@example.org"}
    request = func.HttpRequest("POST", "https://x.example/api/pairs/demo/pause", headers=headers, body=b"")
    assert caller_of(request, settings) == name


def test_everything_can_be_paused_and_resumed_at_once(caller: Caller) -> None:
    """It shows wherever somebody looks, is kept where other stamps read it, and leaves a pair's own pause alone."""
    caller.post("pairs/demo/pause", {"reason": "work"})
    accepted = caller.post("pause", {"reason": "nobody knows yet", "by": "ana"})
    assert (accepted.status_code, accepted.json()["pairs"]) == (202, ["demo"])
    paused = until(lambda: caller.view()["paused_all"], "the pause")
    (line,) = caller.get("status").json()["pairs"]
    page = caller.get("status", headers={"Accept": "text/html"}).text
    said = "every pair is paused by ana"
    until(lambda: said in caller.get("pairs/demo/explain").json()["text"], "the explanation")
    azure = caller.local.azure
    blob = azure.call(lambda: azure.ledger.get("hubswitch", "_shared/pause.json"))
    caller.post("resume", {"reason": "it was the network", "by": "ana"})
    until(lambda: caller.view()["paused_all"] is None, "the end of the pause")
    own = until(lambda: caller.view()["paused"], "the pair's own pause")
    caller.post("pairs/demo/resume", {"reason": "done"})
    until(lambda: caller.view()["paused"] is None, "the end of the pair's own pause")
    assert (paused["by"], paused["reason"], line["paused_all"]) == ("ana", "nobody knows yet", paused)
    assert "everything is paused" in page
    assert b'"paused":true' in blob.data
    assert own["reason"] == "work"


@pytest.mark.parametrize("path", ["pause", "pairs/demo/pause"])
def test_a_pause_that_cannot_be_stored_stands_here_and_says_so(caller: Caller, path: str) -> None:
    """503, and paused all the same; a resume that cannot be stored is refused."""
    field = "paused_all" if path == "pause" else "paused"
    caller.local.azure.faults.set(None, "ledger", "refuse")
    try:
        refused = caller.post(path, {"reason": "work"})
        until(lambda: caller.view()[field], "the pause")
        again = caller.post(path.replace("pause", "resume"), {"reason": "done"})
    finally:
        caller.local.azure.faults.clear(None, "ledger")
    assert (refused.status_code, again.status_code) == (503, 503)
    assert "other stamps cannot know" in refused.json()["detail"]
    assert again.json()["detail"].startswith("not resumed")
    assert caller.view()[field]
    until(lambda: caller.post(path.replace("pause", "resume"), {"reason": "done"}).status_code == 202, "the store")
    until(lambda: caller.view()[field] is None, "the end of the pause")


def test_a_drill_that_went_well_counts(caller: Caller) -> None:
    """It is kept in the ledger, and the next look reads it."""
    before = caller.view()["drills"]["green"]
    practise(caller, kind="canary", force=True)  # a slow answer on a busy machine makes the pair suspect
    counted = until(lambda: caller.view()["drills"]["green"] > before and caller.view()["drills"], "the count")
    assert counted["without"]


def test_what_this_stamp_sees_is_written_where_others_read_it(caller: Caller) -> None:
    """After each look that found something new, and now and then."""
    azure = caller.local.azure
    path = "_shared/pairs/demo/views/one.json"
    blob = until(lambda: azure.call(lambda: azure.ledger.get("hubswitch", path)), "the view")
    assert b'"active":"primary"' in blob.data


def test_the_page_has_the_looks_at_the_standby_that_are_kept_and_links_to_the_hubs(caller: Caller) -> None:
    """From the ledger, and from the plan; a record that cannot be read hides nothing else."""
    azure, path, now = caller.local.azure, "demo/readiness.json", datetime.now(UTC)
    looks = tuple(Scored(at=now + timedelta(minutes=30 * n), score=90 + n, ready=True) for n in range(5))
    record = ReadinessRecord(pair="demo", active=Role.PRIMARY, as_of=looks[-1].at, history=looks)

    def page_with(data: bytes) -> str:
        azure.call(lambda: azure.ledger.put("hubswitch", path, data))
        return caller.get("status", headers={"Accept": "text/html"}).text

    told = "Readiness from 90 to 94 in 2 h, lowest 90; ready in all 5 looks"
    # The app looks at the standby itself now and then, and writes there too.
    well = until(lambda: told in (page := page_with(encode(record))) and page, "the trend")
    broken = until(lambda: "<polyline" not in (page := page_with(b"{")) and page, "the page without it")
    page_with(encode(record))
    hubs = [f"https://portal.azure.com/#@/resource{caller.local.plan.side(role).hub_id}" for role in Role]
    assert all(f'href="{hub}"' in page for hub in hubs for page in (well, broken))


def test_the_explanation_says_what_would_change_it(caller: Caller) -> None:
    """At 3 a.m. the next question is what it waits for."""
    changes = ["two classes, one of them a work class, being bad without a break"]
    until(lambda: caller.get("pairs/demo/explain").json()["would_change"] == changes, "the next look")


@pytest.mark.parametrize(
    ("accepted", "answered"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/html;q=0.5", "application/json"),
        ("text/html;q=0", "application/json"),
        ("text/html;q=much", "application/json"),
        ("", "application/json"),
    ],
)
def test_browsers_get_a_page_and_programs_get_json(caller: Caller, accepted: str, answered: str) -> None:
    """By what they say they accept."""
    answer = caller.get("status", headers={"Accept": accepted})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, answered)
    assert answer.headers["Vary"] == "Accept"


def test_the_page_comes_with_what_keeps_its_address_secret(caller: Caller) -> None:
    """The address may hold the key: not cached, not told to others, nothing loaded from elsewhere."""
    headers = caller.get("status", headers={"Accept": "text/html"}).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(("asked", "meta"), [("15", 'content="15"'), ("1", 'content="5"')])
def test_the_page_reloads_itself_only_if_asked_to(caller: Caller, asked: str, meta: str) -> None:
    """And not more often than anybody can read."""
    page = caller.get(f"status?refresh={asked}", headers={"Accept": "text/html"}).text
    assert f'<meta http-equiv="refresh" {meta}>' in page


@pytest.mark.parametrize("asked", ["", "x", "-1", "1e9", "99999999999999999999", "²"])
def test_a_reload_that_makes_no_sense_is_left_out(caller: Caller, asked: str) -> None:
    """The page is what matters."""
    page = caller.get(f"status?refresh={asked}", headers={"Accept": "text/html"})
    assert (page.status_code, 'http-equiv="refresh"' in page.text) == (200, False)


def test_the_page_comes_although_the_ledger_cannot_be_counted(caller: Caller) -> None:
    """Numbers are a nicety; the page is for bad days."""
    caller.local.azure.faults.set(None, "ledger", "5xx", status=503, method="GET", path="comp=list|hubswitch$")
    try:
        page = caller.get("status", headers={"Accept": "text/html"})
    finally:
        caller.local.azure.faults.clear(None, "ledger")
    assert page.status_code == 200
    assert "could not be counted" in page.text


def test_a_dry_drill_without_the_ledger_ends_with_findings(caller: Caller) -> None:
    """One for each thing that needs it, and one that says that the drill itself could not be kept."""
    caller.local.azure.faults.set(None, "ledger", "5xx", status=503)
    try:
        _, run = practise(caller, failed=["epoch", "jobs", "kept"])
    finally:
        caller.local.azure.faults.clear(None, "ledger")
    assert (run["status"], run["output"]["ok"]) == ("completed", False)
    until(lambda: not caller.view()["trouble"], "the end of the pair's trouble")


def test_the_root_is_the_page_for_anybody_and_holds_nothing_of_any_pair(caller: Caller) -> None:
    """It asks for the pairs by itself, with a key that somebody types or with a login."""
    found = requests.get(f"{caller.local.host.url}/", timeout=60)
    assert (found.status_code, found.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'sha256-" in found.headers["Content-Security-Policy"]
    assert "demo" not in found.text
    assert "eastus2" not in found.text


def test_one_pair_can_be_asked_for(caller: Caller) -> None:
    """As JSON and as a page; one that nobody knows is 404."""
    page = {"Accept": "text/html"}
    assert [line["pair"] for line in caller.get("status?pair=demo").json()["pairs"]] == ["demo"]
    assert 'id="pair-demo"' in caller.get("status?pair=demo", headers=page).text
    assert [caller.get("status?pair=nope", headers=kind).status_code for kind in ({}, page)] == [404, 404]
