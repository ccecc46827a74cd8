"""A full drill on a real engine, with the real entity and the real runs: each way that it can end, and every abort.

Bodies are the test's own: one record in memory stands for the epoch record, and gates keep a run at a stage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from durabletask.client import TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from orchestrations import worker_of
from stories import BAD, sweep
from waiting import until

from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.errors import EpochFenced, RunAborted, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.full_drill import see
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.second_person import waiting_id
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.decision.standing import ReadinessStanding
from orchestrator.core.decision.state import PairState, read_state
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.drills import FullDrill
from orchestrator.core.plan.load import read_plan
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.standby import Standby
from orchestrator.core.plan.steps import Workflow
from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import ENGINE_LOG
from orchestrator.triggers.registration import ORCHESTRATORS
from orchestrator.workflows import names
from orchestrator.workflows.activities.spans import split_attempt
from orchestrator.workflows.full_drill import FullDrillRun, report_of
from orchestrator.workflows.messages import (
    BatchReport,
    Commanded,
    DrillKind,
    DrillOrder,
    DrillReport,
    RoundPlan,
    RunOrder,
    RunSummary,
    StopOrder,
    Verification,
    Wish,
)
from orchestrator.workflows.pair_entity import pair_entity

BEAT = timedelta(milliseconds=20)
POLICY = {
    "suspect_interval": timedelta(milliseconds=200),
    "probe_interval": timedelta(milliseconds=200),
    "bad_after": 1,
    "confirm_after": timedelta(milliseconds=100),
    "confirm_after_notice": timedelta(milliseconds=100),
    "evidence_lifetime": timedelta(minutes=30),
    "secondary_fresh": timedelta(minutes=30),
    "failback_hold": timedelta(),
}
DOWN = {"primary.hub": BAD, "primary.jobs": BAD}
FOR_EVER = timedelta(hours=20)
THERE, BACK = "failover-demo-e1", "failback-demo-e2"


def plan_with(**policy: Any) -> Plan:
    text = (Path(__file__).parents[3] / "plans" / "hot-warm.yaml").read_text(encoding="utf-8")
    plan = read_plan(text, "plan").plan
    assert plan is not None
    changed = msgspec.structs.replace(plan.policy, **POLICY | policy)
    return msgspec.structs.replace(plan, pair="demo", policy=changed, standby=Standby(), steps=Workflow())


class Stage:
    """An engine, a pair that is ready for a drill, and gates at which its runs can be kept."""

    def __init__(self, engine: LocalEngine, plan: Plan) -> None:
        self.plan = plan
        self.closed: set[str] = set()
        """Activities that fail for the time being."""

        self.epoch, self.holder = 0, ""
        self.aborted: set[str] = set()
        self.pressed: list[str] = []
        self.claims: list[str] = []
        self.summaries: dict[str, RunSummary] = {}
        bodies: dict[str, Callable[[Any], Any]] = {
            names.CLAIM_EPOCH: self._claim,
            names.PUBLISH_POINTER: lambda _: None,
            names.VERIFY_POINTER: lambda _: Verification(replicas=()),
            names.AWAIT_STANDBY: lambda _: None,
            names.LIST_JOBS: lambda _: RoundPlan(jobs=0, batches=0),
            names.FINISH_RUN: self._finish,
            names.MAKE_EVIDENCE: lambda _: None,
            names.TELL: lambda _: None,
            names.WRITE_AUDIT: lambda _: None,
            names.KEEP_DECISION: lambda _: None,
            names.FINISH_DRILL: lambda _: None,
            names.WITHDRAW_RUN: self._withdraw,
            names.TURN_UNGRACEFUL: self._press,
            names.MEASURE_DRILL: self._measure,
            names.READ_EPOCH: self._read,
        }
        acts = {name: self._gate(name, body) for name, body in bodies.items()}
        entity = {names.PAIR_ENTITY: pair_entity(lambda: {"demo": plan})}
        self.worker = worker_of(engine, ORCHESTRATORS.values(), acts, entity)
        self.client = TaskHubGrpcClient(host_address=engine.address, logger=ENGINE_LOG)

    def _gate(self, name: str, body: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        def act(_: Any, order: Any) -> Any:
            if name in self.closed:
                raise TemporaryError(f"{name} is kept")
            return to_builtins(body(split_attempt(order)[0]))

        return act

    # --- bodies

    def _claim(self, given: Any) -> None:
        order = from_builtins(given, RunOrder, "claim")
        if order.run in self.aborted:
            raise RunAborted(f"{order.run} was aborted")
        if self.holder != order.run and self.epoch >= order.epoch:
            raise EpochFenced(f"{self.holder} holds epoch {self.epoch}")
        if self.holder != order.run:
            self.claims.append(order.run)
            assert order.epoch == self.epoch + 1, self.claims
            self.epoch, self.holder = order.epoch, order.run

    def _read(self, _: Any) -> EpochRecord:
        active = Role.SECONDARY if self.epoch % 2 else Role.PRIMARY
        return EpochRecord(epoch=self.epoch, active=active, run=self.holder, since=datetime.now(UTC), why="by hand")

    def _withdraw(self, given: Any) -> str:
        order = from_builtins(given, StopOrder, "withdraw")
        if self.holder == order.run:
            return f"{order.run} has claimed its epoch"
        self.aborted.add(order.run)
        return ""

    def _press(self, given: Any) -> str:
        self.pressed.append(from_builtins(given, StopOrder, "press").run)
        return ""

    def _finish(self, given: Any) -> None:
        summary = from_builtins(given, RunSummary, "summary")
        self.summaries[summary.run] = summary

    def _measure(self, given: Any) -> DrillReport:
        return report_of(from_builtins(given, FullDrillRun, "run"), self.summaries)

    # --- what a test says and sees

    def look(self, found: dict[str, Any] | None = None) -> None:
        """A look at everything, at which the standby is ready."""
        now = datetime.now(UTC)
        before = self.state()
        active = before.active if before else Role.PRIMARY
        standing = ReadinessStanding(at=now, active=active, ready=True, score=100, due_at=now + FOR_EVER)
        seen = Observed(now=now, signals=tuple(sweep(now, found)), is_look=True, shared=Shared(readiness=standing))
        self._signal(names.OBSERVE, seen)
        until(lambda: (state := self.state()) and state.looked_at and state.looked_at >= now, "the look")

    def fail(self) -> None:
        """Looks at a primary that has failed, until the rule would leave it."""
        until(
            lambda: self.look(DOWN) or see(self.now_state(), "", datetime.now(UTC), self.plan.policy).fails, "a fault"
        )

    def command(self, do: Do, by: str = "cleo", **more: Any) -> None:
        self._signal(names.COMMAND, Commanded(now=datetime.now(UTC), command=Command(do=do, by=by, reason="r", **more)))

    def _signal(self, operation: str, given: Any) -> None:
        self.client.signal_entity(EntityInstanceId(names.PAIR_ENTITY, "demo"), operation, input=to_builtins(given))

    def state(self) -> PairState | None:
        found = self.client.get_entity(EntityInstanceId(names.PAIR_ENTITY, "demo"))
        stored = found.get_state(str) if found else None
        return read_state(stored) if stored else None

    def now_state(self) -> PairState:
        found = self.state()
        assert found is not None
        return found

    def begin(self, **full: Any) -> str:
        now = datetime.now(UTC)
        order = DrillOrder(
            pair="demo",
            kind=DrillKind.FULL,
            drill=f"{now:%Y%m%dt%H%M%S%f}",
            reason="quarterly",
            by="ana",
            asked_at=now,
            beat=BEAT,
            longest=BEAT * 3,
            full=FullDrill(**full),
        )
        return self.client.schedule_new_orchestration(names.DRILL_RUN, input=to_builtins(order))

    def abort(self, drill: str) -> None:
        wish = Wish(by="ben", reason="enough", at=datetime.now(UTC))
        self.client.raise_orchestration_event(drill, names.ABORT, data=to_builtins(wish))

    def shows(self, drill: str, text: str) -> None:
        """Wait until the drill says that it waits for this."""

        def said() -> bool:
            found = self.client.get_orchestration_state(drill)
            return bool(found and text in json.loads(found.serialized_custom_status or "{}").get("step", ""))

        until(said, f"the drill at: {text}")

    def end(self, drill: str) -> DrillReport:
        state = self.client.wait_for_orchestration_completion(drill, timeout=300)
        assert state is not None
        assert state.runtime_status.name == "COMPLETED", state.failure_details
        return from_builtins(json.loads(state.serialized_output or "null"), DrillReport, "report")

    def stands(self) -> tuple[str, str, int, str | None]:
        state = self.now_state()
        return state.phase.value, state.active.value, state.epoch, state.run


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A pair that is ready; a test's parameter is what its policy says besides."""
    with LocalEngine() as engine:
        made = Stage(engine, plan_with(**getattr(request, "param", {})))
        try:
            made.look()
            made.look()
            yield made
        finally:
            made.client.close()
            made.worker.stop()


def test_a_drill_goes_there_and_back_and_measures_both_ways(stage: Stage) -> None:
    """Two claims and no more; the pair is at rest on its primary, nothing cools down, and people see the times."""
    report = stage.end(stage.begin())
    assert (report.ok, report.outcome, report.aborted) == (True, "succeeded", "")
    assert stage.claims == [THERE, BACK]
    assert stage.stands() == ("steady", "primary", 2, None)
    assert stage.now_state().acknowledged
    assert [finding.check for finding in report.findings] == ["way home", "failover", "failback"]
    assert [phase.name for phase in report.phases] == ["failover", "failover_steps", "failback", "failback_steps"]
    assert stage.summaries[THERE].graceful


def test_a_pair_that_is_not_ready_moves_nothing(stage: Stage) -> None:
    """The report has the sentence."""
    stage.look({"primary.inference": BAD})
    report = stage.end(stage.begin())
    assert (report.ok, report.outcome, stage.claims) == (False, "not-ready", [])
    assert "the pair is suspect" in report.findings[0].why


def test_a_switch_that_did_less_than_it_should_fails_the_drill_and_the_pair_is_home_all_the_same(stage: Stage) -> None:
    """Here jobs were refused on the way there."""
    drill = stage.begin(stay=timedelta(seconds=1))
    stage.shows(drill, "the secondary is active")
    refused = msgspec.structs.replace(stage.summaries[THERE], jobs=BatchReport(refused=2))
    stage.summaries[THERE] = refused
    report = stage.end(drill)
    assert (report.ok, report.outcome) == (False, "failed")
    assert [finding.ok for finding in report.findings] == [True, False, True]
    assert "2 jobs were not taken" in report.findings[1].why
    assert stage.stands() == ("steady", "primary", 2, None)


# --- aborts ---------------------------------------------------------------------------------------------------------


def test_an_abort_before_the_pointer_moves_leaves_the_pair_where_it_was(stage: Stage) -> None:
    """The failover claims nothing any more, and no way back is needed."""
    stage.closed.add(names.CLAIM_EPOCH)
    drill = stage.begin()
    stage.shows(drill, f"the end of {THERE}")
    stage.abort(drill)
    until(lambda: stage.aborted, "the withdrawal")
    stage.closed.clear()
    report = stage.end(drill)
    assert (report.ok, report.outcome, report.aborted) == (False, None, "ben aborted it: enough")
    assert stage.claims == []
    assert stage.stands() == ("steady", "primary", 0, None)


def test_an_abort_after_the_pointer_moved_brings_the_pair_home(stage: Stage) -> None:
    """The failover is let end, and the failback follows without the stay."""
    stage.closed.add(names.LIST_JOBS)
    drill = stage.begin(stay=FOR_EVER)
    until(lambda: stage.stands()[0] == "resubmitting", "the pointer")
    stage.abort(drill)
    stage.closed.clear()
    report = stage.end(drill)
    assert (report.ok, report.aborted) == (False, "ben aborted it: enough")
    assert stage.claims == [THERE, BACK]
    assert stage.stands() == ("steady", "primary", 2, None)


def test_an_abort_while_the_secondary_is_active_brings_the_pair_home(stage: Stage) -> None:
    """At once, although the plan lets it stay for hours."""
    drill = stage.begin(stay=FOR_EVER)
    stage.shows(drill, "the secondary is active")
    stage.abort(drill)
    assert stage.end(drill).aborted
    assert stage.stands() == ("steady", "primary", 2, None)


def test_an_abort_on_the_way_back_changes_nothing_but_the_outcome(stage: Stage) -> None:
    """It is on its way home already."""
    drill = stage.begin(stay=timedelta(seconds=1))
    stage.shows(drill, "the secondary is active")
    stage.closed.add(names.CLAIM_EPOCH)
    stage.shows(drill, f"the end of {BACK}")
    stage.abort(drill)
    stage.closed.clear()
    assert stage.end(drill).aborted
    assert (stage.claims, stage.aborted) == ([THERE, BACK], set())
    assert stage.stands() == ("steady", "primary", 2, None)


def test_a_failover_that_somebody_aborts_by_its_own_id_interrupts_the_drill(stage: Stage) -> None:
    """Nothing has moved, and nothing goes back."""
    stage.closed.add(names.CLAIM_EPOCH)
    drill = stage.begin()
    stage.shows(drill, f"the end of {THERE}")
    stage.aborted.add(THERE)
    stage.closed.clear()
    report = stage.end(drill)
    assert (report.outcome, stage.claims) == ("interrupted", [])
    assert "ended before the pointer moved" in report.findings[0].why


def test_a_run_that_the_pair_waits_for_no_more_claims_nothing_behind_the_drill(stage: Stage) -> None:
    """Somebody gave it up by force: it would move the pointer with nobody to bring it back."""
    stage.closed.add(names.CLAIM_EPOCH)
    drill = stage.begin()
    stage.shows(drill, f"the end of {THERE}")
    stage.command(Do.ACKNOWLEDGE, force=True)
    report = stage.end(drill)
    assert (report.outcome, stage.aborted) == ("failed", {THERE})
    stage.closed.clear()
    state = stage.client.wait_for_orchestration_completion(THERE, timeout=300)
    assert state is not None
    assert (stage.claims, stage.stands()[1:]) == ([], ("primary", 0, None))


# --- the drill becomes real -------------------------------------------------------------------------------------------


def test_a_primary_that_fails_while_the_failover_runs_makes_it_real(stage: Stage) -> None:
    """Its jobs are waited for no longer, nothing goes back, and nobody acknowledges the switch for people."""
    stage.closed.add(names.LIST_JOBS)
    drill = stage.begin()
    until(lambda: stage.stands()[0] == "resubmitting", "the pointer")
    stage.fail()
    until(lambda: stage.pressed, "the jobs' release")
    stage.closed.clear()
    report = stage.end(drill)
    assert (report.outcome, report.ok) == ("promoted", False)
    assert (stage.claims, stage.pressed) == ([THERE], [THERE])
    assert stage.stands() == ("settled", "secondary", 1, None)
    assert not stage.now_state().acknowledged


def test_a_primary_that_fails_while_the_secondary_is_active_makes_it_real(stage: Stage) -> None:
    """The failover stands as it is."""
    drill = stage.begin(stay=FOR_EVER)
    stage.shows(drill, "the secondary is active")
    stage.fail()
    report = stage.end(drill)
    assert (report.outcome, stage.claims, stage.pressed) == ("promoted", [THERE], [THERE])
    assert "the primary is bad in hub and jobs" in report.findings[0].why


def test_a_primary_that_fails_on_the_way_back_keeps_the_pair_where_it_is_well(stage: Stage) -> None:
    """The failback has not claimed its epoch: the pair stops it, and the drill orders no other."""
    drill = stage.begin(stay=timedelta(seconds=1))
    stage.shows(drill, "the secondary is active")
    stage.closed.add(names.CLAIM_EPOCH)
    stage.shows(drill, f"the end of {BACK}")
    stage.fail()
    until(lambda: BACK in stage.aborted, "the relapse")
    stage.closed.clear()
    report = stage.end(drill)
    assert (report.outcome, stage.claims) == ("promoted", [THERE])
    assert stage.stands()[1:] == ("secondary", 1, None)


def test_an_epoch_that_somebody_else_claimed_first_makes_it_real(stage: Stage) -> None:
    """Another stamp, or a person without the app, is there already: their switch is neither undone nor acknowledged."""
    stage.closed.add(names.CLAIM_EPOCH)
    drill = stage.begin()
    stage.shows(drill, f"the end of {THERE}")
    stage.epoch, stage.holder = 1, f"{THERE}-by-hand"
    stage.closed.clear()
    report = stage.end(drill)
    assert (report.outcome, stage.claims) == ("promoted", [])
    assert stage.stands() == ("settled", "secondary", 1, None)
    assert not stage.now_state().acknowledged


def test_somebody_elses_way_back_ends_the_drill_and_it_orders_none(stage: Stage) -> None:
    """The pair is home; the switch is theirs to acknowledge."""
    drill = stage.begin(stay=FOR_EVER)
    stage.shows(drill, "the secondary is active")
    stage.command(Do.FAILBACK)
    report = stage.end(drill)
    assert (report.outcome, report.ok) == ("interrupted", False)
    until(lambda: stage.stands()[3] is None, "the end of that run")
    assert stage.claims == [THERE, BACK]
    assert not stage.now_state().acknowledged


def test_a_failover_of_the_secondary_makes_it_real(stage: Stage) -> None:
    """Whoever ordered it: the drill orders nothing under an epoch that is not its own."""
    drill = stage.begin(stay=FOR_EVER)
    stage.shows(drill, "the secondary is active")
    stage.command(Do.FAILOVER, force=True)
    assert stage.end(drill).outcome == "promoted"
    until(lambda: stage.stands()[3] is None, "the end of that run")
    assert stage.claims == [THERE, "failover-demo-e2"]


def test_a_way_back_that_stays_closed_is_given_up_and_said(stage: Stage) -> None:
    """The pair stays in the secondary, which is well; people are told, and the report says why."""
    drill = stage.begin(patience=timedelta(seconds=1), stay=FOR_EVER)
    stage.shows(drill, "the secondary is active")
    stage.command(Do.PAUSE)
    stage.abort(drill)
    report = stage.end(drill)
    assert (report.ok, report.findings[0].ok) == (False, False)
    assert "the way back stayed closed: paused by cleo" in report.findings[0].why
    assert stage.claims == [THERE]


# --- a second person -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [{"second_person": True}], indirect=True)
def test_a_drill_begins_when_another_person_has_approved_it(stage: Stage) -> None:
    """Once, for both ways."""
    drill = stage.begin()
    stage.shows(drill, "by a second person")
    stage.command(Do.APPROVE, "ben", proposal=waiting_id(stage.now_state(), datetime.now(UTC), stage.plan.policy))
    assert stage.end(drill).ok
    assert stage.claims == [THERE, BACK]


@pytest.mark.parametrize("stage", [{"second_person": True}], indirect=True)
def test_a_drill_that_is_rejected_or_aborted_meanwhile_moves_nothing(stage: Stage) -> None:
    """What was withdrawn cannot be approved afterwards."""
    drill = stage.begin()
    stage.shows(drill, "by a second person")
    request = waiting_id(stage.now_state(), datetime.now(UTC), stage.plan.policy)
    stage.command(Do.REJECT, "ben", proposal=request)
    report = stage.end(drill)
    assert (report.outcome, stage.claims) == ("not-ready", [])
    assert "was rejected by ben" in report.findings[0].why

    drill = stage.begin()
    stage.shows(drill, "by a second person")
    request = waiting_id(stage.now_state(), datetime.now(UTC), stage.plan.policy)
    stage.abort(drill)
    assert stage.end(drill).aborted == "ben aborted it: enough"
    stage.command(Do.APPROVE, "ben", proposal=request)
    stage.look()
    assert (stage.claims, stage.stands()) == ([], ("steady", "primary", 0, None))


@pytest.mark.parametrize("stage", [{"second_person": True, "approval_expiry": timedelta(seconds=1)}], indirect=True)
def test_a_drill_that_nobody_approves_in_time_is_not_ready(stage: Stage) -> None:
    """It is over when the request has expired."""
    report = stage.end(stage.begin())
    assert (report.outcome, stage.claims) == ("not-ready", [])
    assert "nobody else approved it in time" in report.findings[0].why
