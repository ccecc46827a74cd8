"""The roles that the templates grant, asked about each request that reaches the simulated Azure."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bicepcheck.check import read_all
from bicepcheck.grants import Grant, Grants
from orchestrator.adapters.permissions import BY_HAND, Call, Where, Who, rows_for
from orchestrator.simulator.identity import EXECUTOR, PROBE, READER
from orchestrator.simulator.request_log import CONNECTION, LoggedRequest

ROOT = Path(__file__).parents[2]

WHO = {EXECUTOR: Who.EXECUTOR, PROBE: Who.PROBE, READER: Who.PROBE}
"""Whose rows count for an identity of the simulated Azure. The templates give the reader's work to the probe."""


class Permission(NamedTuple):
    """One permission of one identity at one kind of place."""

    who: Who
    needs: str
    where: Where


@cache
def grants_of_templates() -> tuple[Grant, ...]:
    """Every role assignment of ``infra/``."""
    found = Grants(read_all(ROOT / "infra", ROOT))
    assert found.findings == []
    return tuple(found.grants)


def rows_of(request: LoggedRequest) -> list[Call]:
    """Rows of a request of one of the app's identities; what people run locally carries the executor's token here."""
    who = WHO[str(request.principal)]
    found = rows_for(who, request.service, request.method, request.path)
    if not found and who is Who.EXECUTOR:
        return rows_for(Who.PERSON, request.service, request.method, request.path)
    return found


def is_ours(request: LoggedRequest) -> bool:
    """Whether an identity of the app sent it."""
    return request.principal in WHO and request.method != CONNECTION


class TemplateRoles:
    """``Roles`` of the simulated Azure: what ``infra/`` grants, less one permission where one is given.

    What a plan alone names is granted by hand (``BY_HAND``), so it is allowed here. ``refused`` has what was not.
    """

    def __init__(self, lost: Permission | None = None) -> None:
        self._lost = lost
        self._lock = threading.Lock()
        self.refused: list[LoggedRequest] = []

    def allow(self, request: LoggedRequest) -> bool:
        if not is_ours(request):
            return True
        allowed = any(self._is_granted(row) for row in rows_of(request))
        if not allowed:
            with self._lock:
                self.refused.append(request)
        return allowed

    def actions(self, client_id: str, place: str) -> Sequence[str]:
        if client_id not in WHO:
            return ["*"]
        where = Where.PROJECT if "/workspaces/" in place.lower() else Where.GROUP
        held = [
            action
            for grant in grants_of_templates()
            if (grant.who, grant.where) == (WHO[client_id].value, where)
            for action in grant.role.actions
        ]
        lost = self._lost
        if lost is None or (lost.who, lost.where) != (WHO[client_id], where):
            return held
        return [action for action in held if not fnmatchcase(lost.needs.casefold(), action.casefold())]

    def _is_granted(self, row: Call) -> bool:
        if row.who is Who.PERSON or row.where in BY_HAND:
            return True
        if self._lost == (row.who, row.needs, row.where):
            return False
        return any(
            (grant.who, grant.where) == (row.who.value, row.where) and grant.role.allows(row.needs, is_data=row.is_data)
            for grant in grants_of_templates()
        )
