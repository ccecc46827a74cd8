"""Assets that jobs name: kept in the ledger while their hub answers, recreated on the other side ahead of time.

Paths in the ledger: ``<pair>/assets/kept/<digest>`` holds a snapshot, ``<pair>/assets/made/<side>/<digest>`` holds
its id on a side where it exists. The digest is that of the asset's ARM id, casing folded.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable

from orchestrator.core.errors import Forbidden, NotFound, Refused
from orchestrator.core.plan import Plan
from orchestrator.core.records import Asset
from orchestrator.core.vocabulary import Role
from orchestrator.ports import World


class AssetMissing(Exception):
    """A job names an asset that was never kept; the message names it."""


class Assets:
    """Assets of one pair, captured on one side and recreated on the other. Safe to share between threads."""

    def __init__(self, world: World, plan: Plan, source: Role) -> None:
        self._world = world
        self._plan = plan
        self._source = source
        self._ledger = world.ledgers[plan.pair]
        self._ids: dict[str, str] = {}
        self._busy: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def keep(self, assets: Iterable[Asset]) -> None:
        """Take what each asset needs to be recreated, once; raises what the hub says if it cannot be had."""
        for asset in assets:
            path = self._kept(asset)
            with self._lock(path):
                if path not in self._ids and self._ledger.get(path) is None:
                    hub = self._plan.side(self._source)
                    self._ledger.put_once(path, self._world.assets.capture(hub, asset.id))
                self._ids[path] = asset.id

    def ensure(self, assets: Iterable[Asset]) -> tuple[Asset, ...]:
        """Make each asset exist on the other side, from what was kept; the same assets by their ids there.

        Raises:
            AssetMissing: one was not kept, or the other side refuses it.
        """
        return tuple(Asset(kind=asset.kind, id=self._ensured(asset)) for asset in assets)

    def _ensured(self, asset: Asset) -> str:
        path = self._made(asset)
        with self._lock(path):
            if path not in self._ids:
                made = self._ledger.get(path)
                if made is None:
                    made = self._make(asset).encode()
                    self._ledger.put_once(path, made)
                self._ids[path] = made.decode()
            return self._ids[path]

    def _make(self, asset: Asset) -> str:
        snapshot = self._ledger.get(self._kept(asset))
        if snapshot is None:
            raise AssetMissing(f"the {asset.kind} {asset.id} was not kept while its hub answered")
        source, target = self._plan.side(self._source), self._plan.side(self._source.other)
        try:
            return self._world.assets.recreate(source, target, asset.id, snapshot)
        except (Refused, NotFound, Forbidden) as fault:
            raise AssetMissing(f"the {asset.kind} {asset.id} cannot be recreated: {fault}") from fault

    def _lock(self, path: str) -> threading.Lock:
        with self._guard:
            return self._busy.setdefault(path, threading.Lock())

    def _kept(self, asset: Asset) -> str:
        return f"{self._plan.pair}/assets/kept/{_digest(asset.id)}"

    def _made(self, asset: Asset) -> str:
        return f"{self._plan.pair}/assets/made/{self._source.other}/{_digest(asset.id)}"


def _digest(asset_id: str) -> str:
    return hashlib.sha256(asset_id.casefold().encode()).hexdigest()[:32]
