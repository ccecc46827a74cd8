"""Bringing one deleted resource back, and keeping what a recovery came to. Each may be repeated at any time."""

from __future__ import annotations

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import NotFound, TemporaryError
from orchestrator.core.base.text import format_time
from orchestrator.core.evidence.audit_notes import end_note
from orchestrator.core.ledger_paths import recovery_path
from orchestrator.core.standby.inventory import code_of, dig
from orchestrator.core.standby.recovery import read_soft_deleted, row_by_type
from orchestrator.ports import World
from orchestrator.workflows.activities.audit_log import append
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.recovery_messages import RecoverAnswer, RecoverStep, RecoveryReport

READY = frozenset({"", "succeeded"})
"""States of what is there. Vaults and registries of models show others on the way."""


def recover_resource(world: World, step: RecoverStep) -> RecoverAnswer:
    """Look where a resource stands, and ask for it if it is kept and was not asked for yet.

    Raises:
        HubswitchError: it could not be looked at, or the call was refused; to be tried again.
    """
    item = step.item
    try:
        state = world.deleted.state(item.resource)
    except NotFound:
        return _ask(world, step)
    if state in READY:
        return RecoverAnswer(state="there", why="it is there")
    return RecoverAnswer(state="coming", why=f"it is {state}")


def _ask(world: World, step: RecoverStep) -> RecoverAnswer:
    item = step.item
    if item.deadline is not None and world.clock.now() >= item.deadline:
        return RecoverAnswer(state="absent", why=f"it could be recovered until {format_time(item.deadline)}")
    lists = world.deleted.kept(item.resource.split("/")[2])
    row = row_by_type(item.resource)
    listed = lists.get(row.listed) if row else None
    if code_of(listed):
        raise TemporaryError(f"what is kept of {item.resource} cannot be read: {dig(listed, 'error.message')}")
    if item.body is None or item.resource.casefold() not in read_soft_deleted(lists):
        # A call that would find nothing kept makes an empty resource under the name.
        return RecoverAnswer(state="absent", why="it is neither there nor kept by Azure")
    hub = world.plans[step.pair].side(item.role)
    world.deleted.recover(hub, item.resource, item.api_version, item.body)
    return RecoverAnswer(state="asked", why="it was asked for")


def finish_recovery(world: World, report: RecoveryReport) -> None:
    """Keep the report, and note the end in the audit log. A repeated step changes nothing."""
    ledger, path = world.ledgers[report.pair], recovery_path(report.pair, report.run)

    def keep() -> None:
        found = ledger.page(path)
        if found is None or found.value != encode(report):
            ledger.write_page(path, encode(report), found.etag if found else None)

    while_it_conflicts(keep)
    note = end_note(
        report.pair, report.run, report.ended_at, report.by, report.why, outcome=report.outcome, kind="recover"
    )
    append(ledger, report.pair, (note,))
