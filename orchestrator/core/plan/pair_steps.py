"""Steps that order other pairs: what contradicts itself in one plan, and over all plans of a folder.

A plan alone cannot tell which pairs there are. Over several plans an unknown pair is a fault only if all plans of the
deployment are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from orchestrator.core.plan.faults import Fault, hint_of, nearest, show
from orchestrator.core.plan.schema import PAIR_NAME, Plan
from orchestrator.core.plan.steps import MoveJobs, Parallel, StepOrGroup, Workflow, steps_in
from orchestrator.core.plan.steps_pair import PairWait, RunPair


class PairStep(NamedTuple):
    """A step that orders another pair, and where it stands in its plan."""

    direction: str
    """``failover`` or ``failback``."""

    path: str
    """As ``steps.failover[1].parallel[0]``."""

    step: RunPair


def pair_steps(plan: Plan) -> Iterator[PairStep]:
    """The steps of a plan that order other pairs, in order."""
    for field in msgspec.structs.fields(Workflow):
        for path, step in steps_in(getattr(plan.steps, field.name)):
            if isinstance(step, RunPair):
                yield PairStep(field.name, f"steps.{field.name}{path}", step)


def pair_step_faults(plan: Plan) -> Iterator[Fault]:
    """What cannot be meant, whatever other plans there are."""
    for _, path, step in pair_steps(plan):
        field = f"{path}.pair"
        if not PAIR_NAME.match(step.pair):
            yield Fault(field, "a pair's name: lower-case letters, digits and hyphens, at most 63", show(step.pair))
        elif step.pair == plan.pair:
            yield Fault(field, "another pair", f"{step.pair}, which is the plan's own", ("pair",))


def pair_step_warnings(plan: Plan) -> Iterator[Fault]:
    """A wait without an end for another pair, ahead of the moving of jobs."""
    for _, path, step in pair_steps(plan):
        if step.timeout is not None or step.retry.tries is not None or step.wait is PairWait.ORDERED:
            continue
        if any(path == f"steps.{field}{ahead}" for field, ahead in _ahead_of_jobs(plan.steps)):
            got = f"none: the jobs of {plan.pair} wait for {step.pair} for as long as it takes"
            yield Fault(f"{path}.timeout", "a timeout ahead of move_jobs", got, (f"{path}.pair",))


def _ahead_of_jobs(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Direction and path of each step that is over before jobs are moved; those beside them are not."""
    for field in msgspec.structs.fields(Workflow):
        items: tuple[StepOrGroup, ...] = getattr(workflow, field.name)
        for number, item in enumerate(items):
            steps = item.parallel if isinstance(item, Parallel) else (item,)
            if any(isinstance(step, MoveJobs) for step in steps):
                yield from ((field.name, path) for path, _ in steps_in(items[:number]))


def folder_faults[F](plans: Mapping[F, Plan], known: Iterable[str] | None) -> Iterator[tuple[F, Fault]]:
    """Pairs that no plan is for, and circles, with the file of the plan that names them.

    Args:
        plans: by file.
        known: the pairs of all plans; None if they cannot be known.
    """
    names = None if known is None else frozenset(known)
    circles = {direction: _Edges(plans.values(), direction) for direction in ("failover", "failback")}
    for file, plan in plans.items():
        for direction, path, step in pair_steps(plan):
            field = f"{path}.pair"
            if names is not None and step.pair not in names:
                hint = hint_of(nearest(step.pair, names - {plan.pair}))
                yield file, Fault(field, "the pair of another plan in the folder", show(step.pair), hint=hint)
            elif way := circles[direction].find_way(step.pair, plan.pair):
                yield file, Fault(field, "no circle", " orders ".join((plan.pair, *way)), ("pair",))


def folder_warnings[F](plans: Mapping[F, Plan]) -> Iterator[tuple[F, Fault]]:
    """What is legal and unwise in an order from one plan to another, with the file of the plan that gives it."""
    by_pair = {plan.pair: plan for plan in plans.values()}
    for file, plan in plans.items():
        for direction, path, step in pair_steps(plan):
            other = by_pair.get(step.pair)
            if other is None or other is plan:
                continue
            field = f"{path}.pair"
            left, target = plan.primary.region, other.secondary.region
            if direction == "failback":
                left, target = plan.secondary.region, other.primary.region
            if left == target:
                expected = f"a pair whose {direction} does not lead to {left}, which {plan.pair} leaves"
                yield file, Fault(field, expected, step.pair)
            if other.policy.second_person:
                expected = "a pair that needs no second person, for the step waits until one approves"
                yield file, Fault(field, expected, f"{step.pair} with policy.second_person")


class _Edges:
    """Which pair orders which others in one direction."""

    def __init__(self, plans: Iterable[Plan], direction: str) -> None:
        self._next: dict[str, tuple[str, ...]] = {}
        for plan in plans:
            found = (step.pair for way, _, step in pair_steps(plan) if way == direction)
            self._next[plan.pair] = (*self._next.get(plan.pair, ()), *found)

    def find_way(self, start: str, end: str) -> tuple[str, ...]:
        """The shortest chain of orders from one pair to another, both included; empty if there is none."""
        ways: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        for way in ways:
            if way[-1] == end:
                return way
            for other in self._next.get(way[-1], ()):
                if other not in seen:
                    seen.add(other)
                    ways.append((*way, other))
        return ()
