"""What a rewriting reports: shapes of the contract, and the place where they are collected."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.jobs.rewrite.rules import Need


class Replacement(Value, kw_only=True):
    """A whole value that became another one."""

    path: str
    from_: str = msgspec.field(name="from")
    to: str


class Stayed(Value, kw_only=True):
    """A value that stays as it is: by right (``kept``), or because the map does not know (``unmapped``)."""

    path: str
    value: Any
    why: str


class Needed(Value, kw_only=True):
    """Something that must exist in the other hub before the job is put there, by the id that it has there."""

    kind: str
    id: str


class Rewrite(Value, kw_only=True):
    """A body for the other workspace, with an account of every reference in it."""

    body: dict[str, Any]
    rewritten: tuple[Replacement, ...] = ()
    kept: tuple[Stayed, ...] = ()
    needs: tuple[Needed, ...] = ()
    unmapped: tuple[Stayed, ...] = ()
    notes: tuple[str, ...] = ()


class Findings:
    """Collects what is found on the way through a body."""

    def __init__(self) -> None:
        self.changes: dict[str, Replacement] = {}
        self.kept: dict[str, Stayed] = {}
        self.unmapped: dict[str, Stayed] = {}
        self.needs: dict[str, Needed] = {}
        self.notes: list[str] = []
        self.places: dict[str, list[str]] = {}
        """Pointers of values that one and the same remark is about, by remark."""

    def changed(self, path: str, old: str, new: str) -> None:
        self.changes[path] = Replacement(path=path, from_=old, to=new)

    def keep(self, path: str, value: Any, why: str) -> None:
        self.kept.setdefault(path, Stayed(path=path, value=value, why=why))

    def miss(self, path: str, value: Any, why: str) -> None:
        self.unmapped.setdefault(path, Stayed(path=path, value=value, why=why))

    def need(self, need: Need) -> None:
        self.needs.setdefault(need.id.casefold(), Needed(kind=need.kind, id=need.id))

    def remark(self, what: str, path: str) -> None:
        """Note something about a place; one note is made of all places with the same remark."""
        self.places.setdefault(what, []).append(path)

    def result(self, body: dict[str, Any]) -> Rewrite:
        said = (f"{what}: {', '.join(places)}" for what, places in self.places.items())
        return Rewrite(
            body=body,
            rewritten=tuple(self.changes.values()),
            kept=tuple(self.kept.values()),
            needs=tuple(self.needs.values()),
            unmapped=tuple(self.unmapped.values()),
            notes=(*self.notes, *said),
        )
