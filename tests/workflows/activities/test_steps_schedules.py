"""Schedules that change sides: never enabled on both, whatever answers when, and made up for by the timer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import claimed
from waiting import until

from orchestrator.core.base.errors import EpochFenced, NotFound, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import SCHEDULES_ROOT
from orchestrator.core.plan.schema import Hub
from orchestrator.core.plan.steps_standby import IfUnreachable, SetSchedules
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES, STEPS, skip_step
from orchestrator.workflows.activities.steps_schedules import finish_switches
from orchestrator.workflows.messages import RunOrder, SkipWish, StepOrder

NIGHTLY = SetSchedules(schedules=("nightly",))
AT_ONCE = SetSchedules(schedules=("nightly",), if_unreachable=IfUnreachable.ENABLE)


def begin(bench: Bench) -> Visit:
    """A pair whose schedule is on in the primary: the pairs of a bench have their projects in common."""
    visit = bench.visit()
    for role in Role:
        properties = schedule(visit, role)["properties"]
        bench.azure.call(partial(properties.update, isEnabled=role is Role.PRIMARY, provisioningState="Succeeded"))
    return visit


def carry(visit: Visit, run: RunOrder, step: SetSchedules = NIGHTLY) -> str:
    order = StepOrder(**msgspec.structs.asdict(run), step=step)
    return STEP_ACTIVITIES[step.kind][1](visit.world, order)


def carry_until_done(visit: Visit, run: RunOrder, step: SetSchedules = NIGHTLY) -> None:
    def is_done() -> bool:
        assert sum(enabled(visit)) < 2
        try:
            carry(visit, run, step)
        except TemporaryError:
            return False
        return True

    until(is_done, "the schedules are switched")


def schedule(visit: Visit, side: Role, name: str = "nightly") -> dict[str, Any]:
    place = f"{visit.plan.side(side).project_id}/schedules/{name}"
    found = visit.bench.azure.call(partial(visit.bench.azure.resources.get, place))
    assert found is not None
    return dict(found)


def enabled(visit: Visit) -> tuple[bool, bool]:
    """Whether it is enabled in the primary, and in the secondary."""
    first, second = (bool(schedule(visit, role)["properties"]["isEnabled"]) for role in Role)
    return first, second


def waiting(visit: Visit) -> list[str]:
    """What is kept of the pair's switches that are not over."""
    return [path for path in visit.world.ledgers[visit.pair].names(SCHEDULES_ROOT) if f"/{visit.pair}/" in path]


def finish(visit: Visit) -> None:
    """The timer, as often as it takes until nothing waits."""
    until(lambda: finish_switches(visit.world) >= 0 and not waiting(visit), "nothing waits")


@contextmanager
def unreachable(visit: Visit, side: Role) -> Iterator[None]:
    """Resource Manager does not answer for a side."""
    region = visit.plan.side(side).region
    visit.bench.azure.faults.set(region, "control", "5xx", status=500)
    try:
        yield
    finally:
        visit.bench.azure.faults.clear(region, "control")


def test_schedules_change_sides_and_nothing_else_of_them_changes(bench: Bench) -> None:
    """The old side first; there and back again."""
    visit = begin(bench)
    before = {role: schedule(visit, role)["properties"] for role in Role}
    assert enabled(visit) == (True, False)
    run = claimed(visit)
    carry_until_done(visit, run)
    assert enabled(visit) == (False, True)
    for role, properties in before.items():
        assert schedule(visit, role)["properties"] == {**properties, "isEnabled": role is Role.SECONDARY}
    assert waiting(visit) == []
    puts = [entry.path for entry in bench.azure.log.entries() if entry.method == "PUT" and "/schedules/" in entry.path]
    assert [visit.plan.side(role).project in path for role, path in zip(Role, puts[-2:], strict=True)] == [True, True]
    carry(visit, run)
    carry_until_done(visit, claimed(visit, 2))
    assert enabled(visit) == (True, False)


def test_a_schedule_waits_while_the_old_side_does_not_answer_and_is_made_up_for(bench: Bench) -> None:
    """The strict way: it never runs on both. The timer goes on with it when the run does not any more."""
    visit = begin(bench)
    run = claimed(visit)
    with unreachable(visit, Role.PRIMARY):
        with pytest.raises(TemporaryError, match="nightly in the primary"):
            carry(visit, run)
        finish_switches(visit.world)
        assert enabled(visit) == (True, False)
        assert len(waiting(visit)) == 1
    finish(visit)
    assert enabled(visit) == (False, True)


def test_a_schedule_is_enabled_at_once_if_the_plan_says_so_and_the_old_one_disabled_later(bench: Bench) -> None:
    """The other way: the step is over, and the timer disables the old one when that side answers again."""
    visit = begin(bench)
    run = claimed(visit)
    with unreachable(visit, Role.PRIMARY):
        until(lambda: _is_over(visit, run), "the step is over")
        assert enabled(visit) == (True, True)
        assert len(waiting(visit)) == 1
    finish(visit)
    assert enabled(visit) == (False, True)


def _is_over(visit: Visit, run: RunOrder) -> bool:
    try:
        carry(visit, run, AT_ONCE)
    except TemporaryError:
        return False
    return True


def test_what_waited_is_given_up_when_a_newer_run_holds_the_epoch(bench: Bench) -> None:
    """The pair has gone home meanwhile: nothing of the failover is made up for."""
    visit = begin(bench)
    run = claimed(visit)
    with unreachable(visit, Role.PRIMARY), pytest.raises(TemporaryError):
        carry(visit, run)
    claimed(visit, 2)
    with pytest.raises(EpochFenced):
        carry(visit, run)
    finish(visit)
    assert enabled(visit) == (True, False)


def test_a_change_that_is_under_way_is_awaited_and_one_that_failed_is_asked_for_again(bench: Bench) -> None:
    """The service refuses a second change meanwhile; a failed one ends only with another."""
    visit = begin(bench)
    run = claimed(visit)
    properties = schedule(visit, Role.PRIMARY)["properties"]
    bench.azure.call(partial(properties.update, provisioningState="Updating"))
    with pytest.raises(TemporaryError, match=r"nightly in the primary: .* is Updating and enabled"):
        carry(visit, run)
    assert enabled(visit) == (True, False)
    bench.azure.call(partial(properties.update, provisioningState="Failed", isEnabled=False))
    carry_until_done(visit, run)
    assert enabled(visit) == (False, True)
    assert schedule(visit, Role.PRIMARY)["properties"]["provisioningState"] == "Succeeded"


class Overtaking:
    """``ArmResources`` in which a newer run claims the epoch while a schedule is being enabled."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._inner = visit.world.resources

    def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
        return self._inner.get(resource_id, api_version)

    def put(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        if body["properties"]["isEnabled"]:
            claimed(self._visit, 2)
        self._inner.put(hub, resource_id, api_version, body)


class OvertakingFirst(Overtaking):
    """The same, but before anything is changed: while the first schedule is read."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.puts: list[str] = []

    def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
        found = super().get(resource_id, api_version)
        claimed(self._visit, 2)
        return found

    def put(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        self.puts.append(resource_id)
        self._inner.put(hub, resource_id, api_version, body)


def test_a_run_that_is_overtaken_before_it_changes_a_schedule_changes_none(bench: Bench) -> None:
    """S8: the epoch is looked at just before each change, and not only when the step begins."""
    visit = begin(bench)
    run, world = claimed(visit), visit.world
    resources = OvertakingFirst(visit)
    visit.world = world._replace(resources=resources)
    with pytest.raises(EpochFenced):
        carry(visit, run)
    visit.world = world
    assert (resources.puts, enabled(visit)) == ([], (True, False))
    finish(visit)


def test_a_run_that_is_overtaken_while_it_enables_a_schedule_undoes_it(bench: Bench) -> None:
    """At once if the service takes it, else by the timer: the side that is not active has none in the end."""
    visit = begin(bench)
    run, world = claimed(visit), visit.world

    def tried() -> bool:
        visit.world = world._replace(resources=Overtaking(visit))
        try:
            carry(visit, run)
        except EpochFenced:
            return True
        except TemporaryError:
            return False
        finally:
            visit.world = world
        raise AssertionError("the run was not stopped")

    until(tried, "the run was overtaken")
    carry_until_done_after_undoing(visit)
    assert enabled(visit) == (True, False)


def carry_until_done_after_undoing(visit: Visit) -> None:
    finish(visit)
    carry_until_done(visit, claimed(visit, 2))


def test_a_schedule_that_the_new_side_lacks_is_told_of_and_keeps_no_other_one_waiting(bench: Bench) -> None:
    """One that the old side lacks has nothing to be disabled."""
    visit = begin(bench)
    run = claimed(visit)
    step = SetSchedules(schedules=("absent", "nightly"))
    with pytest.raises(NotFound, match="absent"):
        until(lambda: _try_to_carry(visit, run, step), "never")
    until(lambda: _is_switched(visit, run, step), "the other one is switched")


def _try_to_carry(visit: Visit, run: RunOrder, step: SetSchedules) -> bool:
    try:
        carry(visit, run, step)
    except TemporaryError:
        return False
    return True


def _is_switched(visit: Visit, run: RunOrder, step: SetSchedules) -> bool:
    with pytest.raises((NotFound, TemporaryError)):
        carry(visit, run, step)
    return enabled(visit) == (False, True)


def test_a_step_that_a_person_skips_is_not_made_up_for(bench: Bench) -> None:
    """The wish is that the run goes on without it."""
    visit = begin(bench)
    run = claimed(visit)
    with unreachable(visit, Role.PRIMARY):
        with pytest.raises(TemporaryError):
            carry(visit, run)
        wish = SkipWish(step=NIGHTLY.title, by="ana", reason="by hand", at=visit.world.clock.now())
        skip_step(visit.world.ledgers[visit.pair], visit.pair, run.run, wish)
        assert carry(visit, run) == "ana skipped it: by hand"
    finish(visit)
    assert enabled(visit) == (True, False)


def test_a_tabletop_says_what_would_be_switched(bench: Bench) -> None:
    """And finds a schedule that is not there."""
    visit = begin(bench)
    preview = STEPS[NIGHTLY.kind].preview
    assert preview is not None
    told = preview(visit.world, visit.plan, Role.SECONDARY, NIGHTLY)
    assert told == "would disable nightly in the primary and enable nightly in the secondary"
    assert preview(visit.world, visit.plan, Role.PRIMARY, NIGHTLY) == "all are switched already"
    with pytest.raises(NotFound, match="absent"):
        preview(visit.world, visit.plan, Role.SECONDARY, SetSchedules(schedules=("absent",)))
    assert waiting(visit) == []
