"""Recovery groups: what is read, and every fault at once with its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.groups import describe_group, group_from, is_group, read_group
from orchestrator.core.plan.step_base import OnError

GROUP = """\
schema: 1
kind: group
name: payments
at_once: 2
on_error: continue
timeout: 45m
pairs:
  - {pair: features}
  - {pair: scoring, after: [features]}
"""


def faults(text: str) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.field, fault.got) for fault in read_group(text, "g.yaml").faults]


def test_a_group_is_read_as_it_is_written() -> None:
    """Its defaults: no limit but the order, stop at a failure, half an hour for each pair."""
    group = group_from(GROUP, "g.yaml")
    assert [(each.pair, each.after) for each in group.pairs] == [("features", ()), ("scoring", ("features",))]
    assert (group.at_once, group.on_error, group.timeout) == (2, OnError.CONTINUE, timedelta(minutes=45))
    usual = group_from("schema: 1\nkind: group\nname: g\npairs: [{pair: a}]\n", "g.yaml")
    assert (usual.at_once, usual.on_error, usual.timeout) == (None, OnError.STOP, timedelta(minutes=30))
    assert describe_group(group) == (
        "payments: a group of 2 pairs, at most 2 at once; each within 45m, then the others go on without it\n"
        "  features\n"
        "  scoring, after features"
    )


@pytest.mark.parametrize(
    ("text", "expected"), [(GROUP, True), ("schema: 1\npair: kind\n", False), ("kind: plan", False)]
)
def test_a_file_is_a_group_if_it_says_so(text: str, expected: bool) -> None:
    """Everything else is read as a plan, and told as such."""
    assert is_group(text) is expected


def test_all_faults_are_told_at_once_in_the_order_of_lines() -> None:
    """Shape and sense; a name that nearly is one of the group is offered."""
    text = GROUP.replace("name: payments", "name: Payments").replace("at_once: 2", "at_once: 0")
    text = text.replace("on_error: continue", "on_eror: continue").replace("after: [features]", "after: [feature]")
    text = text.replace("45m", "0m")
    assert faults(text) == [
        (3, "name", "'Payments'"),
        (4, "at_once", "0"),
        (5, "on_eror", "an unknown field"),
        (6, "timeout", "0s"),
        (9, "pairs[1].after[0]", "'feature'"),
    ]
    assert read_group(text, "g.yaml").faults[-1].hint == "did you mean features?"


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("[{pair: a}, {pair: b}, {pair: a}]", [("pairs[2].pair", "'a'")]),
        ("[{pair: a, after: [a]}]", [("pairs[0].after", "a would come after itself")]),
        (
            "[{pair: a, after: [c]}, {pair: b, after: [a]}, {pair: c, after: [b]}, {pair: d, after: [a]}]",
            [(f"pairs[{n}].after", f"{name} would come after itself") for n, name in enumerate("abc")],
        ),
        ("[]", [("pairs", "none")]),
    ],
    ids=["twice", "itself", "circle", "none"],
)
def test_what_contradicts_itself_is_refused(pairs: str, expected: list[Any]) -> None:
    """A pair twice, a circle, no pair at all. What only comes after a circle has no fault of its own."""
    text = f"schema: 1\nkind: group\nname: g\npairs: {pairs}\n"
    assert [(field, got) for _, field, got in faults(text)] == expected
    with pytest.raises(InvalidInput, match=expected[0][0].replace("[", r"\[")):
        group_from(text, "g.yaml")
