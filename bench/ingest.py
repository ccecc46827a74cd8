"""From bodies to decisions, against the reading of the same deliveries as CloudEvents and nothing more."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from azure.core.messaging import CloudEvent

from bench.bodies import Post
from bench.measure import Measured, at_most, say, spread
from bench.pairs import pairs
from orchestrator.core.base.vocabulary import Observation, Role
from orchestrator.core.decision import decide, state
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState, initial
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.ownership import Directory
from orchestrator.core.signals.parse import facts_from_text
from orchestrator.core.signals.signal import Signal, probe_signal
from orchestrator.watch.intake import route

BODIES = 100_000
LIMIT = 3.0
CHUNK = 2_000
"""Bodies that one side works on before it is the other's turn."""

APART = timedelta(milliseconds=50)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SEED = 20260301
CROWD = 1_000
"""Pairs of the deployment in which the larger figure is taken."""

HOW = """\
Single bodies of sixteen mixed kinds (health of resources, annotations, Azure ML runs, models, changes of resources, \
App Configuration, blobs, Resource Health, Service Health, metric and log alerts in both webhook schemas, unknown \
types, nonsense), seven of ten about resources of a pair, made from a seed before the clock starts. Ours: bytes to \
facts, facts to the pairs' signals, and for each pair concerned fold and decide, its state kept from body to body. \
Baseline: json.loads and azure.core.messaging.CloudEvent.from_dict of the same deliveries; those that are in no \
CloudEvents envelope lie in one as its data, because from_dict refuses them otherwise. Processor time of this \
process; the two take turns in chunks, and the ratio is that of the sums. bare: the baseline with json.loads alone \
for what is no CloudEvent. crowd: the same with a thousand pairs in the deployment."""


def measured(*, quick: bool, bodies: int | None = None) -> Measured:
    number = bodies or (CHUNK if quick else BODIES)
    crowd = 20 if quick else CROWD
    plan = pairs(1)
    deliveries = _deliveries(next(iter(plan.values())), number)
    alone = _race(plan, deliveries, "one pair")
    many = _race(pairs(crowd), deliveries[: max(CHUNK, number // 10)], f"{crowd} pairs")
    goal = at_most(LIMIT, alone["ratio"], "ingest: parse, fold and decide / json.loads and CloudEvent.from_dict")
    return Measured(goals=(goal,), runs=number, how=HOW, figures={"one_pair": alone, f"{crowd}_pairs": many})


def _deliveries(plan: Plan, number: int) -> list[dict[str, Any]]:
    post = Post(plan, SEED, START, APART)
    return [post.next() for _ in range(number)]


def _race(plans: dict[str, Plan], deliveries: list[dict[str, Any]], what: str) -> dict[str, Any]:
    """Both sides on the same deliveries, in turns."""
    ours, spent, bare = _Ours(Directory(plans)), Counter[str](), Counter[str]()
    ratios = []
    for at in range(0, len(deliveries), CHUNK):
        chunk = deliveries[at : at + CHUNK]
        posted = [json.dumps(body).encode() for body in chunk]
        wrapped = [json.dumps(_as_cloud_event(body)).encode() for body in chunk]
        mine = _timed(ours.take, posted)
        theirs = _timed(_read, wrapped)
        bare["baseline"] += _timed(_read_barely, posted)
        spent["ours"] += mine
        spent["baseline"] += theirs
        ratios.append(mine / theirs)
        say(f"ingest, {what}: {at + len(chunk)} of {len(deliveries)} bodies")
    count = len(deliveries)
    return {
        "ratio": round(spent["ours"] / spent["baseline"], 3),
        "ratio_of_chunks": spread(ratios, 3),
        "ratio_bare": round(spent["ours"] / bare["baseline"], 3),
        "ours_us_per_body": round(spent["ours"] / count / 1000, 2),
        "baseline_us_per_body": round(spent["baseline"] / count / 1000, 2),
        "bodies": count,
        "bytes_per_body": round(median(len(json.dumps(body)) for body in deliveries)),
        "signals_folded": ours.signals,
        "decisions": ours.decisions,
        "runs_ordered": ours.runs,
    }


def _timed(work: Callable[[list[bytes]], None], bodies: list[bytes]) -> int:
    """Nanoseconds of processor time."""
    began = time.process_time_ns()
    work(bodies)
    return time.process_time_ns() - began


class _Ours:
    """What a deployment does with what is delivered, without the engine between."""

    def __init__(self, plans: Directory) -> None:
        self.plans = plans
        self.now = START
        self.states = {name: _well(name, plan) for name, plan in plans.items()}
        self.signals = self.decisions = self.runs = 0

    def take(self, bodies: list[bytes]) -> None:
        for body in bodies:
            self.now += APART
            found = route(self.plans, facts_from_text(body), self.now)
            for pair, signals in found.signals.items():
                self._decide(pair, signals)

    def _decide(self, pair: str, signals: tuple[Signal, ...]) -> None:
        decision = decide.step(
            self.states[pair], Observed(now=self.now, signals=tuple(signals)), self.now, self.plans[pair].policy
        )
        self.states[pair] = decision.state
        self.signals += len(signals)
        self.decisions += 1
        self.runs += any(isinstance(order, state.StartRun) for order in decision.orders)


def _well(pair: str, plan: Plan) -> PairState:
    """A pair that has been looked at once, and was found well."""
    seen = [
        probe_signal(role, surface, Observation.OK, START, "as it should")
        for role in Role
        for surface in plan.surfaces(role)
    ]
    return decide.step(initial(pair, START), Observed(now=START, signals=tuple(seen)), START, plan.policy).state


def _as_cloud_event(body: dict[str, Any]) -> dict[str, Any]:
    if "specversion" in body:
        return body
    usual = {"specversion": "1.0", "id": "1", "source": "/wrapped", "type": "Wrapped", "time": "2026-03-01T12:00:00Z"}
    return usual | {"data": body}


def _read(bodies: list[bytes]) -> None:
    for body in bodies:
        CloudEvent.from_dict(json.loads(body))


def _read_barely(bodies: list[bytes]) -> None:
    for body in bodies:
        element = json.loads(body)
        if "specversion" in element:
            CloudEvent.from_dict(element)
