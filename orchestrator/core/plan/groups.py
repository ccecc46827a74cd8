"""A recovery group: several pairs that are switched together, in an order, as written in YAML beside their plans.

::

    schema: 1
    kind: group
    name: payments
    at_once: 2
    pairs:
      - {pair: features}
      - {pair: scoring, after: [features]}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Literal, NamedTuple

from orchestrator.core.base.codec import Value, from_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import Document, read_document
from orchestrator.core.base.text import spell_duration
from orchestrator.core.plan.faults import (
    START,
    Fault,
    PlacedFault,
    drop_consequences,
    hint_of,
    is_broken,
    nearest,
    place_faults,
    show,
)
from orchestrator.core.plan.load import LARGEST, put_in_order
from orchestrator.core.plan.schema import PAIR_NAME, SCHEMA
from orchestrator.core.plan.shape_faults import Shaped
from orchestrator.core.plan.step_base import OnError

KIND = "group"
"""The word by which a file says that it is no plan."""

MOST = 100
"""Pairs of a group. The history of its run grows with each."""

_SAYS_KIND = re.compile(r"^kind\s*:", re.MULTILINE)


class GroupMember(Value, kw_only=True):
    """One pair of a group."""

    pair: str
    """Its name."""

    after: tuple[str, ...] = ()
    """Pairs of the group that have switched before this one is ordered."""


class RecoveryGroup(Value, kw_only=True):
    """Pairs that one order switches together."""

    schema: int
    """Number of the shape: 1."""

    kind: Literal["group"]
    """`group`: what tells this file from a plan."""

    name: str
    """The group's name: in URLs, and in the ids of its runs."""

    pairs: tuple[GroupMember, ...]
    """The pairs. Those that come after no other are ordered first."""

    at_once: int | None = None
    """How many may be under way at the same time; null: as many as their order allows."""

    on_error: OnError = OnError.STOP
    """What follows when a pair has not switched within its time. `stop`: no further pair is ordered; those under
    way are waited for. `continue`: the others go on, also those that come after it."""

    timeout: timedelta = timedelta(minutes=30)
    """How long a pair is waited for, from its order on. A refusal is asked again until then."""


class GroupReading(NamedTuple):
    """What the text of a group says, and everything that is wrong with it, in the order of lines."""

    draft: RecoveryGroup | None
    """The group with stand-ins for what is wrong; None if not even that can be had."""

    document: Document
    faults: tuple[PlacedFault, ...]


def is_group(text: str) -> bool:
    """Whether a text says that it is a group and no plan. Plans have no field ``kind``, and are not parsed for this."""
    if len(text) > LARGEST or not _SAYS_KIND.search(text):
        return False
    value = read_document(text).value
    return isinstance(value, dict) and value.get("kind") == KIND


def read_group(text: str, where: str) -> GroupReading:
    """A group with all of its faults. Never raises. ``where``: the file, for the faults."""
    document = read_document(text)
    found = [
        PlacedFault(where, *(fault.place or START), fault.field, fault.expected, fault.got) for fault in document.faults
    ]
    raw = document.value if isinstance(document.value, dict) else {}
    broken = {fault.field for fault in document.faults}
    shaped = Shaped(raw, RecoveryGroup)
    faults = [fault for fault in shaped.faults if not is_broken(fault.field, broken)]
    draft: RecoveryGroup | None = None
    try:
        made = from_builtins(shaped.usable, RecoveryGroup, "")
    except InvalidInput as fault:
        faults += [] if faults else [Fault(fault.field, fault.expected, fault.got)]
    else:
        draft = made
        faults += drop_consequences(group_faults(made), {*broken, *shaped.broken}, document)
    return GroupReading(draft, document, put_in_order([*found, *place_faults(faults, document, where)], where))


def group_from(text: str, where: str) -> RecoveryGroup:
    """The group that a YAML text holds.

    Raises:
        InvalidInput: the first fault; names file and line, field, what was expected and what was found.
    """
    reading = read_group(text, where)
    if reading.faults or reading.draft is None:
        first = reading.faults[0]
        raise InvalidInput(f"{first.file}:{first.line}", first.field, first.expected, first.got)
    return reading.draft


def group_faults(group: RecoveryGroup) -> Iterator[Fault]:
    """What cannot be meant in a group, whatever plans there are."""
    if group.schema != SCHEMA:
        yield Fault("schema", f"the number {SCHEMA}", str(group.schema))
    if not PAIR_NAME.match(group.name):
        yield Fault("name", "lower-case letters, digits and hyphens, at most 63", show(group.name))
    if group.at_once is not None and group.at_once < 1:
        yield Fault("at_once", "at least 1, or null for no limit", str(group.at_once))
    if group.timeout <= timedelta():
        yield Fault("timeout", "a duration above zero", spell_duration(group.timeout))
    if not 1 <= len(group.pairs) <= MOST:
        yield Fault("pairs", f"from 1 to {MOST} pairs", str(len(group.pairs) or "none"))
        return
    ahead: dict[str, frozenset[str]] = {}
    for number, member in enumerate(group.pairs):
        if member.pair in ahead:
            yield Fault(f"pairs[{number}].pair", "a pair that the group does not name yet", show(member.pair))
        ahead.setdefault(member.pair, frozenset(member.after))
    for number, member in enumerate(group.pairs):
        for n, name in enumerate(member.after):
            if name not in ahead:
                hint = hint_of(nearest(name, ahead.keys() - {member.pair}))
                yield Fault(f"pairs[{number}].after[{n}]", "a pair of the group", show(name), hint=hint)
        if member.pair in _reach(member.pair, ahead):
            yield Fault(f"pairs[{number}].after", "no circle", f"{member.pair} would come after itself")


def folder_group_faults[F](groups: Mapping[F, RecoveryGroup], known: Iterable[str] | None) -> Iterator[tuple[F, Fault]]:
    """Names of groups that stand twice, and pairs that no plan is for, with the group's file.

    Args:
        groups: by file.
        known: the pairs of all plans; None if they cannot be known.
    """
    pairs = None if known is None else frozenset(known)
    names: set[str] = set()
    for file, group in groups.items():
        if group.name in names:
            yield file, Fault("name", "a name that no other group has", group.name)
        names.add(group.name)
        for number, member in enumerate(group.pairs):
            if pairs is not None and member.pair not in pairs:
                hint = hint_of(nearest(member.pair, pairs))
                yield (
                    file,
                    Fault(f"pairs[{number}].pair", "the pair of a plan in the folder", show(member.pair), hint=hint),
                )


def describe_group(group: RecoveryGroup) -> str:
    """A group in words: its pairs in order, how many at once, and what follows a pair that does not switch."""
    limit = "as many at once as their order allows" if group.at_once is None else f"at most {group.at_once} at once"
    stops = group.on_error is OnError.STOP
    then = "then no further pair is ordered" if stops else "then the others go on without it"
    each_within = f"each within {spell_duration(group.timeout)}, {then}"
    lines = [f"{group.name}: a group of {len(group.pairs)} pairs, {limit}; {each_within}"]
    lines += [f"  {each.pair}{f', after {", ".join(each.after)}' if each.after else ''}" for each in group.pairs]
    return "\n".join(lines)


def _reach(pair: str, ahead: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Every pair that has switched before a pair is ordered."""
    found: frozenset[str] = frozenset()
    edge = ahead[pair]
    while edge - found:
        found |= edge
        edge = frozenset().union(*(ahead.get(name, frozenset()) for name in edge))
    return found
