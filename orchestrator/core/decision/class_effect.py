"""What each class of evidence counts for at a moment, in a few words for people. Pure.

The rule decides; this says which part every class has in it: one of the two that must agree, on its way there, a
confirmation, or nothing.
"""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.base.text import format_duration
from orchestrator.core.base.vocabulary import DECIDING_CLASSES, WORK_CLASSES, EvidenceClass, Observation, Role
from orchestrator.core.decision.rule import confirmation
from orchestrator.core.decision.verdicts import Assessment, Verdict
from orchestrator.core.plan.policy import Policy

UNHEARD = "nothing was asked or heard"


def counts_as(seen: Assessment, side: Role, name: EvidenceClass, policy: Policy) -> str:
    """What one class of one side counts for now."""
    verdict = seen.of(side, name)
    match verdict.observation:
        case None:
            return UNHEARD
        case Observation.OK:
            return "well: nothing of it counts"
        case Observation.BLIND:
            return "blind: counts neither for nor against, and no way back opens"
        case Observation.DEGRADED:
            return "slow or partly failing: told, not counted"
        case Observation.BAD:
            return _bad(verdict, name, confirmation(seen, side, policy))


def _bad(verdict: Verdict, name: EvidenceClass, needed: timedelta) -> str:
    if name not in DECIDING_CLASSES:
        return "bad: confirms" + (", and shortens the wait" if name is EvidenceClass.NOTICE else "") + "; never decides"
    kind = "work class" if name in WORK_CLASSES else "second witness, not a work class"
    if verdict.bad_for >= needed:
        return f"bad for {format_duration(verdict.bad_for)}, {format_duration(needed)} needed: counts ({kind})"
    return f"bad for {format_duration(verdict.bad_for)} of the {format_duration(needed)} needed: not yet ({kind})"
