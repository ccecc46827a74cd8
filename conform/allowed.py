"""The list of differences that are allowed, each with its reason, and what it leaves."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True)
class Allowance:
    """One entry: a line as the check prints it, with ``*`` for whatever may stand there, and why it is allowed."""

    line: str
    reason: str
    sometimes: bool = False
    """Whether it depends on timing, and need not cover a line of every run."""

    def covers(self, line: str) -> bool:
        return fnmatchcase(line, self.line.replace("[", "[[]"))


class BadList(ValueError):
    """The list cannot be read; the message says which entry, what was expected, and what was found."""


def read_list(path: Path) -> list[Allowance]:
    """The entries of a list.

    Raises:
        BadList: it is no TOML, or an entry lacks its line or its reason.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("allow", [])
    except tomllib.TOMLDecodeError as fault:
        raise BadList(f"{path}: {fault}") from fault
    found = []
    for number, entry in enumerate(entries, 1):
        for field in ("line", "reason"):
            if not isinstance(entry.get(field), str) or not entry[field].strip():
                raise BadList(f"{path}: allow[{number}].{field}: a text was expected, got {entry.get(field)!r}")
        sometimes = entry.get("sometimes", False)
        if not isinstance(sometimes, bool):
            raise BadList(f"{path}: allow[{number}].sometimes: true or false was expected, got {sometimes!r}")
        found.append(Allowance(entry["line"], entry["reason"], sometimes))
    return found


def left_over(lines: Iterable[str], allowed: list[Allowance]) -> tuple[list[str], list[Allowance]]:
    """Lines that no entry covers, and entries that should cover one and do not."""
    used: set[Allowance] = set()
    left = []
    for line in lines:
        covering = [entry for entry in allowed if entry.covers(line)]
        used.update(covering)
        if not covering:
            left.append(line)
    return left, [entry for entry in allowed if entry not in used and not entry.sometimes]
