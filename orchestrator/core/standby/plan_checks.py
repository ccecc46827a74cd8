"""Checks of what the plan's section ``standby`` names. Two inventories alone do not say it: only live looks know them.

They stand behind ``CHECKS``; what no plan names has no row, and counts for nothing in the score.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.standby.batch_readiness import DEPLOYMENTS, ENDPOINTS, batch_row
from orchestrator.core.standby.model_quota import model_quota_row
from orchestrator.core.standby.planned_parts import PlannedPart
from orchestrator.core.standby.readiness import CheckRow

PLAN_CHECKS: tuple[CheckRow, ...] = (batch_row(), model_quota_row())
"""All such checks, by number, for people: without what they look at."""


def rows_of_plan(parts: Sequence[PlannedPart]) -> tuple[CheckRow, ...]:
    """The rows for the parts that a plan names."""
    has_batch = any(part.key in {ENDPOINTS, DEPLOYMENTS} for part in parts)
    has_models = any(part.account for part in parts)
    return (*((batch_row(parts),) if has_batch else ()), *((model_quota_row(parts),) if has_models else ()))
