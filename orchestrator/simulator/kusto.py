"""As much of the Kusto query language as hubswitch asks in, strictly: everything else is a syntax error.

::

    Table
    | where Column =~ "text" or Column startswith "text"
    | summarize arg_max(Column, Column, ...) by Column
    | summarize Name=count(), Name=min(Column), Name=max(Column) by Column

``=~`` and ``startswith`` compare without regard to case (learn.microsoft.com, Kusto string operators).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.simulator.services import AzureError

type Row = dict[str, Any]

_NAME = r"[A-Za-z_]\w*"
_CONDITION = re.compile(rf'^({_NAME})\s+(=~|startswith)\s+"([^"\\]*)"$')
_SUMMARY = re.compile(rf"^summarize\s+(.+?)\s+by\s+({_NAME})$", re.DOTALL)
_NEWEST = re.compile(rf"^arg_max\(({_NAME}(?:\s*,\s*{_NAME})+)\)$")
_AGGREGATE = re.compile(rf"^({_NAME})\s*=\s*(count|min|max)\(({_NAME})?\)$")
_AGGREGATES: dict[str, Callable[[Sequence[Any]], Any]] = {"count": len, "min": min, "max": max}


def answer(query: str, table: Callable[[str], list[Row]], columns: Sequence[str]) -> tuple[list[str], list[Row]]:
    """Columns and rows that a query gives.

    Args:
        query: its text.
        table: the rows of a table; raises AzureError if there is none.
        columns: what every table here may have, for names that are wrong.

    Raises:
        AzureError: 400, a syntax error or an unknown name.
    """
    name, *steps = [step.strip() for step in query.split("|")]
    if not re.fullmatch(_NAME, name):
        raise syntax(f"a table was expected, got {name[:40]!r}")
    rows, known = table(name), list(columns)
    for step in steps:
        if step.startswith("where "):
            rows = _where(step.removeprefix("where "), rows, known)
        elif found := _SUMMARY.match(step):
            known, rows = _summarize(found[1].strip(), found[2], rows, known)
        else:
            raise syntax(f"'{step[:40]}' is not simulated")
    return known, rows


def syntax(text: str) -> AzureError:
    return _bad("SyntaxError", "SYN0002", text)


def unresolved_error(text: str) -> AzureError:
    return _bad("SemanticError", "SEM0100", text)


def _bad(kind: str, code: str, text: str) -> AzureError:
    return AzureError(400, "BadArgumentError", f"{kind}|{code}|{text}")


def body_of(error: AzureError) -> dict[str, Any]:
    """The error as the query API words it, with its inner errors."""
    kind, _, rest = error.message.partition("|")
    code, _, text = rest.partition("|")
    if not text:
        return {"error": {"message": error.message, "code": error.code}}
    inner = {"code": code, "message": text}
    outer = {"code": kind, "message": f"A {kind} occurred.", "innererror": inner}
    return {"error": {"message": "The request had some invalid properties", "code": error.code, "innererror": outer}}


def _where(text: str, rows: list[Row], known: Sequence[str]) -> list[Row]:
    tests = []
    for part in re.split(r"\s+or\s+", text.strip()):
        found = _CONDITION.match(part)
        if found is None:
            raise syntax(f"'{part[:40]}' is not simulated")
        tests.append((_check(found[1], known), found[2], found[3].lower()))

    def holds(row: Row) -> bool:
        said = [(str(row.get(column, "")).lower(), how, wanted) for column, how, wanted in tests]
        return any(is_ == wanted if how == "=~" else is_.startswith(wanted) for is_, how, wanted in said)

    return [row for row in rows if holds(row)]


def _summarize(text: str, by: str, rows: list[Row], known: Sequence[str]) -> tuple[list[str], list[Row]]:
    groups: dict[Any, list[Row]] = {}
    _check(by, known)
    for row in rows:
        groups.setdefault(row.get(by), []).append(row)
    if newest := _NEWEST.match(text):
        order, *others = [_check(name.strip(), known) for name in newest[1].split(",")]
        kept = [max(group, key=lambda row: row[order]) for group in groups.values()]
        columns = [by, order, *others]
        return columns, [{name: row.get(name) for name in columns} for row in kept]
    made = [_aggregate(part.strip(), known) for part in re.split(r",\s*(?=\w+\s*=)", text)]
    found = [
        {by: key} | {name: _AGGREGATES[how]([row.get(of) for row in group]) for name, how, of in made}
        for key, group in groups.items()
    ]
    return [by, *(name for name, _, _ in made)], found


def _aggregate(text: str, known: Sequence[str]) -> tuple[str, str, str]:
    found = _AGGREGATE.match(text)
    if found is None or (found[2] == "count") is (found[3] is not None):
        raise syntax(f"'{text[:40]}' is not simulated")
    return found[1], found[2], _check(found[3], known) if found[3] else ""


def _check(name: str, known: Sequence[str]) -> str:
    if name not in known:
        raise unresolved_error(f"Failed to resolve column or scalar expression named '{name}'")
    return name
