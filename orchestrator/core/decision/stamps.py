"""What all stamps of a deployment keep in common, beside the epoch records: pauses, drills, and what each sees.

==========================================  ===============  ====================================
path in the ledger's container              record           written by
==========================================  ===============  ====================================
``_shared/pause.json``                      ``PauseRecord``  the command, for every pair
``_shared/leader.json``                     ``LeaderRecord``  the leader at each pass, or a follower that takes over
``_shared/pairs/<pair>/pause.json``         ``PauseRecord``  the command, for one pair
``_shared/pairs/<pair>/drills.json``        ``DrillLog``     a drill that went well, at its end
``_shared/pairs/<pair>/views/<s>.json``     ``StampView``    the stamp ``s``, after its looks
``_shared/pairs/<pair>/readiness.json``     ``ReadinessStanding``     each look at the standby
``_shared/pairs/<pair>/look-wanted.json``   ``WantedLook``   a delivered change of something of it
==========================================  ===============  ====================================

No pair's name begins with an underscore. Pauses and drills decide whether anything may be switched: what of them
cannot be read holds. Another stamp may be down with its region: what of its view cannot be read is told, and no more.
So is a record of how ready the standby is: it counts as one that was never read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from orchestrator.core.base.codec import SCHEMA, Moment, Record, Value, read_record
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.text import truncate
from orchestrator.core.base.vocabulary import EvidenceClass, Phase, Role
from orchestrator.core.decision.leadership import Leadership
from orchestrator.core.decision.standing import ReadinessStanding, WantedLook
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.policy import DRILLS_KEPT, Policy

ROOT = "_shared/"
PAUSE_ALL = f"{ROOT}pause.json"
LEADER = f"{ROOT}leader.json"
"""Who leads, in this container: see ``orchestrator.core.decision.leadership``."""

VIEWS_LIMIT = 4
"""Views of other stamps that a pair keeps: those that looked last."""

DELIVERED = frozenset({EvidenceClass.METRICS, EvidenceClass.NOTICE})
"""Classes that nobody asks: they are well as long as nothing bad is known."""

LATEST_PART = 3
"""Part of the evidence's lifetime after which a view that has not changed is written again."""


class PauseRecord(Record, kw_only=True):
    """The newest pause, or its end. Written over what was read, with a later time than that."""

    schema: int = SCHEMA
    paused: bool
    at: Moment
    by: str
    reason: str


class GreenDrill(Record, kw_only=True):
    """A drill of which every check went well."""

    drill: str
    kind: str
    at: Moment


class DrillLog(Record, kw_only=True):
    schema: int = SCHEMA
    green: tuple[GreenDrill, ...]
    """Newest last."""


class StampView(Record, kw_only=True):
    """What one stamp makes of a pair."""

    schema: int = SCHEMA
    stamp: str
    looked_at: Moment
    phase: Phase
    active: Role
    epoch: int
    bad: dict[Role, tuple[EvidenceClass, ...]]
    well: dict[Role, tuple[EvidenceClass, ...]]
    """Classes of which every part answered well when it was asked last. What is in neither could not be told."""


class Shared(Value, kw_only=True):
    """What was read of all this for one pair. None where it was not read, or is not there."""

    pause_all: PauseRecord | None = None
    pause: PauseRecord | None = None
    drills: tuple[GreenDrill, ...] | None = None
    views: tuple[StampView, ...] | None = None
    readiness: ReadinessStanding | None = None
    leadership: Leadership | None = None
    """Who acts for the pair, by the last pass over the leader's record."""

    caution: str | None = None
    """What could not be read, and does not hold."""


def pause_path(pair: str | None) -> str:
    """Where the pause of a pair is kept; that of every pair for None."""
    return f"{ROOT}pairs/{pair}/pause.json" if pair else PAUSE_ALL


def drills_path(pair: str) -> str:
    return f"{ROOT}pairs/{pair}/drills.json"


def views_prefix(pair: str) -> str:
    return f"{ROOT}pairs/{pair}/views/"


def view_path(pair: str, stamp: str) -> str:
    return f"{views_prefix(pair)}{stamp}.json"


def readiness_path(pair: str) -> str:
    return f"{ROOT}pairs/{pair}/readiness.json"


def wanted_path(pair: str) -> str:
    return f"{ROOT}pairs/{pair}/look-wanted.json"


def read_shared(files: Mapping[str, bytes], pair: str, stamp: str) -> Shared:
    """What the files of one container say of a pair, seen from one stamp.

    Raises:
        InvalidInput: a pause, or the log of drills, cannot be read; names it.
    """
    log = _read(files, drills_path(pair), DrillLog)
    views, caution = _views(files, pair, stamp)
    standing, unread = read_standing(files, pair)
    return Shared(
        pause_all=_read(files, PAUSE_ALL, PauseRecord),
        pause=_read(files, pause_path(pair), PauseRecord),
        drills=log.green if log else (),
        views=views,
        readiness=standing,
        caution="; ".join(filter(None, (caution, unread))) or None,
    )


def read_standing(files: Mapping[str, bytes], pair: str) -> tuple[ReadinessStanding | None, str | None]:
    """What the last look at the standby came to, or why that cannot be read."""
    try:
        return _read(files, readiness_path(pair), ReadinessStanding), None
    except InvalidInput as fault:
        return None, truncate(f"how ready the standby is: {fault}")


def read_wanted(files: Mapping[str, bytes], pair: str) -> WantedLook | None:
    """When a look was wanted last; None if that cannot be read: the next one comes by itself."""
    try:
        return _read(files, wanted_path(pair), WantedLook)
    except InvalidInput:
        return None


def with_green(log: DrillLog | None, drill: GreenDrill) -> DrillLog:
    """The log with one more drill, once; only the newest are kept."""
    before = [] if log is None else [kept for kept in log.green if kept.drill != drill.drill]
    return DrillLog(green=tuple(sorted([*before, drill], key=lambda kept: kept.at)[-DRILLS_KEPT:]))


def green_count(drills: Iterable[datetime], now: datetime, policy: Policy) -> int:
    """How many drills count at a moment."""
    return sum(now - at <= policy.drill_age for at in drills)


def pause_to_write(before: PauseRecord | None, wanted: PauseRecord) -> PauseRecord:
    """What is to be written over a record: never of an earlier time, whatever the clock of the writer says."""
    if before is None or wanted.at > before.at:
        return wanted
    return msgspec.structs.replace(wanted, at=before.at + timedelta(microseconds=1))


def is_to_be_written(view: StampView, last: StampView | None, policy: Policy) -> bool:
    """Whether others should hear of a view: it is another than the last one told, or that one grows old."""
    if last is None:
        return True
    changed = msgspec.structs.replace(view, looked_at=last.looked_at) != last
    return changed or view.looked_at - last.looked_at >= policy.evidence_lifetime / LATEST_PART


def view_of(stamp: str, looked_at: datetime, *, phase: Phase, active: Role, epoch: int, seen: Assessment) -> StampView:
    """What a stamp tells the others."""
    return StampView(
        stamp=stamp,
        looked_at=looked_at,
        phase=phase,
        active=active,
        epoch=epoch,
        bad={role: seen.bad(role) for role in Role},
        well={role: tuple(c for c in EvidenceClass if _is_well(seen, role, c)) for role in Role},
    )


def _is_well(seen: Assessment, role: Role, evidence_class: EvidenceClass) -> bool:
    if evidence_class in DELIVERED:
        return seen.of(role, evidence_class).observation is None
    return seen.answers_well(role, evidence_class)


def _views(files: Mapping[str, bytes], pair: str, stamp: str) -> tuple[tuple[StampView, ...], str | None]:
    own, found, broken = view_path(pair, stamp), [], []
    for path in files:
        if path.startswith(views_prefix(pair)) and path != own:
            try:
                view = _read(files, path, StampView)
            except InvalidInput as fault:
                broken.append(str(fault))
            else:
                found += [view] if view else []
    newest = sorted(found, key=lambda view: view.looked_at, reverse=True)[:VIEWS_LIMIT]
    return tuple(newest), truncate(f"another stamp's view: {broken[0]}") if broken else None


def _read[T: (PauseRecord, DrillLog, StampView, ReadinessStanding, WantedLook)](
    files: Mapping[str, bytes], path: str, shape: type[T]
) -> T | None:
    data = files.get(path)
    return None if data is None else read_record(data, shape, path)
