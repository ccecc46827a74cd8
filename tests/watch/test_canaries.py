"""Canaries of the watch, against the simulated Azure: submitted once, judged by their end, put away, never moved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from orchestrator.adapters.assembly import assemble
from orchestrator.clock import SystemClock
from orchestrator.core.base.vocabulary import Observation, Role
from orchestrator.core.plan.schema import Canary, Plan
from orchestrator.core.standby.canary import Result, slot_of
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of
from orchestrator.local.workload import User
from orchestrator.ports import World
from orchestrator.settings import settings_from
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import Job
from orchestrator.watch.canaries import Canaries, Visit
from orchestrator.watch.reconcile import find_differing
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.messages import CaptureOrder

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CANARY = Canary(interval=HOUR, deadline=15 * MINUTE, command="python wait.py")
PRIMARY = Role.PRIMARY


class Cage(NamedTuple):
    """A pair with canaries, whose ends the test decides."""

    azure: LocalAzure
    world: World
    plan: Plan
    start: datetime

    def ask(self, canaries: Canaries, after: timedelta = timedelta(), **given: Any) -> Result | None:
        now = self.start + after
        visit = Visit(
            self.world, self.plan, PRIMARY, now, given.get("may_submit", True), given.get("only_looks", False)
        )
        canaries.ask(visit)
        return canaries.result(self.plan, PRIMARY, now)

    def jobs(self) -> list[Job]:
        return self.azure.call(lambda: list(self.azure.services.life.everything()))

    def ends(self, status: str) -> None:
        """The newest canary comes to this end now."""
        job = self.jobs()[-1]
        self.azure.call(lambda: self.azure.services.life._turn(job, status))

    def proven(self, canaries: Canaries) -> datetime:
        """One canary has completed; the moment at which the next is due."""
        self.ask(canaries)
        self.ends("Completed")
        found = self.ask(canaries, MINUTE)
        assert found is not None
        assert found.observation is Observation.OK
        return self.start + HOUR


@pytest.fixture
def cage() -> Iterator[Cage]:
    with LocalAzure(seed=3) as azure, variables({**azure.environment(), "HUBSWITCH_PLANS": "-"}):
        plan = msgspec.structs.replace(plan_of(azure), canary=CANARY)
        world = assemble(settings_from(os.environ), {plan.pair: plan}, SystemClock())
        start = slot_of(plan, PRIMARY, datetime.now(UTC), ill=False) + timedelta(seconds=1)
        yield Cage(azure, world, plan, start)


def observation(found: Result | None) -> Observation | None:
    return found.observation if found else None


def test_two_processes_submit_the_same_canary_once(cage: Cage) -> None:
    """Another stamp, or the same one after a restart, finds it by its name."""
    for canaries in (Canaries(), Canaries()):
        cage.ask(canaries)
        cage.ask(canaries, MINUTE)
    (job,) = cage.jobs()
    assert job.resource["properties"]["tags"]["hubswitch.canary"] == "primary"
    assert job.region == cage.plan.primary.region


def test_a_follower_looks_at_the_leaders_canary_and_submits_none(cage: Cage) -> None:
    """Its evidence of jobs is ripe when it takes over."""
    leader, follower = Canaries(), Canaries()
    assert cage.ask(follower, only_looks=True) is None
    assert cage.jobs() == []
    cage.proven(leader)
    assert observation(cage.ask(follower, 20 * MINUTE, only_looks=True)) is Observation.OK
    cage.ask(leader, HOUR)
    cage.ends("Failed")
    cage.ask(follower, HOUR + MINUTE, only_looks=True)
    assert observation(cage.ask(follower, HOUR + MINUTE, only_looks=True)) is Observation.BAD
    assert len(cage.jobs()) == 2


def test_a_canary_that_completes_is_well_and_the_next_comes_after_the_interval(cage: Cage) -> None:
    """It is not asked about again until then, and it is archived when its successor has been taken."""
    canaries = Canaries()
    cage.proven(canaries)
    asked = len(cage.azure.log)
    cage.ask(canaries, 2 * MINUTE)
    assert len(cage.azure.log) == asked
    assert observation(cage.ask(canaries, HOUR)) is Observation.OK
    old, new = cage.jobs()
    assert (old.resource["properties"]["isArchived"], new.resource["properties"]["isArchived"]) == (True, False)


def test_a_canary_that_fails_is_bad_until_one_completes(cage: Cage) -> None:
    """The next one comes after a deadline, not after an hour, and takes the word back when it has completed."""
    canaries = Canaries()
    cage.proven(canaries)
    cage.ask(canaries, HOUR)
    cage.ends("Failed")
    assert observation(cage.ask(canaries, HOUR + MINUTE)) is Observation.BAD
    assert observation(cage.ask(canaries, HOUR + 20 * MINUTE)) is Observation.BAD
    assert len(cage.jobs()) == 3
    cage.ends("Completed")
    assert observation(cage.ask(canaries, HOUR + 21 * MINUTE)) is Observation.OK


def test_a_canary_that_never_could_says_nothing_about_the_region(cage: Cage) -> None:
    """The cluster of the plan may be wrong. What has completed once is remembered by the ledger, not by the process."""
    cage.ask(Canaries())
    cage.ends("Failed")
    found = cage.ask(Canaries(), MINUTE)
    assert found is not None
    assert (found.observation, found.why) == (
        Observation.BLIND,
        "the canary failed; none has completed here before",
    )
    cage.world.ledgers[cage.plan.pair].put_once(
        Visit(cage.world, cage.plan, PRIMARY, cage.start, may_submit=True).making_path, b"{}"
    )
    assert observation(cage.ask(Canaries(), MINUTE)) is Observation.BAD


def test_a_canary_that_is_late_is_bad_and_stopped_when_the_next_is_due(cage: Cage) -> None:
    """Taken by Resource Manager, and still not done when its deadline is over."""
    canaries = Canaries()
    cage.proven(canaries)
    cage.ask(canaries, HOUR)
    assert observation(cage.ask(canaries, 14 * MINUTE + HOUR)) is Observation.OK
    found = cage.ask(canaries, HOUR + 15 * MINUTE)
    assert observation(found) is Observation.BAD
    cage.ask(canaries, HOUR + 40 * MINUTE)
    assert [job.status for job in cage.jobs()][1] in {"CancelRequested", "Canceled"}


def test_a_canary_that_queues_behind_others_is_not_blamed_though_nobody_else_lists_jobs(cage: Cage) -> None:
    """On some hosts the reconciliation runs in a process of its own, and what it has listed is not known here."""
    canaries = Canaries()
    cage.proven(canaries)
    hub = cage.plan.primary
    properties = {
        "jobType": "Command",
        "command": "x",
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
        "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
        "tags": {"local.duration": "36000"},
    }
    User(cage.azure).submit(hub, "somebody-s", properties)
    cage.ask(canaries, HOUR)
    cage.ask(canaries, HOUR + 5 * MINUTE)
    job = next(job for job in cage.jobs() if job.name == "somebody-s")
    cage.azure.call(lambda: cage.azure.services.life._turn(job, "Running"))
    cage.ask(canaries, HOUR + 10 * MINUTE)
    found = cage.ask(canaries, HOUR + 15 * MINUTE)
    assert found is not None
    assert (found.observation, found.why.endswith("while other jobs move")) == (Observation.BLIND, True)


def test_a_late_canary_is_judged_before_the_next_takes_its_place(cage: Cage) -> None:
    """Also where the interval is no longer than the deadline: else none that hangs would ever be bad."""
    brisk = msgspec.structs.replace(CANARY, interval=CANARY.deadline)
    cage = cage._replace(plan=msgspec.structs.replace(cage.plan, canary=brisk))
    canaries = Canaries()
    cage.proven(canaries)
    cage.ask(canaries, 16 * MINUTE)
    assert observation(cage.ask(canaries, 31 * MINUTE)) is Observation.BAD
    assert len(cage.jobs()) == 2
    cage.ask(canaries, 35 * MINUTE)
    assert len(cage.jobs()) == 3


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("5xx", {"status": 503}),
        ("401", {}),
        ("403", {}),
        ("429", {"retry_after": 60}),
        ("refuse", {}),
    ],
)
def test_a_dead_management_plane_makes_us_blind_and_no_job_bad(
    cage: Cage, kind: str, parameters: dict[str, Any]
) -> None:
    """Neither when a canary is to be submitted, nor when its end is to be learnt, nor long afterwards."""
    canaries = Canaries()
    cage.proven(canaries)
    cage.azure.faults.set(cage.plan.primary.region, "control", kind, **parameters)
    for after in (HOUR, HOUR + 15 * MINUTE, 3 * HOUR):
        assert observation(cage.ask(canaries, after)) is Observation.BLIND
    cage.azure.faults.clear(cage.plan.primary.region, "control")


def test_no_canary_is_submitted_while_a_run_needs_our_writes(cage: Cage) -> None:
    """One that is there already is looked at all the same."""
    canaries = Canaries()
    assert cage.ask(canaries, may_submit=False) is None
    assert cage.jobs() == []
    cage.ask(canaries)
    cage.ends("Completed")
    assert observation(cage.ask(canaries, MINUTE, may_submit=False)) is Observation.OK


def test_canaries_are_neither_recorded_nor_resubmitted(cage: Cage) -> None:
    """Not by the reconciliation, nor by an event that tells of one."""
    cage.ask(Canaries())
    assert list(find_differing(cage.world, cage.plan, PRIMARY)) == []
    (job,) = cage.jobs()
    order = CaptureOrder(pair=cage.plan.pair, side=PRIMARY, jobs=(job.name,), told="Running")
    assert capture_jobs(cage.world, order).known == 1
    assert cage.world.ledgers[cage.plan.pair].read(cage.plan.pair, job.name) is None


def test_a_pair_without_an_interval_has_no_canaries(cage: Cage) -> None:
    """They cost, so they are off by default."""
    plain = msgspec.structs.replace(cage.plan, canary=Canary())
    assert Canaries().due(plain, cage.start) == ()
    assert Canaries().due(cage.plan, cage.start) == (Role.PRIMARY, Role.SECONDARY)
