"""Checks of what the plan's section ``standby`` names. Two inventories alone do not say it: only live looks know them.

They stand behind ``CHECKS``; what no plan names has no row, and counts for nothing in the score.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.standby.batch_readiness import DEPLOYMENTS, ENDPOINTS, batch_row
from orchestrator.core.standby.planned_parts import PlannedPart
from orchestrator.core.standby.readiness import CheckRow

PLAN_CHECKS: tuple[CheckRow, ...] = (batch_row(),)
"""All such checks, by number, for people: without what they look at."""


def rows_of_plan(parts: Sequence[PlannedPart]) -> tuple[CheckRow, ...]:
    """The rows for the parts that a plan names."""
    keys = {part.key for part in parts}
    return (batch_row(parts),) if keys & {ENDPOINTS, DEPLOYMENTS} else ()
