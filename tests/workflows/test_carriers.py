"""Whatever is named is registered, whatever is registered is named, and every order has somebody to carry it out."""

from __future__ import annotations

from typing import get_args

from orchestrator.core.decision.state import Order, StartRun, Tell
from orchestrator.core.plan.steps import SHAPES, kind_of
from orchestrator.triggers.registration import ACTIVITIES, ORCHESTRATORS
from orchestrator.workflows import names
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.deliveries_entity import DeliveriesEntity
from orchestrator.workflows.pair_entity import CARRIERS, PairEntity

COUNTER = {names.DELIVERIES_ENTITY, names.DELIVERIES_KEY, names.COUNT}
OPERATIONS = {names.OBSERVE, names.COMMAND, names.REPORT}


def test_every_name_is_registered_once_and_nothing_else_is() -> None:
    """A typo in a name would leave a step that nobody runs."""
    named = {text for name, text in vars(names).items() if name.isupper() and isinstance(text, str)}
    registered = {*ACTIVITIES, *ORCHESTRATORS, names.PAIR_ENTITY, *OPERATIONS, *COUNTER}
    assert named | set(STEP_ACTIVITIES) == registered
    assert set(STEP_ACTIVITIES) <= {kind_of(shape) for shape in SHAPES}


def test_every_operation_is_a_method_of_the_entity() -> None:
    """A signal for an operation that is not there would be lost."""
    assert all(callable(getattr(PairEntity, operation)) for operation in OPERATIONS)
    assert callable(getattr(DeliveriesEntity, names.COUNT))


def test_every_order_that_can_be_decided_has_a_carrier_and_no_carrier_is_idle() -> None:
    """What is decided is done."""
    assert set(get_args(Order)) == {StartRun, Tell} == set(CARRIERS)
