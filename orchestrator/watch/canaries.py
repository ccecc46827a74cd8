"""The canaries of all pairs: submitted once per span of time, looked at until they end, put away afterwards.

Their truth is in Azure: the names follow from pair, side and time, so a process that starts anew, or a second one,
finds the canary of this span instead of submitting another. What is kept here only spares questions.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import HubswitchError, NotFound
from orchestrator.core.base.vocabulary import Observation, Role
from orchestrator.core.jobs.azure_status import has_ended, is_ours, status_of
from orchestrator.core.plan.schema import Plan
from orchestrator.core.standby import canary
from orchestrator.core.standby.canary import CanaryStatus, Movement, Result
from orchestrator.ports import World

LOOKS = 4
"""Looks at a canary within its deadline."""

type Key = tuple[str, Role]


class Watched(Value, kw_only=True):
    """One side's newest canary, and what is known of it."""

    slot: datetime | None = None
    """None as long as none could be submitted."""

    name: str = ""
    submitted_at: datetime | None = None
    """When this process first had it from Azure: by one clock, so that no other's can make it late."""

    ended: bool = False
    heard_late: bool = False
    """Whether it was looked at after its deadline: not before may another take its place, or it is never judged."""

    result: Result | None = None
    ask_at: datetime


class Visit(NamedTuple):
    """One look after one side's canary."""

    world: World
    plan: Plan
    side: Role
    now: datetime
    may_submit: bool
    """False while a run of this pair needs our writes."""

    only_looks: bool = False
    """Another stamp leads, and submits: its canary is looked for under the name that ours would have."""

    @property
    def key(self) -> Key:
        return self.plan.pair, self.side

    @property
    def making_path(self) -> str:
        """Where the ledger keeps that a canary of this making has completed."""
        return f"{self.plan.pair}/canary/{self.side}/{canary.making_id(self.plan, self.side)}"


class Canaries:
    """What this process knows of canaries, and of how other jobs move. Safe to share between threads."""

    def __init__(self) -> None:
        self._watched: dict[Key, Watched] = {}
        self._moves: dict[Key, Movement] = {}
        self._proven: set[str] = set()
        self._busy: set[Key] = set()
        self._lock = threading.Lock()

    def due(self, plan: Plan, now: datetime) -> tuple[Role, ...]:
        """Sides about whose canary Azure should be asked now."""
        if not plan.canary.interval:
            return ()
        return tuple(r for r in Role if (w := self._watched.get((plan.pair, r))) is None or now >= w.ask_at)

    def result(self, plan: Plan, side: Role, now: datetime) -> Result | None:
        """What the newest canary says, unless that is too old."""
        watched = self._watched.get((plan.pair, side))
        if watched is None or watched.result is None or canary.is_stale(plan, watched.result, now):
            return None
        return watched.result

    def results(self, plan: Plan, now: datetime) -> Mapping[Role, Result | None]:
        return {role: self.result(plan, role, now) for role in Role}

    def remarks(self, plan: Plan, now: datetime) -> Mapping[Role, str]:
        """What is to be told of each side's jobs and not counted."""
        return {role: canary.standstill(self._moves.get((plan.pair, role)), now, plan.canary.waiting) for role in Role}

    def listed(self, plan: Plan, side: Role, statuses: Mapping[str, str], now: datetime) -> None:
        """Take note of a side's list of jobs: the status of each, by name."""
        key = plan.pair, side
        self._moves[key] = canary.listed(self._moves.get(key), statuses, now)

    def ask(self, visit: Visit) -> None:
        """Submit the canary of this span, or look at it. Never raises for what Azure does: that makes us blind."""
        with self._lock:
            if visit.key in self._busy:
                return
            self._busy.add(visit.key)
        try:
            self._watched[visit.key] = self._step(visit)
        finally:
            with self._lock:
                self._busy.discard(visit.key)

    def _step(self, visit: Visit) -> Watched:
        ask_at = visit.now + visit.plan.canary.deadline / LOOKS
        before = self._watched.get(visit.key) or Watched(ask_at=visit.now)
        try:
            watched, job = _ask(visit, before)
            if job is not None:
                watched = self._note_answer(visit, watched, job)
        except HubswitchError as fault:
            blind = Result(observation=Observation.BLIND, at=visit.now, why=f"no word of the canary: {fault}")
            watched = msgspec.structs.replace(before, result=blind)
        return msgspec.structs.replace(watched, ask_at=ask_at)

    def _note_answer(self, visit: Visit, watched: Watched, job: dict[str, Any]) -> Watched:
        status = status_of(job)
        if status.casefold() == "completed":
            self._prove(visit)
        if not has_ended(status):
            self._look_around(visit)
        moves = self._moves.get(visit.key)
        result = canary.judge_canary(
            visit.plan,
            CanaryStatus(status=status, submitted_at=watched.submitted_at or visit.now),
            visit.now,
            proven=self._is_proven(visit),
            moved_at=moves.moved_at if moves else None,
            before=watched.result,
        )
        late = watched.submitted_at is not None and visit.now - watched.submitted_at >= visit.plan.canary.deadline
        return msgspec.structs.replace(watched, ended=has_ended(status), heard_late=late, result=result)

    def _look_around(self, visit: Visit) -> None:
        """Take note of the side's newest jobs, unless somebody in this process just has.

        Where each timer has processes of its own, what the reconciliation has listed is not known here, and a canary
        that queues behind others would be taken for one that hangs.
        """
        known = self._moves.get(visit.key)
        if known is not None and visit.now - known.at < visit.plan.canary.deadline / LOOKS:
            return
        with contextlib.suppress(HubswitchError):
            page = next(iter(visit.world.jobs.pages(visit.plan.side(visit.side))), ())
            statuses = {job["name"]: status_of(job) for job in page if not is_ours(job)}
            self.listed(visit.plan, visit.side, statuses, visit.now)

    def _prove(self, visit: Visit) -> None:
        if visit.making_path not in self._proven:
            visit.world.ledgers[visit.plan.pair].put_once(visit.making_path, b"{}")
            self._proven.add(visit.making_path)

    def _is_proven(self, visit: Visit) -> bool:
        if (
            visit.making_path not in self._proven
            and visit.world.ledgers[visit.plan.pair].get(visit.making_path) is not None
        ):
            self._proven.add(visit.making_path)
        return visit.making_path in self._proven


def _ask(visit: Visit, before: Watched) -> tuple[Watched, dict[str, Any] | None]:
    """The canary to go by, and how it is, if there is anything to ask."""
    plan, side, now, jobs = visit.plan, visit.side, visit.now, visit.world.jobs
    hub = plan.side(side)
    ill = before.result is not None and before.result.observation is Observation.BAD
    slot = canary.slot_of(plan, side, now, ill=ill)
    if before.slot is not None and (slot <= before.slot or not (before.ended or before.heard_late)):
        return before, None if before.ended else jobs.get(hub, before.name)
    if not visit.may_submit:
        return before, None
    name = canary.name_of(plan, side, slot)
    if visit.only_looks:
        return _find(visit, before, slot, name)
    job = jobs.put(hub, name, canary.watch_body(plan, side, name), canary.API_VERSION)
    if before.name and before.name != name:
        _put_away(visit, before)
    begun = Watched(slot=slot, name=name, submitted_at=now, result=before.result, ask_at=now)
    return begun, job


def _find(visit: Visit, before: Watched, slot: datetime, name: str) -> tuple[Watched, dict[str, Any] | None]:
    """The canary that the leader has submitted for this span, if it has already."""
    try:
        job = visit.world.jobs.get(visit.plan.side(visit.side), name)
    except NotFound:
        return before, None
    found = Watched(slot=slot, name=name, submitted_at=visit.now, result=before.result, ask_at=visit.now)
    return found, job


def _put_away(visit: Visit, old: Watched) -> None:
    """Stop the canary before, if it still waits, and archive it. What fails here is tidiness only."""
    hub, jobs = visit.plan.side(visit.side), visit.world.jobs
    with contextlib.suppress(HubswitchError):
        if not old.ended:
            jobs.cancel(hub, old.name)
        body = canary.archive(canary.watch_body(visit.plan, visit.side, old.name))
        jobs.put(hub, old.name, body, canary.API_VERSION)
