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
from orchestrator.core.base.vocabulary import Mode, Phase, Role
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
    "get_openapi": ("api/openapi.json", ["GET"], "function"),
    "get_status": ("api/status", ["GET"], "function"),
    "get_pair": ("api/pairs/{pair}", ["GET"], "function"),
    "explain_pair": ("api/pairs/{pair}/explain", ["GET"], "function"),
    "get_runs": ("api/runs", ["GET"], "function"),
    "get_doctor": ("api/doctor", ["GET"], "function"),
    "get_decisions": ("api/pairs/{pair}/decisions", ["GET"], "function"),
    "get_data": ("api/pairs/{pair}/data", ["GET"], "function"),
    "get_readiness": ("api/pairs/{pair}/readiness", ["GET"], "function"),
    "get_signals": ("api/pairs/{pair}/signals", ["GET"], "function"),
    "get_run": ("api/runs/{id}", ["GET"], "function"),
    "skip_step": ("api/runs/{id}/skip", ["POST"], "function"),
    "abort_run": ("api/runs/{id}/abort", ["POST"], "function"),
    "ungraceful_run": ("api/runs/{id}/ungraceful", ["POST"], "function"),
    "retry_run": ("api/runs/{id}/retry", ["POST"], "function"),
    "get_evidence": ("api/runs/{id}/evidence", ["GET"], "function"),
    "finalise_run": ("api/runs/{id}/finalise", ["POST"], "function"),
    "get_audit": ("api/audit", ["GET"], "function"),
    "start_drill": ("api/pairs/{pair}/drill", ["POST"], "function"),
    "failover_group": ("api/groups/{name}/failover", ["POST"], "function"),
    "failback_group": ("api/groups/{name}/failback", ["POST"], "function"),
    "send_test_notices": ("api/pairs/{pair}/test-notices", ["POST"], "function"),
    "recover_pair": ("api/pairs/{pair}/recover", ["POST"], "function"),
    "approve_pair": ("api/pairs/{pair}/approve", ["POST"], "function"),
    "reject_pair": ("api/pairs/{pair}/reject", ["POST"], "function"),
    "acknowledge_pair": ("api/pairs/{pair}/acknowledge", ["POST"], "function"),
    "pause_everything": ("api/pause", ["POST"], "function"),
    "resume_everything": ("api/resume", ["POST"], "function"),
    "pause_pair": ("api/pairs/{pair}/pause", ["POST"], "function"),
    "resume_pair": ("api/pairs/{pair}/resume", ["POST"], "function"),
    "receive_events": ("api/events", ["POST", "OPTIONS"], "function"),
    "receive_alerts": ("api/alerts", ["POST", "OPTIONS"], "function"),
    "failover_pair": ("api/pairs/{pair}/failover", ["POST"], "function"),
    "failback_pair": ("api/pairs/{pair}/failback", ["POST"], "function"),
    "health_live": ("api/health/live", ["GET"], "anonymous"),
    "health_ready": ("api/health/ready", ["GET"], "anonymous"),
    "get_home": ("/", ["GET"], "anonymous"),
}
"""Name -> route, methods, level of key."""

WITHOUT_CLIENT = {"health_live", "get_home"}
TIMERS = {
    "watch": "*/10 * * * * *",
    "poll": "*/30 * * * * *",
    "reconcile": "0 * * * * *",
    "replicate": "30 * * * * *",
    "readiness": "5/15 * * * * *",
}
ORCHESTRATORS = {
    *("switch_run", "step_run", "resubmit_run", "patience_run", "after_run"),
    *("capture_run", "drill_run", "tell_run", "keep_run", "audit_run", "recover_run", "stop_run", "press_run"),
    "order_pair_run",
    "notice_run",
    *("group_run", "group_pair_run", "order_group_pair_run"),
}
ACTIVITIES = {
    "withdraw_run",
    "look_at_drain",
    "claim_epoch",
    "publish_pointer",
    "verify_pointer",
    "read_epoch",
    "await_standby",
    "wait_for_url",
    "scale_cluster",
    "scale_deployment",
    "set_traffic",
    "set_batch_default",
    "scale_ai_deployment",
    "set_schedules",
    "deploy_template",
    "switch_traffic_manager",
    "switch_front_door",
    "switch_api_management",
    "call_webhook",
    "await_approval",
    "wait_for_alert",
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
    "cancel_canary",
    "begin_partial",
    "look_at_copies",
    "end_copies",
    "finish_drill",
    "make_evidence",
    "measure_drill",
    "turn_ungraceful",
    "write_audit",
    "keep_notices",
    "recover_resource",
    "finish_recovery",
    "run_pair",
    "keep_pair_order",
    "keep_group_order",
    "look_at_group_pair",
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
    """Only health, and the page without its content, are open to all."""
    found = {
        name: (binding["route"], binding["methods"], binding["authLevel"].casefold())
        for name, bindings in listed(deployed).items()
        for binding in bindings
        if binding["type"] == "httpTrigger"
    }
    assert found == HTTP


def test_the_openapi_document_has_the_routes_that_the_library_lists(deployed: Deployed) -> None:
    """As the library itself serves it: path and method of every HTTP function."""
    served = json.loads(deployed.call("get_openapi", "GET", "openapi.json")["body"])
    told = {(path, method) for path, operations in served["paths"].items() for method in operations}
    assert told == {
        (route.removeprefix("api"), method.lower())
        for route, methods, _ in HTTP.values()
        if route.startswith("api/")
        for method in methods
    }


def test_the_durable_client_goes_to_those_who_need_it(deployed: Deployed) -> None:
    """Every trigger that tells or asks the engine, and no other function."""
    found = {name for name, bindings in listed(deployed).items() if any(b["type"] == "durableClient" for b in bindings)}
    assert found == ({*HTTP, *TIMERS, "on_event_grid"} - WITHOUT_CLIENT)


def test_no_prefix_of_the_host_comes_before_the_routes() -> None:
    """Routes say ``api/`` themselves: with a prefix the host could give ``/`` to no function."""
    extensions = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]
    assert extensions["http"]["routePrefix"] == ""


def test_the_root_is_the_page(deployed: Deployed) -> None:
    """Under no prefix, for anybody, with the headers that keep other scripts out."""
    request = {"method": "GET", "url": "https://app.example/", "headers": {}, "params": {}, "query": {}, "body": ""}
    answer = deployed.library.ask(do="invoke", function="get_home", inputs={"req": ("http", request)})["output"]
    assert (answer["status"], answer["body"][:15]) == (200, "<!DOCTYPE html>")
    assert "script-src 'sha256-" in answer["headers"]["Content-Security-Policy"]


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

    def looked_at() -> PairState | None:
        """A pair that is well: on a busy machine one look may find a probe without an answer."""
        deployed.invoke("watch", timer=("json", json.dumps({"IsPastDue": False, "ScheduleStatus": None})))
        state = until(deployed.state, "the pair's state")
        return state if state.looked_at and state.phase is Phase.STEADY else None

    state = until(looked_at, "a pair that is looked at and steady", pause=0.2)
    assert state.epoch == 0
    assert {"primary.hub", "secondary.control"} <= set(state.evidence.tracks)


def test_a_drill_is_started_and_runs_to_its_end(deployed: Deployed) -> None:
    """202 with a place to look, and the run that is there is a drill that ends well."""
    deployed.invoke("watch", timer=("json", "{}"))

    def goes_well() -> bool:
        """Whether it found no fault; on a busy machine a probe may have no answer in time."""
        answer = deployed.call("start_drill", "POST", "pairs/demo/drill", body={"reason": "weekly practice"})
        run = json.loads(answer["body"])["run"]
        found = deployed.client.wait_for_orchestration_completion(run, timeout=300)
        assert (answer["status"], answer["headers"]["Location"]) == (202, f"/api/runs/{run}")
        assert found is not None
        assert (found.name, found.runtime_status) == ("drill_run", OrchestrationStatus.COMPLETED)
        return bool(json.loads(found.serialized_output or "{}")["ok"])

    until(goes_well, "a drill that goes well", longest=10, pause=1)


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

    def record() -> JobRecord | None:
        """The record of the job, which the timer makes once it finds that the job runs."""
        deployed.invoke("reconcile", timer=("json", "{}"))
        return deployed.record("to-move")

    until(record, "the job's record", pause=0.2)
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
    return state if state and state.phase is Phase.SETTLED else None
