"""The audit log is a chain: whatever is changed, missing, inserted or moved in it is found and named."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.evidence.audit_chain import ORIGIN, AuditKind, AuditNote, entries_in, line_of, link
from orchestrator.core.evidence.audit_verify import verify

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = st.text(max_size=30)


def chain(count: int, pair: str = "a", why: str = "planned work") -> list[bytes]:
    lines, last = [], ORIGIN
    for number in range(1, count + 1):
        note = AuditNote(
            pair=pair,
            id=f"n{number}",
            at=T0 + timedelta(minutes=number),
            kind=AuditKind.ORDER,
            who="ana",
            why=f"{why} {number}",
            details={"do": "pause", "epoch": number, "force": False, "proposal": None},
        )
        entry = link(note, number, last)
        last = entry.sha256
        lines.append(line_of(entry))
    return lines


def named(lines: list[bytes]) -> tuple[int, str] | None:
    """Number and pair of the entry that is named; None if the chain is whole."""
    fault = verify(lines).fault
    return (fault.number, fault.pair) if fault else None


def test_what_was_written_is_found_whole_with_its_head() -> None:
    """Nothing is complained of, and the head is the last entry's hash."""
    lines = chain(5)
    found = verify(lines)
    assert (found.fault, found.chains["a"].entries) == (None, 5)
    assert found.chains["a"].head == json.loads(lines[-1])["sha256"]


def test_nothing_is_a_chain_of_no_pair() -> None:
    """An empty file has no fault and no head."""
    assert verify([]) == ({}, None, frozenset())


@given(who=WORDS, why=WORDS, key=WORDS, number=st.integers(-(2**63), 2**63 - 1))
def test_others_can_check_the_hashes_without_us(who: str, why: str, key: str, number: int) -> None:
    """Canonical JSON is what Python's json makes with sorted keys and no white space, in UTF-8."""
    note = AuditNote(pair="a", id="x", at=T0, kind=AuditKind.PHASE, who=who, why=why, details={key: number})
    plain = json.loads(line_of(link(note, 1, ORIGIN)))
    said = plain.pop("sha256")
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == said


@given(count=st.integers(1, 12), data=st.data())
def test_a_changed_byte_is_found_and_its_entry_named(count: int, data: st.DataObject) -> None:
    """Any byte of any line, white space and spelling too."""
    lines = chain(count)
    n = data.draw(st.integers(0, count - 1))
    line = bytearray(lines[n])
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[at]))
    lines[n] = bytes(line)
    fault = verify(lines).fault
    assert fault is not None
    # Who changes the name of the pair has taken the entry out of one chain, and put it into another.
    assert fault.line in {n + 1, n + 2}
    assert fault.number in {n + 1, 1}


@given(count=st.integers(2, 12), data=st.data())
def test_a_missing_entry_is_found_and_named(count: int, data: st.DataObject) -> None:
    """Any but the last: that one is missed by whoever has noted the head."""
    lines = chain(count)
    n = data.draw(st.integers(0, count - 2))
    del lines[n]
    assert named(lines) == (n + 1, "a")


def test_a_missing_end_is_found_by_a_head_that_was_noted() -> None:
    """The chain alone cannot know that it went on."""
    lines = chain(5)
    head = verify(lines).chains["a"].head
    assert head not in verify(lines[:-1]).hashes
    assert verify(lines[:-1]).fault is None


@given(count=st.integers(1, 12), data=st.data())
def test_an_inserted_entry_is_found_and_named(count: int, data: st.DataObject) -> None:
    """One that is there already, and one that was linked with care to the one before it."""
    lines = chain(count)
    n = data.draw(st.integers(0, count - 1))
    before = json.loads(lines[n - 1])["sha256"] if n else ORIGIN
    note = AuditNote(pair="a", id="forged", at=T0, kind=AuditKind.ORDER, who="eve", why="nothing to see")
    forged = line_of(link(note, n + 1, before))
    assert named([*lines[:n], forged, *lines[n:]]) == (n + 1, "a")
    again = data.draw(st.sampled_from(lines[: n + 1]))
    assert named([*lines[: n + 1], again, *lines[n + 1 :]]) == (lines.index(again) + 1, "a")


@given(count=st.integers(2, 12), data=st.data())
def test_entries_that_have_changed_places_are_found(count: int, data: st.DataObject) -> None:
    """The first place that is wrong is named."""
    lines = chain(count)
    one, other = data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True).map(sorted))
    lines[one], lines[other] = lines[other], lines[one]
    assert named(lines) == (one + 1, "a")


@given(count=st.integers(2, 12), data=st.data())
def test_an_entry_that_was_changed_and_hashed_anew_is_found_and_named(count: int, data: st.DataObject) -> None:
    """By the one that follows: changing the last one takes a head that was noted to be found."""
    lines = chain(count)
    n = data.draw(st.integers(0, count - 2))
    plain = json.loads(lines[n])
    note = AuditNote(pair="a", id=plain["id"], at=T0, kind=AuditKind.ORDER, who="eve", why="something else")
    lines[n] = line_of(link(note, n + 1, plain["previous"]))
    assert named(lines) == (n + 1, "a")


def test_chains_of_several_pairs_in_one_file_are_checked_each() -> None:
    """A fault in one is named with its pair, and the others are whole."""
    lines = chain(3, "a") + chain(4, "b")
    del lines[4]
    found = verify(lines)
    assert (set(found.chains), found.fault and (found.fault.pair, found.fault.number)) == ({"a"}, ("b", 2))


@pytest.mark.parametrize("line", [b"", b"\xff\xfe", b"[]", b"{}", b'{"number": 1}', b"null", b"1e999"])
def test_a_line_that_is_no_entry_is_a_changed_entry(line: bytes) -> None:
    """It is named by where it stands, and nothing is raised."""
    lines = chain(3)
    lines[1] = line
    assert named(lines) == (2, "a")


def test_a_key_that_is_there_twice_is_a_changed_entry() -> None:
    """A reader that takes the first of the two would read something else than was hashed."""
    lines = chain(2)
    lines[0] = b'{"why":"first",' + lines[0][1:]
    assert named(lines) == (1, "a")


def test_entries_are_read_strictly() -> None:
    """The place of one that cannot be read is named."""
    data = b"".join(chain(2)) + b"{}\n"
    with pytest.raises(InvalidInput, match="log:3"):
        entries_in(data, "log")
    assert [entry.number for entry in entries_in(b"".join(chain(2)), "log")] == [1, 2]
