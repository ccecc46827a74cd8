"""A user's own client keeps its records, is told of trouble in one line, and is never broken by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from user_client import user_client, user_credential

from orchestrator.core.base.errors import HubswitchError, NotNow
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.submit.api import Desk, submission_policy

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::UserWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

type Client = Callable[..., Any]


@pytest.fixture
def said() -> list[str]:
    """The warnings."""
    return []


@pytest.fixture
def client(azure: LocalAzure, plan: Plan, said: list[str]) -> Iterator[Client]:
    """``client(hub, strict=True)``: the user's own, made as azure-ai-ml's documentation says, but for the policy."""
    with user_credential(azure) as credential:

        def make(hub: Hub, *, strict: bool = False) -> Any:
            policy = submission_policy(plan, credential, strict=strict, warn=said.append)
            return user_client(azure, hub, credential, retry_total=0, per_call_policies=[policy])

        yield make


def training(name: str, **fields: Any) -> Any:
    from azure.ai.ml import command

    job = command(command="python -c 'pass'", environment="train-env:1", compute="cpu-cluster", **fields)
    job.name = name
    return job


def record(at: Desk, name: str) -> JobRecord | None:
    found = at.world.ledgers[at.plan.pair].read(at.plan.pair, name)
    return found.value if found else None


def test_the_record_is_written_before_the_job_is_put(
    azure: LocalAzure, client: Client, at: Desk, said: list[str]
) -> None:
    """A program that dies between the two leaves a record, not an unknown job."""
    before = len(azure.log.entries())
    client(at.plan.primary).jobs.create_or_update(training(f"{at.plan.pair}-a"))
    writes = [
        entry.service
        for entry in azure.log.entries()[before:]
        if entry.method == "PUT" and f"/jobs/{at.plan.pair}-a" in entry.path
    ]
    assert writes[0] == "ledger"
    assert writes[1] == "resource-manager"
    kept = record(at, f"{at.plan.pair}-a")
    assert kept is not None
    assert (kept.status, kept.hub, kept.api_version) == (JobStatus.RUNNING, Role.PRIMARY, "2025-01-01-preview")
    assert kept.incomplete == ""
    assert said == []


def test_jobs_of_other_workspaces_pass_unseen(client: Client, at: Desk, said: list[str]) -> None:
    """The policy minds its own pair."""
    foreign = msgspec.structs.replace(at.plan.primary, project=at.plan.primary.hub)
    with pytest.raises(HttpResponseError):
        client(foreign).jobs.create_or_update(training(f"{at.plan.pair}-b", experiment_name="x"))
    assert said == []
    assert record(at, f"{at.plan.pair}-b") is None


def test_a_ledger_that_is_away_costs_one_line_and_no_submission(
    azure: LocalAzure, client: Client, at: Desk, said: list[str]
) -> None:
    """The user's work goes first."""
    azure.faults.set(azure.estate.third, "ledger", "5xx", status=500)
    done = client(at.plan.primary).jobs.create_or_update(training(f"{at.plan.pair}-c"))
    assert done.name == f"{at.plan.pair}-c"
    assert len(said) == 1
    assert said[0].startswith("hubswitch: submitted without a record")
    assert "\n" not in said[0]


def test_a_strict_policy_submits_nothing_that_it_cannot_write_down(azure: LocalAzure, client: Client, at: Desk) -> None:
    """For those who would rather wait."""
    azure.faults.set(azure.estate.third, "ledger", "5xx", status=500)
    with pytest.raises(NotNow, match="could not be written down"):
        client(at.plan.primary, strict=True).jobs.create_or_update(training(f"{at.plan.pair}-d"))
    assert f"{at.plan.pair}-d" not in {job.name for job in azure.truth.jobs()}


def test_it_says_when_the_client_names_a_hub_that_is_not_active(client: Client, at: Desk, said: list[str]) -> None:
    """Code that names the old hub keeps working, and its owner learns of it."""
    client(at.plan.secondary).jobs.create_or_update(training(f"{at.plan.pair}-e"))
    assert len(said) == 1
    assert "the primary" in said[0]
    kept = record(at, f"{at.plan.pair}-e")
    assert kept is not None
    assert kept.hub is Role.SECONDARY
    with pytest.raises(NotNow, match="active hub"):
        client(at.plan.secondary, strict=True).jobs.create_or_update(training(f"{at.plan.pair}-f"))


def test_where_to_cannot_be_told_while_the_pointer_cannot_be_read(
    azure: LocalAzure, client: Client, at: Desk, said: list[str]
) -> None:
    """The user's work goes on, with a line; a strict one waits."""
    for region in (azure.estate.third, at.plan.secondary.region):
        azure.faults.set(region, "appconfig", "5xx", status=500)
    client(at.plan.primary).jobs.create_or_update(training(f"{at.plan.pair}-i"))
    assert any("whether the primary is the active hub cannot be told" in line for line in said)
    assert record(at, f"{at.plan.pair}-i") is not None
    with pytest.raises(HubswitchError):
        client(at.plan.primary, strict=True).jobs.create_or_update(training(f"{at.plan.pair}-j"))
    assert f"{at.plan.pair}-j" not in {job.name for job in azure.truth.jobs()}


def test_a_job_that_its_hub_refuses_is_closed_with_the_reason(client: Client, at: Desk) -> None:
    """It is not taken for an interrupted one."""
    with pytest.raises(HttpResponseError):
        client(at.plan.primary).jobs.create_or_update(training(f"{at.plan.pair}-g", tags={"local.outcome": "Odd"}))
    kept = record(at, f"{at.plan.pair}-g")
    assert kept is not None
    assert kept.status is JobStatus.NOT_SUBMITTED
    assert "local.outcome" in kept.reason
    client(at.plan.primary).jobs.create_or_update(training(f"{at.plan.pair}-g"))
    again = record(at, f"{at.plan.pair}-g")
    assert again is not None
    assert again.status is JobStatus.RUNNING


@pytest.mark.parametrize("kind", ["5xx", "refuse"])
def test_an_answer_that_says_nothing_leaves_the_record_open(
    azure: LocalAzure, client: Client, at: Desk, said: list[str], kind: str
) -> None:
    """Whether the hub has the job is found out later; the user is told what that means."""
    more = {"status": 500} if kind == "5xx" else {}
    ready = client(at.plan.primary)
    for region in azure.estate.regions:
        azure.faults.set(region, "control", kind, **more)
    with pytest.raises((HttpResponseError, ServiceRequestError)):
        ready.jobs.create_or_update(training(f"{at.plan.pair}-h"))
    kept = record(at, f"{at.plan.pair}-h")
    assert kept is not None
    assert kept.status is JobStatus.SUBMITTING
    assert "is not known" in said[-1]
    assert "hubswitch jobs skip" in said[-1]


def test_a_second_put_that_is_refused_because_the_first_was_taken_is_no_refusal(
    azure: LocalAzure, client: Client, at: Desk, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost, the client tries again, the service takes the body for a changed one: the job runs."""
    name, region = f"{at.plan.pair}-twice", at.plan.primary.region
    monkeypatch.setattr(azure.kernel, "refuses_second_puts", True)
    azure.faults.set(region, "control", "lost-answer", method="PUT", path=f"/jobs/{name}", times=1)
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        client(at.plan.primary).jobs.create_or_update(training(name, tags={"local.duration": "36000"}))
    said.clear()
    with pytest.raises(HttpResponseError, match="cannot be changed"):
        client(at.plan.primary).jobs.create_or_update(training(name, tags={"local.duration": "36000"}))
    kept = record(at, name)
    assert kept is not None
    assert (kept.status, said) == (JobStatus.RUNNING, [])


def test_a_refusal_of_a_job_that_is_not_there_is_noted(azure: LocalAzure, client: Client, at: Desk) -> None:
    """The hub says no, and does not have it."""
    name = f"{at.plan.pair}-not-taken"
    azure.faults.set(at.plan.primary.region, "control", "5xx", status=400, method="PUT", path=f"/jobs/{name}")
    with pytest.raises(HttpResponseError):
        client(at.plan.primary).jobs.create_or_update(training(name))
    kept = record(at, name)
    assert kept is not None
    assert kept.status is JobStatus.NOT_SUBMITTED
