"""What an answer's ``Date`` says of the time, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.adapters.http.server_dates import ServerDates

NOON = "Sun, 01 Mar 2026 12:00:00 GMT"
AT_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_an_answer_tells_the_time_to_a_second_and_the_time_that_it_took() -> None:
    """The service wrote the date somewhere between request and answer; time has passed since."""
    dates = ServerDates()
    dates.note("x.example", NOON, sent=100.0, received=102.0)
    assert dates.span("x.example", MINUTE, at=110.0) == (
        AT_NOON + timedelta(seconds=8),
        AT_NOON + timedelta(seconds=11),
    )


def test_an_answer_that_is_old_or_of_another_host_tells_nothing() -> None:
    """A clock that nobody asked lately is no second clock."""
    dates = ServerDates()
    dates.note("x.example", NOON, sent=100.0, received=102.0)
    assert dates.span("x.example", MINUTE, at=161.0) is None
    assert dates.span("y.example", MINUTE, at=110.0) is None


@pytest.mark.parametrize(
    "header", [None, "", "yesterday", "Sun, 01 Mar 2026 12:00:00", "Sun, 01 Mar 99999 12:00:00 GMT"]
)
def test_a_header_that_is_no_date_changes_nothing(header: str | None) -> None:
    """What was told before stands for as long as it is young enough."""
    dates = ServerDates()
    dates.note("x.example", NOON, sent=100.0, received=102.0)
    before = dates.span("x.example", MINUTE, at=110.0)
    dates.note("x.example", header, sent=105.0, received=106.0)
    assert dates.span("x.example", MINUTE, at=110.0) == before
