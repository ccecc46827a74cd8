"""Everything a job needs is kept and made ahead of time, down to the last file, so that moving it is one write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crash_harness import Bench, Visit, order_of

from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.local.workload import User
from orchestrator.watch.replicate import replicate_pair
from orchestrator.workflows.activities.assets import AssetCopier
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.activities.resubmit_jobs import list_jobs, resubmit_jobs
from orchestrator.workflows.messages import BatchOrder, CaptureOrder, RoundOrder

LONG = {"local.duration": "36000"}


class Primary:
    """Assets and jobs of the primary, under names that no other visit uses."""

    def __init__(self, bench: Bench, visit: Visit) -> None:
        self.visit = visit
        self.bench = bench
        self.project = visit.plan.primary.project_id
        self.user = User(bench.azure)
        self.code = next(asset.id for asset in bench.templates.closures["coded"] if asset.kind == "code")

    def asset(self, kind: str, name: str, version: str = "1", **properties: Any) -> str:
        """Register a version; its id."""
        path = f"/{kind}/{self.visit.pair}-{name}/versions/{version}"
        self.user._put(self.visit.plan.primary, path, properties, "2023-04-01-preview")
        return self.project + path

    def component(self, name: str, **spec: Any) -> str:
        return self.asset("components", name, componentSpec={"type": "command", "command": "x"} | spec)

    def pipeline(self, name: str, steps: dict[str, Any]) -> str:
        """Submit a pipeline; its name."""
        full = f"{self.visit.pair}-{name}"
        compute = f"{self.project}/computes/cpu-cluster"
        body = {"jobType": "Pipeline", "jobs": steps, "settings": {"default_compute": compute}, "tags": LONG}
        self.user.submit(self.visit.plan.primary, full, body)
        return full

    def there(self, asset: str) -> dict[str, Any] | None:
        """The asset's twin in the secondary."""
        other = asset.replace(self.project, self.visit.plan.secondary.project_id)
        return self.bench.azure.call(lambda: self.bench.azure.resources.get(other))


@pytest.fixture
def visit(bench: Bench) -> Visit:
    return bench.visit()


@pytest.fixture
def primary(bench: Bench, visit: Visit) -> Iterator[Primary]:
    yield Primary(bench, visit)
    for site in (visit.plan.primary, visit.plan.secondary):
        bench.azure.faults.clear(site.region)


def taken(visit: Visit, name: str) -> JobRecord:
    """The record of a job that was just captured."""
    capture_jobs(visit.world, CaptureOrder(pair=visit.pair, side=Role.PRIMARY, jobs=(name,)))
    found = visit.world.ledgers[visit.pair].read(visit.pair, name)
    assert found is not None
    return found.value


def nested(primary: Primary) -> tuple[str, list[str]]:
    """A pipeline component around a parallel one and a sweep's trial, with data as a default; and all it needs."""
    environment = primary.asset("environments", "env", image="python:3.13")
    data = primary.asset(
        "data", "rows", dataType="uri_folder", dataUri="azureml://datastores/training-data/paths/rows/"
    )
    task = {"code": f"azureml:{primary.code}", "environment": f"azureml:{environment}", "program_arguments": "x"}
    parallel = primary.component("parallel", type="parallel", task=task)
    trial = primary.component("trial", code=f"azureml:{primary.code}", environment=f"azureml:{environment}")
    sweep = {"type": "sweep", "trial": f"azureml:{trial}", "componentId": trial}
    whole = primary.component(
        "whole",
        type="pipeline",
        jobs={"a": {"type": "parallel", "componentId": parallel}, "b": sweep},
        inputs={"rows": {"type": "uri_folder", "default": data}},
    )
    return whole, [primary.code, environment, data, parallel, trial, whole]


def test_a_pipeline_takes_along_what_its_components_need_in_turn(primary: Primary) -> None:
    """Components in components, what a parallel task runs, the trial of a sweep, the default of an input."""
    whole, needed = nested(primary)
    record = taken(primary.visit, primary.pipeline("nested", {"s": {"componentId": whole, "type": "pipeline"}}))
    assert record.incomplete == ""
    assert {asset.id.casefold() for asset in record.closure} == {asset.casefold() for asset in needed}
    places = [asset.id.casefold() for asset in record.closure]
    assert places.index(needed[0].casefold()) < places.index(needed[3].casefold()) < places.index(whole.casefold())
    assert all(primary.there(asset) for asset in needed)
    assert primary.project.rpartition("/")[2] not in str(primary.there(whole))


def test_what_was_kept_is_enough_when_the_primary_is_gone(primary: Primary) -> None:
    """The standby was away while the job was captured; it gets everything from the ledger later."""
    region, other = primary.visit.plan.primary.region, primary.visit.plan.secondary.region
    whole, needed = nested(primary)
    name = primary.pipeline("later", {"s": {"componentId": whole, "type": "pipeline"}})
    primary.bench.azure.faults.set(other, "control", "5xx", status=503)
    record = taken(primary.visit, name)
    assert record.incomplete
    assert record.lacking >= 1
    primary.bench.azure.faults.clear(other)
    primary.bench.azure.faults.set(region, "control", "5xx", status=503)
    primary.bench.azure.faults.set(region, "storage", "refuse")
    assert replicate_pair(primary.visit.world, primary.visit.plan, Role.PRIMARY).completed == 1
    assert all(primary.there(asset) for asset in needed)


def test_a_label_is_what_it_meant_when_the_job_was_captured(primary: Primary) -> None:
    """In the job and in a component's specification; a later version of the primary changes nothing."""
    environment = primary.asset("environments", "labelled", "3", image="python:3.13")
    label = environment.replace("/versions/3", "/labels/latest")
    component = primary.component("by-label", environment=f"azureml:{label}")
    record = taken(primary.visit, primary.pipeline("labels", {"s": {"componentId": component}}))
    assert record.incomplete == ""
    made = primary.there(component)
    assert made is not None
    assert made["properties"]["componentSpec"]["environment"].endswith("/versions/3")
    primary.asset("environments", "labelled", "4", image="python:3.14")
    again = taken(primary.visit, primary.pipeline("labels-2", {"s": {"componentId": component}}))
    assert {asset.id for asset in again.closure} == {environment, component}


def test_two_jobs_with_one_label_get_the_version_of_their_own_time(primary: Primary) -> None:
    """What ``latest`` means is asked for each job, not once."""
    first = primary.asset("components", "step", "1", componentSpec={"type": "command", "command": "one"})
    label = first.replace("/versions/1", "/labels/latest")
    old = taken(primary.visit, primary.pipeline("old", {"s": {"componentId": label}}))
    second = primary.asset("components", "step", "2", componentSpec={"type": "command", "command": "two"})
    new = taken(primary.visit, primary.pipeline("new", {"s": {"componentId": label}}))
    assert [(asset.id, asset.label) for asset in old.closure] == [(first, label)]
    assert [(asset.id, asset.label) for asset in new.closure] == [(second, label)]


def test_one_asset_that_cannot_be_had_does_not_cost_the_others(primary: Primary) -> None:
    """The record says what lacks, and what can be recreated is."""
    good = primary.component("good")
    bad = primary.asset("environments", "private", image="private.azurecr.io/train:1")
    using = primary.component("using", environment=f"azureml:{bad}")
    name = primary.pipeline("half", {"a": {"componentId": using}, "b": {"componentId": good}})
    record = taken(primary.visit, name)
    assert "private.azurecr.io" in record.incomplete or "registries" in record.incomplete
    assert record.incomplete.count("/subscriptions/") == 1, "the asset is named once, not by each error around it"
    assert (record.lacking, record.status) == (2, JobStatus.RUNNING)
    assert primary.there(good) is not None


def test_a_registry_is_left_alone(primary: Primary) -> None:
    """It answers from every region that it covers; nothing of it is copied."""
    reference = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"
    component = primary.component("registered", environment=reference)
    record = taken(primary.visit, primary.pipeline("registry", {"s": {"componentId": component}}))
    assert [asset.id for asset in record.closure] == [component]
    made = primary.there(component)
    assert made is not None
    assert made["properties"]["componentSpec"]["environment"] == reference


def test_capturing_a_second_job_with_the_same_assets_asks_and_writes_nothing_about_them(primary: Primary) -> None:
    """What was kept and made is known by its content and its id."""
    whole, _ = nested(primary)
    taken(primary.visit, primary.pipeline("first", {"s": {"componentId": whole, "type": "pipeline"}}))
    name = primary.pipeline("second", {"s": {"componentId": whole, "type": "pipeline"}})
    since = datetime.now(UTC)
    assert taken(primary.visit, name).incomplete == ""
    asked = primary.bench.azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="control")
    assert [(entry.method, entry.path.rpartition("/")[2]) for entry in asked] == [("GET", name)]


def test_moving_a_job_is_one_write_and_no_question_whatever_it_needs(primary: Primary) -> None:
    """By Resource Manager's own log: PUTs of jobs, pipelines included. Quota alone is asked for, once for all."""
    visit = primary.visit
    whole, _ = nested(primary)
    environment = primary.asset("environments", "once", image="python:3.13")
    label = environment.replace("/versions/1", "/labels/latest")
    by_label = primary.component("once", environment=f"azureml:{label}")
    names = [
        primary.pipeline("once-nested", {"s": {"componentId": whole, "type": "pipeline"}}),
        primary.pipeline("once-labels", {"s": {"componentId": by_label.replace("/versions/1", "/labels/latest")}}),
    ]
    for name in names:
        assert taken(visit, name).incomplete == ""
    AssetCopier(visit.world, visit.plan, Role.PRIMARY).ensure(primary.bench.templates.closures["coded"])
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    primary.bench.azure.faults.set(visit.plan.primary.region, "control", "5xx", status=503)
    primary.bench.azure.faults.set(visit.plan.primary.region, "storage", "refuse")
    since = datetime.now(UTC)
    list_jobs(visit.world, RoundOrder(run=order, round=0))
    report = resubmit_jobs(visit.world, BatchOrder(run=order, round=0, batch=0))
    assert (report.resubmitted, report.waiting, report.pending) == (4, 0, 0)
    calls = primary.bench.azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="control")
    ours = [f"{name}-e1" for name in (*names, f"{visit.pair}-plain-primary", f"{visit.pair}-coded-primary")]
    made = [(call.method, call.path.rpartition("/")[2]) for call in calls]
    asked = [name for method, name in made if method == "GET" and name != "vmSizes"]  # those are remembered
    assert sorted(asked) == ["computes", "usages"]
    assert sorted(each for each in made if each[0] != "GET") == sorted(("PUT", job) for job in ours)


def test_what_vanished_from_the_standby_is_made_anew(primary: Primary) -> None:
    """Somebody tidies up the standby; a step of the replication looks, and puts it back."""
    component = primary.component("vanishing")
    taken(primary.visit, primary.pipeline("vanished", {"s": {"componentId": component}}))
    other = component.replace(primary.project, primary.visit.plan.secondary.project_id)
    primary.bench.azure.call(lambda: primary.bench.azure.resources.drop(other))
    assert primary.there(component) is None
    assert replicate_pair(primary.visit.world, primary.visit.plan, Role.PRIMARY).restored == 1
    assert primary.there(component) is not None


def test_a_hub_that_answers_nothing_costs_no_record(primary: Primary) -> None:
    """A job that cannot be asked about is captured by the next look."""
    name = primary.pipeline("silent", {"s": {"componentId": primary.component("any")}})
    primary.bench.azure.faults.set(primary.visit.plan.primary.region, "control", "5xx", status=503)
    with pytest.raises(TemporaryError):
        taken(primary.visit, name)
