"""Outage, failover, recovery and failback with jobs, on the real app, engine and clients; and a planned switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from deployed_app import KEY
from running_jobs import Stage, are_running, leads_to, overlaps, running_jobs
from stories import DEEP
from waiting import until

from orchestrator.core.base.vocabulary import LeftJob
from orchestrator.core.jobs.record import JobStatus

SEEDS = range(3 * DEEP)

EACH = 2
"""Jobs of each wish."""

ROOTS = {f"way-{wish}-{number}": wish.value for wish in LeftJob for number in range(EACH)}


@contextmanager
def _stage(folder: Path, seed: int, deadline: timedelta) -> Iterator[Stage]:
    """Jobs of every wish run in the primary and are in the ledger."""
    with running_jobs(folder, ROOTS, seed=seed, deadline=deadline) as stage:
        yield stage


def _expect_way_home(stage: Stage, head: str, home: str) -> None:
    """What must be after the way back: each line goes on once, where its wish leaves it."""

    def heads() -> bool:
        wanted = {root: [f"{root}{head if '-finish-' in root else home}"] for root in stage.roots}
        return stage.alive() == wanted and all(leads_to(stage.records(), *line) for line in wanted.items())

    until(heads, "every line at its head", pause=0.1, longest=60, moved=stage.alive)
    jobs = stage.jobs()
    assert [found for root in stage.roots for found in overlaps(jobs, root)] == []
    records = stage.records()
    assert sorted(records) == sorted(jobs), "a job without a record, or a record without a job"


@pytest.mark.parametrize("seed", SEEDS)
def test_jobs_go_there_with_an_outage_and_come_home_with_a_failback(tmp_path: Path, seed: int) -> None:
    """S5 over both switches: each job goes on exactly once, at home or where its wish left it."""
    with _stage(tmp_path, seed, timedelta(seconds=10)) as stage:
        stage.azure.region_down(stage.plan.primary.region)
        stage.rests("secondary")
        stage.azure.region_up(stage.plan.primary.region)
        until(lambda: are_running(stage), "every zombie stopped, every successor running", pause=0.1)
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
        assert [found for root in stage.roots for found in overlaps(stage.jobs(), root)] == []
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
