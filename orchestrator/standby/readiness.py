"""One look at a pair's standby: read both sides, compare, and keep what was found outside of both.

While the active side is out, its inventory is as it was read last: whether the standby is ready is about the standby.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import Conflict, HubswitchError, InvalidInput, NotFound, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.stamps import read_standing, read_wanted, wanted_path
from orchestrator.core.decision.stamps import readiness_path as shared_path
from orchestrator.core.decision.standing import Believed, ReadinessStanding, find_believed, newer
from orchestrator.core.evidence.basis import plan_digest
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.ledger_paths import inventory_path, readiness_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.standby.copy_findings import add_copies
from orchestrator.core.standby.demand import Demand, NeededAsset, nodes_of, registries_of
from orchestrator.core.standby.inventory import code_of, dig
from orchestrator.core.standby.live_readiness import judge, temporary_faults, with_kept
from orchestrator.core.standby.planned_parts import DeployedTemplate, templates_into
from orchestrator.core.standby.readiness_record import (
    KeptInventory,
    ReadinessRecord,
    after_failure,
    after_look,
    make_standing,
)
from orchestrator.core.standby.template_contents import KeptTemplate
from orchestrator.ports import Ledger, SideRequest, World
from orchestrator.workflows.activities.assets import AssetCopier
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.activities.copy_lines import copy_lines
from orchestrator.workflows.activities.job_records import READERS, read_records
from orchestrator.workflows.activities.stamps import change_blob
from orchestrator.workflows.activities.steps_templates import read_template

NOTHING = Believed(reads=None, assets=None)

GOING_ON = frozenset({JobStatus.RUNNING, JobStatus.SUBMITTING})
"""What an outage would have to move: running, starting and queued."""


def look_at_standby(world: World, plan: Plan, active: Role) -> ReadinessStanding:
    """Look, and keep what was found; blocks for minutes at the most.

    Raises:
        HubswitchError: the look could not be done, which is written down; the old result stands.
    """
    began, ledger = world.clock.now(), world.ledgers[plan.pair]
    try:
        return _look(world, plan, active, began)
    except HubswitchError as fault:
        why = str(fault)
        with contextlib.suppress(HubswitchError):  # a ledger that cannot be written may be why
            _change_record(ledger, plan.pair, lambda before: after_failure(before, plan.pair, began, why))
        raise


def read_readiness(ledger: Ledger, pair: str) -> ReadinessRecord | None:
    """What the last look found; None before the first one.

    Raises:
        HubswitchError: the ledger cannot be read, or holds something else there.
    """
    found = ledger.get(readiness_path(pair))
    return read_record(found, ReadinessRecord, readiness_path(pair)) if found is not None else None


def _look(world: World, plan: Plan, active: Role, began: datetime) -> ReadinessStanding:
    ledger = world.ledgers[plan.pair]
    demand = demand_of(world, plan, active)
    here, there = _collect(world, plan, active, demand, _find_believed(world, plan, active))
    kept = _read_kept(ledger, plan, active)
    lost = temporary_faults(here)
    replaced = tuple(sorted(lost.keys() & kept.keys()))
    here = with_kept(here, kept)
    if "hub" in temporary_faults(here):
        raise TemporaryError(f"the {active} could not be read: {lost['hub']}")
    deployed = templates_into(plan, "failover", Role.SECONDARY)
    found, by_plan = judge(plan, active, (here, there), demand, read_templates(ledger, deployed))
    found = add_copies(found, copy_lines(ledger, plan, active, began))
    _keep(ledger, plan, active, began, {key: value for key, value in here.items() if not code_of(value)})
    _change_record(
        ledger, plan.pair, lambda before: after_look(before, plan.pair, active, began, found, replaced, by_plan)
    )
    standing = make_standing(active, began, found, plan_digest(plan), lacks=bool(lost or temporary_faults(there)))
    change_blob(
        world.shared[plan.pair], shared_path(plan.pair), ReadinessStanding, lambda before: newer(before, standing)
    )
    return standing


def _find_believed(world: World, plan: Plan, active: Role) -> Believed:
    """What of earlier reads may stand, by the last look and by what was told since; nothing, if that is unreadable."""
    found = {path: world.shared[plan.pair].read(path) for path in (shared_path(plan.pair), wanted_path(plan.pair))}
    files = {path: page.value for path, page in found.items() if page is not None}
    standing, unread = read_standing(files, plan.pair)
    wanted = read_wanted(files, plan.pair)
    if unread or (wanted is None and wanted_path(plan.pair) in files):
        return NOTHING
    return find_believed(standing, wanted, active)


def read_templates(ledger: Ledger, deployed: Iterable[DeployedTemplate]) -> tuple[KeptTemplate, ...]:
    """What runs deploy, as the ledger has it; with its fault, if a step could not deploy it.

    Raises:
        HubswitchError: the ledger cannot be read.
    """
    found = []
    for name, parameters in deployed:
        try:
            found.append(KeptTemplate(name, parameters, read_template(ledger, name)))
        except (NotFound, InvalidInput) as fault:
            found.append(KeptTemplate(name, parameters, fault=str(fault)))
    return tuple(found)


def demand_of(world: World, plan: Plan, active: Role) -> Demand:
    """What the jobs need that run, start or are queued on the active side.

    Raises:
        HubswitchError: the ledger cannot be read.
    """
    ledger = world.ledgers[plan.pair]
    names = [
        summary.name for summary in ledger.summaries(plan.pair) if summary.hub is active and summary.status in GOING_ON
    ]
    found = list(read_records(ledger, plan.pair, names))
    records = [record for record in found if isinstance(record, JobRecord)]
    assets = AssetCopier(world, plan, active)
    needed = list({asset.id.casefold(): asset for record in records for asset in record.closure}.values())
    with ThreadPoolExecutor(READERS) as pool:
        made = list(pool.map(assets.made, needed))
    return Demand(
        nodes=nodes_of(record.body for record in records),
        assets=tuple(NeededAsset(each.kind, each.id, there) for each, there in zip(needed, made, strict=True)),
        registries=registries_of(encode(record.body) for record in records),
        unread=tuple(str(fault) for fault in found if isinstance(fault, InvalidInput)),
    )


def read_sides(world: World, plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inventories of both sides as readiness reads them, the primary's first, without what jobs need."""
    return _collect(world, plan, Role.PRIMARY, Demand(), NOTHING)


def _collect(
    world: World, plan: Plan, active: Role, demand: Demand, believed: Believed
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both inventories, read side by side."""
    subscriptions = frozenset(plan.side(role).subscription.casefold() for role in Role)
    made = tuple(asset.there for asset in demand.assets if asset.there)
    is_way_out = active is Role.PRIMARY  # only the secondary has what the plan's standby names
    accounts = tuple(dict.fromkeys(each.account for each in plan.standby.ai_deployments)) if is_way_out else ()
    with ThreadPoolExecutor(2) as pool:
        mine, its = (
            pool.submit(
                world.sides.collect,
                SideRequest(
                    plan.side(side),
                    plan.pointer.endpoint,
                    subscriptions,
                    demand.registries,
                    assets,
                    batch=bool(plan.standby.batch_endpoints) and is_way_out,
                    ai_accounts=accounts if side is Role.SECONDARY else (),
                    since=believed.reads,
                    assets_since=believed.assets,
                ),
            )
            for side, assets in ((active, ()), (active.other, made))
        )
        return mine.result(), its.result()


def _read_kept(ledger: Ledger, plan: Plan, active: Role) -> dict[str, Any]:
    """The active side's inventory as it was read last; nothing if there is none, or it is another project's."""
    path = inventory_path(plan.pair)
    found = ledger.get(path)
    if found is None:
        return {}
    try:
        kept = read_record(found, KeptInventory, path)
    except InvalidInput:
        return {}
    return kept.inventory if kept.project == plan.side(active).project_id.casefold() else {}


def _keep(ledger: Ledger, plan: Plan, active: Role, at: datetime, inventory: dict[str, Any]) -> None:
    """Keep it, unless somebody else is doing so."""
    if not dig(inventory, "hub.id"):
        return
    path = inventory_path(plan.pair)
    kept = KeptInventory(at=at, project=plan.side(active).project_id.casefold(), inventory=inventory)
    found = ledger.page(path)
    with contextlib.suppress(Conflict):
        ledger.write_page(path, encode(kept), found.etag if found else None)


def _change_record(ledger: Ledger, pair: str, change: Callable[[ReadinessRecord | None], ReadinessRecord]) -> None:
    """Read, change, and write under the condition that nobody else has. What cannot be read is written over."""
    path = readiness_path(pair)

    def attempt() -> None:
        found, before = ledger.page(path), None
        with contextlib.suppress(InvalidInput):
            before = read_record(found.value, ReadinessRecord, path) if found else None
        after = change(before)
        if after != before:
            ledger.write_page(path, encode(after), found.etag if found else None)

    while_it_conflicts(attempt)
