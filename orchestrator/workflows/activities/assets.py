"""Assets that jobs name: kept in the ledger while their hub answers, recreated on the other side ahead of time.

What a job names is followed to its end: components to the components, code and environments in them, to the data
and models that their inputs default to. Labels become the versions that they mean when they are met.

============================================  ===============================================================
path in the ledger                            what
============================================  ===============================================================
``<pair>/assets/kept/<digest>``               a snapshot; what it names was kept before it
``<pair>/assets/files/<sha256>``              the content of one file of a snapshot
``<pair>/assets/made/<side>/<digest>``        the asset's id on a side where it exists
============================================  ===============================================================

The digest is that of the asset's ARM id, casing folded.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from orchestrator.core.base.codec import decode, encode
from orchestrator.core.base.errors import HubswitchError, InvalidInput, NotFound, Refused, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.asset_snapshot import KeptFile, Snapshot, read_snapshot
from orchestrator.core.jobs.record import Asset, JobRecord
from orchestrator.core.jobs.rewrite import closure, pin_versions, workspace_of
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Ledger, World


def replicate_closure(assets: AssetCopier, record: JobRecord) -> JobRecord:
    """The record after an attempt to keep its whole closure and to make it exist on the other side.

    What went wrong first is in ``incomplete``; what can be had is had all the same.
    """
    whole: dict[Asset, None] = {}
    trouble = ""
    for asset in record.closure:
        reached: tuple[Asset, ...] = (asset,)
        try:
            reached = assets.keep([asset])
            assets.ensure(reached)
        except (HubswitchError, AssetMissing) as fault:
            trouble = trouble or str(fault)
        whole |= dict.fromkeys(reached)
    lacking = max(1, assets.lacking(whole)) if trouble else 0
    return msgspec.structs.replace(record, closure=tuple(whole), incomplete=trouble, lacking=lacking)


IN_MEMORY = 8 * 2**20
"""Bytes up to which a content waits in memory until its hash is known; larger ones wait in a temporary file."""


class LedgerShelf:
    """``Shelf`` of one pair, in its ledger: ``<pair>/assets/files/<sha256>``. Safe to share between threads."""

    def __init__(self, ledger: Ledger, pair: str) -> None:
        self._ledger = ledger
        self._folder = f"{pair}/assets/files"

    def keep(self, chunks: Iterator[bytes]) -> KeptFile:
        """Keep a content. It is read to its end before the first byte is written, for its name is its hash."""
        digest, size = hashlib.sha256(), 0
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as waiting:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                waiting.write(chunk)
            waiting.seek(0)
            self._ledger.put_file_once(f"{self._folder}/{digest.hexdigest()}", waiting)
        return KeptFile(sha256=digest.hexdigest(), size=size)

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """A content that was kept."""
        return self._ledger.chunks(f"{self._folder}/{sha256}")


BUSY = frozenset({409, 423})
"""Refusals that pass: somebody else works on the same resource, or it is locked."""


class AssetMissing(Exception):
    """A job names an asset that was never kept; the message names it."""


class AssetCopier:
    """Assets of one pair, captured on one side and recreated on the other. Safe to share between threads.

    Two threads that meet a new asset at once may both read it; what one of them wrote stands.
    """

    def __init__(self, world: World, plan: Plan, source: Role) -> None:
        self._world = world
        self._plan = plan
        self._source = source
        self._hub = plan.side(source)
        self._here = workspace_of(self._hub)
        self._ledger = world.ledgers[plan.pair]
        self._shelf = LedgerShelf(self._ledger, plan.pair)
        self._needs: dict[str, tuple[Asset, ...]] = {}
        self._ids: dict[str, str] = {}
        self._busy: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def keep(self, assets: Iterable[Asset]) -> tuple[Asset, ...]:
        """Take what these assets need to be recreated, each once; all of them, what is needed before what needs it.

        Raises:
            HubswitchError: what the hub says of the first one that cannot be had. Those before it are kept.
        """
        found: dict[str, Asset] = {}
        for asset in assets:
            self._reach(self._resolve(asset), found, frozenset())
        return tuple(found.values())

    def ensure(self, assets: Iterable[Asset]) -> tuple[Asset, ...]:
        """Make each asset exist on the other side, from what was kept; the same assets by their ids there.

        Raises:
            AssetMissing: one was not kept, or the other side refuses it.
            TemporaryError, Forbidden: the other side neither takes nor refuses it now.
        """
        return tuple(Asset(kind=asset.kind, id=self._ensure(asset)) for asset in assets)

    def restore(self, asset_id: str) -> bool:
        """Make an asset of the source anew that was made on the other side and has vanished there; whether it had.

        Raises:
            AssetMissing: it was not kept, or the other side refuses it.
        """
        asset = Asset(kind="asset", id=asset_id)
        made = self._ledger.get(self._make_there(asset))
        if made is None or self._world.assets.present(self._plan.side(self._source.other), made.decode()):
            return False
        self._make(asset)
        return True

    @staticmethod
    def id_in(snapshot: bytes) -> str:
        """The id of the asset that a kept snapshot is of."""
        return str(decode(snapshot, dict[str, Any], "a kept snapshot").get("id"))

    def snapshot(self, asset: Asset) -> bytes | None:
        """What was kept of an asset, or None."""
        return self._ledger.get(self._keep(asset))

    def made(self, asset: Asset) -> str | None:
        """The asset's id on the other side, if it was made there. Neither side is asked."""
        path = self._make_there(asset)
        found = self._ids.get(path) or self._ledger.get(path)
        return found.decode() if isinstance(found, bytes) else found

    def lacking(self, assets: Iterable[Asset]) -> int:
        """How many of these assets are not known to exist on the other side. Neither side is asked."""
        return sum(1 for asset in assets if not self._is_made(asset))

    def _reach(self, asset: Asset, found: dict[str, Asset], way: frozenset[str]) -> None:
        """Keep an asset behind everything that it needs. What contains itself, which no hub can hold, ends there."""
        key = asset.id.casefold()
        if key in way:
            return
        if key not in found:
            for needed in self._needs_of(asset, found, way | {key}):
                self._reach(needed, found, way | {key})
            found[key] = asset
        elif asset.label != found[key].label:
            found[f"{key} {asset.label.casefold()}"] = asset

    def _needs_of(self, asset: Asset, found: dict[str, Asset], way: frozenset[str]) -> tuple[Asset, ...]:
        path = self._keep(asset)
        if path not in self._needs:
            kept = self._ledger.get(path)
            if kept is None:
                self._needs[path] = self._capture(asset, found, way)
            else:
                self._needs[path] = self._assets_named_in(read_snapshot(kept, asset.id))
        return self._needs[path]

    def _capture(self, asset: Asset, found: dict[str, Asset], way: frozenset[str]) -> tuple[Asset, ...]:
        """Take the snapshot, then what it needs, then write it: a snapshot that is there has its needs there too."""
        data = self._world.assets.capture(self._hub, asset.id, self._shelf)
        snapshot = read_snapshot(data, asset.id)
        named = tuple(self._resolve(needed) for needed in self._assets_named_in(snapshot))
        needs = tuple(Asset(kind=needed.kind, id=needed.id) for needed in named)
        for needed in needs:
            self._reach(needed, found, way)
        body = pin_versions(snapshot.body, self._here, versions_of(named))
        self._ledger.put_once(self._keep(asset), encode(msgspec.structs.replace(snapshot, body=body)))
        return needs

    def _assets_named_in(self, snapshot: Snapshot) -> tuple[Asset, ...]:
        return tuple(Asset(kind=kind, id=spelt) for kind, spelt in closure(snapshot.body, self._here))

    def _resolve(self, asset: Asset) -> Asset:
        """The asset by its version; one that the body names by a label says so."""
        if "/versions/" in asset.id.casefold():
            return asset
        return Asset(kind=asset.kind, id=self._world.assets.resolve(self._hub, asset.id), label=asset.id)

    def _is_made(self, asset: Asset) -> bool:
        path = self._make_there(asset)
        return path in self._ids or self._ledger.get(path) is not None

    def _ensure(self, asset: Asset) -> str:
        path = self._make_there(asset)
        with self._lock(path):
            if path not in self._ids:
                made = self._ledger.get(path)
                if made is None:
                    made = self._make(asset).encode()
                    self._ledger.put_once(path, made)
                self._ids[path] = made.decode()
            return self._ids[path]

    def _make(self, asset: Asset) -> str:
        snapshot = self.snapshot(asset)
        if snapshot is None:
            raise AssetMissing(f"the {asset.kind} {asset.id} was not kept while its hub answered")
        target = self._plan.side(self._source.other)
        try:
            return self._world.assets.recreate(self._hub, target, asset.id, snapshot, self._shelf)
        except (Refused, NotFound, InvalidInput) as fault:
            if isinstance(fault, Refused) and fault.status in BUSY:
                raise TemporaryError(str(fault)) from fault
            raise AssetMissing(f"the {asset.kind} {asset.id} cannot be recreated: {fault}") from fault

    def _lock(self, path: str) -> threading.Lock:
        with self._guard:
            return self._busy.setdefault(path, threading.Lock())

    def _keep(self, asset: Asset) -> str:
        return f"{self._plan.pair}/assets/kept/{_digest(asset.id)}"

    def _make_there(self, asset: Asset) -> str:
        return f"{self._plan.pair}/assets/made/{self._source.other}/{_digest(asset.id)}"


def versions_of(assets: Iterable[Asset]) -> dict[str, str]:
    """What each label among these assets meant: the id with the label -> the version."""
    return {asset.label: asset.id.rpartition("/")[2] for asset in assets if asset.label}


def _digest(asset_id: str) -> str:
    return hashlib.sha256(asset_id.casefold().encode()).hexdigest()[:32]
