"""The page of readiness checks shows the table that the code walks through."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.core.standby.plan_checks import PLAN_CHECKS
from orchestrator.core.standby.readiness_checks import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "readiness.md"


def test_every_check_has_its_row() -> None:
    """Number, title, what it reads, severity, and what to do: of two inventories, then of the plan."""
    rows = [
        f"| {row.number} | {row.title} | {', '.join(f'`{key}`' for key in row.reads)} | {row.severity} | {row.fix} |"
        for row in (*CHECKS, *PLAN_CHECKS)
    ]
    assert [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ ", line)] == rows
