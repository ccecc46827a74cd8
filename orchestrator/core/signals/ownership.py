"""Whose it is: from a fact to signals for one plan. Ids compare without regard to case.

A resource is a side's if it is its hub or project, something inside one of them, one of its storage account,
vault and registry by name in the hub's resource group, or one that the plan lists. Service Health is about
regions and services. What is nobody's gives no signal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from orchestrator.core.base.regions import GLOBAL
from orchestrator.core.base.services import OWN_SERVICES, service_key, service_keys
from orchestrator.core.base.vocabulary import Cause, EvidenceClass, Observation, Role, Surface
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.signals.facts import Details, ElementKind, Fact, Parsed
from orchestrator.core.signals.json_access import arm_type
from orchestrator.core.signals.signal import Says, Scope, Signal, Source

HEARD = frozenset({ElementKind.SIGNAL, ElementKind.CHANGE})
"""Kinds of facts that come to signals."""


class Directory(Mapping[str, Plan]):
    """Plans by pair. What each owns is looked up once, when this is made."""

    def __init__(self, plans: Mapping[str, Plan]) -> None:
        self._plans = dict(plans)
        self._all = tuple(self._plans.values())
        self._owners: dict[str, tuple[Plan, ...]] = {}
        for plan in self._all:
            for resource in {resource for role in Role for resource in resources_of(plan.side(role))}:
                self._owners[resource] = (*self._owners.get(resource, ()), plan)
        self._groups: dict[str, dict[str, Plan]] = {}
        for plan in self._all:
            for role in Role:
                self._groups.setdefault(plan.side(role).group_id.lower(), {})[plan.pair] = plan

    def __getitem__(self, pair: str) -> Plan:
        return self._plans[pair]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plans)

    def __len__(self) -> int:
        return len(self._plans)

    def find_concerned(self, fact: Fact) -> Iterable[Plan]:
        """The plans that a fact may concern: those that own what it names; all, for Service Health names none."""
        parsed = fact.parsed
        if parsed.kind is ElementKind.JOB:
            return self._owners_of(parsed.target) if parsed.target else ()
        if parsed.kind not in HEARD:
            return ()
        if parsed.evidence_class is EvidenceClass.NOTICE:
            return self._all
        targets = fact.details.targets
        if fact.details.is_deletion:
            return self._find_touched(targets)
        if len(targets) == 1:
            return self._owners_of(targets[0])
        return {plan.pair: plan for target in targets for plan in self._owners_of(target)}.values()

    def _find_touched(self, deleted: Iterable[str]) -> Iterable[Plan]:
        """Plans that own what was deleted, or something inside it: a group or subscription takes all with it."""
        found: dict[str, Plan] = {}
        for target in deleted:
            found |= {plan.pair: plan for plan in self._owners_of(target)}
            if arm_type(target) in NAMED_BY_HUBS:
                found |= self._groups.get(_group_of(target), {})
            for resource, owners in self._owners.items():
                if resource.startswith(f"{target.rstrip('/')}/"):
                    found |= {plan.pair: plan for plan in owners}
        return found.values()

    def _owners_of(self, resource: str) -> tuple[Plan, ...]:
        found: tuple[Plan, ...] = ()
        for place in within(resource):
            owners = self._owners.get(place)
            if owners:
                found = owners if not found else (*found, *(plan for plan in owners if plan not in found))
        return found


SURFACE_OF_TYPE = {
    "microsoft.storage/storageaccounts": Surface.STORAGE,
    "microsoft.keyvault/vaults": Surface.KEYVAULT,
    "microsoft.containerregistry/registries": Surface.ACR,
}
"""Types of resources that a probe asks directly."""

NAMED_BY_HUBS = frozenset(
    {
        "microsoft.insights/components",
        "microsoft.cognitiveservices/accounts",
        "microsoft.search/searchservices",
        "microsoft.documentdb/databaseaccounts",
    }
)
"""Types that hubs name and plans need not: the deletion of one in a hub's group is worth a look at the standby."""

RESOURCE_DEPTH = 8
"""Slashes in the id of a resource that lies in nothing but its group."""

WORKSPACE = "microsoft.machinelearningservices/workspaces"

TOLD_CAUSES = frozenset({Cause.USER, Cause.GUEST, Cause.PLANNED})


class Owned(NamedTuple):
    """A resource of a pair."""

    role: Role
    resource: str
    surface: Surface | None
    is_whole: bool
    """False for something inside the resource."""


def attribute(fact: Fact, plan: Plan, received: datetime | None = None) -> list[Signal]:
    """The signals that a fact is for a plan's pair; none if it concerns neither side.

    ``received`` stands in for the time of what does not say when it happened; without it such facts are left out.
    """
    parsed = fact.parsed
    at = parsed.occurred_at or received
    if at is None or parsed.kind not in {ElementKind.SIGNAL, ElementKind.CHANGE}:
        return []
    if parsed.kind is ElementKind.CHANGE:
        return list(_changes(parsed, fact.details, plan, at))
    if parsed.evidence_class is EvidenceClass.NOTICE:
        return [_notice(parsed, fact.details, plan, at)]
    return list(_statements(parsed, fact.details, plan, at))


def touches(fact: Fact, plan: Plan) -> bool:
    """Whether somebody changed, with success, something of a plan's pair, or inside it. Jobs come and go unheeded."""
    details = fact.details
    if fact.parsed.kind is not ElementKind.CHANGE or not (details.is_deletion or details.is_write or details.is_action):
        return False
    if details.is_deletion and (any(_find_within(details, plan)) or _may_be_named_by_hub(details, plan)):
        return True
    own = (target for target in details.targets if owner_of(plan, target))
    return any(not arm_type(target).startswith(f"{WORKSPACE}/jobs") for target in own)


def _may_be_named_by_hub(details: Details, plan: Plan) -> bool:
    groups = {plan.side(role).group_id.lower() for role in Role}
    return any(arm_type(target) in NAMED_BY_HUBS and _group_of(target) in groups for target in details.targets)


def _group_of(resource: str) -> str:
    return "/".join(resource.split("/")[:5])


def owner_of(plan: Plan, resource: str) -> Owned | None:
    """The side that a resource belongs to, given its id in lower case."""
    sides = [_side(role, *_names(plan.side(role))) for role in Role]
    for place in within(resource):
        for side in sides:
            found = side.get(place)
            if found is not None:
                return found if place is resource else found._replace(is_whole=False)
    return None


def within(resource: str) -> Iterator[str]:
    """A resource, and everything that it lies in down to what lies in nothing but its group."""
    yield resource
    for _ in range(resource.count("/") - RESOURCE_DEPTH):
        resource = resource.rpartition("/")[0]
        yield resource


def resources_of(hub: Hub) -> tuple[str, ...]:
    """ARM ids, in lower case, of everything that a hub rests on."""
    return tuple(_side(Role.PRIMARY, *_names(hub)))


def named_by(plan: Plan, role: Role) -> tuple[str, ...]:
    """ARM ids, in lower case, of everything that a plan names of a side: what its hub rests on, and what is asked."""
    return (*resources_of(plan.side(role)), *_parts(plan, role))


def _parts(plan: Plan, role: Role) -> dict[str, Owned]:
    """What lies inside a side's project and is asked: the endpoint of ``inference``, the compute of canaries.

    A compute has no surface: that jobs can be submitted does not show that it is there.
    """
    hub, found = plan.side(role), dict[str, Surface | None]()
    host = urlsplit(hub.inference.url).hostname or "" if hub.inference else ""
    if ".inference.ml." in host:  # the scoring URI of a managed endpoint: <endpoint>.<region>.inference.ml.azure.com
        found[f"onlineendpoints/{host.partition('.')[0]}"] = Surface.INFERENCE
    if plan.canary.interval:
        there = {other: own for own, other in plan.jobs.computes.items()}
        named = plan.canary.compute
        found[f"computes/{there.get(named, named) if role is Role.PRIMARY else named}"] = None
    project = hub.project_id
    ids = {f"{project}/{place}".lower(): surface for place, surface in found.items()}
    return {place: Owned(role, place, surface, is_whole=True) for place, surface in ids.items()}


def _names(hub: Hub) -> tuple[Any, ...]:
    return (
        (hub.hub_id, hub.project_id, *hub.resources),
        f"/subscriptions/{hub.subscription}/resourcegroups/{hub.resource_group}/providers/",
        (hub.storage, hub.keyvault, hub.acr),
    )


@lru_cache(maxsize=4096)
def _side(role: Role, ids: tuple[str, ...], group: str, urls: tuple[str | None, ...]) -> dict[str, Owned]:
    """What a side owns, by id in lower case. The order of ``urls`` is that of ``SURFACE_OF_TYPE``."""
    labels = {kind: _first_label(url) for kind, url in zip(SURFACE_OF_TYPE, urls, strict=True) if url}
    named = [f"{group}{kind}/{label}" for kind, label in labels.items() if label]
    owned = [resource.lower().rstrip("/") for resource in (*ids, *named)]
    return {r: Owned(role, r, SURFACE_OF_TYPE.get(arm_type(r)), is_whole=True) for r in owned}


@lru_cache(maxsize=256)
def _services_used(names: tuple[str, ...]) -> frozenset[str]:
    return service_keys(names)


def _first_label(url: str) -> str:
    """What names the resource in its URL; nothing in an address of four numbers."""
    host = urlsplit(url).hostname or ""
    return "" if host.replace(".", "").isdigit() else host.partition(".")[0]


def _owners(details: Details, plan: Plan) -> Iterator[Owned]:
    """The pair's resources among a fact's targets, each once."""
    seen: set[str] = set()
    for target in details.targets:
        owned = owner_of(plan, target)
        if owned is not None and owned.resource not in seen:
            seen.add(owned.resource)
            yield owned


def _statements(parsed: Parsed, details: Details, plan: Plan, at: datetime) -> Iterator[Signal]:
    """Resource Health of a dependency, or an alert about anything of a side."""
    is_alert = parsed.evidence_class is EvidenceClass.METRICS
    for owned in _owners(details, plan):
        observation = parsed.observation or Observation.BLIND
        if not is_alert and observation is Observation.BAD and not parsed.counts and parsed.cause not in TOLD_CAUSES:
            observation = Observation.BLIND
        yield Signal(
            key=parsed.dedupe_key,
            source=Source.DELIVERY,
            role=owned.role,
            subject=f"{details.series or details.rule} on {owned.resource}" if is_alert else owned.resource,
            surface=None if is_alert else owned.surface,
            evidence_class=parsed.evidence_class,
            observation=observation,
            occurred_at=at,
            why=f"{details.rule}: {parsed.why}" if is_alert else parsed.why,
            says=Says.ALERT if is_alert else Says.HEALTH,
            counts=details.is_severe if is_alert else parsed.counts,
            unknown=details.unknown,
        )


def _changes(parsed: Parsed, details: Details, plan: Plan, at: datetime) -> Iterator[Signal]:
    """Somebody deleted a resource of the pair or what contains it, made it again, or acted on it with success."""
    if not (details.is_deletion or details.is_write or details.is_action):
        return
    for owned in _owners(details, plan):
        says = _says(details, owned)
        if says is not None:
            yield _change(says, parsed, owned, at)
    if details.is_deletion or details.is_write:
        parts = _parts(plan, Role.PRIMARY) | _parts(plan, Role.SECONDARY)
        for target in details.targets:
            if target in parts:
                yield _change(Says.DELETED if details.is_deletion else Says.WRITTEN, parsed, parts[target], at)
    if details.is_deletion:
        for owned in _find_within(details, plan):
            yield _change(Says.DELETED, parsed, owned, at)


def _says(details: Details, owned: Owned) -> Says | None:
    if details.is_deletion:
        return Says.DELETED if owned.is_whole else None
    if details.is_write and owned.is_whole:
        return Says.WRITTEN
    return Says.CHANGED if owned.is_whole or _changes_access(details) else None


ACCESS = frozenset(
    {
        "privateendpointconnections",
        "outboundrules",
        "firewallrules",
        "networkrulesets",
        "virtualnetworkrules",
        "managednetworks",
    }
)
"""Types of things inside a resource that decide who reaches it: changing one of them changes the resource."""


def _changes_access(details: Details) -> bool:
    return any(set(arm_type(target).split("/")[1:]) & ACCESS for target in details.targets)


def _change(says: Says, parsed: Parsed, owned: Owned, at: datetime) -> Signal:
    return _told(says, owned, parsed.dedupe_key, parsed.why, at)


def _told(says: Says, owned: Owned, key: str, why: str, at: datetime) -> Signal:
    return Signal(
        key=key,
        source=Source.DELIVERY,
        role=owned.role,
        subject=owned.resource,
        surface=owned.surface,
        observation=Observation.BLIND,
        occurred_at=at,
        why=why,
        says=says,
        counts=False,
        is_hub=arm_type(owned.resource) == WORKSPACE,
    )


def signal_of(plan: Plan, resource: str, says: Says, at: datetime, why: str) -> Signal | None:
    """What a look of ours found out about a resource that a plan names; None if it names none of that id."""
    parts = _parts(plan, Role.PRIMARY) | _parts(plan, Role.SECONDARY)
    owned = parts.get(resource) or owner_of(plan, resource)
    return None if owned is None else _told(says, owned, f"seen|{says}|{resource}|{at.isoformat()}", why, at)


def _find_within(details: Details, plan: Plan) -> Iterator[Owned]:
    """What a pair has inside a deleted group or subscription, or inside another deleted resource, each once."""
    seen: set[str] = set()
    for role in Role:
        for resource, owned in _side(role, *_names(plan.side(role))).items():
            inside = any(resource.startswith(f"{target.rstrip('/')}/") for target in details.targets)
            if inside and resource not in seen:
                seen.add(resource)
                yield owned


def _notice(parsed: Parsed, details: Details, plan: Plan, at: datetime) -> Signal:
    """Every message is handed on: one that no longer names a region ends what an earlier one said of it."""
    return Signal(
        key=parsed.dedupe_key,
        source=Source.DELIVERY,
        role=None,
        subject=details.tracking or parsed.dedupe_key,
        evidence_class=EvidenceClass.NOTICE,
        observation=parsed.observation or Observation.BLIND,
        occurred_at=at,
        why=parsed.why,
        says=Says.NOTICE,
        counts=details.is_severe,
        unknown=details.unknown,
        scope=_scope(parsed, details, plan),
    )


def _scope(parsed: Parsed, details: Details, plan: Plan) -> Scope:
    used = _services_used(plan.services)
    own = _services_used(OWN_SERVICES)
    here = {region for name, regions in details.places if service_key(name) in used for region in regions}
    return Scope(
        named=tuple(role for role in Role if plan.side(role).region in parsed.regions),
        used=tuple(role for role in Role if plan.side(role).region in here),
        everywhere=GLOBAL in here,
        ours=any(service_key(name) in own and plan.references.home in regions for name, regions in details.places),
    )
