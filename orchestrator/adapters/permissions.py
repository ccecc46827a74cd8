"""Which permission each call of the adapters needs, and where: one table for templates, checks and people.

A row is one kind of call. Roles of ``infra/`` are held against it (``bicepcheck.grants``), and so are the requests that
whole outages send to the simulated Azure: a call without a row fails a test. Names of permissions are those of Azure's
built-in roles (learn.microsoft.com, "Azure built-in roles"), and for Azure Machine Learning those that Resource
Manager's rule gives, ``<type>/<verb>``. None was tried against real Azure; those for which not even a page was found
are marked ``is_guess``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

ML = "Microsoft.MachineLearningServices/workspaces"
CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
FILES = "Microsoft.Storage/storageAccounts/fileServices/readFileBackupSemantics/action"
KEYS = "Microsoft.AppConfiguration/configurationStores/keyValues"
TRAFFIC_MANAGER = "Microsoft.Network/trafficManagerProfiles"
FRONT_DOOR = "Microsoft.Cdn/profiles/originGroups/origins"
AI_DEPLOYMENTS = "Microsoft.CognitiveServices/accounts/deployments"
API_MANAGEMENT = "Microsoft.ApiManagement/service/backends"


class Who(StrEnum):
    """Whose token a call carries."""

    EXECUTOR = "executor"
    PROBE = "probe"
    HOST = "host"
    """The Functions host and its extensions, as the app's own identity. Their calls are not the adapters'."""

    PERSON = "person"
    """Whoever runs a command on a machine of their own: no template grants anything for it."""


class Where(StrEnum):
    """At what the permission has to be given."""

    PROJECT = "both projects"
    STORAGE = "storage accounts of the hubs"
    LEDGER = "the ledger's account"
    STORE = "the App Configuration store"
    TOPIC = "the custom topic"
    VAULT = "both vaults"
    REGISTRY = "both registries"
    GROUP = "resource groups of the hubs and of what they rest on"
    SUBSCRIPTION = "the hubs' subscriptions"
    LOGS = "Log Analytics workspaces of the plans"
    TEMPLATES = "resource groups into which steps of a plan deploy templates"
    ALERTS = "subscriptions whose alerts steps of a plan wait for"
    AI_SERVICES = "AI services accounts whose deployments steps of a plan scale"
    FRONT = "what steps of a plan switch in front of the hubs"
    SHARES = "storage accounts of the hubs whose notebooks plans save"
    HOST_STORAGE = "the host's storage account"
    SCHEDULER = "the scheduler's task hub"
    INSIGHTS = "Application Insights"


BY_HAND = frozenset({Where.TEMPLATES, Where.FRONT, Where.ALERTS, Where.AI_SERVICES, Where.SHARES})
"""Places that only single plans name: roles there are given by hand, as docs/deploy.md says."""


class Call(NamedTuple):
    """One kind of call.

    ``service`` is what the simulated Azure's log calls it; ``path`` is a pattern of the end of the path, or of the
    whole of it where it begins with ``^``. A row without a service is a call that nothing of ours sends.
    """

    who: Who
    method: str
    service: str
    path: str
    needs: str
    where: Where
    is_data: bool = False
    is_guess: bool = False


_PROJECT = rf"/providers/{re.escape(ML)}/[^/]+"
"""With its provider: Log Analytics has workspaces, too."""


def _ml(method: str, path: str, needs: str, *, is_guess: bool = False) -> Call:
    """A call of the executor to a project in Resource Manager; both texts begin behind the workspace."""
    name = f"{ML}/{needs}"
    return Call(Who.EXECUTOR, method, "resource-manager", f"{_PROJECT}{path}", name, Where.PROJECT, is_guess=is_guess)


def _health(path: str, needs: str, where: Where) -> Call:
    provider = "Microsoft.ResourceHealth"
    pattern = rf"/providers/{re.escape(provider)}/{path}"
    return Call(Who.PROBE, "GET", "resource-manager", pattern, f"{provider}/{needs}", where)


def _hub(path: str, needs: str) -> Call:
    """A question of the probe to a hub's own API."""
    return Call(Who.PROBE, "POST", "api", path, f"{ML}/{needs}", Where.PROJECT, is_guess=True)


def _read(kind: str, where: Where = Where.GROUP, *, is_guess: bool = False) -> Call:
    """A resource of an inventory, or the list of a kind of them, by its full type."""
    provider, *types = kind.split("/")
    above = "".join(f"/{each}/[^/]+" for each in types[:-1])
    pattern = rf"/providers/{re.escape(provider)}{above}/{types[-1]}(?:/[^/]+)?"
    return Call(Who.PROBE, "GET", "resource-manager", pattern, f"{kind}/read", where, is_guess=is_guess)


def _recover(kind: str) -> Call:
    """The executor's call that recovers a deleted resource of some type."""
    provider, name = kind.split("/")
    pattern = rf"/resourceGroups/[^/]+/providers/{re.escape(provider)}/{name}/[^/]+"
    return Call(Who.EXECUTOR, "PUT", "resource-manager", pattern, f"{kind}/write", Where.GROUP)


def _front(method: str, kind: str, needs: str) -> Call:
    """A call of the executor to what stands in front of the hubs, by its full type; ``needs``: the permission's."""
    return _read(kind, Where.FRONT)._replace(who=Who.EXECUTOR, method=method, needs=needs)


def _data(who: Who, method: str, service: str, path: str, needs: str, where: Where) -> Call:
    return Call(who, method, service, path, needs, where, is_data=True)


_ASSETS = ("codes", "environments", "components", "data", "models")
_BLOBS = f"{CONTAINERS}/blobs"
_INVENTORY = (
    *(f"{ML}/{kind}" for kind in ("connections", "computes", "datastores", "schedules", "outboundRules")),
    *(f"{ML}/{kind}" for kind in ("onlineEndpoints", "onlineEndpoints/deployments", "privateEndpointConnections")),
    *(f"{ML}/{kind}" for kind in ("batchEndpoints", "batchEndpoints/deployments", "serverlessEndpoints")),
    *(f"{ML}/{kind}/versions" for kind in _ASSETS),
    "Microsoft.MachineLearningServices/registries",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.CognitiveServices/accounts/deployments",
    "Microsoft.CognitiveServices/accounts/models",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.ContainerRegistry/registries/replications",
    "Microsoft.DocumentDB/databaseAccounts",
    "Microsoft.Insights/components",
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.KeyVault/vaults",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Search/searchServices",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/objectReplicationPolicies",
)
"""What readiness compares, by type: Reader at a resource group has all of it."""

_OF_SUBSCRIPTION = (
    "Microsoft.MachineLearningServices/locations/usages",
    "Microsoft.MachineLearningServices/locations/vmSizes",
    "Microsoft.CognitiveServices/locations/usages",
    "Microsoft.AppConfiguration/configurationStores",
    "Microsoft.AppConfiguration/configurationStores/replicas",
    "Microsoft.AppConfiguration/deletedConfigurationStores",
    "Microsoft.CognitiveServices/deletedAccounts",
    "Microsoft.KeyVault/deletedVaults",
    "Microsoft.OperationalInsights/deletedWorkspaces",
    "Microsoft.Storage/deletedAccounts",
)
"""The same at a subscription: the custom role there names each."""

_RECOVERED = (
    "Microsoft.AppConfiguration/configurationStores",
    "Microsoft.CognitiveServices/accounts",
    "Microsoft.KeyVault/vaults",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Storage/storageAccounts",
)
"""What `hubswitch recover` brings back by a PUT, after a person has approved it."""

_PERMISSIONS = r"/providers/Microsoft\.Authorization/permissions"
_IN_FRONT = (TRAFFIC_MANAGER, "Microsoft.Cdn/profiles", "Microsoft.ApiManagement/service")

_A_CONTAINER, _A_BLOB = r"^/[^/]+", r"^/[^/]+/.+"

CALLS = (
    # The executor in Resource Manager: jobs, assets, what jobs name.
    _ml("GET", "", "read"),
    _ml("GET", r"/jobs(?:/[^/]+)?", "jobs/read"),
    _ml("PUT", r"/jobs/[^/]+", "jobs/write"),
    _ml("POST", r"/jobs/[^/]+/cancel", "jobs/cancel/action"),
    *(_ml("GET", rf"/{kind}/[^/]+/versions(?:/[^/]+)?", f"{kind}/versions/read") for kind in _ASSETS),
    *(_ml("PUT", rf"/{kind}/[^/]+/versions/[^/]+", f"{kind}/versions/write") for kind in _ASSETS),
    _ml(
        "POST",
        r"/codes/[^/]+/versions/[^/]+/startPendingUpload",
        "codes/versions/startPendingUpload/action",
        is_guess=True,
    ),
    _ml("GET", r"/datastores(?:/[^/]+)?", "datastores/read"),
    _ml("POST", r"/datastores/[^/]+/listSecrets", "datastores/listSecrets/action"),
    _ml("GET", r"/computes(?:/[^/]+)?", "computes/read"),
    _ml("PATCH", r"/computes/[^/]+", "computes/write"),
    _ml("GET", r"/onlineEndpoints/[^/]+", "onlineEndpoints/read"),
    _ml("PUT", r"/onlineEndpoints/[^/]+", "onlineEndpoints/write"),
    _ml("GET", r"/batchEndpoints/[^/]+", "batchEndpoints/read"),
    _ml("PUT", r"/batchEndpoints/[^/]+", "batchEndpoints/write"),
    _ml("GET", r"/batchEndpoints/[^/]+/deployments/[^/]+", "batchEndpoints/deployments/read"),
    _ml("GET", r"/schedules/[^/]+", "schedules/read"),
    _ml("PUT", r"/schedules/[^/]+", "schedules/write"),
    _ml("GET", r"/onlineEndpoints/[^/]+/deployments/[^/]+", "onlineEndpoints/deployments/read"),
    _ml("PATCH", r"/onlineEndpoints/[^/]+/deployments/[^/]+", "onlineEndpoints/deployments/write"),
    *(
        Call(
            Who.EXECUTOR,
            method,
            "resource-manager",
            r"/providers/Microsoft\.Resources/deployments/[^/]+",
            f"Microsoft.Resources/deployments/{verb}",
            Where.TEMPLATES,
        )
        for method, verb in (("GET", "read"), ("PUT", "write"))
    ),
    # The doctor asks what the executor may do there.
    *(
        Call(Who.EXECUTOR, "GET", "resource-manager", path, "Microsoft.Authorization/permissions/read", where)
        for path, where in (
            (rf"{_PROJECT}{_PERMISSIONS}", Where.PROJECT),
            *((rf"/providers/{re.escape(kind)}/.+{_PERMISSIONS}", Where.FRONT) for kind in _IN_FRONT),
        )
    ),
    # Steps that switch what stands in front of the hubs.
    _front("GET", TRAFFIC_MANAGER, f"{TRAFFIC_MANAGER}/read"),
    *(
        _front("PATCH", f"{TRAFFIC_MANAGER}/{kind}", f"{TRAFFIC_MANAGER}/{kind}/write")
        for kind in ("azureEndpoints", "externalEndpoints", "nestedEndpoints")
    ),
    _front("GET", FRONT_DOOR, f"{FRONT_DOOR}/read"),
    _front("PATCH", FRONT_DOOR, f"{FRONT_DOOR}/write"),
    _front("GET", API_MANAGEMENT, f"{API_MANAGEMENT}/read"),
    _front("PATCH", API_MANAGEMENT, f"{API_MANAGEMENT}/write"),
    *(
        _read(AI_DEPLOYMENTS, Where.AI_SERVICES)._replace(
            who=Who.EXECUTOR, method=method, needs=f"{AI_DEPLOYMENTS}/{verb}"
        )
        for method, verb in (("GET", "read"), ("PATCH", "write"))
    ),
    _read("Microsoft.AlertsManagement/alerts", Where.ALERTS)._replace(who=Who.EXECUTOR),
    # `hubswitch plan check --online`, which people run.
    _ml("GET", "/environments", "environments/read")._replace(who=Who.PERSON),
    *(
        _ml("GET", f"/{path}", f"{needs}/read")._replace(who=Who.PERSON)
        for path, needs in (
            ("onlineEndpoints", "onlineEndpoints"),
            ("onlineEndpoints/[^/]+/deployments", "onlineEndpoints/deployments"),
            ("batchEndpoints", "batchEndpoints"),
            ("batchEndpoints/[^/]+/deployments", "batchEndpoints/deployments"),
            ("schedules", "schedules"),
        )
    ),
    Call(
        Who.PERSON,
        "GET",
        "resource-manager",
        r"/locations/[^/]+/vmSizes",
        "Microsoft.MachineLearningServices/locations/vmSizes/read",
        Where.SUBSCRIPTION,
    ),
    # The executor brings deleted resources back.
    *map(_recover, _RECOVERED),
    # The executor's stores.
    _data(Who.EXECUTOR, "GET", "ledger", "", f"{_BLOBS}/read", Where.LEDGER),
    _data(Who.EXECUTOR, "HEAD", "ledger", "", f"{_BLOBS}/read", Where.LEDGER),
    _data(Who.EXECUTOR, "PUT", "ledger", _A_BLOB, f"{_BLOBS}/write", Where.LEDGER),
    _data(Who.EXECUTOR, "DELETE", "ledger", _A_BLOB, f"{_BLOBS}/delete", Where.LEDGER),
    Call(Who.EXECUTOR, "PUT", "ledger", _A_CONTAINER, f"{CONTAINERS}/write", Where.LEDGER),
    _data(Who.EXECUTOR, "GET", "appconfig", "", f"{KEYS}/read", Where.STORE),
    _data(Who.EXECUTOR, "HEAD", "appconfig", "", f"{KEYS}/read", Where.STORE),
    _data(Who.EXECUTOR, "PUT", "appconfig", r"/kv/.+", f"{KEYS}/write", Where.STORE),
    _data(Who.EXECUTOR, "POST", "eventgrid", r"/api/events", "Microsoft.EventGrid/events/send/action", Where.TOPIC),
    # Files of code, build contexts and models; inputs of jobs. Writes by token: into datastores without credentials.
    _data(Who.EXECUTOR, "GET", "storage", "", f"{_BLOBS}/read", Where.STORAGE),
    _data(Who.EXECUTOR, "HEAD", "storage", "", f"{_BLOBS}/read", Where.STORAGE),
    _data(Who.EXECUTOR, "PUT", "storage", _A_BLOB, f"{_BLOBS}/write", Where.STORAGE),
    # Notebooks, which a plan may have saved: a token counts there only with the intent of a backup. Azure ML names the
    # share of a workspace so; its file endpoint is another host than that of the rows above.
    *(_data(Who.EXECUTOR, method, "storage", r"^/code-.+", FILES, Where.SHARES) for method in ("GET", "HEAD")),
    # The probe.
    _ml("GET", "", "read")._replace(who=Who.PROBE),
    _health("availabilityStatuses", "availabilityStatuses/read", Where.GROUP),
    _health("availabilityStatuses/current", "availabilityStatuses/read", Where.GROUP),
    _health("events", "events/read", Where.SUBSCRIPTION),
    # The reader of inventories, which is the probe unless a setting names another identity.
    *map(_read, _INVENTORY),
    *(_read(kind, Where.SUBSCRIPTION) for kind in _OF_SUBSCRIPTION),
    _read("Microsoft.CognitiveServices/accounts"),
    # An index is no resource of Resource Manager, and to look at it is no data action: what a search service answers
    # itself about an index and its statistics takes an action that Reader has (learn.microsoft.com, "Azure permissions
    # for AI + machine learning", Microsoft.Search). Search Index Data Reader has the documents alone, and not this.
    Call(
        Who.PROBE,
        "GET",
        "search",
        r"^/indexes/[^/]+(?:/stats)?",
        "Microsoft.Search/searchServices/indexes/read",
        Where.GROUP,
    ),
    Call(
        Who.PROBE,
        "GET",
        "resource-manager",
        r"^/subscriptions/[^/]+/resourceGroups/[^/]+",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
        Where.GROUP,
    ),
    Call(
        Who.PROBE,
        "GET",
        "resource-manager",
        r"^/subscriptions/[^/]+",
        "Microsoft.Resources/subscriptions/read",
        Where.SUBSCRIPTION,
    ),
    Call(
        Who.PROBE,
        "GET",
        "resource-manager",
        r"^/subscriptions/[^/]+/locations",
        "Microsoft.Resources/subscriptions/locations/read",
        Where.SUBSCRIPTION,
    ),
    Call(
        Who.PROBE,
        "POST",
        "resource-manager",
        f"{_PROJECT}/diagnose",
        f"{ML}/diagnose/read",
        Where.GROUP,
        is_guess=True,
    ),
    Call(
        Who.PROBE,
        "GET",
        "resource-manager",
        r"/locations/[^/]+/diagnoseResults/[^/]+",
        "Microsoft.MachineLearningServices/locations/diagnoseResults/read",
        Where.SUBSCRIPTION,
        is_guess=True,
    ),
    _hub("/experiments:query", "experiments/read"),
    _hub("/entities", "experiments/runs/read"),
    _hub("/rundata", "experiments/runs/read"),
    _hub("/runs:query", "experiments/runs/read"),
    Call(Who.PROBE, "POST", "inference", "", f"{ML}/onlineEndpoints/score/action", Where.PROJECT),
    Call(Who.PROBE, "GET", "storage", r"^/", f"{CONTAINERS}/read", Where.STORAGE),
    _data(
        Who.PROBE, "GET", "keyvault", "/secrets", "Microsoft.KeyVault/vaults/secrets/readMetadata/action", Where.VAULT
    ),
    Call(
        Who.PROBE,
        "POST",
        "acr",
        "/oauth2/exchange",
        "Microsoft.ContainerRegistry/registries/pull/read",
        Where.REGISTRY,
    ),
    Call(Who.PROBE, "POST", "logs", "/query", "Microsoft.OperationalInsights/workspaces/query/read", Where.LOGS),
    # The host: package and timers' locks; orchestrations; its own telemetry.
    Call(Who.HOST, "PUT", "", "", f"{CONTAINERS}/write", Where.HOST_STORAGE),
    _data(Who.HOST, "PUT", "", "", f"{_BLOBS}/write", Where.HOST_STORAGE),
    _data(Who.HOST, "POST", "", "", "Microsoft.DurableTask/schedulers/taskhubs/write", Where.SCHEDULER),
    _data(Who.HOST, "POST", "", "", "Microsoft.Insights/telemetry/write", Where.INSIGHTS),
)
"""Every kind of call."""


def rows_for(who: str, service: str, method: str, path: str) -> list[Call]:
    """Rows that a request is of; none if the table does not know it."""
    return [
        call
        for call in CALLS
        if (call.who, call.service, call.method) == (who, service, method)
        and re.search(f"(?:{call.path})$", path.rstrip("/") or "/", re.IGNORECASE)
    ]
