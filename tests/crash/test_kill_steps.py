"""S6 for the steps of a plan: a run with every kind of step, killed at any checkpoint of its steps, ends the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from crash_harness import Bench, Outcome, Visit, met, patiently
from killing import Killer, is_certain, run_visit
from places import compare, each

from orchestrator.core.base.codec import decode
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.steps import (
    SHAPES,
    AwaitStandby,
    MoveJobs,
    OnError,
    Parallel,
    Retry,
    ScaleCluster,
    WaitForUrl,
    Workflow,
    steps_in,
)
from orchestrator.local.simulated_plan import plan_of
from orchestrator.workflows.messages import RunSummary

PLACES = "steps"
CLUSTER = "cpu-cluster"
NODES = 3

type Ended = tuple[Outcome, tuple[tuple[str, str], ...], int]
"""What is there afterwards, what became of each step, and the cluster's smallest number of nodes."""


def workflow(bench: Bench) -> Workflow:
    """Every kind of step, alone and beside the moving of jobs; one of them fails and is gone on without."""
    url = plan_of(bench.azure).references.observer[0]
    beside = Parallel(
        parallel=(
            ScaleCluster(cluster=CLUSTER, min_nodes=NODES),
            WaitForUrl(name="absent", url=f"{url}absent", retry=Retry(tries=2), on_error=OnError.CONTINUE),
            MoveJobs(),
        )
    )
    return Workflow(failover=(AwaitStandby(), WaitForUrl(url=url), beside))


def nodes(visit: Visit) -> int:
    place = f"{visit.plan.secondary.project_id}/computes/{CLUSTER}"
    found = visit.bench.azure.call(partial(visit.bench.azure.resources.get, place))
    assert found is not None
    return int(found["properties"]["properties"]["scaleSettings"]["minNodeCount"])


def scale_back(visit: Visit) -> None:
    place = f"{visit.plan.secondary.project_id}/computes/{CLUSTER}"

    def change() -> None:
        found = visit.bench.azure.resources.get(place)
        assert found is not None
        found["properties"]["properties"]["scaleSettings"]["minNodeCount"] = 0

    visit.bench.azure.call(change)


def run(bench: Bench, killer: Killer) -> tuple[Ended, bool]:
    """What a run ends with, and whether its first worker was killed."""
    visit = bench.visit(steps=workflow(bench))
    scale_back(visit)
    outcome, killed = run_visit(visit, killer)
    path = summary_path(visit.pair, f"failover-{visit.pair}-e1")
    summary = decode(patiently(lambda: visit.world.ledgers[visit.pair].get(path)) or b"", RunSummary, path)
    steps = tuple(sorted((step.name, step.outcome.value) for step in summary.steps))
    return (outcome, steps, nodes(visit)), killed


@pytest.fixture(scope="module")
def undisturbed(dead_primary: Bench) -> Ended:
    """What comes of a run whose worker lives."""
    ended, killed = run(dead_primary, Killer(None, stored=True))
    assert not killed
    return ended


def test_an_undisturbed_run_carries_out_every_kind_of_step(dead_primary: Bench, undisturbed: Ended) -> None:
    """Each once, and the jobs as without any of them. Every checkpoint of the steps has tests of its own."""
    assert {type(step) for _, step in steps_in(workflow(dead_primary).failover)} == set(SHAPES)
    outcome, steps, least = undisturbed
    assert outcome.phase == "settled 1 secondary"
    assert outcome.submitted == ("pair-coded-primary-e1", "pair-plain-primary-e1")
    assert dict(steps) == {
        "absent": "failed",
        "await_standby": "done",
        "move_jobs": "done",
        "scale_cluster": "done",
        "wait_for_url": "done",
    }
    assert least == NODES

    def record() -> list[str]:
        calm = Killer(None, stored=True)
        assert run(dead_primary, calm) == (undisturbed, False)
        return [place for place in calm.seen if " of failover" in place]

    assert compare(PLACES, record, is_certain) > 0


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@each(PLACES)
def test_a_worker_killed_at_any_checkpoint_of_the_steps_changes_nothing_in_the_end(
    dead_primary: Bench, undisturbed: Ended, place: str, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """S5, S6: no job is lost or run twice beside other steps, and every step has the outcome that it has anyway."""
    ended, killed = met(lambda at: run(dead_primary, Killer(at, stored=stored)), place)
    moment = "just after" if stored else "just before"
    record_property("visited" if killed else "missed", f"checkpoints of steps {moment} which the worker was killed")
    assert ended == undisturbed
    assert killed or not is_certain(place)
