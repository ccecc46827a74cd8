"""The step that orders another pair, against the simulated Azure: what is kept, and what the step says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from carried_steps import carry
from crash_harness import Bench, Visit, order_of
from job_stories import claimed

from orchestrator.core.base.errors import EpochFenced, InvalidInput, NotNow, PermanentError, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.given_orders import OrderAnswer
from orchestrator.core.plan.steps_pair import PairWait, RunPair
from orchestrator.workflows.activities.epoch import claim_epoch
from orchestrator.workflows.activities.pair_step import keep_pair_order
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES, STEPS, skip_step
from orchestrator.workflows.activities.wishes import abort_run
from orchestrator.workflows.messages import RunOrder, SkipWish, StepOrder, Wish

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def visit(bench: Bench) -> Visit:
    """Two pairs of their own."""
    return bench.visit_two(other={})


@pytest.fixture
def run(visit: Visit) -> RunOrder:
    """A run of the first one that holds its epoch."""
    return claimed(visit)


def step_of(visit: Visit, **more: Any) -> RunPair:
    assert visit.other is not None
    return RunPair(pair=visit.other.pair, **more)


def order_for(run: RunOrder, step: RunPair, answer: OrderAnswer | None = None) -> StepOrder:
    return StepOrder(**msgspec.structs.asdict(run), step=step, answer=answer)


def said(visit: Visit, run: RunOrder, step: RunPair, answer: OrderAnswer | None = None) -> str:
    return STEP_ACTIVITIES[step.kind][1](visit.world, order_for(run, step, answer))


def switch(visit: Visit, epoch: int) -> None:
    """The second pair switches by itself."""
    assert visit.other is not None
    pair = visit.other.pair
    order = order_of(visit, epoch)
    claim_epoch(visit.world, msgspec.structs.replace(order, pair=pair, run=f"{order.kind}-{pair}-e{epoch}"))


def test_an_order_is_kept_once_with_the_epoch_that_it_was_given_under(visit: Visit, run: RunOrder) -> None:
    """Whatever has happened to the other pair since, the kept one is given again."""
    step = step_of(visit)
    first = keep_pair_order(visit.world, order_for(run, step))
    assert first is not None
    assert (first.pair, first.id) == (step.pair, f"{run.run}/run_pair")
    assert (first.command.do, first.command.epoch, first.command.force) == (Do.FAILOVER, 0, False)
    assert first.command.reason == f"ordered by the run {run.run} of pair {visit.pair}"
    switch(visit, 1)
    switch(visit, 2)
    assert keep_pair_order(visit.world, order_for(run, step)) == first


def test_a_failback_orders_a_failback_and_a_graceful_failover_a_graceful_one(visit: Visit) -> None:
    """Nothing is left harder than the pair that gives the order."""
    planned = keep_pair_order(visit.world, order_for(claimed(visit, graceful=True), step_of(visit)))
    assert planned is not None
    assert planned.command.graceful
    switch(visit, 1)
    back = keep_pair_order(visit.world, order_for(claimed(visit, 2), step_of(visit)))
    assert back is not None
    assert (back.command.do, back.command.epoch, back.command.graceful) == (Do.FAILBACK, 1, False)


def test_nothing_is_ordered_for_a_pair_that_is_there_or_a_step_that_is_skipped(visit: Visit, run: RunOrder) -> None:
    """A skip counts before the order as well as after it."""
    wish = SkipWish(step="aside", by="ana", reason="not now", at=AT)
    skip_step(visit.world.ledgers[visit.pair], visit.pair, run.run, wish)
    aside = step_of(visit, name="aside")
    assert keep_pair_order(visit.world, order_for(run, aside)) is None
    assert said(visit, run, aside) == "ana skipped it: not now"
    switch(visit, 1)
    assert keep_pair_order(visit.world, order_for(run, step_of(visit))) is None
    assert said(visit, run, step_of(visit)) == ""


def test_a_run_that_was_overtaken_orders_nothing(visit: Visit, run: RunOrder) -> None:
    """S8."""
    claimed(visit, 2)
    with pytest.raises(EpochFenced):
        keep_pair_order(visit.world, order_for(run, step_of(visit)))


def test_the_step_says_what_it_waits_for(visit: Visit, run: RunOrder) -> None:
    """Each state of the order has its sentence; only a refusal, an abort or an end is a failure of its own."""
    step, under_way = step_of(visit), OrderAnswer(is_taken=True, run="failover-x-e1", why="failover-x-e1 is under way")
    with pytest.raises(TemporaryError, match="is on the primary, and was not ordered yet"):
        said(visit, run, step)
    with pytest.raises(NotNow, match=f"{step.pair} refused the order: paused by ana"):
        said(visit, run, step, OrderAnswer(is_taken=False, why="paused by ana"))
    with pytest.raises(TemporaryError, match="still on the primary: failover-x-e1 is under way"):
        said(visit, run, step, under_way)
    with pytest.raises(PermanentError, match="still on the primary: it failed"):
        said(visit, run, step, OrderAnswer(is_taken=True, is_over=True, why="it failed"))
    assert said(visit, run, step_of(visit, wait=PairWait.ORDERED), under_way) == ""
    abort_run(visit.world, step.pair, "failover-x-e1", Wish(by="ana", reason="the wrong pair", at=AT))
    with pytest.raises(PermanentError, match="ana aborted failover-x-e1: the wrong pair"):
        said(visit, run, step, under_way)


def test_a_pair_that_the_app_does_not_watch_fails_the_step(visit: Visit, run: RunOrder) -> None:
    """A plan was removed, or was checked alone."""
    with pytest.raises(InvalidInput, match="a pair that this app watches"):
        carry(visit, run, RunPair(pair="nobody"))
    with pytest.raises(InvalidInput):
        keep_pair_order(visit.world, order_for(run, RunPair(pair="nobody")))


def test_a_pair_whose_record_means_another_hub_is_not_taken_to_be_there(visit: Visit, run: RunOrder) -> None:
    """What is unclear is waited for."""
    switch(visit, 1)
    assert visit.other is not None
    moved = msgspec.structs.replace(visit.other, secondary=visit.other.primary, primary=visit.other.secondary)
    world = visit.world._replace(plans={**visit.world.plans, visit.other.pair: moved})
    order = order_for(run, step_of(visit))
    with pytest.raises(PermanentError, match="exchanged"):
        STEP_ACTIVITIES["run_pair"][1](world, order)


def test_a_preview_says_what_would_be_ordered(visit: Visit) -> None:
    """As things stand; nothing is kept."""
    preview = STEPS["run_pair"].preview
    assert preview is not None
    step = step_of(visit)
    told = preview(visit.world, visit.plan, Role.SECONDARY, step)
    assert told == f"it would order the failover of {step.pair}, which is on the primary"
    switch(visit, 1)
    assert preview(visit.world, visit.plan, Role.SECONDARY, step) == f"{step.pair} is on the secondary already"
