"""A job is in the ledger as soon as Azure ML says that it runs, whatever becomes of the events on their way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from live import Caller, live, record_of, until

from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.local.session import Local
from orchestrator.local.workload import User
from orchestrator.simulator.job_lifecycle import Pace

SCHEMAS = {"grid": "EventGridSchema", "cloud": "CloudEventSchemaV1_0"}
QUICK = Pace(not_started=(0.0, 6.0), queued=(0.0, 6.0), preparing=(0.0, 6.0), running=(0.0, 12.0))
"""Divided by the session's speed: every job is over within half a second."""


class Person:
    """Somebody who submits command jobs with a code snapshot and an anonymous environment."""

    def __init__(self, local: Local) -> None:
        self._user = User(local.azure)
        self._hub = local.plan.primary
        self._assets = {"environmentId": self._user.environment(self._hub), "codeId": self._user.code(self._hub)}

    def submits(self, name: str, **tags: str) -> dict[str, Any]:
        """The job as Azure ML gave it."""
        job = {
            "jobType": "Command",
            "command": "python train.py",
            "computeId": f"{self._hub.project_id}/computes/cpu-cluster",
            "tags": tags,
        }
        return self._user.submit(self._hub, name, job | self._assets)


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """Without timers: what is captured here was captured because of an event."""
    with live(timers=False, pace=QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def person(local: Local) -> Person:
    return Person(local)


@pytest.fixture
def caller(local: Local) -> Iterator[Caller]:
    with Caller(local) as made:
        yield made


def subscribed(caller: Caller, schema: str, **options: Any) -> None:
    """Let the primary's topic deliver to the app, instead of what was subscribed before."""
    url = f"{caller.local.host.url}/api/events?code={caller.local.key}"
    topic = caller.local.plan.primary.project_id
    caller.local.azure.subscribe(topic, url, schema=SCHEMAS[schema], name="primary", **options)


def finished(local: Local, name: str) -> JobRecord | None:
    record = record_of(local, name)
    return record if record and record.status is JobStatus.FINISHED else None


def complete(local: Local, name: str) -> None:
    """Let a job of the primary end well now."""
    life = local.azure.services.life
    job = life.get(local.plan.primary.project_id, name)
    assert job is not None
    local.azure.call(lambda: life._turn(job, "Completed"))


def has_run(local: Local, name: str) -> bool:
    return any(job.name == name and job.status == "Completed" for job in local.azure.truth.jobs())


def delivered(local: Local) -> bool:
    """Whether every event has arrived and everything that it led to is done."""
    return not local.azure.call(lambda: local.azure.event_grid.pending) and local.engine.idle()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_job_that_starts_is_recorded_with_what_it_needs(caller: Caller, person: Person, schema: str) -> None:
    """Body, code and environment are in the ledger while the job runs: after an outage it is too late."""
    subscribed(caller, schema)
    name = f"starts-{schema}"
    body = person.submits(name, **{"local.duration": "36000"})
    record = until(lambda: record_of(caller.local, name), "the record")
    assert (record.status, record.hub, record.azure_status in {"Queued", "Preparing", "Running"}) == (
        JobStatus.RUNNING,
        "primary",
        True,
    )
    assert record.body["properties"]["command"] == body["properties"]["command"]
    assert {asset.kind for asset in record.closure} == {"code", "environment"}
    assert {asset.id for asset in record.closure} == {
        body["properties"]["codeId"],
        body["properties"]["environmentId"],
    }


def test_doubled_and_overtaking_events_change_nothing(caller: Caller, person: Person) -> None:
    """Ten jobs, every event twice, most of them late: each job has one record, captured once and finished once."""
    subscribed(caller, "grid", duplicates=1.0, reorder=0.7)
    names = [f"doubled-{number}" for number in range(10)]
    for name in names:
        person.submits(name, **{"local.duration": "36000"})
    for name in names:  # an end that came before the job was looked at would leave nothing to record
        until(partial(record_of, caller.local, name), f"the record of {name}")
        complete(caller.local, name)
    records = [until(partial(finished, caller.local, name), f"the end of {name}") for name in names]
    until(lambda: delivered(caller.local), "the last delivery")
    assert [record_of(caller.local, name) for name in names] == records
    assert {record.reason for record in records} == {"it ended in Azure ML as Completed"}
    told = [[line.what for line in record.history] for record in records]
    assert told == [["captured", "finished"]] * len(names)


def test_a_job_that_is_over_before_its_event_arrives_is_not_recorded_as_running(caller: Caller, person: Person) -> None:
    """A late RunStatusChanged of a job that has ended leaves no record that an outage would wake."""
    subscribed(caller, "cloud", delay=1.0)
    person.submits("over")
    until(lambda: has_run(caller.local, "over"), "the job's end")
    until(lambda: delivered(caller.local), "the last delivery")
    found = record_of(caller.local, "over")
    assert found is None or found.status is JobStatus.FINISHED


def test_the_reconciling_timer_alone_captures_too() -> None:
    """Without any subscription: events only hasten."""
    with live(pace=QUICK) as local:
        person = Person(local)
        person.submits("unheard", **{"local.duration": "36000"})
        person.submits("short", **{"local.duration": "36000"})
        record = until(lambda: record_of(local, "unheard"), "the record")
        until(lambda: record_of(local, "short"), "the record of the short one")  # what ends unseen leaves none
        complete(local, "short")
        until(lambda: finished(local, "short"), "the end of the short one")
        assert not local.azure.call(local.azure.event_grid.subscriptions)
    assert (record.status, {asset.kind for asset in record.closure}) == (
        JobStatus.RUNNING,
        {"code", "environment"},
    )
