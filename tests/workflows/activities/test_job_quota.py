"""A job for which the other side has too little quota makes the standby not ready, and waits in an outage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import requests
from crash_harness import Bench, Visit
from job_stories import changed, claimed, moved_until_done, record, settled, submitted, truth

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.standby.readiness import look_at_standby, read_readiness

T4 = "Standard NCASv3_T4 Family Cluster Dedicated vCPUs"
"""What the cluster `gpu-cluster` takes its cores from: four for each node, of 96."""


def needs(visit: Visit, nodes: int) -> dict[str, Any]:
    """Properties of a job of the primary that takes so many nodes at once."""
    return {
        "computeId": f"{visit.plan.primary.project_id}/computes/gpu-cluster",
        "resources": {"instanceCount": nodes},
    }


def widened(visit: Visit, nodes: int) -> str:
    """The plain job of the outage, with other needs; its name."""

    def change(job: JobRecord) -> JobRecord:
        properties = {**job.body["properties"], **needs(visit, nodes)}
        return msgspec.structs.replace(job, body={**job.body, "properties": properties})

    return changed(visit, f"{visit.pair}-plain-primary", change)


@contextmanager
def usage(visit: Visit, name: str = T4, **values: Any) -> Iterator[None]:
    """The secondary's region with other numbers in one row of its quota, meanwhile."""
    side = visit.plan.secondary
    place = (
        f"/subscriptions/{side.subscription}/providers/Microsoft.MachineLearningServices/locations/{side.region}"
        f"/usages/{name}"
    )
    row = visit.bench.azure.resources.get(place)
    assert row is not None
    before = {key: row[key] for key in values}
    visit.bench.azure.call(lambda: row.update(values))
    try:
        yield
    finally:
        visit.bench.azure.call(lambda: row.update(before))


def test_a_job_without_quota_makes_the_standby_not_ready_and_waits_until_there_is_some(bench: Bench) -> None:
    """The finding of before and the reason of the wait name the same quota; nothing was submitted, nothing is lost."""
    visit = bench.visit()
    wide, narrow = widened(visit, 11), submitted(visit, "narrow", **needs(visit, 8))
    with usage(visit, currentValue=60):
        standing = look_at_standby(visit.world, visit.plan, Role.PRIMARY)
        kept = read_readiness(visit.world.ledgers[visit.pair], visit.pair)
        assert kept is not None
        assert not standing.ready
        assert f"usages.{T4}" in {each.path for each in kept.findings}
        order = claimed(visit)
        moved_until_done(visit, order)
        waits = record(visit, wide)
        assert (waits.status, waits.retry_at is not None, truth(visit, f"{wide}-e1")) == (
            JobStatus.WAITING,
            True,
            None,
        )
        assert waits.reason == f"it needs 44 cores at once of the secondary's quota {T4}: 96, of which others use 56"
        assert record(visit, narrow).status is JobStatus.RESUBMITTED
        changed(visit, wide, retry_at=visit.world.clock.now())
        assert settled(visit, order).jobs.waiting == 1
    changed(visit, wide, retry_at=visit.world.clock.now())
    assert settled(visit, order).jobs.resubmitted == 1


def test_quota_that_cannot_be_read_holds_no_job_back(bench: Bench) -> None:
    """Nothing says that the job would wait there."""
    visit = bench.visit()
    wide = widened(visit, 11)
    side = visit.plan.secondary
    region = f"/subscriptions/{side.subscription}/providers/Microsoft.MachineLearningServices/locations/{side.region}"
    answers = visit.bench.azure.services.manager.answers
    refused = {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no"}}}
    admin = f"{visit.bench.azure.urls['admin']}/admin/resources"
    place = f"{region}/usages".casefold()
    assert requests.post(admin, json={"answers": {place: refused}}, timeout=120).status_code == 200
    try:
        with usage(visit, currentValue=60):
            moved_until_done(visit, claimed(visit))
    finally:
        answers.clear()
    assert record(visit, wide).status is JobStatus.RESUBMITTED
