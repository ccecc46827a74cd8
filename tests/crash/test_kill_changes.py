"""S6 for what steps really change: a worker that dies when a change has left, before anybody wrote that down."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Outcome, Visit, order_of, running, start, until_seen, wait_until_idle

from orchestrator.core.base.codec import decode
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.steps import Workflow
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.core.plan.steps_standby import ScaleDeployment, SetSchedules, SetTraffic
from orchestrator.workflows.activities.epoch import claim_epoch, publish_pointer
from orchestrator.workflows.messages import RunSummary

DEPLOYMENT = "onlineEndpoints/score/deployments/blue"
CHANGES = {
    "the size of a deployment": "after resources.patch#1",
    "the traffic of an endpoint": "after resources.put#1",
    "the default of a batch endpoint": "after resources.put#2",
    "the capacity of a model": "after resources.change#1",
    "a schedule that is switched off": "after resources.put#3",
    "a schedule that is switched on": "after resources.put#4",
}
"""What has changed when the worker dies -> where that is."""

type Ended = tuple[Outcome, dict[str, str], dict[str, Any], tuple[tuple[str, str], ...]]
"""What is there afterwards, what became of each step, what each thing shows, and every change that was sent."""


def account(visit: Visit) -> str:
    hub = visit.plan.primary
    return f"{hub.group_id}/providers/Microsoft.CognitiveServices/accounts/aoai-{hub.region}"


def workflow(visit: Visit) -> Workflow:
    """On the way home; nothing in it moves jobs, which have tests of their own."""
    return Workflow(
        failback=(
            ScaleDeployment(endpoint="score", deployment="blue", instances=4),
            SetTraffic(endpoint="score", traffic={"blue": 0}),
            SetBatchDefault(endpoint="nightly-scores", deployment="full"),
            ScaleAiDeployment(account=account(visit), deployment="gpt-4o", capacity=120),
            SetSchedules(schedules=("nightly",)),
        )
    )


def things(visit: Visit) -> dict[str, tuple[str, str, Any]]:
    """Name -> id, path of what a step changes, and how it stands before."""
    home, away = visit.plan.primary.project_id, visit.plan.secondary.project_id
    return {
        "instances": (f"{home}/{DEPLOYMENT}", "sku.capacity", 2),
        "traffic": (f"{home}/onlineEndpoints/score", "properties.traffic", {"blue": 100}),
        "default": (f"{home}/batchEndpoints/nightly-scores", "properties.defaults", {"deploymentName": "light"}),
        "capacity": (f"{account(visit)}/deployments/gpt-4o", "sku.capacity", 50),
        "off": (f"{away}/schedules/nightly", "properties.isEnabled", True),
        "on": (f"{home}/schedules/nightly", "properties.isEnabled", False),
    }


def set_back(visit: Visit) -> None:
    def change() -> None:
        for place, path, value in things(visit).values():
            found = visit.bench.azure.resources.get(place)
            assert found is not None
            first, last = path.split(".")
            found[first][last] = value
            found["properties"]["provisioningState"] = "Succeeded"
        hub = visit.plan.primary
        place = f"/subscriptions/{hub.subscription}/providers/Microsoft.CognitiveServices/locations/{hub.region}"
        quota = visit.bench.azure.resources.get(f"{place}/usages/OpenAI.GlobalStandard.gpt-4o")
        assert quota is not None
        quota["currentValue"] = 50.0

    visit.bench.azure.call(change)


def shown(visit: Visit) -> dict[str, Any]:
    def read() -> dict[str, Any]:
        found = {}
        for name, (place, path, _) in things(visit).items():
            kept = visit.bench.azure.resources.get(place)
            assert kept is not None
            first, last = path.split(".")
            found[name] = kept[first][last], kept["properties"]["provisioningState"]
        return found

    return visit.bench.azure.call(read)


def sent(visit: Visit) -> list[tuple[str, str]]:
    kinds = ("onlineEndpoints", "batchEndpoints", "accounts", "schedules")
    entries = visit.bench.azure.log.entries()
    return [
        (each.method, each.path.partition("/providers/")[2])
        for each in entries
        if each.method in {"PUT", "PATCH"}
        and any(f"/{kind}/" in each.path.partition("/providers/")[2] for kind in kinds)
    ]


def run(bench: Bench, kill_at: str | None) -> tuple[Ended, bool]:
    """What a failback ends with, and whether its first worker was killed."""
    visit = bench.visit()
    set_back(visit)
    there = order_of(visit, 1)
    claim_epoch(visit.world, there)
    publish_pointer(visit.world, there)
    order = msgspec.structs.replace(order_of(visit, 2), steps=workflow(visit).failback)
    before = len(sent(visit))
    with running() as (engine, client):
        worker = visit.worker(engine, act_at=kill_at)
        try:
            start(client, order)
            until_seen(lambda: worker.is_gone() or engine.idle(), "the end, or the kill", engine, worker)
            killed = worker.is_gone()
            if killed:
                worker.end()
                worker = visit.worker(engine)
                wait_until_idle(engine, f"the end after the kill at {kill_at}", worker)
            path = summary_path(visit.pair, order.run)
            summary = decode(visit.world.ledgers[visit.pair].get(path) or b"", RunSummary, path)
            steps = {step.name: step.outcome.value for step in summary.steps}
            return (visit.outcome(client), steps, shown(visit), tuple(sent(visit)[before:])), killed
        finally:
            worker.end()


@pytest.fixture(scope="module")
def undisturbed(both_well: Bench) -> Ended:
    """What comes of a run whose worker lives."""
    ended, killed = run(both_well, None)
    assert not killed
    return ended


def test_an_undisturbed_run_changes_everything_once(undisturbed: Ended) -> None:
    """Each change is sent once, in the order of the steps, and shows when the run is over."""
    outcome, steps, shows, changes = undisturbed
    assert outcome.epoch == (2, Role.PRIMARY.value, "failback-pair-e2")
    assert set(steps.values()) == {"done"}
    assert len(steps) == 5
    assert shows == {
        "instances": (4, "Succeeded"),
        "traffic": ({"blue": 0}, "Succeeded"),
        "default": ({"deploymentName": "full"}, "Succeeded"),
        "capacity": (120, "Succeeded"),
        "off": (False, "Succeeded"),
        "on": (True, "Succeeded"),
    }
    assert [method for method, _ in changes] == ["PATCH", "PUT", "PUT", "PATCH", "PUT", "PUT"]


@pytest.mark.parametrize("what", CHANGES)
def test_a_worker_killed_between_a_change_and_its_checkpoint_changes_nothing_in_the_end(
    both_well: Bench, undisturbed: Ended, what: str
) -> None:
    """Nor is a change sent twice: the one that left is seen under way, and waited for."""
    ended, killed = run(both_well, CHANGES[what])
    assert killed
    assert ended == undisturbed
