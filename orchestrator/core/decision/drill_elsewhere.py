"""The switches of a full drill that another stamp holds, at a stamp that learns of them by the epoch record.

The record says which drill ordered the switch. The drill acknowledges its two switches at its own stamp, so that no
cooldown keeps a real failover; here the same follows from the record. Pure.
"""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.rule import judge
from orchestrator.core.decision.state import PairState, change_phase
from orchestrator.core.decision.transitions import Trigger
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.policy import Policy


def acknowledge_drill(
    before: PairState, state: PairState, seen: Assessment, now: datetime, policy: Policy
) -> PairState:
    """The state of a pair that has just learnt of a switch; acknowledged, if a full drill ordered it.

    Danger: not where the primary has failed meanwhile, for then the drill's failover is a real one, nor where something
    was deleted. People have to see that, as at the stamp that holds the drill.
    """
    if state.epoch <= before.epoch or state.phase is not Phase.SETTLED or not state.run_drill:
        return state
    is_real = state.active is Role.SECONDARY and judge(seen, Role.PRIMARY, policy).met
    if is_real or state.evidence.deletions:
        return state
    why = f"acknowledged by full drill {state.run_drill}, which another stamp holds"
    return change_phase(state, Trigger.ACKNOWLEDGED, now, "acknowledged", why, acknowledged=True, failed_at=None)
