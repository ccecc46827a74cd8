"""What passes between a run that orders another pair, the activities that keep the order, and that pair's entity."""

from __future__ import annotations

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.decision.commands import Command


class PairOrder(Value, kw_only=True):
    """An order to another pair, as the ledger keeps it before it is given."""

    schema: int = SCHEMA
    id: str
    pair: str
    """The pair that is ordered."""

    command: Command
    """With the epoch under which the pair was: under another, the order is out of date."""

    at: Moment


class OrderGiven(Value, kw_only=True):
    """Input of the entity's operation ``order``."""

    now: Moment
    id: str
    command: Command


class TryOutcome(Value, kw_only=True):
    """What a try came to that is an orchestration of its own."""

    answer: str = ""
    error: str = ""
    """Class of the error with which it failed; empty if it did not."""

    why: str = ""
