"""A rolling deployment: workers of two versions share stores and engine for minutes, two stamps perhaps for days."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from crash_harness import Bench
from stored_shapes import FILE, SHAPES, fields_of, shape_named

from orchestrator.core.base.codec import Record, encode, to_message
from orchestrator.core.base.errors import UnknownShape
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.leadership import LeaderRecord
from orchestrator.core.decision.state import initial, read_state, unknown_fields
from orchestrator.core.epoch import EpochRecord

PINNED: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", SHAPES)
def test_a_field_keeps_its_default_and_none_is_asked_for_that_was_not_there(name: str) -> None:
    """A default is not written, so another one would change what was stored; an older version writes no new field."""
    before, now = PINNED[name], fields_of(name)
    assert issubclass(shape_named(name), Record)
    assert {field: now.get(field) for field in before} == before
    assert [field for field in now.keys() - before.keys() if "default" not in now[field]] == []


def test_every_pinned_shape_is_tried() -> None:
    """`make histories` pins them at a release."""
    assert set(PINNED) == set(SHAPES)


@pytest.mark.parametrize(
    "value",
    [
        EpochRecord(epoch=1, active=Role.PRIMARY, run=None, since=NOW, why="a test"),
        initial("p", NOW),
        LeaderRecord(stamp="north", term=1, beat=1, pairs=("p",)),
    ],
    ids=["epoch", "state", "leader"],
)
def test_what_is_written_has_no_field_that_the_last_release_refuses(value: Record) -> None:
    """As long as nothing new is used. That release forbids unknown fields everywhere."""
    name = next(name for name in SHAPES if shape_named(name) is type(value))
    assert set(to_message(value)) <= set(PINNED[name])


def test_a_state_keeps_what_a_newer_version_has_stored_in_it() -> None:
    """The older worker decides without it and stores it again; the newer one finds it."""
    stored = to_message(initial("p", NOW)) | {"new": {"since": "2026-03-01T00:00:00Z"}, "critical": []}
    state = read_state(stored)
    assert state == initial("p", NOW)
    after = unknown_fields(stored) | to_message(msgspec.structs.replace(state, epoch=1))
    assert (after["new"], after["epoch"]) == (stored["new"], 1)
    with pytest.raises(UnknownShape):
        read_state(stored | {"critical": ["new"]})


def test_an_epoch_record_of_a_newer_version_is_not_claimed_over(bench: Bench) -> None:
    """Who may act rests on all of it, and a claim writes it anew: the older version stands still and says so."""
    visit = bench.visit()
    pair, epochs = visit.pair, visit.world.epochs[visit.pair]
    found = epochs.read(pair)
    assert found is not None
    azure, container = bench.azure, visit.plan.ledger.container
    path = f"{pair}/epoch.json"
    newer = to_message(found.value) | {"new": True}
    azure.call(lambda: azure.ledger.put(container, path, encode(newer)))
    with pytest.raises(UnknownShape, match=r"epoch\.json: new: .*a field of a newer version"):
        epochs.read(pair)


def test_a_job_record_of_a_newer_version_is_left_where_it_is(bench: Bench) -> None:
    """It is no broken one, which would be moved out of the way: the newer version still needs it."""
    visit = bench.visit()
    pair, ledger, azure = visit.pair, visit.world.ledgers[visit.pair], bench.azure
    container = visit.plan.ledger.container
    prefix = f"{pair}/jobs/"
    name, *_ = (path.removeprefix(prefix) for path in azure.call(lambda: azure.ledger.names(container, prefix)))
    blob = azure.call(lambda: azure.ledger.get(container, prefix + name))
    newer = encode(json.loads(blob.data) | {"new": 1})
    azure.call(lambda: azure.ledger.put(container, prefix + name, newer, blob.metadata))
    with pytest.raises(UnknownShape, match="a field of a newer version"):
        ledger.read(pair, name.removesuffix(".json"))
    assert list(ledger.list_quarantined(pair)) == []
    assert azure.call(lambda: azure.ledger.get(container, prefix + name)).data == newer
