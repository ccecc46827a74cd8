"""Questions and commands over HTTP, on the running app: who may ask, what is refused, what changes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest
from live import Caller, until

from orchestrator.local.session import Local
from orchestrator.settings import settings_from
from orchestrator.triggers.http_pairs import caller_of

COMMANDS = ("approve", "reject", "acknowledge", "pause", "resume", "failover", "failback")
KEYED = [
    ("GET", "status"),
    ("GET", "pairs/demo"),
    ("GET", "pairs/demo/explain"),
    ("GET", "runs/some"),
    ("POST", "pairs/demo/drill"),
    *(("POST", f"pairs/demo/{do}") for do in COMMANDS),
    ("POST", "events"),
    ("OPTIONS", "events"),
    ("POST", "alerts"),
    ("OPTIONS", "alerts"),
]
WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
STORES = ("resource-manager", "ledger", "configuration")

KEPT = re.compile(r"/demo/(?:signals/|views/|decisions\.json)")
"""What looks and decisions leave behind, whenever they come."""


def written(local: Local, since: datetime) -> list[str]:
    """What was written to Resource Manager, the ledger or the pointer's store from a moment on, but for ``KEPT``."""
    return [
        f"{entry.method} {entry.path}"
        for entry in local.azure.log.between(since, datetime.now(UTC))
        if entry.method in WRITES and entry.service.startswith(STORES) and not KEPT.search(entry.path)
    ]


def kept(run: dict[str, Any]) -> list[str]:
    """Where a drill leaves its result, and that it went well if it did."""
    drill, ok = run["output"]["drill"], run["output"]["ok"]
    counted = ["PUT /hubswitch/_shared/pairs/demo/drills.json"] if ok else []
    return [f"PUT /hubswitch/demo/drills/{drill}.json", *counted]


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
    line = caller.get("status").json()["pairs"][0]
    assert line["replication"] == {"jobs": 0, "assets": 0, "since": None, "running": 0}


def test_a_dry_drill_is_followed_to_its_end(caller: Caller) -> None:
    """202 with the run's place; the run ends with one finding for everything that a switch would need."""
    accepted = caller.post("pairs/demo/drill", {"reason": "weekly practice", "by": "ana"})
    run = caller.followed(accepted)
    assert (run["output"]["by"], run["output"]["reason"]) == ("ana", "weekly practice")
    checks = {finding["check"] for finding in run["output"]["findings"]}
    assert (run["status"], run["output"]["ok"], run["output"]["kind"]) == ("completed", True, "dry")
    assert {"epoch", "secondary.hub", "secondary.control", "observer", "elsewhere", "jobs"} <= checks
    assert accepted.json()["follow"] == accepted.headers["Location"]


def test_a_dry_drill_writes_nothing_anywhere(caller: Caller) -> None:
    """Neither to Resource Manager nor to the pointer's store; to the ledger its own result, and that it went well."""
    start = datetime.now(UTC)
    run = caller.followed(caller.post("pairs/demo/drill", {"reason": "weekly practice"}))
    assert written(caller.local, start) == kept(run)


def test_a_dry_drill_finds_what_would_go_wrong(caller: Caller) -> None:
    """A standby that does not answer fails its finding, and the drill; the run itself ends well."""
    region = caller.local.plan.secondary.region
    caller.local.azure.faults.set(region, "hub", "5xx", status=503)
    try:
        run = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice"}))
    finally:
        caller.local.azure.faults.clear(region)
    failed = [finding["check"] for finding in run["output"]["findings"] if not finding["ok"]]
    assert (run["status"], run["output"]["ok"], failed) == ("completed", False, ["secondary.hub"])


def test_a_canary_drill_submits_one_tagged_job_to_the_standby_and_nothing_else(caller: Caller) -> None:
    """The job is there, has run, and its PUT is the only thing that was written, but for what the looks recorded."""
    start = datetime.now(UTC)
    run = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice", "kind": "canary"}))
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
    before = caller.view()["journal"]
    answer = caller.send("POST", f"pairs/demo/{do}", data=body)
    told = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert (told["where"], told["field"]) == (f"body of POST pairs/demo/{do}", field)
    assert told["expected"]
    assert told["got"]
    assert caller.view()["journal"] == before


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
    before = caller.view()["journal"]
    answer = caller.post(f"pairs/demo/{do}", {"reason": "because"})
    assert answer.status_code == 409
    assert len(answer.json()["detail"].split()) > 3
    assert caller.view()["journal"] == before


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
    explained = caller.get("pairs/demo/explain").json()["text"]
    page = caller.get("status", headers={"Accept": "text/html"}).text
    caller.post("pairs/demo/resume", {"reason": "done", "by": "ana"})
    until(lambda: caller.view()["paused"] is None, "the end of the pause")
    assert (paused["by"], paused["reason"]) == ("ana", "network work")
    assert line["paused"] == paused
    assert "paused by ana" in explained
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
    explained = caller.get("pairs/demo/explain").json()["text"]
    azure = caller.local.azure
    blob = azure.call(lambda: azure.ledger.get("hubswitch", "_shared/pause.json"))
    caller.post("resume", {"reason": "it was the network", "by": "ana"})
    until(lambda: caller.view()["paused_all"] is None, "the end of the pause")
    own = caller.view()["paused"]
    caller.post("pairs/demo/resume", {"reason": "done"})
    until(lambda: caller.view()["paused"] is None, "the end of the pair's own pause")
    assert (paused["by"], paused["reason"], line["paused_all"]) == ("ana", "nobody knows yet", paused)
    assert "every pair is paused by ana" in explained
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
    caller.followed(caller.post("pairs/demo/drill", {"reason": "practice"}))
    counted = until(lambda: caller.view()["drills"]["green"] > before and caller.view()["drills"], "the count")
    assert counted["without"]


def test_what_this_stamp_sees_is_written_where_others_read_it(caller: Caller) -> None:
    """After each look that found something new, and now and then."""
    azure = caller.local.azure
    path = "_shared/pairs/demo/views/one.json"
    blob = until(lambda: azure.call(lambda: azure.ledger.get("hubswitch", path)), "the view")
    assert b'"active":"primary"' in blob.data


def test_the_explanation_says_what_would_change_it(caller: Caller) -> None:
    """At 3 a.m. the next question is what it waits for."""
    changes = until(lambda: caller.get("pairs/demo/explain").json()["would_change"], "the next look")
    assert changes == ["two classes, one of them a work class, being bad without a break"]


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
        run = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice"}))
    finally:
        caller.local.azure.faults.clear(None, "ledger")
    failed = {finding["check"] for finding in run["output"]["findings"] if not finding["ok"]}
    assert (run["status"], run["output"]["ok"], failed) == ("completed", False, {"epoch", "jobs", "kept"})
    until(lambda: not caller.view()["trouble"], "the end of the pair's trouble")
