"""What a plan's ``standby`` and steps name in Azure: the field, the side, and the list that has to have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.standby import steps_of_parts
from orchestrator.core.plan.step_base import BaseStep, StepSide
from orchestrator.core.plan.steps import ScaleCluster, steps_in
from orchestrator.core.plan.steps_models import AI_DEPLOYMENT, ScaleAiDeployment, SetBatchDefault
from orchestrator.core.plan.steps_standby import DeployTemplate, ScaleDeployment, SetSchedules, SetTraffic
from orchestrator.core.standby.planned_parts import WORKSPACES
from orchestrator.workflows.activities.steps import COMPUTE_VERSION
from orchestrator.workflows.activities.steps_endpoints import ENDPOINT_VERSION
from orchestrator.workflows.activities.steps_models import AI_VERSION, BATCH_VERSION
from orchestrator.workflows.activities.steps_schedules import SCHEDULE_VERSION


class PlanName(NamedTuple):
    """One name of a plan."""

    field: str
    what: str
    """What it is one of, in the plural."""

    side: Role
    direction: str
    collection: str
    """Path of the list that has to have it."""

    version: str
    kind: str
    """Full type."""

    parts: tuple[str, ...]
    """Its name, behind the names of what it lies in."""

    inside: PlanName | None = None
    """What it lies in."""

    is_needed: bool = True
    """Whether the step fails without it."""

    @property
    def name(self) -> str:
        return self.parts[-1]


class StepUse(NamedTuple):
    """A step, and where the plan says it."""

    place: str
    """Field of the step, or of the thing of ``standby`` from which it follows."""

    names: Mapping[str, str]
    """Field of the step -> field of the section, where they differ."""

    direction: str
    step: BaseStep

    @property
    def target(self) -> Role:
        """The side that a run of this direction switches to."""
        return Role.PRIMARY if self.direction == "failback" else Role.SECONDARY

    @property
    def side(self) -> Role:
        """The side that the step works on."""
        is_target = getattr(self.step, "side", StepSide.TARGET) is StepSide.TARGET
        return self.target if is_target else self.target.other

    @property
    def field(self) -> str:
        """The field by which people find it: that of the first name in it."""
        return self.at(FIELDS.get(type(self.step), "kind"))

    def at(self, name: str) -> str:
        """A field of the step, as it stands in the plan."""
        named = self.names.get(name, name)
        return f"{self.place}.{named}" if named else self.place


FIELDS: Mapping[type[BaseStep], str] = {
    ScaleCluster: "cluster",
    ScaleDeployment: "endpoint",
    SetTraffic: "endpoint",
    SetBatchDefault: "endpoint",
    ScaleAiDeployment: "deployment",
    SetSchedules: "schedules",
    DeployTemplate: "template",
}
"""Kind of step -> its field with a name."""


def step_uses(plan: Plan) -> Iterator[StepUse]:
    """Every step that names something: those that follow from ``standby``, then the plan's own."""
    for place, names, step in steps_of_parts(plan.standby):
        yield StepUse(f"standby.{place}" if place else "standby", names, "failover", step)
    for direction in ("failover", "failback"):
        for path, step in steps_in(plan.steps.direction(direction)):
            if type(step) in FIELDS:
                yield StepUse(f"steps.{direction}{path}", {}, direction, step)


def list_names(plan: Plan) -> Iterator[PlanName]:
    """Every name in them."""
    for use in step_uses(plan):
        find = _NAMES.get(type(use.step))
        if find is not None:
            yield from find(plan, use, use.step)


def _cluster(plan: Plan, use: StepUse, step: ScaleCluster) -> Iterator[PlanName]:
    yield _in_project(plan, use, (use.at("cluster"), step.cluster), ("clusters", "computes"), COMPUTE_VERSION)


def _endpoint(plan: Plan, use: StepUse, step: ScaleDeployment | SetTraffic) -> PlanName:
    words = ("online endpoints", "onlineEndpoints")
    return _in_project(plan, use, (use.at("endpoint"), step.endpoint), words, ENDPOINT_VERSION)


def _deployment(plan: Plan, use: StepUse, step: ScaleDeployment) -> Iterator[PlanName]:
    endpoint = _endpoint(plan, use, step)
    yield endpoint
    yield _behind(endpoint, use.at("deployment"), step.deployment)


def _traffic(plan: Plan, use: StepUse, step: SetTraffic) -> Iterator[PlanName]:
    endpoint = _endpoint(plan, use, step)
    yield endpoint
    for name in step.traffic:
        yield _behind(endpoint, f"{use.at('traffic')}.{name}", name)


def _behind(endpoint: PlanName, field: str, name: str) -> PlanName:
    return endpoint._replace(
        field=field,
        what=f"deployments of {endpoint.name}",
        collection=f"{endpoint.collection}/{endpoint.name}/deployments",
        kind=f"{endpoint.kind}/deployments",
        parts=(endpoint.name, name),
        inside=endpoint,
    )


def _batch(plan: Plan, use: StepUse, step: SetBatchDefault) -> Iterator[PlanName]:
    words = ("batch endpoints", "batchEndpoints")
    endpoint = _in_project(plan, use, (use.at("endpoint"), step.endpoint), words, BATCH_VERSION)
    yield endpoint
    yield _behind(endpoint, use.at("deployment"), step.deployment)


def _ai_deployment(_: Plan, use: StepUse, step: ScaleAiDeployment) -> Iterator[PlanName]:
    """A deployment of an account; that the account is not there shows in a list of none."""
    account = step.account.rpartition("/")[2]
    parts, collection = (account, step.deployment), f"{step.account}/deployments"
    what = f"deployments of {account}"
    yield PlanName(use.at("deployment"), what, use.side, use.direction, collection, AI_VERSION, AI_DEPLOYMENT, parts)


def _schedules(plan: Plan, use: StepUse, step: SetSchedules) -> Iterator[PlanName]:
    """At the side that takes over, and at the other one, where ``standby`` needs them for the way home."""
    for number, name in enumerate(step.schedules):
        field, words = f"{use.at('schedules')}[{number}]", ("schedules", "schedules")
        there = _in_project(plan, use, (field, name), words, SCHEDULE_VERSION)
        yield there
        left = use.target.other
        collection = f"{plan.side(left).project_id}/schedules"
        yield there._replace(side=left, collection=collection, is_needed=use.place.startswith("standby"))


def _in_project(plan: Plan, use: StepUse, named: tuple[str, str], words: tuple[str, str], version: str) -> PlanName:
    (field, name), (what, collection) = named, words
    place = f"{plan.side(use.side).project_id}/{collection}"
    return PlanName(field, what, use.side, use.direction, place, version, f"{WORKSPACES}/{collection}", (name,))


_NAMES: Mapping[type[BaseStep], Callable[[Plan, StepUse, Any], Iterator[PlanName]]] = {
    ScaleCluster: _cluster,
    ScaleDeployment: _deployment,
    SetTraffic: _traffic,
    SetBatchDefault: _batch,
    ScaleAiDeployment: _ai_deployment,
    SetSchedules: _schedules,
}
