"""Why a pair stands where it stands, in one paragraph, and what would have changed it. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.evidence_classes import DECIDING_CLASSES, WORK_CLASSES
from orchestrator.core.base.text import format_duration, format_time, join_words, truncate
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Phase, Role
from orchestrator.core.decision import failback, holds
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.rule import WITNESSES, confirmation, judge
from orchestrator.core.decision.stamps import green_count
from orchestrator.core.decision.state import Decision, PairState
from orchestrator.core.decision.verdicts import Assessment, assess
from orchestrator.core.plan.policy import Policy


class Entered(NamedTuple):
    """A decision whose state carries the entry that stands, and the entry that it has ended."""

    decision: Decision
    closed: Kept | None


def enter_decision(before: PairState, decision: Decision, now: datetime, policy: Policy) -> Entered:
    """Count the standing entry up if the decision repeats it; else close it and begin another."""
    after = decision.state
    seen = assess(after.evidence, now, policy)
    found = _inputs(before, after, seen, now, policy)
    last = before.latest
    if last is not None and _repeats(last, found):
        latest, closed = msgspec.structs.replace(last, last_at=now, times=last.times + 1, why=found.why), None
    else:
        told = tuple(truncate(text) for text in explain(after, now, policy).would_change)
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
        holds=tuple(hold.rule for hold in holds.current_holds(after, seen, now, policy)),
        rule=after.rule,
        why=truncate(after.why),
        would_change=(),
    )


def _repeats(last: Kept, found: Kept) -> bool:
    """The same rule on the same inputs, in the same phase, without a change of phase in between."""
    return found.was is found.phase and all(
        getattr(last, name) == getattr(found, name) for name in ("phase", "epoch", "mode", "verdicts", "holds", "rule")
    )


class Explanation(Value, kw_only=True):
    pair: str
    phase: Phase
    rule: str
    text: str
    """One paragraph."""

    would_change: tuple[str, ...]
    """What would lead to another decision, one sentence each."""


CHANGES = {
    **{
        check.rule: check.ends
        for group in (holds.ALWAYS, holds.STANDBY, holds.AUTOMATIC_SWITCH, holds.LEADER, holds.LEAD)
        for check in group
    },
    "quiet": "two classes, one of them a work class, being bad without a break",
    "confirm-only": "two of hub, jobs, inference, dependency and metrics being bad; control and notice only confirm",
    "one-class": "a second class being bad at the same time",
    "no-work-class": "one of hub, jobs and inference being bad as well",
    "model-route": "hub or jobs being bad, or unknown, as well",
    "hold.approval": "the command approve",
    "hold.rejected": "the time after which it is asked again, or a person's order",
    "hold.clock": "our clock and those of the stores agreeing, or a forced acknowledgement that ours is right now",
    "running": "the report of the run",
}
"""What would lead to another decision than the one that rests on a rule."""


def explain(state: PairState, now: datetime, policy: Policy) -> Explanation:
    """Why the pair is where it is at this moment."""
    seen = assess(state.evidence, now, policy)
    why = reason_of(state)
    since = f"{state.phase.replace('_', ' ')} since {format_time(state.phase_since)}"
    parts = [
        f"{state.pair}: the {state.active} is active under epoch {state.epoch}, {since}.",
        f"{why[:1].upper()}{why[1:]}.",
        *([f"{state.out_of_reach[:1].upper()}{state.out_of_reach[1:]}."] if state.out_of_reach else []),
        *_reasons_to_hold(state, seen, now, policy),
    ]
    if state.evidence.unknown_words:
        parts.append(_unknown_words(state.evidence))
    if state.active is Role.SECONDARY and state.run is None:
        unready = failback.unready(seen, now, policy)
        parts.append(f"The way back is closed: {unready}." if unready else "The way back is open.")
    without = policy.auto_without_drills.strip()
    if policy.mode is Mode.AUTO and without and green_count(state.green_drills, now, policy) < policy.green_drills:
        parts.append(f"It may act alone without drills: {without}.")
    doubt = holds.doubt_of_readiness(state, now, policy)
    if doubt and doubt not in why:
        parts.append(f"This does not hold a switch: {doubt}.")
    if state.caution:
        parts.append(f"Not read, and no hold: {state.caution}.")
    if state.dissent:
        parts.append(f"Shown, and no hold for the leader: {state.dissent}.")
    return Explanation(
        pair=state.pair,
        phase=state.phase,
        rule=state.rule,
        text=" ".join(parts),
        would_change=tuple(_changes(state, seen, now, policy)),
    )


def reason_of(state: PairState) -> str:
    """The last decision's reason; after a switch, first why that was made."""
    why = state.why or "nothing has happened yet"
    if state.phase is not Phase.SETTLED or not state.switched_why or state.switched_why in why:
        return why
    return f"{state.switched_why}; now {why}"


def _unknown_words(evidence: Evidence) -> str:
    number = evidence.unknown_words
    many = "1 delivery" if number == 1 else f"{number} deliveries"
    return f"{many} had words that are not known here and count for nothing, the last one {evidence.last_unknown}."


def _reasons_to_hold(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> list[str]:
    """Holds that stand although nothing asks for a switch: they are always visible, with their end."""
    found = holds.current_holds(state, seen, now, policy)
    return [f"Held besides: {hold.why}." for hold in found if hold.rule != state.rule and hold.why not in state.why]


def _changes(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> list[str]:
    rule = state.rule
    told = [CHANGES[rule]] if rule in CHANGES else []
    judgement = judge(seen, state.active, policy)
    if judgement.rule == "confirming":
        needed = confirmation(seen, state.active, policy)
        ripe = format_time(_ripe_at(seen, state.active, now, policy))
        told.append(f"no good answer before {ripe} (wait: {format_duration(needed)})")
    missing = [c.value for c in EvidenceClass if c in DECIDING_CLASSES and c not in judgement.bad]
    if judgement.rule in {"one-class", "no-work-class"}:
        told.append(f"now not bad: {join_words(missing)}")
    return told


def _ripe_at(seen: Assessment, side: Role, now: datetime, policy: Policy) -> datetime:
    """When two of the classes that are bad, one of them a work class, will have been so for long enough.

    The rule must be ``confirming``: so many are bad, and one of them is a work class.
    """
    needed = confirmation(seen, side, policy)
    left = {c: max(needed - seen.of(side, c).bad_for, timedelta()) for c in seen.bad(side) if c in DECIDING_CLASSES}
    enough = sorted(left.values())[WITNESSES - 1]
    work = min(length for c, length in left.items() if c in WORK_CLASSES)
    return now + max(enough, work)
