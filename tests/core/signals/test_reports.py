"""What people really send, held against what must come of it, where those inputs are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.signals.parse import parse_text

REPORTS = Path(__file__).parents[4] / "shared" / "corpus" / "reports" / "events"
INPUTS = sorted(path for path in REPORTS.glob("*.json") if not path.name.endswith(".expected.json"))


def _same(expected: Any, given: Any) -> bool:
    if isinstance(expected, list) and not isinstance(given, list | tuple):
        return given in expected
    if isinstance(expected, str) and isinstance(given, str) and expected.endswith("Z"):
        return given.rstrip("Z").rstrip("0").rstrip(".") == expected.rstrip("Z").rstrip("0").rstrip(".")
    return bool((list(given) if isinstance(given, tuple) else given) == expected)


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
def test_every_field_that_must_hold_holds(path: Path) -> None:
    """One line per element, in order; only the fields that are given are compared."""
    expected = json.loads(path.with_name(f"{path.stem}.expected.json").read_text(encoding="utf-8"))["lines"]
    lines = [to_builtins(parsed) for parsed in parse_text(path.read_bytes())]
    assert len(lines) == len(expected)
    wrong = [
        (number, field, line.get(field), value)
        for number, (line, fields) in enumerate(zip(lines, expected, strict=True))
        for field, value in fields.items()
        if not _same(value, line.get(field))
    ]
    assert wrong == []
