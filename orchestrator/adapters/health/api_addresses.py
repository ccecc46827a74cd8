"""Where a hub's own API answers, if its plan does not say: read from the workspace, checked, and kept.

A workspace with private link answers at a host of its own, which ``properties.discoveryUrl`` of its GET names
(2024-10-01-preview). Resource Manager is asked once in the life of a process and before anything is wrong, as a rule;
what it said lies in the ledger, so that a process that starts while Resource Manager is away knows it, too.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import msgspec

from orchestrator.adapters.http.arm import WORKSPACE_VERSION, ResourceManager
from orchestrator.adapters.http.one_host import place_of
from orchestrator.core.base.codec import Value, decode, encode
from orchestrator.core.base.errors import Conflict, HubswitchError, InvalidInput, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Ledger

API_HOST = re.compile(r"(?:[a-z0-9-]+\.)+(?:api\.azureml\.ms|api\.ml\.azure\.cn|api\.ml\.azure\.us)")
"""Azure's own hosts of the API, by their end: ``<region>.`` and, with private link, ``<guid>.workspace.<region>.``
before it (learn.microsoft.com, custom DNS for a workspace with a private endpoint)."""

ASK_AGAIN = 60.0
"""Seconds after which what could not be learnt is asked for again."""


class KeptAddress(Value, kw_only=True):
    """What lies in the ledger for one side."""

    project: str
    """ARM id of the workspace that said so; what another one said is not believed."""

    api: str


class ApiAddresses:
    """Addresses of the sides whose plans name none. Safe to share between threads.

    Args:
        manager: what is asked about workspaces. Its own host is believed besides Azure's, for clouds that are not.
        ledgers: where addresses are kept, by pair.
        clock: seconds that never go back.
    """

    def __init__(
        self, manager: ResourceManager, ledgers: Mapping[str, Ledger], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._manager = manager
        self._ledgers = ledgers
        self._clock = clock
        self._known: dict[str, str] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._asking: dict[str, threading.Lock] = {}

    def complete(self, plan: Plan) -> Plan:
        """The plan with every address that is known without asking Resource Manager. Never raises."""
        for role in Role:
            hub = plan.side(role)
            if hub.api is None and (api := self._known.get(hub.project_id.casefold())):
                plan = msgspec.structs.replace(plan, **{role.value: msgspec.structs.replace(hub, api=api)})
        return plan

    def recall(self, plan: Plan) -> Plan:
        """The same, after the ledger was asked for what this process does not know. Never raises."""
        for role in Role:
            key = plan.side(role).project_id.casefold()
            if plan.side(role).api is None and key not in self._known and not self._has_failed(f"ledger {key}"):
                self._recall_side(plan, role, key)
        return self.complete(plan)

    def find(self, plan: Plan, role: Role) -> str:
        """The address of one side: the plan's, what is known, what the workspace says, what the ledger kept.

        Raises:
            HubswitchError: nobody knows it, or what the workspace names is no host of Azure ML.
        """
        hub = plan.side(role)
        key = hub.project_id.casefold()
        if hub.api is not None:
            return hub.api
        with self._asking.setdefault(key, threading.Lock()):
            if known := self._known.get(key):
                return known
            if why := self._has_failed(key):
                raise TemporaryError(why)
            try:
                api = self._ask(hub.project_id)
            except HubswitchError as fault:
                return self._fall_back(plan, role, key, fault)
            self._known[key] = api
            self._keep(plan, role, api)
            return api

    def _ask(self, project: str) -> str:
        workspace = self._manager.get(project, WORKSPACE_VERSION)
        properties = workspace.get("properties")
        url = properties.get("discoveryUrl") if isinstance(properties, dict) else None
        return check_api(url, self._manager.endpoint, project)

    def _fall_back(self, plan: Plan, role: Role, key: str, fault: HubswitchError) -> str:
        if not isinstance(fault, InvalidInput):  # what the workspace says now counts, even if it is refused
            self._recall_side(plan, role, key)
            if known := self._known.get(key):
                return known
        self._failed[key] = (self._clock(), f"the plan names no api, and the workspace's is not known: {fault}")
        raise fault

    def _recall_side(self, plan: Plan, role: Role, key: str) -> None:
        path = kept_at(plan.pair, role)
        try:
            found = self._ledgers[plan.pair].page(path)
            kept = decode(found.value, KeptAddress, path) if found else None
            if kept and kept.project.casefold() == key:
                self._known[key] = check_api(kept.api, self._manager.endpoint, path)
                return
        except HubswitchError as fault:
            self._failed[f"ledger {key}"] = (self._clock(), str(fault))
            return
        self._failed[f"ledger {key}"] = (self._clock(), "nothing is kept")

    def _keep(self, plan: Plan, role: Role, api: str) -> None:
        """Write an address down. A ledger that is away only costs the next process a question."""
        path = kept_at(plan.pair, role)
        data = encode(KeptAddress(project=plan.side(role).project_id, api=api))
        try:
            found = self._ledgers[plan.pair].page(path)
            if found is None or found.value != data:
                self._ledgers[plan.pair].write_page(path, data, found.etag if found else None)
        except (Conflict, HubswitchError):
            return

    def _has_failed(self, key: str) -> str:
        at, why = self._failed.get(key, (0.0, ""))
        return why if why and self._clock() - at < ASK_AGAIN else ""


class CompletedPlans(Mapping[str, Plan]):
    """Plans by pair, each with the addresses that are known by now."""

    def __init__(self, plans: Mapping[str, Plan], addresses: ApiAddresses) -> None:
        self._plans = plans
        self._addresses = addresses

    def __getitem__(self, pair: str) -> Plan:
        return self._addresses.recall(self._plans[pair])

    def __iter__(self) -> Iterator[str]:
        return iter(self._plans)

    def __len__(self) -> int:
        return len(self._plans)


def kept_at(pair: str, role: Role) -> str:
    """Path in the ledger."""
    return f"{pair}/api/{role}.json"


def check_api(url: object, resource_manager: str, where: str) -> str:
    """The base of an API, of a URL that an answer named.

    Raises:
        InvalidInput: not https, not a host that ends like Azure's nor Resource Manager's own, or more than a host.
    """
    text = url if isinstance(url, str) else ""
    try:
        parts, (scheme, host, port) = urlsplit(text), place_of(text)
    except ValueError:
        parts, scheme, host, port = urlsplit(""), "", "", None
    own = place_of(resource_manager)[1]
    is_azures = API_HOST.fullmatch(host) is not None and port == 443
    is_bare = parts.path.rstrip("/") in {"", "/discovery"} and not (
        parts.query or parts.fragment or "@" in parts.netloc
    )
    if scheme != "https" or port is None or not is_bare or not (is_azures or host == own):
        raise InvalidInput(where, "properties.discoveryUrl", "https at a host of Azure ML", repr(url)[:100])
    return f"https://{host}" if port == 443 else f"https://{host}:{port}"
