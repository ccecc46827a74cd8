"""Whether jobs move is read off two lists, one after the other; that none does is told and never counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.standby.canary import Movement, listed, standstill

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMIT = 30 * MINUTE


def after(*lists: dict[str, str], every: int = 10) -> tuple[Movement, datetime]:
    found, now = None, T0
    for number, statuses in enumerate(lists):
        now = T0 + number * every * MINUTE
        found = listed(found, statuses, now)
    assert found is not None
    return found, now


def test_jobs_that_wait_while_nothing_moves_are_told_of() -> None:
    """Two wait for forty minutes, one runs all the time."""
    found, now = after(*[{"a": "Queued", "b": "NotStarted", "c": "Running"}] * 5)
    told = standstill(found, now, LIMIT)
    assert told.startswith("2 jobs wait for longer than")
    assert told.endswith("and none has started or completed since")


def test_jobs_that_wait_behind_others_are_not() -> None:
    """One starts in between: people's queue, not Azure's fault."""
    queued = {"a": "Queued", "b": "Queued"}
    found, now = after(queued, queued, queued, {"a": "Running", "b": "Queued"}, {"a": "Running", "b": "Queued"})
    assert standstill(found, now, LIMIT) == ""
    assert found.moved_at == T0 + 30 * MINUTE


@pytest.mark.parametrize("end", ["Failed", "Canceled", "CancelRequested", "Preparing"])
def test_failing_and_waiting_further_on_is_no_movement(end: str) -> None:
    """A region that dies fails its jobs."""
    found, _ = after({"a": "Queued"}, {"a": end})
    assert found.moved_at is None


def test_completing_is_movement() -> None:
    """Even if it was never seen to run."""
    found, now = after({"a": "Queued"}, {"a": "Completed"})
    assert found.moved_at == now
    assert found.open == {}


def test_what_was_never_listed_before_says_nothing() -> None:
    """After a start of the process everything is new."""
    found, now = after({"a": "Running", "b": "Queued"})
    assert found.moved_at is None
    assert standstill(found, now, LIMIT) == ""
    assert standstill(None, now, LIMIT) == ""


def test_an_old_list_says_nothing() -> None:
    """The hub could not be listed for a while."""
    found, now = after(*[{"a": "Queued"}] * 5)
    assert standstill(found, now, LIMIT)
    assert standstill(found, now + 16 * MINUTE, LIMIT) == ""
