"""The run that a job leaves behind in its old hub: asked about, and stopped before another one begins."""

from __future__ import annotations

from orchestrator.core.base.errors import Forbidden, HubswitchError, NotFound, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import record_changes
from orchestrator.core.jobs.azure_status import status_of
from orchestrator.core.jobs.next_move import JobMove, OldRunAnswer
from orchestrator.core.jobs.record import JobRecord
from orchestrator.core.jobs.record_changes import Acting
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Versioned, World


class SourceRun:
    """Asks about the old runs of one pair, and stops them."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._plan = plan

    def ask(self, record: JobRecord) -> OldRunAnswer:
        """What the job's hub says of its run; that it does not answer, or may not be asked, is an answer too."""
        try:
            return OldRunAnswer(status=status_of(self._world.jobs.get(self._plan.side(record.hub), record.name)))
        except NotFound:
            return OldRunAnswer()
        except TemporaryError as fault:
            return OldRunAnswer(fault=str(fault), retry_after=fault.retry_after)
        except Forbidden as fault:
            return OldRunAnswer(fault=str(fault))

    def hub_answers(self, side: Role) -> bool:
        """Whether a hub's management plane answers at all."""
        try:
            self._world.jobs.reachable(self._plan.side(side))
        except HubswitchError:
            return False
        return True

    def stop(self, found: Versioned[JobRecord], move: JobMove, target: Role, epoch: int) -> None:
        """Note that the run's end is asked for, then ask for it.

        Danger: in this order. An end that is seen and was not asked for finishes the job for good.

        Raises:
            TemporaryError, Forbidden: its end cannot be asked for now.
        """
        record = found.value
        if not record.stop_asked:
            why = f"it is stopped in the {record.hub} before it goes on in the {target}"
            noted = record_changes.ask_to_stop(record, why, Acting(epoch, self._world.clock.now()))
            self._world.ledgers[self._plan.pair].replace(noted, found.etag)
        if move.cancel:
            side, name = move.cancel
            self._world.jobs.cancel(self._plan.side(side), name)
