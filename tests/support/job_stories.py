"""Telling what becomes of single jobs in tests: records changed, real runs in both hubs, steps of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from crash_harness import Visit, order_of
from endless_jobs import FOR_EVER
from waiting import until

from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.record import JobRecord, JobStatus, JobSummary
from orchestrator.local.workload import User
from orchestrator.simulator.job_lifecycle import TrueJob
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.activities.resubmit_jobs import list_jobs, resubmit_jobs
from orchestrator.workflows.activities.settle_jobs import settle_jobs
from orchestrator.workflows.messages import AfterOrder, AfterReport, BatchOrder, BatchReport, RoundOrder, RunOrder

LONG = FOR_EVER


def claimed(visit: Visit, epoch: int = 1, **changes: Any) -> RunOrder:
    """A run that holds its epoch."""
    order = msgspec.structs.replace(order_of(visit, epoch), **changes)
    claim_epoch(visit.world, order)
    return order


def moved(visit: Visit, order: RunOrder, number: int = 0, *, last: bool = False) -> BatchReport:
    """One round with one batch."""
    list_jobs(visit.world, RoundOrder(run=order, round=number))
    return resubmit_jobs(visit.world, BatchOrder(run=order, round=number, batch=0, last=last))


def moved_until_done(visit: Visit, order: RunOrder, number: int = 0) -> BatchReport:
    """The same, as often as jobs are pending."""

    def nothing_pending() -> BatchReport | None:
        report = moved(visit, order, number)
        return None if report.pending else report

    return until(nothing_pending, f"the end of round {number}")


def settled(visit: Visit, order: RunOrder) -> AfterReport:
    """One step of what is done after a switch."""
    return settle_jobs(visit.world, AfterOrder(run=order))


def record(visit: Visit, name: str) -> JobRecord:
    found = visit.world.ledgers[visit.pair].read(visit.pair, name)
    assert found is not None, name
    return found.value


def records(visit: Visit) -> dict[str, JobRecord]:
    """Every record of the pair."""
    ledger = visit.world.ledgers[visit.pair]
    return {summary.name: record(visit, summary.name) for summary in ledger.summaries(visit.pair)}


def summaries(visit: Visit) -> dict[str, JobSummary]:
    return {summary.name: summary for summary in visit.world.ledgers[visit.pair].summaries(visit.pair)}


def changed(visit: Visit, name: str, change: Callable[[JobRecord], JobRecord] | None = None, **fields: Any) -> str:
    """Write a record anew; its name."""
    ledger = visit.world.ledgers[visit.pair]
    found = ledger.read(visit.pair, name)
    assert found is not None, name
    after = change(found.value) if change else found.value
    ledger.replace(msgspec.structs.replace(after, **fields), found.etag)
    return name


def submitted(visit: Visit, mark: str, side: Role = Role.PRIMARY, **properties: Any) -> str:
    """A job that really runs in a hub and is in the ledger; its name."""
    name = f"{visit.pair}-{mark}"
    hub = visit.plan.side(side)
    tags = {"local.duration": LONG, **properties.pop("tags", {})}
    body = {
        "jobType": "Command",
        "command": "python train.py",
        "experimentName": "stories",
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
        "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
        **properties,
        "tags": tags,
    }
    answer = User(visit.bench.azure).submit(hub, name, body)
    visit.world.ledgers[visit.pair].create(
        JobRecord(
            pair=visit.pair,
            name=name,
            root=name,
            hub=side,
            status=JobStatus.RUNNING,
            policy=JobPolicy(tags.get("hubswitch.policy", "if-interrupted")),
            api_version="2025-01-01-preview",
            body=answer,
            azure_status="Running",
            captured_at=visit.world.clock.now(),
        )
    )
    return name


def truth(visit: Visit, name: str) -> TrueJob | None:
    """What really happened to a job."""
    return next((job for job in visit.bench.azure.truth.jobs() if job.name == name), None)


def status(visit: Visit, name: str) -> str:
    found = truth(visit, name)
    return found.status if found else ""


def until_status(visit: Visit, name: str, *wanted: str) -> None:
    """Wait until a job has come to one of some statuses."""
    until(lambda: status(visit, name) in wanted, f"{name} {' or '.join(wanted)}", pause=0.01)
