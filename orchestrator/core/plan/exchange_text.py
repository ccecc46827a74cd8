"""The text of a plan with its sides exchanged: names change places where they stand, everything else stays as it is.

Comments, order, blank lines and quotes are those of the person who wrote it. The two sides keep their places in the
file; their keys change. What comes out is read again and has to be the plan that was meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import Document, read_document
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.defaults import ReadDefaults
from orchestrator.core.plan.exchange import Exchange
from orchestrator.core.plan.load import Reading, read_plan
from orchestrator.core.plan.schema import TABLES
from orchestrator.core.plan.steps import front_steps

BYTE_ORDER_MARK = "\ufeff"


class Edit(NamedTuple):
    """Characters of a text, from ``start`` to ``end``, that become others."""

    start: int
    end: int
    text: str


def exchange_text(
    text: str, reading: Reading, exchange: Exchange, where: str, read_defaults: ReadDefaults | None = None
) -> str:
    """The text of the exchanged plan.

    Args:
        text: the plan's, without a fault.
        reading: what was read of it.
        exchange: what is to come out.
        where: the file, for what cannot be done.
        read_defaults: reads the file that the plan extends. It is not changed: other pairs rest on it.

    Raises:
        InvalidInput: the text says it in a way that this cannot rewrite, or the exchanged plan has a fault, which is
            named.
    """
    edits = sorted({*_keys(reading), *_tables(text, reading), *_names(reading.document, exchange, where)})
    mark, after = text[:1] if text.startswith(BYTE_ORDER_MARK) else "", text.removeprefix(BYTE_ORDER_MARK)
    for edit in reversed(edits):
        after = after[: edit.start] + edit.text + after[edit.end :]
    after = mark + after
    read = read_plan(after, where, read_defaults)
    if read.draft == exchange.plan and read.faults:
        first = read.faults[0]
        raise InvalidInput(f"{where} after the exchange", first.field, first.expected, first.got)
    if read.plan != exchange.plan:
        expected = "sides, tables and names written out in this file, each once, without aliases that mix the two sides"
        raise InvalidInput(where, "", expected, "a text that cannot be rewritten in place")
    return after


def _keys(reading: Reading) -> Iterator[Edit]:
    """The keys ``primary`` and ``secondary``: of the plan, and of steps and copies that name something of each side."""
    named = list(front_steps(reading.draft.steps)) if reading.draft else []
    named += [f"data.copies[{n}]" for n, _ in enumerate(reading.draft.data.copies)] if reading.draft else []
    for place in ("", *(f"{each}." for each in named)):
        for role in Role:
            found = reading.document.spans(f"{place}{role.value}")
            if found:
                yield Edit(*found.key, role.other.value)


def _tables(full: str, reading: Reading) -> Iterator[Edit]:
    """Each entry's two names change places, as they are written, quotes included."""
    text = full.removeprefix(BYTE_ORDER_MARK)
    jobs = reading.draft.jobs if reading.draft else None
    for table in TABLES:
        for old in getattr(jobs, table, {}):
            found = reading.document.spans(f"jobs.{table}.{old}")
            if found and found.value:
                yield Edit(*found.key, _cut(text, found.value))
                yield Edit(*found.value, _cut(text, found.key))


def _names(document: Document, exchange: Exchange, where: str) -> Iterator[Edit]:
    for field, value in exchange.renamed:
        found = document.spans(field)
        if found is None or found.value is None:
            raise InvalidInput(where, field, f"it written out, for it becomes {value}", "nothing")
        yield Edit(*found.value, _written(value))


def _written(value: str) -> str:
    """A name as people write it; in quotes if YAML would read something else."""
    return value if read_document(value).value == value else json.dumps(value, ensure_ascii=False)


def _cut(text: str, span: Sequence[int]) -> str:
    return text[span[0] : span[1]]
