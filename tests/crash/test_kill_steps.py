"""S6 for the steps of a plan: a run with every kind of step, killed at any checkpoint of its steps, ends the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from crash_harness import Bench, Outcome, Visit, met, patiently
from killing import Killer, is_certain, run_visit
from places import compare, each

from orchestrator.core.base.codec import decode
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.step_base import OnError, Retry
from orchestrator.core.plan.steps import (
    SHAPES,
    AwaitStandby,
    MoveJobs,
    Parallel,
    ScaleCluster,
    WaitForUrl,
    Workflow,
    steps_in,
)
from orchestrator.core.plan.steps_alert import WaitForAlert
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.core.plan.steps_front import FrontStep, SwitchApiManagement, SwitchFrontDoor, SwitchTrafficManager
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.core.plan.steps_pair import RunPair
from orchestrator.core.plan.steps_standby import DeployTemplate, ScaleDeployment, SetSchedules, SetTraffic
from orchestrator.core.plan.steps_webhook import CallWebhook
from orchestrator.local.simulated_plan import plan_of
from orchestrator.simulator.arm.dependencies import SHARED_GROUP
from orchestrator.simulator.arm.front import seed_front
from orchestrator.simulator.webhook_receiver import SETTING
from orchestrator.workflows.activities.approval_step import answer_step
from orchestrator.workflows.messages import RunSummary, StepAnswer

PLACES = "steps"
CLUSTER = "cpu-cluster"
NODES = 3

OTHER = "failover-other"
"""How the run of the pair beside it is called in names of places. It has tests of its own."""

SEVERAL = re.compile(rf"{OTHER}|failover-run_pair#[5-9]|activity of failover-run_pair#[3-9]")
"""Places of that run, and of further tries of the step that waits for it: whether there are any is chance."""

type Ended = tuple[Outcome, tuple[tuple[str, str], ...], int, tuple[Any, ...], int, tuple[int, str]]
"""What is there afterwards, what became of each step, the cluster's smallest number of nodes, what leads where, how
often a webhook began its work, and epoch and side of the pair that was ordered."""


def workflow(bench: Bench) -> Workflow:
    """Every kind of step, alone and beside the moving of jobs; three of them fail and are gone on without."""
    url = plan_of(bench.azure).references.observer[0]
    beside = Parallel(
        parallel=(
            ScaleCluster(cluster=CLUSTER, min_nodes=NODES),
            WaitForUrl(name="absent", url=f"{url}absent", retry=Retry(tries=2), on_error=OnError.CONTINUE),
            MoveJobs(),
        )
    )
    once: dict[str, Any] = {"retry": Retry(tries=1), "on_error": OnError.CONTINUE}
    return Workflow(
        failover=(
            AwaitStandby(),
            WaitForUrl(url=url),
            ScaleDeployment(endpoint="score", deployment="blue", instances=2),
            SetTraffic(endpoint="score", traffic={"blue": 100}),
            SetBatchDefault(endpoint="nightly-scores", deployment="light"),
            ScaleAiDeployment(account=ai_account(bench), deployment="gpt-4o", capacity=50),
            SetSchedules(schedules=("nightly",), **once),
            DeployTemplate(template="absent.json", **once),
            *front(bench),
            CallWebhook(url=f"{url}hooks/dns", secret_setting=SETTING),
            AwaitApproval(),
            WaitForAlert(target=plan_of(bench.azure).secondary.project_id),
            RunPair(pair=bench.next_other),
            beside,
        )
    )


def ai_account(bench: Bench) -> str:
    hub = plan_of(bench.azure).secondary
    return f"{hub.group_id}/providers/Microsoft.CognitiveServices/accounts/aoai-{hub.region}"


def front(bench: Bench) -> tuple[FrontStep, ...]:
    """What the simulated Azure has in front of both hubs."""
    plan = plan_of(bench.azure)
    group = f"/subscriptions/{plan.primary.subscription}/resourceGroups/{SHARED_GROUP}/providers"
    sides: dict[str, Any] = {"primary": (plan.primary.region,), "secondary": (plan.secondary.region,)}
    return (
        SwitchTrafficManager(profile=f"{group}/Microsoft.Network/trafficManagerProfiles/tm-hubs", **sides),
        SwitchFrontDoor(origin_group=f"{group}/Microsoft.Cdn/profiles/afd-hubs/originGroups/hubs", **sides),
        SwitchApiManagement(pool=f"{group}/Microsoft.ApiManagement/service/apim-hubs/backends/hubs", **sides),
    )


def nodes(visit: Visit) -> int:
    place = f"{visit.plan.secondary.project_id}/computes/{CLUSTER}"
    found = visit.bench.azure.call(partial(visit.bench.azure.resources.get, place))
    assert found is not None
    return int(found["properties"]["properties"]["scaleSettings"]["minNodeCount"])


def led(visit: Visit) -> tuple[Any, ...]:
    """States of what leads to the primary and to the secondary, of each kind; priorities of a pool."""
    profile, origins, pool = (step.resource_id for step in front(visit.bench))
    sides = (visit.plan.primary.region, visit.plan.secondary.region)

    def read() -> tuple[Any, ...]:
        found = visit.bench.azure.resources
        endpoints = [found.get(f"{profile}/externalEndpoints/{side}") for side in sides]
        states = [each["properties"]["endpointStatus"] for each in endpoints if each]
        states += [
            each["properties"]["enabledState"] for side in sides if (each := found.get(f"{origins}/origins/{side}"))
        ]
        kept = found.get(pool)
        services = kept["properties"]["pool"]["services"] if kept else ()
        return (*states, *(each["priority"] for each in services))

    return visit.bench.azure.call(read)


def lead_back(visit: Visit) -> None:
    """Everything in front leads to the primary; what Front Door takes is carried out at once."""
    azure = visit.bench.azure
    group = front(visit.bench)[0].resource_id.partition("/providers/")[0]

    def change() -> None:
        azure.services.manager.front.update = timedelta()
        seed_front(azure.resources, group, (visit.plan.primary.region, visit.plan.secondary.region))

    azure.call(change)


def scale_back(visit: Visit) -> None:
    place = f"{visit.plan.secondary.project_id}/computes/{CLUSTER}"

    def change() -> None:
        found = visit.bench.azure.resources.get(place)
        assert found is not None
        found["properties"]["properties"]["scaleSettings"]["minNodeCount"] = 0

    visit.bench.azure.call(change)


def switches_of_other(visit: Visit) -> tuple[int, str]:
    assert visit.other is not None
    pair = visit.other.pair
    found = patiently(lambda: visit.world.epochs[pair].read(pair))
    assert found is not None
    return found.value.epoch, found.value.active.value


def run(bench: Bench, killer: Killer) -> tuple[Ended, bool]:
    """What a run ends with, and whether its first worker was killed."""
    visit = bench.visit_two(other={}, steps=workflow(bench))
    scale_back(visit)
    lead_back(visit)
    said = StepAnswer(step="await_approval", is_approved=True, by="ana", reason="go on", at=visit.world.clock.now())
    patiently(lambda: answer_step(visit.world.ledgers[visit.pair], visit.pair, f"failover-{visit.pair}-e1", said))
    outcome, killed = run_visit(visit, killer)
    path = summary_path(visit.pair, f"failover-{visit.pair}-e1")
    summary = decode(patiently(lambda: visit.world.ledgers[visit.pair].get(path)) or b"", RunSummary, path)
    steps = tuple(sorted((step.name, step.outcome.value) for step in summary.steps))
    begun = sum(visit.pair in work.key for work in visit.bench.azure.services.webhooks.begun)
    return (outcome, steps, nodes(visit), led(visit), begun, switches_of_other(visit)), killed


@pytest.fixture(scope="module")
def undisturbed(dead_primary: Bench) -> Ended:
    """What comes of a run whose worker lives."""
    ended, killed = run(dead_primary, Killer(None, stored=True))
    assert not killed
    return ended


def test_an_undisturbed_run_carries_out_every_kind_of_step(dead_primary: Bench, undisturbed: Ended) -> None:
    """Each once, and the jobs as without any of them. Every checkpoint of the steps has tests of its own."""
    assert {type(step) for _, step in steps_in(workflow(dead_primary).failover)} == set(SHAPES)
    outcome, steps, least, leads, begun, other = undisturbed
    assert outcome.phase == "settled 1 secondary"
    assert outcome.submitted == ("pair-coded-primary-e1", "pair-plain-primary-e1")
    assert dict(steps) == {
        "absent": "failed",
        "await_approval": "done",
        "await_standby": "done",
        "call_webhook": "done",
        "deploy_template": "failed",
        "move_jobs": "done",
        "scale_ai_deployment": "done",
        "run_pair": "done",
        "scale_cluster": "done",
        "scale_deployment": "done",
        "set_batch_default": "done",
        "set_schedules": "failed",
        "set_traffic": "done",
        "switch_api_management": "done",
        "switch_front_door": "done",
        "switch_traffic_manager": "done",
        "wait_for_alert": "done",
        "wait_for_url": "done",
    }
    assert least == NODES
    assert begun == 1
    assert other == (1, "secondary")
    assert leads == ("Disabled", "Enabled", "Disabled", "Enabled", 2, 1)

    def record() -> list[str]:
        calm = Killer(None, stored=True)
        assert run(dead_primary, calm) == (undisturbed, False)
        return [place for place in calm.seen if " of failover" in place and not SEVERAL.search(place)]

    assert compare(PLACES, record, is_certain) > 0


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@each(PLACES)
def test_a_worker_killed_at_any_checkpoint_of_the_steps_changes_nothing_in_the_end(
    dead_primary: Bench, undisturbed: Ended, place: str, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """S5, S6: no job is lost or run twice beside other steps, and every step has the outcome that it has anyway."""
    ended, killed = met(lambda at: run(dead_primary, Killer(at, stored=stored)), place)
    moment = "just after" if stored else "just before"
    record_property("visited" if killed else "missed", f"checkpoints of steps {moment} which the worker was killed")
    assert ended == undisturbed
    assert killed or not is_certain(place)
