"""The walk over a plan's steps, on a real engine with bodies of the test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from durabletask.client import TaskHubGrpcClient
from durabletask.task import ActivityContext
from orchestrations import run_order, worker_of
from waiting import until

from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.errors import EpochFenced, TemporaryError, TurnedAway
from orchestrator.core.plan.step_base import OnError, Retry
from orchestrator.core.plan.steps import AwaitStandby, MoveJobs, Parallel, ScaleCluster, StepOrGroup, WaitForUrl
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import ENGINE_LOG
from orchestrator.workflows import names
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.messages import ATTEMPT, BatchReport, RoundPlan, RunKind, RunOrder
from orchestrator.workflows.orchestrators import notify, resubmit, retry, step_walk

RUN = run_order()
QUICK = timedelta(milliseconds=10)


def url(name: str, **more: Any) -> WaitForUrl:
    return WaitForUrl(name=name, url=f"https://{name}.example", **more)


def walker(ctx: Any, given: Any) -> Any:
    """A run that is only its walk."""
    try:
        reports, jobs = yield from step_walk.walk(ctx, from_builtins(given, RunOrder, "order"))
    except retry.RunStopped as stopped:
        return {"stopped": stopped.error, "why": stopped.why}
    return {"steps": to_builtins(reports), "jobs": to_builtins(jobs)}


class Stage:
    """An engine with a worker. ``bodies`` take the place of what steps do, by the step's name or the activity's."""

    def __init__(self, engine: LocalEngine) -> None:
        self.bodies: dict[str, Callable[[Any], Any]] = {}
        self.calls: list[str] = []
        self.orders: list[Any] = []
        self.told: list[str] = []
        self.may_tell = threading.Event()
        self.may_tell.set()
        activities = (*STEP_ACTIVITIES, names.LIST_JOBS, names.RESUBMIT_JOBS, names.TELL)
        self.worker = worker_of(
            engine,
            [walker, step_walk.step_run, retry.patience_run, resubmit.resubmit_run, notify.tell_run],
            {name: self._activity(name) for name in activities},
        )
        self.client = TaskHubGrpcClient(host_address=engine.address, logger=ENGINE_LOG)

    def _activity(self, name: str) -> Callable[[ActivityContext, Any], Any]:
        def act(_: ActivityContext, order: Any) -> Any:
            if name == names.TELL:
                self.may_tell.wait(300)
                self.told.append(f"{order['name']}: {order['why']}")
                return None
            title = (order.get("step") or {}).get("name") or name
            self.calls.append(title)
            self.orders.append(order)
            return to_builtins(self.bodies.get(title, _done)(order))

        return act

    def start(self, *items: StepOrGroup, kind: RunKind = RunKind.FAILOVER) -> str:
        order = msgspec.structs.replace(RUN, steps=items or None, kind=kind)
        return self.client.schedule_new_orchestration(walker, input=to_builtins(order))

    def end(self, instance: str) -> Any:
        state = self.client.wait_for_orchestration_completion(instance, timeout=600)
        assert state is not None
        assert state.runtime_status.name == "COMPLETED", state.failure_details
        return json.loads(state.serialized_output or "null")

    def walked(self, *items: StepOrGroup, kind: RunKind = RunKind.FAILOVER) -> Any:
        return self.end(self.start(*items, kind=kind))

    def status(self, instance: str) -> dict[str, Any]:
        found = self.client.get_orchestration_state(instance)
        return json.loads(found.serialized_custom_status or "{}") if found else {}


def _done(order: Any) -> Any:
    return RoundPlan(jobs=0, batches=0) if "round" in order else None


@pytest.fixture
def stage() -> Iterator[Stage]:
    with LocalEngine() as engine:
        made = Stage(engine)
        try:
            yield made
        finally:
            made.client.close()
            made.worker.stop()


def outcomes(output: Any) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in output["steps"]}


class Failing:
    """A body that fails so many times, or for ever."""

    def __init__(self, times: float = float("inf"), fault: type[Exception] = TemporaryError) -> None:
        self.left = times
        self.fault = fault

    def __call__(self, order: Any) -> Any:
        if self.left > 0:
            self.left -= 1
            raise self.fault("not yet")
        return _done(order)


@pytest.mark.parametrize("timeout", [None, timedelta(milliseconds=200)])
def test_a_step_that_a_person_skips_is_left_and_the_run_goes_on(stage: Stage, timeout: timedelta | None) -> None:
    """Also one that stands still because its time is over; its report says who skipped it."""
    wished = threading.Event()

    def fail_until_wished(_: Any) -> str:
        if not wished.is_set():
            raise TemporaryError("not yet")
        return "ana skipped it: it is not needed tonight"

    stage.bodies["gate"] = fail_until_wished
    instance = stage.start(url("gate", timeout=timeout), url("after"))
    until(lambda: len(stage.calls) > 2 and "after" not in stage.calls, "the step to fail")
    wished.set()
    output = stage.end(instance)
    assert outcomes(output) == {"gate": "skipped", "after": "done"}
    assert output["steps"][0]["why"] == "ana skipped it: it is not needed tonight"


def test_a_run_without_steps_waits_for_the_standby_and_moves_the_jobs(stage: Stage) -> None:
    """As before there were steps: the same activities, in the same order."""
    output = stage.walked()
    assert stage.calls == [names.AWAIT_STANDBY, names.LIST_JOBS]
    assert outcomes(output) == {"await_standby": "done", "move_jobs": "done"}
    assert all(step["from"] <= step["to"] for step in output["steps"])


def test_a_failback_without_steps_moves_the_jobs(stage: Stage) -> None:
    """It waits for nothing before: should the primary fall ill again, the run has to end."""
    assert outcomes(stage.walked(kind=RunKind.FAILBACK)) == {"move_jobs": "done"}
    assert stage.calls == [names.LIST_JOBS]


def test_steps_follow_each_other_and_know_their_run(stage: Stage) -> None:
    """Each is given the run's order and itself, and not the whole list."""
    output = stage.walked(url("a"), ScaleCluster(name="b", cluster="c", min_nodes=2), url("c"))
    assert stage.calls == ["a", "b", "c"]
    assert list(outcomes(output)) == ["a", "b", "c"]
    assert [order["run"] for order in stage.orders] == [RUN.run] * 3
    assert stage.orders[1]["step"]["min_nodes"] == 2
    assert all(order.get("steps") is None for order in stage.orders)


def test_a_step_that_fails_is_tried_until_it_succeeds(stage: Stage) -> None:
    """Without timeout and tries there is no end but success; long ones go on elsewhere."""
    stage.bodies["a"] = Failing(retry.TRIES_HERE + 2)
    assert outcomes(stage.walked(url("a"), url("b"))) == {"a": "done", "b": "done"}
    assert stage.calls == ["a"] * (retry.TRIES_HERE + 3) + ["b"]
    assert [line.partition(":")[0] for line in stage.told] == ["RunWaits"]


def test_people_are_told_at_once_that_a_run_waits_for_them(stage: Stage) -> None:
    """With the proposal to answer and the question; what it says when it was left out is the step's outcome."""
    stage.bodies["go"] = lambda _: "ana rejected it: not tonight"
    output = stage.walked(AwaitApproval(name="go", question="is the network there?"), url("a"))
    assert outcomes(output) == {"go": "skipped", "a": "done"}
    until(lambda: stage.told, "the notice")
    proposal = f"proposal {RUN.run}/go: is the network there?"
    assert stage.told == [f"ApprovalNeeded: {RUN.run} waits at its step go, {proposal}"]


def test_a_run_does_not_wait_for_a_channel(stage: Stage) -> None:
    """It is over while the notice of a failed step is still being told."""
    stage.bodies["a"] = Failing()
    stage.may_tell.clear()
    try:
        output = stage.walked(url("a", retry=Retry(tries=1), on_error=OnError.CONTINUE), MoveJobs())
        assert (outcomes(output)["move_jobs"], stage.told) == ("done", [])
    finally:
        stage.may_tell.set()
    until(lambda: stage.told, "the notice")


def test_a_step_that_has_used_up_its_tries_is_given_up_and_the_jobs_move(stage: Stage) -> None:
    """With `continue`. People are told, and the report says why."""
    stage.bodies["a"] = Failing()
    output = stage.walked(url("a", retry=Retry(tries=3), on_error=OnError.CONTINUE), MoveJobs())
    assert outcomes(output) == {"a": "failed", "move_jobs": "done"}
    assert stage.calls == ["a", "a", "a", names.LIST_JOBS]
    assert "it failed 3 times: not yet" in output["steps"][0]["why"]
    until(lambda: stage.told, "the notice, which the run does not wait for")
    assert [line.partition(":")[0] for line in stage.told] == ["StepFailed"]


def test_a_step_that_finds_no_place_has_not_been_tried(stage: Stage) -> None:
    """Other steps of the same kind have the places: that uses up no try, and nobody is told that the run waits."""
    stage.bodies["a"] = Failing(retry.TRIES_HERE * 2, TurnedAway)
    output = stage.walked(url("a", retry=Retry(tries=1), on_error=OnError.CONTINUE))
    assert (outcomes(output), stage.told) == ({"a": "done"}, [])
    assert {order.get(ATTEMPT) for order in stage.orders} == {None}


def test_a_step_that_never_finds_a_place_is_a_step_that_fails(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many turns, so that no history grows for ever."""
    monkeypatch.setattr(retry, "STEP_TURNS", 3)
    stage.bodies["a"] = Failing(fault=TurnedAway)
    output = stage.walked(url("a", retry=Retry(tries=2), on_error=OnError.CONTINUE))
    assert outcomes(output) == {"a": "failed"}
    assert len(stage.calls) == 5


@pytest.mark.parametrize("pause", [timedelta(milliseconds=10), timedelta(hours=1)])
def test_a_step_whose_time_is_over_is_given_up(stage: Stage, pause: timedelta) -> None:
    """By a durable timer, also in the middle of a pause."""
    stage.bodies["a"] = Failing()
    step = url("a", timeout=timedelta(seconds=1), retry=Retry(pause=pause), on_error=OnError.CONTINUE)
    output = stage.walked(step, url("b"))
    assert outcomes(output) == {"a": "failed", "b": "done"}
    assert "was not over after 0:00:01: not yet" in output["steps"][0]["why"]


def test_a_step_that_does_not_answer_is_given_up_on_time(stage: Stage) -> None:
    """What comes of it afterwards changes nothing."""
    leave = threading.Event()
    stage.bodies["a"] = lambda _order: leave.wait(300) and None
    try:
        output = stage.walked(url("a", timeout=timedelta(milliseconds=300), on_error=OnError.CONTINUE), url("b"))
    finally:
        leave.set()
    assert outcomes(output) == {"a": "failed", "b": "done"}
    assert "has not answered" in output["steps"][0]["why"]


def test_a_timeout_holds_for_a_step_that_goes_on_elsewhere(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a dozen tries it is in an orchestration of its own, and ends there."""
    monkeypatch.setattr(retry, "TRIES_HERE", 2)
    stage.bodies["a"] = Failing()
    output = stage.walked(url("a", timeout=timedelta(seconds=2), on_error=OnError.CONTINUE), url("b"))
    assert outcomes(output) == {"a": "failed", "b": "done"}
    assert len(stage.calls) > 4


def test_a_run_stands_still_at_a_step_that_must_not_fail(stage: Stage) -> None:
    """With `stop`: people are told, nothing after it begins, and it goes on when the step succeeds."""
    well = threading.Event()

    def body(order: Any) -> Any:
        if not well.is_set():
            raise TemporaryError("not yet")
        return _done(order)

    stage.bodies["a"] = body
    instance = stage.start(url("a", retry=Retry(tries=2)), MoveJobs())
    until(lambda: stage.told, "people are told")
    assert stage.told[0].startswith("RunWaits: failover-p-e1 stands still at its step a ")
    until(lambda: len(stage.calls) > 5, "it is tried on")
    assert set(stage.calls) == {"a"}
    assert stage.status(instance)["step"] == "a"
    well.set()
    output = stage.end(instance)
    assert outcomes(output) == {"a": "done", "move_jobs": "done"}
    assert "it came late: it failed 2 times: not yet" in output["steps"][0]["why"]
    assert len(stage.told) == 1


def test_the_steps_of_a_group_run_side_by_side(stage: Stage) -> None:
    """Each waits here for the other to begin. What follows waits for both."""
    begun = {"a": threading.Event(), "b": threading.Event()}

    def meet(own: str, other: str) -> Callable[[Any], Any]:
        def body(order: Any) -> Any:
            begun[own].set()
            assert begun[other].wait(300)
            return _done(order)

        return body

    stage.bodies |= {"a": meet("a", "b"), "b": meet("b", "a")}
    output = stage.walked(Parallel(parallel=(url("a"), url("b"))), url("c"))
    assert set(stage.calls[:2]) == {"a", "b"}
    assert stage.calls[2] == "c"
    assert outcomes(output) == {"a": "done", "b": "done", "c": "done"}


def test_jobs_move_beside_other_steps(stage: Stage) -> None:
    """One that fails beside them does not hold them up; their report is the run's."""
    rounds = iter([RoundPlan(jobs=2, batches=1, size=2), RoundPlan(jobs=0, batches=0)])
    stage.bodies[names.LIST_JOBS] = lambda _order: next(rounds)
    stage.bodies[names.RESUBMIT_JOBS] = lambda _order: BatchReport(resubmitted=2)
    stage.bodies["a"] = Failing()
    group = Parallel(parallel=(url("a", retry=Retry(tries=2), on_error=OnError.CONTINUE), MoveJobs()))
    output = stage.walked(AwaitStandby(), group)
    assert outcomes(output) == {"await_standby": "done", "a": "failed", "move_jobs": "done"}
    assert output["jobs"]["resubmitted"] == 2


@pytest.mark.parametrize("items", [(url("a"), url("b")), (Parallel(parallel=(url("a"), url("c"))), url("b"))])
def test_a_run_that_was_overtaken_ends_at_once(stage: Stage, items: tuple[StepOrGroup, ...]) -> None:
    """S8: also in a group, and whatever the step's `on_error`."""
    stage.bodies["a"] = Failing(fault=EpochFenced)
    output = stage.walked(*items)
    assert output == {"stopped": "EpochFenced", "why": "not yet"}
    assert "b" not in stage.calls
    assert stage.calls.count("a") == 1


def test_the_status_says_which_step_a_run_waits_for_and_which_are_over(stage: Stage) -> None:
    """Since when, and why it lasts."""
    well = threading.Event()
    failing = Failing()
    stage.bodies["b"] = lambda order: _done(order) if well.is_set() else failing(order)
    instance = stage.start(url("a"), url("b"), url("c"))
    until(lambda: stage.status(instance).get("why") == "not yet", "the status has the reason")
    status = stage.status(instance)
    assert status["step"] == "b"
    assert [(step["step"], step["outcome"]) for step in status["done"]] == [("a", "done")]
    well.set()
    stage.end(instance)


def _status_of(stage: Stage, instance: str) -> str:
    found = stage.client.get_orchestration_state(instance)
    return found.runtime_status.name if found else ""


def test_a_step_of_a_group_that_breaks_is_begun_again(stage: Stage) -> None:
    """As when its orchestration was terminated by hand."""
    entered, leave = threading.Event(), threading.Event()

    def body(order: Any) -> Any:
        entered.set()
        assert leave.wait(300)
        return _done(order)

    stage.bodies["a"] = body
    instance = stage.start(Parallel(parallel=(url("a"),)))
    assert entered.wait(300)
    [child] = [
        state.instance_id for state in stage.client.get_all_orchestration_states() if "-s-a-" in state.instance_id
    ]
    stage.client.terminate_orchestration(child)
    until(lambda: _status_of(stage, child) == "TERMINATED", "its end")
    leave.set()
    assert outcomes(stage.end(instance)) == {"a": "done"}
    assert stage.calls.count("a") == 2


def test_a_step_of_a_group_begins_after_those_that_it_names(stage: Stage) -> None:
    """Whether they were done or failed; the others do not wait, and neither do the jobs."""
    go = threading.Event()
    stage.bodies["slow"] = lambda _order: go.wait(300) and None
    stage.bodies["broken"] = Failing()
    group = Parallel(
        parallel=(
            url("last", after=("slow", "broken")),
            url("slow"),
            url("broken", retry=Retry(tries=1), on_error=OnError.CONTINUE),
            MoveJobs(),
            url("next", after=("broken",)),
        )
    )
    instance = stage.start(group)
    until(lambda: "next" in stage.calls and names.LIST_JOBS in stage.calls, "what does not wait for the slow one")
    assert "last" not in stage.calls
    go.set()
    steps = {step["name"]: step for step in stage.end(instance)["steps"]}
    outcome = {name: step["outcome"] for name, step in steps.items()}
    assert outcome == {"slow": "done", "broken": "failed", "move_jobs": "done", "next": "done", "last": "done"}
    assert steps["last"]["from"] >= max(steps["slow"]["to"], steps["broken"]["to"])


def tries_of(stage: Stage, title: str) -> list[int]:
    """The numbers that the calls of a step or an activity were given, in order."""
    return [order.get(ATTEMPT, 1) for called, order in zip(stage.calls, stage.orders, strict=True) if called == title]


@pytest.mark.parametrize("limit", [None, 2])
def test_tries_are_numbered_on_wherever_a_step_is_tried(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    """In the run, in an orchestration of its own, and when that begins anew; also of a run that stands still."""
    monkeypatch.setattr(retry, "TRIES_HERE", 3)
    monkeypatch.setattr(retry, "TRIES_THERE", 2)
    stage.bodies["warm"] = Failing(8)
    output = stage.walked(url("warm", retry=Retry(tries=limit, pause=QUICK, longest=QUICK)), MoveJobs())
    assert outcomes(output)["warm"] == "done"
    assert tries_of(stage, "warm") == list(range(1, 10))


def test_tries_at_a_batch_are_numbered_on_when_its_orchestration_begins_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch whose jobs are pending is tried again without an error."""
    monkeypatch.setattr(resubmit, "ROUNDS", 2)
    left = [5]

    def try_batch(_: Any) -> BatchReport:
        left[0] -= 1
        return BatchReport(pending=1 if left[0] else 0, resubmitted=0 if left[0] else 1)

    rounds = iter([RoundPlan(jobs=1, batches=1)])
    stage.bodies[names.LIST_JOBS] = lambda _: next(rounds, RoundPlan(jobs=0, batches=0))
    stage.bodies[names.RESUBMIT_JOBS] = try_batch
    assert stage.walked(MoveJobs())["jobs"]["resubmitted"] == 1
    assert tries_of(stage, names.RESUBMIT_JOBS) == [1, 2, 3, 4, 5]
