"""A job's record in the usual case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.record import JobRecord, JobStatus

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def job(status: JobStatus = JobStatus.RUNNING, **fields: Any) -> JobRecord:
    """The job ``train`` of the primary, captured at ``AT``, under epoch 1."""
    usual: dict[str, Any] = {
        "pair": "a",
        "name": "train",
        "root": "train",
        "hub": Role.PRIMARY,
        "status": status,
        "policy": JobPolicy.IF_INTERRUPTED,
        "api_version": "2025-01-01-preview",
        "body": {"properties": {"jobType": "Command"}},
        "azure_status": "Running",
        "captured_at": AT,
        "epoch": 1,
    }
    return JobRecord(**usual | fields)
