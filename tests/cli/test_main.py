"""The command line keeps its promises: exit status, one line for what is wrong, JSON alone on standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import __version__
from orchestrator.cli.main import status_of

PLANS = Path(__file__).parents[2] / "plans"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["demo", "--jobs", "many"],
        ["demo", "--jobs", "0"],
        ["jobs", "rewrite", "body.json"],
        ["plan", "check", "no-such-file.yaml"],
        ["replay", "no-such-file.yaml"],
        ["replay"],
    ],
    ids=" ".join,
)
def test_unusable_arguments_are_one_line_and_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts can tell a mistake of theirs from a result."""
    assert status_of(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1


def test_the_version_and_a_near_miss_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What runs here, and which command was meant."""
    assert status_of(["--version"]) == 0
    assert capsys.readouterr().out == f"hubswitch {__version__}\n"
    assert status_of(["statu"]) == 2
    assert "'status'" in capsys.readouterr().err


def test_a_shell_is_told_what_may_come_next() -> None:
    """As the script that ``--show-completion`` prints asks for it; nothing else is printed."""
    second = {"_HUBSWITCH_COMPLETE": "complete_bash", "COMP_WORDS": "hubswitch plan sch", "COMP_CWORD": "2"}
    first = second | {"COMP_WORDS": "hubswitch ack", "COMP_CWORD": "1"}
    assert [complete(each) for each in (first, second)] == ["acknowledge", "schema"]


def complete(asked: dict[str, str]) -> str:
    code = "from orchestrator.cli.main import run; run()"
    environment = {**os.environ, **asked}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip()


@pytest.mark.parametrize("plan", sorted(PLANS.glob("hot-*.yaml")), ids=lambda path: path.stem)
def test_every_sample_plan_is_checked_and_described(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a plan would do is said in words, and which calls need Resource Manager."""
    assert status_of(["plan", "check", str(plan)]) == 0
    said = capsys.readouterr().out
    assert "phase A" in said
    assert "calls that need Resource Manager" in said


def test_a_wrong_plan_is_refused_with_file_line_field_and_expectation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is repaired."""
    text = (PLANS / "hot-warm.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace("mode: approve", "mode: sometimes"), encoding="utf-8")
    assert status_of(["plan", "check", str(wrong)]) == 2
    said = capsys.readouterr().err
    line = next(n for n, row in enumerate(wrong.read_text().splitlines(), 1) if "sometimes" in row)
    assert said.startswith(f"{wrong}:{line}:9: policy.mode: expected ")
    assert "sometimes" in said


def test_the_schema_of_plans_names_durations_as_people_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Editors accept what the loader accepts."""
    assert status_of(["plan", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    policy = schema["$defs"]["Policy"]["properties"]
    assert "pattern" in policy["confirm_after"]
    assert policy["bad_after"]["type"] == "integer"


def test_the_module_is_the_command() -> None:
    """``python -m orchestrator`` is ``hubswitch``."""
    ran = subprocess.run([sys.executable, "-m", "orchestrator", "--help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert "hubswitch" in ran.stdout


def test_a_plan_says_what_its_canaries_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs a day, before anybody pays for them; and that there are none, where there are none."""
    sample = PLANS / "hot-warm.yaml"
    assert status_of(["plan", "check", str(sample)]) == 0
    assert "canaries: none (canary.interval is 0s)" in capsys.readouterr().out
    costly = tmp_path / "costly.yaml"
    text = sample.read_text(encoding="utf-8")
    costly.write_text(text.replace("  compute: cpu-small", "  compute: cpu-small\n  interval: 1h"), encoding="utf-8")
    assert status_of(["plan", "check", str(costly)]) == 0
    assert "canaries: 48 jobs a day, 24 on cpu-small of each side" in capsys.readouterr().out


def test_canaries_that_come_faster_than_they_may_end_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the line, the field and what was expected."""
    sample = (PLANS / "hot-warm.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(sample.replace("  compute: cpu-small", "  compute: cpu-small\n  interval: 1m"), encoding="utf-8")
    assert status_of(["plan", "check", str(wrong)]) == 2
    assert "canary.interval: expected 0s for no canaries, or at least canary.deadline" in capsys.readouterr().err
