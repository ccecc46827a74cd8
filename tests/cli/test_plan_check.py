"""`hubswitch plan check` reports every fault of every plan at once, for people and for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.main import status_of

PLAN = (Path(__file__).parents[1] / "core" / "plan" / "plan_without_steps.yaml").read_text(encoding="utf-8")
OTHER = PLAN.replace("pair: vision", "pair: speech").replace("proj-vision-eastus2", "proj-speech-eastus2")
LINE = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<field>\S+): expected .+, got .+")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two plans that are fine together."""
    (tmp_path / "a.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(OTHER, encoding="utf-8")
    return tmp_path


def report(capsys: pytest.CaptureFixture[str], *places: Path) -> tuple[int, dict[str, Any]]:
    status = status_of(["plan", "check", "--json", *map(str, places)])
    return status, json.loads(capsys.readouterr().out)


def test_every_fault_is_a_line_with_its_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line, column, field, what was expected, what was there; of all files; and what the good ones do."""
    wrong = PLAN.replace("mode: approve", "mode: autto").replace("pair: vision", "pair: Vision")
    (folder / "a.yaml").write_text(wrong, encoding="utf-8")
    (folder / "c.yaml").write_text("schema: [", encoding="utf-8")
    assert status_of(["plan", "check", str(folder)]) == 2
    said = capsys.readouterr()
    lines = [LINE.fullmatch(row) for row in said.err.splitlines()]
    assert [(Path(line["file"]).name, line["field"]) for line in lines if line] == [
        ("a.yaml", "pair"),
        ("a.yaml", "policy.mode"),
        ("c.yaml", "document"),
    ]
    assert len(lines) == 3
    assert "expected observe or approve or auto, got 'autto' (did you mean auto?)\n" in said.err
    assert said.out.startswith("speech (hot/warm), mode approve\n")
    assert "vision" not in said.out.split()[0]


def test_warnings_alone_are_no_failure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are said in front of their lines; the exit status stays 0."""
    file = folder / "a.yaml"
    text = PLAN.replace(
        "endpoint: https://appcs-hubswitch.azconfig.io", "endpoint: https://appcs-hubswitch.azconfig.io/kv"
    )
    file.write_text(text, encoding="utf-8")
    assert status_of(["plan", "check", str(file)]) == 0
    said = capsys.readouterr()
    assert said.err.startswith(
        f"warning: {file}:37:13: pointer.endpoint: expected https://appcs-hubswitch.azconfig.io "
    )
    assert "phase A" in said.out


def test_the_report_for_programs_has_the_promised_shape(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Faults and warnings are alike; steps say what they need; standard output is JSON alone."""
    steps = (
        "steps:\n  failover:\n    - {kind: move_jobs}\n    - parallel:\n"
        "        - {name: warm, kind: scale_cluster, cluster: gpu, min_nodes: 2, timeout: 90s}\n"
    )
    file = folder / "a.yaml"
    text = PLAN.replace("mode: approve", "mode: auto\n  green_drills: 0")
    file.write_text(text + steps, encoding="utf-8")
    status, said = report(capsys, file)
    assert (status, said["ok"], said["faults"]) == (0, True, [])
    (warning,) = said["warnings"]
    assert list(warning) == ["file", "line", "column", "field", "expected", "got", "hint"]
    assert (warning["file"], warning["field"], warning["hint"]) == (str(file), "policy.green_drills", None)
    assert said["steps"] == [
        {"direction": "failover", "name": "move_jobs", "needs_resource_manager": True, "timeout": None},
        {"direction": "failover", "name": "warm", "needs_resource_manager": True, "timeout": "90s"},
        {"direction": "failback", "name": "move_jobs", "needs_resource_manager": True, "timeout": None},
    ]
    file.write_text(text.replace("tier: hot/warm", "teir: hot/warm"), encoding="utf-8")
    status, said = report(capsys, file)
    assert (status, said["ok"], said["steps"]) == (2, False, [])
    assert [(each["field"], each["line"], each["column"], each["hint"]) for each in said["faults"]] == [
        ("teir", 3, 1, "did you mean tier?")
    ]


def test_two_plans_of_one_pair_are_a_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder and among files alike, at the name in the later one, although both have other faults."""
    for name in ("a.yaml", "b.yaml"):
        (folder / name).write_text(PLAN.replace("mode: approve", "mode: x"), encoding="utf-8")
    for places in ([folder], [folder / "a.yaml", folder / "b.yaml"]):
        status, said = report(capsys, *places)
        assert status == 2
        assert [(Path(each["file"]).name, each["line"], each["field"]) for each in said["faults"]] == [
            ("a.yaml", 70, "policy.mode"),
            ("b.yaml", 2, "pair"),
            ("b.yaml", 70, "policy.mode"),
        ]


def test_a_project_that_leads_two_pairs_is_a_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both would move its jobs."""
    (folder / "b.yaml").write_text(PLAN.replace("pair: vision", "pair: speech"), encoding="utf-8")
    status, said = report(capsys, folder)
    assert status == 2
    assert [(each["line"], each["column"], each["field"]) for each in said["faults"]] == [(10, 12, "primary.project")]


def test_a_file_that_is_named_twice_is_read_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also by its folder."""
    status, said = report(capsys, folder, folder / "a.yaml", folder / ".." / folder.name / "b.yaml")
    assert (status, said["faults"], len(said["steps"])) == (0, [], 6)


def test_a_folder_s_other_files_are_left_alone_and_a_yml_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app reads `*.yaml`; whoever names a plan otherwise should hear it."""
    (folder / "c.yml").write_text("no plan", encoding="utf-8")
    (folder / "notes.txt").write_text("no plan", encoding="utf-8")
    (folder / "below").mkdir()
    (folder / "below" / "d.yaml").write_text("no plan", encoding="utf-8")
    status, said = report(capsys, folder)
    assert (status, said["faults"]) == (0, [])
    assert [Path(each["file"]).name for each in said["warnings"]] == ["c.yml"]
    status, said = report(capsys, folder / "c.yml")
    assert (status, [each["field"] for each in said["faults"]], said["warnings"]) == (2, [""], [])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xfea\x00", "UTF-8 text"),
        (b"a" * 4_000_001, "at most 1000000 characters"),
        (b"", "a mapping with schema"),
        (b"\x00", "a YAML document"),
    ],
    ids=["utf-16", "huge", "empty", "nul"],
)
def test_a_file_that_is_no_plan_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, expected: str
) -> None:
    """With a place like every other fault."""
    file = tmp_path / "p.yaml"
    file.write_bytes(content)
    assert status_of(["plan", "check", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{file}:1:1: document: expected {expected}")
    assert said.err.count("\n") == 1


def test_what_is_not_there_is_told_beside_what_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, a missing file, and a folder with the name of a plan."""
    (folder / "empty").mkdir()
    (folder / "x.yaml").mkdir()
    status, said = report(capsys, folder / "nowhere", folder / "empty", folder)
    assert status == 2
    assert [Path(each["file"]).name for each in said["faults"]] == ["nowhere", "empty", "x.yaml"]
    assert len(said["steps"]) == 6


def test_defaults_of_a_folder_are_no_plan_and_their_faults_are_told_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two plans extend them; what the plans say themselves is told for each."""
    common = folder / "emea.defaults.yaml"
    common.write_text("targets: {rto: 5m}\n", encoding="utf-8")
    for name, text in (("a.yaml", PLAN), ("b.yaml", OTHER)):
        (folder / name).write_text(f"extends: emea.defaults.yaml\n{text}", encoding="utf-8")
    assert report(capsys, folder)[1]["faults"] == []
    common.write_text("targets: {rto: 5m, rpo: soon}\n", encoding="utf-8")
    status, said = report(capsys, folder)
    assert status == 2
    assert [(each["file"], each["line"], each["column"], each["field"]) for each in said["faults"]] == [
        (str(common), 1, 25, "targets.rpo")
    ]
