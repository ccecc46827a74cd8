"""What the workflows need from the world, as protocols.

Adapters implement them against Azure; nothing else does, except tests of pure code. Every method raises the
errors of ``orchestrator.core.base.errors`` and no others. Blocking methods return within the transport's bounds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import IO, Any, NamedTuple, Protocol

from orchestrator.core.base.message import Message
from orchestrator.core.base.store_time import StoreTime
from orchestrator.core.base.vocabulary import Surface
from orchestrator.core.epoch import EpochRecord, PointerValue
from orchestrator.core.jobs.asset_snapshot import KeptFile
from orchestrator.core.jobs.copy_state import BlobFacts
from orchestrator.core.jobs.data_report import Amount
from orchestrator.core.jobs.record import JobRecord, JobSummary
from orchestrator.core.plan.channels import Channel
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.plan.steps_webhook import CallWebhook
from orchestrator.core.schedule import PollReport
from orchestrator.core.signals.signal import Signal


class Versioned[T](NamedTuple):
    """A stored value with the ETag under which it was read."""

    value: T
    etag: str


class PointerSnapshot(NamedTuple):
    """All keys of one pair in one store, as read at once: the value that counts, and every key's ETag."""

    value: PointerValue | None
    etags: Mapping[str, str]
    highest: int = 0
    """The highest epoch that any key carries, also one whose writing was cut short before the value that counts."""

    @property
    def highest_epoch(self) -> int:
        """The highest epoch of the pair's keys and of the value that counts; 0 if there are none."""
        return max(self.highest, self.value.epoch if self.value else 0)


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC time."""
        ...


class StoreClock(Protocol):
    """A second clock: what time the stores have that a pair rests on, by the answers that they gave."""

    def read(self, plan: Plan, youngest: timedelta) -> StoreTime | None:
        """Their time now, by answers to requests of the last ``youngest``; None if there were none. Asks nothing."""
        ...


class EpochStore(Protocol):
    """The one strongly consistent place that says who may act."""

    def read(self, pair: str) -> Versioned[EpochRecord] | None:
        """The record, or None before the first one was written."""
        ...

    def create(self, pair: str, record: EpochRecord) -> str:
        """Write the first record; its ETag. Conflict if there is one."""
        ...

    def replace(self, pair: str, record: EpochRecord, etag: str) -> str:
        """Write over the record read under ``etag``; the new ETag. Conflict if it has changed."""
        ...


class PointerStore(Protocol):
    """The App Configuration store that publishes where clients should go."""

    def snapshot(self, pair: str) -> PointerSnapshot:
        """What the endpoint that is written holds now."""
        ...

    def publish(self, pair: str, value: PointerValue, over: PointerSnapshot) -> None:
        """Write plain keys, then the value that counts, then the sentinel, each under its ETag in ``over``.

        Conflict as soon as one of them has changed since.
        """
        ...

    def read_from(self, pair: str, endpoint: str) -> PointerValue | None:
        """What one replica holds now."""
        ...


class Ledger(Protocol):
    """Job records and everything needed to run the jobs again, outside the hubs' regions."""

    def read(self, pair: str, name: str) -> Versioned[JobRecord] | None: ...

    def create(self, record: JobRecord) -> str:
        """Write a new record; its ETag. Conflict if there is one."""
        ...

    def replace(self, record: JobRecord, etag: str) -> str:
        """Write over what was read under ``etag``; the new ETag. Conflict if it has changed."""
        ...

    def summaries(self, pair: str) -> Iterator[JobSummary]:
        """Every record's summary, without reading bodies, in order of name."""
        ...

    def name_projects(self, pair: str) -> int:
        """Let every record say which project its side means that does not say so yet; how many there were."""
        ...

    def list_quarantined(self, pair: str) -> Iterator[tuple[str, str]]:
        """Path and reason of every record that could not be read and was set aside."""
        ...

    def put_once(self, path: str, data: bytes) -> bool:
        """Keep bytes under a path; False if something is kept there already (which then stays)."""
        ...

    def get(self, path: str) -> bytes | None:
        """The bytes kept under a path."""
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """Paths of what ``put_once`` and ``put_file_once`` kept, by prefix, sorted."""
        ...

    def put_file_once(self, path: str, content: IO[bytes]) -> bool:
        """``put_once`` for what may be too large for memory; read from where the file stands."""
        ...

    def chunks(self, path: str) -> Iterator[bytes]:
        """What is kept under a path, in parts. NotFound if nothing is."""
        ...

    def page(self, path: str) -> Versioned[bytes] | None:
        """Bytes that are rewritten now and then, with the ETag to write over them."""
        ...

    def write_page(self, path: str, data: bytes, etag: str | None) -> None:
        """Write over what was read under ``etag``, or anew if None. Conflict if it is not so any more."""
        ...

    def drop(self, path: str) -> None:
        """Remove what is kept under a path; nothing if it is gone."""
        ...


class SharedStore(Protocol):
    """What the stamps of a deployment keep in common, as bytes by path: see ``orchestrator.core.decision.stamps``."""

    def everything(self) -> Mapping[str, bytes]:
        """Every shared record, as it is now."""
        ...

    def read(self, path: str) -> Versioned[bytes] | None: ...

    def create(self, path: str, data: bytes) -> str:
        """Write a new record; its ETag. Conflict if there is one."""
        ...

    def replace(self, path: str, data: bytes, etag: str) -> str:
        """Write over what was read under ``etag``; the new ETag. Conflict if it has changed."""
        ...


class JobService(Protocol):
    """Jobs of a hub's project, as raw ARM JSON through Resource Manager."""

    def get(self, hub: Hub, name: str) -> dict[str, Any]:
        """The job. NotFound if there is none."""
        ...

    def put(self, hub: Hub, name: str, body: Mapping[str, Any], api_version: str) -> dict[str, Any]:
        """Submit; a name that exists answers with the existing job. Refused carries the service's message."""
        ...

    def cancel(self, hub: Hub, name: str) -> None:
        """Ask the hub to stop a job; it stops some time later. Nothing happens to one that has ended."""
        ...

    def pages(self, hub: Hub) -> Iterator[Sequence[dict[str, Any]]]:
        """All active jobs, newest first, a page at a time."""
        ...

    def reachable(self, hub: Hub) -> None:
        """Return if Resource Manager answers for this hub's project; raise otherwise."""
        ...


class Shelf(Protocol):
    """Where contents of files are kept, by their SHA-256."""

    def keep(self, chunks: Iterator[bytes]) -> KeptFile:
        """Keep a content; what is kept already is not written again."""
        ...

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """A content that was kept. NotFound if there is none."""
        ...


class AssetService(Protocol):
    """Assets that jobs name: taken to the ledger before an outage, recreated on the other side."""

    def resolve(self, hub: Hub, asset_id: str) -> str:
        """The asset's id with the version that its label means now; an id with a version is answered as it is."""
        ...

    def capture(self, hub: Hub, asset_id: str, shelf: Shelf) -> bytes:
        """Everything needed to recreate the asset elsewhere: its ``Snapshot``; files go to the shelf."""
        ...

    def recreate(self, source: Hub, target: Hub, asset_id: str, snapshot: bytes, shelf: Shelf) -> str:
        """Make the asset exist in the target; its id there. Repeating it changes nothing."""
        ...

    def present(self, hub: Hub, asset_id: str) -> bool:
        """Whether the asset exists in the hub."""
        ...


class ContainerPlace(NamedTuple):
    """A container of a storage account."""

    account: str
    container: str
    url: str
    """The account's blob endpoint."""

    @property
    def spelt(self) -> str:
        """For people, and to compare places by."""
        return f"{self.account}/{self.container}"


class IndexFile(NamedTuple):
    """A file whose content names places of data."""

    name: str
    """Below the container."""

    text: str
    is_whole: bool
    """False if only its beginning was read, or nothing of it."""


class Inventory(Protocol):
    """What exists in a project, and how much lies where. Reads only."""

    def computes(self, hub: Hub) -> Mapping[str, float | None]:
        """Gigabytes of memory of one machine of each compute, by name; None where that cannot be known."""
        ...

    def datastores(self, hub: Hub) -> frozenset[str]:
        """Names of the datastores."""
        ...

    def environments(self, hub: Hub) -> frozenset[str]:
        """Names of the environments that were registered."""
        ...

    def place(self, hub: Hub, datastore: str) -> ContainerPlace | None:
        """Where a datastore leads; None if there is none of that name."""
        ...

    def share(self, hub: Hub, datastore: str) -> ContainerPlace | None:
        """Where a datastore of a file share leads; None if there is none of that name. ``url`` is the file endpoint."""
        ...

    def amount(self, hub: Hub, place: ContainerPlace, path: str) -> Amount:
        """What lies below a path; nothing if the container is not there."""
        ...

    def index_files(self, hub: Hub, place: ContainerPlace, path: str) -> Sequence[IndexFile]:
        """Files below a path that say where other data lie: MLTable, JSONL. The first few; of each the beginning."""
        ...

    def holds(self, hub: Hub, place: ContainerPlace, path: str) -> bool:
        """Whether anything lies at or below a path. Nothing does if the container is not there."""
        ...


class CopyEnd(NamedTuple):
    """Where blobs are copied from, or to."""

    hub: Hub | None
    """Whose storage it is; None for the account of a ledger."""

    place: ContainerPlace
    prefix: str = ""
    """Part of every name there that the other end does not have."""

    is_share: bool = False
    """A file share and no container, which can be copied from and not to. ``url`` is the file endpoint then."""


class BlobPage(NamedTuple):
    """Part of a list, in the order of names. Names are without the end's prefix."""

    blobs: Sequence[BlobFacts]
    following: str
    """Where the list goes on; empty at its end."""


class CopyOrder(NamedTuple):
    """One blob that is to be copied, as it was listed."""

    source: CopyEnd
    target: CopyEnd
    blob: BlobFacts
    metadata: Mapping[str, str]
    """What the copy is to carry."""

    over: str = ""
    """ETag of what may be written over; empty if nothing may be."""


class BlobCopies(Protocol):
    """Copies between accounts that storage itself makes: no content passes through this process. Deletes nothing."""

    def page(self, end: CopyEnd, prefix: str, token: str) -> BlobPage:
        """Blobs whose names begin so. NotFound without the container; Refused for storage that is not the hub's."""
        ...

    def look(self, end: CopyEnd, name: str) -> BlobFacts | None:
        """One blob; None if there is none."""
        ...

    def copy(self, order: CopyOrder) -> None:
        """Copy a blob of at most ``PIECE`` bytes. Conflict if source or target are not as the order says."""
        ...

    def stage(self, order: CopyOrder, start: int) -> int:
        """Copy a piece of a larger blob, to be committed within a week; where the next one starts."""
        ...

    def commit(self, order: CopyOrder) -> None:
        """Make a blob of all its pieces. Conflict if source or target are not as the order says, or pieces lack."""
        ...


PIECE = 32 * 2**20
"""Bytes that storage copies in one request: within the time in which a request has to be answered."""


class SideRequest(NamedTuple):
    """Which side's inventory is wanted, and what of it the pair needs."""

    hub: Hub
    pointer: str
    """Endpoint of the App Configuration store that is written."""

    subscriptions: frozenset[str]
    """Subscriptions of both sides, in lower case."""

    registries: frozenset[str] = frozenset()
    """Names of registries that jobs name, in lower case."""

    assets: tuple[str, ...] = ()
    """ARM ids of assets of this side that jobs need."""

    batch: bool = False
    """Whether the plan names batch endpoints."""

    ai_accounts: tuple[str, ...] = ()
    """ARM ids of AI services accounts whose deployments the plan's standby names."""

    since: datetime | None = None
    """What was read after this, and is young enough for its kind, need not be read again. None: everything is read."""

    assets_since: datetime | None = None
    """The same for assets that were seen to be there."""


class SideInventories(Protocol):
    """Everything that the readiness checks read about one side, in reads only."""

    def collect(self, request: SideRequest) -> dict[str, Any]:
        """What Azure answered, by key of ``core.standby.inventory``; why, for what could not be read. Never raises."""
        ...

    def quota(self, hub: Hub) -> dict[str, Any]:
        """The same of what a job's nodes are taken from: ``computes``, ``usages``, ``vm_sizes``. Never raises."""
        ...


class DeletedResources(Protocol):
    """Whether what a pair rests on is there, what Azure keeps of what was deleted, and the calls that bring it back."""

    def state(self, resource_id: str) -> str:
        """The provisioning state of what is there, in lower case; empty if it has none.

        NotFound if Resource Manager knows nothing of that id; Refused for a kind that is not known here.
        """
        ...

    def has_group(self, group_id: str) -> bool:
        """Whether a resource group is there."""
        ...

    def known(self, hub: Hub) -> dict[str, Any]:
        """What the hub itself names, by key of ``core.standby.inventory``: hub, app_insights, connections.

        What cannot be read is left out. Never raises.
        """
        ...

    def kept(self, subscription: str) -> dict[str, Any]:
        """The lists of deleted resources that are still kept, by key; why, for an unreadable one. Never raises."""
        ...

    def tenant(self, subscription: str) -> str:
        """The id of a subscription's tenant."""
        ...

    def recover(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        """Send the PUT that recovers a resource. It may be there only later."""
        ...


class ArmResources(Protocol):
    """Any resource through Resource Manager, by its id, as raw JSON: for steps of a plan that change one."""

    def get(self, resource_id: str, api_version: str) -> dict[str, Any]:
        """The resource. NotFound if there is none."""
        ...

    def patch(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        """Change what ``body`` names and nothing else, in turn with all other writes in the hub's subscription.

        The service may carry it out later: read the resource to see what became of it.
        """
        ...

    def put(self, hub: Hub, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        """Create the resource, or replace it as a whole; in turn and at the service's leisure as ``patch``."""
        ...

    def read(self, resource_id: str, api_version: str) -> Versioned[dict[str, Any]]:
        """The resource with the ETag of the answer, which is empty if it has none. NotFound if there is none."""
        ...

    def list(self, place: str, api_version: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The elements of a list, all of its pages."""
        ...

    def change(self, resource_id: str, api_version: str, body: Mapping[str, Any], etag: str = "") -> None:
        """``patch`` of a resource of any subscription, in turn with all other writes there.

        With an ETag, only if the resource has not changed since it was read: else Conflict.
        """
        ...


class Urls(Protocol):
    """URLs that a plan names, asked without a token."""

    def check(self, url: str) -> None:
        """Return if a GET is answered with 2xx; raise what it was answered with otherwise. No redirect is followed."""
        ...


class WebhookAnswer(NamedTuple):
    """What a webhook answered, if that was 2xx."""

    goes_on: bool
    """202: what was begun has not ended."""

    location: str = ""
    """Where to ask for its end; empty if the answer does not say."""

    retry_after: timedelta | None = None
    """How long the receiver wants to be left alone."""


class Webhooks(Protocol):
    """Webhooks that steps of a plan call. Errors name the host, never a URL or a secret."""

    def call(self, step: CallWebhook, content: bytes, key: str) -> WebhookAnswer:
        """Send the content, signed, under a key by which the receiver knows it again."""
        ...

    def ask(self, step: CallWebhook, location: str) -> WebhookAnswer:
        """Ask for the end of what was begun. Refused if the place is at another host."""
        ...

    def check(self, step: CallWebhook) -> str:
        """The host that would be called; sends nothing. InvalidInput if an app setting is not there."""
        ...


class Probes(Protocol):
    """All questions about both sides of a pair, asked at once."""

    async def sweep(self, plan: Plan, now: datetime, *, without: Collection[Surface] = ()) -> Sequence[Signal]:
        """One signal per surface and side, ``observer`` and ``elsewhere`` included. Never raises.

        Nothing is asked, and no signal given, about surfaces that this sweep goes ``without``.
        """
        ...

    def for_one_tick(self) -> Probes:
        """The same, with each token asked for once, now, for all sweeps of one tick. Not to be kept for another."""
        ...

    async def aclose(self) -> None:
        """Close what the running event loop holds open."""
        ...


class Polls(Protocol):
    """What is fetched at a cadence besides the probes: Resource Health, Service Health, logs."""

    async def poll(self, plan: Plan, now: datetime) -> PollReport:
        """What all of them say about both sides, and what could not be learnt. Bounded in time. Never raises."""
        ...

    async def aclose(self) -> None:
        """Close what the running event loop holds open."""
        ...


class PermissionSet(NamedTuple):
    """What one role assignment lets an identity do: actions of Resource Manager, in which ``*`` stands for any text."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]


class Trials(Protocol):
    """Calls that show what the app's identities may do, and change nothing whatever they are answered.

    Each returns if it is so, and raises ``Forbidden`` if the identity may not.
    """

    def get_token(self, identity: str) -> str:
        """Ask for a new token of ``executor`` or ``probe``; how people call that identity."""
        ...

    def write_ledger(self, plan: Plan) -> None:
        """Send a write under a condition that cannot hold. NotFound if there is no container yet."""
        ...

    def delete_from_ledger(self, plan: Plan) -> None:
        """Send a deletion of nothing, under a condition that cannot hold."""
        ...

    def write_pointer(self, plan: Plan) -> None:
        """A write like that to the endpoint of the pointer that is written."""
        ...

    def list_blobs(self, account: str) -> None:
        """List a container that need not be there, as the executor. ``account`` is a blob endpoint."""
        ...

    def permissions(self, resource_id: str) -> Sequence[PermissionSet]:
        """What the executor may do with a resource."""
        ...


class Notice(NamedTuple):
    """Something to tell people or programs: type ``Hubswitch.<name>``, a stable id, and its words."""

    id: str
    type: str
    subject: str
    at: datetime
    message: Message


class Notices[C](Protocol):
    """What sends notices on channels: of one kind in ``adapters.notify``, of every kind in ``World``."""

    def publish(self, channel: C, notices: Sequence[Notice]) -> None:
        """Send all of them on one channel. Receivers deduplicate by id."""
        ...


class World(NamedTuple):
    """Everything that bootstrap chose, handed to activities and triggers."""

    clock: Clock
    plans: Mapping[str, Plan]
    epochs: Mapping[str, EpochStore]
    pointers: Mapping[str, PointerStore]
    ledgers: Mapping[str, Ledger]
    shared: Mapping[str, SharedStore]
    """By pair; pairs whose ledgers are one container have one store."""

    jobs: JobService
    assets: AssetService
    resources: ArmResources
    deleted: DeletedResources
    urls: Urls
    webhooks: Webhooks
    inventory: Inventory
    copies: BlobCopies
    sides: SideInventories
    store_clock: StoreClock
    probes: Probes
    polls: Polls
    notices: Notices[Channel]
    app_url: str = ""
    """Where people reach this app, for links in notices; empty if that is not known."""


UNDER_WAY = frozenset({"pending", "running", "suspended"})
"""The engine's words for an instance that still goes on."""


def container_of(account: str, container: str) -> ContainerPlace:
    """A container of an account that is named by its host, such as ``<account>.dfs.core.windows.net``."""
    label, _, service = account.partition(".")
    return ContainerPlace(account, container, f"https://{label}.blob.{service.partition('.')[2]}")


class EngineError(Exception):
    """The durable engine did not answer."""


class OrchestrationState(NamedTuple):
    """One orchestration as people see it."""

    id: str
    name: str
    status: str
    waits_for: Any
    output: Any
    created_at: datetime
    updated_at: datetime


class Engine(Protocol):
    """The durable engine, as callers outside it see it. Values are plain data. Every method raises ``EngineError``."""

    async def entity_state(self, entity: str, key: str) -> str | None:
        """The stored state of an entity, as text; None if it has none."""

    async def signal(self, entity: str, key: str, operation: str, given: Any) -> None:
        """Hand an operation to an entity. It is carried out later, in the order of arrival."""

    async def start(self, orchestration: str, given: Any, instance: str | None = None) -> str:
        """Start an orchestration; the id of its instance, which is made up if not given."""

    async def status(self, instance: str) -> str | None:
        """The engine's word for an instance, such as ``running`` or ``completed``; None if it knows none."""

    async def state(self, instance: str) -> OrchestrationState | None:
        """One instance in full; None if the engine knows none of that id."""

    async def started_since(self, prefix: str, since: datetime) -> list[OrchestrationState]:
        """Instances whose ids begin so and that were started after ``since``, oldest first."""

    async def raise_event(self, instance: str, event: str, given: Any) -> None:
        """Hand an event to an orchestration. One that has ended drops it."""

    async def purge(self, instance: str) -> None:
        """Forget an instance that has ended, so that its id can be used again."""
