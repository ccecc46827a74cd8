"""The stored state: one schema, one door, nothing guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stories import BAD, START, Story, failed_over, minutes

from orchestrator.core.base.codec import encode, to_builtins
from orchestrator.core.base.errors import InvalidInput, UnknownShape
from orchestrator.core.decision.state import JOURNAL_LIMIT, initial, read_state


def changed(**fields: Any) -> bytes:
    """The first state of a pair with some stored fields changed."""
    return json.dumps(to_builtins(initial("p", START)) | fields).encode()


def test_a_state_survives_its_stored_form() -> None:
    """What is read is what was written, with evidence, journal and all."""
    story = failed_over()
    assert read_state(encode(story.state)) == story.state
    assert read_state(to_builtins(story.state)) == story.state


@pytest.mark.parametrize("schema", [0, 2, None, "1"])
def test_an_unknown_schema_is_left_alone(schema: object) -> None:
    """Written by another version: not misread, refused."""
    with pytest.raises(UnknownShape, match="schema"):
        read_state(changed(schema=schema))


def test_an_unknown_phase_is_left_alone() -> None:
    """A word of another version never becomes a default."""
    with pytest.raises(UnknownShape, match="phase"):
        read_state(changed(phase="dancing"))


@pytest.mark.parametrize(
    "fields",
    [{"active": "tertiary"}, {"epoch": "one"}, {"last_now": None}, {"evidence": {"tracks": 3}}],
)
def test_a_wrong_field_is_named(fields: dict[str, Any]) -> None:
    """The message says which field of which state, and what was expected."""
    with pytest.raises(InvalidInput, match="state of p"):
        read_state(changed(**fields), "state of p")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null"])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    """Half a document is no state."""
    with pytest.raises(InvalidInput):
        read_state(data)


def test_the_journal_is_bounded_and_keeps_the_newest() -> None:
    """A pair that flaps for days has a short journal."""
    story = Story()
    for _ in range(JOURNAL_LIMIT):
        story.live(minutes(1), {"primary.hub": BAD})
        story.live(minutes(1))
    assert len(story.state.journal) == JOURNAL_LIMIT
    assert story.state.journal[-1].at > story.now - minutes(3)
    assert len(encode(story.state)) < 64 * 1024
