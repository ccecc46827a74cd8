"""What is kept of a copy that is made ahead, and what is to become of one blob of it. Pure.

A pass walks through the source once, in the order of names. When it has come to its end, everything that was written
to the source before it began is in the target, but for what is listed as left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.base.vocabulary import Role

LISTED = 100
"""Blobs that were left out, as many as are kept by name. With more, the next pass looks at everything again."""

SKEW = timedelta(minutes=5)
"""How far our clock may be ahead of a store's. What was written that much before a pass is looked at once more."""

WHOLE = timedelta(days=1)
"""After this long a pass looks at every blob again: somebody may have deleted or changed something in the target."""

FROM, ETAG, SIZE = "hubswitch_from", "hubswitch_etag", "hubswitch_size"
"""Metadata of a copy: account and container that it came from, ETag there, and bytes. Who writes a blob anew through
the blob service replaces its metadata, so a blob that has these is as it was copied. Names must be C# identifiers."""

OWN = frozenset({FROM, ETAG, SIZE})


class BlobFacts(NamedTuple):
    """A blob, as it was listed or looked at."""

    name: str
    etag: str
    """Without quotes."""

    modified: datetime
    size: int
    metadata: Mapping[str, str]
    content: Mapping[str, str]
    """What it is served with, by the names of azure-storage-blob's ``ContentSettings``."""


class CopyChoice(StrEnum):
    """What is to become of one blob."""

    CREATE = "create"
    REPLACE = "replace"
    REPLACE_OWN = "replace-own"
    """As ``replace``; what is written over is no copy, but what the source's blob was made after."""

    SAME = "same"
    LEAVE = "leave"


class Chosen(NamedTuple):
    """A choice, and why, if the blob is left as it is although it differs."""

    choice: CopyChoice
    why: str = ""


class CopiedBack(NamedTuple):
    """What is known to have been copied the other way: from what is the target now to what is the source now."""

    before: datetime
    """What lay in the target at this time, and was not written since, was copied to the source."""

    left: frozenset[str] = frozenset()
    """Names of blobs for which that is not so."""


def copied_back(other: CopyRecord, here: str, there: str) -> CopiedBack | None:
    """What the last complete pass of the other direction says; None if that is nothing, or of other places.

    Args:
        other: the record of the direction from the target to the source.
        here: account and container of the source.
        there: those of the target.
    """
    last = other.last
    if last is None or last.left_out > len(last.left):
        return None
    if (other.here.casefold(), other.there.casefold()) != (there.casefold(), here.casefold()):
        return None
    return CopiedBack(last.begun - SKEW, frozenset(each.name for each in last.left))


def choose(
    source: BlobFacts, target: BlobFacts | None, here: str, there: str, back: CopiedBack | None = None
) -> Chosen:
    """Whether a blob is copied.

    Danger: what somebody else wrote to the target may be the only one of its kind. It is written over in one case
    alone: it was copied to the source, nobody has written it since, and somebody has written over that copy. Then
    what lies in the source was made after it, by whoever worked there; what lies in the target is older, and was seen
    by them.

    Args:
        source: the blob.
        target: what the target holds under its name; None for nothing.
        here: account and container of the source, as ``ContainerPlace.spelt``.
        there: those of the target.
        back: what was copied from the target to the source; None if nothing is known of that.
    """
    if target is None:
        return Chosen(CopyChoice.CREATE)
    if is_from(source.metadata, there):
        return Chosen(CopyChoice.SAME)  # the source's own is the copy: what lies there is what it was made from
    if not is_from(target.metadata, here):
        return _choose_over_own(source, target, back)
    if target.metadata.get(ETAG) == source.etag:
        return Chosen(CopyChoice.SAME)
    if target.modified > source.modified:
        return Chosen(CopyChoice.LEAVE, "what lies there is newer")
    if target.metadata.get(SIZE) != str(target.size):
        return Chosen(CopyChoice.LEAVE, "what lies there was changed after it was copied")
    return Chosen(CopyChoice.REPLACE)


def _choose_over_own(source: BlobFacts, target: BlobFacts, back: CopiedBack | None) -> Chosen:
    """The same where the target's blob is no copy of ours."""
    if back is None or target.name in back.left:
        return Chosen(CopyChoice.LEAVE, "what lies there was not written by hubswitch")
    if target.modified >= back.before:
        return Chosen(CopyChoice.LEAVE, "both sides have written it since it was copied; choose one of them by hand")
    if target.modified > source.modified:
        return Chosen(CopyChoice.LEAVE, "what lies there is newer")
    return Chosen(CopyChoice.REPLACE_OWN)


def is_from(metadata: Mapping[str, str], place: str) -> bool:
    """Whether a blob with this metadata is a copy from a place."""
    return metadata.get(FROM, "").casefold() == place.casefold()


def metadata_of_copy(source: BlobFacts, here: str) -> dict[str, str]:
    """The metadata of a copy: the source's, and where it came from."""
    own = {FROM: here, ETAG: source.etag, SIZE: str(source.size)}
    return {name: value for name, value in source.metadata.items() if name not in OWN} | own


class LeftBlob(Value, kw_only=True):
    """A blob that was not copied."""

    name: str
    why: str


class Piecemeal(Value, kw_only=True):
    """A large blob of which some pieces have been copied."""

    name: str
    etag: str
    done: int
    """Bytes."""

    restarts: int = 0
    """How often it was begun anew because the source had changed."""


class PassProgress(Value, kw_only=True):
    """A pass that is under way."""

    begun: Moment
    since: Moment | None
    """Blobs that were written before this are passed over; None: none is."""

    again: tuple[str, ...] = ()
    """Names that are looked at all the same: the pass before left them out."""

    page: str = ""
    """Where the list goes on, as the store gave it; empty for its beginning."""

    there_page: str = ""
    """The same of the target's list, which is read beside it by a pass that looks at every blob."""

    after: str = ""
    """The last name of that page that is done."""

    piecemeal: Piecemeal | None = None
    seen: int = 0
    copied: int = 0
    copied_bytes: int = 0
    replaced_own: int = 0
    left: tuple[LeftBlob, ...] = ()
    left_out: int = 0


class CompletePass(Value, kw_only=True):
    """A pass that came to its end."""

    begun: Moment
    ended: Moment
    epoch: int
    """The one in which it was made."""

    whole_at: Moment
    """Begin of the newest pass that looked at every blob."""

    seen: int
    copied: int
    copied_bytes: int
    replaced_own: int = 0
    """How many of the copied were put over the target's own older ones (``CopyChoice.REPLACE_OWN``)."""

    left: tuple[LeftBlob, ...] = ()
    left_out: int = 0
    """How many were not copied; ``left`` names the first of them."""


class CopyRecord(Value, kw_only=True):
    """The blob ``<pair>/copies/<key>/<source>.json``: one copy in one direction."""

    schema: int = SCHEMA
    name: str
    """As people know the copy."""

    source: Role
    here: str = ""
    there: str = ""
    epoch: int = 0
    """The one in which ``under_way`` was begun."""

    under_way: PassProgress | None = None
    last: CompletePass | None = None
    holder: str = ""
    """Who works on it; empty for nobody."""

    busy_until: Moment | None = None
    """Until when the holder writes at the most."""

    trouble: str = ""
    """Why it does not go on; empty if it does."""

    trouble_since: Moment | None = None
    rests_until: Moment | None = None

    def is_busy(self, now: datetime, holder: str = "") -> bool:
        """Whether somebody else may be writing."""
        return self.busy_until is not None and now < self.busy_until and self.holder != holder

    def is_due(self, now: datetime, every: timedelta) -> bool:
        """Whether there is something to do now, as far as time goes."""
        if self.rests_until is not None and now < self.rests_until:
            return False
        return self.under_way is not None or self.last is None or now >= self.last.begun + every


def begin_pass(state: CopyRecord, epoch: int, now: datetime) -> CopyRecord:
    """The state with a pass under way: the one that is, or a new one if that was begun in another epoch."""
    if state.under_way is not None and state.epoch == epoch:
        return state
    last = state.last
    if last is None or last.epoch != epoch or now - last.whole_at >= WHOLE or last.left_out > len(last.left):
        fresh = PassProgress(begun=now, since=None)
    else:
        again = tuple(sorted(each.name for each in last.left))
        fresh = PassProgress(begun=now, since=last.begun - SKEW, again=again)
    return msgspec.structs.replace(state, epoch=epoch, under_way=fresh)


def is_candidate(progress: PassProgress, blob: BlobFacts) -> bool:
    """Whether a pass looks at a blob: it was written since the last one, or left out by it."""
    return progress.since is None or blob.modified >= progress.since or blob.name in progress.again


def leave_out(progress: PassProgress, name: str, why: str) -> PassProgress:
    """The progress with one more blob that was not copied."""
    left = progress.left if len(progress.left) >= LISTED else (*progress.left, LeftBlob(name=name, why=why))
    return msgspec.structs.replace(progress, left=left, left_out=progress.left_out + 1)


def end_pass(state: CopyRecord, now: datetime) -> CopyRecord:
    """The state after the list has come to its end."""
    done = state.under_way
    if done is None:
        return state
    whole_at = done.begun if done.since is None or state.last is None else state.last.whole_at
    ended = CompletePass(
        begun=done.begun,
        ended=now,
        epoch=state.epoch,
        whole_at=whole_at,
        seen=done.seen,
        copied=done.copied,
        copied_bytes=done.copied_bytes,
        replaced_own=done.replaced_own,
        left=done.left,
        left_out=done.left_out,
    )
    return msgspec.structs.replace(state, under_way=None, last=ended)


def stop_with(state: CopyRecord, why: str, now: datetime, rest: timedelta) -> CopyRecord:
    """The state of a copy that cannot go on now."""
    since = state.trouble_since if state.trouble and state.trouble_since else now
    return msgspec.structs.replace(state, trouble=why, trouble_since=since, rests_until=now + rest)


def go_on(state: CopyRecord) -> CopyRecord:
    """The state of a copy that goes on."""
    return msgspec.structs.replace(state, trouble="", trouble_since=None, rests_until=None)


class CopyLine(Value, kw_only=True):
    """One copy as people see it. ``seconds`` is what would be lost now at the most; null if nothing is known."""

    name: str
    here: str = ""
    there: str = ""
    state: str
    """``waiting`` for its first pass, ``copying``, ``copied`` or ``trouble``."""

    seconds: float | None = None
    """Age of the beginning of the last complete pass."""

    target_s: float | None = None
    met: bool | None = None
    copied: int = 0
    """Blobs that the last complete pass copied."""

    replaced_own: int = 0
    """How many of them were rewritten on this side and took the place of the other side's own older ones."""

    left_out: int = 0
    left: tuple[LeftBlob, ...] = ()
    why: str = ""

    @property
    def needs_a_hand(self) -> bool:
        """Whether somebody has to look at it: it is in trouble, too old, or lacks blobs."""
        return self.state == "trouble" or self.met is False or self.left_out > 0


SHOWN = 5
"""Blobs that were left out, as many as people are shown."""


def line_of(name: str, state: CopyRecord | None, target: timedelta | None, now: datetime) -> CopyLine:
    """How one copy stands now."""
    target_s = target.total_seconds() if target else None
    if state is None:
        return CopyLine(name=name, state="waiting", target_s=target_s, met=None, why="no pass has been made yet")
    last = state.last
    seconds = max((now - last.begun).total_seconds(), 0.0) if last else None
    word = "trouble" if state.trouble else "copying" if state.under_way else "copied" if last else "waiting"
    return CopyLine(
        name=name,
        here=state.here,
        there=state.there,
        state=word,
        seconds=seconds,
        target_s=target_s,
        met=is_met(seconds, last.left_out if last else 0, target),
        copied=last.copied if last else 0,
        replaced_own=last.replaced_own if last else 0,
        left_out=last.left_out if last else 0,
        left=last.left[:SHOWN] if last else (),
        why=state.trouble,
    )


def is_met(seconds: float | None, left_out: int, target: timedelta | None) -> bool | None:
    """Whether a target is met; None without one, and where it cannot be known.

    What was left out is not in the target at all: then no age says that enough is there.
    """
    if target is None or seconds is None:
        return None
    if seconds > target.total_seconds():
        return False
    return None if left_out else True
