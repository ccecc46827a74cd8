"""Which endpoints there are, where they stand, and what answers at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

from aiohttp import web

from orchestrator.simulator.arm.api import SimulatedResourceManager, region_in
from orchestrator.simulator.arm.seed import BLOB_CONTAINER, SAMPLE_DATA
from orchestrator.simulator.arm.throttle import Throttle
from orchestrator.simulator.estate import LEDGER_ACCOUNT, Estate
from orchestrator.simulator.faults import Faults
from orchestrator.simulator.health import HealthBoard
from orchestrator.simulator.identity import GRANTS, IdentityEndpoint
from orchestrator.simulator.job_lifecycle import JobsLife, Pace
from orchestrator.simulator.regional import RegionalApi, ScoringEndpoint, reference_routes, surface_of
from orchestrator.simulator.request_log import RequestLog
from orchestrator.simulator.server import FaultPlace, Server
from orchestrator.simulator.services import Kernel
from orchestrator.simulator.stores import registry, vault
from orchestrator.simulator.stores.appconfig import ConfigurationStore
from orchestrator.simulator.stores.blobs import BlobStore
from orchestrator.simulator.stores.eventgrid import EventGrid
from orchestrator.simulator.stores.loganalytics import LogStore, workspace_in
from orchestrator.simulator.stores.search import SearchService
from orchestrator.simulator.webhook_receiver import WebhookReceiver

OWN_SURFACES = ("inference", "storage", "keyvault", "acr", "search")
"""Surfaces of a region that have a port of their own; ``hub`` and ``jobs`` share the API's, ``control`` is global."""


@dataclass
class Services:
    """Everything that can answer, apart from how it is reached."""

    kernel: Kernel
    estate: Estate
    throttle: Throttle
    life: JobsLife
    event_grid: EventGrid
    health: HealthBoard
    logs: LogStore
    blobs: dict[str, BlobStore]
    ledger: BlobStore
    identity: IdentityEndpoint
    configuration: ConfigurationStore
    webhooks: WebhookReceiver
    replicas: int
    page: int
    manager: SimulatedResourceManager = field(init=False)
    """Made when all addresses are known."""

    searches: dict[str, SearchService] = field(init=False)
    """The search service of each region's first hub; made with the manager, which knows how it is set up."""


def services_of(  # noqa: PLR0913 - those of LocalAzure
    kernel: Kernel,
    estate: Estate,
    *,
    faults: Faults,
    log: RequestLog,
    pace: Pace,
    throttle: Throttle,
    replicas: int,
    replica_lag: float,
    token_lifetime: int,
    page: int,
) -> Services:
    """The services of an estate; the parameters are those of ``LocalAzure``."""
    event_grid = EventGrid(kernel)
    life = JobsLife(kernel, event_grid, pace)
    return Services(
        kernel=kernel,
        estate=estate,
        throttle=throttle,
        life=life,
        event_grid=event_grid,
        health=HealthBoard(kernel, estate, faults),
        logs=LogStore(kernel, estate, life, log),
        blobs={site.region: BlobStore(kernel, site.storage, site.region) for site in estate.sites},
        ledger=BlobStore(kernel, LEDGER_ACCOUNT, estate.third),
        identity=IdentityEndpoint(kernel, uuid4().hex, frozenset(GRANTS), token_lifetime),
        configuration=ConfigurationStore(kernel, replicas=replicas, lag=replica_lag),
        webhooks=WebhookReceiver(uuid4().hex),
        replicas=replicas,
        page=page,
    )


def take_ports(server: Server, estate: Estate, replicas: int, *, private: bool) -> None:
    """Add every gated endpoint, so that all addresses are known before anything answers."""
    groups, third, secondary = estate.region_of_group, estate.third, estate.regions[1]

    def of_group(request: web.BaseRequest) -> FaultPlace:
        return FaultPlace(region_in(request.path, groups), "control")

    control = [FaultPlace(region, "control") for region in estate.regions]
    server.add("resource-manager", "resource-manager", control, locate=of_group)
    for region in estate.regions:
        _take_regional_ports(server, region, private=private)
    places = [FaultPlace(region, "logs") for region in estate.regions]
    region_of = {site.logs: site.region for site in estate.sites}
    server.add("logs", "logs", places, locate=lambda asked: FaultPlace(region_of.get(workspace_in(asked.path)), "logs"))
    server.add("ledger", "ledger", [FaultPlace(third, "ledger")])
    for index in range(replicas + 1):
        server.add(f"configuration.{index}", "appconfig", [FaultPlace(secondary if index else third, "appconfig")])
    server.add("notices", "eventgrid", [FaultPlace(third, "eventgrid")])
    server.add(f"{third}.api", "elsewhere", [FaultPlace(third, "elsewhere")])
    server.add("observer", "observer", [FaultPlace(None, "observer")])
    server.add("identity", "identity", [FaultPlace(None, "identity")], tls=False)


def _take_regional_ports(server: Server, region: str, *, private: bool) -> None:
    def of_path(request: web.BaseRequest) -> FaultPlace:
        return FaultPlace(region, surface_of(request.path))

    for name in _api_endpoints(region, private=private):
        server.add(name, "api", [FaultPlace(region, "hub"), FaultPlace(region, "jobs")], locate=of_path)
    for surface in OWN_SURFACES:
        server.add(f"{region}.{surface}", surface, [FaultPlace(region, surface)])


def _api_endpoints(region: str, *, private: bool) -> list[str]:
    """Names of the hosts at which a region's API answers, the one that its workspaces use last."""
    return [f"{region}.api", f"{region}.workspace-api"] if private else [f"{region}.api"]


def routes_of(services: Services, urls: Mapping[str, str]) -> dict[str, list[web.RouteDef]]:
    """What answers at every endpoint, by the endpoint's name."""
    services.manager = _manager(services, urls)
    services.searches = {region: _search_service(services, region) for region in services.estate.regions}
    accounts = {urlsplit(urls[f"{region}.storage"]).netloc: store for region, store in services.blobs.items()}
    accounts[urlsplit(urls["ledger"]).netloc] = services.ledger
    for store in accounts.values():
        store.others = accounts
    answers = {
        "resource-manager": services.manager.routes(),
        "ledger": services.ledger.routes(),
        "notices": services.event_grid.routes(),
        f"{services.estate.third}.api": reference_routes(),
        "observer": [*reference_routes(), *services.webhooks.routes()],
        "logs": services.logs.routes(),
        "identity": services.identity.routes(),
    }
    for index in range(services.replicas + 1):
        answers[f"configuration.{index}"] = services.configuration.routes(index)
    for region in services.estate.regions:
        answers |= _regional_routes(services, region, urls)
    return answers


def _manager(services: Services, urls: Mapping[str, str]) -> SimulatedResourceManager:
    regions = services.estate.regions
    for account in services.blobs.values():
        for path, data in SAMPLE_DATA.items():
            account.put(BLOB_CONTAINER, path, data)
    manager = SimulatedResourceManager(
        kernel=services.kernel,
        estate=services.estate,
        life=services.life,
        throttle=services.throttle,
        health=services.health,
        storage={region: (urls[f"{region}.storage"], services.blobs[region]) for region in regions},
        apis={region: urls[_api_endpoints(region, private=services.kernel.private_link)[-1]] for region in regions},
        stores=tuple(urls[f"configuration.{number}"] for number in range(services.replicas + 1)),
        addresses={
            f"{region}.{surface}": urls[f"{region}.{surface}"] for region in regions for surface in OWN_SURFACES
        },
        page=services.page,
    )
    manager.kept.recovered = manager.changes(services.event_grid).tell_recovered
    return manager


def _search_service(services: Services, region: str) -> SearchService:
    site = next(site for site in services.estate.sites if site.region == region)
    return SearchService(services.kernel, site.search, lambda: services.manager.resources.get(site.search_id))


def _regional_routes(services: Services, region: str, urls: Mapping[str, str]) -> dict[str, list[web.RouteDef]]:
    kernel = services.kernel
    sites = [site for site in services.estate.sites if site.region == region]
    workspaces = frozenset(place.lower() for site in sites for place in (site.hub_id, site.project_id))
    apis = {}
    for name in _api_endpoints(region, private=kernel.private_link):
        refuses = kernel.private_link and name == f"{region}.api"
        apis[name] = RegionalApi(kernel, urls[name], region, workspaces, services.life, refuses=refuses).routes()
    return apis | {
        f"{region}.inference": ScoringEndpoint(kernel, region).routes(),
        f"{region}.storage": services.blobs[region].routes(),
        f"{region}.keyvault": vault.routes(kernel, sites[0].keyvault),
        f"{region}.acr": registry.routes(kernel, sites[0].acr),
        f"{region}.search": services.searches[region].routes(),
    }
