"""Records and messages of two versions at once: what a newer one adds is skipped, kept, or refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrator.core.base.codec import (
    Moment,
    Record,
    Value,
    decode,
    encode,
    encode_record,
    from_builtins,
    from_message,
    read_exact_record,
    read_record,
    to_message,
)
from orchestrator.core.base.errors import InvalidInput, UnknownField, UnknownShape


class Inner(Value, kw_only=True):
    name: str
    count: int = 0


class Outer(Record, kw_only=True):
    schema: int = 1
    name: str
    since: Moment | None = None
    one: Inner | None = None
    many: tuple[Inner, ...] = ()
    by_key: dict[str, Inner] = msgspec.field(default_factory=dict)
    flag: bool = False
    number: int = 0


NEWER: dict[str, Any] = {
    "schema": 1,
    "name": "a",
    "new": [1, 2],
    "one": {"name": "b", "new": True},
    "many": [{"name": "c"}, {"name": "d", "count": 2, "newer": {}}, {"name": "e", "newer": 1}],
    "by_key": {"primary.hub": {"name": "f", "new": None}, "x[0]": {"name": "g", "count": 1}},
}
KNOWN = Outer(
    name="a",
    one=Inner(name="b"),
    many=(Inner(name="c"), Inner(name="d", count=2), Inner(name="e")),
    by_key={"primary.hub": Inner(name="f"), "x[0]": Inner(name="g", count=1)},
)


def test_fields_of_a_newer_version_are_skipped_wherever_they_are() -> None:
    """In a list, in an object under any key, in the record itself; and the data that was given stays as it is."""
    before = encode(NEWER)
    assert read_record(before, Outer, "a blob") == KNOWN
    assert from_message(NEWER, Outer, "a message") == KNOWN
    assert encode(NEWER) == before


def test_what_people_give_stays_strict() -> None:
    """A slip in a plan or in a body is told with its place."""
    with pytest.raises(UnknownField, match=r"a file: by_key\[primary.hub\]\.new: expected a field that is known here"):
        from_builtins({"name": "a", "by_key": {"primary.hub": {"name": "f", "new": None}}}, Outer, "a file")
    with pytest.raises(InvalidInput, match="a body: new: expected a field that is known here"):
        decode(b'{"name": "a", "new": 1}', Outer, "a body")


@pytest.mark.parametrize("wrong", [{"name": 1}, {"many": [{"count": 2}]}, {"since": "2026-01-01T00:00:00"}])
def test_everything_else_is_refused_as_before(wrong: dict[str, Any]) -> None:
    """A known field of another type, one that is missing, a time without a zone."""
    with pytest.raises(InvalidInput):
        from_message(NEWER | wrong, Outer, "a message")
    with pytest.raises(InvalidInput):
        read_record(encode(NEWER | wrong), Outer, "a blob")


@pytest.mark.parametrize("name", ["new", "one", "many", "by_key"])
def test_a_field_that_may_not_be_left_out_is_refused(name: str) -> None:
    """A newer version names it where leaving it out would be dangerous: the older one stands still."""
    given = NEWER | {"critical": [name]}
    with pytest.raises(UnknownShape, match="a field that may not be left out"):
        from_message(given, Outer, "a message")
    with pytest.raises(UnknownShape):
        read_record(encode(given), Outer, "a blob")


def test_a_critical_field_that_is_known_is_no_matter() -> None:
    """This version may be the newer one."""
    assert from_message({"name": "a", "critical": ["name", "flag"]}, Outer, "a message") == Outer(name="a")


def test_what_is_written_over_is_read_whole_or_not_at_all() -> None:
    """Nothing of a newer version is lost by a write of an older one."""
    assert read_exact_record(b'{"schema":1,"name":"a"}', Outer, "a blob") == Outer(name="a")
    with pytest.raises(UnknownShape, match="a blob: new: expected a field that is known here"):
        read_exact_record(b'{"schema":1,"name":"a","new":1}', Outer, "a blob")
    with pytest.raises(UnknownShape):
        read_exact_record(b'{"schema":2,"name":"a"}', Outer, "a blob")


def test_a_record_is_written_without_its_defaults_and_read_as_it_was() -> None:
    """An older version that refuses unknown fields reads it as long as no new one is used."""
    assert encode_record(Outer(name="a")) == b'{"schema":1,"name":"a"}'
    assert to_message([Outer(name="a", many=(Inner(name="b"),))]) == [
        {"schema": 1, "name": "a", "many": [{"name": "b", "count": 0}]}
    ]
    for value in (KNOWN, Outer(name="a", number=1, flag=True)):
        assert read_record(encode_record(value), Outer, "a blob") == value


class Tagged(Record, kw_only=True, tag_field="kind", tag="tagged"):
    name: str = "x"


def test_the_tag_of_a_record_is_always_written() -> None:
    assert to_message(Tagged()) == {"kind": "tagged"}
    assert msgspec.convert(to_message(Tagged()), type=Tagged | None) == Tagged()
