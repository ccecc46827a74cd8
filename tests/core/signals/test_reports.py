"""Bodies that were reported as misread, where they are at hand: every field that is given holds."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.base.codec import encode
from orchestrator.core.signals.parse import parse_text

REPORTS = Path(__file__).parents[4] / "shared" / "corpus" / "reports" / "events"
pytestmark = pytest.mark.skipif(not REPORTS.is_dir(), reason="the reported bodies are not at hand")


def alike(field: str, wanted: Any, got: Any) -> bool:
    if field != "occurred_at" or wanted is None or got is None:
        return bool(wanted == got)
    return abs(datetime.fromisoformat(wanted) - datetime.fromisoformat(got)) < timedelta(milliseconds=1)


def is_met(field: str, wanted: Any, got: Any) -> bool:
    """A list is a choice, except of regions."""
    choices = wanted if isinstance(wanted, list) and field != "regions" else [wanted]
    return any(alike(field, one, got) for one in choices)


@pytest.mark.parametrize("expected", sorted(REPORTS.glob("*.expected.json")), ids=lambda path: path.name.split(".")[0])
def test_each_reported_body_is_read_as_expected(expected: Path) -> None:
    """As many lines as expected, each with the fields that are given."""
    body = expected.with_name(expected.name.replace(".expected", ""))
    got = [json.loads(encode(parsed)) for parsed in parse_text(body.read_bytes())]
    lines = json.loads(expected.read_text())["lines"]
    assert len(got) == len(lines)
    wrong = [
        f"line {number}: {field}: expected {wanted!r}, got {answer[field]!r}"
        for number, (line, answer) in enumerate(zip(lines, got, strict=True))
        for field, wanted in line.items()
        if not is_met(field, wanted, answer[field])
    ]
    assert wrong == []
