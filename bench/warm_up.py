"""The warm-up of a standby with twenty clusters and twenty deployments, against the longest chain of Azure's work."""

from __future__ import annotations

import copy
from collections import defaultdict
from datetime import timedelta
from typing import Any

from bench.measure import Measured, at_most, say
from bench.stage import Pair, Stage, stage, worker
from bench.switch import took
from orchestrator.core.base.vocabulary import Role, Tier
from orchestrator.core.plan.standby import Standby, StandbyCluster, StandbyDeployment, StandbyEndpoint
from orchestrator.simulator.arm.progress import CHANGE_TAKES
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.workflows.messages import RunSummary, StepOutcome

LIMIT = 1.2
LATENCY = 0.1
"""Seconds added to every answer of Resource Manager."""

NODES, INSTANCES = 1, 2

HOW = """\
One failover of a pair of tier hot/warm without jobs, in a worker process of its own: its plan's standby lists so \
many clusters, as many deployments, each of an endpoint of its own, and the endpoints' traffic. Elapsed: from the \
begin of the first of these steps to the end of the last, by the run's report. A cluster takes its number of nodes at \
once; a deployment is Updating for change_s after its PATCH, all of them at once; then its endpoint's traffic is PUT, \
which takes as long again. In Azure a change takes some ten minutes, here two (with --quick 5 s, beside which the \
pauses between two looks at a change are too long to judge anything: they double from 1 s up to 30 s). Every answer \
of Resource Manager takes 0.1 s more than the simulation needs. critical_path: of each chain that must follow one \
another (a deployment and its endpoint's traffic; a cluster) the calls that it cannot do without (a GET, the change \
and a GET that sees it for each step, by the simulated Azure's own measure of each) and the time of its changes; of \
all chains the longest. one_by_one: the sum over all chains. The goal is elapsed / critical_path."""


def measured(*, quick: bool) -> Measured:
    number = 4 if quick else 20
    with stage(speed=6.0 if quick else 0.25) as at:
        change = CHANGE_TAKES.total_seconds() / at.azure.kernel.speed
        build_standby(at, number)
        pair = at.pair("warm-up", tier=Tier.HOT_WARM, standby=standby_of(number))
        with worker(at, pair):
            at.warm_up(pair)
            at.azure.faults.latency(LATENCY, "resource-manager")
            say(f"warm-up: {number} clusters and {number} deployments, {change:g} s for each change")
            summary = at.switch(pair, 1)
    elapsed = elapsed_of(summary, number)
    paths = {thing: path_of(calls, change) for thing, calls in calls_by_chain(at, pair).items()}
    longest = max(paths.values())
    ratio = elapsed / longest
    return Measured(
        goals=(at_most(LIMIT, ratio, "warm-up: elapsed / critical path"),),
        runs=1,
        how=HOW,
        figures={
            "clusters": number,
            "deployments": number,
            "change_s": change,
            "elapsed_s": round(elapsed, 3),
            "critical_path_s": round(longest, 3),
            "one_by_one_s": round(sum(paths.values()), 3),
            "steps_s": steps_of(summary),
            "calls": sum(len(calls) for calls in calls_by_chain(at, pair).values()),
        },
    )


def standby_of(number: int) -> Standby:
    return Standby(
        timeout=timedelta(minutes=5),
        clusters=tuple(StandbyCluster(name=f"cluster-{n:02}", min_nodes=NODES) for n in range(number)),
        deployments=tuple(
            StandbyDeployment(endpoint=f"score-{n:02}", deployment="blue", instances=INSTANCES) for n in range(number)
        ),
        endpoints=tuple(StandbyEndpoint(name=f"score-{n:02}", traffic={"blue": 100}) for n in range(number)),
    )


def build_standby(at: Stage, number: int) -> None:
    """The clusters and endpoints of the secondary: copies of those that the estate has, deployments at one instance."""
    resources, project = at.azure.resources, at.azure.estate.pairs[0].secondary.project_id

    def copy_as(old: str, new: str) -> dict[str, Any]:
        found = resources.get(f"{project}/{old}")
        if found is None:
            raise RuntimeError(f"the simulated secondary has no {old}")
        kept = {key: value for key, value in copy.deepcopy(found).items() if key not in {"id", "name", "type"}}
        return resources.put(f"{project}/{new}", kept)

    def build() -> None:
        for n in range(number):
            copy_as("computes/cpu-cluster", f"computes/cluster-{n:02}")
            copy_as("onlineEndpoints/score", f"onlineEndpoints/score-{n:02}")["properties"]["traffic"] = {}
            made = copy_as("onlineEndpoints/score/deployments/blue", f"onlineEndpoints/score-{n:02}/deployments/blue")
            made["sku"]["capacity"] = 1

    at.azure.call(build)


def elapsed_of(summary: RunSummary, number: int) -> float:
    """Seconds from the begin of the first step of the warm-up to the end of the last."""
    steps = [step for step in summary.steps if step.name.partition("-")[0] in {"cluster", "deployment", "traffic"}]
    if failed := [step for step in steps if step.outcome is not StepOutcome.DONE]:
        raise RuntimeError(f"{len(failed)} steps failed: {failed[0].name}: {failed[0].why}")
    if len(steps) != 3 * number:
        raise RuntimeError(f"{3 * number} steps of the warm-up were to be done, {len(steps)} were")
    return (max(step.ended for step in steps) - min(step.begun for step in steps)).total_seconds()


def steps_of(summary: RunSummary) -> dict[str, dict[str, float]]:
    """Seconds of the shortest and of the longest step, by kind."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    for step in summary.steps:
        by_kind[step.kind].append((step.ended - step.begun).total_seconds())
    return {kind: {"min": round(min(took), 3), "max": round(max(took), 3)} for kind, took in by_kind.items()}


def calls_by_chain(at: Stage, pair: Pair) -> dict[str, list[LoggedRequest]]:
    """What was asked of Resource Manager about each cluster, and about each endpoint with its deployment."""
    project = pair.plan.side(Role.SECONDARY).project_id
    found: dict[str, list[LoggedRequest]] = defaultdict(list)
    for call in at.azure.log:
        for kind in ("computes/cluster-", "onlineEndpoints/score-"):
            if call.path.startswith(f"{project}/{kind}"):
                thing = "/".join(call.path.removeprefix(f"{project}/").split("/")[:2])
                found[thing].append(call)
    return found


def path_of(calls: list[LoggedRequest], change: float) -> float:
    """Seconds that one chain takes at least: for each change a look before and after it, itself, and Azure's work."""
    changes = [call for call in calls if call.method in {"PATCH", "PUT"}]
    look = min(took(call) for call in calls if call.method == "GET")
    takes = 0.0 if "/computes/" in calls[0].path else change
    return sum(took(each) + 2 * look + takes for each in changes)
