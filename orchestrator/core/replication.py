"""How far the standby is behind with what running jobs need."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobStatus, JobSummary


class Lag(Value, kw_only=True):
    """What would have to be made at a failover, or would be lacking then."""

    jobs: int = 0
    """Running jobs that would not be moved with one write each."""

    assets: int = 0
    """Assets that these jobs need and that are not in the standby; one that two jobs need counts twice."""

    since: Moment | None = None
    """When the oldest of these jobs was captured; None if nothing lacks."""

    running: int = 0
    """Running jobs, for comparison."""


def lag_of(summaries: Iterable[JobSummary], active: Role) -> Lag:
    """The lag of the side that stands by, from the ledger's list."""
    running = [job for job in summaries if job.hub is active and job.status is JobStatus.RUNNING]
    lacking = [job for job in running if job.incomplete]
    return Lag(
        jobs=len(lacking),
        assets=sum(max(1, job.lacking) for job in lacking),
        since=min((job.captured_at for job in lacking), default=None),
        running=len(running),
    )
