"""Published payloads, where they are at hand: the expected answers hold for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.base.codec import encode
from orchestrator.core.signals.parse import parse_text

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "events"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of published payloads is not at hand")


def lines(name: str) -> list[dict[str, Any]]:
    path = CORPUS / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def answer(file: str, index: int) -> dict[str, Any]:
    """What is printed for one element."""
    plain: dict[str, Any] = json.loads(encode(parse_text((CORPUS / file).read_bytes())[index]))
    return plain


def misses(file: str, expected: dict[str, Any], got: dict[str, Any]) -> Iterator[str]:
    for field, wanted in expected.items():
        if field == "type" and file.startswith("alerts/"):
            continue
        nested = field == "regions" and wanted and isinstance(wanted[0], list)
        allowed = wanted if nested or (isinstance(wanted, list) and field != "regions") else [wanted]
        if not any(alike(field, one, got[field]) for one in allowed):
            yield f"{field}: {got[field]!r} is none of {allowed!r}"


def alike(field: str, wanted: Any, got: Any) -> bool:
    if field != "occurred_at" or wanted is None or got is None:
        return bool(wanted == got)
    return abs(datetime.fromisoformat(wanted) - datetime.fromisoformat(got)) < timedelta(milliseconds=1)


@pytest.mark.parametrize("label", lines("labels.jsonl"), ids=lambda label: label["file"])
def test_each_labelled_payload_is_read_as_expected(label: dict[str, Any]) -> None:
    """One of the complete answers that are right is given."""
    got = answer(label["file"], label["index"])
    found = [list(misses(label["file"], expected, got)) for expected in (label["expect"], *label.get("or", []))]
    assert [] in found, found


@pytest.mark.parametrize("rule", lines("dedupe.jsonl"), ids=lambda rule: next(iter(rule)))
def test_keys_are_equal_for_one_fact_and_different_for_two(rule: dict[str, list[tuple[str, int]]]) -> None:
    """Across schemas, and for events that share an id."""
    for relation, elements in rule.items():
        keys = {answer(file, index)["dedupe_key"] for file, index in elements}
        assert len(keys) == (1 if relation == "equal" else len(elements))


def test_every_payload_is_read_without_raising() -> None:
    """Every element of every file has an answer with a reason."""
    answers = [parsed for path in sorted(CORPUS.glob("*/*.json")) for parsed in parse_text(path.read_bytes())]
    assert len(answers) > 80
    assert [parsed for parsed in answers if not parsed.why] == []
