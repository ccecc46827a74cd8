"""The simulated Azure as one object: ``with LocalAzure(seed=7) as azure: …``.

===========================  ===========================================================================
``azure.urls[name]``         URL of every endpoint: ``resource-manager``, ``<region>.api``, ``.inference``,
                             ``.storage``, ``.keyvault``, ``.acr``, ``.search``, ``ledger``, ``configuration.0``
                             (origin), ``configuration.1`` … (replicas), ``notices``, ``logs``, ``<third>.api``,
                             ``observer``, ``identity``, ``admin``, ``proxy``
``azure.faults``             what goes wrong, see ``faults``
``azure.log``                every request, see ``requestlog``
``azure.truth.jobs()``       what really happened to every job
``azure.kernel``             time, seed, and who may do what (``grant``, ``revoke``)
``azure.services``           the services' own state: blobs, pointer store, events, resources, token buckets
===========================  ===========================================================================

Everything is served by one loop, in a thread of its own. Faults, log and truth may be used from any thread, the
services' own state only inside ``azure.call``.

The App Configuration store has its origin in the third region and its replicas in the secondary's. The ledger's
account and the custom topic are in the third region.
"""

from __future__ import annotations

import shutil
import ssl
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import trustme

from orchestrator.simulator.admin import Admin
from orchestrator.simulator.arm.calls import PAGE
from orchestrator.simulator.arm.resources import Resources
from orchestrator.simulator.arm.throttle import Throttle
from orchestrator.simulator.assembly import routes_of, services_of, take_ports
from orchestrator.simulator.estate import LEDGER_CONTAINER, Estate, estate_of
from orchestrator.simulator.faults import Faults
from orchestrator.simulator.health import HealthBoard
from orchestrator.simulator.identity import EXECUTOR, GRANTS, PATH, PEOPLE, PROBE, READER, USER
from orchestrator.simulator.job_lifecycle import Pace, Truth
from orchestrator.simulator.loop import ServingLoop
from orchestrator.simulator.proxy import SUFFIX, Proxy
from orchestrator.simulator.request_log import RequestLog
from orchestrator.simulator.server import Server
from orchestrator.simulator.services import TOKEN_LIFETIME, Kernel
from orchestrator.simulator.stores.appconfig import ConfigurationStore
from orchestrator.simulator.stores.blobs import BlobStore
from orchestrator.simulator.stores.eventgrid import EventGrid
from orchestrator.simulator.stores.loganalytics import LogStore
from orchestrator.simulator.webhook_receiver import SETTING


class LocalAzure:
    """Two regions with hubs, a third without, and what lies between them.

    Args:
        seed: of everything that is random.
        speed: divides the durations of simulated work.
        estate: what exists; the usual one if not given.
        pace: how long jobs take and how they end.
        throttle: Resource Manager's limits; the documented ones if not given.
        replicas: replicas of the App Configuration store.
        replica_lag: seconds until a replica has what was written elsewhere.
        token_lifetime: seconds for which the tokens of the identity endpoint are valid.
        page: elements of a page of a list.
        folder: where the CA certificate goes; a temporary folder, removed at the end, if not given.
        canaries: whether plans that are made for it let the watch submit canaries.
        private_link: whether workspaces have private link, and plans that are made for it leave ``api`` out.
    """

    def __init__(  # noqa: PLR0913 - each is one property of the simulated cloud
        self,
        *,
        seed: int = 0,
        speed: float = 1.0,
        estate: Estate | None = None,
        pace: Pace | None = None,
        throttle: Throttle | None = None,
        replicas: int = 1,
        replica_lag: float = 0.0,
        token_lifetime: int = TOKEN_LIFETIME,
        page: int = PAGE,
        folder: Path | None = None,
        canaries: bool = True,
        private_link: bool = False,
    ) -> None:
        self.kernel, self.canaries = _kernel(seed, speed), canaries
        self.kernel.private_link = private_link
        self.estate = estate or estate_of()
        self.log = RequestLog()
        self.urls: Mapping[str, str] = {}
        self._name = f"local-azure-{uuid4().hex[:12]}"
        self._folder = folder or Path(tempfile.gettempdir()) / self._name
        # An owner who forgets to stop us, or fails, still leaves nothing behind.
        self._clean = None if folder else weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._loop = ServingLoop()
        self._server: Server | None = None
        self._proxy = Proxy()
        self.faults = Faults((*self.estate.regions, self.estate.third), self._loop.call)
        self.services = services_of(
            self.kernel,
            self.estate,
            faults=self.faults,
            log=self.log,
            pace=pace or Pace(),
            throttle=throttle or Throttle(),
            replicas=replicas,
            replica_lag=replica_lag,
            token_lifetime=token_lifetime,
            page=page,
        )
        self.truth = Truth(self.services.life, self._loop)

    def start(self) -> Self:
        """Serve in a thread of its own."""
        self._loop.start()
        try:
            self._loop.wait_for(self._open)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the thread, give ports and files back."""
        self._loop.wait_for(self._close)
        self._loop.stop()

    async def open(self) -> None:
        """Serve in the running loop, for a process that does nothing else. ``close`` ends it."""
        self._loop.adopt()
        await self._open()

    async def close(self) -> None:
        await self._close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def ca_bundle(self) -> Path:
        """PEM file of the certificate authority that signed every endpoint's certificate."""
        return self._folder / "ca.pem"

    @property
    def throttle(self) -> Throttle:
        return self.services.throttle

    @property
    def ledger(self) -> BlobStore:
        return self.services.ledger

    @property
    def blobs(self) -> Mapping[str, BlobStore]:
        """Each region's own storage account."""
        return self.services.blobs

    @property
    def configuration(self) -> ConfigurationStore:
        return self.services.configuration

    @property
    def event_grid(self) -> EventGrid:
        return self.services.event_grid

    @property
    def resources(self) -> Resources:
        """Resource Manager's resources, jobs excepted."""
        return self.services.manager.resources

    @property
    def health(self) -> HealthBoard:
        """Resource Health and Service Health."""
        return self.services.health

    @property
    def logs(self) -> LogStore:
        """Log Analytics."""
        return self.services.logs

    @property
    def user_client_id(self) -> str:
        """The identity that submits jobs as people do."""
        return USER

    def call[T](self, function: Callable[[], T]) -> T:
        """The result of a function that touches the services' own state."""
        return self._loop.call(function)

    def subscribe(self, topic: str, url: str, **options: Any) -> None:
        """Send a topic's events to a URL, as ``EventGrid.subscribe``. Its handshake must be answered elsewhere."""
        self._loop.wait_for(lambda: self.event_grid.subscribe(topic, url, **options))

    def region_down(self, region: str, kind: str = "refuse", **parameters: Any) -> None:
        """Take a region away: its endpoints suffer ``kind``, Resource Manager answers 503 for it, its jobs stop.

        Everything that stands there goes: in the secondary's region also the replica of the App Configuration store,
        in the third region its origin, the ledger and the custom topic.

        Raises:
            ValueError: no such region, kind or parameter.
        """

        def fall() -> None:
            self.faults.set(region, "control", "5xx", status=503)
            for surface in self._surfaces_in(region):
                self.faults.set(region, surface, kind, **parameters)
            self.services.life.region_down(region)

        self.call(fall)

    def region_up(self, region: str) -> None:
        """Bring a region back: its faults end, its zombies run on, its other jobs have failed.

        Raises:
            ValueError: no such region.
        """
        if region not in self.faults.regions:
            raise ValueError(f"region: one of {', '.join(self.faults.regions)} was expected, got {region!r}")

        def rise() -> None:
            self.faults.clear(region)
            self.services.life.region_up(region)

        self.call(rise)

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to take this for Azure."""
        return {
            "IDENTITY_ENDPOINT": f"{self.urls['identity']}{PATH}",
            "IDENTITY_HEADER": self.services.identity.secret,
            "HUBSWITCH_RESOURCE_MANAGER": self.urls["resource-manager"],
            "HUBSWITCH_LOG_ANALYTICS": self.urls["logs"],
            "HUBSWITCH_CA_BUNDLE": str(self.ca_bundle),
            "REQUESTS_CA_BUNDLE": str(self.ca_bundle),
            "HUBSWITCH_EXECUTOR_CLIENT_ID": EXECUTOR,
            "HUBSWITCH_PROBE_CLIENT_ID": PROBE,
            "HUBSWITCH_READER_CLIENT_ID": READER,
            SETTING: self.services.webhooks.secret,
        }

    def user_environment(self) -> dict[str, str]:
        """What a person's own programs need: that person's identity, and a way to the accounts' public names.

        Loopback is reached without the proxy, in all spellings in which programs ask for that.
        """
        proxy = {"HTTPS_PROXY": self.urls["proxy"], "NO_PROXY": "127.0.0.1,localhost"}
        return (
            self.environment()
            | proxy
            | {name.lower(): value for name, value in proxy.items()}
            | {"HUBSWITCH_EXECUTOR_CLIENT_ID": USER}
        )

    def mlclient_kwargs(self) -> dict[str, Any]:
        """Arguments that point ``azure.ai.ml.MLClient`` here. The cloud's name is new for every LocalAzure.

        azure-ai-ml keeps clouds by name for the life of the process, and ignores a second description of a known one.
        """
        manager = f"{self.urls['resource-manager']}/"
        return {
            "cloud": self._name,
            "cloud_metadata": {
                "azure_portal": "https://portal.azure.com/",
                "resource_manager": manager,
                "active_directory": manager,
                "aml_resource_id": "https://ml.azure.com",
                "storage_endpoint": "core.windows.net",
                "registry_discovery_endpoint": manager,
            },
        }

    def _surfaces_in(self, region: str) -> list[str]:
        """What stands in a region, Resource Manager excepted, which stands everywhere."""
        endpoints = self._server.endpoints.values() if self._server else ()
        found = {place.surface for endpoint in endpoints for place in endpoint.places if place.region == region}
        return sorted(found - {"control"})

    async def _open(self) -> None:
        self._server = server = Server(self.faults, self.log, self._make_certificates())
        take_ports(server, self.estate, self.services.replicas, private=self.kernel.private_link)
        admin = server.add("admin", "admin", [], tls=False)
        self.urls = {name: endpoint.url for name, endpoint in server.endpoints.items()}
        regions = {site.storage: server.endpoints[f"{site.region}.storage"].port.number for site in self.estate.sites}
        self.urls |= {"proxy": await self._proxy.open(regions)}
        self.kernel.resource_manager = self.urls["resource-manager"]
        self.ledger.create_container(LEDGER_CONTAINER)
        for name, routes in routes_of(self.services, self.urls).items():
            await server.open(server.endpoints[name], routes)
        await server.open(admin, Admin(self).routes(), gated=False)
        self.faults.changed = self._apply_faults
        server.adjust()
        await self.event_grid.start()

    def _apply_faults(self) -> None:
        if self._server is not None:
            self._server.adjust()
        self.services.health.note()

    async def _close(self) -> None:
        await self.event_grid.stop()
        self.services.life.close()
        self.faults.changed = lambda: None
        self.faults.clear()
        await self._proxy.close()
        if self._server is not None:
            await self._server.close()
            self._server = None
        self.ca_bundle.unlink(missing_ok=True)
        if self._clean is not None:
            self._clean()

    def _make_certificates(self) -> ssl.SSLContext:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost", f"*{SUFFIX}").configure_cert(context)
        self._folder.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        return context


def _kernel(seed: int, speed: float) -> Kernel:
    kernel = Kernel(seed=seed, speed=speed, people=set(PEOPLE))
    for client_id, permissions in GRANTS.items():
        kernel.grant(client_id, *permissions)
    return kernel
