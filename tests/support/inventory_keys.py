"""Every key that a readiness check reads."""

from __future__ import annotations

from orchestrator.core.standby.readiness_checks import CHECKS

KEYS = {key for row in CHECKS for key in row.reads}
