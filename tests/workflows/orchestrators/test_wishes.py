"""What people wish of a run that is under way, on a real engine with bodies of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from durabletask.client import TaskHubGrpcClient
from orchestrations import run_order, worker_of
from waiting import until

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import TemporaryError
from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import ENGINE_LOG
from orchestrator.workflows import names
from orchestrator.workflows.messages import BatchOrder, BatchReport, Insistence, Wish
from orchestrator.workflows.orchestrators import resubmit, retry, wishes

LONG = timedelta(days=1)
"""A pause that no test waits for."""


def tryer(ctx: Any, given: Any) -> Any:
    """A run that tries one thing; ``given`` is the time that it has, in seconds, or nothing."""
    until = retry.utc_now(ctx) + timedelta(seconds=given) if given else None
    waiter = retry.Waiter("p", "failover-p-e1", LONG, LONG, step="gate", until=until)
    return (yield from retry.insist(ctx, names.LIST_JOBS, None, beat=LONG, longest=LONG, waiter=waiter))


def pauser(ctx: Any, _: Any) -> Any:
    """A pause that is over by itself, and one that is not; whether a wish ended each."""
    first = yield from wishes.pause(ctx, timedelta(milliseconds=10))
    ctx.set_custom_status(retry.waiting_status("gate", "", "the second pause"))
    return [first, (yield from wishes.pause(ctx, LONG))]


class Stage:
    """An engine with a worker, and one thing that fails so many times."""

    def __init__(self, engine: LocalEngine) -> None:
        self.fails = 0
        self.tries = 0
        activities = dict.fromkeys((names.LIST_JOBS, names.RESUBMIT_JOBS, names.TELL), self._try)
        self.worker = worker_of(
            engine, [tryer, pauser, abortable, retry.patience_run, resubmit.resubmit_run], activities
        )
        self.client = TaskHubGrpcClient(host_address=engine.address, logger=ENGINE_LOG)

    def _try(self, _: Any, order: Any) -> Any:
        is_batch = isinstance(order, dict) and "batch" in order
        self.tries += 1
        if self.fails >= self.tries:
            if is_batch:
                return to_builtins(BatchReport(pending=1, why="not yet"))
            raise TemporaryError("not yet")
        return to_builtins(BatchReport()) if is_batch else "done"

    def wish(self, instance: str) -> None:
        self.client.raise_orchestration_event(instance, names.TRY_NOW)

    def end(self, instance: str) -> Any:
        state = self.client.wait_for_orchestration_completion(instance, timeout=600)
        assert state is not None
        assert state.runtime_status.name == "COMPLETED", state.failure_details
        return json.loads(state.serialized_output or "null")

    def pauses(self, instance: str) -> bool:
        found = self.client.get_orchestration_state(instance)
        return bool(found and json.loads(found.serialized_custom_status or "{}").get("why"))


@pytest.fixture
def stage() -> Iterator[Stage]:
    with LocalEngine() as engine:
        made = Stage(engine)
        try:
            yield made
        finally:
            made.client.close()
            made.worker.stop()


@pytest.mark.parametrize("seconds", [None, timedelta(days=7).total_seconds(), timedelta(hours=1).total_seconds()])
def test_a_wish_ends_the_pause_before_the_next_try(stage: Stage, seconds: float | None) -> None:
    """One wish, one try: also where a step has an end, that lies behind the pause or before it."""
    stage.fails = 2
    instance = stage.client.schedule_new_orchestration(tryer, input=seconds)
    for tries in (1, 2):
        until(lambda tries=tries: stage.tries == tries and stage.pauses(instance), "a try to fail")
        stage.wish(instance)
    assert (stage.end(instance), stage.tries) == ("done", 3)


def test_a_wish_reaches_a_step_that_is_tried_for_long(stage: Stage) -> None:
    """Such a step is tried in an orchestration of its own."""
    stage.fails = 1
    insistence = Insistence(
        pair="p",
        run="failover-p-e1",
        activity=names.LIST_JOBS,
        order=None,
        beat=LONG,
        longest=LONG,
        since=run_order().decided_at,
        why="not yet",
        told=True,
    )
    instance = stage.client.schedule_new_orchestration(retry.patience_run, input=to_builtins(insistence))
    until(lambda: stage.pauses(instance), "the first pause")
    stage.wish(instance)
    until(lambda: stage.tries == 1, "the first try")
    stage.wish(instance)
    assert (stage.end(instance)["answer"], stage.tries) == ("done", 2)


def test_a_wish_reaches_a_batch_of_jobs(stage: Stage) -> None:
    """A batch pauses by itself while jobs of it are neither taken nor refused."""
    stage.fails = 1
    order = BatchOrder(run=run_order(beat=LONG, longest=LONG, patience=LONG), round=0, batch=0)
    instance = stage.client.schedule_new_orchestration(resubmit.resubmit_run, input=to_builtins(order))
    until(lambda: stage.pauses(instance), "the pause")
    stage.wish(instance)
    stage.end(instance)
    assert stage.tries == 2


def test_a_wish_that_nothing_waits_for_changes_nothing_but_one_pause(stage: Stage) -> None:
    """It is kept by the engine, and ends one pause: the step is tried once more, and later wishes count."""
    stage.fails = 2
    instance = stage.client.schedule_new_orchestration(tryer)
    stage.wish(instance)
    until(lambda: stage.tries == 2 and stage.pauses(instance), "the second try")
    stage.wish(instance)
    assert (stage.end(instance), stage.tries) == ("done", 3)


def test_a_pause_that_is_over_takes_no_wish(stage: Stage) -> None:
    """The wish is for the pause that stands now."""
    instance = stage.client.schedule_new_orchestration(pauser)
    until(lambda: stage.pauses(instance), "the second pause")
    stage.wish(instance)
    assert stage.end(instance) == [False, True]


def abortable(ctx: Any, how: str) -> Any:
    """Steps that pause for long, or fail, or end; ``restore``: they do something before they pass an abort on."""
    seen: list[str] = []

    def steps() -> Any:
        try:
            answer = yield from retry.insist(ctx, names.LIST_JOBS, how, beat=LONG, longest=LONG, tries=1)
            seen.append(answer)
            ctx.set_custom_status(retry.waiting_status("gate", "", "the pause"))
            yield ctx.create_timer(LONG if how != "end" else timedelta())
        except wishes.Aborted:
            if how != "restore":
                raise
            seen.append((yield ctx.call_activity(names.RESUBMIT_JOBS, input=how)))
            raise
        return "over"

    try:
        last = yield from wishes.until_aborted(ctx, steps())
    except wishes.Aborted as aborted:
        last = str(aborted)
    return [*seen, last]


@pytest.mark.parametrize(
    ("how", "found"),
    [("stop", ["done", "ana aborted it: enough"]), ("restore", ["done", "done", "ana aborted it: enough"])],
)
def test_an_abort_ends_what_is_under_way_and_lets_it_restore_something(
    stage: Stage, how: str, found: list[str]
) -> None:
    """The steps see it where they wait."""
    instance = stage.client.schedule_new_orchestration(abortable, input=how)
    until(lambda: stage.pauses(instance), "the pause")
    wish = Wish(by="ana", reason="enough", at=run_order().decided_at)
    stage.client.raise_orchestration_event(instance, names.ABORT, data=to_builtins(wish))
    assert stage.end(instance) == found


def test_what_nobody_aborts_returns_or_raises_as_without(stage: Stage) -> None:
    """An answer comes back, and so does a failure."""
    assert stage.end(stage.client.schedule_new_orchestration(abortable, input="end")) == ["done", "over"]
    stage.fails = 100
    state = stage.client.wait_for_orchestration_completion(
        stage.client.schedule_new_orchestration(abortable, input="end"), timeout=120
    )
    assert state is not None
    assert (state.runtime_status.name, "not yet" in str(state.failure_details)) == ("FAILED", True)
