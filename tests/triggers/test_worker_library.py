"""The app as Azure Functions runs it: loaded, listed and invoked by the worker library that runs there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bodies import cloud, grid
from durabletask.client import OrchestrationStatus, TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from live import until
from stories import BAD, sweep

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.vocabulary import Mode, Role
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState, read_state
from orchestrator.core.jobs.record import JobRecord
from orchestrator.core.jobs.record_schema import read_job_record
from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import client_configuration
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of, plan_yaml
from orchestrator.local.workload import User
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import Pace
from orchestrator.workflows import names
from orchestrator.workflows.messages import RunKind, RunOrder

ROOT = Path(__file__).parents[2]
HOST = Path(__file__).with_name("library_host.py")
EVENT = "Microsoft.MachineLearningServices.RunStatusChanged"

HTTP = {
    "get_status": ("status", ["GET"], "function"),
    "get_pair": ("pairs/{pair}", ["GET"], "function"),
    "explain_pair": ("pairs/{pair}/explain", ["GET"], "function"),
    "get_runs": ("runs", ["GET"], "function"),
    "get_decisions": ("pairs/{pair}/decisions", ["GET"], "function"),
    "get_signals": ("pairs/{pair}/signals", ["GET"], "function"),
    "get_run": ("runs/{id}", ["GET"], "function"),
    "start_drill": ("pairs/{pair}/drill", ["POST"], "function"),
    "approve_pair": ("pairs/{pair}/approve", ["POST"], "function"),
    "reject_pair": ("pairs/{pair}/reject", ["POST"], "function"),
    "acknowledge_pair": ("pairs/{pair}/acknowledge", ["POST"], "function"),
    "pause_everything": ("pause", ["POST"], "function"),
    "resume_everything": ("resume", ["POST"], "function"),
    "pause_pair": ("pairs/{pair}/pause", ["POST"], "function"),
    "resume_pair": ("pairs/{pair}/resume", ["POST"], "function"),
    "receive_events": ("events", ["POST", "OPTIONS"], "function"),
    "receive_alerts": ("alerts", ["POST", "OPTIONS"], "function"),
    "failover_pair": ("pairs/{pair}/failover", ["POST"], "function"),
    "failback_pair": ("pairs/{pair}/failback", ["POST"], "function"),
    "health_live": ("health/live", ["GET"], "anonymous"),
    "health_ready": ("health/ready", ["GET"], "anonymous"),
}
"""Name -> route, methods, level of key."""

WITHOUT_CLIENT = {"health_live"}
TIMERS = {
    "watch": "*/10 * * * * *",
    "poll": "*/30 * * * * *",
    "reconcile": "0 * * * * *",
    "replicate": "30 * * * * *",
}
ORCHESTRATORS = {
    *("switch_run", "step_run", "resubmit_run", "patience_run", "after_run"),
    *("capture_run", "drill_run", "tell_run", "keep_run"),
}
ACTIVITIES = {
    "claim_epoch",
    "publish_pointer",
    "verify_pointer",
    "read_epoch",
    "await_standby",
    "wait_for_url",
    "scale_cluster",
    "list_jobs",
    "resubmit_jobs",
    "settle_jobs",
    "capture_jobs",
    "tell",
    "keep_decision",
    "finish_run",
    "rehearse",
    "submit_canary",
    "check_canary",
    "finish_drill",
}
POLICY: dict[str, Any] = {
    "mode": Mode.AUTO,
    "green_drills": 0,
    "probe_interval": timedelta(seconds=1),
    "suspect_interval": timedelta(seconds=1),
    "confirm_after": timedelta(seconds=4),
    "confirm_after_notice": timedelta(seconds=2),
}
BUILT_IN = {"BuiltIn__HttpActivity": "activityTrigger", "BuiltIn__HttpPollOrchestrator": "orchestrationTrigger"}
"""What the durable library adds to every app."""


class Library:
    """The process in which the library runs the app."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HOST), str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.fault: str = self._answer()["fault"]

    def ask(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(300)
        self._process.stdout.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True)
class Deployed:
    """The app in the library's process, with everything that it talks to in this one."""

    azure: LocalAzure
    engine: LocalEngine
    library: Library
    client: TaskHubGrpcClient

    def invoke(self, function: str, **inputs: tuple[str, Any]) -> Any:
        """One invocation, with the durable client that the host would hand over; what it returned."""
        client = ("string", client_configuration(self.engine.address, "https://app.example"))
        found = self.library.ask(do="invoke", function=function, inputs=inputs | {"client": client})
        assert found["ok"], found
        return found["output"]

    def call(self, function: str, method: str, path: str, pair: str = "demo", body: Any = None) -> dict[str, Any]:
        """An HTTP request to a function about a pair; status, headers, body as text."""
        request = {
            "method": method,
            "url": f"https://app.example/api/{path}",
            "headers": {"accept": "application/json"},
            "params": {"pair": pair},
            "query": {},
            "body": "" if body is None else json.dumps(body),
        }
        return dict(self.invoke(function, req=("http", request)))

    def state(self) -> PairState | None:
        found = self.client.get_entity(EntityInstanceId(names.PAIR_ENTITY, "demo"))
        stored = found.get_state(str) if found else None
        return read_state(stored) if stored else None

    def record(self, name: str) -> JobRecord | None:
        path = f"demo/jobs/{name}.json"
        blob = self.azure.call(lambda: self.azure.ledger.get(plan_of(self.azure).ledger.container, path))
        return read_job_record(blob.data, path) if blob else None

    def submit(self, name: str) -> None:
        """A job that runs in the primary for as long as anybody looks."""
        hub = plan_of(self.azure).primary
        job = {
            "jobType": "Command",
            "command": "python train.py",
            "computeId": f"{hub.project_id}/computes/cpu-cluster",
            "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
            "tags": {"local.duration": "360000"},
        }
        User(self.azure).submit(hub, name, job)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    place = tmp_path_factory.mktemp("plans") / "demo.yaml"
    azure = LocalAzure(seed=5, speed=60, pace=Pace(running=(10.0, 20.0)))
    with azure, LocalEngine() as engine, variables(azure.environment()):
        place.write_text(plan_yaml(azure, **POLICY), encoding="utf-8")
        library = Library({**os.environ, "HUBSWITCH_PLANS": str(place)})
        client = TaskHubGrpcClient(host_address=engine.address)
        try:
            assert library.fault == ""
            library.ask(do="index")
            library.ask(do="serve", engine=engine.address)
            yield Deployed(azure, engine, library, client)
        finally:
            library.close()
            client.close()


def listed(deployed: Deployed) -> dict[str, list[dict[str, Any]]]:
    found = {function["name"]: function["bindings"] for function in deployed.library.ask(do="index")}
    return {name: bindings for name, bindings in found.items() if name not in BUILT_IN}


def test_every_function_is_listed_with_its_trigger(deployed: Deployed) -> None:
    """Nothing is missing, and nothing is there that nobody expects."""
    triggers = {
        name: next(binding["type"] for binding in bindings if binding["type"].endswith("Trigger"))
        for name, bindings in listed(deployed).items()
    }
    assert triggers == {
        **dict.fromkeys(HTTP, "httpTrigger"),
        **dict.fromkeys(TIMERS, "timerTrigger"),
        **dict.fromkeys(ORCHESTRATORS, "orchestrationTrigger"),
        **dict.fromkeys(ACTIVITIES, "activityTrigger"),
        "PairEntity": "entityTrigger",
        "DeliveriesEntity": "entityTrigger",
        "on_event_grid": "eventGridTrigger",
    }


def test_every_route_has_its_methods_and_its_level_of_key(deployed: Deployed) -> None:
    """Only health is open to all."""
    found = {
        name: (binding["route"], binding["methods"], binding["authLevel"].casefold())
        for name, bindings in listed(deployed).items()
        for binding in bindings
        if binding["type"] == "httpTrigger"
    }
    assert found == HTTP


def test_the_durable_client_goes_to_those_who_need_it(deployed: Deployed) -> None:
    """Every trigger that tells or asks the engine, and no other function."""
    found = {name for name, bindings in listed(deployed).items() if any(b["type"] == "durableClient" for b in bindings)}
    assert found == ({*HTTP, *TIMERS, "on_event_grid"} - WITHOUT_CLIENT)


def test_timers_have_the_schedules_of_the_settings(deployed: Deployed) -> None:
    """And no monitor: a look that was missed need not be made up for."""
    found = {
        name: (binding["schedule"], binding["useMonitor"])
        for name, bindings in listed(deployed).items()
        for binding in bindings
        if binding["type"] == "timerTrigger"
    }
    assert found == {name: (schedule, False) for name, schedule in TIMERS.items()}


def test_durable_functions_bear_the_names_under_which_they_are_called(deployed: Deployed) -> None:
    """A name that differs is a step that never runs."""
    bound = {
        binding.get("orchestration") or binding.get("activity") or binding.get("entityName")
        for bindings in listed(deployed).values()
        for binding in bindings
    }
    assert bound - {None} == {*ORCHESTRATORS, *ACTIVITIES, names.PAIR_ENTITY, names.DELIVERIES_ENTITY}


def test_the_watch_looks_at_the_pair(deployed: Deployed) -> None:
    """The timer's invocation probes both sides and tells the entity, which keeps what was seen."""
    deployed.invoke("watch", timer=("json", json.dumps({"IsPastDue": False, "ScheduleStatus": None})))
    state = until(deployed.state, "the pair's state")
    assert (state.phase.value, state.epoch, state.looked_at is not None) == ("steady", 0, True)
    assert {"primary.hub", "secondary.control"} <= set(state.evidence.tracks)


def test_a_drill_is_started_and_runs_to_its_end(deployed: Deployed) -> None:
    """202 with a place to look, and the run that is there is a drill that ends well."""
    deployed.invoke("watch", timer=("json", "{}"))
    answer = deployed.call("start_drill", "POST", "pairs/demo/drill", body={"reason": "weekly practice"})
    run = json.loads(answer["body"])["run"]
    found = deployed.client.wait_for_orchestration_completion(run, timeout=300)
    assert (answer["status"], answer["headers"]["Location"]) == (202, f"/api/runs/{run}")
    assert found is not None
    assert (found.name, found.runtime_status) == ("drill_run", OrchestrationStatus.COMPLETED)
    assert json.loads(found.serialized_output or "{}")["ok"] is True


def test_problems_and_types_of_answers_reach_the_caller(deployed: Deployed) -> None:
    """What the library makes of an answer: status, problem details, their media type."""
    answer = deployed.call("pause_pair", "POST", "pairs/nope/pause", pair="nope", body={"reason": "because"})
    assert (answer["status"], answer["headers"]["content-type"]) == (404, "application/problem+json")
    assert json.loads(answer["body"])["detail"] == "there is no plan for a pair named 'nope'"


@pytest.mark.parametrize("schema", ["grid", "cloud"])
def test_the_event_grid_trigger_takes_a_job_into_the_ledger(deployed: Deployed, schema: str) -> None:
    """In either schema: the converter makes different classes of them, whatever the annotation says."""
    name, hub = f"event-{schema}", plan_of(deployed.azure).primary
    deployed.submit(name)
    data = {"experimentName": "train", "runId": name, "runType": "azureml.commandjob", "runStatus": "Running"}
    subject = f"experiments/train/runs/{name}"
    event = (
        grid(EVENT, data, subject=subject, topic=hub.project_id)
        if schema == "grid"
        else cloud(EVENT, data, subject=subject, source=hub.project_id)
    )
    deployed.invoke("on_event_grid", event=("json", json.dumps(event)))
    record = until(lambda: deployed.record(name), "the job's record")
    assert (record.status.value, record.hub.value) == ("running", "primary")


def test_a_whole_failover_runs_as_azure_would_run_it(deployed: Deployed) -> None:
    """Entity, orchestrators and activities, every one an invocation: the pointer moves and the job arrives."""
    deployed.submit("to-move")
    deployed.invoke("reconcile", timer=("json", "{}"))
    deployed.invoke("watch", timer=("json", "{}"))
    until(deployed.state, "the pair's state")
    deployed.invoke("reconcile", timer=("json", "{}"))
    until(lambda: deployed.record("to-move"), "the job's record")
    deployed.azure.region_down(plan_of(deployed.azure).primary.region)
    outage(deployed)
    found = deployed.client.wait_for_orchestration_completion("failover-demo-e1", timeout=300)
    assert found is not None
    summary = json.loads(found.serialized_output or "{}")
    state = until(lambda: _settled(deployed.state()), "the pair's rest")
    assert (summary["outcome"], summary["epoch"], summary["jobs"]["pending"]) == ("completed", 1, 0)
    assert (state.active.value, state.epoch) == ("secondary", 1)
    assert "to-move-e1" in {job.name for job in deployed.azure.truth.jobs()}


def test_an_error_that_must_stop_a_run_is_known_by_its_name(deployed: Deployed) -> None:
    """S8: the extension knows a Python error by the class name before its first colon; a stale run stops on it."""
    now = datetime.now(UTC)
    order = RunOrder(
        pair="demo",
        kind=RunKind.FAILOVER,
        run="failover-demo-e9",
        epoch=9,
        source=Role.PRIMARY,
        target=Role.SECONDARY,
        why="a test",
        decided_at=now,
        doubted_since=now,
        claim_by=now + timedelta(minutes=5),
        beat=timedelta(milliseconds=50),
        longest=timedelta(milliseconds=200),
    )
    deployed.client.schedule_new_orchestration(names.SWITCH_RUN, input=to_builtins(order), instance_id=order.run)
    found = deployed.client.wait_for_orchestration_completion(order.run, timeout=300)
    assert found is not None
    assert json.loads(found.serialized_output or "{}")["outcome"] in {"superseded", "failed"}


def test_an_app_without_plans_is_refused_in_one_line() -> None:
    """What the portal shows when the setting is missing says which setting, and what belongs in it."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("HUBSWITCH_")}
    library = Library(environment)
    library.close()
    assert library.fault == (
        "InvalidInput: environment: HUBSWITCH_PLANS: expected a folder of plans, or one plan file, got nothing"
    )


def outage(deployed: Deployed) -> None:
    """Tell the entity what a failing primary looks like, as the next looks would."""
    start = datetime.now(UTC)
    for ahead in (0, 2, 4, 6, 8):
        at = start + timedelta(seconds=ahead)
        bad = {"primary.hub": BAD, "primary.jobs": BAD, "primary.storage": BAD}
        seen = Observed(now=at, signals=tuple(sweep(at, bad)), is_look=True)
        entity = EntityInstanceId(names.PAIR_ENTITY, "demo")
        deployed.client.signal_entity(entity, names.OBSERVE, input=to_builtins(seen))


def _settled(state: PairState | None) -> PairState | None:
    return state if state and state.phase.value == "settled" else None
