"""A recovery group through an outage and home again: three pairs, each after the one before, with jobs in all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from deployed_app import KEY, SPEED, App, deployed
from endless_jobs import submit_endless
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import estate_of
from orchestrator.simulator.job_lifecycle import TERMINAL, TrueJob

PAIRS = ("features", "scoring", "portal")
GROUP = """\
schema: 1
kind: group
name: payments
at_once: 2
pairs:
  - {pair: features}
  - {pair: scoring, after: [features]}
  - {pair: portal, after: [scoring]}
"""
AT_REST = {"settled", "steady"}
SHORT = timedelta(seconds=10)
"""Instead of an hour after a switch, and of the half day for which a primary has to be well before a failback."""


class Stage(NamedTuple):
    """A group of three pairs that switch by order only, with one job in each primary."""

    azure: LocalAzure
    plans: dict[str, Plan]
    app: App

    def view(self, pair: str) -> dict[str, Any]:
        return dict(self.app.get(f"pairs/{pair}").json())

    def where(self) -> dict[str, tuple[str, int]]:
        """Active side and epoch of each pair."""
        views = {pair: self.view(pair) for pair in PAIRS}
        return {pair: (str(view.get("active")), int(view.get("epoch") or 0)) for pair, view in views.items()}

    def rest(self, active: str, epoch: int) -> None:
        """Wait until all pairs are at rest there."""

        def rests() -> bool:
            views = [self.view(pair) for pair in PAIRS]
            return all(
                (view.get("active"), view.get("epoch")) == (active, epoch)
                and view["phase"] in AT_REST
                and not view.get("run")
                for view in views
            )

        until(rests, f"a rest of all with the {active} active", pause=0.1)

    def send(self, pair: str, do: str) -> None:
        self._post(f"pairs/{pair}/{do}", "a look first")

    def order(self, do: str) -> str:
        """Order the group over HTTP; the run's id."""
        return str(self._post(f"groups/payments/{do}", "the region")["run"])

    def _post(self, path: str, reason: str) -> Any:
        answer = requests.post(
            f"{self.app.url}/api/{path}",
            json={"reason": reason, "by": "ana"},
            headers={"x-functions-key": KEY},
            timeout=120,
        )
        assert answer.status_code == 202, answer.text
        return answer.json()

    def ended(self, run: str) -> dict[str, Any]:
        """Output of the run of a group, once it has ended."""
        return dict(until(lambda: self.app.get(f"runs/{run}").json().get("output"), f"the end of {run}", pause=0.1))

    def jobs(self) -> dict[str, TrueJob]:
        """What really happened, by the simulated Azure's own account."""
        return {job.name: job for job in self.azure.truth.jobs() if job.name.startswith("group-")}

    def alive(self) -> dict[str, list[str]]:
        """By pair: names of its jobs that have not ended."""
        live = [name for name, job in self.jobs().items() if job.status not in TERMINAL]
        return {pair: sorted(name for name in live if name.startswith(f"group-{pair}")) for pair in PAIRS}

    def run_alone(self, suffix: str) -> None:
        """Wait until of each line exactly one job is alive and runs: the one with that suffix."""

        def do() -> bool:
            wanted = {pair: [f"group-{pair}{suffix}"] for pair in PAIRS}
            jobs = self.jobs()
            return self.alive() == wanted and all(jobs[name].status == "Running" for (name,) in wanted.values())

        until(do, f"every job at {suffix or 'its root'}", pause=0.1, longest=60, moved=self.alive)

    def switches(self, epoch: int) -> list[str]:
        """Pairs in the order in which they took an epoch."""
        records = {pair: json.loads(self.azure.call(lambda pair=pair: self._epoch_record(pair))) for pair in PAIRS}
        assert {record["epoch"] for record in records.values()} == {epoch}
        return sorted(PAIRS, key=lambda pair: records[pair]["since"])

    def _epoch_record(self, pair: str) -> bytes:
        plan = self.plans[pair]
        (path,) = self.azure.ledger.names(plan.ledger.container, f"{pair}/epoch")
        blob = self.azure.ledger.get(plan.ledger.container, path)
        assert blob is not None
        return blob.data


@contextmanager
def stage_of(folder: Path) -> Iterator[Stage]:
    azure = LocalAzure(seed=21, speed=SPEED, estate=estate_of(pairs=PAIRS), canaries=False)
    with azure, LocalEngine() as engine, variables(azure.environment()):
        policy = scale_policy(SPEED, Mode.OBSERVE) | {"cooldown": SHORT, "failback_hold": SHORT}
        plans = {pair: plan_of(azure, pair, **policy) for pair in PAIRS}
        for pair, plan in plans.items():
            (folder / f"{pair}.yaml").write_text(yaml_of(plan), encoding="utf-8")
        (folder / "payments.yaml").write_text(GROUP, encoding="utf-8")
        with deployed(azure, engine, folder) as app:
            stage = Stage(azure, plans, app)
            until(
                lambda: all(stage.view(pair).get("phase") == "steady" for pair in PAIRS), "the first looks", pause=0.1
            )
            for pair, plan in plans.items():
                submit_endless(azure, plan.primary, f"group-{pair}", "group", {"hubswitch.failback": "move"})
            until(lambda: all(captured(stage, pair) for pair in PAIRS), "every job in the ledger", pause=0.1)
            stage.run_alone("")
            yield stage


def captured(stage: Stage, pair: str) -> list[str]:
    plan = stage.plans[pair]
    return stage.azure.call(lambda: stage.azure.ledger.names(plan.ledger.container, f"{pair}/jobs/"))


def test_a_group_goes_there_in_an_outage_and_comes_home_in_its_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each pair once in each direction, after those that it rests on; each job goes on exactly once.

    On the way home a pair that is paused holds back those after it, and nothing else; the run goes on by itself.
    """
    with stage_of(tmp_path) as stage:
        region = stage.plans["features"].primary.region
        stage.azure.region_down(region)
        there = stage.ended(stage.order("failover"))
        assert there["outcome"] == "completed", there
        assert [(step["name"], step["outcome"]) for step in there["steps"]] == [(pair, "done") for pair in PAIRS]
        stage.rest("secondary", 1)
        assert stage.switches(1) == list(PAIRS)

        stage.azure.region_up(region)
        stage.run_alone("-e1")
        stage.send("scoring", "pause")
        until(lambda: stage.view("scoring")["paused"], "the pause")
        run = stage.order("failback")

        def waits_for_scoring() -> bool:
            waits = stage.app.get(f"runs/{run}").json().get("waits_for") or {}
            return waits.get("step") == "scoring" and stage.where()["features"] == ("primary", 2)

        until(waits_for_scoring, "features home, and the run waiting for scoring", pause=0.1)
        assert stage.where() == {"features": ("primary", 2), "scoring": ("secondary", 1), "portal": ("secondary", 1)}
        stage.send("scoring", "resume")
        home = stage.ended(run)
        assert home["outcome"] == "completed", home
        assert [(step["name"], step["outcome"]) for step in home["steps"]] == [(pair, "done") for pair in PAIRS]
        stage.rest("primary", 2)
        assert stage.switches(2) == list(PAIRS)
        stage.run_alone("-e2")

        at = ["--url", stage.app.url, "--key", KEY, "--by", "ana", "--reason", "again", "--json", "--wait"]
        assert status_of(["group", "failback", "payments", *at]) == 0, capsys.readouterr().out
        assert stage.where() == dict.fromkeys(PAIRS, ("primary", 2)), "who is home already is not switched again"
