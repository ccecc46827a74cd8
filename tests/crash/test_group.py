"""The run of a recovery group: pairs in their order, so many at once, each ordered once, also under kills."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit, Worker, met, patiently, running, until_seen
from durabletask.client import TaskHubGrpcClient
from killing import Killer, is_certain
from places import compare, each

from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.groups import GroupMember, RecoveryGroup
from orchestrator.core.plan.step_base import OnError
from orchestrator.workflows import names
from orchestrator.workflows.group_messages import GroupOrder, GroupReport, group_order
from orchestrator.workflows.messages import RunKind

PLACES = "group"

type Ended = tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], tuple[tuple[int, str], ...], tuple[int, ...]]
"""Outcome; what became of each pair, in order; pairs that were left; epoch and side of each; orders that each took."""


def group_of(visit: Visit, **more: Any) -> GroupOrder:
    """The failover of both pairs: the second one first."""
    assert visit.other is not None
    members = (GroupMember(pair=visit.pair, after=(visit.other.pair,)), GroupMember(pair=visit.other.pair))
    group = RecoveryGroup(schema=1, kind="group", name=f"g-{visit.pair}", pairs=members, **more)
    now, beat = datetime.now(UTC), timedelta(milliseconds=100)
    return group_order(group, RunKind.FAILOVER, "a drill", "ana", now, graceful=False, beat=beat)


def two_pairs(bench: Bench, **policy: Any) -> Visit:
    """Both switch by order only. ``policy``: fields of the second one's policy."""
    visit = bench.visit()
    observing = msgspec.structs.replace(visit.plan.policy, mode=Mode.OBSERVE)
    other = {"policy": msgspec.structs.replace(observing, **policy)}
    return bench.visit_two(other=other, policy=observing)


def play(visit: Visit, order: GroupOrder, killer: Killer, told: list[GroupReport] | None = None) -> tuple[Ended, bool]:
    """What a group's run ends with, and whether its first worker was killed. ``told`` takes its report."""
    assert visit.other is not None
    pairs = (visit.pair, visit.other.pair)
    with running(killer) as (engine, client):
        worker = killer.worker = visit.worker(engine)
        try:
            for pair in pairs:
                visit.see_well(client, pair)
            until_seen(lambda: all(visit.state(client, pair) for pair in pairs), "the first looks", engine, worker)
            client.schedule_new_orchestration(names.GROUP_RUN, input=to_builtins(order), instance_id=order.run)
            over: Callable[[], bool] = lambda: has_ended(client, order.run) and engine.idle()  # noqa: E731
            until_seen(lambda: (killer.at and worker.is_gone()) or over(), "an end, or the kill", engine, worker)
            killed = worker.is_gone()
            if killed:
                worker = replace(visit, engine, worker)
                until_seen(over, f"an end after the kill at {killer.at}", engine, worker)
            state = client.get_orchestration_state(order.run)
            assert state is not None
            report = from_builtins(msgspec.json.decode(state.serialized_output or "null"), GroupReport, order.run)
            if told is not None:
                told.append(report)
            states = [visit.state(client, pair) for pair in pairs]
        finally:
            worker.end()
    plain = dict(zip(pairs, ("first", "second"), strict=True))
    records = [patiently(lambda pair=pair: visit.world.epochs[pair].read(pair)) for pair in pairs]
    ended = (
        report.outcome,
        tuple((plain[step.name], step.outcome.value) for step in report.steps),
        tuple(plain[pair] for pair in report.left),
        tuple((record.value.epoch, record.value.active.value) for record in records if record),
        tuple(len(state.orders) for state in states if state),
    )
    return ended, killed


def replace(visit: Visit, engine: Any, dead: Worker) -> Worker:
    dead.end()
    return visit.worker(engine)


def has_ended(client: TaskHubGrpcClient, run: str) -> bool:
    state = client.get_orchestration_state(run)
    return state is not None and state.runtime_status.name == "COMPLETED"


DONE: Ended = (
    "completed",
    (("second", "done"), ("first", "done")),
    (),
    ((1, "secondary"), (1, "secondary")),
    (1, 1),
)


def test_an_undisturbed_group_switches_its_pairs_in_order(dead_primary: Bench) -> None:
    """Each once; the one that comes after another is ordered when that one has switched."""
    visit = two_pairs(dead_primary)
    calm = Killer(None, stored=True)
    assert play(visit, group_of(visit, at_once=1), calm) == (DONE, False)
    records = [patiently(lambda pair=pair: visit.world.epochs[pair].read(pair)) for pair in visit.world.plans]
    first, second = (record.value for record in records if record)
    assert first.since >= second.since
    assert "ana (a drill (ordered by the run group-g-" in first.why

    def record() -> list[str]:
        again = two_pairs(dead_primary)
        killer = Killer(None, stored=True)
        assert play(again, group_of(again, at_once=1), killer) == (DONE, False)
        return [place for place in killer.seen if " of group-g" in place and is_certain(place) and is_first_try(place)]

    assert compare(PLACES, record, is_certain) > 0


def is_first_try(place: str) -> bool:
    """How often a pair is looked at until it has switched is chance."""
    return int(place.rpartition("#")[2]) <= 2


def test_no_more_pairs_than_the_limit_are_under_way(dead_primary: Bench) -> None:
    """Two that need not wait for each other: the second one begins when the first one is over."""
    visit, told = two_pairs(dead_primary), list[GroupReport]()
    order = group_of(visit, at_once=1)
    free = tuple(msgspec.structs.replace(member, after=()) for member in order.pairs)
    ended, _ = play(visit, msgspec.structs.replace(order, pairs=free), Killer(None, stored=True), told)
    assert ended[0] == "completed"
    first, second = told[0].steps
    assert second.begun >= first.ended


def test_a_pair_that_refuses_stops_those_after_it(dead_primary: Bench) -> None:
    """It is asked until its time is over. Where the group says continue, the others go on."""
    held = (("second", "failed"),)
    visit = two_pairs(dead_primary, second_person=True)
    stops, _ = play(visit, group_of(visit, timeout=timedelta(seconds=2)), Killer(None, stored=True))
    assert stops[:4] == ("failed", held, ("first",), ((0, "primary"), (0, "primary")))
    visit = two_pairs(dead_primary, second_person=True)
    order = group_of(visit, timeout=timedelta(seconds=5), on_error=OnError.CONTINUE)
    goes_on, _ = play(visit, order, Killer(None, stored=True))
    assert (goes_on[0], goes_on[1][0], goes_on[1][1][0], goes_on[2]) == ("failed", *held, "first", ())


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@each(PLACES)
def test_a_worker_killed_at_any_checkpoint_of_a_group_orders_nothing_twice(
    dead_primary: Bench, place: str, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """S6: the pairs end where they end anyway, each with one order."""

    def attempt(at: str) -> tuple[Ended, bool]:
        visit = two_pairs(dead_primary)
        return play(visit, group_of(visit, at_once=1), Killer(at, stored=stored))

    ended, killed = met(attempt, place)
    moment = "just after" if stored else "just before"
    record_property("visited" if killed else "missed", f"checkpoints of a group {moment} which the worker was killed")
    assert ended == DONE
    assert killed or not is_certain(place)
