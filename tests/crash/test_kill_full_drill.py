"""S1, S5, S6 in a full drill: wherever its worker is killed, the pair goes there and back once, and each job once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import POLICY, Bench, Outcome, met, patiently, running, until_seen
from durabletask.client import TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from job_stories import submitted, until_status
from killing import Killer, ReplacedWorker
from stories import sweep

from orchestrator.core.base.codec import decode, to_builtins
from orchestrator.core.base.vocabulary import LeftJob, Role
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.decision.standing import ReadinessStanding
from orchestrator.core.ledger_paths import drill_path
from orchestrator.local.simulated_plan import plan_of
from orchestrator.workflows import names
from orchestrator.workflows.messages import DrillKind, DrillOrder, DrillReport

DRILL = "20260301t120000000000"
BEAT = timedelta(milliseconds=50)
PLACES = [
    *(f"orchestrator of drill#{number}" for number in range(1, 6)),
    *(f"activity of drill#{number}" for number in range(1, 4)),
    *(f"entity of @pair#{number}" for number in range(1, 5)),
    *(f"activity of failover#{number}" for number in (1, 2, 4)),
    *(f"activity of failback#{number}" for number in (1, 2, 3)),
]
"""Orders, looks and acknowledgements; what is measured and kept; each switch before, at and after its claim."""

type Ended = tuple[Outcome, dict[str, Any]]


def run(bench: Bench, killer: Killer) -> tuple[Ended, bool]:
    """What a full drill ends with, and whether its first worker was killed."""
    usual = plan_of(bench.azure, **POLICY)
    policy = msgspec.structs.replace(usual.policy, failback_hold=timedelta(), secondary_fresh=timedelta(minutes=5))
    visit = bench.visit(policy=policy, jobs=msgspec.structs.replace(usual.jobs, failback=LeftJob.MOVE))
    job = submitted(visit, "runs", Role.PRIMARY)
    until_status(visit, job, "Running")
    now = datetime.now(UTC)
    order = DrillOrder(
        pair=visit.pair,
        kind=DrillKind.FULL,
        drill=DRILL,
        reason="practice",
        by="ana",
        asked_at=now,
        beat=BEAT,
        longest=BEAT,
    )
    with running(killer) as (engine, client):
        _look(client, visit.pair, now)
        with ReplacedWorker(visit, engine, killer) as workers:
            first = workers.worker

            def is_ready() -> bool:
                state = visit.state(client)
                return first.is_gone() or bool(state and state.looked_at and state.looked_at >= now)

            until_seen(is_ready, "the looks", engine, first)
            client.schedule_new_orchestration(
                names.DRILL_RUN, input=to_builtins(order), instance_id=f"drill-{visit.pair}"
            )
            killed = workers.wait_until_idle("the end of the drill")
            outcome = visit.outcome(client)
    path = drill_path(visit.pair, DRILL)
    report = decode(patiently(lambda: visit.world.ledgers[visit.pair].get(path)) or b"", DrillReport, path)
    found = {
        "outcome": report.outcome,
        "phases": [phase.name for phase in report.phases],
        "checks": [(finding.check, finding.ok) for finding in report.findings],
        "why": report.findings[0].why,
    }
    return (outcome, found), killed


def _look(client: TaskHubGrpcClient, pair: str, now: datetime) -> None:
    """Looks at a pair that is well, and whose standby is ready."""
    standing = ReadinessStanding(at=now, active=Role.PRIMARY, ready=True, score=100, due_at=now + timedelta(minutes=30))
    for at in (now - timedelta(seconds=number) for number in (4, 3, 2, 1, 0)):
        seen = Observed(now=at, signals=tuple(sweep(at)), is_look=True, shared=Shared(readiness=standing))
        client.signal_entity(EntityInstanceId(names.PAIR_ENTITY, pair), names.OBSERVE, input=to_builtins(seen))


@pytest.fixture(scope="module")
def undisturbed(both_well: Bench) -> Ended:
    """What comes of a drill whose worker lives."""
    ended, killed = run(both_well, Killer(None, stored=True))
    assert not killed
    return ended


def test_an_undisturbed_full_drill_passes_every_place_at_which_others_are_disturbed(
    both_well: Bench, undisturbed: Ended
) -> None:
    """And ends well: epoch 2 at home, and a job that runs has one successor for each switch."""
    outcome, found = undisturbed
    assert outcome.epoch == (2, "primary", "failback-pair-e2")
    assert outcome.phase == "steady 2 primary"
    assert found["outcome"] == "succeeded"
    assert {name for name in outcome.submitted if name.startswith("pair-runs")} == {
        "pair-runs",
        "pair-runs-e1",
        "pair-runs-e2",
    }
    calm = Killer(None, stored=True)
    assert run(both_well, calm) == (undisturbed, False)
    assert set(PLACES) <= set(calm.seen)


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_in_a_full_drill_changes_nothing_in_the_end(
    both_well: Bench, undisturbed: Ended, place: str, stored: bool
) -> None:
    """Nothing is ordered twice, and nothing is left over there."""
    ended, killed = met(lambda at: run(both_well, Killer(at, stored=stored)), place)
    assert killed
    assert ended == undisturbed
