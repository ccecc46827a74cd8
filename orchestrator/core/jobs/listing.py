"""The order in which jobs go: priority, then who needs whose output, then age. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

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


def in_order(jobs: Collection[JobSummary]) -> tuple[str, ...]:
    """Names of jobs in the order in which they are to be submitted.

    A job whose output another one names goes before it, with the higher priority of the two. Jobs that name each
    other in a circle go by priority and age.
    """
    known = {job.name: job for job in jobs}
    needs = {job.name: [name for name in job.lineage if name in known and name != job.name] for job in jobs}
    depth = _depths(needs)
    urgency = _urgencies(known, needs, depth)
    ordered = sorted(jobs, key=lambda job: (-urgency[job.name], depth[job.name], job.captured_at, job.name))
    return tuple(job.name for job in ordered)


def _depths(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many producers stand one behind the other before each job."""
    depth: dict[str, int] = {}
    for start in needs:
        path: dict[str, None] = {}
        stack = [start]
        while stack:
            name = stack[-1]
            missing = [other for other in needs[name] if other not in depth and other not in path and other != name]
            if name not in depth and missing:
                path[name] = None
                stack.append(missing[0])
                continue
            path.pop(name, None)
            stack.pop()
            depth.setdefault(name, 1 + max((depth.get(other, -1) for other in needs[name]), default=-1))
    return depth


def _urgencies(
    known: Mapping[str, JobSummary], needs: Mapping[str, Sequence[str]], depth: Mapping[str, int]
) -> dict[str, int]:
    """Each job's priority, or a higher one of a job that needs it."""
    urgency = {name: job.priority for name, job in known.items()}
    for name in sorted(known, key=lambda name: -depth[name]):
        for other in needs[name]:
            urgency[other] = max(urgency[other], urgency[name])
    return urgency
