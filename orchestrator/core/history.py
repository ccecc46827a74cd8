"""Which decision is a new one, and which repeats the last. Pure.

The decision that stands is kept with the pair's state and counts up; the one before it is closed and handed over to
be kept elsewhere, so that the state stays small.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from orchestrator.core.base.text import clipped
from orchestrator.core.base.vocabulary import EvidenceClass, Role
from orchestrator.core.decision import holds
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.explain import explain
from orchestrator.core.decision.state import Decision, PairState
from orchestrator.core.decision.verdicts import Assessment, assess
from orchestrator.core.plan.policy import Policy


class Entered(NamedTuple):
    """A decision whose state carries the entry that stands, and the entry that it has ended."""

    decision: Decision
    closed: Kept | None


def entered(before: PairState, decision: Decision, now: datetime, policy: Policy) -> Entered:
    """Count the standing entry up if the decision repeats it; else close it and begin another."""
    after = decision.state
    seen = assess(after.evidence, now, policy)
    found = _inputs(before, after, seen, now, policy)
    last = before.latest
    if last is not None and _repeats(last, found):
        latest, closed = msgspec.structs.replace(last, last_at=now, times=last.times + 1, why=found.why), None
    else:
        told = tuple(clipped(text) for text in explain(after, now, policy).would_change)
        latest, closed = msgspec.structs.replace(found, would_change=told), last
    return Entered(msgspec.structs.replace(decision, state=msgspec.structs.replace(after, latest=latest)), closed)


def _inputs(before: PairState, after: PairState, seen: Assessment, now: datetime, policy: Policy) -> Kept:
    return Kept(
        first_at=now,
        last_at=now,
        was=before.phase,
        phase=after.phase,
        epoch=after.epoch,
        mode=policy.mode,
        verdicts={
            f"{role}.{name}": said.value
            for role in Role
            for name in EvidenceClass
            if (said := seen.of(role, name).observation) is not None
        },
        holds=tuple(hold.rule for hold in holds.holding(after, seen, now, policy)),
        rule=after.rule,
        why=clipped(after.why),
        would_change=(),
    )


def _repeats(last: Kept, found: Kept) -> bool:
    """The same rule on the same inputs, in the same phase, without a change of phase in between."""
    return found.was is found.phase and all(
        getattr(last, name) == getattr(found, name) for name in ("phase", "epoch", "mode", "verdicts", "holds", "rule")
    )
