"""How much of what a job needs is on the other side, as its record says it."""

from __future__ import annotations

import msgspec

from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.jobs.record import Asset, JobRecord
from orchestrator.workflows.activities.assets import AssetMissing, Assets


def replicated(assets: Assets, record: JobRecord) -> JobRecord:
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
