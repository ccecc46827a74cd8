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

To add a kind of step: its shape here, in ``Step``; its body in ``orchestrator.workflows.activities.steps``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, get_args

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import is_https_url, spell_duration
from orchestrator.core.plan.faults import Fault

STEP_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")
"""A step's name is part of the ids of orchestrations."""

MOST = 100
"""Steps of one direction. The history of a run grows with each."""


MOST_TRIES = 100
"""Tries that a plan may count: they are part of a run's own history, which each of them makes longer."""


class OnError(StrEnum):
    """What becomes of a run when one of its steps has used up its time or its tries."""

    STOP = "stop"
    CONTINUE = "continue"


class Retry(Value, kw_only=True):
    """How a step that fails is tried again."""

    tries: int | None = None
    """Tries after which the step has failed; null: no limit."""

    pause: timedelta | None = None
    """Pause after the first try; it doubles with each further one. Null: as between the tries of phase A."""

    longest: timedelta | None = None
    """Longest pause between two tries. Null: as between the tries of phase A."""


class BaseStep(Value, kw_only=True, tag_field="kind"):
    """What every kind of step has. A subclass is one kind; its tag is the kind's name in plans."""

    needs_resource_manager: ClassVar[bool] = False
    """Whether the step cannot succeed while Resource Manager is away. `hubswitch plan check` prints it."""

    calls: ClassVar[tuple[str, ...]] = ()
    """Which calls of Resource Manager it makes, for `hubswitch plan check`."""

    milestone: ClassVar[str] = ""
    """Field of ``Milestones`` that takes the time at which a step of this kind was over; empty: none."""

    name: str = ""
    """The step's name in the run's report and in its notices; the kind if it is left out. Each name comes once."""

    timeout: timedelta | None = None
    """Time after which the step has failed; null: no limit."""

    on_error: OnError = OnError.STOP
    """What follows when the step has failed. `stop`: people are told, nothing after it begins, and the step is tried on
    until it succeeds. `continue`: the run goes on without it."""

    retry: Retry = Retry()
    """How the step is tried again."""

    @property
    def kind(self) -> str:
        return kind_of(type(self))

    @property
    def title(self) -> str:
        """The name under which people meet the step."""
        return self.name or self.kind

    def faults(self) -> Iterator[Fault]:
        """What contradicts itself in this step."""
        if not STEP_NAME.fullmatch(self.title):
            yield Fault("name", "lower-case letters, digits, - and _, at most 40", repr(self.title))
        if self.timeout is not None and self.timeout <= timedelta():
            yield Fault("timeout", "a duration above zero", spell_duration(self.timeout))
        if self.retry.tries is not None and not 1 <= self.retry.tries <= MOST_TRIES:
            yield Fault("retry.tries", f"from 1 to {MOST_TRIES}; a timeout allows more", str(self.retry.tries))
        for field in ("pause", "longest"):
            pause = getattr(self.retry, field)
            if pause is not None and pause <= timedelta():
                yield Fault(f"retry.{field}", "a duration above zero", spell_duration(pause))
        if self.on_error is OnError.CONTINUE and self.timeout is None and self.retry.tries is None:
            expected = "stop, or a timeout or retry.tries beside continue"
            yield Fault("on_error", expected, "a step that never fails", ("timeout", "retry.tries"))


class AwaitStandby(BaseStep, kw_only=True, tag="await_standby"):
    """Wait until Resource Manager answers for the side that takes over."""

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = ("phase B, before the first job: GET of the target's project",)
    milestone: ClassVar[str] = "standby_at"


class MoveJobs(BaseStep, kw_only=True, tag="move_jobs"):
    """Give every interrupted job its outcome: submit it to the other side, or write down why not.

    The step has no timeout of its own: `jobs.patience` bounds the time for each job, and each one gets its outcome.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = (
        "phase B of an ordered failover, per job: GET and cancel of its old run before that",
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


class StepSide(StrEnum):
    """The side of a run that a step works on."""

    TARGET = "target"
    SOURCE = "source"


class ScaleCluster(BaseStep, kw_only=True, tag="scale_cluster"):
    """Set the smallest number of nodes of an Azure ML compute cluster, and wait until the service shows it."""

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = ("phase B, per cluster that is scaled: a PATCH, and GETs until it shows",)

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


Step = AwaitStandby | MoveJobs | WaitForUrl | ScaleCluster
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

FAILBACK: tuple[StepOrGroup, ...] = ()
"""What a failback does if its plan names no steps: the side that is left is well, and its jobs end there."""


class Workflow(Value, kw_only=True):
    """The steps of each direction, in order."""

    failover: tuple[StepOrGroup, ...] = FAILOVER
    """After the switch to the secondary. Exactly one of them is `move_jobs`."""

    failback: tuple[StepOrGroup, ...] = FAILBACK
    """After the way back to the primary."""

    def direction(self, kind: str) -> tuple[StepOrGroup, ...]:
        """The list of a kind of run: ``failover`` or ``failback``."""
        return self.failback if kind == "failback" else self.failover


def kind_of(shape: type[BaseStep]) -> str:
    """A kind's name: the tag of its shape."""
    return str(shape.__struct_config__.tag)


def steps_in(items: tuple[StepOrGroup, ...]) -> Iterator[tuple[str, Step]]:
    """Each step of a list with its path in it, such as ``[1].parallel[0]``; groups opened."""
    for number, item in enumerate(items):
        if isinstance(item, Parallel):
            yield from ((f"[{number}].parallel[{n}]", step) for n, step in enumerate(item.parallel))
        else:
            yield f"[{number}]", item


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
        wanted = 1 if field.name == "failover" else 0
        if moves != wanted:
            expected = "exactly one step of kind move_jobs" if wanted else "no step of kind move_jobs"
            yield Fault(place, expected, str(moves or "none"), (place,))


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
