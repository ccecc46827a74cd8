"""Bytes of engine state of a run with many steps and jobs, against what its steps and its jobs take by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from bench.measure import Measured, at_most, say
from bench.resubmit import NO_LIMIT, recorded
from bench.stage import Pair, Stage, stage, worker
from orchestrator.core.plan.steps import AwaitStandby, MoveJobs, Parallel, ScaleCluster, StepOrGroup, Workflow

LIMIT = 1.1
STATUS_LIMIT = 16_384
"""Bytes of UTF-16 that Durable Functions takes as a custom status (learn.microsoft.com, "Custom orchestration status in
Durable Functions": 16 KB of UTF-16 JSON text)."""

HOW = """\
Failovers in a worker process of its own each, on the durable engine of tests. many: so many steps besides the usual \
two, and so many jobs. jobs: the same jobs, no more steps. few: a quarter of the steps, no jobs. none: neither. Half \
of the steps follow each other, the others run two at a time in a group, each in an orchestration of its own; each \
sets a cluster's least number of nodes, which it has. bytes: what the engine keeps of the run and of every \
orchestration below it when it has ended: events of the history as protobuf, input, output and status. Limit: what \
grows with steps and what grows with jobs adds up, so jobs + 4 * (few - none), and a tenth more for names of other \
lengths. Whatever each step or batch carries of all the others, such as the plan's steps or the reports before it, \
breaks that. status: the longest custom status of the run in UTF-16, seen ten times a second, against what Durable \
Functions takes. (With --quick there are few jobs and steps.)"""


class Size(NamedTuple):
    steps: int
    jobs: int


class State(NamedTuple):
    """What the engine keeps of a run."""

    instances: int
    bytes: int
    largest_instance: int
    events: int
    status: int
    """Bytes of the longest custom status of the run itself."""


def measured(*, quick: bool) -> Measured:
    size = Size(8, 60) if quick else Size(40, 1000)
    with stage() as at:
        pairs = {
            "many": at.pair("many", NO_LIMIT, steps=workflow_of(size.steps)),
            "jobs": at.pair("jobs", NO_LIMIT),
            "few": at.pair("few", NO_LIMIT, steps=workflow_of(size.steps // 4)),
            "none": at.pair("none", NO_LIMIT),
        }
        say(f"history: submitting {size.jobs} jobs to the primary")
        recorded(at, [pairs["many"], pairs["jobs"]], size.jobs)
        found = {name: _run(at, pair) for name, pair in pairs.items()}
    limit = found["jobs"].bytes + 4 * (found["few"].bytes - found["none"].bytes)
    goals = (
        at_most(LIMIT, found["many"].bytes / limit, "history: bytes of state / those of its jobs and steps alone"),
        at_most(STATUS_LIMIT, found["many"].status, "history: longest custom status, bytes,"),
    )
    figures = {"steps": size.steps, "jobs": size.jobs, "limit_bytes": limit}
    return Measured(
        goals=goals, runs=1, how=HOW, figures=figures | {name: state._asdict() for name, state in found.items()}
    )


def workflow_of(number: int) -> Workflow:
    """The usual failover with so many steps before it moves the jobs, an even number."""
    half = number // 2
    group = Parallel(parallel=tuple(_beside(half)))
    steps: tuple[StepOrGroup, ...] = (AwaitStandby(), *(_step(f"row-{n:02}") for n in range(half)), group, MoveJobs())
    return Workflow(failover=steps)


def _beside(number: int) -> Iterator[ScaleCluster]:
    """Steps of a group of which two are under way at a time: as many as have places."""
    names = [f"beside-{n:02}" for n in range(number)]
    for n, name in enumerate(names):
        yield _step(name, after=(names[n - 2],) if n > 1 else ())


def _step(name: str, after: tuple[str, ...] = ()) -> ScaleCluster:
    return ScaleCluster(name=name, cluster="cpu-cluster", min_nodes=0, after=after)


def _run(at: Stage, pair: Pair) -> State:
    """Fail a pair over in a new worker; what the engine keeps of it."""
    name = pair.plan.pair
    say(f"history: the run of {name}")
    seen = [0]
    with worker(at, pair):
        at.warm_up(pair)
        at.switch(pair, 1, lambda: seen.append(_status(at, f"{name}-e1")))
    kept = {instance: sizes for instance, sizes in at.engine.sizes().items() if instance.startswith(f"{name}-e1")}
    return State(
        instances=len(kept),
        bytes=sum(size for _, size in kept.values()),
        largest_instance=max(size for _, size in kept.values()),
        events=sum(events for events, _ in kept.values()),
        status=max(seen),
    )


def _status(at: Stage, run: str) -> int:
    state = at.client.get_orchestration_state(run)
    text = state.serialized_custom_status if state else None
    return 2 * len(json.dumps(json.loads(text), separators=(",", ":"))) if text else 0
