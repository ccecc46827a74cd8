"""The step that orders the same switch for another pair."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.core.plan.step_base import BaseStep


class PairWait(StrEnum):
    """When a step that orders another pair is done."""

    SWITCHED = "switched"
    """The other pair's epoch record names the side that is wanted."""

    ORDERED = "ordered"
    """The other pair has taken the order."""


class RunPair(BaseStep, kw_only=True, tag="run_pair"):
    """Order the same direction for another pair that the app watches, once for each run, and wait for its switch.

    The order is one as a person gives it: a hold, a pause or a second person who has to approve stops it in the same
    way, and the mode does not. A refusal is the step's failure; it is asked again at the next try. A pair that is on
    the side already is not ordered. A graceful failover orders a graceful one.
    """

    pair: str
    """The other pair."""

    wait: PairWait = PairWait.SWITCHED
    """`switched`: done when the other pair's epoch record names the wanted side. `ordered`: done when it has taken the
    order. Neither waits for its jobs."""
