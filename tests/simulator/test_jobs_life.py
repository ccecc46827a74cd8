"""Jobs that live: their stages, what they tell, and what an outage does to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.simulator.job_lifecycle import Job, JobsLife, Pace, TrueJob
from orchestrator.simulator.services import Kernel

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/proj-eastus2"
QUICK = Pace(not_started=(1, 1), queued=(1, 2), preparing=(1, 2), running=(5, 10))


class Told:
    """Keeps the events that it is given."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str, dict[str, Any]]] = []

    def emit(self, topic: str, event_type: str, subject: str, data: dict[str, Any]) -> None:
        self.events.append((topic, event_type.rsplit(".", 1)[1], subject, data))

    def statuses(self, name: str) -> list[str]:
        changes = [data for _, kind, _, data in self.events if kind == "RunStatusChanged"]
        return [data["runStatus"] for data in changes if data["runId"] == name]


class World:
    """A life with its events, in the running loop."""

    def __init__(self, *, seed: int = 7, speed: float = 1000, pace: Pace = QUICK) -> None:
        self.told = Told()
        self.life = JobsLife(Kernel(seed=seed, speed=speed), self.told, pace)

    def submit(self, name: str, region: str = "eastus2", lacks: str | None = None, **tags: str) -> Job:
        resource = {
            "id": f"{WORKSPACE}/jobs/{name}",
            "name": name,
            "properties": {"jobType": "Command", "experimentName": "iris", "displayName": name, "tags": tags},
            "systemData": {},
        }
        return self.life.submit(
            region=region, workspace=WORKSPACE, principal="p", submitted={}, resource=resource, lacks=lacks
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(300_000):
            if holds():
                return
            await asyncio.sleep(0.001)
        raise AssertionError("it did not come true in a while")

    async def ended(self) -> list[TrueJob]:
        await self.until(lambda: all(job.ended for job in self.life.everything()))
        return [job.truth() for job in self.life.everything()]


def in_loop(story: Callable[[], Any]) -> Any:
    return asyncio.run(story())


def test_the_service_writes_into_a_job_what_became_of_it() -> None:
    """Its cluster's state as a tag, the run's files and times as properties: none of it may be sent again."""

    async def story() -> dict[str, Any]:
        world = World()
        job = world.submit("a", team="x")
        job.resource["properties"]["computeId"] = f"{WORKSPACE}/computes/c"
        await world.ended()
        return dict(job.resource["properties"])

    shown = in_loop(story)
    assert set(shown["tags"]) == {"team", "_aml_system_ComputeTargetStatus"}
    assert set(shown["properties"]) == {"ProcessInfoFile", "ProcessStatusFile", "StartTimeUtc", "EndTimeUtc"}


def names_of(job: TrueJob) -> list[str]:
    return [status for _, status in job.statuses]


def test_a_job_goes_through_all_stages_in_order() -> None:
    """From accepted to completed."""

    async def story() -> TrueJob:
        world = World()
        world.submit("a")
        return (await world.ended())[0]

    job = in_loop(story)
    assert names_of(job) == ["NotStarted", "Starting", "Queued", "Preparing", "Running", "Completed"]
    assert [at for at, _ in job.statuses] == sorted(at for at, _ in job.statuses)
    assert len(job.runs) == 1


def test_every_change_is_told_in_the_documented_shape() -> None:
    """Subject and data are those of Microsoft.MachineLearningServices events."""

    async def story() -> Told:
        world = World()
        world.submit("a", team="vision")
        await world.ended()
        return world.told

    told = in_loop(story)
    assert told.statuses("a") == ["Queued", "Preparing", "Running", "Completed"]
    assert [kind for _, kind, _, _ in told.events][-1] == "RunCompleted"
    topic, _, subject, data = told.events[0]
    assert topic == WORKSPACE
    assert subject == f"experiments/{data['experimentId']}/runs/a"
    assert set(data) == {
        "experimentId",
        "experimentName",
        "runId",
        "runType",
        "runTags",
        "runProperties",
        "runStatus",
    }
    assert (data["runType"], data["runTags"]) == ("command", {"team": "vision"})


def test_durations_depend_on_seed_and_name_alone() -> None:
    """Not on what else was submitted, nor in which order."""

    async def story(seed: int, names: str) -> dict[str, float]:
        world = World(seed=seed)
        found = {name: world.submit(name).durations["Running"] for name in names}
        world.life.close()
        return found

    first, second = asyncio.run(story(7, "abc")), asyncio.run(story(7, "cxba"))
    assert {name: second[name] for name in "abc"} == first
    assert asyncio.run(story(8, "abc")) != first


def test_a_tag_sets_how_long_a_job_runs() -> None:
    """Divided by the speed, like everything."""

    async def story() -> TrueJob:
        world = World(speed=100)
        world.submit("a", **{"local.duration": "10"})
        return (await world.ended())[0]

    run = in_loop(story).runs[0]
    assert 0.1 <= (run.until - run.since).total_seconds() < 9  # 10 without the speed


def test_a_tag_sets_how_a_job_ends() -> None:
    """A failure is told, and is no completion."""

    async def story() -> Told:
        world = World()
        world.submit("a", **{"local.outcome": "Failed"})
        await world.ended()
        return world.told

    told = in_loop(story)
    assert told.statuses("a")[-1] == "Failed"
    assert "RunCompleted" not in [kind for _, kind, _, _ in told.events]


def test_a_share_of_jobs_fails_by_itself() -> None:
    """Seeded, and none by default."""

    async def story(share: float) -> int:
        world = World(pace=Pace(running=(1, 1), failures=share))
        for number in range(100):
            world.submit(f"j{number}")
        return sum(job.status == "Failed" for job in await world.ended())

    assert asyncio.run(story(0.0)) == 0
    assert 10 <= asyncio.run(story(0.2)) <= 30


def test_a_job_that_lacks_something_fails_when_it_is_prepared() -> None:
    """It never runs."""

    async def story() -> TrueJob:
        world = World()
        world.submit("a", lacks="files")
        return (await world.ended())[0]

    job = in_loop(story)
    assert (names_of(job)[-2:], job.runs) == (["Preparing", "Failed"], ())


def test_a_cancelled_job_stops_a_little_later() -> None:
    """And is told as cancelled."""

    async def story() -> Told:
        world = World(pace=Pace(running=(1000, 1000)))
        job = world.submit("a")
        await world.until(lambda: job.status == "Running")
        world.life.cancel(job)
        await world.ended()
        return world.told

    assert in_loop(story).statuses("a")[-2:] == ["Running", "Canceled"]


def test_an_outage_stops_jobs_and_tells_nothing() -> None:
    """The region's topics are down with it; the other region goes on."""

    async def story() -> tuple[TrueJob, TrueJob, list[str], list[str]]:
        world = World(pace=Pace(running=(20, 20)))
        here, there = world.submit("here"), world.submit("there", region="westus3")
        await world.until(lambda: here.status == "Running")
        before = world.told.statuses("here")
        world.life.region_down("eastus2")
        await world.until(lambda: there.status == "Completed")
        return here.truth(), there.truth(), before, world.told.statuses("here")

    here, there, before, after = in_loop(story)
    assert after == before
    assert (here.status, here.killed_at is not None) == ("Running", True)
    assert here.runs[-1].until is not None
    assert there.killed_at is None


def outage(zombies: float, count: int = 40, seed: int = 7) -> list[TrueJob]:
    """What became of jobs whose region went down while they ran, and came back."""

    async def story() -> list[TrueJob]:
        world = World(seed=seed, pace=Pace(running=(1000, 1000), zombies=zombies))
        jobs = [world.submit(f"j{number}") for number in range(count)]
        await world.until(lambda: all(job.status == "Running" for job in jobs))
        world.life.region_down("eastus2")
        world.life.region_up("eastus2")
        world.life.close()
        return [job.truth() for job in jobs]

    return asyncio.run(story())


def test_without_zombies_all_killed_jobs_have_failed() -> None:
    """They are reported once the region can report."""
    assert {job.status for job in outage(0.0)} == {"Failed"}


def test_zombies_run_on_where_they_stopped() -> None:
    """A second span of running, and the mark that judges look for."""
    jobs = outage(1.0)
    assert {(job.status, job.zombie, len(job.runs)) for job in jobs} == {("Running", True, 2)}


def test_who_becomes_a_zombie_is_seeded() -> None:
    """The same jobs for the same seed, about as many as asked for."""
    risen = [{job.name for job in outage(0.25, seed=seed) if job.zombie} for seed in (7, 7, 8)]
    assert risen[0] == risen[1]
    assert risen[0] != risen[2]
    assert 4 <= len(risen[0]) <= 18


def test_a_job_accepted_while_its_region_is_down_starts_when_it_returns() -> None:
    """Resource Manager may be well while the region is not."""

    async def story() -> TrueJob:
        world = World()
        world.life.region_down("eastus2")
        job = world.submit("a")
        await asyncio.sleep(0.02)
        assert job.status == "NotStarted"
        world.life.region_up("eastus2")
        return (await world.ended())[0]

    job = in_loop(story)
    assert (job.status, job.zombie, job.killed_at) == ("Completed", False, None)


def test_a_second_outage_kills_zombies_too() -> None:
    """Recoveries come as a staircase."""

    async def story() -> TrueJob:
        world = World(pace=Pace(running=(1000, 1000), zombies=1.0))
        job = world.submit("a")
        await world.until(lambda: job.status == "Running")
        for _ in range(2):
            world.life.region_down("eastus2")
            assert job.runs[-1].until is not None
            world.life.region_up("eastus2")
        truth = job.truth()
        world.life.close()
        return truth

    assert len(in_loop(story).runs) == 3


@pytest.mark.parametrize("name", ["A", "a"])
def test_jobs_are_found_by_name_in_any_casing(name: str) -> None:
    """As in Resource Manager."""

    async def story() -> str:
        world = World()
        world.submit("a")
        found = world.life.get(WORKSPACE.upper(), name)
        world.life.close()
        assert found is not None
        return found.name

    assert in_loop(story) == "a"
