"""How the copies of a plan stand, from what is stored of them."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.base.codec import read_record
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.copy_state import CopyLine, CopyRecord, line_of
from orchestrator.core.ledger_paths import copy_path
from orchestrator.core.plan.data_copies import tasks_of
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Ledger


def copy_lines(ledger: Ledger, plan: Plan, source: Role, now: datetime) -> tuple[CopyLine, ...]:
    """A line for each copy that is made from a side; one whose record cannot be read is in trouble.

    Raises:
        HubswitchError: the ledger does not answer.
    """
    lines: list[CopyLine] = []
    for task in tasks_of(plan.data):
        path = copy_path(plan.pair, task.key, source)
        found = ledger.get(path)
        try:
            record = read_record(found, CopyRecord, path) if found is not None else None
        except InvalidInput as fault:
            lines.append(CopyLine(name=task.name, state="trouble", why=str(fault)))
            continue
        lines.append(line_of(task.name, record, plan.targets.rpo, now))
    return tuple(lines)
