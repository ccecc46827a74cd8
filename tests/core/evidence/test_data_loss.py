"""How much data may have been lost is measured from the recovery point to the decision, and never shown too short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.evidence.data_loss import copy_loss, sync_loss
from orchestrator.core.jobs.copy_state import CompletePass, CopyRecord, LeftBlob

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASS = CompletePass(
    begun=T - timedelta(minutes=20),
    ended=T - timedelta(minutes=5),
    epoch=2,
    whole_at=T - timedelta(hours=3),
    seen=10,
    copied=3,
    copied_bytes=30,
)
LEFT = msgspec.structs.replace(PASS, left=(LeftBlob(name="a", why="it is newer"),), left_out=2)


def record(last: CompletePass | None) -> CopyRecord:
    return CopyRecord(name="training", source=Role.PRIMARY, last=last)


def seconds_of(last: CompletePass | None, target: timedelta | None = None, epoch: int = 3) -> float | None:
    return copy_loss("training", record(last), decided_at=T, epoch=epoch, target=target).seconds


def test_a_loss_begins_where_the_last_complete_pass_began() -> None:
    """Not where it ended: what was written while it walked may have been behind it."""
    found = copy_loss("training", record(PASS), decided_at=T, epoch=3, target=None)
    assert (found.what, found.seconds) == ("data copied ahead: training", 1200)
    assert "2026-03-01 11:40:00Z" in found.how


@pytest.mark.parametrize("last", [None, msgspec.structs.replace(PASS, epoch=3), msgspec.structs.replace(PASS, epoch=4)])
def test_a_copy_that_says_nothing_about_this_run_is_not_measured(last: CompletePass | None) -> None:
    assert seconds_of(last) is None
    assert copy_loss("training", None, decided_at=T, epoch=3, target=None).how.startswith("not measured: ")


@pytest.mark.parametrize(
    ("target", "seconds"),
    [(None, None), (timedelta(hours=1), None), (timedelta(minutes=20), None), (timedelta(minutes=19), 1200)],
)
def test_blobs_that_were_left_out_keep_a_target_from_being_met(target: timedelta | None, seconds: float | None) -> None:
    """They are not there at all. One that is missed as it is stays missed."""
    assert seconds_of(LEFT, target) == seconds
    assert (
        "2 blobs were not copied at all, such as a: it is newer"
        in copy_loss("training", record(LEFT), decided_at=T, epoch=3, target=target).how
    )


def test_a_pass_that_began_after_the_decision_has_lost_nothing() -> None:
    assert seconds_of(msgspec.structs.replace(PASS, begun=T + timedelta(seconds=1))) == 0


def test_an_account_has_lost_what_came_after_its_last_sync_as_far_as_that_is_known() -> None:
    synced, read = T - timedelta(minutes=17), T - timedelta(minutes=10)
    assert sync_loss("shared", synced, read, T).seconds == 17 * 60
    assert sync_loss("shared", T - timedelta(minutes=1), T + timedelta(seconds=1), T).seconds is None
