"""The way back: when the primary may be active again. Pure.

Asked for by a person or not, it needs ``failback_hold`` of health of the primary: bad starts that anew, and times
when nobody could tell do not count.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.core.base.text import format_duration, format_time, join_words
from orchestrator.core.base.vocabulary import Mode, Phase, Role
from orchestrator.core.decision.holds import Case, Check
from orchestrator.core.decision.state import PairState
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.policy import Policy


def unready(seen: Assessment, now: datetime, policy: Policy, target: Role = Role.PRIMARY) -> str | None:
    """Why the way back is not open yet, with the earliest time; None if it is."""
    well = seen.evidence.wellness.get(target.value)
    length = well.length if well else timedelta()
    missing = policy.failback_hold - length
    if missing > timedelta():
        doubt = f", and this time does not grow now: {well.why}" if well and not well.is_well and well.why else ""
        hold = format_duration(policy.failback_hold)
        return (
            f"the {target} has been well for {format_duration(length)} of {hold}{doubt}; "
            f"earliest {format_time(now + missing)}, or forced with a reason"
        )
    if well is None or not well.is_well or now - well.at > policy.evidence_lifetime:
        return f"the {target} is not known to be well now: {well.why if well else 'nothing has been asked yet'}"
    return None


def describe_relapse(state: PairState, seen: Assessment) -> str | None:
    """Why a run that has not switched must not go on: its target is bad in some class. None if it may.

    Of a way back, and of a planned failover that drains: either takes long enough for its target to turn bad. A run
    that a person forced goes on: what was bad then was no news to that person.
    """
    is_slow = state.phase is Phase.RETURNING or state.is_draining
    if not is_slow or state.target is None or state.run_forced:
        return None
    bad = seen.bad(state.target)
    return f"{join_words(bad)} of the {state.target} is bad, and the pointer has not moved" if bad else None


def unapproved(case: Case) -> str | None:
    return "the mode is approve: a person begins the way back" if case.policy.mode is Mode.APPROVE else None


AUTOMATIC_FAILBACK = (Check("hold.approval", unapproved, "the command failback"),)
"""What holds a way back that nobody ordered, besides what holds every switch."""
