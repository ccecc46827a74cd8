"""Words that no table knows. They mean nothing, count for nothing, and are told, so that a table can learn them."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from orchestrator.core.base.text import clipped
from orchestrator.core.signals.json_access import word

TOLD = 5
"""Most words told of one element."""

LONGEST = 60
"""Bytes of one of them."""


class Said(NamedTuple):
    """A word as it was sent, and the words that its field may hold."""

    field: str
    value: Any
    known: Container[str]


def strangers(*said: Said) -> tuple[str, ...]:
    """The words that are none of those known, each with its field: ``stage: Simmering``."""
    return tuple([clipped(f"{s.field}: {_shown(s.value)}", LONGEST) for s in said if _is_strange(s)][:TOLD])


def _is_strange(said: Said) -> bool:
    if said.value is None or (isinstance(said.value, str) and not said.value.strip()):
        return False
    return word(said.value) not in said.known


def _shown(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else f"({type(value).__name__})"
