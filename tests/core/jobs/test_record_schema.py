"""Stored records of every schema are read, and their facts are fields afterwards; unknown schemas are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput, UnknownShape
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.next_move import is_asked_end
from orchestrator.core.jobs.record import JOB_SCHEMA, Attempt, JobEventKind, JobRecord, JobStatus, OldRun
from orchestrator.core.jobs.record_changes import describe_wish
from orchestrator.core.jobs.record_schema import read_job_record

STORED = Path(__file__).parent / "stored"
FILES = sorted(path.name for path in STORED.glob("*.json"))


def load(name: str) -> JobRecord:
    return read_job_record((STORED / name).read_bytes(), name)


def stored(name: str = "running.json", **fields: Any) -> bytes:
    return json.dumps(json.loads((STORED / name).read_text()) | fields).encode()


@pytest.mark.parametrize("name", FILES)
def test_a_record_of_schema_1_is_read_and_written_as_schema_2(name: str) -> None:
    """Everything that it said is kept, and what is written is read as the same record."""
    before = json.loads((STORED / name).read_text())
    assert before["schema"] == 1
    record = load(name)
    after = json.loads(encode(record))
    assert after["schema"] == JOB_SCHEMA == 2
    assert {key: after[key] for key in before if key not in {"schema", "history"}} == {
        key: value for key, value in before.items() if key not in {"schema", "history"}
    }
    assert len(record.history) == len(before["history"])
    assert read_job_record(encode(record), name) == record


def test_the_files_show_every_shape_that_matters() -> None:
    """Files without one of these would prove less than they seem to."""
    records = {name: load(name) for name in FILES}
    assert {record.status for record in records.values()} >= {
        JobStatus.RUNNING,
        JobStatus.SUBMITTING,
        JobStatus.WAITING,
        JobStatus.RESUBMITTED,
        JobStatus.SKIPPED,
        JobStatus.FINISHED,
    }
    assert records["waiting.json"].unsure == (Attempt(side=Role.SECONDARY, epoch=2),)
    assert records["resubmitted.json"].successor == records["successor.json"].name
    assert records["resubmitted.json"].old_run is OldRun.STOPPING


@pytest.mark.parametrize("name", FILES)
def test_that_an_end_was_asked_for_is_a_field_now(name: str) -> None:
    """Schema 1 had it as a line of the history only."""
    record = load(name)
    assert record.stop_asked == (name in {"asked-to-stop.json", "resubmitted.json"})
    assert is_asked_end(record, "Canceled") == record.stop_asked


@pytest.mark.parametrize(
    ("name", "by", "why"),
    [
        ("left-alone.json", "ana", "cheap: repeat it by hand"),
        ("left-alone-and-ended.json", "bo", "not worth it"),
        ("protected-again.json", "", ""),
        ("skipped.json", "", ""),
    ],
)
def test_who_left_a_job_alone_is_a_field_now(name: str, by: str, why: str) -> None:
    """Schema 1 had it as a sentence; the policy of a tag is nobody's wish."""
    record = load(name)
    assert (record.left_alone_by, record.left_alone_why) == (by, why)


def test_the_sentence_for_people_stays_the_same() -> None:
    """What was stored as the reason is what the fields say."""
    record = load("left-alone.json")
    assert describe_wish(record) == record.reason


def test_a_wish_without_its_line_or_of_another_wording_is_still_a_wish() -> None:
    """Nobody's word is lost because of how it was written down."""
    never = {"policy": JobPolicy.NEVER.value}
    bare = read_job_record(stored(reason="left alone, asked by ana: cheap", history=[], **never), "x")
    assert (bare.left_alone_by, bare.left_alone_why) == ("ana", "cheap")
    odd = read_job_record(stored(reason="left alone for good", history=[], **never), "x")
    assert (odd.left_alone_by, odd.left_alone_why) == ("somebody", "left alone for good")


def test_a_line_of_an_unknown_word_keeps_it() -> None:
    """It is a line for people; no record is set aside for it."""
    line = load("unknown-word.json").history[1]
    assert (line.what, line.why) == (JobEventKind.NOTED, "remarked: a line of an early version")


@pytest.mark.parametrize("schema", [0, 3, 99, "1", "2", None, True, 1.5])
def test_an_unknown_schema_is_refused(schema: object) -> None:
    """It is another version's record, and is left as it is."""
    with pytest.raises(UnknownShape, match="expected the number 1 or 2"):
        read_job_record(stored(schema=schema), "train.json")


def test_a_record_without_a_schema_is_refused() -> None:
    """Unknown means unknown."""
    with pytest.raises(UnknownShape):
        read_job_record(b'{"name": "train"}', "train.json")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"status": "lost"}, "status"),
        ({"history": "none"}, "history"),
        ({"history": ["a line"]}, "history"),
        ({"history": [{"at": "2026-02-03T08:00:00", "what": "captured", "why": "", "epoch": 0}]}, "history"),
        ({"stop_asked": "yes", "schema": 2}, "stop_asked"),
        ({"history": [{"at": "2026-02-03T08:00:00Z", "what": "odd", "why": "", "epoch": 0}], "schema": 2}, "history"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_broken_field_is_named(fields: dict[str, Any], place: str) -> None:
    """In either schema: file, field, and what was expected."""
    with pytest.raises(InvalidInput, match=rf"train\.json: {place}"):
        read_job_record(stored(**fields), "train.json")
