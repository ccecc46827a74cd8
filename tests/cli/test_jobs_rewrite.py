"""``hubswitch jobs rewrite``: one JSON object on standard output, one line on standard error, four exit statuses."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from orchestrator.cli.commands_jobs import jobs_rewrite_command

OLD = {"subscription": "s", "resource_group": "g", "workspace": "north"}
NEW = {"subscription": "s", "resource_group": "g", "workspace": "south"}
HERE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/north"
MAP = {"from": OLD, "to": NEW, "computes": {"gpu": "gpu-south"}}
BODY = {"properties": {"jobType": "Command", "command": "a", "computeId": f"{HERE}/computes/gpu"}}


class Answer(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


type Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Write what is given to files, as JSON or as the text or bytes that it is, and run the command on them."""

    def made(body: Any = BODY, map_: Any = MAP, assets: Any = None) -> Answer:
        files: list[Path | None] = []
        for name, data in (("body.json", body), ("map.json", map_), ("assets.json", assets)):
            raw = data if isinstance(data, bytes) else (data if isinstance(data, str) else json.dumps(data)).encode()
            (tmp_path / name).write_bytes(raw)
            files.append(None if data is None else tmp_path / name)
        out, err = io.StringIO(), io.StringIO()
        status = jobs_rewrite_command(tmp_path / "body.json", tmp_path / "map.json", files[2], out, err)
        return Answer(status, out.getvalue(), err.getvalue())

    return made


def test_the_answer_is_the_contracts_object(run: Run) -> None:
    """All keys are always there, and ``from`` is spelt so."""
    answer = run()
    there = f"{HERE.replace('north', 'south')}/computes/gpu-south"
    assert (answer.status, answer.err) == (0, "")
    assert answer.json == {
        "body": {"properties": {"jobType": "Command", "command": "a", "computeId": there}},
        "rewritten": [{"path": "/properties/computeId", "from": f"{HERE}/computes/gpu", "to": there}],
        "kept": [],
        "needs": [],
        "unmapped": [],
        "notes": [],
    }


def test_something_unmapped_is_status_three_with_the_whole_answer(run: Run) -> None:
    """A person decides, with everything else done."""
    answer = run(map_={**MAP, "computes": {}})
    assert answer.status == 3
    assert [missed["path"] for missed in answer.json["unmapped"]] == ["/properties/computeId"]


def test_a_snapshot_completes_the_needs(run: Run) -> None:
    """``--assets`` is ``{ARM id: {"body": …}}``."""
    component = f"{HERE}/components/c/versions/1"
    spec = {"code": f"azureml:{HERE}/codes/k/versions/1"}
    body = {"properties": {"jobType": "Pipeline", "jobs": {"a": {"componentId": component}}}}
    answer = run(body, assets={component: {"body": {"properties": {"componentSpec": spec}}}})
    assert [need["kind"] for need in answer.json["needs"]] == ["component", "code"]


def test_numbers_and_letters_come_out_as_they_went_in(run: Run) -> None:
    """Big and small numbers, other scripts, a lone surrogate."""
    fields = {"searchSpace": {"x": [12345678901234567890123, 1e-05, -0.1]}, "displayName": "Übung 試験 \ud800"}
    body = {"properties": {**BODY["properties"], **fields}}
    answer = run(json.dumps(body))
    assert answer.json["body"]["properties"]["searchSpace"] == fields["searchSpace"]
    assert answer.json["body"]["properties"]["displayName"] == fields["displayName"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"body": '{"properties": {'}, ["body.json", "JSON"]),
        ({"body": "{} {}"}, ["body.json", "JSON"]),
        ({"body": ""}, ["body.json", "JSON"]),
        ({"body": b"\xff\xfe"}, ["body.json", "JSON"]),
        ({"body": '{"properties": {"jobType": "Command", "x": NaN}}'}, ["body.json", "NaN"]),
        ({"body": '{"properties": {"jobType": "Command", "x": 1e999}}'}, ["body.json", "1e999"]),
        ({"body": '{"properties": {"jobType": "Command", "x": 1' + "0" * 5000 + "}}"}, ["body.json", "JSON"]),
        ({"body": []}, ["body.json", "an object", "list"]),
        ({"body": {"properties": {}}}, ["body.json", "properties.jobType", "expected", "got"]),
        ({"map_": '{"from":'}, ["map.json", "JSON"]),
        (
            {"map_": {"from": OLD, "to": {"subscription": "s", "resource_group": "g"}}},
            ["map.json", "to.workspace", "nothing"],
        ),
        ({"map_": {**MAP, "computes": {"gpu": 3}}}, ["map.json", "computes.gpu", "3"]),
        ({"map_": {**MAP, "computs": {}}}, ["map.json", "computs"]),
        ({"map_": {**MAP, "computes": {"a\nb": 3}}}, ["map.json", "computes.a b"]),
        ({"assets": []}, ["assets.json", "an object"]),
        ({"assets": {"x": 3}}, ["assets.json", "x", "int"]),
    ],
)
def test_unusable_input_is_one_line_that_names_file_and_field(
    given: dict[str, Any], words: list[str], run: Run
) -> None:
    """Status 2, and nothing on standard output."""
    answer = run(**given)
    assert (answer.status, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert [word for word in words if word not in answer.err] == []


@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_a_body_that_is_nested_without_end_is_one_line_too(depth: int, run: Run) -> None:
    """Neither reading nor rewriting nor printing runs out of stack."""
    answer = run('{"properties": {"jobType": "Command", "x": ' + "[" * depth + "]" * depth + "}}")
    assert (answer.status, answer.out, answer.err.count("\n")) == (2, "", 1)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """With the file's name."""
    out, err = io.StringIO(), io.StringIO()
    status = jobs_rewrite_command(tmp_path / "no.json", tmp_path / "none.json", None, out, err)
    assert (status, out.getvalue(), err.getvalue().count("\n")) == (2, "", 1)
    assert "none.json" in err.getvalue()


def test_a_byte_order_mark_is_no_reason_to_refuse(run: Run) -> None:
    """Editors on Windows write one."""
    assert run(b"\xef\xbb\xbf" + json.dumps(BODY).encode()).status == 0
