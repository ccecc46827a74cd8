"""Rows of logs speak only if there are enough of them, and of failures only those that are the platform's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.base.vocabulary import Observation
from orchestrator.core.signals.log_rows import Group, LogStatement, groups, runs, traffic

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def group(word: str, number: int, oldest: float = 10, newest: float = 5) -> Group:
    """So many rows; their ages in minutes."""
    return Group(word, number, NOW - timedelta(minutes=oldest), NOW - timedelta(minutes=newest))


def observed(judged: LogStatement | str) -> Observation | None:
    return judged.observation if isinstance(judged, LogStatement) else None


@pytest.mark.parametrize(
    ("found", "observation"),
    [
        ([], None),
        ([group("200", 9)], None),
        ([group("503", 9)], None),
        ([group("200", 10)], Observation.OK),
        ([group("200", 6), group("503", 4)], Observation.OK),
        ([group("200", 5), group("503", 5)], Observation.BAD),
        ([group("200", 2), group("502", 4), group("504", 4)], Observation.BAD),
        ([group("424", 50)], Observation.OK),
        ([group("429", 50), group("408", 50)], Observation.OK),
        ([group("", 50)], Observation.OK),
    ],
)
def test_traffic_is_bad_if_the_platform_fails_half_of_enough_requests(
    found: list[Group], observation: Observation | None
) -> None:
    """A model's own failures (424), capacity (408, 429) and codes that cannot be read are not the platform's."""
    assert observed(traffic(found)) is observation


def test_a_statement_is_dated_by_the_newest_row_that_it_rests_on() -> None:
    """Logs are minutes late; what they show is no older and no newer than its rows."""
    said = traffic([group("200", 1, newest=1), group("503", 20, newest=4)])
    assert isinstance(said, LogStatement)
    assert (said.at, said.why) == (
        NOW - timedelta(minutes=4),
        "20 of 21 scoring requests were answered with 503",
    )


@pytest.mark.parametrize(
    ("found", "observation"),
    [
        ([], None),
        ([group("failed", 4)], None),
        ([group("failed", 5)], Observation.BAD),
        ([group("failed", 50), group("completed", 1)], Observation.OK),
        ([group("failed", 50), group("running", 1)], Observation.OK),
        ([group("canceled", 50)], None),
        ([group("queued", 5, oldest=16)], Observation.BAD),
        ([group("queued", 3, oldest=16), group("preparing", 2)], Observation.BAD),
        ([group("queued", 5, oldest=14)], None),
        ([group("queued", 4, oldest=40)], None),
        ([group("queued", 50, oldest=40), group("running", 1)], Observation.OK),
        ([group("something new", 50)], None),
    ],
)
def test_runs_are_bad_if_none_ends_well_and_many_fail_or_none_arrives(
    found: list[Group], observation: Observation | None
) -> None:
    """Runs fail for their own reasons; one that runs shows that the hub can."""
    assert observed(runs(found, NOW)) is observation


def test_runs_that_do_not_arrive_are_evidence_from_the_moment_on_at_which_they_were_overdue() -> None:
    """Never from before, and never from the future."""
    overdue = runs([group("queued", 5, oldest=20, newest=19)], NOW)
    assert isinstance(overdue, LogStatement)
    assert overdue.at == NOW - timedelta(minutes=5)
    still_coming = runs([group("queued", 5, oldest=20, newest=-1)], NOW)
    assert isinstance(still_coming, LogStatement)
    assert still_coming.at == NOW


def test_rows_are_read_in_any_type_and_those_that_cannot_be_read_are_left_out() -> None:
    """The code is a number in the schema and a text in samples; a row without a time says nothing."""
    at = NOW.isoformat()
    rows = [
        {"ResponseCode": 200, "Requests": 3, "Oldest": NOW, "Newest": NOW},
        {"ResponseCode": "503", "Requests": "4", "Oldest": at, "Newest": at},
        {"ResponseCode": 200, "Requests": 9, "Oldest": None, "Newest": "yesterday"},
        {"ResponseCode": 200, "Requests": None, "Oldest": NOW, "Newest": NOW},
        {},
    ]
    assert [(each.word, each.number) for each in groups(rows, "ResponseCode", "Requests")] == [("200", 3), ("503", 4)]
