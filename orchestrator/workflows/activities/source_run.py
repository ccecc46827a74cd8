"""The old run of a job that is to be submitted: whether it may run on, and its end before another one begins."""

from __future__ import annotations

import msgspec

from orchestrator.core.base.errors import Forbidden, HubswitchError, NotFound, TemporaryError
from orchestrator.core.jobs.azure_status import has_ended, status_of
from orchestrator.core.jobs.record import JobEvent, JobRecord, fell_with_its_region
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.ports import Versioned, World
from orchestrator.workflows.activities.outcome import Fate, Left
from orchestrator.workflows.messages import RunOrder

ASKED = "stopping"
"""What a record's history says once an old run's end was asked for. Written before the asking."""


class Halting:
    """Makes sure that a job does not run in two hubs where that can be known.

    An outage's first run asks nothing: the hub that is left does not answer, and its jobs have stopped. Asked are
    the hub that a person orders to be left, which may be well, and the hub of a job that has waited.
    """

    def __init__(self, world: World, plan: Plan, run: RunOrder, *, again: bool) -> None:
        self._world = world
        self._plan = plan
        self._run = run
        self._again = again

    def halt(self, found: Versioned[JobRecord]) -> None:
        """Return if the old run is over, or nothing says that it is not.

        Raises:
            Left: it came to an end of its own, or runs on and may.
            TemporaryError, Forbidden: its end was asked for and is not confirmed, or cannot be asked for.
        """
        if not (self._again or self._run.ordered):
            return
        record = found.value
        hub = self._plan.side(record.hub)
        status = self._status(record, hub)
        if not status:
            return
        if has_ended(status):
            self._check_end(record, status)
        elif self._run.ordered and self._run.source is not self._run.target:
            self._stop(found, hub, status)
        else:
            again_at = self._world.clock.now() + self._plan.jobs.retry
            raise Left(Fate.WAITING, f"its old run is still {status} in the {record.hub}", again_at)

    def _status(self, record: JobRecord, hub: Hub) -> str:
        """Azure ML's word for the old run; empty if there is none, or if its hub is as silent as in an outage."""
        try:
            return status_of(self._world.jobs.get(hub, record.name))
        except NotFound:
            return ""
        except (TemporaryError, Forbidden):
            if self._run.source is self._run.target or (self._run.ordered and self._answers(hub)):
                raise
            return ""

    def _check_end(self, record: JobRecord, status: str) -> None:
        """A job that completed, or that somebody cancelled, is not submitted again. What failed with its hub is."""
        if ends_for_us(record, status):
            return
        if status.casefold() == "failed" and (self._again or fell_with_its_region(record, self._run.doubted_since)):
            return
        raise Left(Fate.FINISHED, f"it ended in the {record.hub} as {status}", azure=status)

    def _stop(self, found: Versioned[JobRecord], hub: Hub, status: str) -> None:
        record = found.value
        if not was_asked(record):
            why = f"it is stopped in the {record.hub} before it goes on in the {self._run.target}"
            line = JobEvent(at=self._world.clock.now(), what=ASKED, why=why, epoch=self._run.epoch)
            noted = msgspec.structs.replace(record, history=(*record.history, line))
            self._world.ledgers[self._plan.pair].replace(noted, found.etag)
        if status.casefold() != "cancelrequested":
            self._world.jobs.cancel(hub, record.name)
        raise TemporaryError(f"its end in the {record.hub} is not confirmed yet, it is {status} there")

    def _answers(self, hub: Hub) -> bool:
        try:
            self._world.jobs.reachable(hub)
        except HubswitchError:
            return False
        return True


def ends_for_us(record: JobRecord, status: str) -> bool:
    """Whether an end in Azure ML's words is the one that we asked for: the job is to go on elsewhere."""
    return was_asked(record) and has_ended(status) and status.casefold() != "completed"


def was_asked(record: JobRecord) -> bool:
    """Whether the end of a record's run was asked for by us."""
    return any(line.what == ASKED for line in record.history)
