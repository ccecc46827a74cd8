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

from orchestrator.core.base.errors import Refused, TemporaryError
from orchestrator.core.plan.steps import (
    AwaitStandby,
    BaseStep,
    MoveJobs,
    ScaleCluster,
    StepSide,
    WaitForUrl,
    kind_of,
)
from orchestrator.ports import World
from orchestrator.workflows.activities.epoch import read_held_epoch
from orchestrator.workflows.messages import StepOrder

COMPUTE_VERSION = "2023-08-01-preview"
"""What azure-ai-ml 1.35 reads and writes computes with."""

type StepBody = Callable[[World, StepOrder, Any], None]


class StepKind(NamedTuple):
    """One kind of step."""

    shape: type[BaseStep]
    body: StepBody | None
    """What carries it out; None: it is a workflow of its own, see ``orchestrators.step_walk.WORKFLOWS``."""

    limit: int | None = None
    """How many may be under way in one process; None: it takes a second or two, and needs no limit."""

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
        StepKind(AwaitStandby, await_standby, limit=2),
        StepKind(MoveJobs, None),
        StepKind(WaitForUrl, wait_for_url, limit=2),
        StepKind(ScaleCluster, scale_cluster, limit=2),
    )
}
"""Kind -> what carries it out."""


def carrier(kind: StepKind) -> Callable[[World, StepOrder], None]:
    """The activity of a kind.

    Raises:
        EpochFenced: the run does not hold its epoch any more; nothing was done.
    """
    body = kind.body
    if body is None:
        raise ValueError(f"{kind.shape.__name__} is a workflow, not an activity")

    def carry_out(world: World, order: StepOrder) -> None:
        read_held_epoch(world, order)
        body(world, order, order.step or kind.shape())

    return carry_out


STEP_ACTIVITIES: Mapping[str, tuple[type[StepOrder], Callable[[World, StepOrder], None]]] = {
    name: (StepOrder, carrier(kind)) for name, kind in STEPS.items() if kind.body is not None
}
"""Name of an activity -> shape of its order and what carries it out."""

STEP_LIMITS: Mapping[str, int] = {name: kind.limit for name, kind in STEPS.items() if kind.limit is not None}
"""Name of an activity -> how many may be under way in one process."""
