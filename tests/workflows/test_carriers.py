"""Whatever is named is registered, whatever is registered is named, and every order has somebody to carry it out."""

from __future__ import annotations

import inspect
from typing import get_args

from orchestrator.core.decision.state import Order, PressRun, StartRun, StopRun, Tell
from orchestrator.core.plan.step_base import kind_of
from orchestrator.core.plan.steps import SHAPES
from orchestrator.triggers.registration import ACTIVITIES, ORCHESTRATORS
from orchestrator.workflows import names
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.deliveries_entity import DeliveriesEntity
from orchestrator.workflows.orchestrators import wishes
from orchestrator.workflows.pair_entity import CARRIERS, PairEntity

COUNTER = {names.DELIVERIES_ENTITY, names.DELIVERIES_KEY, names.COUNT}
OPERATIONS = {names.OBSERVE, names.COMMAND, names.REPORT, names.ADVANCE_DRILL, names.ORDER}
EVENTS = {names.ABORT, names.TRY_NOW}
"""What is handed to an orchestration that is under way, which waits for it by this name."""


def test_every_name_is_registered_once_and_nothing_else_is() -> None:
    """A typo in a name would leave a step that nobody runs."""
    named = {text for name, text in vars(names).items() if name.isupper() and isinstance(text, str)}
    registered = {*ACTIVITIES, *ORCHESTRATORS, names.PAIR_ENTITY, *OPERATIONS, *COUNTER, *EVENTS}
    assert named | set(STEP_ACTIVITIES) == registered
    assert set(STEP_ACTIVITIES) <= {kind_of(shape) for shape in SHAPES}


def test_every_event_is_waited_for() -> None:
    """An event that no orchestrator waits for would be kept by the engine for nothing."""
    text = inspect.getsource(wishes)
    waited = {name for name in ("ABORT", "TRY_NOW") if f"wait_for_external_event(names.{name})" in text}
    assert {getattr(names, name) for name in waited} == EVENTS


def test_every_operation_is_a_method_of_the_entity() -> None:
    """A signal for an operation that is not there would be lost."""
    assert all(callable(getattr(PairEntity, operation)) for operation in OPERATIONS)
    assert callable(getattr(DeliveriesEntity, names.COUNT))


def test_every_order_that_can_be_decided_has_a_carrier_and_no_carrier_is_idle() -> None:
    """What is decided is done."""
    assert set(get_args(Order)) == {StartRun, StopRun, PressRun, Tell} == set(CARRIERS)
