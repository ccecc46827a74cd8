"""What is done about runs that the engine has lost follows from the record alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import initial
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.schema import Hub, LedgerAccount, Plan, Pointer
from orchestrator.watch.revive import needs_revival, report_early_end
from orchestrator.workflows.messages import RunKind, order_again

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = timedelta(hours=1)


def _hub(region: str) -> Hub:
    return Hub(region=region, subscription="s", resource_group="g", hub="h", project=region, api="https://a.example")


PLAN = Plan(
    schema=1,
    pair="p",
    primary=_hub("eastus2"),
    secondary=_hub("westus3"),
    pointer=Pointer(endpoint="https://c.example"),
    ledger=LedgerAccount(account="https://l.example"),
)
RECORD = EpochRecord(epoch=3, active=Role.SECONDARY, run="failover-p-e3", since=T, why="it was down")


@pytest.mark.parametrize(("status", "again"), [("running", False), ("pending", False), ("failed", True), (None, True)])
def test_a_holder_that_the_engine_does_not_run_is_begun_again(status: str | None, again: bool) -> None:
    """However it was lost."""
    assert needs_revival(RECORD, status, PLAN, T + LONG) is again


def test_a_holder_that_is_just_starting_or_runs_elsewhere_is_given_time() -> None:
    """Another stamp's run is unknown to this engine; begun at once it would run twice for nothing."""
    assert needs_revival(RECORD, None, PLAN, T + timedelta(seconds=5)) is False


def test_a_pair_that_was_never_switched_has_nothing_to_revive() -> None:
    """The record of epoch 0 names no run."""
    assert needs_revival(msgspec.structs.replace(RECORD, run=None), None, PLAN, T + LONG) is False


def test_the_order_begun_again_is_the_one_that_the_record_tells_of() -> None:
    """Same id, same epoch, same direction: every step finds what was done."""
    order = order_again(RECORD, PLAN, T + LONG)
    assert (order.run, order.epoch, order.kind) == ("failover-p-e3", 3, RunKind.FAILOVER)
    assert (order.source, order.target) == (Role.PRIMARY, Role.SECONDARY)


def test_a_run_that_ended_without_holding_anything_is_reported_as_failed() -> None:
    """So that the pair does not wait for it for ever."""
    state = msgspec.structs.replace(initial("p", T), run="failover-p-e4")
    report = report_early_end(state, RECORD, "failed", PLAN, T + LONG)
    assert report is not None
    assert (report.run, report.what, report.epoch) == ("failover-p-e4", "failed", 0)
    assert report_early_end(state, RECORD, "running", PLAN, T + LONG) is None
    assert report_early_end(state, msgspec.structs.replace(RECORD, run=state.run), "failed", PLAN, T + LONG) is None


def test_a_record_that_a_person_wrote_with_an_id_of_their_own_can_be_begun_again() -> None:
    """The runbook lets them write it; a word that is no kind of run must not end every look of the pair."""
    order = order_again(msgspec.structs.replace(RECORD, run="ana"), PLAN, T + LONG)
    assert (order.run, order.kind, order.target) == ("ana", RunKind.FAILOVER, Role.SECONDARY)


def test_a_planned_failover_that_is_begun_again_is_told_as_one() -> None:
    """The record says so; what it rested on is not known any more."""
    order = order_again(msgspec.structs.replace(RECORD, graceful=True), PLAN, T + LONG)
    assert (order.graceful, order.basis) == (True, None)
    assert order_again(RECORD, PLAN, T + LONG).graceful is False
