"""What stands in the secondary, by tier, and the steps of a run that follow from it.

A tier says how much of a thing stands there while work runs in the primary, and so what a failover has to do:

=====  ====================================  ==============================  ===========================
tier   while the primary is active           a failover                      a failback
=====  ====================================  ==============================  ===========================
hot    at its size                           brings it there if it is not    leaves it
warm   at its idle size                      brings it to its size           brings it to its idle size
cold   not at all, or at its idle size       brings it to its size           brings it to its idle size
=====  ====================================  ==============================  ===========================

The steps follow if the plan's own list for the direction is the one that a plan without ``steps`` has. They run beside
the moving of jobs, each after those that it rests on, and the run goes on without one that fails: no job waits for
them. Nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import spell_duration
from orchestrator.core.base.vocabulary import Tier
from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.step_base import STEP_NAME, BaseStep, OnError, StepSide
from orchestrator.core.plan.steps import (
    FAILBACK,
    FAILOVER,
    MOST,
    AwaitStandby,
    MoveJobs,
    Parallel,
    ScaleCluster,
    Step,
    StepOrGroup,
    Workflow,
    steps_in,
)
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.core.plan.steps_standby import (
    DeployTemplate,
    IfUnreachable,
    ScaleDeployment,
    SetSchedules,
    SetTraffic,
    schedule_faults,
)


class PartTier(StrEnum):
    """How much of one thing stands in the secondary."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"


class StandbyPart(Value, kw_only=True):
    """What every listed thing of the secondary has."""

    tier: PartTier | None = None
    """How much of it stands there: `hot`, `warm` or `cold`. Null: as the second word of the plan's `tier` says."""


class StandbyCluster(StandbyPart, kw_only=True):
    """A compute cluster of the secondary's project."""

    name: str
    """The cluster's name."""

    min_nodes: int
    """Smallest number of nodes while work runs in the secondary."""

    idle_nodes: int = 0
    """The same while work runs in the primary, of a `warm` or `cold` one. Nodes above 0 cost all the time."""


class StandbyDeployment(StandbyPart, kw_only=True):
    """A deployment of an online endpoint of the secondary's project."""

    endpoint: str
    """The endpoint's name."""

    deployment: str
    """The deployment's name."""

    instances: int
    """Number of instances while work runs in the secondary."""

    idle_instances: int = 1
    """The same while work runs in the primary, of a `warm` or `cold` one. Azure ML keeps one at least."""


class StandbyEndpoint(StandbyPart, kw_only=True):
    """An online endpoint of the secondary's project, whose traffic a failover sets.

    A failback leaves it as it is: who follows the pointer asks the primary then, and a probe of the secondary still has
    an answer.
    """

    name: str
    """The endpoint's name."""

    traffic: dict[str, int]
    """Name of each deployment -> percent of the requests. They add up to 100."""


class StandbyBatchEndpoint(StandbyPart, kw_only=True):
    """A batch endpoint of the secondary's project, whose default deployment a failover sets.

    Its nodes are those of the deployment's cluster: list that under `clusters`. A failback leaves it as it is.
    """

    name: str
    """The endpoint's name."""

    deployment: str
    """Name of the deployment that is the default one while work runs in the secondary."""


class StandbyAiDeployment(StandbyPart, kw_only=True):
    """A deployment of a model in the secondary's AI services or Azure OpenAI account."""

    account: str
    """ARM id of the account."""

    deployment: str
    """The deployment's name."""

    capacity: int
    """Capacity (`sku.capacity`) while work runs in the secondary."""

    idle_capacity: int = 1
    """The same while work runs in the primary, of a `warm` or `cold` one. Azure keeps one at least."""


class StandbyTemplate(Value, kw_only=True):
    """An ARM template that makes what is cold, before anything else of the warm-up."""

    template: str
    """Path below `_templates/` in the ledger's container: see the step `deploy_template`."""

    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    """Values of the template's parameters by name."""


class Standby(Value, kw_only=True):
    """What a failover brings to its size in the secondary."""

    timeout: timedelta = timedelta(minutes=30)
    """Time for each of the steps; after it the run goes on without it. A deployment takes about ten minutes."""

    templates: tuple[StandbyTemplate, ...] = ()
    """Templates that a failover deploys into the secondary's group, side by side. A failback deletes nothing."""

    clusters: tuple[StandbyCluster, ...] = ()
    """Compute clusters."""

    deployments: tuple[StandbyDeployment, ...] = ()
    """Deployments of online endpoints."""

    endpoints: tuple[StandbyEndpoint, ...] = ()
    """Online endpoints, for their traffic; it is set when the endpoint's deployments have their size."""

    batch_endpoints: tuple[StandbyBatchEndpoint, ...] = ()
    """Batch endpoints, for their default deployment; it is set when the clusters have their size."""

    ai_deployments: tuple[StandbyAiDeployment, ...] = ()
    """Deployments of models in AI services accounts."""

    schedules: tuple[str, ...] = ()
    """Names of schedules, the same in both projects: each is disabled at the side that is left and enabled at the other
    one, after everything else, by a failover and by a failback."""

    if_unreachable: IfUnreachable = IfUnreachable.WAIT
    """What becomes of `schedules` while the side that is left does not answer: see the step `set_schedules`."""

    @property
    def is_empty(self) -> bool:
        return not (self.templates or self.schedules or any(self.parts))

    @property
    def parts(self) -> tuple[StandbyPart, ...]:
        """Everything that has a tier of its own."""
        return (*self.clusters, *self.deployments, *self.endpoints, *self.batch_endpoints, *self.ai_deployments)


DEFAULT_TIERS: Mapping[Tier, PartTier] = {
    Tier.HOT_HOT: PartTier.HOT,
    Tier.HOT_WARM: PartTier.WARM,
    Tier.HOT_COLD: PartTier.COLD,
}
"""The plan's tier -> that of what names none."""

SCHEDULES_TIMEOUT = timedelta(minutes=5)
"""How long a run stays with its schedules at most, when the side that is left does not answer."""

DIRECTIONS = tuple(field.name for field in msgspec.structs.fields(Workflow))


def derive_workflow(steps: Workflow, standby: Standby, tier: Tier) -> Workflow:
    """The steps of both directions: the plan's own, and where it names none, those that follow from ``standby``."""
    if standby.is_empty:
        return steps
    usual = Workflow()
    return Workflow(
        failover=steps.failover if steps.failover != usual.failover else _derive_failover(standby),
        failback=steps.failback if steps.failback != usual.failback else _derive_failback(standby, tier),
    )


def _derive_failover(standby: Standby) -> tuple[StepOrGroup, ...]:
    """The usual steps, with the warm-up beside the moving of jobs."""
    return (AwaitStandby(), Parallel(parallel=(MoveJobs(), *_warm_up(standby))))


def _warm_up(standby: Standby) -> Iterator[Step]:
    """Every step of the warm-up; each names those that it comes after."""
    made = _Maker(standby)
    steps = tuple(_size_up(made, standby))
    yield from steps
    yield from _schedule_steps(standby, after=tuple(step.title for step in steps))


def _schedule_steps(standby: Standby, after: tuple[str, ...] = ()) -> Iterator[Step]:
    """The step that switches the schedules, if there are any. It is brief: what it leaves is gone on with anyway."""
    if standby.schedules:
        yield SetSchedules(
            name="schedules",
            schedules=standby.schedules,
            if_unreachable=standby.if_unreachable,
            timeout=min(standby.timeout, SCHEDULES_TIMEOUT),
            on_error=OnError.CONTINUE,
            after=after,
        )


def _size_up(made: _Maker, standby: Standby) -> Iterator[Step]:
    templates = tuple(_template_step(made, part) for part in standby.templates)
    yield from templates
    first = tuple(step.title for step in templates)
    scaled: list[str] = []
    for cluster in standby.clusters:
        grown = msgspec.structs.replace(_cluster_step(made, cluster, cluster.min_nodes), after=first)
        scaled.append(grown.title)
        yield grown
    behind: dict[str, list[str]] = {}
    for part in standby.deployments:
        step = msgspec.structs.replace(_deployment_step(made, part, part.instances), after=first)
        behind.setdefault(part.endpoint.casefold(), []).append(step.title)
        yield step
    for endpoint in standby.endpoints:
        after = tuple(behind.get(endpoint.name.casefold(), first))
        yield made.make(
            SetTraffic, "traffic", endpoint.name, endpoint=endpoint.name, traffic=endpoint.traffic, after=after
        )
    for model in standby.ai_deployments:
        yield msgspec.structs.replace(_ai_step(made, model, model.capacity), after=first)
    for batch in standby.batch_endpoints:
        yield msgspec.structs.replace(_batch_step(made, batch), after=tuple(scaled) or first)


def _derive_failback(standby: Standby, tier: Tier) -> tuple[StepOrGroup, ...]:
    """The usual step, with the schedules beside it; when the jobs have moved, what is not hot is made small again."""
    made, source = _Maker(standby), StepSide.SOURCE
    scaled: list[Step] = [
        _cluster_step(made, part, part.idle_nodes, source) for part in standby.clusters if not is_hot(part, tier)
    ]
    scaled += [
        _deployment_step(made, part, part.idle_instances, source)
        for part in standby.deployments
        if not is_hot(part, tier)
    ]
    scaled += [_ai_step(made, part, part.idle_capacity) for part in standby.ai_deployments if not is_hot(part, tier)]
    schedules = tuple(_schedule_steps(standby))
    moving: tuple[StepOrGroup, ...] = (Parallel(parallel=(MoveJobs(), *schedules)),) if schedules else FAILBACK
    return (*moving, Parallel(parallel=tuple(scaled))) if scaled else moving


def is_hot(part: StandbyPart, tier: Tier) -> bool:
    """Whether a thing is at its size at all times."""
    return (part.tier or DEFAULT_TIERS[tier]) is PartTier.HOT


def _template_step(made: _Maker, part: StandbyTemplate) -> DeployTemplate:
    stem = part.template.rpartition("/")[2].removesuffix(".json")
    return made.make(DeployTemplate, "template", stem, template=part.template, parameters=part.parameters)


def _cluster_step(made: _Maker, part: StandbyCluster, nodes: int, side: StepSide = StepSide.TARGET) -> ScaleCluster:
    return made.make(ScaleCluster, "cluster", part.name, cluster=part.name, min_nodes=nodes, side=side)


def _deployment_step(
    made: _Maker, part: StandbyDeployment, instances: int, side: StepSide = StepSide.TARGET
) -> ScaleDeployment:
    return made.make(
        ScaleDeployment,
        "deployment",
        f"{part.endpoint}-{part.deployment}",
        endpoint=part.endpoint,
        deployment=part.deployment,
        instances=instances,
        side=side,
    )


def _batch_step(made: _Maker, part: StandbyBatchEndpoint) -> SetBatchDefault:
    return made.make(SetBatchDefault, "batch", part.name, endpoint=part.name, deployment=part.deployment)


def _ai_step(made: _Maker, part: StandbyAiDeployment, capacity: int) -> ScaleAiDeployment:
    return made.make(
        ScaleAiDeployment,
        "ai",
        f"{part.account.rpartition('/')[2]}-{part.deployment}",
        account=part.account,
        deployment=part.deployment,
        capacity=capacity,
    )


class _Maker:
    """Makes steps that the run goes on without, each under a name of its own."""

    def __init__(self, standby: Standby) -> None:
        self._timeout = standby.timeout
        self._names = {step.title for _, step in (*steps_in(FAILOVER), *steps_in(FAILBACK))}

    def make[S: BaseStep](self, shape: type[S], prefix: str, thing: str, **fields: Any) -> S:
        name = self._name(prefix, thing)
        return shape(name=name, timeout=self._timeout, on_error=OnError.CONTINUE, **fields)

    def _name(self, prefix: str, thing: str) -> str:
        """``<prefix>-<thing>``; with a number in place of the thing if that is no step's name, or another's."""
        name, number = f"{prefix}-{thing.lower()}", 1
        while name in self._names or not STEP_NAME.fullmatch(name):
            name, number = f"{prefix}-{number}", number + 1
        self._names.add(name)
        return name


class _Listed(NamedTuple):
    """One thing of the section: its place, what tells it from others of its kind, and a step with what it says."""

    place: str
    key: str
    step: BaseStep
    fields: Mapping[str, str]
    """Field of the step -> field of the section, where they differ."""


def _listed(standby: Standby) -> Iterator[_Listed]:
    made = _Maker(standby)
    step: BaseStep
    for n, template in enumerate(standby.templates):
        key, step = f"{template.template} with {template.parameters}", _template_step(made, template)
        yield _Listed(f"templates[{n}]", key, step, {})
    for n, cluster in enumerate(standby.clusters):
        step = _cluster_step(made, cluster, cluster.min_nodes)
        yield _Listed(f"clusters[{n}]", cluster.name, step, {"cluster": "name"})
    for n, part in enumerate(standby.deployments):
        key, step = f"{part.endpoint}/{part.deployment}", _deployment_step(made, part, part.instances)
        yield _Listed(f"deployments[{n}]", key, step, {})
    for n, endpoint in enumerate(standby.endpoints):
        step = made.make(SetTraffic, "traffic", endpoint.name, endpoint=endpoint.name, traffic=endpoint.traffic)
        yield _Listed(f"endpoints[{n}]", endpoint.name, step, {"endpoint": "name"})
    for n, batch in enumerate(standby.batch_endpoints):
        yield _Listed(f"batch_endpoints[{n}]", batch.name, _batch_step(made, batch), {"endpoint": "name"})
    for n, model in enumerate(standby.ai_deployments):
        key, step = f"{model.account}/{model.deployment}", _ai_step(made, model, model.capacity)
        yield _Listed(f"ai_deployments[{n}]", key, step, {})


def steps_of_parts(standby: Standby) -> Iterator[tuple[str, Mapping[str, str], BaseStep]]:
    """For each thing of the section: its place in it, names of fields, and the step that a failover takes for it.

    Schedules are one step, of the section itself: its place is empty. The names are those fields of the step that the
    section calls otherwise.
    """
    for listed in _listed(standby):
        yield listed.place, listed.fields, listed.step
    for step in _schedule_steps(standby):
        yield "", {}, step


def standby_faults(standby: Standby) -> Iterator[Fault]:
    """What cannot be meant in the section; fields as they stand in the plan."""
    if standby.timeout <= timedelta():
        yield Fault("standby.timeout", "a duration above zero", spell_duration(standby.timeout))
    seen: dict[tuple[str, str], str] = {}
    for listed in _listed(standby):
        place = f"standby.{listed.place}"
        for fault in listed.step.faults():
            if fault.field != "timeout":
                head, dot, rest = fault.field.partition(".")
                yield fault._replace(field=f"{place}.{listed.fields.get(head, head)}{dot}{rest}")
        key = (listed.place.partition("[")[0], listed.key.casefold())
        if key in seen:
            yield Fault(place, f"each of the {key[0]} once", f"{listed.key} again", (seen[key],))
        seen.setdefault(key, place)
    yield from _idle_faults(standby)
    yield from schedule_faults(standby.schedules, "standby.schedules")
    if len(seen) + 3 > MOST:
        yield Fault("standby", f"at most {MOST - 3} things, for each is a step of a failover", str(len(seen)))


def _idle_faults(standby: Standby) -> Iterator[Fault]:
    for n, cluster in enumerate(standby.clusters):
        yield from _idle_fault(f"standby.clusters[{n}]", ("idle_nodes", cluster.idle_nodes), cluster.min_nodes, 0)
    for n, part in enumerate(standby.deployments):
        idle = ("idle_instances", part.idle_instances)
        yield from _idle_fault(f"standby.deployments[{n}]", idle, part.instances, 1)
    for n, model in enumerate(standby.ai_deployments):
        idle = ("idle_capacity", model.idle_capacity)
        yield from _idle_fault(f"standby.ai_deployments[{n}]", idle, model.capacity, 1)
    for n, endpoint in enumerate(standby.endpoints):
        if not any(endpoint.traffic.values()):
            yield Fault(f"standby.endpoints[{n}].traffic", "shares that add up to 100", "none")


def _idle_fault(place: str, idle: tuple[str, int], size: int, least: int) -> Iterable[Fault]:
    field, count = idle
    full = "min_nodes" if field == "idle_nodes" else field.removeprefix("idle_")
    if not least <= count <= max(least, size):
        expected = f"from {least} to {full}, which is {size}"
        yield Fault(f"{place}.{field}", expected, str(count), (f"{place}.{full}",))


def standby_warnings(steps: Workflow, standby: Standby, tier: Tier) -> Iterator[Fault]:
    """What is cold and nothing makes, and what comes to nothing because a direction has steps of its own."""
    if standby.is_empty:
        return
    if not standby.templates and any((part.tier or DEFAULT_TIERS[tier]) is PartTier.COLD for part in standby.parts):
        yield Fault("standby.templates", "a template that makes what is cold", "none", ("tier", "standby"))
    usual = Workflow()
    for direction in DIRECTIONS:
        if getattr(steps, direction) != getattr(usual, direction):
            expected = f"no steps of its own for a {direction}, from which nothing of standby follows then"
            yield Fault(f"steps.{direction}", expected, "a list", ("standby",))
