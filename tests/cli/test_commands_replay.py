"""``hubswitch replay`` and ``hubswitch events parse`` as plain functions: output, exit status, errors."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from orchestrator.cli.commands_events import events_parse_command
from orchestrator.cli.commands_replay import replay_command

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def run(*names: str, as_json: bool = True, plan: Path | None = None) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = replay_command([SCENARIOS / name for name in names], plan, as_json=as_json, out=out, err=err)
    return status, out.getvalue(), err.getvalue()


def test_json_is_one_object_per_scenario_and_nothing_else() -> None:
    """Standard output carries JSON alone."""
    status, out, err = run("short-alert.yaml", "rejected.yaml")
    assert (status, err) == (0, "")
    assert [json.loads(line)["scenario"] for line in out.splitlines()] == ["short-alert", "rejected"]


def test_people_read_what_happened_and_why() -> None:
    """Each switch with its reason, each hold with its reason."""
    _, out, _ = run("failback-on-time.yaml", as_json=False)
    assert "failback-on-time: failover, as expected" in out
    assert "failover to the secondary, epoch 1: hub for 5 min" in out
    assert "held: failback refused" in out


def test_a_missed_expectation_is_status_one(tmp_path: Path) -> None:
    """And the others are still played."""
    text = (SCENARIOS / "rejected.yaml").read_text().replace("outcome: hold", "outcome: failover")
    (tmp_path / "wrong.yaml").write_text(text)
    out, err = io.StringIO(), io.StringIO()
    paths = [tmp_path / "wrong.yaml", SCENARIOS / "short-alert.yaml"]
    assert replay_command(paths, None, as_json=True, out=out, err=err) == 1
    assert [json.loads(line)["ok"] for line in out.getvalue().splitlines()] == [False, True]


@pytest.mark.parametrize("name", ["nowhere.yaml", ""])
def test_a_file_that_cannot_be_used_is_status_two_and_one_line(name: str) -> None:
    """No traceback, and nothing on standard output."""
    status, out, err = run(name)
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_a_plan_that_cannot_be_read_is_status_two(tmp_path: Path) -> None:
    """The line names the plan."""
    status, _, err = run("rejected.yaml", plan=tmp_path / "plan.yaml")
    assert (status, "plan.yaml" in err) == (2, True)


def parsed(*files: str, stdin: str = "") -> tuple[int, list[dict[str, object]], str]:
    out, err = io.StringIO(), io.StringIO()
    status = events_parse_command(files, stdin=io.StringIO(stdin), out=out, err=err)
    return status, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_a_file_that_cannot_be_read_hides_none_of_the_others(tmp_path: Path) -> None:
    """Exit 2 with its name, and every line of those that can be read."""
    (tmp_path / "a.json").write_text('{"eventType": "A"}')
    (tmp_path / "b.json").write_text('{"eventType": "B"}')
    status, lines, err = parsed(*(str(tmp_path / name) for name in ("a.json", "none.json", "b.json")))
    assert (status, [line["type"] for line in lines]) == (2, ["A", "B"])
    assert ("none.json" in err, err.count("\n")) == (True, 1)


def test_each_element_is_a_line_in_the_order_of_the_input(tmp_path: Path) -> None:
    """Files in order, elements in order, standard input where the hyphen stands."""
    (tmp_path / "a.json").write_text('[{"eventType": "A"}, {"eventType": "B"}]')
    (tmp_path / "b.json").write_text("not json")
    status, lines, _ = parsed(str(tmp_path / "a.json"), "-", str(tmp_path / "b.json"), stdin='{"eventType": "C"}')
    assert status == 0
    assert [(line["kind"], line["type"]) for line in lines] == [
        ("ignored", "A"),
        ("ignored", "B"),
        ("ignored", "C"),
        ("invalid", None),
    ]


def test_a_file_that_is_not_there_is_one_line_and_status_two() -> None:
    """The line names the file."""
    status, lines, err = parsed("/nowhere/at/all.json")
    assert (status, lines, err.count("\n")) == (2, [], 1)
