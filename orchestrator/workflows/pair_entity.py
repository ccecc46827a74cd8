"""The pair's durable entity: folds what is seen, decides, and starts the run in the same operation.

State is stored and the run is scheduled together or not at all: the engine applies both when the operation
completes. A state that cannot be read is left as it is, and nothing is decided on it.

Operations, each with one plain-data input: ``observe`` (``Observed``), ``command`` (``Commanded``),
``report`` (``ReportOrder``), ``advance_drill`` (``DrillAsk``), which answers with a ``DrillSight``, and ``order``
(``OrderGiven``), which answers with an ``OrderAnswer`` and takes each order once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from durabletask.entities import DurableEntity

from orchestrator.core.base.codec import Value, from_message, to_message
from orchestrator.core.base.errors import InvalidInput, PermanentError
from orchestrator.core.base.notice_table import NOTICE_TABLE, Matter
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision import commands, decide, full_drill, given_orders, run_reports
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.explain import enter_decision
from orchestrator.core.decision.full_drill import DrillAsk, DrillStep
from orchestrator.core.decision.given_orders import OrderAnswer
from orchestrator.core.decision.holds import CLOCK
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.run_start import ORDERED
from orchestrator.core.decision.state import (
    Decision,
    PairState,
    PressRun,
    StartRun,
    StopRun,
    Tell,
    initial,
    read_state,
    unknown_fields,
)
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.evidence.audit_notes import notes_of
from orchestrator.core.evidence.basis import basis_of
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import beat_of, longest_of
from orchestrator.workflows import names
from orchestrator.workflows.messages import (
    AuditOrder,
    Commanded,
    KeepOrder,
    ReportOrder,
    StopOrder,
    Tidings,
    Wish,
    find_doubted_since,
    order_from,
)
from orchestrator.workflows.pair_orders import OrderGiven

LOG = logging.getLogger("hubswitch.pair")

Plans = Callable[[], Mapping[str, Plan]]


class PairEntity(DurableEntity):
    """One pair's evidence, phase and journal. Its key is the pair's name."""

    plans: Plans
    """Bound by ``pair_entity``."""

    def observe(self, given: Any) -> None:
        said = from_message(given, Observed, "observe")
        self._apply(said.now, lambda state, plan, now: decide.step(state, said, now, plan.policy))

    def command(self, given: Any) -> None:
        said = from_message(given, Commanded, "command")
        self._apply(
            said.now, lambda state, plan, now: commands.command(state, said.command, now, plan.policy), said.command
        )

    def report(self, given: Any) -> None:
        said = from_message(given, ReportOrder, "report")
        self._apply(said.now, lambda state, plan, now: run_reports.report(state, said.report, now, plan.policy))

    def advance_drill(self, given: Any) -> Any:
        """Take in what a full drill asks; where the pair stands then.

        Raises:
            InvalidInput: there is no plan, or the state cannot be read; nothing has changed.
        """
        ask = from_message(given, DrillAsk, "advance_drill")
        refused = ""
        if ask.do is not DrillStep.LOOK:
            order = None if ask.do is DrillStep.WITHDRAW else full_drill.command_of(ask)
            refused = self._apply(
                ask.now, lambda state, plan, now: full_drill.carry_out(state, ask, now, plan.policy), order
            )
        pair = self.entity_context.entity_id.key
        plan = type(self).plans().get(pair)
        if plan is None:
            raise InvalidInput(f"pair {pair}", "", "a plan", "none")
        state = self._state(pair, ask.now)
        return to_message(full_drill.see(state, ask.drill, ask.now, plan.policy, refused))

    def order(self, given: Any) -> Any:
        said = from_message(given, OrderGiven, "order")
        answer = self._answer(said)
        if answer is None:
            refusal = self._apply(
                said.now,
                lambda state, plan, now: given_orders.give_order(state, said.id, said.command, now, plan.policy),
                said.command,
            )
            answer = self._answer(said) or OrderAnswer(is_taken=False, why=refusal)
        return to_message(answer)

    def _answer(self, said: OrderGiven) -> OrderAnswer | None:
        """What has become of an order; None if it was not taken, or that cannot be known."""
        pair = self.entity_context.entity_id.key
        plan = type(self).plans().get(pair)
        try:
            return (
                given_orders.answer_order(self._state(pair, said.now), said.id, said.now, plan.policy) if plan else None
            )
        except InvalidInput:
            return None

    def _apply(
        self, at: datetime, decided: Callable[[PairState, Plan, datetime], Decision], command: Command | None = None
    ) -> str:
        """Store a decision and begin what it orders; why nothing was changed, empty if something may have been."""
        pair = self.entity_context.entity_id.key
        plan = type(self).plans().get(pair)
        if plan is None:
            LOG.error("no plan for pair %s: it stands still", pair)
            return f"there is no plan for {pair}"
        try:
            state = self._state(pair, at)
            made = decided(state, plan, at)
            now = _time_of(made, state, at)
            decision, closed = enter_decision(state, made, now, plan.policy)
        except InvalidInput as fault:
            LOG.error("the stored state of %s cannot be read, it stands still: %s", pair, fault)  # noqa: TRY400
            return f"the stored state of {pair} cannot be read: {fault}"
        except PermanentError as fault:
            LOG.warning("%s: %s", pair, fault)
            return str(fault)
        self.set_state(unknown_fields(self.get_state(dict)) | to_message(decision.state))
        taken = Taken(state, decision.state, plan, at if decision.rule == CLOCK else now, command)
        for order in decision.orders:
            name, given, instance = CARRIERS[type(order)](order, taken)
            self.schedule_new_orchestration(name, input=to_message(given), instance_id=instance)
        if notes := notes_of(state, decision, now, command):
            audit = AuditOrder(pair=pair, notes=notes)
            self.schedule_new_orchestration(names.AUDIT_RUN, input=to_message(audit), instance_id=audit.instance)
        if closed is not None:
            keep = KeepOrder(pair=pair, entry=closed)
            self.schedule_new_orchestration(names.KEEP_RUN, input=to_message(keep), instance_id=keep.instance)
        return ""

    def _state(self, pair: str, at: datetime) -> PairState:
        stored = self.get_state(dict)
        return initial(pair, at) if stored is None else read_state(stored, f"state of {pair}")


def _time_of(made: Decision, state: PairState, at: datetime) -> datetime:
    """When a decision was made. A clock that nobody believes does not tell, and one that was put right counts."""
    if made.rule == CLOCK or made.state.last_now < state.last_now:
        return made.state.last_now
    return max(at, state.last_now)


class Taken(NamedTuple):
    """A decision that was taken: the pair before and after it, and what it answers if that was a person's command."""

    before: PairState
    after: PairState
    plan: Plan
    now: datetime
    command: Command | None

    def find_ill_since(self, side: Role) -> datetime | None:
        """Since when something of a side has been bad; None if nothing is."""
        view = assess(self.after.evidence, self.now, self.plan.policy)
        since = [view.of(side, name).since for name in view.bad(side)]
        return min((at for at in since if at), default=None)


class Carried(NamedTuple):
    """The orchestration that carries an order out: its name, input and instance id."""

    name: str
    given: Value
    instance: str


def _start(order: StartRun, taken: Taken) -> Carried:
    before, after, plan, now, command = taken
    ill_since = taken.find_ill_since(order.source)
    run = order_from(order, plan, now, ill_since, ordered=after.rule == ORDERED)
    basis = basis_of(before, after, plan, now, ill_since, command)
    return Carried(names.SWITCH_RUN, msgspec.structs.replace(run, basis=basis), order.run)


def _tell(order: Tell, taken: Taken) -> Carried:
    pair, now = taken.plan.pair, taken.now
    name = f"{pair}-{order.name.casefold()}-{now:%Y%m%dT%H%M%S%f}"
    is_of_outage = NOTICE_TABLE[order.name].matter is Matter.OUTAGE
    since = taken.find_ill_since(taken.after.active) if is_of_outage else None
    tidings = Tidings(pair=pair, id=name, name=order.name, at=now, since=since, why=order.why)
    return Carried(names.TELL_RUN, tidings, f"tell-{name}")


def _stop(order: StopRun, taken: Taken) -> Carried:
    policy = taken.plan.policy
    wish = Wish(by="hubswitch", reason=order.why, at=taken.now)
    given = StopOrder(pair=taken.plan.pair, run=order.run, wish=wish, beat=beat_of(policy), longest=longest_of(policy))
    return Carried(names.STOP_RUN, given, f"stop-{order.run}")


def _press(order: PressRun, taken: Taken) -> Carried:
    """End a drain.

    Danger: the wish counts from when the side may have been ill. Jobs that it lost before the rule was met would count
    as ended by themselves otherwise, and would not be moved.
    """
    policy = taken.plan.policy
    doubted_since = find_doubted_since(policy, taken.now, taken.find_ill_since(taken.after.active))
    wish = Wish(by="hubswitch", reason=order.why, at=doubted_since)
    given = StopOrder(pair=taken.plan.pair, run=order.run, wish=wish, beat=beat_of(policy), longest=longest_of(policy))
    return Carried(names.PRESS_RUN, given, f"press-{order.run}")


CARRIERS: dict[type[Any], Callable[[Any, Taken], Carried]] = {
    StartRun: _start,
    Tell: _tell,
    StopRun: _stop,
    PressRun: _press,
}
"""Who carries out which order."""


def pair_entity(plans: Plans) -> type[PairEntity]:
    """The entity class for a set of plans, which are asked for when an operation needs them."""
    return type(PairEntity.__name__, (PairEntity,), {"plans": staticmethod(plans)})
