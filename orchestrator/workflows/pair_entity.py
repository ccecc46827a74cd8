"""The pair's durable entity: folds what is seen, decides, and starts the run in the same operation.

State is stored and the run is scheduled together or not at all: the engine applies both when the operation
completes. A state that cannot be read is left as it is, and nothing is decided on it.

Operations, each with one plain-data input: ``observe`` (``Observed``), ``command`` (``Commanded``),
``report`` (``ReportOrder``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from durabletask.entities import DurableEntity

from orchestrator.core.base.codec import Value, from_builtins, to_builtins
from orchestrator.core.base.errors import InvalidInput, PermanentError
from orchestrator.core.decision import commands, decide, run_reports
from orchestrator.core.decision.explain import enter_decision
from orchestrator.core.decision.holds import CLOCK
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import Decision, Order, PairState, StartRun, Tell, initial, read_state
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.plan.schema import Plan
from orchestrator.workflows import names
from orchestrator.workflows.messages import Commanded, KeepOrder, ReportOrder, Tidings, order_from

LOG = logging.getLogger("hubswitch.pair")

ORDERED = "ordered"
"""Rule of a decision that a person made."""

Plans = Callable[[], Mapping[str, Plan]]


class PairEntity(DurableEntity):
    """One pair's evidence, phase and journal. Its key is the pair's name."""

    plans: Plans
    """Bound by ``pair_entity``."""

    def observe(self, given: Any) -> None:
        said = from_builtins(given, Observed, "observe")
        self._apply(said.now, lambda state, plan, now: decide.step(state, said, now, plan.policy))

    def command(self, given: Any) -> None:
        said = from_builtins(given, Commanded, "command")
        self._apply(said.now, lambda state, plan, now: commands.command(state, said.command, now, plan.policy))

    def report(self, given: Any) -> None:
        said = from_builtins(given, ReportOrder, "report")
        self._apply(said.now, lambda state, plan, now: run_reports.report(state, said.report, now, plan.policy))

    def _apply(self, at: datetime, decided: Callable[[PairState, Plan, datetime], Decision]) -> None:
        pair = self.entity_context.entity_id.key
        plan = type(self).plans().get(pair)
        if plan is None:
            LOG.error("no plan for pair %s: it stands still", pair)
            return
        try:
            state = self._state(pair, at)
            made = decided(state, plan, at)
            now = _time_of(made, state, at)
            decision, closed = enter_decision(state, made, now, plan.policy)
        except InvalidInput as fault:
            LOG.error("the stored state of %s cannot be read, it stands still: %s", pair, fault)  # noqa: TRY400
            return
        except PermanentError as fault:
            LOG.warning("%s: %s", pair, fault)
            return
        self.set_state(to_builtins(decision.state))
        for order in decision.orders:
            self._carry_out(decision.state, plan, order, at if decision.rule == CLOCK else now)
        if closed is not None:
            given = KeepOrder(pair=pair, entry=closed)
            self.schedule_new_orchestration(names.KEEP_RUN, input=to_builtins(given), instance_id=given.instance)

    def _state(self, pair: str, at: datetime) -> PairState:
        stored = self.get_state(dict)
        return initial(pair, at) if stored is None else read_state(stored, f"state of {pair}")

    def _carry_out(self, state: PairState, plan: Plan, order: Order, now: datetime) -> None:
        name, given, instance = CARRIERS[type(order)](order, state, plan, now)
        self.schedule_new_orchestration(name, input=to_builtins(given), instance_id=instance)


def _time_of(made: Decision, state: PairState, at: datetime) -> datetime:
    """When a decision was made. A clock that nobody believes does not tell, and one that was put right counts."""
    if made.rule == CLOCK or made.state.last_now < state.last_now:
        return made.state.last_now
    return max(at, state.last_now)


class Carried(NamedTuple):
    """The orchestration that carries an order out: its name, input and instance id."""

    name: str
    given: Value
    instance: str


def _start(order: StartRun, state: PairState, plan: Plan, now: datetime) -> Carried:
    view = assess(state.evidence, now, plan.policy)
    since = [view.of(order.source, name).since for name in view.bad(order.source)]
    ill_since = min((at for at in since if at), default=None)
    ordered = state.rule == ORDERED
    return Carried(names.SWITCH_RUN, order_from(order, plan, now, ill_since, ordered=ordered), order.run)


def _tell(order: Tell, _state: PairState, plan: Plan, now: datetime) -> Carried:
    name = f"{plan.pair}-{order.name.casefold()}-{now:%Y%m%dT%H%M%S%f}"
    tidings = Tidings(pair=plan.pair, id=name, name=order.name, at=now, why=order.why)
    return Carried(names.TELL_RUN, tidings, f"tell-{name}")


CARRIERS: dict[type[Any], Callable[[Any, PairState, Plan, datetime], Carried]] = {StartRun: _start, Tell: _tell}
"""Who carries out which order."""


def pair_entity(plans: Plans) -> type[PairEntity]:
    """The entity class for a set of plans, which are asked for when an operation needs them."""
    return type(PairEntity.__name__, (PairEntity,), {"plans": staticmethod(plans)})
