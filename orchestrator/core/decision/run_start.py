"""Begin a run: its id, its order, and the notice of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.decision.proposals import close_proposal
from orchestrator.core.decision.state import Decision, PairState, StartRun, Tell, change_phase
from orchestrator.core.decision.transitions import Trigger

RunKind = Literal["failover", "failback"]

ORDERED = "ordered"
"""Rule of a decision that a person made."""

BY_HAND = "by-hand"
"""End of the id of a run that a person has begun without the app."""

RUN_END = rf"e(?P<epoch>\d{{1,9}})(?:-again(?P<attempt>\d{{1,9}})|-{BY_HAND})?"
"""Pattern of what stands behind kind and pair in the id of a run."""


def run_id(kind: RunKind, pair: str, epoch: int, attempts: int = 0) -> str:
    """Id of a run, and its idempotency key. A further attempt at an epoch that nobody claimed has its own."""
    again = f"-again{attempts}" if attempts else ""
    return f"{kind}-{pair}-e{epoch}{again}"


def hand_run_id(kind: RunKind, pair: str, epoch: int) -> str:
    """The same of a run that a person begins without the app: it must not be taken for one of the app's."""
    return f"{run_id(kind, pair, epoch)}-{BY_HAND}"


def start_run(  # noqa: PLR0913 - what a run is ordered with
    state: PairState,
    trigger: Trigger,
    kind: RunKind,
    now: datetime,
    *,
    rule: str,
    why: str,
    graceful: bool = False,
    drain: timedelta = timedelta(),
    drill: str = "",
) -> Decision:
    """The decision that begins a run to the side that is not active.

    Args:
        state: the pair's.
        trigger: what begins it.
        kind: failover or failback.
        now: the present.
        rule: short name of what it rests on.
        why: the reason, for people.
        graceful: a planned failover, away from a side that is well.
        drain: longest time that it waits for running jobs before it claims its epoch.
        drill: name of the full drill that orders it.
    """
    epoch = state.epoch + 1
    order = StartRun(
        kind=kind,
        run=run_id(kind, state.pair, epoch, state.attempts),
        epoch=epoch,
        source=state.active,
        target=state.active.other,
        why=why,
        graceful=graceful,
        drain=drain,
        drill=drill,
    )
    state = close_proposal(state, now, f"was followed by {order.run}")
    begun = {"run_from": state.phase, "run_ordered": rule == ORDERED, "run_forced": False, "run_drill": drill}
    begun["run_drains"] = drain > timedelta()
    run = {"run": order.run, "last_run": order.run, "target": order.target}
    after = change_phase(state, trigger, now, rule, why, **run, **begun)
    name = NoticeName.FAILOVER_STARTED if kind == "failover" else NoticeName.FAILBACK_STARTED
    return Decision(state=after, orders=(order, Tell(name=name, why=why)), rule=rule, why=why)
