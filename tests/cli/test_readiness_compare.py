"""``hubswitch readiness compare``: exit codes, the promised object, and bad files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inventories import inventory, twin_map

from orchestrator.cli.main import status_of

type Write = Callable[[str, Any], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, value: Any) -> str:
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return str(path)

    return written


def files(write: Write, secondary: Any = None) -> list[str]:
    ours = [write("ne.json", inventory("ne")), write("we.json", secondary or inventory("we"))]
    return ["readiness", "compare", *ours, "--map", write("map.json", twin_map())]


def test_a_ready_secondary_is_status_0(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts read these names."""
    assert status_of([*files(write), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ready": True, "score": 100, "checks": 30, "findings": []}


def test_one_that_is_not_ready_is_status_1_and_says_why(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Worst first, with both values and what to do."""
    bad = inventory("we")
    bad["schedules"][0]["properties"]["isEnabled"] = True
    bad["connections"][0]["properties"]["authType"] = "ApiKey"
    assert status_of([*files(write, bad), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [list(each) for each in found["findings"]] == [
        ["check", "severity", "path", "what", "primary", "secondary", "fix"]
    ] * 2
    assert [(each["severity"], each["path"]) for each in found["findings"]] == [
        ("block", "connections.models.authType"),
        ("warn", "schedules.nightly.isEnabled"),
    ]
    assert status_of(files(write, bad)) == 1
    said = capsys.readouterr().out
    assert said.startswith("NOT READY: score ")
    assert "block connections.models.authType" in said


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("we.json", "{", "we.json"),
        ("we.json", "[]", "a JSON object, got list"),
        ("map.json", '{"idz": {}}', "map.json: idz"),
    ],
)
def test_a_bad_file_is_status_2_and_prints_nothing(
    write: Write, capsys: pytest.CaptureFixture[str], name: str, text: str, complaint: str
) -> None:
    """One line with file, field and what was expected."""
    arguments = files(write)
    write(name, text)
    assert status_of(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert complaint in said.err
    assert len(said.err.splitlines()) == 1
