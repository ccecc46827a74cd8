"""The decision: one pure function from state, observation, time and policy to what is to be stored and done.

``step`` is for what is seen; ``commands.command`` is what a person wants; ``run_reports.report`` is what a run says it
did. Same values, same decision, for ever. A run is ordered in the same decision that moves the phase, so that state and
order are stored together or not at all.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from orchestrator.core.base.text import format_duration, format_time
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, NoticeName, Observation, Phase, Role
from orchestrator.core.decision import failback, holds
from orchestrator.core.decision.acting import account_for_stamps, begin_to_act
from orchestrator.core.decision.alarms import raise_alarms
from orchestrator.core.decision.clocks import confirm_clock, find_doubt, hold_for_clock, is_late
from orchestrator.core.decision.drill_elsewhere import acknowledge_drill
from orchestrator.core.decision.evidence import SIDE_KEYS
from orchestrator.core.decision.fold import fold_with_extents
from orchestrator.core.decision.holds import ALWAYS, AUTOMATIC_SWITCH, LEAD, LEADER, STANDBY, Case, together
from orchestrator.core.decision.observation import Observed, apply_observation, clear_readiness
from orchestrator.core.decision.proposals import close_proposal, expires_at, open_proposal, proposal_id, with_proposal
from orchestrator.core.decision.rule import Judgement, blind_work, judge
from orchestrator.core.decision.run_reports import take_over
from orchestrator.core.decision.run_start import start_run
from orchestrator.core.decision.state import (
    Approval,
    Decision,
    Order,
    PairState,
    PressRun,
    StopRun,
    Tell,
    change_phase,
    note_reason,
)
from orchestrator.core.decision.transitions import Trigger
from orchestrator.core.decision.verdicts import Assessment, assess
from orchestrator.core.plan.policy import Failback, Policy


def track_visibility(
    state: PairState, seen: Assessment, now: datetime, policy: Policy
) -> tuple[PairState, tuple[Order, ...]]:
    """Record since when the active side cannot be seen; tell people after ``confirm_after``, and when it is over.

    Nothing is decided on it: what cannot be seen is neither bad nor well.
    """
    blind = blind_work(seen, state.active)
    if not blind:
        return _regain_sight(state)
    since = state.blind_since or now
    if state.blind_told or now - since < policy.confirm_after:
        return msgspec.structs.replace(state, blind_since=since), ()
    why = f"since {format_time(since)} {blind}; until it can be seen again, no automatic switch begins"
    after = msgspec.structs.replace(state, blind_since=since, blind_told=True)
    return after, (Tell(name=NoticeName.SIGHT_LOST, why=why),)


def _regain_sight(state: PairState) -> tuple[PairState, tuple[Order, ...]]:
    if state.blind_since is None:
        return state, ()
    why = f"the active side can be seen again; it could not since {format_time(state.blind_since)}"
    orders = (Tell(name=NoticeName.SIGHT_REGAINED, why=why),) if state.blind_told else ()
    return msgspec.structs.replace(state, blind_since=None, blind_told=False), orders


RUNNING = frozenset({Phase.SWITCHING, Phase.RESUBMITTING, Phase.RETURNING})
"""Phases in which a run is under way, and nothing else is begun."""

_replace = msgspec.structs.replace


def step(state: PairState, observed: Observed, now: datetime, policy: Policy) -> Decision:
    """Take in what one look, delivery or poll brought, and decide. The only way into the decision for what is seen.

    The clock is checked first. From there on ``now`` is the later of the given time and the state's, which goes back
    only if the stores' clocks confirm the given one.
    """
    if is_late(state, observed.store_time, now):
        return Decision(state=state, rule="late-look", why=f"a look of {format_time(now)} came too late to count")
    doubt = find_doubt(state, observed.store_time, now)
    if doubt:
        return hold_for_clock(state, now, doubt)
    state = confirm_clock(state, observed.store_time, now)
    now = max(now, state.last_now)
    origin = state
    taken = take_over(state, observed.record, now) if observed.record else Decision(state=state, rule="", why="")
    before, (state, told) = state, apply_observation(taken.state, observed, now, policy)
    state = begin_to_act(before, state)
    evidence, bad = fold_with_extents(state.evidence, observed.signals, now, policy)
    state, unready = clear_readiness(state, evidence, now)
    state = _replace(state, evidence=evidence, last_now=now)
    seen = assess(evidence, now, policy, bad)
    state = acknowledge_drill(origin, state, seen, now, policy)
    decision = _decide(state, seen, now, policy, observed.pairs_moving)
    decision = _replace(decision, orders=taken.orders + told + unready + decision.orders)
    return account_for_stamps(before, decision, seen, now, policy)


def _decide(state: PairState, view: Assessment, now: datetime, policy: Policy, pairs_moving: float) -> Decision:
    """What is to be done on the evidence of a state. ``pairs_moving`` is the share of all pairs that move."""
    if state.phase in RUNNING:
        relapse = failback.describe_relapse(state, view)
        if relapse and state.run and state.stopping != state.run:
            stopped = note_reason(state, now, "relapse", f"{state.run} is to stop: {relapse}", stopping=state.run)
            stop = StopRun(run=state.run, why=relapse)
            return Decision(state=stopped, orders=(stop,), rule="relapse", why=stopped.why)
        press = _end_drain(state, view, now, policy)
        if press:
            return press
        return _stay(state, now, "running", f"{state.run} is under way since {format_time(state.phase_since)}")
    orders: tuple[Order, ...] = ()
    if state.phase is Phase.SETTLED and _is_cooldown_over(state, now, policy):
        state = change_phase(state, Trigger.COOLDOWN_OVER, now, "cooldown-over", "", acknowledged=True)
    state, alarm = _update_suspects(state, view, now, policy)
    state, unseen = track_visibility(state, view, now, policy)
    state, alarms = raise_alarms(state, view, now, policy)
    orders += alarm + unseen + alarms
    decision = _judge_active_side(state, view, now, policy, pairs_moving)
    return _replace(decision, orders=orders + decision.orders)


def _end_drain(state: PairState, view: Assessment, now: datetime, policy: Policy) -> Decision | None:
    """End the drain of a run if an automatic failover would leave the side that it leaves; None if not.

    A person has ordered the switch, so nothing that holds an automatic one is asked.
    """
    if not state.is_draining or state.run is None or state.run in {state.pressing, state.stopping}:
        return None
    judgement = judge(view, state.active, policy)
    if not judgement.met:
        return None
    why = f"{state.run} is to wait for no job any more: {judgement.why}"
    pressed = note_reason(state, now, "drain-ended", why, pressing=state.run)
    return Decision(
        state=pressed, orders=(PressRun(run=state.run, why=judgement.why),), rule="drain-ended", why=pressed.why
    )


def cadence(state: PairState, policy: Policy) -> timedelta:
    """Time until the next look: short while something about the active side is bad, or may become so."""
    if state.phase in {Phase.SUSPECT, Phase.AWAITING_APPROVAL}:
        return policy.suspect_interval
    for key in SIDE_KEYS[state.active]:
        track = state.evidence.tracks.get(key)
        if track and track.bad_at and state.last_now - track.bad_at <= policy.evidence_lifetime:
            return policy.suspect_interval
    return policy.probe_interval


def _is_cooldown_over(state: PairState, now: datetime, policy: Policy) -> bool:
    ends = holds.cooldown_end(state, policy)
    return ends is None or now >= ends


def _update_suspects(
    state: PairState, view: Assessment, now: datetime, policy: Policy
) -> tuple[PairState, tuple[Order, ...]]:
    """Becoming suspect when something is bad, and steady again when it has been seen well. Blind does neither."""
    alarming = tuple(c for c in view.bad(state.active) if c is not EvidenceClass.NOTICE)
    if state.phase is Phase.STEADY:
        if not alarming:
            return state, ()
        why = judge(view, state.active, policy).why
        after = change_phase(state, Trigger.EVIDENCE_BAD, now, "suspect", why, suspects=alarming)
        return after, (Tell(name=NoticeName.SUSPECT, why=why),)
    if state.phase not in {Phase.SUSPECT, Phase.AWAITING_APPROVAL}:
        return state, ()
    kept = tuple(c for c in state.suspects if c not in alarming and not _is_over(view, state.active, c))
    suspects = alarming + kept
    if suspects:
        return _replace(state, suspects=suspects), ()
    state = close_proposal(state, now, "was withdrawn, for all is well again,")
    after = change_phase(state, Trigger.EVIDENCE_CLEAR, now, "clear", "", suspects=())
    return after, (Tell(name=NoticeName.CLEARED, why=after.why),)


def _is_over(view: Assessment, side: Role, evidence_class: EvidenceClass) -> bool:
    """What only arrives as a delivery is over when nothing bad is known of it; what is probed, when seen well."""
    return view.of(side, evidence_class).observation in {None, Observation.OK, Observation.DEGRADED}


def _judge_active_side(
    state: PairState, view: Assessment, now: datetime, policy: Policy, pairs_moving: float
) -> Decision:
    """The rule and the holds, for the side that is active now."""
    judgement = judge(view, state.active, policy)
    case = Case(state, view, now, policy, state.active, state.active.other, judgement.bad, pairs_moving)
    if judgement.met:
        return _switch_unless_held(case, judgement)
    if state.phase is Phase.AWAITING_APPROVAL:
        state = close_proposal(state, now, "was withdrawn, for the evidence no longer sufficed,")
        state = change_phase(state, Trigger.RULE_LOST, now, judgement.rule, judgement.why)
        case = case._replace(state=state)
    if policy.failback is Failback.AUTO and state.active is Role.SECONDARY:
        return _fail_back_unless_held(case, judgement)
    return _stay(state, now, judgement.rule, judgement.why)


def _switch_unless_held(case: Case, judgement: Judgement) -> Decision:
    """The rule is met: go, unless something holds, or a person has to be asked."""
    held = holds.find_holds(case, ALWAYS, STANDBY, AUTOMATIC_SWITCH, LEADER, LEAD)
    if held:
        return _hold(case.state, case.now, held[0].rule, f"{together(held)}; meanwhile {judgement.why}")
    if case.policy.mode is Mode.APPROVE:
        return _propose(case, judgement)
    why = _with_doubt(case, judgement)
    return start_run(case.state, Trigger.RULE_MET, "failover", case.now, rule=judgement.rule, why=why)


def _with_doubt(case: Case, judgement: Judgement) -> str:
    """The reason, and what people should know of a standby that is not known to be ready."""
    doubt = holds.doubt_of_readiness(case.state, case.now, case.policy)
    return f"{judgement.why}; {doubt}" if doubt else judgement.why


def _propose(case: Case, judgement: Judgement) -> Decision:
    """Ask a person, wait for the answer, and go when it is given while the evidence still stands."""
    state, now, approval = case.state, case.now, case.state.approval
    if approval is not None and approval.rejected_at is not None:
        until = approval.rejected_at + case.policy.approval_expiry
        if now < until:
            why = f"rejected; it will be asked again at {format_time(until)}: {judgement.why}"
            return _hold(state, now, "hold.rejected", why)
    elif approval is not None and state.phase is Phase.AWAITING_APPROVAL:
        until = expires_at(approval, case.policy)
        if now < until:
            return _answer_approval(case, approval, judgement)
        why = f"nobody answered by {format_time(until)}, or what they approved was held until then"
        state = close_proposal(state, until, "expired")
        state = change_phase(state, Trigger.APPROVAL_EXPIRED, now, "approval-expired", why)
    reason = _with_doubt(case, judgement)
    state = with_proposal(state, now, reason)
    why = f"proposal {proposal_id(state.pair, state.epoch, now)} waits for approval: {reason}"
    state = change_phase(state, Trigger.APPROVAL_NEEDED, now, "hold.approval", why)
    return Decision(state=state, orders=(Tell(name=NoticeName.APPROVAL_REQUESTED, why=why),), rule=state.rule, why=why)


def _answer_approval(case: Case, approval: Approval, judgement: Judgement) -> Decision:
    if approval.granted_by is None:
        why = f"proposal {open_proposal(case.state)} waits for approval: {judgement.why}"
        return _stay(case.state, case.now, "hold.approval", why)
    why = f"approved by {approval.granted_by}: {judgement.why}"
    return start_run(case.state, Trigger.APPROVED, "failover", case.now, rule="approved", why=why)


def _fail_back_unless_held(case: Case, judgement: Judgement) -> Decision:
    """The automatic failback, when the primary has been well for long enough and nothing holds."""
    state, now = case.state, case.now
    if failback.unready(case.seen, now, case.policy):
        return _stay(state, now, judgement.rule, judgement.why)
    held = holds.find_holds(case._replace(bad=()), ALWAYS, AUTOMATIC_SWITCH, failback.AUTOMATIC_FAILBACK, LEADER, LEAD)
    if held:
        return _hold(state, now, held[0].rule, f"the primary is ready again; held: {together(held)}")
    why = f"the primary has been well for its hold of {format_duration(case.policy.failback_hold)}"
    return start_run(state, Trigger.FAILBACK_BEGUN, "failback", now, rule="failback-hold-over", why=why)


def _hold(state: PairState, now: datetime, rule: str, why: str) -> Decision:
    after = note_reason(state, now, rule, why)
    orders = (Tell(name=NoticeName.SWITCH_HELD, why=why),) if rule != state.rule else ()
    return Decision(state=after, orders=orders, rule=rule, why=why)


def _stay(state: PairState, now: datetime, rule: str, why: str) -> Decision:
    return Decision(state=note_reason(state, now, rule, why), rule=rule, why=why)
