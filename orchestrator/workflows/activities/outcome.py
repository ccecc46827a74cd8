"""What a step reports of one job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from orchestrator.core.jobs.next_move import JobOutcome


@dataclass(frozen=True)
class Settled:
    """What became of a job in this step."""

    outcome: JobOutcome
    why: str = ""
    retry_after: timedelta | None = None
    """The pause that a service asked for."""

    given_up: bool = False
    """It waits because nobody took or refused it."""
