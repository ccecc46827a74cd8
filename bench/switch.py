"""From the decision to a pointer that is published and seen on the replica, against the calls that this takes."""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import Any, NamedTuple

from bench.measure import Measured, at_most, say, spread
from bench.stage import Pair, Stage, stage, worker
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.workflows.messages import Milestones

LATENCY = 0.05
"""Seconds added to every answer of the endpoints on the path."""

ON_THE_PATH = ("ledger", "configuration.0", "configuration.1", "identity")
LIMIT = 1.2
WARM_UP = 4
"""Runs before the first that counts: clients are made, tokens fetched, connections opened."""

HOW = """\
One run: switch_run is scheduled for epoch n + 1 of a pair without jobs, failover and failback in turn, in a worker \
process of its own. Elapsed: decided_at to verified_at of the run's summary, that is: schedule, claim (read, \
conditional write), publish (list, fence read, seven plain keys side by side, active, epoch), look at the replica, \
and the engine's work between them. Baseline: the calls that the simulated Azure logged in that span, by its own \
measure of each (arrival to answer, the latency included, the client's work and the network excluded). \
critical_path: calls that overlap count once, as the longest of them; the sum over what is left. one_by_one: the \
sum over all calls, as if none had been made side by side. The goal is judged by the first, which is the smaller."""


class Run(NamedTuple):
    """One switch, in seconds."""

    elapsed: float
    critical_path: float
    one_by_one: float
    calls: int
    steps: int
    """Calls, those that overlap counted once."""

    claim: float
    publish: float
    verify: float


def measured(*, quick: bool) -> Measured:
    runs = 4 if quick else 200
    with stage() as at:
        pair = at.pair("switch")
        with worker(at, pair):
            at.warm_up(pair)
            at.azure.faults.latency(LATENCY, *ON_THE_PATH)
            found = [_run(at, pair, number, runs) for number in range(1, WARM_UP + runs + 1)][WARM_UP:]
    ratio = median(run.elapsed / run.critical_path for run in found)
    goal = at_most(LIMIT, ratio, "switch: elapsed / critical path of its calls, median")
    return Measured(goals=(goal,), runs=runs, how=HOW, figures=_figures(found))


def _run(at: Stage, pair: Pair, number: int, runs: int) -> Run:
    if number % 50 == 0:
        say(f"switch: run {number} of {WARM_UP + runs}")
    marks = at.switch(pair, number).milestones
    return judged(marks, calls_of(at, marks))


def calls_of(at: Stage, marks: Milestones) -> list[LoggedRequest]:
    """What the path asked of Azure, by arrival."""
    if marks.verified_at is None:
        raise RuntimeError("a run that ended well has no time of verification")
    surfaces = {"ledger", "appconfig", "identity"}
    found = at.azure.log.between(marks.decided_at, marks.verified_at)
    return [call for call in found if call.surface in surfaces]


def judged(marks: Milestones, calls: list[LoggedRequest]) -> Run:
    claimed, published, verified = marks.claimed_at, marks.published_at, marks.verified_at
    if claimed is None or published is None or verified is None:
        raise RuntimeError("a run that ended well lacks a milestone")
    steps = side_by_side(calls)
    return Run(
        elapsed=(verified - marks.decided_at).total_seconds(),
        critical_path=sum(max(took(call) for call in step) for step in steps),
        one_by_one=sum(took(call) for call in calls),
        calls=len(calls),
        steps=len(steps),
        claim=(claimed - marks.decided_at).total_seconds(),
        publish=(published - claimed).total_seconds(),
        verify=(verified - published).total_seconds(),
    )


def side_by_side(calls: list[LoggedRequest]) -> list[list[LoggedRequest]]:
    """Calls in groups: each of a group, but the first, arrived before the others so far were all answered."""
    groups: list[list[LoggedRequest]] = []
    for call in sorted(calls, key=lambda entry: entry.at):
        if groups and any(call.at < other.at + timedelta(seconds=took(other)) for other in groups[-1]):
            groups[-1].append(call)
        else:
            groups.append([call])
    return groups


def took(call: LoggedRequest) -> float:
    """Seconds from arrival to answer."""
    if call.duration is None:
        raise RuntimeError(f"{call.method} {call.path} was never answered")
    return call.duration


def _figures(found: list[Run]) -> dict[str, Any]:
    return {
        "latency_s": LATENCY,
        "elapsed_s": spread([run.elapsed for run in found]),
        "critical_path_s": spread([run.critical_path for run in found]),
        "one_by_one_s": spread([run.one_by_one for run in found]),
        "calls": median(run.calls for run in found),
        "calls_overlapping_counted_once": median(run.steps for run in found),
        "ratio_to_critical_path": spread([run.elapsed / run.critical_path for run in found]),
        "ratio_to_one_by_one": spread([run.elapsed / run.one_by_one for run in found]),
        "beyond_the_calls_s": spread([run.elapsed - run.critical_path for run in found]),
        "claim_s": spread([run.claim for run in found]),
        "publish_s": spread([run.publish for run in found]),
        "verify_s": spread([run.verify for run in found]),
    }
