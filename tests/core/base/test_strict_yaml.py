"""What people write in YAML is read strictly: twice is once too often, and nothing ends the process."""

from __future__ import annotations

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import DEEPEST, line_of, read_document, yaml_from


@pytest.mark.parametrize(
    ("text", "where", "got"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3", "the key a a second time"),
        ("a:\n  - {x: 1, x: 2}\n", "f.yaml:2", "the key x a second time"),
        ("a: 2026-13-01T00:00:00Z\n", "f.yaml:1", "month must be in 1..12"),
        ("a: [1\n", "f.yaml:2", "expected ',' or ']'"),
        ("a: 1\nb: " + "[" * 100_000, "f.yaml:2", "more"),
        ("".join(f"{' ' * n}a:\n" for n in range(3000)), "f.yaml", "more"),
        ("&a [*a]", "f.yaml", "more"),
    ],
    ids=["twice", "twice inside", "no time", "open", "brackets", "steps", "itself"],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text: str, where: str, got: str) -> None:
    """One line that says where and what; the loader in C would take the last of two keys, and die of an abyss."""
    with pytest.raises(InvalidInput) as caught:
        yaml_from(text, "f.yaml")
    assert caught.value.where == where
    assert got in caught.value.got


def test_what_is_meant_is_read() -> None:
    """Anchors and merges too: a key that overrides a merged one is no second one."""
    assert yaml_from("base: &b {x: 1, y: 2}\nmore: {<<: *b, x: 3}\n", "f")["more"] == {"x": 3, "y": 2}
    assert yaml_from("[" * DEEPEST + "]" * DEEPEST, "f")


@pytest.mark.parametrize(
    ("field", "line"), [("a", 1), ("b[1].c", 4), ("b[0]", 3), ("b[1].missing", 4), ("missing", 1), ("b.1.c", 4)]
)
def test_a_field_is_found_by_its_path(field: str, line: int) -> None:
    """Its line, or that of the nearest thing around it."""
    assert line_of("a: 1\nb:\n  - {c: 1}\n  - {c: 2}\n", field) == line


def test_every_double_key_and_every_wrong_scalar_is_found() -> None:
    """One hides no other; the first of two keys is the one that is read."""
    document = read_document("a: 1\na: 2\nb: {x: 1, x: 2}\nc: [2026-13-01T00:00:00Z, !odd y]\nd: 3\n")
    assert [(fault.field, fault.place) for fault in document.faults] == [
        ("a", (2, 1)),
        ("b.x", (3, 11)),
        ("c[0]", (4, 5)),
        ("c[1]", (4, 27)),
    ]
    assert document.value == {"a": 1, "b": {"x": 1}, "c": ["2026-13-01T00:00:00Z", "y"], "d": 3}


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("a", (1, 4)),
        ("b", (2, 1)),
        ("b.x.y", (3, 8)),
        ("b.x.y.z", (3, 8)),
        ("b.é", (4, 10)),
        ("b.é.more", (4, 10)),
        ("c[1]", (5, 8)),
        ("c[2]", (5, 1)),
        ("d", (7, 3)),
        ("e.k", (8, 16)),
        ("e.l", (8, 23)),
        ("nowhere", (1, 1)),
    ],
)
def test_a_place_is_that_of_the_value_or_of_what_it_is_missing_from(field: str, place: tuple[int, int]) -> None:
    """Columns count characters; a key may have dots; what is merged stands where it was written."""
    text = 'a: 1\nb:\n  x.y: 2\n  "é":   3\nc: [1, 2]\nd:\n  text\ne: {<<: &m {k: 4}, l: 5}\n'
    document = read_document(text)
    assert document.faults == []
    assert document.place(field) == place


def test_what_is_merged_twice_is_no_double_key() -> None:
    """Whatever the order in which merges are worked out."""
    document = read_document("c: {<<: &b {<<: &a {x: 1}, x: 2}, d: *b}\ne: {<<: [*a, *b], y: 3}\n")
    assert document.faults == []
    assert document.value["c"] == {"x": 2, "d": {"x": 2}}
    assert document.value["e"] == {"x": 1, "y": 3}
