"""A run that orders another pair: that pair switches once, whatever becomes of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from crash_harness import Bench, Visit, Worker, is_over, order_of, patiently, running, until_seen
from durabletask.client import TaskHubGrpcClient
from durabletask.entities import EntityInstanceId

from orchestrator.core.base.codec import decode, to_builtins
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.state import PairState
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.ledger_paths import pair_order_path, summary_path
from orchestrator.core.plan.step_base import OnError, Retry
from orchestrator.core.plan.steps import MoveJobs, Workflow
from orchestrator.core.plan.steps_pair import PairWait, RunPair
from orchestrator.local.engine import LocalEngine
from orchestrator.workflows import names
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.messages import Commanded, RunSummary, StepReport


class Stage(NamedTuple):
    """Two pairs, the worker that serves them, and the engine."""

    visit: Visit
    engine: LocalEngine
    client: TaskHubGrpcClient
    worker: Worker

    @property
    def other(self) -> str:
        assert self.visit.other is not None
        return self.visit.other.pair

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        return until_seen(holds, what, self.engine, self.worker)

    def command(self, do: Do) -> None:
        """What a person wants of the other pair."""
        said = Commanded(now=datetime.now(UTC), command=Command(do=do, by="ana", reason="planned work"))
        entity = EntityInstanceId(names.PAIR_ENTITY, self.other)
        self.client.signal_entity(entity, names.COMMAND, input=to_builtins(said))

    def other_state(self) -> PairState:
        found = self.visit.state(self.client, self.other)
        assert found is not None
        return found

    def record(self) -> EpochRecord:
        """Who may act for the other pair."""
        found = patiently(lambda: self.visit.world.epochs[self.other].read(self.other))
        assert found is not None
        return found.value

    def end(self) -> dict[str, StepReport]:
        """The steps of the first pair's run by name, when everything is over."""
        self.until(lambda: is_over(self.visit, self.client) and self.engine.idle(), "the end of both runs")
        path = summary_path(self.visit.pair, f"failover-{self.visit.pair}-e1")
        kept = patiently(lambda: self.visit.world.ledgers[self.visit.pair].get(path))
        return {step.name: step for step in decode(kept or b"", RunSummary, path).steps}

    def waits_with(self, words: str) -> Any:
        """Wait until some orchestration of the first pair's run says these words."""
        return self.until(lambda: words in self.engine.told(), words)


@contextmanager
def stage(bench: Bench, *, other: Mapping[str, Any] | None = None, **step: Any) -> Iterator[Stage]:
    """Both pairs before the outage; the first one's failover orders the second one."""
    ordered = RunPair(pair=bench.next_other, **step)
    visit = bench.visit_two(other=other or {}, steps=Workflow(failover=(ordered, MoveJobs())))
    with running() as (engine, client):
        worker = visit.worker(engine)
        try:
            made = Stage(visit, engine, client, worker)
            visit.see_other_well(client)
            made.until(lambda: visit.state(client, made.other), "the other pair's first look")
            yield made
        finally:
            worker.end()


def given(at: Stage) -> bytes | None:
    path = pair_order_path(at.visit.pair, f"failover-{at.visit.pair}-e1", "run_pair")
    return patiently(lambda: at.visit.world.ledgers[at.visit.pair].get(path))


def test_the_other_pair_switches_once_and_says_who_ordered_it(dead_primary: Bench) -> None:
    """It is well and in mode observe: nothing but the order moves it, as a person's would."""
    with stage(dead_primary) as at:
        at.visit.outage(at.client)
        steps = at.end()
        record, state = at.record(), at.other_state()
    assert (steps["run_pair"].outcome, steps["run_pair"].why) == ("done", "")
    assert (record.epoch, record.active, record.run) == (1, Role.SECONDARY, f"failover-{at.other}-e1")
    assert f"ordered by the run failover-{at.visit.pair}-e1 of pair {at.visit.pair}" in record.why
    assert [order.id for order in state.orders] == [f"failover-{at.visit.pair}-e1/run_pair"]
    assert steps["run_pair"].ended >= record.since


def test_a_pair_that_is_there_already_is_not_ordered(dead_primary: Bench) -> None:
    """Its epoch record says so, and nothing of it changes."""
    with stage(dead_primary) as at:
        there = msgspec.structs.replace(order_of(at.visit, 1), pair=at.other, run=f"failover-{at.other}-e1")
        claim_epoch(at.visit.world, there)
        at.visit.outage(at.client)
        steps = at.end()
        assert at.record().epoch == 1
        assert at.other_state().orders == ()
        assert given(at) is None
    assert steps["run_pair"].outcome == "done"


def test_a_refusal_fails_the_step_with_the_pairs_own_sentence(dead_primary: Bench) -> None:
    """A pause holds this order as it holds a person's; the run goes on as its plan says."""
    with stage(dead_primary, on_error=OnError.CONTINUE, retry=Retry(tries=2)) as at:
        at.command(Do.PAUSE)
        at.visit.outage(at.client)
        steps = at.end()
        assert (at.record().epoch, at.record().active) == (0, Role.PRIMARY)
        assert at.other_state().orders == ()
    assert steps["run_pair"].outcome == "failed"
    assert f"{at.other} refused the order: paused by ana" in steps["run_pair"].why
    assert steps["move_jobs"].outcome == "done"


def test_a_refused_order_is_taken_when_what_held_it_is_over(dead_primary: Bench) -> None:
    """The step is tried on until then; the jobs wait behind it."""
    with stage(dead_primary, retry=Retry(pause=timedelta(milliseconds=100), longest=timedelta(milliseconds=100))) as at:
        at.command(Do.PAUSE)
        at.visit.outage(at.client)
        at.waits_with("refused the order: paused by ana")
        at.command(Do.RESUME)
        steps = at.end()
        assert at.record().epoch == 1
        assert len(at.other_state().orders) == 1
    assert steps["run_pair"].outcome == "done"


def test_a_step_that_waits_for_the_order_alone_is_done_when_it_is_taken(dead_primary: Bench) -> None:
    """An order that a second person has to approve is taken, and the run goes on without the switch."""
    policy = msgspec.structs.replace(dead_primary.visit().plan.policy, second_person=True)
    with stage(dead_primary, other={"policy": policy}, wait=PairWait.ORDERED) as at:
        at.visit.outage(at.client)
        steps = at.end()
        assert at.record().epoch == 0
        assert at.other_state().request is not None
    assert steps["run_pair"].outcome == "done"


def test_a_step_whose_pair_does_not_switch_fails_as_its_plan_says(dead_primary: Bench) -> None:
    """Nobody approves: the step has used up its tries, and says what it waited for."""
    policy = msgspec.structs.replace(dead_primary.visit().plan.policy, second_person=True)
    usual: dict[str, Any] = {"retry": Retry(tries=3), "on_error": OnError.CONTINUE}
    with stage(dead_primary, other={"policy": policy}, **usual) as at:
        at.visit.outage(at.client)
        steps = at.end()
        assert len(at.other_state().orders) == 1
    assert steps["run_pair"].outcome == "failed"
    assert "waits for somebody's approval" in steps["run_pair"].why


@pytest.mark.parametrize("forgets_entity", [False, True], ids=["run-forgotten", "run-and-pair-forgotten"])
def test_a_run_that_begins_again_orders_nothing_twice(dead_primary: Bench, forgets_entity: bool) -> None:
    """The pair went there by the order and back by a person's; the run that begins again leaves it where it is."""
    with stage(dead_primary, on_error=OnError.CONTINUE, retry=Retry(tries=2)) as at:
        at.visit.outage(at.client)
        at.end()
        first = given(at)
        back = msgspec.structs.replace(order_of(at.visit, 2), pair=at.other, run=f"failback-{at.other}-e2")
        claim_epoch(at.visit.world, back)
        order = msgspec.structs.replace(order_of(at.visit, 1), steps=at.visit.plan.workflow.failover)
        with running() as (engine, client):
            engine_of = engine if forgets_entity else at.engine
            client_of = client if forgets_entity else at.client
            worker = at.visit.worker(engine_of) if forgets_entity else at.worker
            try:
                if forgets_entity:
                    at.visit.see_other_well(client)
                else:
                    at.client.purge_orchestration(order.run)
                client_of.schedule_new_orchestration(names.SWITCH_RUN, input=to_builtins(order), instance_id=order.run)
                until_seen(engine_of.idle, "the end of the run that began again", engine_of, worker)
            finally:
                if forgets_entity:
                    worker.end()
        assert (at.record().epoch, at.record().active) == (2, Role.PRIMARY)
        assert given(at) == first
