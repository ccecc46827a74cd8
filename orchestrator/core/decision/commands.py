"""What a person wants of a pair. A command that makes no sense now is refused with a sentence, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.evidence_classes import MEMBERS
from orchestrator.core.base.text import format_duration, format_time, join_words, truncate
from orchestrator.core.base.vocabulary import EvidenceClass, NoticeName, Phase, Role
from orchestrator.core.decision import failback, holds
from orchestrator.core.decision.drill_conditions import find_unfit
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.fold import without_deletions
from orchestrator.core.decision.holds import ALWAYS, STANDBY, Case, together
from orchestrator.core.decision.proposals import find_answered, reject_proposal
from orchestrator.core.decision.rule import judge
from orchestrator.core.decision.run_start import ORDERED, start_run
from orchestrator.core.decision.second_person import find_request, must_be_another, request_id, with_request
from orchestrator.core.decision.state import (
    Decision,
    OrderRequest,
    PairState,
    Pause,
    Tell,
    change_phase,
    note_reason,
)
from orchestrator.core.decision.transitions import Trigger
from orchestrator.core.decision.verdicts import Assessment, assess, in_order
from orchestrator.core.plan.policy import Policy

_replace = msgspec.structs.replace


class Do(StrEnum):
    """What can be asked for."""

    APPROVE = "approve"
    REJECT = "reject"
    ACKNOWLEDGE = "acknowledge"
    PAUSE = "pause"
    RESUME = "resume"
    FAILOVER = "failover"
    FAILBACK = "failback"


ANSWERS = frozenset({Do.APPROVE, Do.REJECT})
"""Commands that answer a proposal."""


SWITCHES = frozenset({Do.FAILOVER, Do.FAILBACK})
"""Commands that a second person has to approve, where the policy says so."""


LONGEST_DRAIN = timedelta(hours=24)
"""Longest drain that can be ordered. The history of a run that drains has some 250 looks at the most."""


class Command(Value, kw_only=True):
    do: Do
    by: str
    reason: str = ""
    force: bool = False
    """Go although something holds. Needs a reason, which is recorded."""

    graceful: bool = False
    """For failover: planned, away from a side that is well. What runs there does as ``jobs.failback`` says."""

    drain: timedelta = timedelta()
    """For a graceful failover: longest wait for running jobs before the switch; zero: none. Up to ``LONGEST_DRAIN``."""

    proposal: str | None = None
    """For approve and reject: id of the proposal that is answered. It may be left out while there has been only one."""

    epoch: int | None = None
    """For failover and failback: the epoch under which it was given. Under another, a switch came between, and it would
    move the pair the wrong way."""

    drill: str = ""
    """For failover and failback: name of the full drill that gives it. No body of a request has this."""

    stored_at: Moment | None = None
    """For pause and resume: the time of the record that all stamps read; None if none could be written."""


def command(state: PairState, command: Command, now: datetime, policy: Policy) -> Decision:
    """What follows from a person's command.

    Raises:
        NotNow: it makes no sense in this phase, or something holds it; says what, and when it may be asked again.
    """
    if command.force and not command.reason.strip():
        raise NotNow("to force something needs a reason")
    fault = holds.clock_fault(state, now)
    if fault and command.do is Do.ACKNOWLEDGE and command.force:
        return _trust_clock(state, command, now)
    if fault:
        raise NotNow(fault.why)
    now = max(now, state.last_now)
    state = _replace(state, last_now=now)
    decision = _CARRIERS[command.do](state, command, now, policy)
    if policy.second_person and command.do in SWITCHES and not _ends_drill(state, command):
        return _ask_second_person(state, command, now)
    return decision


def _ends_drill(state: PairState, command: Command) -> bool:
    """Whether this is the way back of a full drill: it was approved with the way there."""
    return command.do is Do.FAILBACK and bool(command.drill) and state.run_drill == command.drill


def _ask_second_person(state: PairState, command: Command, now: datetime) -> Decision:
    """Instead of what the order would do now; that it could be done has been seen."""
    request = OrderRequest(
        do=command.do.value,
        by=truncate(command.by, 80),
        reason=truncate(command.reason),
        asked_at=now,
        epoch=state.epoch,
        force=command.force,
        graceful=command.graceful,
        drain=command.drain,
        drill=command.drill,
    )
    state = with_request(state, request)
    why = f"{command.do} asked for by {_who(command)}: {request_id(state, request)} waits for somebody else's approval"
    decision = _say(state, now, "second-person", why)
    return _replace(decision, orders=(Tell(name=NoticeName.APPROVAL_REQUESTED, why=why),))


def _approve_request(
    state: PairState, request: OrderRequest, command: Command, now: datetime, policy: Policy
) -> Decision:
    must_be_another(request, command.by)
    order = Command(
        do=Do(request.do),
        by=f"{request.by}, approved by {command.by}",
        reason=request.reason,
        force=request.force,
        graceful=request.graceful,
        drain=request.drain,
        epoch=request.epoch,
        drill=request.drill,
    )
    return _CARRIERS[order.do](_replace(state, request=None), order, now, policy)


def _reject_request(state: PairState, request: OrderRequest, command: Command, now: datetime) -> Decision:
    why = f"{request.do} asked for by {request.by} was rejected by {_who(command)}"
    return _say(_replace(state, request=None), now, "rejected", why)


def _approve(state: PairState, command: Command, now: datetime, policy: Policy) -> Decision:
    """Approval counts from the next decision on, which follows at once."""
    request = find_request(state, command.proposal, now, policy)
    if request is not None:
        return _approve_request(state, request, command, now, policy)
    approval = find_answered(state, command.proposal, now, policy)
    given = {"granted_by": truncate(command.by, 80), "granted_at": now, "granted_why": truncate(command.reason)}
    granted = _replace(state, approval=_replace(approval, **given))
    seen = assess(state.evidence, now, policy)
    judgement = judge(seen, state.active, policy)
    why = f"approved by {_who(command)}"
    if not judgement.met:
        return _say(granted, now, "approved", f"{why}; not begun, for now {judgement.why}")
    case = Case(state, seen, now, policy, state.active, state.active.other, judgement.bad)
    held = holds.find_holds(case, ALWAYS, STANDBY, holds.AUTOMATIC_SWITCH)
    if held:
        return _say(granted, now, held[0].rule, f"{why}; held: {together(held)}")
    return start_run(granted, Trigger.APPROVED, "failover", now, rule="approved", why=f"{why}: {judgement.why}")


def _reject(state: PairState, command: Command, now: datetime, policy: Policy) -> Decision:
    request = find_request(state, command.proposal, now, policy)
    if request is not None:
        return _reject_request(state, request, command, now)
    find_answered(state, command.proposal, now, policy)
    until = now + policy.approval_expiry
    why = f"rejected by {_who(command)}; asked again at {format_time(until)} at the earliest"
    rejected = reject_proposal(state, now, _who(command))
    after = change_phase(rejected, Trigger.REJECTED, now, "rejected", why)
    return Decision(state=after, orders=(Tell(name=NoticeName.REJECTED, why=why),), rule=after.rule, why=why)


def _acknowledge(state: PairState, command: Command, now: datetime, policy: Policy) -> Decision:  # noqa: ARG001
    why = f"acknowledged by {_who(command)}"
    if state.run is not None:
        return _abandon_run(state, command, now)
    if state.phase is Phase.SETTLED:
        after = change_phase(state, Trigger.ACKNOWLEDGED, now, "acknowledged", why, acknowledged=True, failed_at=None)
        return Decision(state=_clear(after), rule=after.rule, why=why)
    if not state.evidence.deletions and state.failed_at is None and state.acknowledged:
        raise NotNow(f"there is nothing to acknowledge: the pair is {state.phase.replace('_', ' ')}")
    return _say(_clear(_replace(state, failed_at=None, acknowledged=True)), now, "acknowledged", why)


def _trust_clock(state: PairState, command: Command, now: datetime) -> Decision:
    """The clock is right now, and was wrong before: what was seen by the wrong one is forgotten."""
    why = f"the clock is right now, says {_who(command)}; what was seen by it before is forgotten"
    moments = {name: _not_after(getattr(state, name), now) for name in ("switched_at", "failed_at")}
    after = _replace(state, last_now=now, looked_at=None, resumed_at=None, evidence=Evidence(), **moments)
    return _say(after, now, "acknowledged", why)


def _not_after(at: datetime | None, now: datetime) -> datetime | None:
    return min(at, now) if at else None


def _abandon_run(state: PairState, command: Command, now: datetime) -> Decision:
    """Give up waiting for a run that will never report. If it lives after all, the epoch record fences it."""
    if not command.force:
        raise NotNow(
            f"{state.run} is under way since {format_time(state.phase_since)}; to stop waiting for it, force this"
        )
    changes: dict[str, Any] = {"run": None, "target": None}
    if state.phase is not Phase.RESUBMITTING:
        changes |= {"attempts": state.attempts + 1, "failed_at": now}
    why = f"{state.run} given up by {_who(command)}"
    after = change_phase(state, Trigger.RUN_FAILED, now, "run-abandoned", why, **changes)
    return Decision(state=after, orders=(Tell(name=NoticeName.RUN_FAILED, why=why),), rule=after.rule, why=why)


def _clear(state: PairState) -> PairState:
    return _replace(state, evidence=without_deletions(state.evidence)) if state.evidence.deletions else state


def _pause(state: PairState, command: Command, now: datetime, policy: Policy) -> Decision:  # noqa: ARG001
    since = state.paused.since if state.paused else now
    pause = Pause(since=since, by=truncate(command.by, 80), reason=truncate(command.reason or "no reason given"))
    running = f"; {state.run} is under way and goes on" if state.run else ""
    state = _replace(state, paused=pause, pause_read=command.stored_at or state.pause_read)
    return _say(state, now, "paused", f"paused by {command.by}: {pause.reason}{running}")


def _resume(state: PairState, command: Command, now: datetime, policy: Policy) -> Decision:  # noqa: ARG001
    if state.paused is None:
        raise NotNow("the pair is not paused")
    state = _replace(state, paused=None, pause_read=command.stored_at or state.pause_read)
    return _say(state, now, "resumed", f"resumed by {_who(command)}")


def _failover(state: PairState, command: Command, now: datetime, policy: Policy) -> Decision:
    _must_fit_drain(command)
    _must_be_current(state, command)
    _must_be_idle(state)
    seen = assess(state.evidence, now, policy)
    unfit = find_unfit(state, seen, now, policy) if command.drill else ""
    if unfit:
        raise NotNow(f"no full drill now: {unfit}")
    if state.active is Role.SECONDARY and not command.force:
        raise NotNow("the secondary is active: ask for the failback, or force the failover with a reason")
    target = state.active.other
    bad = seen.bad(state.active)
    case = Case(state, seen, now, policy, state.active, target, _classes_needed(seen, target, bad))
    _must_be_free(case, command, STANDBY)
    if command.graceful and bad and not command.force:
        raise NotNow(
            f"{join_words(bad)} of the {state.active} is bad, and a graceful failover waits for what runs there; "
            "order it without, or force it with a reason"
        )
    what = "graceful failover" if command.graceful else "failover"
    if command.drain:
        what += f" after a drain of at most {format_duration(command.drain)}"
    begun = start_run(
        state,
        Trigger.FAILOVER_ORDERED,
        "failover",
        now,
        rule=ORDERED,
        why=_by(command, what),
        graceful=command.graceful,
        drain=command.drain,
        drill=command.drill,
    )
    forced = command.force and bool(command.drain)
    return _replace(begun, state=_replace(begun.state, run_forced=forced))


def _must_fit_drain(command: Command) -> None:
    if command.drain and not command.graceful:
        raise NotNow("only a graceful failover drains: order it as graceful, or without a drain")
    if not timedelta() <= command.drain <= LONGEST_DRAIN:
        raise NotNow(f"a drain lasts at most {format_duration(LONGEST_DRAIN)}, not {format_duration(command.drain)}")


def _classes_needed(seen: Assessment, target: Role, bad: tuple[EvidenceClass, ...]) -> tuple[EvidenceClass, ...]:
    """In which classes a side has to be well that a person sends work to, whatever the other side is like.

    All that are probed there. That work can run at all has to have been seen, and before the first look it has not.
    """
    work = {EvidenceClass.HUB, EvidenceClass.JOBS}
    return in_order({*bad, *work, *(c for c in MEMBERS if seen.of(target, c).observation is not None)})


def _failback(state: PairState, command: Command, now: datetime, policy: Policy) -> Decision:
    _must_be_current(state, command)
    _must_be_idle(state)
    if state.active is Role.PRIMARY:
        raise NotNow("the primary is active: there is nothing to go back from")
    seen = assess(state.evidence, now, policy)
    unready = failback.unready(seen, now, policy)
    if unready and not command.force:
        raise NotNow(unready)
    _must_be_free(Case(state, seen, now, policy, Role.SECONDARY, Role.PRIMARY), command, ())
    why = _by(command, "failback")
    begun = start_run(state, Trigger.FAILBACK_BEGUN, "failback", now, rule=ORDERED, why=why, drill=command.drill)
    return _replace(begun, state=_replace(begun.state, run_forced=command.force))


def _must_be_current(state: PairState, command: Command) -> None:
    """Refuse an order that was given before a switch and is taken in after it: it was meant for the other side."""
    if command.epoch is not None and command.epoch != state.epoch:
        raise NotNow(
            f"it was ordered under epoch {command.epoch}, and the {state.active} is active under epoch {state.epoch} "
            "by now; order it anew if it is still wanted"
        )


def _must_be_idle(state: PairState) -> None:
    if state.run is not None:
        raise NotNow(f"{state.run} is under way since {format_time(state.phase_since)}")


def _must_be_free(case: Case, command: Command, more: tuple[holds.Check, ...]) -> None:
    held = holds.find_holds(case, ALWAYS, more)
    if held and command.drill:
        raise NotNow(together(held))
    if held and not command.force:
        raise NotNow(f"{together(held)}; to go all the same, force it with a reason")


def _by(command: Command, what: str) -> str:
    forced = "forced" if command.force else "ordered"
    return f"{what} {forced} by {_who(command)}"


def _who(command: Command) -> str:
    return f"{command.by} ({command.reason or 'no reason given'})"


def _say(state: PairState, now: datetime, rule: str, why: str) -> Decision:
    return Decision(state=note_reason(state, now, rule, why), rule=rule, why=why)


_CARRIERS: dict[Do, Callable[[PairState, Command, datetime, Policy], Decision]] = {
    Do.APPROVE: _approve,
    Do.REJECT: _reject,
    Do.ACKNOWLEDGE: _acknowledge,
    Do.PAUSE: _pause,
    Do.RESUME: _resume,
    Do.FAILOVER: _failover,
    Do.FAILBACK: _failback,
}
