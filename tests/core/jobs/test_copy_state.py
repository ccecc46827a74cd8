"""Whether a blob is copied follows from what its copy says about itself; what is not surely ours is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.copy_state import (
    LISTED,
    SIZE,
    SKEW,
    BlobFacts,
    CompletePass,
    CopiedBack,
    CopyChoice,
    CopyRecord,
    LeftBlob,
    PassProgress,
    begin_pass,
    choose,
    copied_back,
    end_pass,
    leave_out,
    metadata_of_copy,
    stop_with,
)

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE, THERE = "sta/rows", "stb/rows"
SOURCE = BlobFacts("a", "0x2", T, 3, {"owner": "me"}, {})
OLDER = SOURCE._replace(etag="0x1")
COPY = BlobFacts("a", "0x9", T - timedelta(minutes=1), 3, metadata_of_copy(OLDER, HERE), {})
RECORD = CopyRecord(name="rows", source=Role.PRIMARY)


def chosen(source: BlobFacts, target: BlobFacts | None) -> CopyChoice:
    return choose(source, target, HERE, THERE).choice


def test_what_is_not_there_is_made_and_an_older_copy_of_ours_is_replaced() -> None:
    assert chosen(SOURCE, None) is CopyChoice.CREATE
    assert chosen(SOURCE, COPY) is CopyChoice.REPLACE


def test_a_copy_of_this_very_blob_is_the_same_in_any_casing_of_the_place() -> None:
    assert chosen(SOURCE, COPY._replace(metadata=metadata_of_copy(SOURCE, HERE.upper()))) is CopyChoice.SAME


@pytest.mark.parametrize("metadata", [{}, {"owner": "me"}, metadata_of_copy(OLDER, "stc/rows")])
def test_what_does_not_say_that_it_came_from_here_is_left(metadata: dict[str, str]) -> None:
    assert chosen(SOURCE, COPY._replace(metadata=metadata)) is CopyChoice.LEAVE


def test_what_is_newer_than_its_source_is_left() -> None:
    """By a second, which is what a store tells times to."""
    assert chosen(SOURCE, COPY._replace(modified=T + timedelta(seconds=1))) is CopyChoice.LEAVE
    assert chosen(SOURCE, COPY._replace(modified=T)) is CopyChoice.REPLACE


def test_a_copy_that_was_appended_to_is_left() -> None:
    """Where an account has a hierarchical namespace, an append leaves the metadata as they are."""
    assert chosen(SOURCE, COPY._replace(size=4)) is CopyChoice.LEAVE
    unsaid = {name: value for name, value in COPY.metadata.items() if name != SIZE}
    assert chosen(SOURCE, COPY._replace(metadata=unsaid)) is CopyChoice.LEAVE


def test_a_copy_never_goes_home_over_what_it_was_made_from() -> None:
    """After a switch the copy is the source. What lies at home may have changed since; it is still not written over."""
    made = SOURCE._replace(metadata=metadata_of_copy(OLDER, THERE))
    assert chosen(made, COPY._replace(metadata={})) is CopyChoice.SAME
    assert chosen(made, None) is CopyChoice.CREATE


OWN = SOURCE._replace(etag="0x5", modified=T - timedelta(hours=2), metadata={})
"""What the target wrote itself, two hours before the source's blob."""

BACK = CopiedBack(T - timedelta(hours=1))


def test_what_was_rewritten_after_it_was_copied_here_goes_back() -> None:
    """Only if nobody has written it over there since: else both sides have a claim, and a person chooses."""
    assert choose(SOURCE, OWN, HERE, THERE, BACK).choice is CopyChoice.REPLACE_OWN
    assert choose(SOURCE, OWN, HERE, THERE).choice is CopyChoice.LEAVE
    for modified in (BACK.before, T, T + timedelta(hours=1)):
        found = choose(SOURCE, OWN._replace(modified=modified), HERE, THERE, BACK)
        assert (found.choice, found.why.partition(";")[0]) == (
            CopyChoice.LEAVE,
            "both sides have written it since it was copied",
        )
    left = BACK._replace(left=frozenset({OWN.name}))
    assert choose(SOURCE, OWN, HERE, THERE, left).why == "what lies there was not written by hubswitch"
    older = SOURCE._replace(modified=OWN.modified - timedelta(seconds=1))
    assert choose(older, OWN, HERE, THERE, BACK).why == "what lies there is newer"


def test_what_was_copied_the_other_way_is_known_from_its_last_complete_pass() -> None:
    """Of these places, and with the names of all that it left out."""
    done = CompletePass(
        begun=T,
        ended=T,
        epoch=0,
        whole_at=T,
        seen=2,
        copied=1,
        copied_bytes=3,
        left=(LeftBlob(name="b", why=""),),
        left_out=1,
    )
    other = CopyRecord(name="rows", source=Role.SECONDARY, here=THERE.upper(), there=HERE, last=done)
    assert copied_back(other, HERE, THERE) == CopiedBack(T - SKEW, frozenset({"b"}))
    assert copied_back(other, THERE, HERE) is None
    assert copied_back(other, HERE, "stc/rows") is None
    assert copied_back(msgspec.structs.replace(other, last=None), HERE, THERE) is None
    more = msgspec.structs.replace(done, left_out=2)
    assert copied_back(msgspec.structs.replace(other, last=more), HERE, THERE) is None


def test_a_copy_of_a_copy_says_where_it_came_from_last() -> None:
    made = SOURCE._replace(metadata=metadata_of_copy(OLDER, THERE))
    assert metadata_of_copy(made, HERE) == metadata_of_copy(SOURCE, HERE)


def test_a_pass_begins_where_the_last_one_began_less_what_clocks_may_differ() -> None:
    done = end_pass(begin_pass(RECORD, 3, T), T + timedelta(minutes=1))
    again = begin_pass(done, 3, T + timedelta(minutes=15))
    assert again.under_way == PassProgress(begun=T + timedelta(minutes=15), since=T - SKEW)
    assert begin_pass(again, 3, T + timedelta(hours=1)) == again


@pytest.mark.parametrize(("epoch", "later"), [(4, timedelta(minutes=15)), (3, timedelta(days=1))])
def test_after_a_switch_and_after_a_day_everything_is_looked_at(epoch: int, later: timedelta) -> None:
    done = end_pass(begin_pass(RECORD, 3, T), T)
    found = begin_pass(done, epoch, T + later)
    assert found.under_way is not None
    assert found.under_way.since is None


def test_more_than_are_kept_by_name_make_the_next_pass_look_at_everything() -> None:
    state = begin_pass(RECORD, 0, T)
    progress = state.under_way
    assert progress is not None
    for number in range(LISTED + 1):
        progress = leave_out(progress, f"b{number}", "it is theirs")
    done = end_pass(msgspec.structs.replace(state, under_way=progress), T)
    assert done.last is not None
    assert (done.last.left_out, len(done.last.left)) == (LISTED + 1, LISTED)
    again = begin_pass(done, 0, T + timedelta(minutes=15))
    assert again.under_way is not None
    assert again.under_way.since is None


def test_trouble_keeps_the_time_at_which_it_began() -> None:
    first = stop_with(RECORD, "403", T, timedelta(minutes=5))
    second = stop_with(first, "404", T + timedelta(minutes=5), timedelta(minutes=5))
    assert (second.trouble, second.trouble_since) == ("404", T)
    assert not second.is_due(T + timedelta(minutes=9), timedelta(minutes=15))
    assert second.is_due(T + timedelta(minutes=10), timedelta(minutes=15))
