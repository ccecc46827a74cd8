"""What Azure keeps of deleted resources: lists of it, its names, and the calls that bring it back.

==========================  ===========================================  ============================================
type                        kept                                         recovered by a PUT of the same id with
==========================  ===========================================  ============================================
``vaults``                  ``softDeleteRetentionInDays`` (90)           ``createMode: recover``
``storageAccounts``         14 days                                      ``deletedAccountCreationTime`` of its entry
``workspaces`` (of logs)    14 days                                      the same name, group and region
``accounts`` (Cognitive)    48 hours                                     ``restore: true``
``configurationStores``     ``softDeleteRetentionInDays`` (7)            ``createMode: Recover``
==========================  ===========================================  ============================================

Sources: learn.microsoft.com, "Azure Key Vault soft-delete overview", "Recover a deleted storage account", "Recover or
purge deleted Azure AI services resources", "Soft delete in Azure App Configuration", REST Log Analytics "Workspaces -
Delete"; entries of the lists: examples of azure-rest-api-specs. Not documented and decided here: the property that
recovers a storage account (the portal's, by public scripts), codes of refusals but for ``FlagMustBeSetForRestore``,
that a storage account is first there in the state ResolvingDNS, and that a name is checked without regard to the group.
A data plane goes on answering while its resource is deleted. Everything else that is deleted is gone at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from orchestrator.simulator.arm.resources import Resource, Resources, stamp
from orchestrator.simulator.services import AzureError

ROLE_ASSIGNMENTS = "/providers/microsoft.authorization/roleassignments/"


class Kind(NamedTuple):
    """A type that is kept."""

    listed: str
    """Where the list is, below the subscription's providers."""

    names: str
    """The property of an entry that holds the id that the resource had; empty if the entry has it itself."""

    days: float
    """How long it is kept, if its own property does not say so."""


KINDS = {
    "microsoft.keyvault/vaults": Kind("Microsoft.KeyVault/deletedVaults", "vaultId", 90),
    "microsoft.storage/storageaccounts": Kind("Microsoft.Storage/deletedAccounts", "storageAccountResourceId", 14),
    "microsoft.operationalinsights/workspaces": Kind("Microsoft.OperationalInsights/deletedWorkspaces", "", 14),
    "microsoft.cognitiveservices/accounts": Kind("Microsoft.CognitiveServices/deletedAccounts", "", 2),
    "microsoft.appconfiguration/configurationstores": Kind(
        "Microsoft.AppConfiguration/deletedConfigurationStores", "configurationStoreId", 7
    ),
}
"""By full type in lower case."""


class KeptResource(NamedTuple):
    """A deleted resource, with what was inside it."""

    resource: Resource
    inside: tuple[Resource, ...]
    until: datetime
    created: str
    place: str
    """Id of its entry in the list."""


class SoftDelete:
    """Everything that is kept.

    Args:
        resources: the store from which things are deleted, and which has the lists.
        now: the time.
    """

    def __init__(self, resources: Resources, now: Callable[[], datetime]) -> None:
        self._resources = resources
        self._now = now
        self._kept: dict[str, KeptResource] = {}
        self._resolving: dict[str, bool] = {}
        self.recovered: Callable[[str], None] = lambda _id: None
        """Told of what is there again."""

    def keep(self, resource: Resource, inside: tuple[Resource, ...]) -> None:
        """Take in what was just deleted; nothing becomes of kinds that are not kept."""
        kind = KINDS.get(str(resource["type"]).lower())
        properties = resource.get("properties", {})
        if kind is None or properties.get("enableSoftDelete") is False:
            return
        days, at = float(properties.get("softDeleteRetentionInDays", kind.days)), self._now()
        subscription = str(resource["id"]).split("/")[2]
        place = f"/subscriptions/{subscription}/providers/{kind.listed}/{quote(str(resource['name']))}"
        created = str(properties.get("creationTime") or stamp(at - timedelta(days=100)))
        until = at + timedelta(days=days)
        self._kept[place.lower()] = KeptResource(resource, inside, until, created, place)
        self._resources.put(place, _entry(resource, kind, at, until, created))

    def purge(self, resource_id: str) -> bool:
        """Let go of a deleted resource for good; False if none is kept."""
        return any(self._drop(key) for key, kept in [*self._kept.items()] if _is(kept, resource_id))

    def tick(self, path: str) -> None:
        """Let go of what has been kept for its time; what resolves its name is there when it is read again."""
        for key, kept in [*self._kept.items()]:
            if self._now() >= kept.until:
                self._drop(key)
        seen = self._resolving.get(path.lower())
        if seen is None:
            return
        self._resolving[path.lower()] = True
        found = self._resources.get(path)
        if seen and found is not None:
            found["properties"]["provisioningState"] = "Succeeded"
            del self._resolving[path.lower()]

    def put(self, path: str, body: Any) -> tuple[int, Resource | None]:
        """Status and body of the answer to a PUT of something that is not there.

        Raises:
            AzureError: it does not recover anything, or its name is taken by something that is kept.
        """
        kind = KINDS.get(_type_in(path))
        body = body if isinstance(body, dict) else {}
        said = body.get("properties") if isinstance(body.get("properties"), dict) else {}
        kept = next((each for each in self._kept.values() if kind and _has_name(each, path)), None)
        if kind is None or (kept is None and not _wants_recovery(said)):
            raise AzureError(405, "MethodNotAllowed", f"PUT is not simulated for '{path}' but to recover it.")
        if kept is None:
            raise AzureError(404, "ResourceNotFound", f"Nothing deleted is kept under '{path}'.")
        _check_recovery(kept, path, body, said)
        self._drop(kept.place.lower())
        return self._bring_back(kept)

    def _bring_back(self, kept: KeptResource) -> tuple[int, Resource | None]:
        resource_id = str(kept.resource["id"])
        is_vault = kept.resource["type"].lower() == "microsoft.keyvault/vaults"
        back = self._resources.put(resource_id, kept.resource)
        for each in kept.inside:
            if not (is_vault and ROLE_ASSIGNMENTS in str(each["id"]).lower()):
                self._resources.put(str(each["id"]), each)
        self.recovered(resource_id)
        if back["type"].lower() == "microsoft.storage/storageaccounts":
            back["properties"]["provisioningState"] = "ResolvingDNS"
            self._resolving[resource_id.lower()] = False
            return 202, None
        return 200, back

    def _drop(self, key: str) -> bool:
        kept = self._kept.pop(key, None)
        return kept is not None and self._resources.drop(kept.place)


def _entry(resource: Resource, kind: Kind, at: datetime, until: datetime, created: str) -> Resource:
    """What the list of deleted resources shows."""
    dates = {"deletionDate": stamp(at), "scheduledPurgeDate": stamp(until)}
    if not kind.names:
        own = {} if "operationalinsights" in resource["type"].lower() else dates
        return {**resource, "properties": {**resource.get("properties", {}), **own}}
    provider, listed = kind.listed.split("/")
    subscription = str(resource["id"]).split("/")[2]
    place = f"/subscriptions/{subscription}/providers/{provider}/locations/{resource['location']}/{listed}"
    if "storage" in kind.listed.lower():
        reference = f"{resource['name']}|{created}"
        dates = {"deletionTime": stamp(at), "creationTime": created, "restoreReference": reference}
    properties = {kind.names: resource["id"], "location": resource["location"], **dates}
    return {"id": f"{place}/{resource['name']}", "type": kind.listed, "properties": properties}


def _is(kept: KeptResource, resource_id: str) -> bool:
    return str(kept.resource["id"]).lower() == resource_id.lower()


def _has_name(kept: KeptResource, path: str) -> bool:
    return str(kept.resource["type"]).lower() == _type_in(path) and _name(path) == str(kept.resource["name"]).lower()


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2].lower()


def _type_in(path: str) -> str:
    tail = path.lower().rpartition("/providers/")[2].split("/")
    return "/".join([tail[0], *tail[1::2]])


def _wants_recovery(said: dict[str, Any]) -> bool:
    return (
        str(said.get("createMode", "")).lower() == "recover"
        or said.get("restore") is True
        or "deletedAccountCreationTime" in said
    )


def _check_recovery(kept: KeptResource, path: str, body: dict[str, Any], said: dict[str, Any]) -> None:
    """Refuse what would not bring back exactly what is kept."""
    kind, name = str(kept.resource["type"]).lower(), kept.resource["name"]
    if not _is(kept, path):
        raise AzureError(409, "NameUnavailable", f"'{name}' was deleted in another group, and still holds its name.")
    if str(body.get("location", "")).lower() != str(kept.resource["location"]).lower():
        raise AzureError(409, "InvalidResourceLocation", f"'{name}' was in {kept.resource['location']}.")
    if kind == "microsoft.keyvault/vaults":
        _check_vault(name, kept, said)
    elif kind == "microsoft.storage/storageaccounts":
        if said.get("deletedAccountCreationTime") != kept.created:
            raise AzureError(409, "StorageAccountAlreadyTaken", f"'{name}': no deleted account was created then.")
    elif kind == "microsoft.cognitiveservices/accounts":
        if said.get("restore") is not True:
            text = f"'{name}' has been soft-deleted: 'restore' must be 'true' in the property, or purge it first."
            raise AzureError(409, "FlagMustBeSetForRestore", text)
    elif kind == "microsoft.appconfiguration/configurationstores":
        if said.get("createMode") != "Recover":
            raise AzureError(409, "NameUnavailable", f"'{name}' is deleted, and holds its name: recover or purge it.")
        if not isinstance(body.get("sku"), dict):
            raise AzureError(400, "BadRequest", "sku: is required.")


def _check_vault(name: str, kept: KeptResource, said: dict[str, Any]) -> None:
    if said.get("createMode") != "recover":
        text = f"A vault '{name}' exists in deleted state: it has to be recovered or purged first."
        raise AzureError(409, "ConflictError", text)
    if said.get("tenantId") != kept.resource["properties"]["tenantId"]:
        raise AzureError(400, "BadRequest", f"tenantId: {said.get('tenantId')!r} is not the tenant of '{name}'.")
    if not isinstance(said.get("sku"), dict):
        raise AzureError(400, "BadRequest", "properties.sku: is required.")
