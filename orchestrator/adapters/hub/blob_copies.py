"""Copies of blobs between storage accounts, made by storage itself: Put Blob From URL, Put Block From URL.

Both ends are asked as the executor. Its token for the source travels in ``x-ms-copy-source-authorization`` to the
target's account, so both have to be storage that the pair owns (learn.microsoft.com,
rest/api/storageservices/put-blob-from-url, put-block-from-url).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlobProperties, ContainerClient, ContentSettings

from orchestrator.adapters.http.deadline import deadline
from orchestrator.adapters.http.errors import translate_errors, unexpected_answer
from orchestrator.adapters.http.one_host import OneHostTransport
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.adapters.hub.share_files import INTENT, ShareFiles
from orchestrator.adapters.hub.storage_hosts import OwnStorage, account_of
from orchestrator.adapters.stores.blobs import MISSING_CONTAINER
from orchestrator.core.base.errors import Conflict, Refused
from orchestrator.core.jobs.copy_state import BlobFacts
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import PIECE, BlobPage, CopyEnd, CopyOrder

SCOPE = "https://storage.azure.com/.default"

PAGE = 1000
"""Blobs of a page: with their metadata about a megabyte."""

MOST_BLOCKS = 50_000
"""learn.microsoft.com, rest/api/storageservices/put-block-list."""

FOLDER = "hdi_isfolder"
"""Metadata of a blob that stands for a directory where an account has a hierarchical namespace."""

SOURCE_CHANGED = "SourceConditionNotMet"
LOST_BLOCKS = frozenset({"InvalidBlockList", "InvalidBlobOrBlock"})
_CONTENT = ("content_type", "content_encoding", "content_language", "content_disposition", "cache_control")


class StorageCopies:
    """``BlobCopies`` by azure-storage-blob. Safe to share between threads.

    Args:
        credential: the executor.
        transport: the process's transport.
        own: which accounts are a hub's.
        plans: whose ledgers may be written to.
    """

    def __init__(
        self, credential: TokenCredential, transport: BoundedTransport, own: OwnStorage, plans: Mapping[str, Plan]
    ) -> None:
        self._credential = credential
        self._transport = transport
        self._own = own
        self._ledgers = {account_of(plan.ledger.account) for plan in plans.values()}
        self._clients: dict[tuple[str, str], ContainerClient] = {}
        self._lock = threading.Lock()

    def page(self, end: CopyEnd, prefix: str, token: str) -> BlobPage:
        """Blobs whose names begin so, in the order of names.

        Raises:
            NotFound: there is no such container.
            Refused: it is no storage of the hub's.
        """
        if end.is_share:
            with self._translate_errors(f"listing the files of {end.place.spelt}"):
                return self._files(end).page(token)
        client = self._client(end)
        with self._translate_errors(f"listing {end.place.spelt}/{end.prefix}{prefix}*"):
            pages = client.list_blobs(
                name_starts_with=end.prefix + prefix, include=["metadata"], results_per_page=PAGE
            ).by_page(token or None)
            listed = list(next(pages, ()))
            following = str(getattr(pages, "continuation_token", None) or "")
            return BlobPage([facts for each in listed if (facts := _facts(each, end.prefix)) is not None], following)

    def look(self, end: CopyEnd, name: str) -> BlobFacts | None:
        """One blob; None if there is none.

        Raises:
            NotFound: the whole container is missing.
        """
        if end.is_share:
            with self._translate_errors(f"looking at the file {end.place.spelt}/{name}"):
                return self._files(end).look(name)
        client = self._client(end).get_blob_client(end.prefix + name)
        with self._translate_errors(f"looking at {end.place.spelt}/{end.prefix}{name}"):
            try:
                return _facts(client.get_blob_properties(), end.prefix)
            except ResourceNotFoundError as fault:
                if getattr(fault, "error_code", None) == MISSING_CONTAINER:
                    raise
                return None

    def copy(self, order: CopyOrder) -> None:
        """Copy a whole blob.

        Raises:
            Conflict: source or target are not as the order says.
            NotFound: the source is gone, or the target's container.
        """
        with self._translate_errors(_describe(order)):
            self._blob(order).upload_blob_from_url(
                self._url(order),
                metadata=dict(order.metadata),
                source_authorization=self._authorization(),
                **_source(order),
                **_condition(order),
            )

    def stage(self, order: CopyOrder, start: int) -> int:
        """Copy a piece; where the next one starts.

        Raises:
            Refused: the blob has more pieces than a blob may have.
        """
        if order.blob.size > PIECE * MOST_BLOCKS:
            raise Refused(f"{order.blob.name} has {order.blob.size} bytes: more than {MOST_BLOCKS} pieces", status=413)
        length = min(PIECE, order.blob.size - start)
        with self._translate_errors(_describe(order)):
            self._blob(order).stage_block_from_url(
                _block(start),
                self._url(order),
                source_offset=start,
                source_length=length,
                source_authorization=self._authorization(),
                source_token_intent=INTENT if order.source.is_share else None,
            )
        return start + length

    def commit(self, order: CopyOrder) -> None:
        """Make a blob of its pieces.

        Danger: pieces that were copied before and after a change of the source would be a blob that never was. So the
        source is looked at once more.

        Raises:
            Conflict: source or target are not as the order says, or storage has dropped pieces.
        """
        now = self.look(order.source, order.blob.name)
        if now is None or now.etag != order.blob.etag:
            raise Conflict(f"{_describe(order)}: it was changed meanwhile")
        settings: dict[str, Any] = dict(order.blob.content)
        with self._translate_errors(_describe(order)):
            try:
                self._blob(order).commit_block_list(
                    [BlobBlock(_block(start)) for start in range(0, order.blob.size, PIECE)],
                    content_settings=ContentSettings(**settings),
                    metadata=dict(order.metadata),
                    **_condition(order),
                )
            except HttpResponseError as fault:
                if fault.status_code == 400 and str(getattr(fault, "error_code", "")) in LOST_BLOCKS:
                    raise Conflict(f"{_describe(order)}: pieces that were copied are not there any more") from fault
                raise

    @contextmanager
    def _translate_errors(self, doing: str) -> Iterator[None]:
        with translate_errors(doing), deadline(self._transport.gate.limits.request):
            yield

    def _authorization(self) -> str:
        return f"Bearer {self._credential.get_token(SCOPE).token}"

    def _blob(self, order: CopyOrder) -> BlobClient:
        self._check(order.source)
        return self._client(order.target).get_blob_client(order.target.prefix + order.blob.name)

    @staticmethod
    def _url(order: CopyOrder) -> str:
        place = order.source.place
        return f"{place.url.rstrip('/')}/{place.container}/{quote(order.source.prefix + order.blob.name, safe='/~')}"

    def _files(self, end: CopyEnd) -> ShareFiles:
        self._check(end)
        return ShareFiles(end.place, self._credential, self._transport)

    def _check(self, end: CopyEnd) -> None:
        """Return if our token may be sent to an account.

        Raises:
            Refused: it is no storage of the hub's, nor a ledger of a plan.
        """
        if end.hub is not None:
            self._own.check(end.hub, end.place.url)
        elif account_of(end.place.url) not in self._ledgers:
            raise Refused(f"{end.place.account} holds no ledger of a plan; nothing is written to it")

    def _client(self, end: CopyEnd) -> ContainerClient:
        self._check(end)
        key = (end.place.url, end.place.container)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = ContainerClient(
                    *key,
                    credential=self._credential,
                    transport=OneHostTransport(self._transport, end.place.url),
                    **NO_RETRY,
                )
            return self._clients[key]


def _facts(blob: BlobProperties, prefix: str) -> BlobFacts | None:
    """What is known of a blob; None for one that stands for a directory."""
    metadata = dict(blob.metadata or {})
    if metadata.get(FOLDER, "").casefold() == "true":
        return None
    modified: datetime | None = blob.last_modified
    if not (blob.name and blob.etag) or modified is None:
        raise unexpected_answer("reading of a blob", "name, ETag and time of the last change", repr(blob.name)[:100])
    settings: Any = blob.content_settings
    content = {name: value for name in _CONTENT if (value := getattr(settings, name, None))}
    return BlobFacts(
        name=str(blob.name).removeprefix(prefix),
        etag=str(blob.etag).strip('"'),
        modified=modified,
        size=int(blob.size or 0),
        metadata=metadata,
        content=content,
    )


def _source(order: CopyOrder) -> dict[str, Any]:
    """What is said of the source.

    Whether a file may be named under a condition is not documented: none is set, and one that changes meanwhile has
    another ETag than its copy says, and is copied again.
    """
    if order.source.is_share:
        return {"source_token_intent": INTENT}
    return {"source_etag": f'"{order.blob.etag}"', "source_match_condition": MatchConditions.IfNotModified}


def _condition(order: CopyOrder) -> dict[str, Any]:
    """The condition on the target under which a copy is written."""
    if not order.over:
        return {"match_condition": MatchConditions.IfMissing}
    return {"etag": f'"{order.over}"', "match_condition": MatchConditions.IfNotModified}


def _block(start: int) -> str:
    """The id of a piece: the same whenever it is copied again, and as long as any other."""
    return f"{start:020d}"


def _describe(order: CopyOrder) -> str:
    source, target = order.source.place.spelt, order.target.place.spelt
    return f"copying {order.blob.name} from {source} to {target}"
