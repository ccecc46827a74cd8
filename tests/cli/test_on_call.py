"""The command line of people on call, against a running app: status, orders, runs, and their exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from live import Caller, until

from orchestrator.cli.main import status_of
from orchestrator.local.client import pointer_on

type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(caller: Caller, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("status", "--json")``: exit status, standard output, standard error."""

    def call(*arguments: str, key: str | None = None) -> tuple[int, str, str]:
        capsys.readouterr()
        at = ("--url", caller.local.host.url, "--key", caller.local.key if key is None else key)
        status = status_of([*arguments, *at])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def told(run: Run, *arguments: str) -> Any:
    status, out, err = run(*arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_status_has_the_promised_fields(run: Run) -> None:
    """Scripts read these names."""
    found = told(run, "status")
    assert list(found) == ["as_of", "pairs"]
    (pair,) = found["pairs"]
    assert set(pair) == {
        *("pair", "phase", "active", "region", "epoch", "headline", "why", "next", "stale", "trouble"),
        *("needs_a_person", "ready", "can_fail_over", "proposal"),
    }
    assert pair | {"why": "", "headline": ""} == {
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


def test_status_for_people_names_every_pair(run: Run) -> None:
    """A headline, and the reason below it."""
    status, out, _ = run("status")
    assert (status, out.splitlines()[0]) == (0, "  demo: steady on the primary (eastus2)")


def test_pairs_are_listed_and_shown(run: Run) -> None:
    """Names alone, or one with everything."""
    assert told(run, "pairs") == ["demo"]
    assert told(run, "pairs", "demo")["regions"] == {"primary": "eastus2", "secondary": "westus3"}


def test_a_pause_holds_and_a_resume_ends_it(run: Run, caller: Caller) -> None:
    """What was ordered shows in the status."""
    assert run("pause", "demo", "--reason", "network work", "--by", "ana")[0] == 0
    until(lambda: caller.view()["paused"], "the pause")
    (pair,) = told(run, "status")["pairs"]
    assert pair["headline"].startswith("PAUSED; ")
    assert pair["can_fail_over"] is False
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
    found = told(run, "drill", "demo", "--reason", "practice", "--wait")
    assert found["output"]["ok"] is True
    shown = told(run, "run", found["id"])
    assert shown["status"] == "completed"
    assert run("run", found["id"])[1].startswith(f"{found['id']}: completed")
    assert told(run, "decisions", "demo")["decisions"]


def test_a_failover_that_is_ordered_and_waited_for_ends_well(run: Run, caller: Caller) -> None:
    """The pointer has moved when the command returns; the status says what comes next."""
    status, out, err = run("failover", "demo", "--reason", "planned work", "--wait")
    assert (status, err) == (0, "")
    assert "completed" in out
    assert pointer_on(caller.local.azure, caller.local.plan)["active"] == "secondary"
    pair = until(lambda: _settled(told(run, "status")), "the end of the run in the status")
    assert pair["headline"].startswith("SWITCHED to the secondary (westus3) at ")
    assert pair["next"]["what"] == "the cooldown ends"
    assert pair["needs_a_person"] is True
    assert run("acknowledge", "demo", "--reason", "seen")[0] == 0
    until(lambda: not told(run, "status")["pairs"][0]["needs_a_person"], "the acknowledgement")


def _settled(view: dict[str, Any]) -> dict[str, Any] | None:
    (pair,) = view["pairs"]
    return pair if pair["phase"] == "settled" else None


def test_runs_lists_drills_and_what_a_script_may_ask(run: Run, caller: Caller) -> None:
    """Newest first, of one pair or of all, as many as were asked for."""
    done = [caller.followed(caller.post("pairs/demo/drill", {"reason": f"practice {number}"}))["id"] for number in "12"]
    found = told(run, "runs", "demo")
    assert [line["id"] for line in found["runs"][:2]] == done[::-1]
    assert found["unread"] == []
    assert set(found["runs"][0]) >= {"id", "pair", "kind", "epoch", "outcome", "why", "at"}
    assert [line["id"] for line in told(run, "runs", "--limit", "1")["runs"]] == done[1:]
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
        return [line for line in told(run, "runs", "demo")["runs"] if line["id"] == ordered]

    (seen,) = until(listed, "the run")
    assert (seen["kind"], seen["epoch"], seen["outcome"] in {"running", "completed"}) == (kind, epoch, True)
    until(lambda: listed()[0]["outcome"] == "completed", "its summary")
    assert [line["id"] for line in told(run, "runs", "demo")["runs"]].count(ordered) == 1
