"""Outage, failover, recovery and failback with jobs, on the real app, engine and clients; and a planned switch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import requests
from deployed_app import KEY, SPEED, App, deployed
from stories import DEEP
from waiting import until

from orchestrator.core.base.vocabulary import LeftJob, Mode
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.jobs.record_schema import read_job_record
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import User
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import TERMINAL, TrueJob

SEEDS = range(3 * DEEP)

AT_REST = {"settled", "steady"}

FOR_EVER = "600000"
"""Seconds of simulated running that no test outlives."""

EACH = 2
"""Jobs of each wish."""


class Stage(NamedTuple):
    """Everything up, with jobs in the ledger."""

    azure: LocalAzure
    plan: Plan
    app: App
    roots: tuple[str, ...]

    def jobs(self) -> dict[str, TrueJob]:
        """What really happened, by the simulated Azure's own account."""
        return {job.name: job for job in self.azure.truth.jobs() if job.name.startswith("way-")}

    def alive(self) -> dict[str, list[str]]:
        """By root: the jobs of its line that have not ended."""
        live = [name for name, job in self.jobs().items() if job.status not in TERMINAL]
        return {root: sorted(name for name in live if name.startswith(root)) for root in self.roots}

    def records(self) -> dict[str, JobRecord]:
        container, prefix = self.plan.ledger.container, "demo/jobs/"

        def read() -> dict[str, bytes]:
            found = (
                (name, self.azure.ledger.get(container, name)) for name in self.azure.ledger.names(container, prefix)
            )
            return {name: blob.data for name, blob in found if blob}

        return {one.name: one for one in (read_job_record(data, at) for at, data in self.azure.call(read).items())}

    def rests(self, active: str) -> None:
        """Wait until the pair is at rest with that side active."""
        rest: Callable[[], bool] = lambda: (  # noqa: E731
            (view := self.app.view()).get("active") == active and view["phase"] in AT_REST and not view.get("run")
        )
        until(rest, f"a rest with the {active} active", pause=0.1)


@contextmanager
def _stage(folder: Path, seed: int, deadline: timedelta) -> Iterator[Stage]:
    """Jobs of every wish run in the primary and are in the ledger."""
    azure = LocalAzure(seed=seed, speed=SPEED)
    with azure, LocalEngine() as engine, variables(azure.environment()):
        plan = plan_of(azure, **scale_policy(SPEED, Mode.AUTO))
        jobs = msgspec.structs.replace(plan.jobs, failback_deadline=deadline, retry=timedelta(seconds=3))
        plan = msgspec.structs.replace(plan, jobs=jobs)
        place = folder / "demo.yaml"
        place.write_text(yaml_of(plan), encoding="utf-8")
        with deployed(azure, engine, place) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look", pause=0.1)
            roots = tuple(f"way-{wish}-{number}" for wish in LeftJob for number in range(EACH))
            for root in roots:
                _submit(azure, plan, root)
            stage = Stage(azure, plan, app, roots)
            until(lambda: len(stage.records()) == len(roots), "every job in the ledger", pause=0.1)
            until(lambda: _are_running(stage), "every job running", pause=0.1)
            yield stage


def _submit(azure: LocalAzure, plan: Plan, root: str) -> None:
    hub = plan.primary
    body = {
        "jobType": "Command",
        "command": "python train.py",
        "experimentName": "way",
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
        "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
        "tags": {"local.duration": FOR_EVER, "hubswitch.failback": root.split("-")[1]},
    }
    User(azure).submit(hub, root, body)


def _are_running(stage: Stage) -> bool:
    """Whether each line has exactly one job, and that runs."""
    jobs = stage.jobs()
    return all([jobs[name].status for name in names] == ["Running"] for names in stage.alive().values())


def _overlaps(jobs: dict[str, TrueJob], root: str) -> list[str]:
    """Runs of one line that used a compute at once; without those that their region took away, which may rise again."""
    spans = sorted(
        (run.since, run.until, name)
        for name, job in jobs.items()
        if name.startswith(root) and job.killed_at is None
        for run in job.runs
    )
    return [f"{one[2]} beside {two[2]}" for one, two in pairwise(spans) if one[1] is None or one[1] > two[0]]


def _leads_to(records: dict[str, JobRecord], root: str, heads: list[str]) -> bool:
    """Whether the records of a line lead from its root to its one head, which runs, and to nothing else."""
    line = {name: record for name, record in records.items() if record.root == root}
    name, way = root, [root]
    while line[name].status is JobStatus.RESUBMITTED:
        name = line[name].successor or ""
        way.append(name)
    return line[name].status is JobStatus.RUNNING and [name] == heads and sorted(way) == sorted(line)


def _expect_way_home(stage: Stage, head: str, home: str) -> None:
    """What must be after the way back: each line goes on once, where its wish leaves it."""

    def heads() -> bool:
        wanted = {root: [f"{root}{head if '-finish-' in root else home}"] for root in stage.roots}
        return stage.alive() == wanted and all(_leads_to(stage.records(), *line) for line in wanted.items())

    until(heads, "every line at its head", pause=0.1, longest=60, moved=stage.alive)
    jobs = stage.jobs()
    assert [found for root in stage.roots for found in _overlaps(jobs, root)] == []
    records = stage.records()
    assert sorted(records) == sorted(jobs), "a job without a record, or a record without a job"


@pytest.mark.parametrize("seed", SEEDS)
def test_jobs_go_there_with_an_outage_and_come_home_with_a_failback(tmp_path: Path, seed: int) -> None:
    """S5 over both switches: each job goes on exactly once, at home or where its wish left it."""
    with _stage(tmp_path, seed, timedelta(seconds=10)) as stage:
        stage.azure.region_down(stage.plan.primary.region)
        stage.rests("secondary")
        stage.azure.region_up(stage.plan.primary.region)
        until(lambda: _are_running(stage), "every zombie stopped, every successor running", pause=0.1)
        stage.app.switch("failback", force=True)
        stage.rests("primary")
        run = stage.app.get("runs?pair=demo&limit=1").json()["runs"][0]
        assert run["outcome"] == "completed"
        jobs = run["jobs"]
        # Right after an outage the primary may not be believed yet: then more of them stay, and follow later.
        assert (jobs["staying"] >= 2 * EACH, jobs["staying"] + jobs["resubmitted"]) == (True, 3 * EACH)
        _expect_way_home(stage, "-e1", "-e2")


def test_a_graceful_failover_loses_nothing_and_runs_nothing_twice(tmp_path: Path) -> None:
    """A maintenance day: there with what may move, the rest ends where it is."""
    with _stage(tmp_path, 11, timedelta(seconds=10)) as stage:
        stage.app.switch("failover", graceful=True)
        stage.rests("secondary")
        _expect_way_home(stage, "", "-e1")


def test_a_planned_switch_that_turns_ungraceful_moves_what_it_had_left(tmp_path: Path) -> None:
    """Jobs that would have stayed until they end go on over there, each once; the audit log has who wanted it."""
    with _stage(tmp_path, 11, timedelta(hours=10)) as stage:
        stage.app.switch("failover", graceful=True)
        stage.rests("secondary")
        run = stage.app.get("runs?pair=demo&limit=1").json()["runs"][0]["id"]
        answer = requests.post(
            f"{stage.app.url}/api/runs/{run}/ungraceful",
            json={"reason": "the region closes tonight", "by": "ana"},
            headers={"x-functions-key": KEY},
            timeout=120,
        )
        assert (answer.status_code, answer.json()["do"]) == (202, "ungraceful")
        _expect_way_home(stage, "-e1", "-e1")
        until(lambda: "ungraceful" in stage.app.get("audit?pair=demo").text, "the entry in the audit log")


# --- drain first, then point ----------------------------------------------------------------------------------------


def _waits(stage: Stage, text: str) -> str:
    """Wait until the run says that it drains, and this; its id. The pair is as before meanwhile."""

    def said() -> str:
        run = stage.app.view().get("run")
        waits = (stage.app.get(f"runs/{run}").json()["waits_for"] or {}) if run else {}
        return run if waits.get("step") == "drain" and text in waits["why"] else ""

    run = until(said, f"the drain at: {text}", pause=0.1)
    view = stage.app.view()
    assert (view["epoch"], view["active"], view["phase"]) == (0, "primary", "switching")
    assert all(jobs == [root] for root, jobs in stage.alive().items()), "a job was moved before the claim"
    return run


def _post(stage: Stage, run: str, do: str) -> int:
    url, body = f"{stage.app.url}/api/runs/{run}/{do}", {"reason": "a test", "by": "ana"}
    return requests.post(url, json=body, headers={"x-functions-key": KEY}, timeout=120).status_code


def test_a_planned_switch_that_drains_points_when_the_jobs_have_ended(tmp_path: Path) -> None:
    """Nothing is cut short that may finish, nothing runs twice, and the evidence has the time of the drain."""
    with _stage(tmp_path, 11, timedelta(hours=10)) as stage:
        stage.app.switch("failover", graceful=True, drain="20m")
        run = _waits(stage, f"{2 * EACH} jobs still run in the primary")
        life = stage.azure.services.life
        ending = {root for root in stage.roots if "-move-" not in root}
        stage.azure.call(lambda: [life.cancel(job) for job in life.everything() if job.name in ending])
        stage.rests("secondary")
        moved = {root: [] if root in ending else [f"{root}-e1"] for root in stage.roots}
        until(lambda: stage.alive() == moved, "every line at its end", pause=0.1, moved=stage.alive)
        successors = {f"{root}-e1" for root in stage.roots if root not in ending}
        assert set(stage.jobs()) == {*stage.roots, *successors}
        records = stage.records()
        assert {records[root].status for root in ending} == {JobStatus.FINISHED}
        assert [found for root in stage.roots for found in _overlaps(stage.jobs(), root)] == []
        evidence = until(lambda: stage.app.get(f"runs/{run}/evidence").json().get("phases"), "the evidence")
        drained, switched = (next(each for each in evidence if each["name"] == name) for name in ("drain", "switch"))
        assert drained["to"] == switched["from"]


def test_a_drain_that_is_aborted_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """Epoch, pointer and jobs; the pair is steady again."""
    with _stage(tmp_path, 11, timedelta(hours=10)) as stage:
        stage.app.switch("failover", graceful=True, drain="20m")
        run = _waits(stage, "jobs still run")
        assert _post(stage, run, "abort") == 202
        ended = until(lambda: stage.app.get(f"runs/{run}").json().get("output"), "the end of the run")
        assert ended["outcome"] == "aborted"
        stage.rests("primary")
        assert stage.app.view()["epoch"] == 0
        assert stage.alive() == {root: [root] for root in stage.roots}


def test_a_drain_that_turns_ungraceful_moves_every_job_once(tmp_path: Path) -> None:
    """Maintenance begins early: the run claims, points, and moves what still runs."""
    with _stage(tmp_path, 11, timedelta(hours=10)) as stage:
        stage.app.switch("failover", graceful=True, drain="20m")
        run = _waits(stage, "jobs still run")
        assert _post(stage, run, "ungraceful") == 202
        stage.rests("secondary")
        _expect_way_home(stage, "-e1", "-e1")
        assert stage.app.view()["last_run"] == run


def test_an_outage_during_a_drain_is_a_failover_at_once(tmp_path: Path) -> None:
    """The switch waits for no job of a dead region: one epoch, each job once, and none is lost."""
    with _stage(tmp_path, 11, timedelta(hours=10)) as stage:
        stage.app.switch("failover", graceful=True, drain="20h")
        run = _waits(stage, "jobs still run")
        stage.azure.region_down(stage.plan.primary.region)
        stage.rests("secondary")
        view = stage.app.view()
        assert (view["epoch"], view["last_run"]) == (1, run)
        successors = {f"{root}-e1" for root in stage.roots}
        until(lambda: successors <= set(stage.jobs()), "every successor", pause=0.1, moved=stage.alive)
        stage.azure.region_up(stage.plan.primary.region)
        _expect_way_home(stage, "-e1", "-e1")
        assert stage.app.view()["epoch"] == 1
