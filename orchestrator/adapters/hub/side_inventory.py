"""The inventory of one side of a pair: what Resource Manager's GET and list calls answer, and search services, by key.

Each value is what Azure answered (lists without the ``value`` around them), null where the hub has no such thing, or
the reason why it could not be read (``orchestrator.core.standby.inventory.unreadable``). Nothing is guessed and nothing
is raised for what Azure does: one refusal does not cost the rest. The only call that is no GET is the workspace's own
diagnosis, which changes nothing.

Not read: compute instances (one person's machine, bound to its region), private endpoints in subscriptions of others
(those of a managed network, which nobody else may read), registries that no job names.

What was read before is not read again where the request allows it (``remembered_reads``); what changes without anybody
writing it is always read: states, health, sizes of clusters and deployments, how far storage has replicated.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.deadline import deadline
from orchestrator.adapters.http.errors import unexpected_answer
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.hub.arm_sources import (
    APP_CONFIGURATION,
    AUTHORIZATION,
    COGNITIVE,
    CONTAINER_REGISTRY,
    COSMOS,
    DELETED,
    DIAGNOSTICS,
    INSIGHTS,
    KEY_VAULT,
    LOCATIONS,
    LOG_ANALYTICS,
    ML,
    MODEL_CATEGORIES,
    NAMED,
    NETWORK,
    PRIVATE_DNS,
    RESOURCE_GROUPS,
    RESOURCE_HEALTH,
    SEARCH,
    STORAGE,
    behind,
    is_arm_id,
    locations_of,
)
from orchestrator.adapters.hub.remembered_reads import COMMON, CONFIGURED, FIXED, MADE, RememberedReads, spread
from orchestrator.adapters.hub.search_services import SearchServices
from orchestrator.clock import SystemClock
from orchestrator.core.base.errors import HubswitchError, NotFound, TemporaryError, Throttled
from orchestrator.core.base.regions import squeeze
from orchestrator.core.decision.standing import EVER
from orchestrator.core.plan.schema import Hub
from orchestrator.core.standby.inventory import DENIED, MISSING, TEMPORARY, code_of, dig, last_part, unreadable
from orchestrator.core.standby.search_indexes import named_indexes
from orchestrator.ports import SideRequest

AI_SERVICES = "Microsoft.CognitiveServices"

LONGEST = timedelta(minutes=3)
"""After this long nothing more is read of a side; what was not read by then may be read later."""

DIAGNOSIS = timedelta(seconds=60)
"""How long a workspace's diagnosis is waited for."""

QUOTA = timedelta(seconds=30)
"""The same for quota alone: jobs wait for it."""

MOST = 5000
"""Elements of a list that are read: more are no inventory that anybody has looked through."""

AT_ONCE = 6
"""Reads of one side that go on at once: one after the other, at a hundred milliseconds each, would be slower than our
share of reads."""

READS_PER_SECOND = 10.0
READ_BURST = 100
"""Our share of the 250 reads and 25 a second that Resource Manager grants one identity in one subscription
(learn.microsoft.com, "Understand how Azure Resource Manager throttles requests"). The rest is for probes and polls,
should they share the identity."""


class ArmSideInventories:
    """``SideInventories`` through Resource Manager. Safe to share between threads.

    Args:
        manager: Resource Manager, as the reader.
        pacer_of: the share of reads in a subscription.
        searches: what search services answer themselves, as the reader.
        now: the time by which what was read before grows old; the system's if not given.
    """

    def __init__(
        self,
        manager: ResourceManager,
        pacer_of: Callable[[str], Pacer],
        searches: SearchServices,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._manager = manager
        self._pacer_of = pacer_of
        self._searches = searches
        self._remembered = RememberedReads(now or SystemClock().now)

    def collect(self, request: SideRequest) -> dict[str, Any]:
        """Everything about one side. Takes ``LONGEST`` at most."""
        with deadline(LONGEST):
            pacer = self._pacer_of(request.hub.subscription)
            return _Collection(self._manager, pacer, self._searches, request, self._remembered).everything()

    def quota(self, hub: Hub) -> dict[str, Any]:
        """What is left of a region's quota for a project's clusters, now. Takes ``QUOTA`` at most."""
        with deadline(QUOTA):
            # Sizes of machines change seldom, and may be as they were read before; the rest is read now.
            request = SideRequest(hub, "", frozenset(), since=EVER)
            pacer = self._pacer_of(hub.subscription)
            return _Collection(self._manager, pacer, self._searches, request, self._remembered).quota()


class _Collection:
    """One reading of one side."""

    def __init__(
        self,
        manager: ResourceManager,
        pacer: Pacer,
        searches: SearchServices,
        request: SideRequest,
        remembered: RememberedReads,
    ) -> None:
        self._manager = manager
        self._pacer = pacer
        self._searches = searches
        self._request = request
        self._remembered = remembered
        self._hub = request.hub
        self._subscription = f"/subscriptions/{request.hub.subscription}"

    def everything(self) -> dict[str, Any]:
        at = self._remembered.now()
        hub = self._one(self._hub.hub_id, ML)
        found = {"_meta": {"region": self._hub.region, "observedAt": at.isoformat()}, "hub": hub}
        with ThreadPoolExecutor(AT_ONCE) as pool:

            def begin(read: Callable[..., Any], *given: Any) -> Future[Any]:
                return pool.submit(contextvars.copy_context().run, read, *given)  # the deadline is the context's

            diagnosis, roles = begin(self._diagnose), begin(self._roles, hub)
            parts = [begin(read) for read in (self._of_region, self._of_networks, self._of_configuration)]
            parts.append(begin(self._of_resources, hub))
            found |= self._of_workspaces()
            found["data_accounts"] = self._data_accounts(found["datastores"])
            found |= self._of_connections(found["connections"])
            if self._request.ai_accounts:
                found["ai_accounts"] = self._ai_accounts()
            for part in parts:
                found |= part.result()
            found["role_assignments"] = roles.result()
            # Last, for they are many: where the time does not suffice, the rest is known, and the next look goes on.
            assets = {place: begin(self._asset, place) for place in self._request.assets}
            found["assets"] = {place: each.result() for place, each in assets.items()}
            found["diagnose"] = diagnosis.result()
        return found

    def quota(self) -> dict[str, Any]:
        """Clusters, quota and sizes of machines."""
        machine_learning = locations_of(self._hub, "Microsoft.MachineLearningServices")
        return {
            "computes": self._computes(),
            "usages": self._many(f"{machine_learning}/usages", ML),
            "vm_sizes": self._many(f"{machine_learning}/vmSizes", ML, FIXED),
        }

    def _asset(self, place: str) -> Any:
        """An asset that is there, or why it is not known to be."""
        key, since = f"asset {place.casefold()}", self._request.assets_since
        known = since and self._remembered.find(key, spread(MADE, key), since)
        if known:
            return known
        at, found = self._remembered.now(), self._one(place, ML)
        if not code_of(found):
            self._remembered.keep(key, {"id": place}, at)
        return found

    # -- workspaces

    def _workspaces(self) -> list[str]:
        """Ids of hub and project, once if they are one."""
        return list(dict.fromkeys([self._hub.hub_id, self._hub.project_id]))

    def _of_workspaces(self) -> dict[str, Any]:
        project = self._hub.project_id
        projects: Any = []
        if len(self._workspaces()) > 1:
            one = self._one(project, ML)
            projects = one if code_of(one) else [one]
        endpoints = self._many(f"{project}/onlineEndpoints", ML)
        found = self._of_batch(project) if self._request.batch else {}
        return found | {
            "projects": projects,
            "computes": self._computes(),
            "connections": self._connections(),
            "datastores": self._many(f"{project}/datastores", ML, CONFIGURED),
            "online_endpoints": endpoints,
            "online_deployments": self._inside(endpoints, "deployments", ML),
            "serverless_endpoints": self._many(f"{project}/serverlessEndpoints", ML),
            "schedules": self._many(f"{project}/schedules", ML, CONFIGURED),
            "outbound_rules": self._many(f"{self._hub.hub_id}/outboundRules", ML, CONFIGURED),
            "diagnostic_settings": self._diagnostic_settings(),
        }

    def _of_batch(self, project: str) -> dict[str, Any]:
        """Batch endpoints and their deployments, whose names begin with the endpoint's."""
        endpoints = self._many(f"{project}/batchEndpoints", ML)
        return {
            "batch_endpoints": endpoints,
            "batch_deployments": self._inside(endpoints, "deployments", ML, is_named_in_full=True),
        }

    def _diagnose(self) -> Any:
        path = f"{self._hub.hub_id}/diagnose"

        def ask() -> Any:
            found = self._manager.act(path, ML, pacer=self._pacer, patience=DIAGNOSIS)
            if not isinstance(found.get("value"), dict):
                raise unexpected_answer(f"POST {path}", "a diagnosis with a value", type(found.get("value")).__name__)
            return found

        return self._try(ask)

    def _computes(self) -> Any:
        found = self._many(f"{self._hub.project_id}/computes", ML)
        if code_of(found):
            return found
        return [each for each in found if dig(each, "properties.computeType") != "ComputeInstance"]

    def _connections(self) -> Any:
        """Those of the hub, and the project's own."""
        named: dict[str, Any] = {}
        for workspace in self._workspaces():
            found = self._many(f"{workspace}/connections", ML, CONFIGURED)
            if code_of(found):
                return found
            for each in found:
                named.setdefault(str(each.get("name")).casefold(), each)
        return list(named.values())

    def _diagnostic_settings(self) -> Any:
        """Those of the hub, and the project's under names that begin with the project's."""
        settings = []
        for workspace in self._workspaces():
            found = self._many(f"{workspace}/providers/Microsoft.Insights/diagnosticSettings", DIAGNOSTICS, CONFIGURED)
            if code_of(found):
                return found
            first = "" if workspace == self._hub.hub_id else f"{self._hub.project}/"
            settings += [{**each, "name": f"{first}{each.get('name')}"} for each in found]
        return settings

    # -- region and subscription

    def _of_region(self) -> dict[str, Any]:
        machine_learning = locations_of(self._hub, "Microsoft.MachineLearningServices")
        return {
            "resource_group": self._one(self._hub.group_id, RESOURCE_GROUPS, CONFIGURED),
            "locations": self._many(f"{self._subscription}/locations", LOCATIONS, FIXED),
            "usages": self._many(f"{machine_learning}/usages", ML, COMMON),
            "vm_sizes": self._many(f"{machine_learning}/vmSizes", ML, FIXED),
            "registry": self._registry(),
            "health_events": self._many(
                f"{self._subscription}/providers/Microsoft.ResourceHealth/events", RESOURCE_HEALTH, COMMON
            ),
            "deleted": self._deleted(),
        }

    def _registry(self) -> Any:
        """The first registry of the subscription that jobs name; Microsoft's own are no business of ours."""
        if not self._request.registries:
            return None
        found = self._many(f"{self._subscription}/providers/Microsoft.MachineLearningServices/registries", ML, COMMON)
        if code_of(found):
            return found
        return next((each for each in found if str(each.get("name")).casefold() in self._request.registries), None)

    def _deleted(self) -> Any:
        lists = {}
        for kind, (place, version) in DELETED.items():
            lists[kind] = self._many(f"{self._subscription}/providers/{place}", version, COMMON)
            if code_of(lists[kind]):
                return lists[kind]
        return lists

    # -- what the hub rests on

    def _of_resources(self, hub: Any) -> dict[str, Any]:
        storage, vault, insights, registry = (self._named(hub, name) for name in NAMED)
        component = self._at(insights, INSIGHTS, CONFIGURED)
        logs = component if code_of(component) else self._place(dig(component, "properties.WorkspaceResourceId"))
        return {
            "storage": self._at(storage, STORAGE),
            "object_replication_policies": self._in(storage, "objectReplicationPolicies", STORAGE, CONFIGURED),
            "blob_service": self._below(storage, "blobServices/default", STORAGE, CONFIGURED),
            "health_availability": self._below(
                storage, "providers/Microsoft.ResourceHealth/availabilityStatuses/current", RESOURCE_HEALTH
            ),
            "keyvault": self._at(vault, KEY_VAULT, CONFIGURED),
            "acr": self._at(registry, CONTAINER_REGISTRY, CONFIGURED),
            "acr_replications": self._in(registry, "replications", CONTAINER_REGISTRY, CONFIGURED),
            "app_insights": component,
            "log_analytics": self._at(logs, LOG_ANALYTICS, CONFIGURED),
        }

    def _named(self, hub: Any, name: str) -> Any:
        """The id of what the hub names, null if it names none, or why that is not known."""
        return hub if code_of(hub) else self._place(dig(hub, f"properties.{name}"))

    def _place(self, place: Any) -> Any:
        if place is None or is_arm_id(place):
            return place
        return unreadable(TEMPORARY, f"{place!r:.80} is no ARM id")

    def _data_accounts(self, stores: Any) -> Any:
        """By name: accounts of datastores but for the workspace's own, with how they are replicated."""
        if code_of(stores):
            return stores
        places = dict[str, str]()
        for store in stores:
            said = [dig(store, f"properties.{name}") for name in ("subscriptionId", "resourceGroup", "accountName")]
            if all(isinstance(each, str) and each for each in said) and not str(store.get("name")).startswith(
                "workspace"
            ):
                kind = "Microsoft.Storage/storageAccounts"
                places[said[2].casefold()] = (
                    f"/subscriptions/{said[0]}/resourceGroups/{said[1]}/providers/{kind}/{said[2]}"
                )
        query = {"$expand": "geoReplicationStats"}
        return {name: self._at(self._place(place), STORAGE, None, **query) for name, place in places.items()}

    def _of_connections(self, connections: Any) -> dict[str, Any]:
        if code_of(connections):
            keys = ("openai_deployments", "cognitive_usages", "search_service", "search_indexes", "cosmos_account")
            return dict.fromkeys(keys, connections)
        accounts = behind(connections, MODEL_CATEGORIES)
        searches, states = behind(connections, ["CognitiveSearch"]), behind(connections, ["CosmosDB", "CosmosDb"])
        usages = f"{locations_of(self._hub, AI_SERVICES)}/usages"
        return {
            "openai_deployments": self._inside([{"id": each} for each in accounts], "deployments", COGNITIVE),
            "cognitive_usages": self._many(usages, COGNITIVE, COMMON) if accounts else [],
            "search_service": self._at(searches[0] if searches else None, SEARCH, CONFIGURED),
            "search_indexes": self._search_indexes(connections),
            "cosmos_account": self._at(states[0] if states else None, COSMOS, CONFIGURED),
        }

    def _search_indexes(self, connections: Iterable[Any]) -> Any:
        """What ``core.standby.search_indexes`` reads of each index that a connection names; why not, if one is not."""
        found = []
        services: dict[str, Any] = {}
        for named in named_indexes(connections):
            place = dig(named.connection, "properties.metadata.ResourceId")
            if place is None:
                return unreadable(
                    DENIED, f"the connection of {named.name} does not say by ResourceId whose index it is"
                )
            key = str(place).casefold()
            if key not in services:
                services[key] = self._at(self._place(place), SEARCH, CONFIGURED)
            index = services[key] if code_of(services[key]) else self._search_index(services[key], named.index_name)
            if code_of(index):
                return index
            found.append({"name": named.name, **index})
        return found

    def _search_index(self, service: Any, index: str) -> Any:
        def ask() -> Any:
            return self._searches.read(self._searches.endpoint_of(service), index)

        return self._try(ask, is_manager=False)

    def _ai_accounts(self) -> Any:
        """What ``core.standby.model_quota`` reads of each account, by its id; why not, if any of it is unreadable."""
        accounts: dict[str, Any] = {}
        for place in dict.fromkeys(each.rstrip("/") for each in self._request.ai_accounts):
            account = self._one(place, COGNITIVE)
            is_absent = code_of(account) == MISSING  # a template may have yet to make it
            region = self._hub.region if is_absent else squeeze(str(dig(account, "location") or ""))
            usages = f"/subscriptions/{place.split('/')[2]}/providers/{AI_SERVICES}/locations/{region}/usages"
            found = {
                "account": None if is_absent else account,
                "deployments": [] if is_absent else self._many(f"{place}/deployments", COGNITIVE),
                "models": [] if is_absent else self._many(f"{place}/models", COGNITIVE),
                "usages": self._many(usages, COGNITIVE, COMMON),
            }
            unread = next((each for each in found.values() if code_of(each)), None)
            if unread is not None:
                return unread
            accounts[place.casefold()] = found
        return accounts

    # -- networks

    def _of_networks(self) -> dict[str, Any]:
        endpoints: list[Any] = []
        links: dict[str, Any] = {}
        for place in self._private_endpoints(endpoints):
            endpoint, zones = self._private_endpoint(place)
            for found in (endpoint, zones):
                if code_of(found):
                    return {"private_endpoints": found, "private_dns_links": found}
            endpoints.append(endpoint)
            for zone in zones:
                listed = self._many(f"{zone}/virtualNetworkLinks", PRIVATE_DNS, CONFIGURED)
                if code_of(listed):
                    return {"private_endpoints": endpoints, "private_dns_links": listed}
                links |= {(name := f"{last_part(zone)}/{each.get('name')}"): {**each, "name": name} for each in listed}
        if endpoints and code_of(endpoints[0]):
            return {"private_endpoints": endpoints[0], "private_dns_links": endpoints[0]}
        return {"private_endpoints": endpoints, "private_dns_links": list(links.values())}

    def _private_endpoints(self, faults: list[Any]) -> list[str]:
        """Ids of private endpoints in our subscriptions that lead to hub and project. A fault goes into the list."""
        places = dict[str, None]()
        for workspace in self._workspaces():
            found = self._many(f"{workspace}/privateEndpointConnections", ML, CONFIGURED)
            if code_of(found):
                faults.append(found)
                return []
            for each in found:
                place = dig(each, "properties.privateEndpoint.id")
                if is_arm_id(place) and str(place).split("/")[2].casefold() in self._request.subscriptions:
                    places[str(place)] = None
        return list(places)

    def _private_endpoint(self, place: str) -> tuple[Any, Any]:
        """An endpoint with the names of its zones, and the zones' ids."""
        endpoint, groups = (
            self._one(place, NETWORK, CONFIGURED),
            self._many(f"{place}/privateDnsZoneGroups", NETWORK, CONFIGURED),
        )
        for found in (endpoint, groups):
            if code_of(found):
                return found, found
        zones = [
            str(zone)
            for group in groups
            for config in _objects(dig(group, "properties.privateDnsZoneConfigs"))
            if is_arm_id(zone := dig(config, "properties.privateDnsZoneId"))
        ]
        properties = endpoint.get("properties") or {}
        return {**endpoint, "properties": {**properties, "dnsZoneGroups": [last_part(each) for each in zones]}}, zones

    # -- App Configuration and roles

    def _of_configuration(self) -> dict[str, Any]:
        """The pointer's store is known by its endpoint: it is looked for in the subscriptions of both sides."""
        wanted, seen = self._request.pointer.rstrip("/").casefold(), unreadable(MISSING, "no subscription was named")
        for subscription in sorted(self._request.subscriptions):
            place = f"/subscriptions/{subscription}/providers/Microsoft.AppConfiguration/configurationStores"
            stores = self._many(place, APP_CONFIGURATION, COMMON)
            if code_of(stores):
                return {"app_config": stores, "app_config_replicas": stores}
            for store in stores:
                if str(dig(store, "properties.endpoint") or "").rstrip("/").casefold() == wanted:
                    place = self._place(store.get("id"))
                    return {
                        "app_config": store,
                        "app_config_replicas": self._in(place, "replicas", APP_CONFIGURATION, COMMON),
                    }
            seen = unreadable(DENIED, f"no store with the endpoint {wanted} is seen in the pair's subscriptions")
        return {"app_config": seen, "app_config_replicas": seen}

    def _roles(self, hub: Any) -> Any:
        """Role assignments at hub, project, account, vault and registry and above them, each once."""
        rests = [self._named(hub, name) for name in ("storageAccount", "keyVault", "containerRegistry")]
        named: dict[str, Any] = {}
        for scope in [*self._workspaces(), *(each for each in rests if each is not None)]:
            if code_of(scope):
                return scope
            path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
            found = self._many(path, AUTHORIZATION, CONFIGURED, **{"$filter": "atScope()"})
            if code_of(found):
                return found
            named |= {str(each.get("id") or each.get("name")).casefold(): each for each in found}
        return list(named.values())

    # -- calls

    def _at(self, place: Any, version: str, longest: timedelta | None = None, **query: str) -> Any:
        """What is at a place; null if there is no place, and its reason if the place is not known."""
        return place if place is None or code_of(place) else self._one(place, version, longest, **query)

    def _below(self, place: Any, rest: str, version: str, longest: timedelta | None = None) -> Any:
        return place if place is None or code_of(place) else self._one(f"{place}/{rest}", version, longest)

    def _in(self, place: Any, kind: str, version: str, longest: timedelta | None = None) -> Any:
        if place is None:
            return []
        return place if code_of(place) else self._many(f"{place}/{kind}", version, longest)

    def _inside(self, parents: Any, kind: str, version: str, *, is_named_in_full: bool = False) -> Any:
        """Children of several parents. With more than one parent, or if asked for, names begin with the parent's."""
        if code_of(parents):
            return parents
        children = []
        for parent in parents:
            place = self._place(parent.get("id"))
            found = self._in(place, kind, version)
            if code_of(found):
                return found
            first = f"{last_part(str(place))}/" if is_named_in_full or len(parents) > 1 else ""
            children += [{**each, "name": f"{first}{each.get('name')}"} for each in found]
        return children

    def _one(self, path: str, version: str, longest: timedelta | None = None, **query: str) -> Any:
        """A resource; as it was read before, if that is not longer ago than ``longest``. None: it is read now."""

        def ask() -> Any:
            self._pacer.wait_turn()
            return self._manager.get(path, version, **query)

        return self._recall("one", path, version, query, longest, ask)

    def _many(self, path: str, version: str, longest: timedelta | None = None, **query: str) -> Any:
        """The elements of a list; ``longest`` as for one."""

        def ask() -> list[Any]:
            elements: list[Any] = []
            for page in self._manager.paced_pages(path, version, self._pacer.wait_turn, query):
                elements += page
                if len(elements) > MOST:
                    raise TemporaryError(f"the list {path} has more than {MOST} elements")
            return elements

        return self._recall("list", path, version, query, longest, ask)

    def _recall(
        self,
        what: str,
        path: str,
        version: str,
        query: Mapping[str, str],
        longest: timedelta | None,
        ask: Callable[[], Any],
    ) -> Any:
        if longest is None:
            return self._try(ask)
        key = " ".join([what, path.casefold(), version, *(f"{name}={value}" for name, value in query.items())])
        since = self._request.since
        if since is not None and (known := self._remembered.find(key, longest, since)) is not None:
            return known
        at, found = self._remembered.now(), self._try(ask)
        if not code_of(found):
            self._remembered.keep(key, found, at)
        return found

    def _try(self, ask: Callable[[], Any], *, is_manager: bool = True) -> Any:
        """What a call answers, or why it could not be read. ``is_manager``: whether it spends of Resource Manager's."""
        try:
            return ask()
        except NotFound as fault:
            return unreadable(MISSING, str(fault))
        except Throttled as fault:
            if fault.of_all and is_manager:
                self._pacer.refused(fault.retry_after)
            return unreadable(TEMPORARY, str(fault))
        except TemporaryError as fault:
            return unreadable(TEMPORARY, str(fault))
        except HubswitchError as fault:
            return unreadable(DENIED, str(fault))


def _objects(value: Any) -> Iterable[Any]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()
