"""Copying ahead, a batch at a time: what changed on the active side since the last pass is copied to the other one.

A batch may end anywhere: how far a pass has come is in the ledger, under a condition, and what was copied and not
written down is seen to be there. Only one process works on a copy at a time, for a bounded time. Before each batch it
looks at the epoch record, after it has said until when it writes: the process that copies the other way after a switch
waits until then, so no two directions are ever written at once.

Nothing is deleted, and nothing is written over but older copies of ours, and what was copied to this side before it was
rewritten here (``core.jobs.copy_state.choose``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import Conflict, HubswitchError, NotFound, Refused
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.copy_state import (
    BlobFacts,
    CopiedBack,
    CopyChoice,
    CopyRecord,
    PassProgress,
    Piecemeal,
    begin_pass,
    choose,
    copied_back,
    end_pass,
    go_on,
    is_candidate,
    leave_out,
    metadata_of_copy,
    stop_with,
)
from orchestrator.core.jobs.rewrite import job_map
from orchestrator.core.ledger_paths import copy_path, saved_folder
from orchestrator.core.plan.data_copies import CopyTask
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import PIECE, ContainerPlace, CopyEnd, CopyOrder, World, container_of

BATCH = timedelta(seconds=10)
"""After this long a batch begins nothing new."""

LEASE = timedelta(minutes=5)
"""For this long others leave a copy alone that somebody works on: a batch, and the calls that it may be in."""

REST = timedelta(minutes=5)
"""After a failure a copy is left alone for this long, or for its period if that is shorter."""

TRIES = 3
"""How often a blob is tried that changes while it is copied."""

ARTIFACTS = "workspaceartifactstore"
"""The datastore of logs and outputs of runs (learn.microsoft.com, how-to-datastore: built-in datastores)."""

NOTEBOOKS = "workspaceworkingdirectory"
"""The one of notebooks and scripts, a file share (ibid.)."""


@dataclass
class Allowance:
    """What may still be copied in this minute."""

    blobs: int
    size: int

    @property
    def is_used_up(self) -> bool:
        return self.blobs <= 0 or self.size <= 0


class BatchResult(NamedTuple):
    """What came of a batch."""

    goes_on: bool
    """Whether there is more to do now."""

    trouble: str = ""


class _Pause(Exception):
    """The batch's time, or what may be copied in a minute, is used up."""


class Copier:
    """Copies of one pair, made from one side.

    Args:
        world: the ports.
        plan: the pair's.
        source: the side that is active, as far as the caller knows.
        holder: what this process is called.
    """

    def __init__(self, world: World, plan: Plan, source: Role, holder: str) -> None:
        self._world = world
        self._plan = plan
        self._source = source
        self._holder = holder
        self._ledger = world.ledgers[plan.pair]

    def batch(self, task: CopyTask, allowance: Allowance) -> BatchResult:
        """Copy some of what is due; nothing if nothing is, somebody else works on it, or the pair was switched.

        Raises:
            HubswitchError: the ledger does not answer, or holds what cannot be read.
        """
        now, path = self._world.clock.now(), copy_path(self._plan.pair, task.key, self._source)
        state, etag = self._read(task, self._source)
        if not state.is_due(now, task.every) or state.is_busy(now, self._holder):
            return BatchResult(goes_on=False)
        state = replace(state, name=task.name, holder=self._holder, busy_until=now + LEASE)
        try:
            self._ledger.write_page(path, encode(state), etag)
        except Conflict:
            return BatchResult(goes_on=False)
        claimed, etag = self._read(task, self._source)
        if claimed != state:
            return BatchResult(goes_on=False)
        epoch = self._epoch()
        other, _ = self._read(task, self._source.other)
        may = epoch is not None and not other.is_busy(now)
        walk = _Walk(self._world, self._plan, task, allowance, other)
        try:
            walk.state = begin_pass(state, epoch, now) if may and epoch is not None else state
            goes_on = may and walk.advance(now + BATCH)
            walk.state = go_on(walk.state) if may else walk.state
        except HubswitchError as fault:
            goes_on = False
            walk.state = stop_with(walk.state, str(fault), now, min(REST, task.every))
        try:
            self._ledger.write_page(path, encode(replace(walk.state, holder="", busy_until=None)), etag)
        except Conflict:
            return BatchResult(goes_on=False)
        return BatchResult(goes_on=goes_on, trouble=walk.state.trouble)

    def _read(self, task: CopyTask, source: Role) -> tuple[CopyRecord, str | None]:
        path = copy_path(self._plan.pair, task.key, source)
        found = self._ledger.page(path)
        if found is None:
            return CopyRecord(name=task.name, source=source), None
        return read_record(found.value, CopyRecord, path), found.etag

    def _epoch(self) -> int | None:
        """The epoch in force; None if the other side is active in it."""
        found = self._world.epochs[self._plan.pair].read(self._plan.pair)
        if found is None:
            return 0 if self._source is Role.PRIMARY else None
        return found.value.epoch if found.value.active is self._source else None


class _Walk:
    """A walk through one source. ``state`` is always what may be written down.

    Args:
        other: the record of the other direction, in which nobody writes meanwhile.
    """

    def __init__(self, world: World, plan: Plan, task: CopyTask, allowance: Allowance, other: CopyRecord) -> None:
        self._world = world
        self._plan = plan
        self._role = source = other.source.other
        self._other = other
        self._back: CopiedBack | None = None
        self._task = task
        self._allowance = allowance
        self._until = world.clock.now()
        self.state = CopyRecord(name=task.name, source=source)

    def advance(self, until: datetime) -> bool:
        """Go on with the pass that is under way; whether it has to go on after that.

        Raises:
            HubswitchError: what keeps it from going on.
        """
        self._until = until
        source, target = self._ends()
        here, there = source.place.spelt, _spelt(target)
        if here.casefold() == target.place.spelt.casefold():
            raise Refused(f"both sides read {here}: there is nothing to copy")
        if (self.state.here, self.state.there) not in {("", ""), (here, there)}:
            # Another place than before: what was copied from the old one says nothing about this one.
            self.state = replace(self.state, last=None, under_way=PassProgress(begun=self._progress.begun, since=None))
        self.state = replace(self.state, here=here, there=there)
        may_replace = self._task.copy is None or self._task.copy.bring_back
        self._back = copied_back(self._other, here, there) if may_replace else None
        try:
            while self.state.under_way is not None:
                self._page(source, target)
        except _Pause:
            return not self._allowance.is_used_up
        return False

    @property
    def _progress(self) -> PassProgress:
        return self.state.under_way or PassProgress(begun=self._until, since=None)

    def _note(self, **changes: object) -> None:
        self.state = replace(self.state, under_way=replace(self._progress, **changes))

    def _page(self, source: CopyEnd, target: CopyEnd) -> None:
        self._pause_if_over()
        try:
            page = self._world.copies.page(source, self._task.prefix, self._progress.page)
        except Refused:
            if not self._progress.page:
                raise
            self._note(page="", there_page="", after="")  # the store does not know that place of its list any more
            return
        names = [blob.name for blob in page.blobs]
        # The files of a share come by directories, not in the order of names that the target is listed in.
        walks = bool(names) and self._progress.since is None and not source.is_share
        beside, there_page = self._beside(target, names[-1]) if walks else ({}, None)
        for blob in page.blobs:
            if self._progress.after and blob.name <= self._progress.after:
                continue
            if is_candidate(self._progress, blob):
                self._pause_if_over()
                known = beside.get(blob.name) if there_page is not None else self._world.copies.look(target, blob.name)
                self._one(CopyOrder(source, target, blob, metadata_of_copy(blob, source.place.spelt)), known)
            self._note(after=blob.name, seen=self._progress.seen + 1, piecemeal=None)
        self._note(page=page.following, after="")
        if there_page is not None:
            self._note(there_page=there_page)
        if not page.following:
            self.state = end_pass(self.state, self._world.clock.now())

    def _beside(self, target: CopyEnd, last: str) -> tuple[Mapping[str, BlobFacts], str]:
        """What the target holds up to a name, and where its list goes on after that."""
        found: dict[str, BlobFacts] = {}
        token = self._progress.there_page
        while True:
            page = self._world.copies.page(target, self._task.prefix, token)
            found |= {blob.name: blob for blob in page.blobs}
            if not page.following or (page.blobs and page.blobs[-1].name >= last):
                return found, token  # the page that goes beyond is read again for the names that follow
            token = page.following

    def _one(self, order: CopyOrder, target: BlobFacts | None) -> None:
        """Copy one blob, if it is to be copied."""
        source, copies, name = order.source, self._world.copies, order.blob.name
        for _ in range(TRIES):
            chosen = choose(order.blob, target, source.place.spelt, order.target.place.spelt, self._back)
            if chosen.choice is CopyChoice.SAME:
                return
            if chosen.choice is CopyChoice.LEAVE:
                self.state = replace(self.state, under_way=leave_out(self._progress, name, chosen.why))
                return
            order = order._replace(over=target.etag if target is not None else "")
            try:
                self._copy(order)
            except (Conflict, NotFound) as fault:
                now = copies.look(source, name)
                if now is None:
                    return  # deleted meanwhile; deletions are not copied
                if isinstance(fault, NotFound):
                    raise
                order = order._replace(blob=now, metadata=metadata_of_copy(now, source.place.spelt))
                target = copies.look(order.target, name)
                continue
            except Refused as fault:
                self.state = replace(self.state, under_way=leave_out(self._progress, name, str(fault)))
                return
            done = self._progress
            over = done.replaced_own + (chosen.choice is CopyChoice.REPLACE_OWN)
            self._note(copied=done.copied + 1, copied_bytes=done.copied_bytes + order.blob.size, replaced_own=over)
            self._allowance.blobs -= 1
            return
        self.state = replace(self.state, under_way=leave_out(self._progress, name, "it changes while it is copied"))

    def _copy(self, order: CopyOrder) -> None:
        if order.blob.size <= PIECE:
            self._world.copies.copy(order)
            self._allowance.size -= order.blob.size
            return
        blob, begun = order.blob, self._progress.piecemeal
        if begun is None or begun.name != blob.name:
            begun = Piecemeal(name=blob.name, etag=blob.etag, done=0)
        elif begun.etag != blob.etag:
            begun = Piecemeal(name=blob.name, etag=blob.etag, done=0, restarts=begun.restarts + 1)
        if begun.restarts >= TRIES:
            raise Refused("it changes while it is copied", status=409)
        while begun.done < blob.size:
            self._note(piecemeal=begun)
            self._pause_if_over()
            done = self._world.copies.stage(order, begun.done)
            self._allowance.size -= done - begun.done
            begun = replace(begun, done=done)
        self._note(piecemeal=replace(begun, done=0))  # pieces that cannot be committed are copied again
        self._world.copies.commit(order)

    def _pause_if_over(self) -> None:
        if self._allowance.is_used_up or self._world.clock.now() > self._until:
            raise _Pause

    def _ends(self) -> tuple[CopyEnd, CopyEnd]:
        if self._task.copy is None:
            return self._ends_of_saved()
        ends = [CopyEnd(self._plan.side(role), self._place(role)) for role in (self._role, self._role.other)]
        return ends[0], ends[1]

    def _place(self, role: Role) -> ContainerPlace:
        copy = self._task.copy
        if copy is not None and not copy.datastore:
            return _container(copy.primary if role is Role.PRIMARY else copy.secondary)
        name = copy.datastore if copy is not None else ""
        if role is Role.SECONDARY:
            listed = {old.casefold(): new for old, new in job_map(self._plan, Role.PRIMARY).datastores.items()}
            name = listed.get(name.casefold(), name)
        return self._datastore(role, name)

    def _ends_of_saved(self) -> tuple[CopyEnd, CopyEnd]:
        """The artefact container or the file share, and a folder of the ledger's."""
        hub = self._plan.side(self._role)
        if self._task.saves == "notebooks":
            share = self._world.inventory.share(hub, NOTEBOOKS)
            if share is None:
                raise NotFound(f"the {self._role} has no datastore {NOTEBOOKS}")
            source = CopyEnd(hub, share, is_share=True)
        else:
            source = CopyEnd(hub, self._datastore(self._role, ARTIFACTS))
        ledger = self._plan.ledger
        account = urlsplit(ledger.account).netloc
        place = ContainerPlace(account, ledger.container, ledger.account.rstrip("/"))
        folder = saved_folder(self._plan.pair, self._role, self._task.saves)
        return source, CopyEnd(None, place, folder)

    def _datastore(self, role: Role, name: str) -> ContainerPlace:
        found = self._world.inventory.place(self._plan.side(role), name)
        if found is None:
            raise NotFound(f"the {role} has no datastore {name}")
        return found


def _spelt(end: CopyEnd) -> str:
    return f"{end.place.spelt}/{end.prefix}".rstrip("/")


def _container(url: str) -> ContainerPlace:
    """A container by its URL."""
    parts = urlsplit(url)
    name = parts.path.strip("/")
    if ".blob." in parts.netloc or ".dfs." in parts.netloc:
        return container_of(parts.netloc, name)
    return ContainerPlace(parts.netloc, name, f"https://{parts.netloc}")
