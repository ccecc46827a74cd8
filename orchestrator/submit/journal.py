"""Submission as the ledger sees it: where to, written down ahead, completed afterwards, and healed if neither.

The program that submits may die at any point. Ahead of the submission the record says ``submitting``; the
reconciling timer asks the hub for that name and completes the record, or closes it when the job never arrived; and a
run that leaves the hub meanwhile moves it like every other job, under the one name that follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from orchestrator.core.base.errors import Conflict, HubswitchError, NotFound, NotNow
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import PointerValue, describe_other_hub
from orchestrator.core.jobs import record_changes
from orchestrator.core.jobs.next_move import lacks_assets
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.jobs.record_changes import UNSETTLED, check_same, why_not
from orchestrator.core.jobs.same_job import differing
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.assets import AssetCopier, replicate_closure
from orchestrator.workflows.activities.conflict import while_it_conflicts


class Destination(NamedTuple):
    """Where jobs go now, and who said so."""

    side: Role
    epoch: int
    read_from: str
    """Endpoint of the store that answered."""

    note: str = ""
    """What was wrong with the endpoints asked before it, and when there is no pointer yet."""


def destination(world: World, plan: Plan) -> Destination:
    """The active side, from the first endpoint of the pointer's store that answers.

    Raises:
        HubswitchError: no endpoint answers, or what it holds cannot be read; the first reason.
        NotNow: the pointer names another hub than the plan means by that side.
    """
    first: HubswitchError | None = None
    for endpoint in (plan.pointer.endpoint, *plan.pointer.replicas):
        try:
            value = world.pointers[plan.pair].read_from(plan.pair, endpoint)
        except HubswitchError as fault:
            first = first or fault
            continue
        _must_mean_the_plan(plan, endpoint, value)
        return _destination(plan, endpoint, value, str(first) if first else "")
    raise first or NotNow(f"the plan of {plan.pair} names no endpoint of a pointer")


def _must_mean_the_plan(plan: Plan, endpoint: str, value: PointerValue | None) -> None:
    why = value and describe_other_hub(plan, value.active, value, f"the pointer of epoch {value.epoch} on {endpoint}")
    if why:
        raise NotNow(why)


def _destination(plan: Plan, endpoint: str, value: PointerValue | None, note: str) -> Destination:
    if value is None:
        return Destination(Role.PRIMARY, 0, endpoint, note or f"{plan.pair} has no pointer yet; its primary is used")
    return Destination(value.active, value.epoch, endpoint, note)


class Submissions:
    """The records of one pair's submissions by one program. Safe to share between threads."""

    def __init__(self, world: World, plan: Plan, by: str) -> None:
        self._world = world
        self._plan = plan
        self._by = by
        self._ledger = world.ledgers[plan.pair]

    def side_of(self, project_id: str) -> Role | None:
        """The side whose project an ARM id names; None if it is none of this pair's, a hub itself included."""
        wanted = project_id.casefold()
        return next((role for role in Role if self._plan.side(role).project_id.casefold() == wanted), None)

    def moved(self, side: Role) -> str:
        """What is to be said if jobs do not go to that side now; empty if they do."""
        now = destination(self._world, self._plan)
        if now.side is side:
            return ""
        return f"the active hub of {self._plan.pair} is the {now.side} since epoch {now.epoch}; this goes to the {side}"

    def ahead(self, side: Role, name: str, body: Mapping[str, Any], api_version: str) -> None:
        """Write down what is about to be submitted, and keep what it needs: its assets are in the hub already.

        A record that stands under this name for this hub is kept. Assets that cannot be kept now are tried again
        with the answer, and after that by the app.

        Raises:
            NotNow: the name is another hub's job, or that of a job that was moved.
            NameInUse: it is that of a job with another body.
        """
        draft = record_changes.write_ahead(
            self._plan,
            side,
            name=name,
            body=body,
            api_version=api_version,
            now=self._world.clock.now(),
            by=self._by,
        )
        while_it_conflicts(lambda: self._ahead(draft))
        with suppress(HubswitchError):
            AssetCopier(self._world, self._plan, side).keep(draft.closure)

    def _ahead(self, draft: JobRecord) -> None:
        found = self._ledger.read(self._plan.pair, draft.name)
        if found is None:
            self._ledger.create(draft)
            return
        trouble = why_not(found.value, draft.hub)
        if trouble:
            raise NotNow(trouble)
        check_same(found.value, draft.body)
        if found.value.status in UNSETTLED:
            self._ledger.replace(record_changes.write_ahead_again(found.value, draft), found.etag)

    def accepted(self, side: Role, name: str, job: Mapping[str, Any]) -> str:
        """Complete the record with the hub's answer, and keep what the job needs; what is still missing, or nothing."""
        while_it_conflicts(lambda: self._settle(side, name, job))
        return self._complete(side, name)

    def _settle(self, side: Role, name: str, job: Mapping[str, Any]) -> None:
        found = self._ledger.read(self._plan.pair, name)
        if found is None:
            raise NotNow(f"the record of {name} is gone")
        if found.value.status is JobStatus.RESUBMITTED:
            raise NotNow(f"{why_not(found.value, side)}; the job in the {side} runs beside it")
        if found.value.status in UNSETTLED:
            settled = record_changes.settle(self._plan, found.value, job, self._world.clock.now())
            self._ledger.replace(settled, found.etag)

    def _complete(self, side: Role, name: str) -> str:
        """Keep the assets of a job, and recreate them on the other side as far as this identity may."""
        found = self._ledger.read(self._plan.pair, name)
        if found is None or not lacks_assets(found.value):
            return ""
        tried = replicate_closure(AssetCopier(self._world, self._plan, side), found.value)
        why = tried.incomplete or "its assets are kept"
        try:
            self._ledger.replace(record_changes.note_assets(tried, why, self._world.clock.now()), found.etag)
        except Conflict:
            return ""
        return tried.incomplete

    def find_accepted(self, side: Role, name: str) -> Mapping[str, Any] | None:
        """The job that a hub has under a name, if it is the one that was written down; None if not.

        Raises:
            HubswitchError: the hub or the ledger cannot be asked.
        """
        try:
            job = self._world.jobs.get(self._plan.side(side), name)
        except NotFound:
            return None
        found = self._ledger.read(self._plan.pair, name)
        return job if found is not None and not differing(found.value.body, job) else None

    def refused(self, name: str, why: str) -> None:
        """Note that the hub did not take the job: it said so itself."""
        while_it_conflicts(lambda: self._refuse(name, why))

    def _refuse(self, name: str, why: str) -> None:
        found = self._ledger.read(self._plan.pair, name)
        if found and found.value.status is JobStatus.SUBMITTING:
            closed = record_changes.close_unsubmitted(found.value, why, self._world.clock.now())
            self._ledger.replace(closed, found.etag)

    def read(self, name: str) -> Versioned[JobRecord] | None:
        return self._ledger.read(self._plan.pair, name)
