"""What of a pair was deleted and can be had back: one table of kinds, and the proposal that follows from it. Pure.

A deletion is no outage: moving to the other side does not bring a vault back, and most of what is deleted can be
recovered for some time. What cannot be is said to be so, and the failover is offered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.text import format_time, join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.json_access import arm_type
from orchestrator.core.signals.ownership import named_by
from orchestrator.core.standby.inventory import as_list, dig, last_part


class RecoveredBy(StrEnum):
    """By whom something is recovered."""

    CALL = "call"
    """By one call, which we make."""

    PERSON = "person"
    """By a person: there is no documented call, or something else has to be done first."""

    NEVER = "never"
    """By nobody."""


class SoftDeleted(NamedTuple):
    """A resource that Azure still keeps after its deletion."""

    resource: str
    """ARM id as Azure spells it."""

    location: str
    deleted_at: datetime | None
    purged_at: datetime | None
    """When Azure will let go of it, if it says so."""

    created_at: str = ""
    """As a storage account's entry spells it; its recovery names it."""


class Missing(NamedTuple):
    """A resource of the pair that Resource Manager answers 404 for."""

    role: Role
    resource: str
    """ARM id."""

    deleted_at: datetime | None = None
    """When an event said that it was deleted."""

    group_is_gone: bool = False
    """The resource group is not there either."""


class Found(NamedTuple):
    """Which of a pair's resources are there."""

    missing: tuple[Missing, ...]
    there: tuple[str, ...]
    unread: tuple[str, ...]
    """What could not be asked, in sentences."""


class KeptByAzure(NamedTuple):
    """What Azure says of deleted resources."""

    entries: Mapping[str, SoftDeleted] = {}
    """ARM id in lower case -> the entry, as ``read_soft_deleted`` gives it."""

    tenants: Mapping[str, str] = {}
    """Subscription in lower case -> id of its tenant."""

    unlisted: Mapping[tuple[str, str], str] = {}
    """(Subscription in lower case, key of a list) -> why that list could not be read."""


class RecoveryItem(Value, kw_only=True):
    """One deleted resource, and what can be done about it."""

    resource: str
    """ARM id."""

    role: Role
    kind: str
    """What people call it."""

    how: RecoveredBy
    why: str
    """What is done, or why nothing can be, and what a person has to do."""

    deleted_at: Moment | None = None
    deadline: Moment | None = None
    """When it is too late; null if Azure does not tell."""

    method: str = ""
    """The call: with ``resource``, ``api_version`` and ``body``; empty if there is none."""

    api_version: str = ""
    body: dict[str, Any] | None = None
    needs: str = ""
    """The permission that the call needs."""

    is_guess: bool = False
    """The call is not in Microsoft's reference."""


class RecoveryProposal(Value, kw_only=True):
    """Everything of a pair that is deleted, in the order in which it is recovered."""

    pair: str
    id: str
    """Equal for the same deletions; empty if there are none."""

    as_of: Moment
    items: tuple[RecoveryItem, ...]
    why: str
    """In one sentence: what is deleted, and what can be done."""

    failover: str = ""
    """How to leave the active side, if something there cannot be recovered; empty otherwise."""

    unread: tuple[str, ...] = ()
    """What could not be asked: it may be deleted or not."""

    @property
    def calls(self) -> tuple[RecoveryItem, ...]:
        """What we can recover."""
        return tuple(item for item in self.items if item.how is RecoveredBy.CALL)


class RecoveryRow(NamedTuple):
    """One kind of resource."""

    type: str
    """Full ARM type, in lower case."""

    called: str
    how: RecoveredBy
    order: int
    """What others rest on comes first: keys before what is encrypted with them, all of it before the workspace."""

    why: str
    source: str
    """Where this was read."""

    retention: timedelta | None = None
    """Time from the deletion until it is too late, where Azure's answer has no date."""

    needs: str = ""
    api_version: str = ""
    listed: str = ""
    """Key of the list that has what Azure keeps of this kind."""

    body: Callable[[SoftDeleted, str], dict[str, Any]] | None = None
    """The body of the call, from the kept entry and the tenant's id."""

    is_guess: bool = False


VAULTS = "microsoft.keyvault/vaults"
ACCOUNTS = "microsoft.storage/storageaccounts"
LOG_WORKSPACES = "microsoft.operationalinsights/workspaces"
AI_ACCOUNTS = "microsoft.cognitiveservices/accounts"
STORES = "microsoft.appconfiguration/configurationstores"
WORKSPACES = "microsoft.machinelearningservices/workspaces"


def _vault_body(kept: SoftDeleted, tenant: str) -> dict[str, Any]:
    properties = {"tenantId": tenant, "sku": {"family": "A", "name": "standard"}, "createMode": "recover"}
    return {"location": kept.location, "properties": properties}


def _account_body(kept: SoftDeleted, _tenant: str) -> dict[str, Any]:
    return {"location": kept.location, "properties": {"deletedAccountCreationTime": kept.created_at}}


def _log_body(kept: SoftDeleted, _tenant: str) -> dict[str, Any]:
    return {"location": kept.location, "properties": {}}


def _ai_body(kept: SoftDeleted, _tenant: str) -> dict[str, Any]:
    return {"location": kept.location, "properties": {"restore": True}}


def _store_body(kept: SoftDeleted, _tenant: str) -> dict[str, Any]:
    return {"location": kept.location, "sku": {"name": "standard"}, "properties": {"createMode": "Recover"}}


TABLE: tuple[RecoveryRow, ...] = (
    RecoveryRow(
        VAULTS,
        "Key Vault",
        RecoveredBy.CALL,
        10,
        "it is recovered with its secrets; role assignments at it and its Event Grid subscriptions are not, and have "
        "to be made again",
        "learn.microsoft.com, Key Vault soft-delete overview; REST Vaults - Create Or Update (createMode recover); the "
        "body is that of `az keyvault recover`",
        needs="Microsoft.KeyVault/vaults/write",
        api_version="2026-02-01",
        listed="vaults",
        body=_vault_body,
    ),
    RecoveryRow(
        ACCOUNTS,
        "storage account",
        RecoveredBy.CALL,
        20,
        "Azure recovers it as well as it can, without a promise, and not if the name was taken meanwhile; if it fails, "
        "the portal has Restore in the list of storage accounts",
        "learn.microsoft.com, Recover a deleted storage account (14 days, the permission, after its vault). It names "
        "the portal alone: that the portal sends deletedAccountCreationTime is a guess from public scripts",
        retention=timedelta(days=14),
        needs="Microsoft.Storage/storageAccounts/write",
        api_version="2026-04-01",
        listed="storageAccounts",
        body=_account_body,
        is_guess=True,
    ),
    RecoveryRow(
        LOG_WORKSPACES,
        "Log Analytics workspace",
        RecoveredBy.CALL,
        30,
        "created again under the same name, group and region within 14 days it has its data and settings back",
        "learn.microsoft.com, REST Log Analytics Workspaces - Delete, Deleted Workspaces - List",
        retention=timedelta(days=14),
        needs="Microsoft.OperationalInsights/workspaces/write",
        api_version="2026-03-01",
        listed="logWorkspaces",
        body=_log_body,
    ),
    RecoveryRow(
        AI_ACCOUNTS,
        "AI services account",
        RecoveredBy.CALL,
        40,
        "it is recovered within 48 hours, after the vault if its keys are there",
        "learn.microsoft.com, Recover or purge deleted Azure AI services resources",
        retention=timedelta(hours=48),
        needs="Microsoft.CognitiveServices/accounts/write",
        api_version="2024-10-01",
        listed="cognitiveAccounts",
        body=_ai_body,
    ),
    RecoveryRow(
        STORES,
        "App Configuration store",
        RecoveredBy.CALL,
        50,
        "it is recovered with its keys; its replicas may have to be made again (not documented)",
        "learn.microsoft.com, Soft delete in Azure App Configuration; REST Configuration Stores - Create (createMode)",
        needs="Microsoft.AppConfiguration/configurationStores/write",
        api_version="2024-06-01",
        listed="configurationStores",
        body=_store_body,
    ),
    RecoveryRow(
        "microsoft.containerregistry/registries",
        "container registry",
        RecoveredBy.NEVER,
        60,
        "a registry is not kept: make it again under its name, and push its images or import them from the other "
        "side's. Single images deleted in a registry that is there are restored with `az acr manifest restore`, if its "
        "policy of soft delete was on",
        "learn.microsoft.com, Soft delete policy of Azure Container Registry: it is about artefacts alone",
    ),
    RecoveryRow(
        "microsoft.insights/components",
        "Application Insights",
        RecoveredBy.NEVER,
        70,
        "a component is not kept: make it again, and set it in the hub; what it has stored is in its Log Analytics "
        "workspace",
        "no page tells of a recovery: a guess",
        is_guess=True,
    ),
    RecoveryRow(
        WORKSPACES,
        "hub or project",
        RecoveredBy.NEVER,
        80,
        "a hub or project that is deleted cannot be recovered, and neither can its jobs, computes and endpoints",
        "learn.microsoft.com, disaster recovery of hubs and projects",
    ),
    RecoveryRow(
        f"{WORKSPACES}/computes",
        "compute",
        RecoveredBy.NEVER,
        90,
        "a compute is not kept: make it again under its name (az ml compute create)",
        "learn.microsoft.com, Workspace soft deletion: computes are deleted at once",
    ),
    RecoveryRow(
        f"{WORKSPACES}/onlineendpoints",
        "endpoint",
        RecoveredBy.NEVER,
        91,
        "an endpoint is not kept: make it and its deployments again (az ml online-endpoint create)",
        "learn.microsoft.com, Workspace soft deletion: endpoints are deleted at once",
    ),
)
"""Every kind that is known."""

STANDALONE = RecoveryRow(
    WORKSPACES,
    "workspace",
    RecoveredBy.PERSON,
    80,
    "a workspace without a hub is kept for 14 days: the portal recovers it (Azure Machine Learning, Recently deleted), "
    "after what it rests on; jobs that ran, computes and endpoints are lost",
    "learn.microsoft.com, Workspace soft deletion; it names no call of the REST API",
    retention=timedelta(days=14),
)
"""A workspace of its own, which a plan names as hub and project at once."""

OTHER = RecoveryRow(
    "",
    "resource",
    RecoveredBy.PERSON,
    95,
    "whether this kind can be recovered is not known here: look at its page in the documentation",
    "not looked up",
    is_guess=True,
)

_ROWS = {row.type: row for row in TABLE}

_AI_ENTRY = re.compile(
    r"^(/subscriptions/[^/]+)/providers/Microsoft\.CognitiveServices/locations/[^/]+/resourceGroups/([^/]+)"
    r"/deletedAccounts/([^/]+)$",
    re.IGNORECASE,
)


def row_of(plan: Plan, missing: Missing) -> RecoveryRow:
    """The kind of a resource."""
    kind = arm_type(missing.resource.casefold())
    hub = plan.side(missing.role)
    if kind == WORKSPACES and hub.hub.casefold() == hub.project.casefold():
        return STANDALONE
    return _ROWS.get(kind, OTHER)


def row_by_type(resource: str) -> RecoveryRow | None:
    """The row of an ARM id's type; None if the table has none."""
    return _ROWS.get(arm_type(resource.casefold()))


def read_soft_deleted(lists: Mapping[str, Any]) -> dict[str, SoftDeleted]:
    """ARM id in lower case -> the entry, from the lists of deleted resources that Azure answers. Others are left out.

    Shapes: examples of azure-rest-api-specs for Key Vault, Storage, Cognitive Services and App Configuration; for Log
    Analytics the entry is the workspace itself (Deleted Workspaces - List), without the time of its deletion.
    """
    found = (_read_entry(entry) for entries in lists.values() for entry in as_list(entries))
    return {kept.resource.casefold(): kept for kept in found if kept is not None}


def _read_entry(entry: Any) -> SoftDeleted | None:
    said = dig(entry, "properties")
    names = ("vaultId", "storageAccountResourceId", "configurationStoreId")
    ids = [place for name in names if isinstance(place := dig(said, name), str)]
    own = dig(entry, "id")
    resource = ids[0] if ids else _account_id(own) if isinstance(own, str) else ""
    location = dig(entry, "location") or dig(said, "location")
    if not resource or not isinstance(location, str):
        return None
    created = dig(said, "creationTime")
    return SoftDeleted(
        resource=resource,
        location=location,
        deleted_at=_moment(dig(said, "deletionDate")) or _moment(dig(said, "deletionTime")),
        purged_at=_moment(dig(said, "scheduledPurgeDate")),
        created_at=created if isinstance(created, str) else "",
    )


def _account_id(place: str) -> str:
    """The id that an AI services account had: its entry may be spelt by region (type locations/…/deletedAccounts)."""
    found = _AI_ENTRY.match(place)
    if found is None:
        return place
    return f"{found[1]}/resourceGroups/{found[2]}/providers/Microsoft.CognitiveServices/accounts/{found[3]}"


def _moment(text: Any) -> datetime | None:
    """A time as Azure writes it, with up to seven decimals; None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def resources_to_look_for(plan: Plan, role: Role, known: Mapping[str, Any]) -> tuple[str, ...]:
    """ARM ids, in lower case, of what a side's plan and its hub name.

    Args:
        plan: the pair's.
        role: the side.
        known: what is known of the side by key of ``core.standby.inventory``: ``hub``, ``app_insights`` and
            ``connections`` are looked at; any may be missing.
    """
    names = ("storageAccount", "keyVault", "applicationInsights", "containerRegistry")
    behind = [dig(known, f"hub.properties.{name}") for name in names]
    behind.append(dig(known, "app_insights.properties.WorkspaceResourceId"))
    behind += [dig(each, "properties.metadata.ResourceId") for each in as_list(known.get("connections"))]
    told = [place.casefold().rstrip("/") for place in behind if isinstance(place, str) and "/providers/" in place]
    return tuple(dict.fromkeys([*named_by(plan, role), *told]))


def propose(
    plan: Plan,
    active: Role,
    missing: Iterable[Missing],
    kept: KeptByAzure,
    now: datetime,
    unread: Iterable[str] = (),
) -> RecoveryProposal:
    """What can be done about everything that is missing.

    Args:
        plan: the pair's.
        active: the side where work runs.
        missing: what is not there.
        kept: what Azure still keeps.
        now: aware.
        unread: what could not be asked, in sentences.
    """
    pairs = sorted(((row_of(plan, each), each) for each in missing), key=lambda pair: _rank(plan, active, *pair))
    items = tuple(_item(row, each, kept, now) for row, each in pairs)
    return RecoveryProposal(
        pair=plan.pair,
        id=_proposal_id(plan.pair, items),
        as_of=now,
        items=items,
        why=_sum_up(items),
        failover=_offer(plan, active, items),
        unread=tuple(unread),
    )


def _rank(plan: Plan, active: Role, row: RecoveryRow, missing: Missing) -> tuple[int, bool, bool, str]:
    """By kind, the active side's first, a hub before its project."""
    is_project = missing.resource.casefold() == plan.side(missing.role).project_id.casefold()
    return row.order, missing.role is not active, is_project, missing.resource


def _item(row: RecoveryRow, missing: Missing, known: KeptByAzure, now: datetime) -> RecoveryItem:
    kept = known.entries.get(missing.resource.casefold())
    deleted_at = (kept.deleted_at if kept else None) or missing.deleted_at
    purged_at = kept.purged_at if kept else None
    deadline = purged_at or (deleted_at + row.retention if deleted_at and row.retention else None)
    item = RecoveryItem(
        resource=kept.resource if kept else missing.resource,
        role=missing.role,
        kind=row.called,
        how=row.how,
        why=row.why,
        deleted_at=deleted_at,
        deadline=deadline if row.how is not RecoveredBy.NEVER else None,
        needs=row.needs,
        is_guess=row.is_guess,
    )
    if row.how is RecoveredBy.CALL:
        return _with_call(item, row, missing, known, now)
    if row.how is RecoveredBy.PERSON and deadline and now >= deadline:
        return _too_late(item, deadline)
    return item


_replace = msgspec.structs.replace


def _too_late(item: RecoveryItem, deadline: datetime) -> RecoveryItem:
    why = f"it could be recovered until {format_time(deadline)}: too late"
    return _replace(item, how=RecoveredBy.NEVER, why=why)


def _with_call(
    item: RecoveryItem, row: RecoveryRow, missing: Missing, known: KeptByAzure, now: datetime
) -> RecoveryItem:
    kept, subscription = known.entries.get(missing.resource.casefold()), missing.resource.split("/")[2].casefold()
    unlisted = known.unlisted.get((subscription, row.listed))
    if kept is None and unlisted:
        why = f"whether Azure keeps it is not known, for its list could not be read: {unlisted}"
        return _replace(item, how=RecoveredBy.PERSON, why=why)
    if kept is None or row.body is None:
        why = "Azure does not keep it: it was purged, its time is over, or its soft delete was off; make it again"
        return _replace(item, how=RecoveredBy.NEVER, why=why, deadline=None)
    if item.deadline is not None and now >= item.deadline:
        return _too_late(item, item.deadline)
    tenant = known.tenants.get(subscription, "")
    if row.type == VAULTS and not tenant:
        why = "the tenant of its subscription, which the call names, could not be read: az keyvault recover"
        return _replace(item, how=RecoveredBy.PERSON, why=why)
    if missing.group_is_gone:
        group = missing.resource.split("/")[4]
        why = f"its resource group {group} was deleted too, and is not recovered: make it again first"
        return _replace(item, how=RecoveredBy.PERSON, why=why)
    return _replace(item, method="PUT", api_version=row.api_version, body=row.body(kept, tenant))


def _proposal_id(pair: str, items: tuple[RecoveryItem, ...]) -> str:
    if not items:
        return ""
    told = "|".join(f"{item.resource.casefold()} {item.how} {item.deleted_at}" for item in items)
    return hashlib.sha256(f"{pair}|{told}".encode()).hexdigest()[:12]


def _sum_up(items: tuple[RecoveryItem, ...]) -> str:
    if not items:
        return "nothing that the plan and its hubs name is deleted"
    parts = []
    for how, text in (
        (RecoveredBy.CALL, "can be recovered"),
        (RecoveredBy.PERSON, "needs a person"),
        (RecoveredBy.NEVER, "cannot be recovered"),
    ):
        named = [f"{last_part(item.resource)} ({item.kind} of the {item.role})" for item in items if item.how is how]
        if named:
            parts.append(f"{text}: {join_words(named)}")
    return "; ".join(parts)


def _offer(plan: Plan, active: Role, items: tuple[RecoveryItem, ...]) -> str:
    lost = [item for item in items if item.role is active and item.how is not RecoveredBy.CALL]
    broken = [item for item in items if item.role is not active]
    if not lost:
        return ""
    text = f"to leave the {active}: hubswitch failover {plan.pair} --force (a deletion holds every switch by itself)"
    return f"{text}; but the {active.other} lacks {_names(broken)} itself" if broken else text


def _names(items: Iterable[RecoveryItem]) -> str:
    return join_words(_each_name(items))


def _each_name(items: Iterable[RecoveryItem]) -> Iterator[str]:
    return (last_part(item.resource) for item in items)
