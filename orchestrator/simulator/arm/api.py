"""Resource Manager: one endpoint for all regions, as far as Azure ML is asked through it.

Every call needs a token for this endpoint and a permission (``arm.read``, ``arm.write``, ``arm.delete``,
``arm.diagnose``), spends one token of the caller's bucket, and must carry an api-version. Which api-versions the
service accepts for which kind of job is not known, so any well-formed one is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.arm import front, permissions
from orchestrator.simulator.arm.alerts import AlertsApi
from orchestrator.simulator.arm.assets import KINDS, AssetsApi
from orchestrator.simulator.arm.calls import PAGE, ArmCall, BlobAccount, page_of
from orchestrator.simulator.arm.changes import Changes
from orchestrator.simulator.arm.dependencies import SHARED_GROUP, seed_dependencies
from orchestrator.simulator.arm.diagnosis import Diagnoses
from orchestrator.simulator.arm.health import HealthApi, concerns
from orchestrator.simulator.arm.jobs import JobsApi
from orchestrator.simulator.arm.models import ModelsApi
from orchestrator.simulator.arm.progress import Progress
from orchestrator.simulator.arm.providers import ProvidersApi
from orchestrator.simulator.arm.references import BodyReference
from orchestrator.simulator.arm.resources import PROVIDER, Resource, Resources
from orchestrator.simulator.arm.rules import user_error
from orchestrator.simulator.arm.schedules import SchedulesApi
from orchestrator.simulator.arm.seed import BLOB_CONTAINER, SHARED_ACCOUNT, seed, workspace_guid
from orchestrator.simulator.arm.serving import ServingApi
from orchestrator.simulator.arm.soft_delete import SoftDelete
from orchestrator.simulator.arm.templates import DEPLOYMENTS, TemplatesApi
from orchestrator.simulator.arm.throttle import Throttle
from orchestrator.simulator.arm.tick import Upkeep
from orchestrator.simulator.arm.usages import vm_sizes
from orchestrator.simulator.estate import Estate
from orchestrator.simulator.health import HealthBoard
from orchestrator.simulator.job_lifecycle import JobsLife
from orchestrator.simulator.services import TENANT, AzureError, Kernel, Principal, read_json
from orchestrator.simulator.stores.eventgrid import EventGrid

_PATH = re.compile(
    r"^/subscriptions/(?P<subscription>[^/]+)(?:/resourcegroups/(?P<group>[^/]+))?"
    r"(?P<locations>/locations)?(?:/providers/(?P<provider>[^/]+)/(?P<rest>.+))?$",
    re.IGNORECASE,
)
_API_VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(?:-[a-z]+)?$")
_PERMISSION = {"GET": "arm.read", "HEAD": "arm.read", "DELETE": "arm.delete"}
_ALWAYS = {
    "Cache-Control": "no-cache",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "x-ms-response-type": "standard",
}


def region_in(path: str, region_of_group: dict[str, str]) -> str | None:
    """The region whose control plane a path concerns; None for what belongs to the whole subscription."""
    parts = path.lower().split("/")
    for marker, region in (("resourcegroups", region_of_group.get), ("locations", lambda name: name)):
        if marker in parts[:-1]:
            return region(parts[parts.index(marker) + 1])
    return None


class SimulatedResourceManager:
    """The whole API.

    Args:
        kernel: tokens, roles, time.
        estate: what exists at the start.
        life: where jobs live.
        throttle: who may ask how often.
        health: what Azure knows of its own.
        storage: each region's own storage account, with its URL.
        apis: each region's own Azure ML API.
        stores: endpoints of the App Configuration store, the origin's first.
        addresses: ``<region>.<surface>`` -> URL of each region's own vault and registry.
        page: elements of a page of a list.
    """

    def __init__(  # noqa: PLR0913 - the services it answers from
        self,
        *,
        kernel: Kernel,
        estate: Estate,
        life: JobsLife,
        throttle: Throttle,
        health: HealthBoard,
        storage: Mapping[str, tuple[str, BlobAccount]],
        apis: Mapping[str, str],
        stores: tuple[str, ...],
        addresses: Mapping[str, str],
        page: int = PAGE,
    ) -> None:
        self._kernel = kernel
        self._estate = estate
        self._throttle = throttle
        self._storage = storage
        self._page = page
        self._life = life
        self.resources = Resources()
        self.kept = SoftDelete(self.resources, kernel.now)
        self.answers: dict[str, tuple[int, Any]] = {}
        """Status and body that were put in for a path (in lower case, without the query): what Azure may answer too."""

        seed(self.resources, estate, apis, kernel.now(), private=kernel.private_link)
        served = {**addresses, **{f"{region}.storage": url for region, (url, _) in storage.items()}}
        seed_dependencies(self.resources, estate, SHARED_ACCOUNT, stores, served)
        self._providers = ProvidersApi(self.resources, lambda: kernel.resource_manager, kernel.now, page)
        shared = f"/subscriptions/{estate.subscription}/resourceGroups/{SHARED_GROUP}"
        front.seed_front(self.resources, shared, (estate.regions[0], estate.regions[1]))
        self.front = front.FrontApi(self.resources, kernel.now, front.UPDATE / kernel.speed)
        self.alerts = AlertsApi(estate.subscription, kernel.now)
        self._diagnoses = Diagnoses(kernel, self.resources)
        self._progress = Progress(kernel, self.resources)
        self._serving = ServingApi(self.resources, self._progress)
        self._models = ModelsApi(self.resources, self._progress)
        self._templates = TemplatesApi(kernel, self.resources)
        self._schedules = SchedulesApi(self.resources, self._progress)
        self._health = HealthApi(health, kernel.resource_manager, page)
        for _, account in storage.values():
            account.create_container(BLOB_CONTAINER)
        self._jobs = JobsApi(kernel, life, Upkeep(self.resources, storage), page)
        self._assets = AssetsApi(kernel, self.resources, storage, page)

    def changes(self, events: EventGrid) -> Changes:
        """What a person does to these resources."""
        return Changes(self.resources, events, self._estate.subscription, self.kept)

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        found = _PATH.match(request.path.rstrip("/"))
        if found is None:
            raise AzureError(404, "InvalidRequestUri", f"'{request.path}' is not a resource id.")
        permission = _permission_for(request)
        caller = self._kernel.admit(request, self._kernel.resource_manager, permission)
        headers = self._throttle.admit(found["subscription"], caller.client_id, request.method)
        _check_api_version(request)
        body = await read_json(request, "InvalidRequestContent", "The request content was invalid")
        try:
            answer = self._dispatch(request, found, caller, body)
        except AzureError as error:
            error.headers = _ALWAYS | headers | error.headers
            raise
        answer.headers.update(_ALWAYS | headers)
        return answer

    def _dispatch(self, request: web.Request, found: re.Match[str], caller: Principal, body: Any) -> web.Response:
        if found["subscription"].lower() != self._estate.subscription.lower():
            code = "SubscriptionNotFound"
            raise AzureError(404, code, f"The subscription '{found['subscription']}' could not be found.")
        group, provider, rest = found["group"], found["provider"], found["rest"] or ""
        self.kept.tick(request.path.rstrip("/"))
        if group is not None and group.lower() not in {*self._estate.region_of_group, SHARED_GROUP}:
            raise AzureError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        put_in = self.answers.get(request.path.rstrip("/").lower())
        if put_in is not None:
            return json_answer(put_in[1], put_in[0])
        if found["locations"] and group is None and provider is None:
            return self._providers.locations(request)
        extension = self._providers.extension(request)
        if extension is not None:
            return extension
        if concerns(request.path):
            return self._health.answer(request)
        if request.path.rstrip("/").lower().endswith(permissions.TAIL):
            return self._permissions(request, caller)
        if provider is None:
            return self._group(request, group)
        if provider.lower() == "microsoft.resources" and rest.lower().startswith(DEPLOYMENTS):
            return self._templates.answer(request, body)
        if provider.lower() != PROVIDER.lower():
            changes = partial(self._models.answer_account, request, body)
            for api in (partial(self.front.answer, request, body), partial(self.alerts.answer, request), changes):
                answer = api()
                if answer is not None:
                    return answer
            if request.method == "PUT":
                return self._recover(request, provider, rest, body)
            return self._providers.answer(request, provider, rest)
        return self._machine_learning(request, group, tuple(rest.split("/")), caller, body)

    def _machine_learning(
        self, request: web.Request, group: str | None, parts: tuple[str, ...], caller: Principal, body: Any
    ) -> web.Response:
        if parts[0].lower() == "locations" and group is None:
            return self._location(request, parts[1:])
        if parts[0].lower() == "registries" and group is None and request.method == "GET":
            return json_answer({"value": self.resources.listed(request.path.rstrip("/"))})
        if parts[0].lower() != "workspaces":
            raise AzureError(404, "InvalidResourceType", f"The type '{parts[0]}' is not simulated.")
        if len(parts) == 1:
            return self._workspaces(request, group)
        return self._workspace(request, group, parts, caller, body)

    def _permissions(self, request: web.Request, caller: Principal) -> web.Response:
        if request.method != "GET":
            raise AzureError(405, "MethodNotAllowed", "Permissions can only be read.")
        place = request.path.rstrip("/")[: -len(permissions.TAIL)]
        is_group = "/providers/" not in place
        if not is_group and self.resources.get(place) is None:
            raise AzureError(404, "ResourceNotFound", f"The resource '{place}' was not found.")
        if self._kernel.roles is not None:
            return json_answer(permissions.permissions_in(self._kernel.roles.actions(caller.client_id, place)))
        return json_answer(permissions.permissions_of(self._kernel.grants.get(caller.client_id, set()), place))

    def _recover(self, request: web.Request, provider: str, rest: str, body: Any) -> web.Response:
        """A PUT of another provider's resource: nothing is created or changed by it, but what is kept comes back."""
        self._providers.check_version(request, provider, rest)
        place = request.path.rstrip("/")
        if "/resourcegroups/" not in place.lower() or self.resources.get(place) is not None:
            raise AzureError(405, "MethodNotAllowed", f"PUT is not supported for '{place}'.")
        status, back = self.kept.put(place, body)
        return web.Response(status=status) if back is None else json_answer(back, status)

    def _group(self, request: web.Request, group: str | None) -> web.Response:
        if group is None and request.method == "GET":
            return json_answer(self._subscription())
        if group is None or request.method != "GET":
            raise AzureError(404, "ResourceNotFound", f"'{request.path}' was not found.")
        place = f"/subscriptions/{self._estate.subscription}/resourceGroups/{group}"
        return json_answer(self.resources.get(f"{place}/providers/Microsoft.Resources/resourceGroups/{group}"))

    def _subscription(self) -> dict[str, Any]:
        """learn.microsoft.com, REST Subscriptions - Get."""
        own = self._estate.subscription
        named = {"subscriptionId": own, "tenantId": TENANT, "displayName": "simulated", "state": "Enabled"}
        return {"id": f"/subscriptions/{own}", **named}

    def _location(self, request: web.Request, parts: tuple[str, ...]) -> web.Response:
        match request.method, tuple(part.lower() for part in parts):
            case "GET", (_, "usages"):
                return json_answer({"value": self.resources.listed(request.path.rstrip("/"))})
            case "GET", (_, "vmsizes"):
                return json_answer({"value": vm_sizes()})
            case "GET", (_, "mfeoperationresults", operation):
                return self._jobs.polled(operation, f"{self._kernel.resource_manager}{request.rel_url}")
            case "GET", (_, "diagnoseresults", operation):
                return self._diagnoses.polled(operation, f"{self._kernel.resource_manager}{request.rel_url}")
        raise AzureError(404, "ResourceNotFound", f"'{request.path}' was not found.")

    def _workspaces(self, request: web.Request, group: str | None) -> web.Response:
        kinds = {kind.lower() for kind in request.query.get("kind", "").split(",") if kind}
        sites = [s for s in self._estate.sites if group is None or s.resource_group.lower() == group.lower()]
        found = [self.resources.get(place) for site in sites for place in (site.hub_id, site.project_id)]
        shown = [w for w in found if w and (not kinds or w["kind"].lower() in kinds)]
        return json_answer({"value": shown})

    def _workspace(
        self, request: web.Request, group: str | None, parts: tuple[str, ...], caller: Principal, body: Any
    ) -> web.Response:
        place = f"/subscriptions/{self._estate.subscription}/resourceGroups/{group}/providers/{PROVIDER}"
        workspace = self.resources.get(f"{place}/workspaces/{parts[1]}")
        if workspace is None:
            text = f"The workspace '{parts[1]}' under resource group '{group}' was not found."
            raise AzureError(404, "ResourceNotFound", text)
        call = ArmCall(request, caller, workspace, parts[2:], body, self._kernel.resource_manager)
        if not call.parts:
            if request.method != "GET":
                raise AzureError(405, "MethodNotAllowed", "Workspaces can only be read here.")
            return json_answer(workspace)
        if call.parts == ("diagnose",) and call.method == "POST":
            return self._diagnoses.begin(call)
        if call.kind == "jobs":
            return self._jobs.answer(call, lambda reference: self._wrong(reference, workspace))
        if call.kind in KINDS:
            return self._assets.answer(call, lambda reference: self._wrong(reference, workspace))
        return self._plain(call)

    def _plain(self, call: ArmCall) -> web.Response:
        """Collections of which little can be changed: computes, datastores, endpoints and whatever was put there."""
        self._progress.finish()
        changed = self._serving.answer(call) or self._schedules.answer(call) or self._models.answer_project(call)
        if changed is not None:
            return changed
        match call.method, tuple(part.lower() for part in call.parts):
            case "GET", parts if len(parts) % 2:
                return self._list(call)
            case "GET", _:
                found = self.resources.get(call.id)
                if found is None:
                    raise call.not_found()
                return json_answer(found)
            case "POST", ("datastores", name, "listsecrets"):
                return self._secrets(call, name)
            case "POST", ("computes", _, "listnodes"):
                return json_answer({"nodes": []})
            case "PATCH", ("computes", _):
                return self._scale(call)
        raise call.not_allowed()

    def _scale(self, call: ArmCall) -> web.Response:
        """Change a cluster's scale settings, as a whole: ``maxNodeCount`` is required in them.

        Done at once. How long the service takes, and whether it answers 200 or 202, is to be verified.
        """
        found = self.resources.get(call.id)
        if found is None:
            raise call.not_found()
        wanted = _scale_settings_in(call.body)
        own = found["properties"].get("properties", {})
        if wanted is None or "scaleSettings" not in own:
            raise AzureError(400, "BadRequest", "properties.properties.scaleSettings needs maxNodeCount.")
        least, most = wanted.get("minNodeCount", 0), wanted["maxNodeCount"]
        if not 0 <= least <= most:
            raise AzureError(400, "BadRequest", f"minNodeCount {least} is not between 0 and maxNodeCount {most}.")
        own["scaleSettings"] = {**own["scaleSettings"], **wanted}
        for count in ("currentNodeCount", "targetNodeCount"):
            own[count] = min(max(own.get(count, 0), least), most)
        found["properties"]["modifiedOn"] = self._kernel.now().isoformat()
        return json_answer(found)

    def _list(self, call: ArmCall) -> web.Response:
        found = self.resources.listed(call.id)
        if call.query.get("isDefault", "").lower() == "true":
            found = [resource for resource in found if resource["properties"].get("isDefault")]
        return page_of(call, found, self._page)

    def _secrets(self, call: ArmCall, name: str) -> web.Response:
        store = self.resources.get(f"{call.workspace_id}/datastores/{name}")
        if store is None:
            raise call.not_found()
        properties = store["properties"]
        _, blobs = self._storage[call.region]
        if properties["credentials"]["credentialsType"] != "AccountKey" or properties["accountName"] != blobs.name:
            # What the service answers for a datastore that has no secret is neither documented nor recorded.
            raise user_error(f"The datastore '{name}' has no secrets.")
        if self._kernel.gives_keys_only or not (call.body or {}).get("expirableSecret"):
            return json_answer({"secretsType": "AccountKey", "key": blobs.key})
        until = self._kernel.now() + timedelta(hours=call.body.get("expireAfterHours", 1))
        sas = blobs.sas(properties["containerName"], "racwdl", until)
        return json_answer({"secretsType": "Sas", "sasToken": sas})

    def _wrong(self, reference: BodyReference, workspace: Resource) -> str | None:
        """What is wrong with a reference in a body that is put into a workspace, or None."""
        own = str(workspace["id"])
        if reference.workspace not in {None, own.lower(), f"guid:{workspace_guid(own)}"}:
            other = (reference.workspace or "").rsplit("/", 1)[-1]
            kind = reference.kind or "workspace"
            return f"'{reference.text}' ({kind}) belongs to workspace '{other}', not to '{workspace['name']}'."
        if reference.kind == "" or self._exists(reference, own):
            return None
        version = f" version '{reference.version}'" if reference.version else ""
        return f"{reference.kind} '{reference.name}'{version} does not exist in workspace '{workspace['name']}'."

    def _exists(self, reference: BodyReference, workspace: str) -> bool:
        kind, name = reference.kind, reference.name
        if kind == "jobs":
            return self._life.get(workspace, name) is not None
        if (kind == "computes" and name.lower() == "serverless") or (
            kind == "environments" and name.startswith("AzureML-")
        ):
            # Serverless compute and Microsoft's own environments exist in every workspace.
            return True
        kinds = ("data", "models") if kind == "assets" else (kind,)
        tail = f"/versions/{reference.version}" if reference.version else ""
        return any(self.resources.get(f"{workspace}/{each}/{name}{tail}") for each in kinds)


def _permission_for(request: web.Request) -> str:
    """What a request needs. Diagnosing is a permission of its own, which changes nothing."""
    if request.method == "POST" and request.path.lower().endswith("/diagnose"):
        return "arm.diagnose"
    changed = front.permission_for(request.method, request.path.rstrip("/"))
    return changed or _PERMISSION.get(request.method, "arm.write")


def _scale_settings_in(body: Any) -> dict[str, Any] | None:
    """The scale settings of a PATCH of a cluster (``ClusterUpdateParameters``); None if they are not complete."""
    for part in ("properties", "properties", "scaleSettings"):
        body = body.get(part) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(body.get("maxNodeCount"), int):
        return None
    return body if isinstance(body.get("minNodeCount", 0), int) else None


def _check_api_version(request: web.Request) -> None:
    version = request.query.get("api-version")
    if not version:
        raise AzureError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _API_VERSION.match(version):
        raise AzureError(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
