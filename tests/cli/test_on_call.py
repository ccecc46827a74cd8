"""The command line of people on call, against a running app: status, orders, runs, and their exit codes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from live import Caller, until
from ran import Ran, Run, read_json, run_here

from orchestrator.cli.commands_pairs import format_run
from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.jobs.data_report import DataItem, DataReport, DataState
from orchestrator.local.client import pointer_on


@pytest.fixture
def run(caller: Caller, capsys: pytest.CaptureFixture[str]) -> Run:
    """Commands to that app; ``key``: another one than its own."""

    def call(*arguments: str, key: str | None = None) -> Ran:
        at = ("--url", caller.local.host.url, "--key", caller.local.key if key is None else key)
        return run_here(capsys, *arguments, *at)

    return call


def test_status_has_the_promised_fields(run: Run) -> None:
    """Scripts read these names."""
    # The first looks of a busy machine may not know yet that the standby is well.
    found = until(
        lambda: (s := read_json(run, "status"))["pairs"][0]["can_fail_over"] and s, "a pair that can fail over"
    )
    assert list(found) == ["as_of", "pairs"]
    (pair,) = found["pairs"]
    assert set(pair) == {
        *("pair", "phase", "active", "region", "epoch", "headline", "why", "next", "stale", "trouble"),
        *("needs_a_person", "ready", "can_fail_over", "proposal"),
    }
    assert pair | {"why": "", "headline": "", "ready": None} == {
        "pair": "demo",
        "phase": "steady",
        "active": "primary",
        "region": "eastus2",
        "epoch": 0,
        "headline": "",
        "why": "",
        "next": None,
        "stale": False,
        "trouble": [],
        "needs_a_person": False,
        "ready": None,
        "can_fail_over": True,
        "proposal": None,
    }
    assert pair["headline"] == "steady on the primary (eastus2)"
    assert pair["ready"] in {None, True}  # the latter if the standby has been looked at already


def test_status_for_people_names_every_pair(run: Run) -> None:
    """A headline, and the reason below it."""
    wanted = "  demo: steady on the primary (eastus2)"
    until(lambda: (said := run("status"))[0] == 0 and said[1].splitlines()[0] == wanted, wanted)


def test_an_explanation_for_people_ends_with_the_journal(run: Run, caller: Caller) -> None:
    """The same entries as for scripts, with time, phase and rule."""
    assert run("pause", "demo", "--reason", "network work", "--by", "ana")[0] == 0
    until(lambda: caller.view()["paused"], "the pause")
    entry = next(entry for entry in read_json(run, "explain", "demo")["journal"] if entry["rule"] == "paused")
    out = run("explain", "demo")[1]
    assert run("resume", "demo", "--reason", "done")[0] == 0
    until(lambda: caller.view()["paused"] is None, "the end of the pause")
    lines = out.splitlines()
    at = f"{entry['at'][:10]} {entry['at'][11:19]}Z"
    journal = lines[lines.index("Journal, newest first:") + 1 :]
    assert f"  {at} {entry['phase']} {entry['rule']}: {entry['why']}" in journal


def test_pairs_are_listed_and_shown(run: Run) -> None:
    """Names alone, or one with everything."""
    assert read_json(run, "pairs") == ["demo"]
    assert read_json(run, "pairs", "demo")["regions"] == {"primary": "eastus2", "secondary": "westus3"}


def test_a_pause_holds_and_a_resume_ends_it(run: Run, caller: Caller) -> None:
    """What was ordered shows in the status."""
    assert run("pause", "demo", "--reason", "network work", "--by", "ana")[0] == 0
    until(lambda: caller.view()["paused"], "the pause")

    def paused() -> dict[str, Any] | None:
        (pair,) = read_json(run, "status")["pairs"]
        return pair if pair["headline"].startswith("PAUSED; ") else None

    assert until(paused, "the headline")["can_fail_over"] is False
    shown = run("status")[1]
    assert "    paused by ana since 20" in shown
    assert "Z: network work\n" in shown
    assert run("resume", "demo", "--reason", "done")[0] == 0
    until(lambda: caller.view()["paused"] is None, "the end of the pause")


def test_an_order_without_a_reason_is_refused_where_nobody_can_be_asked(run: Run) -> None:
    """Exit 2, with the option that is missing."""
    status, out, err = run("pause", "demo")
    assert (status, out) == (2, "")
    assert "--reason: expected a sentence that says why" in err


def test_an_order_that_makes_no_sense_now_is_exit_1(run: Run) -> None:
    """The app's sentence goes to standard error."""
    status, _, err = run("failback", "demo", "--reason", "home")
    assert status == 1
    assert "primary" in err


def test_an_unknown_pair_and_an_unknown_run_are_exit_1(run: Run) -> None:
    """Nothing is printed on standard output."""
    assert run("pairs", "nope")[:2] == (1, "")
    assert run("run", "failover-demo-e99")[:2] == (1, "")
    assert run("pause", "nope", "--reason", "x")[:2] == (1, "")


def test_a_wrong_key_is_exit_2(run: Run) -> None:
    """With the option that would help."""
    status, _, err = run("status", key="wrong")
    assert status == 2
    assert "--key" in err


def test_a_drill_is_waited_for_and_its_run_can_be_shown(run: Run) -> None:
    """Exit 0 because it ended well; decisions can be read."""

    def practised() -> dict[str, Any] | None:
        """None if it found a fault: on a busy machine a probe may have no answer in time."""
        status, out, err = run("drill", "demo", "--reason", "practice", "--wait", "--json")
        found: dict[str, Any] = json.loads(out)
        assert (status == 0, err) == (found["output"]["ok"], "")
        return found if status == 0 else None

    found = until(practised, "a drill that goes well", longest=10, pause=1)
    assert found["output"]["ok"] is True
    shown = read_json(run, "run", found["id"])
    assert shown["status"] == "completed"
    assert run("run", found["id"])[1].startswith(f"{found['id']}: completed")
    assert read_json(run, "decisions", "demo")["decisions"]


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ({"outcome": None, "aborted": ""}, None),
        ({"outcome": "not-ready"}, "    not-ready"),
        ({"outcome": None, "aborted": "ana aborted it: enough"}, "    ana aborted it: enough"),
        ({"outcome": "completed", "why": "all moved"}, "    completed all moved"),
    ],
)
def test_a_run_is_shown_with_what_it_came_to(output: dict[str, str | None], line: str | None) -> None:
    """A drill that went as usual says nothing but its findings."""
    shown = format_run({"id": "r", "status": "completed", "output": {**output, "findings": []}})
    assert shown.splitlines() == ["r: completed", *([line] if line else [])]


def test_a_failover_that_is_ordered_and_waited_for_ends_well(run: Run, caller: Caller) -> None:
    """The pointer has moved when the command returns; the status says what comes next."""
    wanted = until(lambda: read_json(run, "status")["pairs"][0]["can_fail_over"], "a pair that can fail over")
    assert wanted
    status, out, err = run("failover", "demo", "--reason", "planned work", "--wait")
    assert (status, err) == (0, "")
    assert "completed" in out
    assert pointer_on(caller.local.azure, caller.local.plan)["active"] == "secondary"
    pair = until(lambda: _settled(read_json(run, "status")), "the end of the run in the status")
    assert "SWITCHED to the secondary (westus3) at " in pair["headline"]
    assert pair["next"]["what"] == "the cooldown ends"
    assert pair["needs_a_person"] is True
    acknowledged = run("acknowledge", "demo", "--reason", "seen")
    assert acknowledged[0] == 0 or "nothing to acknowledge" in acknowledged[2]  # the cooldown may have ended by then
    until(lambda: not read_json(run, "status")["pairs"][0]["needs_a_person"], "the acknowledgement")


def _settled(view: dict[str, Any]) -> dict[str, Any] | None:
    (pair,) = view["pairs"]
    return pair if pair["phase"] == "settled" else None


def test_runs_lists_drills_and_what_a_script_may_ask(run: Run, caller: Caller) -> None:
    """Newest first, of one pair or of all, as many as were asked for."""
    done = [caller.followed(caller.post("pairs/demo/drill", {"reason": f"practice {number}"}))["id"] for number in "12"]
    found = read_json(run, "runs", "demo")
    assert [line["id"] for line in found["runs"][:2]] == done[::-1]
    assert found["unread"] == []
    assert set(found["runs"][0]) >= {"id", "pair", "kind", "epoch", "outcome", "why", "at"}
    assert [line["id"] for line in read_json(run, "runs", "--limit", "1")["runs"]] == done[1:]
    status, out, _ = run("runs")
    assert (status, done[1] in out.splitlines()[0]) == (0, True)
    assert run("runs", "nobody")[0] == 1
    assert caller.get("runs", params={"limit": "0"}).json()["detail"].startswith("query of GET")


def test_a_run_under_way_is_listed_first_and_once(run: Run, caller: Caller) -> None:
    """It has no summary yet; as soon as it has, that is what is shown."""
    kind = "failover" if caller.settled_down()["active"] == "primary" else "failback"
    epoch = caller.view()["epoch"] + 1
    ordered = f"{kind}-demo-e{epoch}"
    assert caller.post(f"pairs/demo/{kind}", {"reason": "practice", "force": True}).status_code == 202

    def listed() -> list[dict[str, Any]]:
        return [line for line in read_json(run, "runs", "demo")["runs"] if line["id"] == ordered]

    (seen,) = until(listed, "the run")
    assert (seen["kind"], seen["epoch"], seen["outcome"] in {"running", "completed"}) == (kind, epoch, True)
    until(lambda: listed()[0]["outcome"] == "completed", "its summary")
    assert [line["id"] for line in read_json(run, "runs", "demo")["runs"]].count(ordered) == 1
    until(lambda: caller.view()["run"] is None, "the end of the run in the status")


def test_a_graceful_failover_is_ordered_by_an_option_and_says_so(run: Run, caller: Caller) -> None:
    """The way back of it is a failback; only a failover can be graceful, for a failback always is."""
    if caller.settled_down()["active"] == "secondary":
        assert run("failback", "demo", "--reason", "home", "--force", "--wait")[0] == 0
        until(lambda: caller.view()["run"] is None, "the end of the failback in the status")
    status, out, err = run("failover", "demo", "--graceful", "--reason", "patch day", "--wait", "--force")
    assert (status, err) == (0, "")
    assert "graceful failover forced by" in out
    until(lambda: caller.view()["run"] is None, "the end of the failover in the status")
    refused = caller.post("pairs/demo/failback", {"reason": "home", "graceful": True})
    assert refused.status_code == 400
    assert "graceful" in refused.text


def test_a_drain_is_a_duration_and_of_a_graceful_failover_only(run: Run, caller: Caller) -> None:
    """What is wrong is said, and nothing is ordered."""
    caller.settled_down()
    refused = {
        ("--graceful", "--drain", "soon"): (2, "drain: expected a duration such as 30s, 5m or 12h, got 'soon'"),
        ("--graceful", "--drain", "2d"): (1, "a drain lasts at most 24 h, not 48 h"),
        ("--drain", "30m"): (1, "only a graceful failover drains: order it as graceful, or without a drain"),
    }
    for options, (exit_status, why) in refused.items():
        status, _, err = run("failover", "demo", *options, "--reason", "patch day", "--force")
        assert (status, why in err) == (exit_status, True), err
    assert caller.view()["run"] is None


def test_a_graceful_failover_that_drains_says_how_long(run: Run, caller: Caller) -> None:
    """Nothing runs, so that it switches at once."""
    if caller.settled_down()["active"] == "secondary":
        assert run("failback", "demo", "--reason", "home", "--force", "--wait")[0] == 0
        until(lambda: caller.view()["run"] is None, "the end of the failback in the status")
    options = ("--graceful", "--drain", "30m", "--reason", "patch day", "--wait", "--force")
    status, out, err = run("failover", "demo", *options)
    assert (status, err) == (0, "")
    assert "graceful failover after a drain of at most 30 min forced by" in out
    until(lambda: caller.view()["run"] is None, "the end of the failover in the status")


def test_data_says_what_running_jobs_read(run: Run, caller: Caller) -> None:
    """Nothing runs, so nothing has to be copied; a pair that is not there is told. Whoever asks twice waits once."""
    found = read_json(run, "data", "demo")
    active = caller.get("pairs/demo").json()["active"]
    assert found == {"pair": "demo", "active": active, "running": 0, "items": [], "not_read": [], "copies": []}
    status, out, _ = run("data", "demo")
    assert (status, f"0 running jobs of the {active}" in out) == (0, True)
    status, _, err = run("data", "nope")
    assert (status, "nope" in err) == (1, True)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: caller.get("pairs/demo/data").json(), range(4)))
    assert answers == [found] * 4


def test_data_that_must_be_copied_is_for_a_person(run: Run, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3, with the place and what to do; a report that fails is 503 and an exit of its own."""
    from orchestrator.standby import data as report_of

    item = DataItem(name="iris", state=DataState.MISSING, resolves_silently=False, jobs=("train",), remedy="copy it")
    made = DataReport(pair="demo", active="primary", running=1, items=(item,))
    monkeypatch.setattr(report_of, "data_report", lambda *_: made)
    status, out, _ = run("data", "demo")
    assert (status, "missing" in out, "copy it" in out) == (3, True, True)

    def fail(*_: Any) -> DataReport:
        raise TemporaryError("nobody answers")

    monkeypatch.setattr(report_of, "data_report", fail)
    answer = caller.get("pairs/demo/data")
    assert (answer.status_code, "nobody answers" in answer.json()["detail"]) == (503, True)
