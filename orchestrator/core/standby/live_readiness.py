"""Whether a pair's standby could take over now: a plan, two inventories read just now, and what the jobs need. Pure.

The side that is active stands for the primary of the comparison, the other one for the secondary: while the secondary
is active, it is the way home that is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from orchestrator.core.base.numbers import number_in
from orchestrator.core.base.regions import squeeze
from orchestrator.core.base.services import service_key, service_keys
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.rewrite import job_map
from orchestrator.core.plan.schema import Plan
from orchestrator.core.standby.demand import KEY_OF_KIND, Demand
from orchestrator.core.standby.inventory import (
    DENIED,
    MISSING,
    TEMPORARY,
    as_list,
    as_object,
    code_of,
    dig,
    last_part,
    name_of,
    unreadable,
)
from orchestrator.core.standby.plan_checks import rows_of_plan
from orchestrator.core.standby.planned_parts import planned_parts, with_full_names
from orchestrator.core.standby.readiness import Finding, Readiness, Severity, compare
from orchestrator.core.standby.readiness_checks import CHECKS
from orchestrator.core.standby.template_contents import KeptTemplate
from orchestrator.core.standby.tier_readiness import ByPlan, apply_tiers
from orchestrator.core.standby.twin_map import NeededTwin, Translator, TwinMap, infer_twin_map

SINGLE = frozenset(
    {
        *("hub", "storage", "shared_data_storage", "keyvault", "acr", "app_insights", "log_analytics"),
        *("app_config", "search_service", "cosmos_account", "registry"),
    }
)
"""Keys under which there is one resource, or null for none."""

RESTS_ON = ("storageAccount", "keyVault", "applicationInsights", "containerRegistry")
STORAGE_CHECK = 16

type Inventory = Mapping[str, Any]


class StandbyJudgement(NamedTuple):
    """What a look at a standby comes to."""

    found: Readiness
    by_plan: tuple[ByPlan, ...]
    """What differs from the active side because the plan says so; no findings."""


def judge(
    plan: Plan,
    active: Role,
    sides: tuple[Inventory, Inventory],
    demand: Demand,
    templates: Sequence[KeptTemplate] = (),
) -> StandbyJudgement:
    """What the checks find.

    Args:
        plan: the pair's.
        active: the side whose inventory is the first one.
        sides: inventories of the active side and of the standby.
        demand: of the jobs that run or wait on the active side.
        templates: what a failover deploys, as the ledger has it.
    """
    one, other, accounts = _prepare(plan, *sides, demand)
    if active is Role.SECONDARY:
        accounts = _for_the_way_home(plan, one, other, accounts)
    twins = twins_of(plan, active, one, other, demand)
    rows, by_plan = CHECKS, tuple[ByPlan, ...]()
    if active is Role.PRIMARY:
        parts = planned_parts(plan)
        rows = (*CHECKS, *rows_of_plan(parts))
        one, other, rows, by_plan = apply_tiers((one, other), parts, templates, Translator(twins), rows)
        # What a template has yet to make needs quota, too.
        twins = twins_of(plan, active, one, other, demand)
    one, other = _with_assets(one, other, twins, demand)
    found = compare(one, other, twins, rows)
    rows = tuple(row for row in CHECKS if row.number == STORAGE_CHECK)
    for name in accounts[1:]:  # the comparison knows one shared account; of the others the same is asked
        mine, its = (
            {**side, "shared_data_storage": as_object(side["data_accounts"]).get(name)} for side in (one, other)
        )
        found = _merge(found, compare(mine, its, twins, rows), name)
    return StandbyJudgement(_not_ready(found, demand.unread) if demand.unread else found, by_plan)


def temporary_faults(inventory: Inventory) -> dict[str, str]:
    """Keys of what could not be read and may be read later, with the reasons."""
    return {key: str(dig(value, "error.message")) for key, value in inventory.items() if code_of(value) == TEMPORARY}


def with_kept(inventory: Inventory, kept: Inventory) -> dict[str, Any]:
    """An inventory in which what could not be read this time is as it was read last."""
    lost = temporary_faults(inventory)
    return {key: kept[key] if key in lost and key in kept else value for key, value in inventory.items()}


def twins_of(plan: Plan, active: Role, here: Inventory, there: Inventory, demand: Demand) -> TwinMap:
    """Which thing is which: from the plan, and from what stands in the same place of both inventories."""
    source, target = plan.side(active), plan.side(active.other)
    inferred, names = infer_twin_map(here, there), job_map(plan, active)
    ids = dict(inferred.ids) | _pair_rests(here, there)
    for old, new in names.storage_accounts.items():
        place = "providers/Microsoft.Storage/storageAccounts"
        ids[f"{source.group_id}/{place}/{_label(old)}"] = f"{target.group_id}/{place}/{_label(new)}"
    for one, other in (
        (source.group_id, target.group_id),
        (source.hub_id, target.hub_id),
        (source.project_id, target.project_id),
    ):
        if one.casefold() != other.casefold():
            ids[one] = other
    shared = {last_part(place) for place in _places(here) & _places(there)}
    return TwinMap(
        ids=ids,
        principals=inferred.principals | dict(_pair_principals(here, there, names.computes)),
        regions={source.region: target.region} if source.region != target.region else {},
        names=names.computes | names.datastores | names.environments,
        shared=tuple(sorted(shared | set(_find_shared_accounts(here, there)))),
        rpo_target=plan.targets.rpo,
        needed=dict(_find_needed(here, there, names.computes, demand)),
    )


def _prepare(
    plan: Plan, here: Inventory, there: Inventory, demand: Demand
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Both inventories as the comparison reads them, and the names of the accounts that both sides share."""
    one, other = dict(here), dict(there)
    for key in SINGLE & other.keys():
        if code_of(other[key]) == MISSING:
            other[key] = None  # it is known not to be there: a finding, and not something unknown
    accounts = _find_shared_accounts(one, other)
    for side in (one, other):
        known = side.get("data_accounts")
        side["shared_data_storage"] = (
            known if code_of(known) else as_object(known).get(accounts[0]) if accounts else None
        )
        side["cognitive_usages"] = _model_quota(one, other, side.get("cognitive_usages"))
        side["health_events"] = _relevant(plan, side.get("health_events"))
        side.setdefault("environment_containers", [])
    with_full_names((one, other))
    if demand.nodes and not machine_sizes(other):
        why = dig(other.get("vm_sizes"), "error.message") or "Azure listed none"
        other["usages"] = unreadable(DENIED, f"the sizes of machines are not known: {why}")
    return one, other, accounts


def _for_the_way_home(plan: Plan, here: dict[str, Any], there: dict[str, Any], accounts: list[str]) -> list[str]:
    """The accounts that are left to be looked at: what was set up for the way out reads the other way round.

    An account whose main copy is at home needs no other one there, and a store outside the region that is to be left
    needs no replica.
    """
    region = squeeze(plan.primary.region)
    known = as_object(there.get("data_accounts"))
    left = [name for name in accounts if squeeze(str(dig(known, f"{name}.properties.primaryLocation"))) != region]
    if not code_of(there.get("data_accounts")):
        for side in (here, there):
            side["shared_data_storage"] = as_object(side.get("data_accounts")).get(left[0]) if left else None
    store = there.get("app_config")
    if isinstance(store, Mapping) and isinstance(there.get("app_config_replicas"), list):
        there["app_config_replicas"] = [store, *there["app_config_replicas"]]
    return left


def _with_assets(
    here: dict[str, Any], there: dict[str, Any], twins: TwinMap, demand: Demand
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both inventories with the assets that jobs need: they are made by us, so that only their being there counts."""
    seen = as_object(there.get("assets"))
    wanted: dict[str, list[Any]] = {key: [] for key in KEY_OF_KIND.values()}
    has: dict[str, Any] = {key: [] for key in wanted}
    names = twins.names if isinstance(twins.names, dict) else {}
    for asset in demand.assets:
        key = KEY_OF_KIND.get(asset.kind)
        if key is None:
            continue
        shown = seen.get(asset.there) if asset.there else unreadable(MISSING, "it was not made there")
        place = _spelt_there(asset.id, names)
        wanted[key].append({"id": place, "name": last_part(place), "properties": {}})
        if code_of(shown) in {TEMPORARY, DENIED}:
            has[key] = shown
        elif not code_of(shown) and shown is not None and isinstance(has[key], list):
            has[key].append({"id": place, "name": last_part(place), "properties": {}})
    return here | wanted, there | has


def _spelt_there(asset_id: str, names: Mapping[str, str]) -> str:
    """An asset's id with the name that it has in the standby: the finding of one that is missing shows that."""
    head, mark, version = asset_id.rpartition("/versions/")
    place, _, name = head.rpartition("/")
    return f"{place}/{names.get(name, name)}{mark}{version}" if mark else asset_id


def _find_shared_accounts(here: Inventory, there: Inventory) -> list[str]:
    """Names of the accounts to which datastores of both sides lead."""
    return sorted(set(as_object(here.get("data_accounts"))) & set(as_object(there.get("data_accounts"))) - {"error"})


def _model_quota(here: Inventory, there: Inventory, rows: Any) -> Any:
    """Of the quota of models, the rows of those that the standby still has to deploy: of the others it is used up."""
    if not isinstance(rows, list):
        return rows
    has = {name_of(each).casefold() for each in as_list(there.get("openai_deployments")) if isinstance(each, Mapping)}
    lacking = {
        f"openai.{dig(each, 'sku.name')}.{dig(each, 'properties.model.name')}".casefold()
        for each in as_list(here.get("openai_deployments"))
        if isinstance(each, Mapping) and name_of(each).casefold() not in has
    }
    return [each for each in rows if isinstance(each, Mapping) and name_of(each).casefold() in lacking]


def _relevant(plan: Plan, events: Any) -> Any:
    """Events of Service Health that name a service which the pair uses; those that name none stay."""
    if not isinstance(events, list):
        return events
    used = service_keys(plan.services)

    def concerns(event: Any) -> bool:
        said = [dig(each, "impactedService") for each in as_list(dig(event, "properties.impact"))]
        named = [service_key(each) for each in said if isinstance(each, str)]
        return not named or any(each in used for each in named)

    return [event for event in events if concerns(event)]


def _pair_rests(here: Inventory, there: Inventory) -> dict[str, str]:
    """Ids of what both workspaces name in the same property."""
    found = {}
    for name in RESTS_ON:
        one, other = (dig(side, f"hub.properties.{name}") for side in (here, there))
        if isinstance(one, str) and isinstance(other, str) and one.casefold() != other.casefold():
            found[one] = other
    return found


def _places(inventory: Inventory) -> set[str]:
    """Ids of single resources, in lower case."""
    places = (dig(inventory.get(key), "id") for key in SINGLE)
    return {place.casefold() for place in places if isinstance(place, str)}


def _pair_principals(here: Inventory, there: Inventory, computes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Object ids of the identities of twins: projects, clusters, endpoints."""
    pairs = list(zip(as_list(here.get("projects")), as_list(there.get("projects")), strict=False))
    for key, names in (("computes", computes), ("online_endpoints", {}), ("batch_endpoints", {})):
        twins = {name_of(each).casefold(): each for each in as_list(there.get(key)) if isinstance(each, Mapping)}
        for each in as_list(here.get(key)):
            name = name_of(each) if isinstance(each, Mapping) else ""
            pairs.append((each, twins.get(names.get(name, name).casefold())))
    for one, other in pairs:
        mine, its = dig(one, "identity.principalId"), dig(other, "identity.principalId")
        if isinstance(mine, str) and isinstance(its, str):
            yield mine, its


def _find_needed(
    here: Inventory, there: Inventory, computes: Mapping[str, str], demand: Demand
) -> Iterator[tuple[str, NeededTwin]]:
    """Nodes of each cluster that jobs use: no more than it has on the active side, for the rest waits there, too."""
    sizes = machine_sizes(there)
    mine, its = (
        {name_of(each).casefold(): each for each in as_list(side.get("computes")) if isinstance(each, Mapping)}
        for side in (here, there)
    )
    for name, nodes in demand.nodes.items():
        own = mine.get(name.casefold())
        most = number_in(dig(own, "properties.properties.scaleSettings.maxNodeCount"))
        twin = its.get(computes.get(name, name).casefold())
        cores, family = sizes.get(str(dig(twin, "properties.properties.vmSize")).casefold(), (0, ""))
        spelt = name_of(own) if own else name
        wanted = nodes if most is None else min(nodes, int(most))
        yield spelt, NeededTwin(nodes=wanted, vcpus_per_node=cores, family=family.casefold())


def machine_sizes(inventory: Inventory) -> dict[str, tuple[int, str]]:
    """Cores and family of each size of machine."""
    return {
        str(each.get("name")).casefold(): (int(cores), str(each.get("family") or ""))
        for each in as_list(inventory.get("vm_sizes"))
        if isinstance(each, Mapping) and (cores := number_in(each.get("vCPUs"))) is not None and cores >= 0
    }


def _merge(all_of: Readiness, more: Readiness, name: str) -> Readiness:
    """A comparison with the findings of another account's."""
    further = [
        msgspec.structs.replace(each, what=f"{name}: {each.what}")
        for each in more.findings
        if each.path.startswith("shared_data_storage")
    ]
    return _sort(all_of, further, ready=all_of.ready and more.ready, score=min(all_of.score, more.score))


def _not_ready(found: Readiness, unread: Iterable[str]) -> Readiness:
    """What needs of jobs are not known makes the standby not ready."""
    further = [
        Finding(
            check=6,
            severity=Severity.BLOCK,
            path="ledger",
            what=f"what this job needs is not known: {why}",
            primary="",
            secondary="",
            fix="look at the job's record: hubswitch jobs show",
        )
        for why in unread
    ]
    return _sort(found, further, ready=False, score=found.score)


def _sort(found: Readiness, further: Iterable[Finding], *, ready: bool, score: int) -> Readiness:
    order = list(Severity)
    findings = sorted([*found.findings, *further], key=lambda each: (order.index(each.severity), each.check, each.path))
    return msgspec.structs.replace(found, ready=ready, score=score, findings=tuple(findings))


def _label(account: str) -> str:
    return account.partition(".")[0]
