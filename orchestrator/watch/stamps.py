"""Reading and writing what the stamps share: once a pass for each container, and under conditions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import msgspec

from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.leadership import Leadership
from orchestrator.core.decision.stamps import (
    Shared,
    StampView,
    is_to_be_written,
    read_shared,
    view_of,
    view_path,
)
from orchestrator.core.decision.state import PairState
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import SharedStore, World
from orchestrator.workflows.activities.stamps import change_blob

Files = Mapping[str, bytes]


class Surroundings:
    """What the stamps share, read at most once for each container. Made anew for every pass."""

    def __init__(self, world: World, stamp: str, leading: Callable[[str], Leadership] | None = None) -> None:
        """``leading``: who acts for a pair, where that is asked for; raises as ``of`` does."""
        self._world = world
        self._leading = leading
        self._stamp = stamp
        self._found: dict[int, Files | HubswitchError] = {}
        self._lock = threading.Lock()

    def of(self, pair: str) -> Shared:
        """What concerns one pair.

        Raises:
            HubswitchError: it cannot be read, or the leader's record, a pause or the log of drills is none.
        """
        leadership = self._leading(pair) if self._leading else None
        shared = read_shared(self.files(pair), pair, self._stamp)
        return msgspec.structs.replace(shared, leadership=leadership)

    def files(self, pair: str) -> Files:
        """Every shared record of the container in which a pair's are.

        Raises:
            HubswitchError: it cannot be read.
        """
        store = self._world.shared[pair]
        with self._lock:
            if id(store) not in self._found:
                self._found[id(store)] = _everything(store)
            found = self._found[id(store)]
        if isinstance(found, HubswitchError):
            raise found
        return found


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
        view = view_of(
            self._stamp,
            state.looked_at,
            phase=state.phase,
            active=state.active,
            epoch=state.epoch,
            seen=assess(state.evidence, state.looked_at, plan.policy),
        )
        if not is_to_be_written(view, self._told.get(plan.pair), plan.policy):
            return False
        change_blob(world.shared[plan.pair], view_path(plan.pair, self._stamp), StampView, lambda _: view)
        self._told[plan.pair] = view
        return True


def _everything(store: SharedStore) -> Files | HubswitchError:
    try:
        return store.everything()
    except HubswitchError as fault:
        return fault
