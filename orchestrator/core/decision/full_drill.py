"""A full drill, as the pair's entity takes part in it: its orders, and where the pair stands meanwhile. Pure.

Its two switches are a person's orders like any other, so whatever holds those holds them. The orchestration that holds
the drill learns from each answer what it needs for its next step, and decides nothing by itself about the pair.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import EvidenceClass, Phase, Role
from orchestrator.core.decision.commands import Command, Do, command
from orchestrator.core.decision.rule import judge
from orchestrator.core.decision.second_person import request_id, waiting_request
from orchestrator.core.decision.state import Decision, PairState, note_reason
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.plan.policy import Policy


class DrillStep(StrEnum):
    """What a full drill asks of the pair."""

    THERE = "there"
    """Begin the graceful failover, or ask a second person for it."""

    BACK = "back"
    """Begin the failback."""

    ACKNOWLEDGE = "acknowledge"
    """End the cooldown of a switch of this drill."""

    WITHDRAW = "withdraw"
    """Forget the request for a second person's approval."""

    LOOK = "look"
    """Change nothing."""


class DrillAsk(Value, kw_only=True):
    """What a full drill asks of the pair."""

    now: Moment
    do: DrillStep
    drill: str
    by: str
    reason: str
    epoch: int
    """The epoch under which this makes sense."""


class DrillSight(Value, kw_only=True):
    """Where the pair stands, after what was asked."""

    refused: str = ""
    """Why what was asked was not done; empty if it was."""

    phase: Phase
    active: Role
    epoch: int
    run: str | None = None
    """The run under way."""

    last_run: str | None = None
    is_ours: bool = False
    """The last switch, or the run under way, is one that this drill ordered."""

    request: str = ""
    """The request of this drill that waits for a second person."""

    why: str = ""
    """The last decision's reason."""

    end_rule: str = ""
    end_why: str = ""
    end_at: Moment | None = None
    """The last end of a run that moved nothing, or of a request that nobody approved, as the journal has it."""

    ill: str = ""
    """What of the primary is bad; empty if nothing is known to be."""

    fails: bool = False
    """The primary is so bad that an automatic failover would leave it."""


ENDS = frozenset({"run-aborted", "run-failed", "run-abandoned", "rejected", "withdrawn"})
"""Rules of entries in the journal that end a run before its switch, or a request."""


def carry_out(state: PairState, ask: DrillAsk, now: datetime, policy: Policy) -> Decision:
    """What follows from what a full drill asks.

    Raises:
        NotNow: it is refused; says why.
    """
    if ask.do is DrillStep.WITHDRAW:
        return _withdraw(state, ask, now)
    if ask.do is DrillStep.ACKNOWLEDGE:
        _must_be_its_switch(state, ask)
    return command(state, command_of(ask), now, policy)


def command_of(ask: DrillAsk) -> Command:
    """What is asked, as a person's command."""
    do = {DrillStep.THERE: Do.FAILOVER, DrillStep.BACK: Do.FAILBACK, DrillStep.ACKNOWLEDGE: Do.ACKNOWLEDGE}[ask.do]
    return Command(
        do=do,
        by=ask.by,
        reason=f"full drill {ask.drill}: {ask.reason}",
        graceful=do is Do.FAILOVER,
        epoch=ask.epoch,
        drill=ask.drill,
    )


def see(state: PairState, drill: str, now: datetime, policy: Policy, refused: str = "") -> DrillSight:
    """Where the pair stands, as far as a full drill needs to know."""
    now = max(now, state.last_now)
    seen = assess(state.evidence, now, policy)
    request = waiting_request(state, now, policy)
    bad = [each for each in seen.bad(Role.PRIMARY) if each is not EvidenceClass.NOTICE]
    end = next((entry for entry in reversed(state.journal) if entry.rule in ENDS), None)
    return DrillSight(
        refused=refused,
        phase=state.phase,
        active=state.active,
        epoch=state.epoch,
        run=state.run,
        last_run=state.last_run,
        is_ours=state.run_drill == drill,
        request=request_id(state, request) if request and request.drill == drill else "",
        why=state.why,
        end_rule=end.rule if end else "",
        end_why=end.why if end else "",
        end_at=end.at if end else None,
        ill=join_words(each.value for each in bad) if bad else "",
        fails=judge(seen, Role.PRIMARY, policy).met,
    )


def _withdraw(state: PairState, ask: DrillAsk, now: datetime) -> Decision:
    if state.request is None or state.request.drill != ask.drill:
        return Decision(state=state, rule=state.rule, why=state.why)
    why = f"full drill {ask.drill} was aborted before anybody approved it"
    after = note_reason(msgspec.structs.replace(state, request=None), now, "withdrawn", why)
    return Decision(state=after, rule=after.rule, why=why)


def _must_be_its_switch(state: PairState, ask: DrillAsk) -> None:
    """Danger: an acknowledgement of anything else would hide from people what they have not seen."""
    if state.phase is not Phase.SETTLED or state.epoch != ask.epoch or state.run_drill != ask.drill:
        raise NotNow(f"epoch {state.epoch} is no switch of full drill {ask.drill} that waits for an acknowledgement")
    if state.evidence.deletions:
        raise NotNow("something was deleted: a person has to acknowledge that")
