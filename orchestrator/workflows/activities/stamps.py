"""What a deployment's stamps share about a pair: pauses and passed drills, written by activities and commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from orchestrator.core.base.codec import Value, encode_record, read_record
from orchestrator.core.decision.stamps import (
    DrillLog,
    GreenDrill,
    PauseRecord,
    drills_path,
    pause_path,
    pause_to_write,
    with_green,
)
from orchestrator.ports import SharedStore, World
from orchestrator.workflows.activities.conflict import while_it_conflicts


def store_pause(store: SharedStore, pair: str | None, wanted: PauseRecord) -> PauseRecord:
    """Store a pause, or its end, for one pair or for every one; what is stored now.

    Raises:
        HubswitchError: it could not be stored.
    """
    return change_blob(store, pause_path(pair), PauseRecord, lambda before: pause_to_write(before, wanted))


def store_green(world: World, pair: str, drill: str, kind: str, at: datetime) -> None:
    """Keep a drill that went well; a repeated step changes nothing."""
    done = GreenDrill(drill=drill, kind=kind, at=at)
    change_blob(world.shared[pair], drills_path(pair), DrillLog, lambda log: with_green(log, done))


def change_blob[T: Value](store: SharedStore, path: str, shape: type[T], change: Callable[[T | None], T]) -> T:
    """Read, change, and write under the condition that nobody else has; anew if somebody has."""

    def attempt() -> T:
        found = store.read(path)
        before = read_record(found.value, shape, path) if found else None
        after = change(before)
        if after == before:
            return after
        if found:
            store.replace(path, encode_record(after), found.etag)
        else:
            store.create(path, encode_record(after))
        return after

    return while_it_conflicts(attempt)
