"""What was decided and what was seen can be asked for afterwards."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from live import Caller, until

from orchestrator.cli.app_calls import App
from orchestrator.cli.commands_backtest import backtest_command
from orchestrator.cli.commands_pairs import explain_command, export_command, format_explanation
from orchestrator.core.recording import Began, Looked, Wanted, in_full, lines_from


def decided(caller: Caller, **params: Any) -> dict[str, Any]:
    found = caller.get("pairs/demo/decisions", params=params)
    assert found.status_code == 200, found.text
    answer: dict[str, Any] = found.json()
    return answer


def _without_the_pause(found: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The decisions, once the pause is over and the one that it held is in the ledger's page, a little later."""
    paused = ["hold.paused" in one["holds"] for one in found]
    return found if any(paused) and not paused[0] else None


def test_every_decision_is_kept_with_its_inputs(caller: Caller) -> None:
    """Newest first; one that no longer stands is found in the ledger, the one that stands comes first."""
    caller.post("pairs/demo/pause", {"reason": "to see it in the history"})
    until(lambda: any("hold.paused" in one["holds"] for one in decided(caller)["decisions"]), "the pause is kept")
    caller.post("pairs/demo/resume", {"reason": "seen"})
    found = until(lambda: _without_the_pause(decided(caller)["decisions"]), "the end of the pause")
    times = [one["first_at"] for one in found]
    assert times == sorted(times, reverse=True)
    assert {"verdicts", "epoch", "mode", "rule", "why", "would_change", "times", "first_at", "last_at"} <= set(found[0])
    assert len(decided(caller, limit=1)["decisions"]) == 1


def test_what_was_seen_is_given_as_json_lines(caller: Caller) -> None:
    """From where the pair stood on: looks and commands, each with its clock."""
    caller.post("pairs/demo/acknowledge", {"reason": "to have it recorded"})
    caller.post("pairs/demo/pause", {"reason": "to have it recorded"})
    until(lambda: caller.view()["paused"], "the pause")
    caller.post("pairs/demo/resume", {"reason": "to have it recorded"})
    until(lambda: caller.view()["paused"] is None, "the end of the pause")

    def recorded() -> list[type[Any]] | None:
        """Kinds of lines, once a look is among them: what was seen is recorded after it was handed over."""
        answer = caller.get("pairs/demo/signals")
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "application/jsonl")
        kinds = [type(line) for line in in_full(lines_from(answer.content, "answer"))]
        return kinds if {Looked, Wanted} <= set(kinds) else None

    assert until(recorded, "looks and commands")[0] is Began


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("pairs/demo/decisions?limit=0", "limit"),
        ("pairs/demo/decisions?limit=some", "limit"),
        ("pairs/demo/decisions?limit=201", "limit"),
        ("pairs/demo/signals?since=yesterday", "since"),
        ("pairs/demo/signals?since=0001-01-01T00:00:00%2B14:00", "since"),
    ],
)
def test_a_question_that_cannot_be_understood_is_the_callers_fault(caller: Caller, path: str, field: str) -> None:
    """400 that says which word and what was expected."""
    answer = caller.get(path)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert answer.json()["where"] == f"query of GET {path.partition('?')[0]}"


@pytest.mark.parametrize("what", ["decisions", "signals"])
def test_an_unknown_pair_has_no_history(caller: Caller, what: str) -> None:
    """404."""
    assert caller.get(f"pairs/nope/{what}").status_code == 404


def test_the_command_tells_what_the_app_tells(caller: Caller) -> None:
    """The same paragraph; as JSON the same object."""
    app, out, err = App(caller.local.host.url, caller.local.key), io.StringIO(), io.StringIO()
    assert explain_command(app, "demo", as_json=True, out=out, err=err) == 0
    found = json.loads(out.getvalue())
    assert (set(found), err.getvalue()) == (set(caller.get("pairs/demo/explain").json()), "")
    assert format_explanation(found).splitlines()[0] == found["text"]
    assert all(f"  - {change}" in format_explanation(found) for change in found["would_change"])


@pytest.mark.parametrize(
    ("pair", "key", "status", "said"),
    [
        ("nope", None, 1, "there is no plan for a pair named 'nope'"),
        ("demo", "wrong", 2, "the function key is missing or wrong"),
        ("demo", "schlüssel✓", 2, "did not answer"),
    ],
)
def test_what_the_app_refuses_is_one_line(caller: Caller, pair: str, key: str | None, status: int, said: str) -> None:
    """On standard error, with nothing on standard output."""
    app = App(caller.local.host.url, caller.local.key if key is None else key)
    out, err = io.StringIO(), io.StringIO()
    assert explain_command(app, pair, as_json=False, out=out, err=err) == status
    assert (out.getvalue(), err.getvalue().count("\n"), said in err.getvalue()) == ("", 1, True)


def test_a_place_where_no_app_is_is_one_line() -> None:
    """Port 9 of loopback: nobody is there."""
    out, err = io.StringIO(), io.StringIO()
    assert export_command(App("http://127.0.0.1:9", ""), "demo", None, out=out, err=err) == 2
    assert (out.getvalue(), err.getvalue().count("\n")) == ("", 1)


def test_what_was_exported_can_be_backtested(caller: Caller, tmp_path: Path) -> None:
    """As it comes from the app, under a policy that says what is so already."""
    out, err = io.StringIO(), io.StringIO()
    app = App(caller.local.host.url, caller.local.key)
    assert export_command(app, "demo", None, out=out, err=err) == 0
    (tmp_path / "demo.jsonl").write_text(out.getvalue(), encoding="utf-8")
    (tmp_path / "same.yaml").write_text(f"mode: {caller.local.plan.policy.mode}\n", encoding="utf-8")
    out = io.StringIO()
    paths = [tmp_path / "demo.jsonl"]
    assert backtest_command(paths, tmp_path / "same.yaml", None, as_json=False, out=out, err=err) == 0, out.getvalue()
    assert "the changed policy does the same" in out.getvalue()


def test_the_page_shows_the_last_decisions(caller: Caller) -> None:
    """With what would have changed them."""
    for told in ("Last decisions", "What would change it"):
        until(lambda: told in caller.get("status", headers={"Accept": "text/html"}).text, told)  # noqa: B023
