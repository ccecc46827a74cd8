"""Begin a run: its id, its order, and the notice of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.decision.proposals import close_proposal
from orchestrator.core.decision.state import Decision, PairState, StartRun, Tell, change_phase
from orchestrator.core.decision.transitions import Trigger

RunKind = Literal["failover", "failback"]


def run_id(kind: RunKind, pair: str, epoch: int, attempts: int = 0) -> str:
    """Id of a run, and its idempotency key. A further attempt at an epoch that nobody claimed has its own."""
    again = f"-again{attempts}" if attempts else ""
    return f"{kind}-{pair}-e{epoch}{again}"


def start_run(state: PairState, trigger: Trigger, kind: RunKind, now: datetime, *, rule: str, why: str) -> Decision:
    """The decision that begins a run to the side that is not active."""
    epoch = state.epoch + 1
    order = StartRun(
        kind=kind,
        run=run_id(kind, state.pair, epoch, state.attempts),
        epoch=epoch,
        source=state.active,
        target=state.active.other,
        why=why,
    )
    state = close_proposal(state, now, f"was followed by {order.run}")
    after = change_phase(state, trigger, now, rule, why, run=order.run, last_run=order.run, target=order.target)
    name = NoticeName.FAILOVER_STARTED if kind == "failover" else NoticeName.FAILBACK_STARTED
    return Decision(state=after, orders=(order, Tell(name=name, why=why)), rule=rule, why=why)
