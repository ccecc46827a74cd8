"""The step that switches schedules from the side that is left to the side that takes over, and its making up.

What holds: hubswitch enables a schedule only after it has read that its twin at the other side is disabled, or is not
there. With ``if_unreachable: enable`` that is given up while the other side does not answer.

A switch is written into the ledger before it begins, and removed when both sides show it. So what a run could not do is
gone on with by a timer (``finish_switches``), whatever became of the run. The epoch fences it: before each write, and
after each schedule that was enabled, the record is read. A switch whose epoch has passed does one thing only: what it
names is disabled at the side that is not active, which is right under every epoch. Danger: Azure ML takes no condition
with a PUT. A run that is overtaken during one has enabled a schedule out of turn; it undoes that at once, or, while
Azure ML still carries the enabling out, the timer does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal
from urllib.parse import quote

from orchestrator import telemetry
from orchestrator.core.base.codec import Value, encode, read_record
from orchestrator.core.base.errors import EpochFenced, HubswitchError, NotFound, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import SCHEDULES_ROOT, schedules_path, skip_path
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.plan.steps_standby import IfUnreachable, SetSchedules
from orchestrator.ports import Ledger, World
from orchestrator.workflows.activities.epoch import read_epoch, read_held_epoch
from orchestrator.workflows.messages import RunOrder, StepOrder

LOG = telemetry.logger("schedules")

SCHEDULE_VERSION = "2024-10-01"
"""The newest stable version of schedules whose types were read (Azure/bicep-types-az)."""

READ_ONLY = "provisioningState"
SUCCEEDED = "Succeeded"
UNDER_WAY = frozenset({"Creating", "Deleting", "Updating"})
"""States of a change that another one has to wait for (``ScheduleProvisioningStatus`` in Azure/bicep-types-az)."""


class ScheduleSwitch(Value, kw_only=True):
    """A switch of schedules that is not over."""

    schema: Literal[1] = 1
    order: RunOrder
    """The run's; its epoch is the one under which the switch may go on."""

    step: SetSchedules

    @property
    def path(self) -> str:
        return schedules_path(self.order.pair, self.order.epoch, self.step.title)


def set_schedules(world: World, order: StepOrder, step: SetSchedules) -> None:
    """Disable at the source, then enable at the target; with ``if_unreachable: enable`` also without the former.

    Raises:
        NotFound: the target has no such schedule.
        TemporaryError: a side does not show what it should yet.
        EpochFenced: the run was overtaken; what it had just enabled is disabled again.
    """
    plain = {name: getattr(order, name) for name in RunOrder.__struct_fields__}
    switch = ScheduleSwitch(order=RunOrder(**{**plain, "steps": None, "basis": None}), step=step)
    ledger = world.ledgers[order.pair]
    ledger.put_once(switch.path, encode(switch))
    undone = _switch(world, switch)
    if not undone:
        ledger.drop(switch.path)
    elif step.if_unreachable is IfUnreachable.WAIT:
        raise TemporaryError(undone)


def preview_set_schedules(world: World, plan: Plan, target: Role, step: SetSchedules) -> str:
    """Whether the target has every schedule, and what would be switched.

    Raises:
        NotFound: it lacks one.
    """
    to_disable = [name for name in step.schedules if _is_on_if_there(world, plan.side(target.other), name)]
    to_enable = [name for name in step.schedules if not _is_enabled(_read(world, plan.side(target), name))]
    off = f"disable {', '.join(to_disable)} in the {target.other}" if to_disable else ""
    on = f"enable {', '.join(to_enable)} in the {target}" if to_enable else ""
    return f"would {' and '.join(part for part in (off, on) if part)}" if off or on else "all are switched already"


def finish_switches(world: World) -> int:
    """Go on with every switch that is not over; how many are over now. Never raises for one of them."""
    ended = 0
    seen: set[tuple[str, str]] = set()
    for pair, plan in world.plans.items():
        place = (plan.ledger.account, plan.ledger.container)
        if place in seen:
            continue
        seen.add(place)
        ledger = world.ledgers[pair]
        try:
            paths = list(ledger.names(SCHEDULES_ROOT))
        except HubswitchError as fault:
            LOG.warning("switches of schedules could not be listed: %s", fault)
            continue
        ended += sum(_finish(world, ledger, path) for path in paths)
    return ended


def _finish(world: World, ledger: Ledger, path: str) -> bool:
    """Go on with one switch; whether it is over."""
    try:
        kept = ledger.get(path)
        switch = read_record(kept, ScheduleSwitch, path) if kept else None
        if switch is None or switch.order.pair not in world.plans:
            return False
        is_over = _is_skipped(ledger, switch) or _go_on(world, switch)
        if is_over:
            ledger.drop(path)
    except HubswitchError as fault:
        LOG.warning("%s: schedules are not switched yet: %s", path, fault)
        return False
    return is_over


def _go_on(world: World, switch: ScheduleSwitch) -> bool:
    order = switch.order
    if read_epoch(world, order.pair).epoch == order.epoch:
        undone = _switch(world, switch)
        if undone:
            LOG.warning("%s: schedules are not switched yet: %s", order.pair, undone)
        return not undone
    for name in switch.step.schedules:
        _turn_off_where_not_active(world, order.pair, name)
    return True


def _turn_off_where_not_active(world: World, pair: str, name: str) -> None:
    record = read_epoch(world, pair)

    def held() -> None:
        if read_epoch(world, pair).epoch != record.epoch:
            raise TemporaryError(f"{pair} is being switched")

    _turn_off(world, world.plans[pair].side(record.active.other), name, held)


def _is_skipped(ledger: Ledger, switch: ScheduleSwitch) -> bool:
    """Whether a person has wished that the run goes on without the step."""
    return ledger.get(skip_path(switch.order.pair, switch.order.run, switch.step.title)) is not None


def _switch(world: World, switch: ScheduleSwitch) -> str:
    """Switch every schedule as far as it can be; empty, or why the source does not show its own as disabled.

    Raises:
        EpochFenced: the run was overtaken.
        HubswitchError: of the first schedule that the target lacks, does not take or does not show yet.
    """
    order, step = switch.order, switch.step
    plan = world.plans[order.pair]
    unsure: list[str] = []
    faults: list[HubswitchError] = []
    for name in step.schedules:
        try:
            _turn_off(world, plan.side(order.source), name, lambda: _check_held(world, order))
        except TemporaryError as why:
            unsure.append(f"{name} in the {order.source}: {why}")
            if step.if_unreachable is IfUnreachable.WAIT:
                continue
        try:
            _turn_on(world, order, name)
        except EpochFenced:
            raise
        except HubswitchError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]
    return "; ".join(unsure)


def _check_held(world: World, order: RunOrder) -> None:
    read_held_epoch(world, order)


def _turn_off(world: World, hub: Hub, name: str, held: Callable[[], None]) -> None:
    """Return if a side shows a schedule as disabled, or has none.

    Raises:
        TemporaryError: it does not show it yet, or cannot be asked.
    """
    try:
        _set(world, hub, name, held, is_enabled=False)
    except NotFound:
        return


def _turn_on(world: World, order: RunOrder, name: str) -> None:
    """Enable a schedule at the target, and undo it if the run was overtaken meanwhile."""
    hub = world.plans[order.pair].side(order.target)
    try:
        _set(world, hub, name, lambda: _check_held(world, order), is_enabled=True)
    finally:
        try:
            _check_held(world, order)
        except EpochFenced:
            with suppress(HubswitchError):  # the switch is in the ledger still, so the timer comes to it
                _turn_off_where_not_active(world, order.pair, name)
            raise


def _set(world: World, hub: Hub, name: str, held: Callable[[], None], *, is_enabled: bool) -> None:
    """Put a schedule with its switch turned, unless it shows that already, and return when it shows it.

    Only the switch is changed: what was read is put again, for Azure ML takes a schedule as a whole
    (learn.microsoft.com, rest/api/azureml/schedules/create-or-update).
    """
    found = _read(world, hub, name)
    is_there, state = _is_enabled(found) is is_enabled, str(found["properties"].get(READ_ONLY))
    if state not in UNDER_WAY and not (is_there and state == SUCCEEDED):
        held()
        properties = {key: value for key, value in found["properties"].items() if key != READ_ONLY}
        body = {"properties": {**properties, "isEnabled": is_enabled}}
        world.resources.put(hub, _schedule_id(hub, name), SCHEDULE_VERSION, body)
        found = _read(world, hub, name)
        state = str(found["properties"].get(READ_ONLY))
    if _is_enabled(found) is not is_enabled or state != SUCCEEDED:
        shown = "enabled" if _is_enabled(found) else "disabled"
        raise TemporaryError(f"the schedule {name} of {hub.project} is {state} and {shown}")


def _is_on_if_there(world: World, hub: Hub, name: str) -> bool:
    try:
        return _is_enabled(_read(world, hub, name))
    except NotFound:
        return False


def _read(world: World, hub: Hub, name: str) -> Mapping[str, Any]:
    found = world.resources.get(_schedule_id(hub, name), SCHEDULE_VERSION)
    if not isinstance(found.get("properties"), dict):
        raise TemporaryError(f"the schedule {name} of {hub.project} shows no properties")
    return found


def _is_enabled(schedule: Mapping[str, Any]) -> bool:
    """Whether it runs. One that does not say so does: ``isEnabled`` is true by default, in Azure ML's types."""
    return schedule["properties"].get("isEnabled") is not False


def _schedule_id(hub: Hub, name: str) -> str:
    return f"{hub.project_id}/schedules/{quote(name, safe='')}"
