"""Ledgers full of jobs that were never submitted one by one: what a few captured ones say, under other names."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from bench.stage import Pair
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import JobRecord
from orchestrator.workflows.activities.assets import AssetCopier

WRITERS = 8


def filled(pair: Pair, drafts: Sequence[JobRecord], number: int) -> None:
    """Write records into a pair's ledger, as running in the primary, and bring what they need to both hubs.

    Args:
        pair: whose ledger.
        drafts: captured in the primary, while it answers; taken in turn.
        number: how many records; they are named ``<pair>-<index>``.
    """
    name = pair.plan.pair
    assets = AssetCopier(pair.world, pair.plan, Role.PRIMARY)
    needed = {asset for draft in drafts for asset in draft.closure}
    assets.ensure(assets.keep(needed))
    ledger = pair.world.ledgers[name]

    def keep(index: int) -> None:
        job = f"{name}-{index:05}"
        ledger.create(msgspec.structs.replace(drafts[index % len(drafts)], pair=name, name=job, root=job))

    with ThreadPoolExecutor(max_workers=WRITERS) as pool:
        list(pool.map(keep, range(number)))
