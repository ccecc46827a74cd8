"""The step registry: for each kind of step of a plan what carries it out, and how many may be under way at once.

``triggers.registration`` makes an activity of each body, ``activities.limits`` takes the limits from here, and
``hubswitch plan check`` says which steps need Resource Manager. The shapes are in ``orchestrator.core.plan.steps``; a
test holds both sides together.

A body is ``body(world, order, step)``. It returns when its step is done and raises while it is not; the orchestrator
tries it again. It is idempotent: a run may begin again after any of its steps. Before each call the epoch is checked,
so that a run which has been overtaken does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import EpochFenced, HubswitchError, Refused, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import skip_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.step_base import BaseStep, StepSide, kind_of
from orchestrator.core.plan.steps import AwaitStandby, MoveJobs, ScaleCluster, WaitForUrl
from orchestrator.core.plan.steps_alert import WaitForAlert
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.core.plan.steps_front import SwitchApiManagement, SwitchFrontDoor, SwitchTrafficManager
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.core.plan.steps_pair import RunPair
from orchestrator.core.plan.steps_standby import DeployTemplate, ScaleDeployment, SetSchedules, SetTraffic
from orchestrator.core.plan.steps_webhook import CallWebhook
from orchestrator.ports import Ledger, World
from orchestrator.workflows.activities import (
    steps_endpoints,
    steps_front,
    steps_models,
    steps_schedules,
    steps_templates,
)
from orchestrator.workflows.activities.alert_step import preview_alert, wait_for_alert
from orchestrator.workflows.activities.approval_step import await_approval, preview_approval
from orchestrator.workflows.activities.epoch import read_held_epoch
from orchestrator.workflows.activities.pair_step import preview_run_pair, run_pair
from orchestrator.workflows.activities.webhook_step import call_webhook, preview_webhook
from orchestrator.workflows.messages import SkipWish, StepOrder

COMPUTE_VERSION = "2023-08-01-preview"
"""What azure-ai-ml 1.35 reads and writes computes with."""

type StepBody = Callable[[World, StepOrder, Any], str | None]
"""What it returns, if anything, is why the step was left out although nothing failed: a person said so."""


type StepPreview = Callable[[World, Plan, Role, Any], str]
"""``preview(world, plan, target, step)``: what the step would do on a switch to the target. Writes nothing, and raises
what would keep the step from being done as things stand."""


class StepKind(NamedTuple):
    """One kind of step."""

    shape: type[BaseStep]
    body: StepBody | None
    """What carries it out; None: it is a workflow of its own, see ``orchestrators.step_walk.WORKFLOWS``."""

    limit: int | None = None
    """How many may be under way in one process; None: it takes a second or two, and needs no limit."""

    preview: StepPreview | None = None
    """What a tabletop drill asks of it; None: nothing can be asked before it runs."""

    @property
    def needs_resource_manager(self) -> bool:
        return self.shape.needs_resource_manager


def await_standby(world: World, order: StepOrder, _: AwaitStandby) -> None:
    """Return if Resource Manager answers for the target; raise what it said otherwise."""
    world.jobs.reachable(world.plans[order.pair].side(order.target))


def wait_for_url(world: World, _: StepOrder, step: WaitForUrl) -> None:
    """Return if the URL answers 2xx; raise what it answered otherwise."""
    world.urls.check(step.url)


def scale_cluster(world: World, order: StepOrder, step: ScaleCluster) -> None:
    """Set a cluster's smallest number of nodes, and return when the service shows it.

    What is changed is what was read, with one number replaced: Azure ML takes the scale settings as a whole
    (learn.microsoft.com, rest/api/azureml/compute/update).

    Raises:
        Refused: it is no cluster, or has fewer nodes at most.
        TemporaryError: the service does not show the number yet.
    """
    hub = world.plans[order.pair].side(order.target if step.side is StepSide.TARGET else order.source)
    place = f"{hub.project_id}/computes/{quote(step.cluster, safe='')}"
    settings, state = _scale_settings(world, place, step)
    if settings.get("minNodeCount") != step.min_nodes:
        most = settings.get("maxNodeCount")
        if not isinstance(most, int) or most < step.min_nodes:
            raise Refused(f"{step.cluster} has at most {most} nodes; the plan wants at least {step.min_nodes}")
        changed = {"scaleSettings": {**settings, "minNodeCount": step.min_nodes}}
        world.resources.patch(hub, place, COMPUTE_VERSION, {"properties": {"properties": changed}})
        settings, state = _scale_settings(world, place, step)
    if settings.get("minNodeCount") != step.min_nodes or state != "Succeeded":
        shown = settings.get("minNodeCount")
        raise TemporaryError(f"{step.cluster} is {state} with at least {shown} nodes; {step.min_nodes} are asked for")


def preview_await_standby(world: World, plan: Plan, target: Role, _: AwaitStandby) -> str:
    """Whether Resource Manager answers for the target now."""
    world.jobs.reachable(plan.side(target))
    return f"Resource Manager answers for the {target}"


def preview_wait_for_url(world: World, _plan: Plan, _target: Role, step: WaitForUrl) -> str:
    """Whether the URL answers now. It may be one that answers only after a switch: then the finding says what lacks."""
    world.urls.check(step.url)
    return "its URL answers"


def preview_scale_cluster(world: World, plan: Plan, target: Role, step: ScaleCluster) -> str:
    """Whether the cluster is there and may have so many nodes, and what would be changed.

    Raises:
        Refused: it is no cluster, or has fewer nodes at most.
    """
    hub = plan.side(target if step.side is StepSide.TARGET else target.other)
    place = f"{hub.project_id}/computes/{quote(step.cluster, safe='')}"
    settings, _ = _scale_settings(world, place, step)
    least, most = settings.get("minNodeCount"), settings.get("maxNodeCount")
    if not isinstance(most, int) or most < step.min_nodes:
        raise Refused(f"{step.cluster} has at most {most} nodes; the plan wants at least {step.min_nodes}")
    if least == step.min_nodes:
        return f"{step.cluster} has at least {least} nodes already"
    return f"{step.cluster} would have at least {step.min_nodes} nodes instead of {least}"


def _scale_settings(world: World, place: str, step: ScaleCluster) -> tuple[dict[str, Any], str]:
    """Scale settings and provisioning state of a cluster, as the service shows them now."""
    properties = world.resources.get(place, COMPUTE_VERSION).get("properties")
    inner = properties.get("properties") if isinstance(properties, dict) else None
    settings = inner.get("scaleSettings") if isinstance(inner, dict) else None
    if not isinstance(properties, dict) or not isinstance(settings, dict):
        raise Refused(f"{step.cluster} has no scale settings: it is no cluster of Azure ML compute")
    return settings, str(properties.get("provisioningState"))


STEPS: Mapping[str, StepKind] = {
    kind_of(kind.shape): kind
    for kind in (
        StepKind(AwaitStandby, await_standby, limit=2, preview=preview_await_standby),
        StepKind(MoveJobs, None),
        StepKind(WaitForUrl, wait_for_url, limit=2, preview=preview_wait_for_url),
        StepKind(ScaleCluster, scale_cluster, limit=2, preview=preview_scale_cluster),
        StepKind(ScaleDeployment, steps_endpoints.scale_deployment, 2, steps_endpoints.preview_scale_deployment),
        StepKind(SetTraffic, steps_endpoints.set_traffic, 2, steps_endpoints.preview_set_traffic),
        StepKind(SetBatchDefault, steps_models.set_batch_default, 2, steps_models.preview_set_batch_default),
        StepKind(ScaleAiDeployment, steps_models.scale_ai_deployment, 2, steps_models.preview_scale_ai_deployment),
        StepKind(SetSchedules, steps_schedules.set_schedules, 2, steps_schedules.preview_set_schedules),
        StepKind(DeployTemplate, steps_templates.deploy_template, 2, steps_templates.preview_deploy_template),
        StepKind(
            SwitchTrafficManager,
            steps_front.switch_traffic_manager,
            limit=2,
            preview=steps_front.preview_traffic_manager,
        ),
        StepKind(SwitchFrontDoor, steps_front.switch_front_door, limit=2, preview=steps_front.preview_front_door),
        StepKind(
            SwitchApiManagement, steps_front.switch_api_management, limit=2, preview=steps_front.preview_api_management
        ),
        StepKind(CallWebhook, call_webhook, limit=2, preview=preview_webhook),
        StepKind(AwaitApproval, await_approval, preview=preview_approval),
        StepKind(WaitForAlert, wait_for_alert, limit=2, preview=preview_alert),
        StepKind(RunPair, run_pair, limit=2, preview=preview_run_pair),
    )
}
"""Kind -> what carries it out."""


def carrier(kind: StepKind) -> Callable[[World, StepOrder], str]:
    """The activity of a kind.

    It answers empty text if the step was done; else why it was not: a person wants the run to go on without it. That is
    looked up only when the step has failed: one that succeeds is not skipped.

    Raises:
        EpochFenced: the run does not hold its epoch any more; nothing was done.
    """
    body = kind.body
    if body is None:
        raise ValueError(f"{kind.shape.__name__} is a workflow, not an activity")

    def carry_out(world: World, order: StepOrder) -> str:
        read_held_epoch(world, order)
        step = order.step or kind.shape()
        try:
            said = body(world, order, step)
        except EpochFenced:
            raise
        except HubswitchError:
            wish = read_skip(world.ledgers[order.pair], order.pair, order.run, step.title)
            if wish is None:
                raise
            return f"{wish.by} skipped it: {wish.reason}"
        return said or ""

    return carry_out


def skip_step(ledger: Ledger, pair: str, run: str, wish: SkipWish) -> bool:
    """Let a run go on without a step that fails; False if somebody has wished so before."""
    return ledger.put_once(skip_path(pair, run, wish.step), encode(wish))


def read_skip(ledger: Ledger, pair: str, run: str, step: str) -> SkipWish | None:
    """The wish to skip a step of a run; None if there is none, or the ledger cannot be read now."""
    path = skip_path(pair, run, step)
    try:
        kept = ledger.get(path)
        return read_record(kept, SkipWish, path) if kept else None
    except HubswitchError:
        return None


STEP_ACTIVITIES: Mapping[str, tuple[type[StepOrder], Callable[[World, StepOrder], str]]] = {
    name: (StepOrder, carrier(kind)) for name, kind in STEPS.items() if kind.body is not None
}
"""Name of an activity -> shape of its order and what carries it out."""

STEP_LIMITS: Mapping[str, int] = {name: kind.limit for name, kind in STEPS.items() if kind.limit is not None}
"""Name of an activity -> how many may be under way in one process."""
