"""The drain of a planned failover on a real engine, with the real entity, claim and wishes: each way that it ends.

Epoch record, ledger and the jobs of the source are in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from durabletask.client import TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from durabletask.worker import TaskHubGrpcWorker
from orchestrations import run_order, worker_of
from stories import BAD, sweep
from waiting import until

from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.errors import Conflict, TemporaryError
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState, read_state
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.jobs.record import JobStatus, JobSummary
from orchestrator.core.plan.load import read_plan
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.standby import Standby
from orchestrator.core.plan.steps import Workflow
from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import ENGINE_LOG
from orchestrator.ports import Versioned, World
from orchestrator.triggers.registration import ORCHESTRATORS
from orchestrator.workflows import names
from orchestrator.workflows.activities.drain import look_at_drain
from orchestrator.workflows.activities.epoch import claim_epoch, read_epoch
from orchestrator.workflows.activities.spans import split_attempt
from orchestrator.workflows.activities.wishes import abort_run, press_run, turn_ungraceful, withdraw_run
from orchestrator.workflows.messages import (
    Commanded,
    DrainOrder,
    RoundPlan,
    RunOrder,
    RunSummary,
    StopOrder,
    Verification,
    Wish,
)
from orchestrator.workflows.pair_entity import pair_entity

POLICY = {
    "suspect_interval": timedelta(milliseconds=200),
    "probe_interval": timedelta(milliseconds=200),
    "bad_after": 1,
    "confirm_after": timedelta(milliseconds=100),
    "confirm_after_notice": timedelta(milliseconds=100),
    "evidence_lifetime": timedelta(minutes=30),
    "secondary_fresh": timedelta(minutes=30),
}
DOWN = {"primary.hub": BAD, "primary.jobs": BAD}
LONG = timedelta(hours=20)
"""A drain whose pauses grow to minutes: what ends it early has to end a pause, too."""

RUN = "failover-demo-e1"


def read_sample() -> Plan:
    text = (Path(__file__).parents[3] / "plans" / "hot-warm.yaml").read_text(encoding="utf-8")
    plan = read_plan(text, "plan").plan
    assert plan is not None
    policy = msgspec.structs.replace(plan.policy, **POLICY)
    return msgspec.structs.replace(plan, pair="demo", policy=policy, standby=Standby(), steps=Workflow())


class Records:
    """The pair's epoch record, and how often each epoch was claimed."""

    def __init__(self) -> None:
        self.record = EpochRecord(epoch=0, active=Role.PRIMARY, run=None, since=datetime.now(UTC), why="set up")
        self.version = 0
        self.claims: list[str] = []

    def read(self, _: str) -> Versioned[EpochRecord]:
        return Versioned(self.record, str(self.version))

    def replace(self, _: str, record: EpochRecord, etag: str) -> str:
        if etag != str(self.version):
            raise Conflict("somebody has written in between")
        if record.epoch != self.record.epoch:
            self.claims.append(record.run or "")
        self.record, self.version = record, self.version + 1
        return str(self.version)


class Jobs:
    """Jobs of the primary by name, with Azure ML's word for their status."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self.is_silent = False

    def get(self, _: Any, name: str) -> dict[str, Any]:
        if self.is_silent:
            raise TemporaryError("the primary does not answer")
        return {"name": name, "properties": {"status": self.statuses[name]}}

    def summaries(self, _: str) -> list[JobSummary]:
        shared: dict[str, Any] = {"hub": Role.PRIMARY, "status": JobStatus.RUNNING, "priority": 0, "epoch": 0}
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return [JobSummary(name=name, captured_at=at, policy=JobPolicy.ALWAYS, **shared) for name in self.statuses]


class Stage:
    """An engine, a pair that is well, and the jobs of its primary."""

    def __init__(self, engine: LocalEngine, plan: Plan) -> None:
        self.engine, self.plan = engine, plan
        self.records, self.jobs = Records(), Jobs()
        self.looks = 0
        self.summaries: list[RunSummary] = []
        parts: dict[str, Any] = {
            "epochs": {"demo": self.records},
            "ledgers": {"demo": self.jobs},
            "jobs": self.jobs,
            "plans": {"demo": plan},
            "clock": SimpleNamespace(now=lambda: datetime.now(UTC)),
        }
        self.world = cast("World", SimpleNamespace(**parts))
        self.client = TaskHubGrpcClient(host_address=engine.address, logger=ENGINE_LOG)
        self.worker = self.start_worker()

    def start_worker(self) -> TaskHubGrpcWorker:
        real: dict[str, tuple[type[Any], Callable[[World, Any], Any]]] = {
            names.CLAIM_EPOCH: (RunOrder, claim_epoch),
            names.LOOK_AT_DRAIN: (DrainOrder, self._look),
            names.WITHDRAW_RUN: (StopOrder, withdraw_run),
            names.TURN_UNGRACEFUL: (StopOrder, press_run),
            names.READ_EPOCH: (str, read_epoch),
            names.FINISH_RUN: (RunSummary, lambda _, summary: self.summaries.append(summary)),
        }
        idle = (names.PUBLISH_POINTER, names.AWAIT_STANDBY, names.MAKE_EVIDENCE, names.TELL, names.WRITE_AUDIT)
        bodies: dict[str, Callable[[Any], Any]] = dict.fromkeys((*idle, names.KEEP_DECISION), lambda _: None)
        bodies |= {
            names.VERIFY_POINTER: lambda _: Verification(replicas=()),
            names.LIST_JOBS: lambda _: RoundPlan(jobs=0, batches=0),
        }

        def carry(name: str) -> Callable[[Any, Any], Any]:
            shape, body = real[name]
            return lambda _, order: to_builtins(body(self.world, from_builtins(split_attempt(order)[0], shape, name)))

        acts: dict[str, Any] = {name: carry(name) for name in real}
        acts |= {name: lambda _, order, body=body: to_builtins(body(order)) for name, body in bodies.items()}
        plans = {"demo": self.plan}
        return worker_of(self.engine, ORCHESTRATORS.values(), acts, {names.PAIR_ENTITY: pair_entity(lambda: plans)})

    def _look(self, world: World, order: DrainOrder) -> Any:
        self.looks += 1
        return look_at_drain(world, order)

    def close(self) -> None:
        self.client.close()
        self.worker.stop()

    def look(self, found: dict[str, Any] | None = None) -> None:
        """A look at both sides."""
        now = datetime.now(UTC)
        self._signal(names.OBSERVE, Observed(now=now, signals=tuple(sweep(now, found)), is_look=True))
        until(lambda: (state := self.state()) and state.looked_at and state.looked_at >= now, "the look")

    def begin(self, drain: timedelta, **jobs: str) -> None:
        """Order the planned failover while these jobs run."""
        self.jobs.statuses = jobs
        command = Command(do=Do.FAILOVER, by="ana", reason="maintenance", graceful=True, drain=drain)
        self._signal(names.COMMAND, Commanded(now=datetime.now(UTC), command=command))
        until(lambda: (state := self.state()) and state.run == RUN, "the run")

    def _signal(self, operation: str, given: Any) -> None:
        self.client.signal_entity(EntityInstanceId(names.PAIR_ENTITY, "demo"), operation, input=to_builtins(given))

    def state(self) -> PairState | None:
        found = self.client.get_entity(EntityInstanceId(names.PAIR_ENTITY, "demo"))
        stored = found.get_state(str) if found else None
        return read_state(stored) if stored else None

    def shows(self, text: str) -> None:
        """Wait until the run says that it drains, and this."""

        def said() -> bool:
            found = self.client.get_orchestration_state(RUN)
            shown = json.loads((found and found.serialized_custom_status) or "{}")
            return shown.get("step") == "drain" and text in shown["why"]

        until(said, f"the drain at: {text}")

    def wake(self) -> None:
        self.client.raise_orchestration_event(RUN, names.TRY_NOW)

    def end(self, run: str = RUN) -> RunSummary:
        state = self.client.wait_for_orchestration_completion(run, timeout=300)
        assert state is not None
        assert state.runtime_status.name == "COMPLETED", state.failure_details
        return from_builtins(json.loads(state.serialized_output or "null"), RunSummary, "summary")

    def stands(self, phase: str) -> None:
        """Wait until no run is under way and the pair is in a phase."""
        until(lambda: (state := self.state()) and (state.phase.value, state.run) == (phase, None), phase)

    def expect_switch(self, summary: RunSummary) -> None:
        """The epoch was claimed once, by this run."""
        assert (summary.outcome, self.records.claims) == ("completed", [RUN])
        assert summary.milestones.drained_at is not None
        assert summary.milestones.claimed_at is not None
        assert summary.milestones.drained_at <= summary.milestones.claimed_at
        self.stands("settled")

    def expect_no_switch(self, summary: RunSummary) -> None:
        assert (summary.outcome, self.records.claims, self.records.record.epoch) == ("aborted", [], 0)
        state = self.state()
        assert state is not None
        assert (state.active, state.epoch) == (Role.PRIMARY, 0)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with LocalEngine() as engine:
        made = Stage(engine, read_sample())
        try:
            made.look()
            made.look()
            yield made
        finally:
            made.close()


def test_the_run_claims_its_epoch_when_the_jobs_have_ended(stage: Stage) -> None:
    """Not before; meanwhile it says how many still run, and until when it waits."""
    stage.begin(LONG, one="Running", two="Running", queue="Queued")
    stage.shows("2 jobs still run in the primary; the run switches at ")
    stage.jobs.statuses["one"] = "Completed"
    stage.wake()
    stage.shows("1 job still runs")
    assert (stage.records.claims, stage.records.record.epoch) == ([], 0)
    stage.jobs.statuses["two"] = "Failed"
    stage.wake()
    stage.expect_switch(stage.end())
    assert stage.records.record.ungraceful is None


def test_jobs_that_go_on_hold_the_run_no_longer_than_its_drain(stage: Stage) -> None:
    """The epoch is claimed then, and what runs does as the plan says."""
    stage.begin(timedelta(seconds=2), job="Running")
    summary = stage.end()
    stage.expect_switch(summary)
    marks = summary.milestones
    assert marks.drained_at is not None
    assert timedelta(seconds=2) <= marks.drained_at - marks.decided_at < timedelta(minutes=1)
    assert stage.records.record.ungraceful is None


def test_a_source_that_says_nothing_holds_the_run_no_longer_than_its_drain(stage: Stage) -> None:
    """Meanwhile people read why it waits."""
    stage.jobs.is_silent = True
    stage.begin(timedelta(seconds=3), job="Running")
    stage.shows("the primary does not answer")
    stage.expect_switch(stage.end())


def test_an_epoch_record_that_cannot_be_read_holds_the_drain_and_its_end_only(stage: Stage) -> None:
    """A look that fails is made again."""
    was, fails = stage.records.read, [0, 0, 0]

    def read(pair: str) -> Versioned[EpochRecord]:
        if fails:
            fails.pop()
            raise TemporaryError("503")
        return was(pair)

    stage.records.read = read  # type: ignore[method-assign]
    stage.begin(LONG)
    stage.expect_switch(stage.end())
    assert stage.looks >= 4


def test_an_abort_during_the_drain_leaves_the_pair_where_it_was(stage: Stage) -> None:
    """Nothing was claimed, and nothing is afterwards."""
    stage.begin(LONG, job="Running")
    stage.shows("1 job still runs")
    abort_run(stage.world, "demo", RUN, Wish(by="ben", reason="not today", at=datetime.now(UTC)))
    stage.wake()
    summary = stage.end()
    assert "ben" in summary.why
    stage.expect_no_switch(summary)
    stage.stands("steady")


def test_a_person_who_waits_no_longer_ends_the_drain(stage: Stage) -> None:
    """The claim takes the wish over: what still runs is moved at once."""
    stage.begin(LONG, job="Running")
    stage.shows("1 job still runs")
    at = datetime.now(UTC)
    turn_ungraceful(stage.world, "demo", RUN, Wish(by="ben", reason="they come early", at=at), drains=True)
    assert stage.records.record.epoch == 0
    stage.wake()
    stage.expect_switch(stage.end())
    wish = stage.records.record.ungraceful
    assert wish is not None
    assert (wish.by, wish.at, stage.records.record.pressed) == ("ben", at, ())


def test_a_source_that_fails_ends_the_drain_at_once(stage: Stage) -> None:
    """By the pair itself; its jobs count as lost from before the decision on."""
    stage.begin(LONG, job="Running")
    stage.shows("1 job still runs")
    at = datetime.now(UTC)
    stage.jobs.is_silent = True
    until(lambda: stage.look(DOWN) or stage.records.claims, "the claim")
    stage.expect_switch(stage.end())
    wish = stage.records.record.ungraceful
    assert wish is not None
    assert (wish.by, wish.at <= at) == ("hubswitch", True)


def test_the_end_of_a_drain_is_announced_to_a_run_that_pauses(stage: Stage) -> None:
    """It would look again in hours."""
    stage.jobs.statuses = {"job": "Running"}
    order = run_order(pair="demo", run=RUN, graceful=True, drain=LONG, beat=LONG, longest=LONG)
    stage.client.schedule_new_orchestration(names.SWITCH_RUN, input=to_builtins(order), instance_id=RUN)
    stage.shows("1 job still runs")
    wish = Wish(by="hubswitch", reason="hub and jobs are bad", at=datetime.now(UTC))
    press = StopOrder(pair="demo", run=RUN, wish=wish, beat=LONG, longest=LONG)
    stage.client.schedule_new_orchestration(names.PRESS_RUN, input=to_builtins(press))
    assert (stage.end().outcome, stage.records.claims) == ("completed", [RUN])


def test_a_target_that_fails_ends_the_run(stage: Stage) -> None:
    """Nobody is sent to a side that turned bad after the order."""
    stage.begin(LONG, job="Running")
    stage.shows("1 job still runs")
    until(lambda: stage.look({"secondary.hub": BAD}) or stage.records.record.aborted, "the withdrawal")
    stage.wake()
    stage.expect_no_switch(stage.end())
    stage.stands("steady")


def test_a_run_that_was_overtaken_during_the_drain_goes_on_with_nothing(stage: Stage) -> None:
    """Another stamp has switched, by a run of the same id: the pair takes over what that made of it."""
    stage.begin(LONG, job="Running")
    stage.shows("1 job still runs")
    order = run_order(pair="demo", run=RUN)
    claim_epoch(stage.world, order)
    stage.wake()
    assert stage.end().outcome == "superseded"
    assert not stage.records.record.graceful
    stage.stands("settled")
    state = stage.state()
    assert state is not None
    assert (state.epoch, state.active) == (1, Role.SECONDARY)


def test_a_worker_that_is_replaced_during_the_drain_goes_on_with_it(stage: Stage) -> None:
    """From its history: the bound and the wait are the same."""
    stage.begin(LONG, job="Running")
    stage.shows("1 job still runs")
    stage.worker.stop()
    stage.jobs.statuses["job"] = "Completed"
    stage.worker = stage.start_worker()
    stage.wake()
    stage.expect_switch(stage.end())


def test_a_run_without_a_drain_looks_for_no_job(stage: Stage) -> None:
    """It schedules what it scheduled before there were drains."""
    stage.begin(timedelta(), job="Running")
    assert stage.end().milestones.drained_at is None
    assert (stage.looks, stage.records.claims) == (0, [RUN])


def test_a_drain_may_be_longer_than_evidence_lives(stage: Stage) -> None:
    """The pair watches both sides meanwhile, so the claim is not too late."""
    stage.jobs.statuses = {"job": "Running"}
    soon = datetime.now(UTC) + timedelta(seconds=1)
    order = run_order(pair="demo", run=RUN, claim_by=soon, graceful=True, drain=timedelta(seconds=3))
    stage.client.schedule_new_orchestration(names.SWITCH_RUN, input=to_builtins(order), instance_id=RUN)
    assert (stage.end().outcome, stage.records.claims) == ("completed", [RUN])


def begin_late(stage: Stage, drain: timedelta) -> str:
    """A run whose engine stood still for two hours after the order. The evidence lives for five minutes."""
    at = datetime.now(UTC) - timedelta(hours=2)
    order = run_order(
        pair="demo",
        run=RUN,
        decided_at=at,
        doubted_since=at,
        claim_by=at + timedelta(minutes=5),
        graceful=True,
        drain=drain,
    )
    return stage.client.schedule_new_orchestration(names.SWITCH_RUN, input=to_builtins(order), instance_id=RUN)


def test_a_drain_that_was_over_while_the_engine_stood_still_claims_nothing(stage: Stage) -> None:
    """What was known of the two sides is too old."""
    summary = stage.end(begin_late(stage, timedelta(hours=1)))
    assert (summary.outcome, stage.records.claims) == ("failed", [])


def test_a_drain_that_stood_still_does_not_end_with_its_first_look(stage: Stage) -> None:
    """The pair looks at both sides meanwhile."""
    begin_late(stage, LONG)
    assert stage.end().outcome == "completed"
    assert stage.looks > 1
