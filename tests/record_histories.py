"""Write anew what today's code makes of a failover, drills and a failback: `make histories`, for a release.

The histories of the engine are kept in tests/upgrade/histories, by plan: one of each orchestrator and two of a switch.
A later version has to be able to replay them: see tests/upgrade/test_histories.py.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import requests
from durabletask.client import TaskHubGrpcClient

sys.path.insert(0, str(Path(__file__).parent / "support"))

from deployed_app import KEY, SPEED, App, count_captured, deployed
from histories import FOLDER, History, keep, read_histories
from waiting import until

from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.step_base import Retry
from orchestrator.core.plan.steps import MoveJobs, ScaleCluster, Workflow
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.workflows import names

JOBS, HOLD = 4, timedelta(seconds=2)
GROUP = "schema: 1\nkind: group\nname: apps\npairs: [{pair: demo}]\n"
STEPS = Workflow(
    failover=(
        ScaleCluster(
            name="warm-up", cluster="cpu-cluster", min_nodes=1, retry=Retry(pause=timedelta(milliseconds=200), tries=9)
        ),
        AwaitApproval(name="gate"),
        MoveJobs(name="jobs"),
    )
)
PLANS = {"default": Workflow(), "steps": STEPS}
"""Folder -> the steps of the plan that its runs had; none are named: those that follow from the plan."""


class Recorder:
    """A pair with steps and a group, and the engine that remembers what its runs did."""

    def __init__(self, azure: LocalAzure, app: App, plan: Plan, client: TaskHubGrpcClient) -> None:
        self.azure, self.app, self.plan, self.client = azure, app, plan, client

    def is_settled(self, epoch: int) -> bool:
        seen = self.app.view()
        return seen.get("epoch") == epoch and seen["phase"] in {"settled", "steady"}

    def await_end(self, name: str, number: int = 1) -> None:
        """Wait until so many orchestrations of this name are over."""

        def is_over() -> bool:
            found = [each for each in read_histories(self.client) if each.name == name]
            return len([each for each in found if not is_open(each)]) >= number

        until(is_over, f"the end of {name}")

    def take(self, do: str, **more: str) -> None:
        """Give an order until it is taken."""
        until(lambda: self.app.send(do, **more).ok, f"{do} taken", pause=0.2)

    def order_group(self, do: str) -> None:
        """Order a group, again while a run of it is under way."""

        def is_taken() -> bool:
            body = {"reason": "a recording", "by": "ana"}
            url, headers = f"{self.app.url}/api/groups/apps/{do}", {"x-functions-key": KEY}
            return requests.post(url, json=body, headers=headers, timeout=120).ok

        until(is_taken, f"the {do} of the group taken", pause=0.2)

    def record(self) -> list[History]:
        """A region goes down and comes back; jobs move, a canary runs, and a group's order leads the way home."""
        azure, region = self.azure, self.plan.primary.region
        until(lambda: self.app.view().get("phase") == "steady", "the first look")
        submit_workload(azure, self.plan.primary, JOBS, seed=5)
        until(lambda: count_captured(azure, self.plan) == JOBS, "every job in the ledger")
        has_own_steps = self.plan.steps == STEPS
        if has_own_steps:
            azure.faults.set(self.plan.secondary.region, "control", "5xx", status=503, path="/computes/")
        azure.region_down(region)
        until(lambda: self.app.view().get("epoch") == 1, "the switch")
        if has_own_steps:
            azure.faults.clear(self.plan.secondary.region, "control")
            until(lambda: self.app.send("approve", proposal="failover-demo-e1/gate").ok, "the gate opened", pause=0.2)
        until(lambda: self.is_settled(1), "the failover")
        azure.region_up(region)
        self.take("acknowledge")
        self.take("drill", kind="canary")
        self.await_end(names.DRILL_RUN)
        self.order_group("failback")
        until(lambda: self.is_settled(2), "the failback")
        self.await_end(names.GROUP_RUN)
        until(lambda: not any(is_open(history) for history in read_histories(self.client)), "the end of all")
        return list(read_histories(self.client))


@contextmanager
def recorder(steps: Workflow) -> Iterator[Recorder]:
    """Azure, engine and app with a plan that has these steps, until the block ends."""
    with (
        LocalAzure(seed=5, speed=SPEED) as azure,
        LocalEngine() as engine,
        TemporaryDirectory(prefix="hubswitch-") as folder,
    ):
        plan = msgspec.structs.replace(
            plan_of(azure, "demo", **{**scale_policy(SPEED), "failback_hold": HOLD}), steps=steps
        )
        (Path(folder) / "demo.yaml").write_text(yaml_of(plan), encoding="utf-8")
        (Path(folder) / "apps.yaml").write_text(GROUP, encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, Path(folder)) as app:
            yield Recorder(azure, app, plan, TaskHubGrpcClient(host_address=engine.address))


def is_open(history: History) -> bool:
    return not any(event.HasField("executionCompleted") for event in history.events)


def chosen(histories: list[History]) -> dict[str, History]:
    """The longest of each orchestrator, by the name of its file."""
    longest: dict[str, History] = {}
    for history in histories:
        kind = (
            f"{history.name}-{history.instance.partition('-')[0]}" if history.name == names.SWITCH_RUN else history.name
        )
        if len(history.events) > len(longest.get(kind, History("", ())).events):
            longest[kind] = history
    return longest


def main() -> None:
    for folder, steps in PLANS.items():
        with recorder(steps) as recorded:
            histories = recorded.record()
        shutil.rmtree(FOLDER / folder, ignore_errors=True)
        (FOLDER / folder).mkdir(parents=True)
        for name, history in chosen(histories).items():
            keep(history, FOLDER / folder / f"{name}.json")


if __name__ == "__main__":
    main()
