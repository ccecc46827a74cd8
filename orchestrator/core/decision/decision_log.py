"""One decision as it is kept for people who ask later: inputs, rule, reason, and what would have changed it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from orchestrator.core.base.codec import Value
from orchestrator.core.base.vocabulary import Mode, Phase

LIMIT = 200
"""Decisions kept per pair, and as many of those that changed the phase. At about 1 KB each, 400 KB at most."""


class Kept(Value, kw_only=True):
    """A decision, and how often it was taken again in a row. Bounded: every text in it is clipped."""

    first_at: datetime
    last_at: datetime
    times: int = 1
    """How often in a row the same rule rested on the same inputs."""

    was: Phase
    """The phase before it."""

    phase: Phase
    """The phase after it."""

    epoch: int
    mode: Mode
    verdicts: dict[str, str]
    """``<side>.<class>`` -> what was seen. Classes of which nothing is known are left out."""

    holds: tuple[str, ...]
    """Short names of what held, or would have held a switch, at its first time."""

    rule: str
    why: str
    """The reason, as of the last time."""

    would_change: tuple[str, ...]
    """What would have led to another decision, as of the first time."""


class KeptPage(Value, kw_only=True):
    """What the ledger keeps of a pair's decisions. Oldest first."""

    schema: Literal[1] = 1
    decisions: tuple[Kept, ...] = ()
    changes: tuple[Kept, ...] = ()
    """Those that changed the phase: they outlive the others."""

    def plus(self, entry: Kept) -> KeptPage:
        """The page with one more entry, bounded. An entry that is there already changes nothing."""
        if any(_same(entry, one) for one in (*self.decisions, *self.changes)):
            return self
        changed = (entry,) if entry.was is not entry.phase else ()
        return KeptPage(
            decisions=_newest(*self.decisions, entry),
            changes=_newest(*self.changes, *changed),
        )


def _newest(*entries: Kept) -> tuple[Kept, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.first_at))[-LIMIT:]


def _same(one: Kept, other: Kept) -> bool:
    return (one.first_at, one.rule, one.phase) == (other.first_at, other.rule, other.phase)
