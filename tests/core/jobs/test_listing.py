"""The order in which jobs go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.listing import in_order
from orchestrator.core.jobs.record import JobStatus, JobSummary

START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = [f"j{number}" for number in range(9)]


def _job(name: str, priority: int = 0, age: int = 0, lineage: tuple[str, ...] = ()) -> JobSummary:
    return JobSummary(
        name=name,
        hub=Role.PRIMARY,
        status=JobStatus.RUNNING,
        priority=priority,
        epoch=0,
        captured_at=START - timedelta(minutes=age),
        lineage=lineage,
    )


def test_priority_then_lineage_then_age() -> None:
    """Older before younger, producers before who reads from them, urgent ones before all."""
    jobs = [_job("young"), _job("old", age=5), _job("reader", age=9, lineage=("young",)), _job("urgent", priority=1)]
    assert in_order(jobs) == ("urgent", "old", "young", "reader")


def test_a_producer_is_as_urgent_as_its_most_urgent_reader() -> None:
    """Through others as well."""
    jobs = [
        _job("other", priority=5),
        _job("first"),
        _job("second", lineage=("first",)),
        _job("third", priority=9, lineage=("second",)),
    ]
    assert in_order(jobs) == ("first", "second", "third", "other")


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 5), st.sets(st.sampled_from(NAMES), max_size=3)), max_size=9)
)
def test_every_job_comes_once_and_no_reader_before_its_producer(drawn: list[tuple[int, int, set[str]]]) -> None:
    """Whatever is asked for, circles included."""
    jobs = [_job(NAMES[n], priority, age, tuple(sorted(needs))) for n, (priority, age, needs) in enumerate(drawn)]
    order = in_order(jobs)
    assert sorted(order) == sorted(job.name for job in jobs)
    reach = {job.name: {name for name in job.lineage if name in order} for job in jobs}
    for _ in NAMES:
        reach = {name: found.union(*(reach[other] for other in found)) for name, found in reach.items()}
    circular = {name for name, found in reach.items() if name in found}
    for name, found in reach.items():
        if not circular & {name, *found}:
            assert all(order.index(producer) < order.index(name) for producer in found)
