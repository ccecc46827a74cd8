"""How much of each data store may have been lost by a switch, as time. Pure.

The length is that from the recovery point to the *decision* to switch (``decided_at`` of the run), not to the first bad
evidence: until it is left, a side that is half down may still be written to. So a length is never shown shorter than it
was.

The recovery point is

- of a copy that is made ahead: when the last complete pass **began**. What was written after that may not have been
  seen;
- of an account that storage replicates to another region: its last sync time, as it was read last. Storage may have
  come further until the decision.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.core.base.text import format_time
from orchestrator.core.evidence.document import DataLoss
from orchestrator.core.jobs.copy_state import CopyRecord, is_met


def copy_loss(
    name: str, record: CopyRecord | None, *, decided_at: datetime, epoch: int, target: timedelta | None
) -> DataLoss:
    """What a copy that was made from the side that is left may lack.

    Args:
        name: of the copy.
        record: how far it had come in that direction; None if it was never begun.
        decided_at: when the run was decided.
        epoch: of the run.
        target: the plan's. Blobs that were left out make the length unknown, unless it misses the target as it is.
    """
    what = f"data copied ahead: {name}"
    last = record.last if record is not None else None
    if last is None:
        return DataLoss(what=what, seconds=None, how="not measured: no pass of the copy had come to its end")
    if last.epoch >= epoch:
        how = "not measured: what is kept of the copy is of a later time than this run"
        return DataLoss(what=what, seconds=None, how=how)
    seconds = max((decided_at - last.begun).total_seconds(), 0.0)
    how = f"from the beginning of the last complete pass at {format_time(last.begun)} to the decision"
    if not last.left_out:
        return DataLoss(what=what, seconds=seconds, how=how)
    first = f"such as {last.left[0].name}: {last.left[0].why}" if last.left else "their names are not kept"
    left = f"{last.left_out} blobs were not copied at all, {first}"
    if is_met(seconds, last.left_out, target) is False:
        return DataLoss(what=what, seconds=seconds, how=f"{how}; {left}")
    return DataLoss(what=what, seconds=None, how=f"not measured: {left}")


def sync_loss(account: str, synced_at: datetime, read_at: datetime, decided_at: datetime) -> DataLoss:
    """What an account's copy in the other region may lack.

    Args:
        account: its name.
        synced_at: its last sync time.
        read_at: when that was read.
        decided_at: when the run was decided.
    """
    what = f"account {account}, replicated by storage"
    if read_at > decided_at:
        how = "not measured: its last sync time was read again after the decision"
        return DataLoss(what=what, seconds=None, how=how)
    seconds = max((decided_at - synced_at).total_seconds(), 0.0)
    how = f"from its last sync time {format_time(synced_at)}, as read at {format_time(read_at)}, to the decision"
    return DataLoss(what=what, seconds=seconds, how=how)
