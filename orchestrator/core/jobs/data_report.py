"""What running jobs read, and whether it is there on the other side: what nobody copies is told."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.jobs.copy_state import CopyLine


class DataState(StrEnum):
    """How data stand on the other side."""

    SHARED = "shared"
    """Both sides read the same container. Whether its account outlives the region is its owner's matter."""

    COPIED = "copied"
    """What lies there is as much as here, and no older."""

    BEHIND = "behind"
    """Something lies there, but less than here, or older."""

    MISSING = "missing"
    """Nothing lies there."""

    ABSENT = "absent"
    """Nothing lies on the side on which the jobs run, whatever the other side has."""

    UNKNOWN = "unknown"
    """The map does not say where it would be, or the datastore does not exist."""

    UNREADABLE = "unreadable"
    """It could not be read on one of the sides."""


FINE = frozenset({DataState.SHARED, DataState.COPIED})


class Amount(Value, kw_only=True):
    """What lies below a path."""

    size: int
    """Bytes."""

    files: int
    newest: Moment | None = None
    """When the newest of them was last written."""


class DataItem(Value, kw_only=True):
    """One place that running jobs read from."""

    name: str
    """Datastore and path, or the account's URL."""

    state: DataState
    resolves_silently: bool
    """A URI names it without a workspace: the other side would read its own datastore of that name."""

    jobs: tuple[str, ...]
    named_by: tuple[str, ...] = ()
    """Assets through which it is reached; empty if the jobs name it themselves."""

    here: str = ""
    """Account and container on the active side."""

    there: str = ""
    source: Amount | None = None
    copy: Amount | None = None
    why: str = ""
    remedy: str = ""
    names_old: tuple[str, ...] = ()
    """Index files in it (MLTable, JSONL) that lead a reader back to the old side, or could not be read to their end."""

    @property
    def needs_a_hand(self) -> bool:
        """Whether a job on the other side would not find what it reads here."""
        return self.state not in FINE or bool(self.names_old)


class DataReport(Value, kw_only=True):
    """Everything that running jobs read."""

    pair: str
    active: str
    running: int
    """Running jobs that were looked at."""

    items: tuple[DataItem, ...]
    not_read: tuple[str, ...] = ()
    """Records that could not be read, with the reason."""

    copies: tuple[CopyLine, ...] = ()
    """What the plan has copied ahead from the active side."""


def compare(source: Amount, copy: Amount) -> DataState:
    """How a copy stands to its source. What was never there needs no copy."""
    if not copy.files:
        return DataState.MISSING if source.files else DataState.COPIED
    if copy.size < source.size or copy.files < source.files:
        return DataState.BEHIND
    older = source.newest is not None and (copy.newest is None or copy.newest < source.newest)
    return DataState.BEHIND if older else DataState.COPIED
