"""Jobs go to Resource Manager as raw JSON, at the rate it grants, and its answers mean what they say."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import TokenCredential

from orchestrator.adapters.http import pacing
from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.deadline import deadline
from orchestrator.adapters.http.pacing import Budget, Pacer, pacers
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.hub.jobs import ArmJobs
from orchestrator.core.base.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    Refused,
    TemporaryError,
    Throttled,
    Unreachable,
)
from orchestrator.core.plan.schema import Hub
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import JobService
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure

COMMAND = "2025-01-01-preview"


@pytest.fixture
def manager(settings: Settings, executor: TokenCredential, azure_transport: BoundedTransport) -> ResourceManager:
    return ResourceManager(settings.resource_manager, executor, azure_transport)


@pytest.fixture
def pacer() -> Pacer:
    return Pacer(Budget(10, 200))


@pytest.fixture
def jobs(manager: ResourceManager, executor: TokenCredential, pacer: Pacer) -> ArmJobs:
    return ArmJobs(manager, executor, lambda _: pacer)


@pytest.fixture
def hub(azure: LocalAzure) -> Hub:
    return plan_of(azure).primary


def command(hub: Hub, **properties: Any) -> dict[str, Any]:
    """A command job that the hub accepts."""
    usual = {
        "jobType": "Command",
        "command": "python train.py",
        "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
    }
    return {"properties": usual | properties}


def calls(azure: LocalAzure, since: datetime, method: str = "") -> list[tuple[str, str]]:
    """Method and query of what Resource Manager was asked."""
    entries = azure.log.between(since, datetime.now(UTC) + timedelta(seconds=1), surface="control")
    return [(entry.method, entry.query) for entry in entries if method in {"", entry.method}]


def test_the_adapter_is_a_job_service(jobs: ArmJobs, hub: Hub) -> None:
    """It fits the port; a job that is not there is NotFound."""
    service: JobService = jobs
    with pytest.raises(NotFound, match="none"):
        service.get(hub, "none")


def test_a_job_that_was_put_can_be_read(jobs: ArmJobs, hub: Hub, pair: str) -> None:
    """The answer to the PUT, and the job itself, are ARM JSON as Azure gave it."""
    put = jobs.put(hub, pair, command(hub), COMMAND)
    assert put["name"] == pair
    assert jobs.get(hub, pair)["properties"]["command"] == "python train.py"


def test_the_recorded_api_version_is_sent(jobs: ArmJobs, hub: Hub, azure: LocalAzure, pair: str) -> None:
    """A job goes out with the version it was once submitted with."""
    since = datetime.now(UTC)
    jobs.put(hub, pair, command(hub), "2024-01-01-preview")
    assert calls(azure, since, "PUT")[0][1] == "api-version=2024-01-01-preview"


def test_putting_a_name_again_gives_the_same_job(jobs: ArmJobs, hub: Hub, azure: LocalAzure, pair: str) -> None:
    """The name is the idempotency key: a second PUT is the same job, not another."""
    first = jobs.put(hub, pair, command(hub), COMMAND)
    again = jobs.put(hub, pair, command(hub), COMMAND)
    assert again["systemData"]["createdAt"] == first["systemData"]["createdAt"]
    assert sum(job.name == pair for job in azure.truth.jobs()) == 1


def test_a_job_can_be_cancelled_and_again(jobs: ArmJobs, hub: Hub, azure: LocalAzure, pair: str) -> None:
    """It ends some time later; asking twice, or after its end, does nothing more. What is not there is NotFound."""
    jobs.put(hub, pair, command(hub), COMMAND)
    jobs.cancel(hub, pair)
    jobs.cancel(hub, pair)
    truth = next(job for job in azure.truth.jobs() if job.name == pair)
    assert sum(status == "CancelRequested" for _, status in truth.statuses) == 1
    with pytest.raises(NotFound):
        jobs.cancel(hub, "none")


def test_a_body_that_names_the_other_workspace_is_refused(jobs: ArmJobs, azure: LocalAzure, pair: str) -> None:
    """The service's own words reach whoever has to mend it."""
    plan = plan_of(azure)
    with pytest.raises(Refused, match="environmentId") as caught:
        jobs.put(plan.secondary, pair, command(plan.primary), COMMAND)
    assert caught.value.status == 400


def test_all_jobs_are_paged_newest_first(jobs: ArmJobs, hub: Hub, pair: str) -> None:
    """Every page is followed; what was put last comes first."""
    names = [f"{pair}-{number:03}" for number in range(55)]
    for name in names:
        jobs.put(hub, name, command(hub), COMMAND)
    pages = list(jobs.pages(hub))
    found = [job["name"] for page in pages for job in page if job["name"].startswith(pair)]
    assert len(pages) > 1
    assert found == names[::-1]


def test_reading_spends_no_writes(jobs: ArmJobs, hub: Hub, pacer: Pacer) -> None:
    """Get, list and reachable work while every write waits."""
    pacer.refused(timedelta(minutes=5))
    jobs.reachable(hub)
    list(jobs.pages(hub))
    with pytest.raises(NotFound):
        jobs.get(hub, "none")


def test_a_write_that_would_wait_too_long_says_how_long(jobs: ArmJobs, hub: Hub, pacer: Pacer, pair: str) -> None:
    """Minutes are left to durable timers."""
    pacer.refused(timedelta(minutes=5))
    with pytest.raises(Throttled) as caught:
        jobs.put(hub, pair, command(hub), COMMAND)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > timedelta(minutes=4)


def test_a_refusal_for_speed_stops_all_writes(
    jobs: ArmJobs, hub: Hub, azure: LocalAzure, pacer: Pacer, pair: str
) -> None:
    """A 429 is one write's fault and every write's pause; it is not sent again on the way."""
    azure.faults.set(hub.region, "control", "429", retry_after=120, method="PUT")
    since = datetime.now(UTC)
    with pytest.raises(Throttled) as caught:
        jobs.put(hub, pair, command(hub), COMMAND)
    assert caught.value.retry_after == timedelta(seconds=120)
    assert len(calls(azure, since, "PUT")) == 1
    with pytest.raises(Throttled):
        pacer.wait_turn()


def test_writes_keep_below_the_rate_that_is_granted(jobs: ArmJobs, hub: Hub, azure: LocalAzure, pair: str) -> None:
    """Somebody else has spent most of the bucket: Azure's own count tells us, and no write is refused."""
    azure.throttle.reset()
    azure.throttle.write_burst, burst = 5, azure.throttle.write_burst
    start = time.monotonic()
    for number in range(12):
        jobs.put(hub, f"{pair}-{number}", command(hub), COMMAND)
    azure.throttle.write_burst = burst
    assert 0.6 <= time.monotonic() - start <= 30


def test_a_busy_hub_stops_no_write_to_the_other(jobs: ArmJobs, azure: LocalAzure) -> None:
    """A 503 that says when speaks for the side that was asked; the limit that both sides share is not met."""
    plan = plan_of(azure)
    azure.faults.set(plan.primary.region, "control", "5xx", status=503, retry_after=600, method="POST")
    with pytest.raises(Throttled, match="503"):
        jobs.cancel(plan.primary, "anything")
    body = {"properties": {"jobType": "Command", "command": "x", "experimentName": "x"}}
    with pytest.raises(Refused):  # taken up, and refused for what it lacks: the write went out
        jobs.put(plan.secondary, "elsewhere", body, "2025-01-01-preview")


def test_a_read_waits_a_short_retry_after_itself(jobs: ArmJobs, hub: Hub, azure: LocalAzure) -> None:
    """A second is waited inside the call, and the read succeeds."""
    azure.faults.set(hub.region, "control", "429", retry_after=1, times=1)
    start = time.monotonic()
    jobs.reachable(hub)
    assert 1.0 <= time.monotonic() - start <= 30


def test_a_failing_read_is_not_repeated_behind_the_callers_back(jobs: ArmJobs, hub: Hub, azure: LocalAzure) -> None:
    """Without a Retry-After the one who asks decides about asking again."""
    azure.faults.set(hub.region, "control", "5xx", status=503)
    since = datetime.now(UTC)
    with pytest.raises(TemporaryError, match="503"):
        jobs.reachable(hub)
    assert len(calls(azure, since)) == 1


@pytest.mark.longest_wait(3)
@pytest.mark.parametrize(
    ("kind", "expected"), [("401", Forbidden), ("403", Forbidden), ("hang", Unreachable), ("5xx", TemporaryError)]
)
def test_trouble_of_resource_manager_is_told_apart(
    jobs: ArmJobs, azure: LocalAzure, kind: str, expected: type[Exception]
) -> None:
    """Rights, silence and failure are three things; the other region is not touched by any."""
    plan = plan_of(azure)
    azure.faults.set(plan.primary.region, "control", kind)
    with pytest.raises(expected):
        jobs.reachable(plan.primary)
    jobs.reachable(plan.secondary)


def test_a_region_that_hangs_does_not_cut_off_the_other(jobs: ArmJobs, azure: LocalAzure) -> None:
    """Resource Manager is one host for both: however often one side times out, the other is still asked."""
    plan = plan_of(azure)
    azure.faults.set(plan.primary.region, "control", "hang")
    for _ in range(6):
        with pytest.raises(Unreachable), deadline(timedelta(seconds=0.1)):
            jobs.reachable(plan.primary)
    jobs.reachable(plan.secondary)


def test_no_token_is_told_as_such(jobs: ArmJobs, hub: Hub, azure: LocalAzure) -> None:
    """An identity that is down is named; the hub is not suspected."""
    azure.faults.set(None, "identity", "5xx")
    with pytest.raises(TemporaryError, match="no token for the executor identity"):
        jobs.reachable(hub)


def test_a_next_page_on_another_host_is_not_followed(
    serve: Any, answers: Any, executor: TokenCredential, transport: BoundedTransport
) -> None:
    """Our token stays with Resource Manager."""
    server = serve(answers("200 OK", '{"value": [], "nextLink": "https://127.0.0.1:1/next"}'))
    strange = ResourceManager(server.url, executor, transport)
    with pytest.raises(InvalidInput, match="nextLink"):
        list(strange.pages("/subscriptions/x/jobs", COMMAND))


def test_a_list_that_leads_back_to_itself_ends(
    serve: Any, answers: Any, executor: TokenCredential, transport: BoundedTransport
) -> None:
    """Else a look at a standby would go on for ever, and that pair would never be looked at again."""
    url = ""

    def lead_back(*given: Any) -> Any:
        page = {"value": [], "nextLink": f"{url}/next"}
        return answers("200 OK", json.dumps(page))(*given)

    server = serve(lead_back)
    url = server.url
    with pytest.raises(InvalidInput, match="not read yet"):
        list(ResourceManager(url, executor, transport).pages("/subscriptions/x/jobs", COMMAND))


@pytest.mark.parametrize("body", ["<html>", "[]", '{"value": 3}', '{"value": [{}, null]}', '{"value": [1]}'])
def test_an_answer_of_an_unknown_shape_is_named(
    serve: Any, answers: Any, executor: TokenCredential, transport: BoundedTransport, body: str
) -> None:
    """A proxy's page, or JSON that is no list, is never taken for an empty list."""
    strange = ResourceManager(serve(answers("200 OK", body)).url, executor, transport)
    with pytest.raises(TemporaryError, match="subscriptions/x/jobs"):
        list(strange.pages("/subscriptions/x/jobs", COMMAND))


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 No Content", "206 Partial Content"])
@pytest.mark.parametrize("body", ["", "{}", "<html>", '{"value": []}', '{"id": null, "properties": {}}'])
def test_a_success_without_the_resource_is_none(
    *,
    serve: Any,
    answers: Any,
    executor: TokenCredential,
    transport: BoundedTransport,
    hub: Hub,
    status: str,
    body: str,
) -> None:
    """A hub is not reachable, and a job not submitted, because something between us and Azure answers 2xx."""
    said = serve(answers(status, "" if status.startswith("204") else body))
    strange = ResourceManager(said.url, executor, transport)
    jobs = ArmJobs(strange, executor, lambda _: pacing.pacer_for(said.url, "s", "x", rate=1e6, burst=1000))
    for call in (
        lambda: jobs.get(hub, "train"),
        lambda: jobs.reachable(hub),
        lambda: jobs.put(hub, "train", {"properties": {}}, COMMAND),
    ):
        with pytest.raises(TemporaryError, match=f"{hub.project}"):
            call()


def test_pipelines_carry_a_token_for_azure_ml(jobs: ArmJobs) -> None:
    """What azure-ai-ml sends with pipelines is sent; other jobs do without."""
    assert list(jobs._headers({"properties": {"jobType": "Pipeline"}})) == ["x-azureml-token"]
    assert jobs._headers({"properties": {"jobType": "Command"}}) == {}


def test_plans_that_share_a_subscription_share_the_smallest_budget(
    settings: Settings, azure: LocalAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket belongs to subscription and identity, not to a pair."""
    monkeypatch.setattr(pacing, "_PACERS", {})
    plan = plan_of(azure)
    pacer_of = pacers(settings, {"a": plan, "b": plan}, "executor")
    assert pacer_of(plan.primary) is pacer_of(plan.secondary)
