"""The steps of a plan: what a run does after the pointer is switched, as a list per direction.

Phase A (claim the epoch, publish the pointer, verify it) is no part of the list: it is fixed, and always first. A plan
that names no steps has the lists ``FAILOVER`` and ``FAILBACK``. An element of a list is one step, or a group of steps
that run side by side::

    steps:
      failover:
        - {kind: await_standby}
        - parallel:
            - {kind: scale_cluster, cluster: gpu, min_nodes: 4, timeout: 10m, on_error: continue}
            - {name: licences, kind: wait_for_url, url: "https://licences.example.com/health"}
        - {kind: move_jobs}

To add a kind of step: its shape here or in a module of its topic, and in ``Step``; its body in
``orchestrator.workflows.activities.steps`` or beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, get_args

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import is_https_url, join_words, spell_duration
from orchestrator.core.plan.faults import Fault, hint_of, nearest, show
from orchestrator.core.plan.step_base import BaseStep, StepSide
from orchestrator.core.plan.steps_alert import WaitForAlert
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.core.plan.steps_front import FrontStep, SwitchApiManagement, SwitchFrontDoor, SwitchTrafficManager
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.core.plan.steps_pair import RunPair
from orchestrator.core.plan.steps_standby import DeployTemplate, ScaleDeployment, SetSchedules, SetTraffic
from orchestrator.core.plan.steps_webhook import CallWebhook

MOST = 100
"""Steps of one direction. The history of a run grows with each."""


class AwaitStandby(BaseStep, kw_only=True, tag="await_standby"):
    """Wait until Resource Manager answers for the side that takes over."""

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = ("phase B, before the first job: GET of the target's project",)
    milestone: ClassVar[str] = "standby_at"


class MoveJobs(BaseStep, kw_only=True, tag="move_jobs"):
    """Give every job of the side that is left its outcome: submit it to the other side, or write down why not.

    A failback, and a graceful failover, leave a side that is well: what runs there does as `jobs.failback` says.

    The step has no timeout of its own: `jobs.patience` bounds the time for each job, and each one gets its outcome.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = (
        "phase B of a failback and of an ordered failover, per job: GET of its old run, and cancel if it is moved",
        "phase B, per job: one PUT; per asset that is not there yet: a GET and a PUT, for code an upload as well",
    )
    milestone: ClassVar[str] = "resubmitted_at"

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for field in ("timeout", "on_error", "retry"):
            value, usual = getattr(self, field), getattr(MoveJobs(), field)
            if value != usual:
                got = spell_duration(value) if isinstance(value, timedelta) else f"one of its own: {field}"
                yield Fault(field, "nothing, for jobs.patience and jobs.retry bound this step", got)


class WaitForUrl(BaseStep, kw_only=True, tag="wait_for_url"):
    """Wait until a URL answers 2xx to a GET without a token. A redirect is not followed and is no 2xx."""

    url: str
    """What is asked, https."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not is_https_url(self.url):
            yield Fault("url", "an https URL", self.url)


class ScaleCluster(BaseStep, kw_only=True, tag="scale_cluster"):
    """Set the smallest number of nodes of an Azure ML compute cluster, and wait until the service shows it."""

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = ("phase B, per cluster that is scaled: a PATCH, and GETs until it shows",)
    actions: ClassVar[tuple[str, ...]] = ("computes/write",)

    cluster: str
    """Name of the cluster in that side's project."""

    min_nodes: int
    """Smallest number of nodes afterwards. Each node costs from then on; a failback step can take them back."""

    side: StepSide = StepSide.TARGET
    """`target`: the side that the run switches to. `source`: the one that it leaves."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,31}", self.cluster):
            yield Fault("cluster", "a cluster's name: letters, digits and hyphens", repr(self.cluster))
        if self.min_nodes < 0:
            yield Fault("min_nodes", "at least 0", str(self.min_nodes))


Step = (
    AwaitStandby
    | MoveJobs
    | WaitForUrl
    | ScaleCluster
    | ScaleDeployment
    | SetTraffic
    | SetBatchDefault
    | ScaleAiDeployment
    | SetSchedules
    | DeployTemplate
    | SwitchTrafficManager
    | SwitchFrontDoor
    | SwitchApiManagement
    | CallWebhook
    | AwaitApproval
    | WaitForAlert
    | RunPair
)
"""Every kind of step. The schema, the checks, `hubswitch plan check` and the settings page are made from this."""


class Parallel(Value, kw_only=True, tag_field="kind", tag="parallel"):
    """A group of steps that run side by side. It is over when each of them is."""

    parallel: tuple[Step, ...]
    """The steps of the group."""


StepOrGroup = Step | Parallel

SHAPES: tuple[type[BaseStep], ...] = get_args(Step)
"""The shape of each kind."""

FAILOVER: tuple[StepOrGroup, ...] = (AwaitStandby(), MoveJobs())
"""What a failover does if its plan names no steps."""

FAILBACK: tuple[StepOrGroup, ...] = (MoveJobs(),)
"""What a failback does if its plan names no steps. It waits for nothing: should the primary fall ill again, the run has
to end, so that the pair may decide anew."""


class Workflow(Value, kw_only=True):
    """The steps of each direction, in order."""

    failover: tuple[StepOrGroup, ...] = FAILOVER
    """After the switch to the secondary. Exactly one of them is `move_jobs`."""

    failback: tuple[StepOrGroup, ...] = FAILBACK
    """After the way back to the primary. At most one of them is `move_jobs`; without it, jobs end where they are."""

    def direction(self, kind: str) -> tuple[StepOrGroup, ...]:
        """The list of a kind of run: ``failover`` or ``failback``."""
        return self.failback if kind == "failback" else self.failover


def steps_in(items: tuple[StepOrGroup, ...]) -> Iterator[tuple[str, Step]]:
    """Each step of a list with its path in it, such as ``[1].parallel[0]``; groups opened."""
    for number, item in enumerate(items):
        if isinstance(item, Parallel):
            yield from ((f"[{number}].parallel[{n}]", step) for n, step in enumerate(item.parallel))
        else:
            yield f"[{number}]", item


def front_steps(workflow: Workflow) -> dict[str, FrontStep]:
    """The steps of both directions that switch what stands in front of the hubs, by their path in the plan."""
    return {
        f"steps.{field.name}{path}": step
        for field in msgspec.structs.fields(Workflow)
        for path, step in steps_in(getattr(workflow, field.name))
        if isinstance(step, FrontStep)
    }


def workflow_faults(workflow: Workflow) -> Iterator[Fault]:
    """What cannot be meant in the steps of a plan; fields as they stand in the plan."""
    for field in msgspec.structs.fields(Workflow):
        place, items = f"steps.{field.name}", getattr(workflow, field.name)
        found = list(steps_in(items))
        if len(found) > MOST:
            yield Fault(place, f"at most {MOST} steps", str(len(found)))
            continue
        for number, item in enumerate(items):
            if isinstance(item, Parallel) and not item.parallel:
                yield Fault(f"{place}[{number}].parallel", "at least one step", "none")
            yield from _order_faults(item, f"{place}[{number}]")
        seen: dict[str, str] = {}
        for path, step in found:
            here = f"{place}{path}"
            for fault in step.faults():
                others = tuple(f"{here}.{other}" for other in fault.rests_on)
                yield fault._replace(field=f"{here}.{fault.field}", rests_on=others)
            if step.title in seen:
                expected = "a name that no other step of the list has"
                yield Fault(f"{here}.name", expected, step.title, (f"{here}.kind", seen[step.title]))
            seen.setdefault(step.title, here)
        moves = sum(isinstance(step, MoveJobs) for _, step in found)
        least, expected = (1, "exactly one") if field.name == "failover" else (0, "at most one")
        if not least <= moves <= 1:
            expected = f"{expected} step of kind move_jobs"
            yield Fault(place, expected, str(moves or "none"), (place,))


def _order_faults(item: StepOrGroup, place: str) -> Iterator[Fault]:
    """Steps that would begin after what is not in their group, or after themselves."""
    if not isinstance(item, Parallel):
        if item.after:
            yield Fault(f"{place}.after", "nothing outside a group", join_words(item.after))
        return
    ahead = {step.title: frozenset(step.after) for step in item.parallel}
    for n, step in enumerate(item.parallel):
        field = f"{place}.parallel[{n}].after"
        for name in step.after:
            if name not in ahead:
                found = nearest(name, ahead)
                yield Fault(field, "names of steps of the same group", show(name), hint=hint_of(found))
        if step.title in _reach(step.title, ahead):
            yield Fault(field, "no circle", f"{step.title} would begin after itself")


def _reach(title: str, ahead: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Every step that is over before a step begins."""
    found: frozenset[str] = frozenset()
    edge = ahead[title]
    while edge - found:
        found |= edge
        edge = frozenset().union(*(ahead.get(name, frozenset()) for name in edge))
    return found


def with_group_tags(raw: Any) -> Any:
    """A plan's ``steps`` as read from YAML, with ``kind: parallel`` where ``parallel: [...]`` says it already."""
    if not isinstance(raw, dict):
        return raw
    return {
        direction: [_tag(item) for item in items] if isinstance(items, list) else items
        for direction, items in raw.items()
    }


def _tag(item: Any) -> Any:
    if isinstance(item, dict) and "parallel" in item and "kind" not in item:
        return {"kind": "parallel", **item}
    return item
