"""Taking jobs into the ledger while their hub answers: from events, and from a reconciling list.

After an outage it is too late: the region that is down cannot say what ran in it.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec

from orchestrator import telemetry
from orchestrator.core.base.errors import Conflict, HubswitchError, NotFound, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import record_changes
from orchestrator.core.jobs.next_move import CaptureFacts, JobAction, JobMove, lacks_assets, next_move
from orchestrator.core.jobs.record import JobRecord
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.assets import AssetCopier, replicate_closure
from orchestrator.workflows.messages import CaptureOrder, CaptureReport

LOG = telemetry.logger("jobs")

WORKERS = 4
"""Jobs of one order under way at once. Orders have few places in a process, so that a switch finds one; each waits for
the network most of its time."""

LONGEST = timedelta(minutes=4)
"""Time after which an activity begins no further job: less than half of ``functionTimeout`` in ``host.json``."""

API_VERSIONS = {
    "command": "2025-01-01-preview",
    "pipeline": "2024-01-01-preview",
    "sweep": "2024-01-01-preview",
    "automl": "2024-01-01-preview",
    "finetuning": "2024-10-01-preview",
    "spark": "2023-04-01-preview",
}
"""What azure-ai-ml 1.35 uses to submit each type; a job is submitted again with the version that it came with."""

DEFAULT_API_VERSION = "2025-01-01-preview"


def capture_jobs(world: World, order: CaptureOrder) -> CaptureReport:
    """Bring the ledger up to date about these jobs.

    One job that fails does not stop the others. After ``LONGEST`` no further one is begun: Azure ends a function that
    takes too long, and what it had done would be unknown.

    Raises:
        HubswitchError: nothing at all could be captured; the first reason.
    """
    taker = Taker(world, world.plans[order.pair], order.side)
    until = world.clock.now() + LONGEST

    def take(number: int) -> str | HubswitchError:
        if number and world.clock.now() >= until:
            return "left"
        name = order.jobs[number]
        try:
            return taker.take(name, order.told)
        except HubswitchError as fault:
            return fault
        except Exception as fault:
            LOG.exception("%s of %s could not be captured", name, order.pair)
            return TemporaryError(f"{name}: {type(fault).__name__}: {fault}")

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        became = list(pool.map(take, range(len(order.jobs))))
    faults = [one for one in became if isinstance(one, HubswitchError)]
    if faults and len(faults) == len(order.jobs):
        raise faults[0]
    count = Counter(one for one in became if isinstance(one, str))
    return CaptureReport(
        captured=count["captured"],
        finished=count["finished"],
        known=count["known"],
        failed=len(faults),
        why=str(faults[0]) if faults else "",
        left=tuple(name for name, one in zip(order.jobs, became, strict=True) if one == "left"),
    )


class Taker:
    """Takes single jobs of one side into the ledger. Safe to share between threads."""

    def __init__(self, world: World, plan: Plan, side: Role) -> None:
        self._world = world
        self._plan = plan
        self._side = side
        self._ledger = world.ledgers[plan.pair]
        self._assets = AssetCopier(world, plan, side)

    def take(self, name: str, told: str = "") -> str:
        """Bring the ledger up to date about one job: ``captured``, ``finished`` or ``known``.

        Args:
            name: the job's.
            told: Azure ML's word in an event about it; empty if there was none.
        """
        found = self._ledger.read(self._plan.pair, name)
        record = found.value if found else None
        facts = CaptureFacts(now=self._world.clock.now(), side=self._side, told=told)
        move, silence = next_move(record, facts), None
        if move.do is JobAction.ASK:
            facts, silence = self._ask(name, facts)
            move = next_move(record, facts)
        if move.do is JobAction.TRY_LATER:
            raise silence or TemporaryError(move.why)
        if found is None:
            return self._capture(name, facts.job) if move.do is JobAction.CAPTURE and facts.job else "known"
        if move.do is JobAction.COMPLETE:
            return self.complete(found)
        return self._change(found, move, facts.job or {})

    def _ask(self, name: str, facts: CaptureFacts) -> tuple[CaptureFacts, TemporaryError | None]:
        """The facts with what the hub shows, and why it did not answer if it did not."""
        asked = msgspec.structs.replace(facts, asked=True)
        try:
            return msgspec.structs.replace(asked, job=self._world.jobs.get(self._plan.side(self._side), name)), None
        except NotFound:
            return asked, None
        except TemporaryError as fault:
            return msgspec.structs.replace(asked, silent=True), fault

    def _capture(self, name: str, job: dict[str, Any]) -> str:
        record = replicate_closure(self._assets, record_of(self._plan, self._side, name, job, self._world))
        if record.incomplete:
            record = record_changes.note_assets(record, record.incomplete, record.captured_at)
        try:
            self._ledger.create(record)
        except Conflict:
            return "known"
        return "captured"

    def _change(self, found: Versioned[JobRecord], move: JobMove, job: dict[str, Any]) -> str:
        record, now = found.value, self._world.clock.now()
        if move.do is JobAction.SETTLE:
            settled = record_changes.settle(self._plan, record, job, now)
            self.complete(Versioned(settled, self._ledger.replace(settled, found.etag)))
            return "captured"
        if move.do is JobAction.CLOSE:
            self._ledger.replace(record_changes.close_unsubmitted(record, move.why, now), found.etag)
            return "finished"
        if move.do is JobAction.FINISH:
            self._ledger.replace(record_changes.finish(record, move.azure_status, now), found.etag)
            return "finished"
        return "known"

    def complete(self, found: Versioned[JobRecord]) -> str:
        """Keep and recreate what could not be when the job was captured; ``captured`` if nothing lacks any more."""
        record = found.value
        if not lacks_assets(record):
            return "known"
        tried = replicate_closure(self._assets, record)
        if not tried.incomplete:
            why = "its assets are on the other side now"
            tried = record_changes.note_assets(tried, why, self._world.clock.now())
        if tried != record:
            self._ledger.replace(tried, found.etag)
        return "known" if tried.incomplete else "captured"


def record_of(plan: Plan, side: Role, name: str, job: dict[str, Any], world: World) -> JobRecord:
    """The first record of a job, with the API version that its type is submitted with."""
    version = API_VERSIONS.get(_job_type(job), DEFAULT_API_VERSION)
    return record_changes.capture(plan, side, name=name, job=job, api_version=version, now=world.clock.now())


def _job_type(job: dict[str, Any]) -> str:
    found = (job.get("properties") or {}).get("jobType")
    return found.casefold() if isinstance(found, str) else ""
