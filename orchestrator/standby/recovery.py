"""One look for what was deleted of a pair: whether everything is there that plan and hubs name, and what is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from orchestrator.core.base.codec import read_record
from orchestrator.core.base.errors import HubswitchError, NotFound
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import PairState
from orchestrator.core.ledger_paths import inventory_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.standby.inventory import code_of, dig, last_part
from orchestrator.core.standby.readiness_record import KeptInventory
from orchestrator.core.standby.recovery import (
    Found,
    KeptByAzure,
    Missing,
    RecoveryProposal,
    SoftDeleted,
    propose,
    read_soft_deleted,
    resources_to_look_for,
)
from orchestrator.ports import Ledger, World

AT_ONCE = 8
"""Resources asked for together."""


def look_for_deleted(world: World, plan: Plan, state: PairState | None) -> RecoveryProposal:
    """What of a pair is deleted, and what can be done about it. Blocks for minutes at the most; never raises."""
    active = state.active if state else Role.PRIMARY
    wanted = [(role, place) for role in Role for place in _resources_of(world, plan, role)]
    found = find_missing(world, wanted, _told_times(state))
    return propose(plan, active, found.missing, _read_kept(world, found.missing), world.clock.now(), found.unread)


def find_missing(
    world: World, wanted: Iterable[tuple[Role, str]], told: Mapping[tuple[Role, str], datetime] | None = None
) -> Found:
    """Ask for each resource. Only a 404 means that it is not there; whatever else fails is not known.

    Args:
        world: the ports.
        wanted: side and ARM id.
        told: side and name in lower case -> when an event said that it was deleted.
    """
    asked = list(wanted)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda each: _is_there(world, each[1]), asked))
    gone = [each for each, answer in zip(asked, answers, strict=True) if answer is False]
    groups = {_group_of(place): _has_group(world, _group_of(place)) for _, place in gone}
    return Found(
        missing=tuple(
            Missing(role, place, (told or {}).get((role, last_part(place).casefold())), not groups[_group_of(place)])
            for role, place in gone
        ),
        there=tuple(place for (_, place), answer in zip(asked, answers, strict=True) if answer is True),
        unread=tuple(answer for answer in answers if isinstance(answer, str)),
    )


def _is_there(world: World, place: str) -> bool | str:
    """Whether a resource is there, or why that is not known."""
    try:
        world.deleted.state(place)
    except NotFound:
        return False
    except HubswitchError as fault:
        return str(fault)
    return True


def _has_group(world: World, group: str) -> bool:
    """A group that cannot be asked for is taken to be there: the call will tell."""
    try:
        return world.deleted.has_group(group)
    except HubswitchError:
        return True


def _group_of(place: str) -> str:
    return "/".join(place.split("/")[:5])


def _resources_of(world: World, plan: Plan, role: Role) -> tuple[str, ...]:
    """What a side's plan and hub name; of a hub that is gone, what was read of it last."""
    hub = plan.side(role)
    known = _read_inventory(world.ledgers[plan.pair], plan, role) | world.deleted.known(hub)
    return resources_to_look_for(plan, role, known)


def _read_inventory(ledger: Ledger, plan: Plan, role: Role) -> dict[str, Any]:
    """A side's inventory as readiness kept it last; nothing if it has the other side's, or cannot be read."""
    with contextlib.suppress(HubswitchError):
        found = ledger.get(inventory_path(plan.pair))
        kept = read_record(found, KeptInventory, inventory_path(plan.pair)) if found else None
        if kept is not None and kept.project == plan.side(role).project_id.casefold():
            return dict(kept.inventory)
    return {}


def _told_times(state: PairState | None) -> dict[tuple[Role, str], datetime]:
    deletions = state.evidence.deletions.values() if state else ()
    return {(each.role, each.name.casefold()): each.at for each in deletions}


def _read_kept(world: World, missing: Iterable[Missing]) -> KeptByAzure:
    subscriptions = {each.resource.split("/")[2].casefold() for each in missing}
    entries = dict[str, SoftDeleted]()
    tenants, unlisted = dict[str, str](), dict[tuple[str, str], str]()
    for subscription in sorted(subscriptions):
        lists = world.deleted.kept(subscription)
        entries |= read_soft_deleted(lists)
        unlisted |= {
            (subscription, key): str(dig(value, "error.message")) for key, value in lists.items() if code_of(value)
        }
        with contextlib.suppress(HubswitchError):
            tenants[subscription] = world.deleted.tenant(subscription)
    return KeptByAzure(entries, tenants, unlisted)
