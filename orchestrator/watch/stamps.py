"""Reading and writing what the stamps share: once a pass for each container, and under conditions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from orchestrator.core.base.codec import Value, encode
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.stamps import (
    DrillLog,
    GreenDrill,
    PauseRecord,
    Shared,
    StampView,
    drills_path,
    following,
    is_to_be_written,
    pause_path,
    seen_by,
    shared_from,
    view_path,
    with_green,
)
from orchestrator.core.decision.state import PairState
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.jobs.record import read_record
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import SharedStore, World
from orchestrator.workflows.activities.conflict import while_it_conflicts

Files = Mapping[str, bytes]


class Surroundings:
    """What the stamps share, read at most once for each container. Made anew for every pass."""

    def __init__(self, world: World, stamp: str) -> None:
        self._world = world
        self._stamp = stamp
        self._found: dict[int, Files | HubswitchError] = {}
        self._lock = threading.Lock()

    def of(self, pair: str) -> Shared:
        """What concerns one pair.

        Raises:
            HubswitchError: it cannot be read, or a pause or the log of drills is none.
        """
        store = self._world.shared[pair]
        with self._lock:
            if id(store) not in self._found:
                self._found[id(store)] = _everything(store)
            found = self._found[id(store)]
        if isinstance(found, HubswitchError):
            raise found
        return shared_from(found, pair, self._stamp)


class Teller:
    """Tells the other stamps what this one sees, when it has changed or grows old. Lives as long as the process."""

    def __init__(self, stamp: str) -> None:
        self._stamp = stamp
        self._told: dict[str, StampView] = {}

    def tell(self, world: World, plan: Plan, state: PairState) -> bool:
        """Write this stamp's view of a pair, if others should hear of it; whether it was written.

        Raises:
            HubswitchError: it could not be written. The next look tries again.
        """
        if state.looked_at is None:
            return False
        view = seen_by(
            self._stamp,
            state.looked_at,
            phase=state.phase,
            active=state.active,
            epoch=state.epoch,
            seen=assess(state.evidence, state.looked_at, plan.policy),
        )
        if not is_to_be_written(view, self._told.get(plan.pair), plan.policy):
            return False
        _changed(world.shared[plan.pair], view_path(plan.pair, self._stamp), StampView, lambda _: view)
        self._told[plan.pair] = view
        return True


def store_pause(store: SharedStore, pair: str | None, wanted: PauseRecord) -> PauseRecord:
    """Store a pause, or its end, for one pair or for every one; what is stored now.

    Raises:
        HubswitchError: it could not be stored.
    """
    return _changed(store, pause_path(pair), PauseRecord, lambda before: following(before, wanted))


def store_green(world: World, pair: str, drill: str, kind: str, at: datetime) -> None:
    """Keep a drill that went well; a repeated step changes nothing."""
    done = GreenDrill(drill=drill, kind=kind, at=at)
    _changed(world.shared[pair], drills_path(pair), DrillLog, lambda log: with_green(log, done))


def _everything(store: SharedStore) -> Files | HubswitchError:
    try:
        return store.everything()
    except HubswitchError as fault:
        return fault


def _changed[T: Value](store: SharedStore, path: str, shape: type[T], change: Callable[[T | None], T]) -> T:
    """Read, change, and write under the condition that nobody else has; anew if somebody has."""

    def attempt() -> T:
        found = store.read(path)
        before = read_record(found.value, shape, path) if found else None
        after = change(before)
        if after == before:
            return after
        if found:
            store.replace(path, encode(after), found.etag)
        else:
            store.create(path, encode(after))
        return after

    return while_it_conflicts(attempt)
