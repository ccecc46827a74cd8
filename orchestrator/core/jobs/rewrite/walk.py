"""One way through a body: every string is read once, by the slot it stands in."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.core.jobs.rewrite.fields import (
    FIELDS,
    IDENTITY_FIELDS,
    LITERAL_FIELDS,
    NAME_TABLE,
    PORT_FIELDS,
    FieldUse,
)
from orchestrator.core.jobs.rewrite.json_pointer import child, fold_key
from orchestrator.core.jobs.rewrite.references import (
    NO_CLUSTER,
    Reference,
    is_binding,
    references,
    remainder_end,
    short_name,
)
from orchestrator.core.jobs.rewrite.report import Findings
from orchestrator.core.jobs.rewrite.rules import NO_ENTRY, Rules, RuleVerdict

_COMPUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]+")
_SIGNED = re.compile(r"[?&;]sig=", re.IGNORECASE)
_NO_NAME = frozenset({"true", "false", "none", "null", "auto"})
PORTABLE = "this resolves in the other workspace's own datastore; the data must have been copied there"
SIGNED = "the signature in this URI was made for another account or host; it must be made anew"
NAMED_COMPUTE = "this may be the name of a compute; the map does not list it"


class Walk:
    """Makes the new body and fills ``found``. The old body stays as it is."""

    def __init__(self, tables: Rules, compute_literals: frozenset[str] | set[str]) -> None:
        self.found = Findings()
        self._tables = tables
        self._compute_literals = compute_literals
        self._ids = {key.casefold() for key in tables.map.identities if "/" not in key}
        self._words = Words(tables)

    # -- objects

    def envelope(self, body: dict[str, Any]) -> dict[str, Any]:
        """The whole ARM body: its ``properties`` are a node, whatever else there is is plain."""
        return {
            key: self.node(item, "/properties")
            if key == "properties" and isinstance(item, dict)
            else self.value(item, child("", key), FieldUse.PLAIN)
            for key, item in body.items()
        }

    def node(self, node: dict[str, Any], path: str) -> dict[str, Any]:
        """A job, a step, a component or another object of the schema."""
        return {
            key: self._field(item, child(path, key), FIELDS.get(fold_key(key), FieldUse.PLAIN))
            for key, item in node.items()
        }

    def _field(self, item: Any, path: str, slot: FieldUse) -> Any:
        if isinstance(item, dict):
            match slot:
                case FieldUse.NODE | FieldUse.ENVIRONMENT:
                    return self.node(item, path)
                case FieldUse.STEPS:
                    return {name: self._field(step, child(path, name), FieldUse.NODE) for name, step in item.items()}
                case FieldUse.INPUTS | FieldUse.OUTPUTS:
                    return {name: self._port(name, port, child(path, name), slot) for name, port in item.items()}
                case FieldUse.IDENTITY:
                    return self._identity(item, path)
                case FieldUse.COMPUTE | FieldUse.DATASTORE:
                    return {k: self._field(v, child(path, k), _in_named(k, slot)) for k, v in item.items()}
                case _:
                    pass
        return self.value(item, path, slot)

    def _port(self, name: str, port: Any, path: str, slot: FieldUse) -> Any:
        """One input or output."""
        literal = (
            FieldUse.PERHAPS_COMPUTE if slot is FieldUse.INPUTS and "compute" in name.casefold() else FieldUse.PLAIN
        )
        if not isinstance(port, dict):
            return self.value(port, path, FieldUse.COMPUTE if path in self._compute_literals else literal)
        made = {}
        for key, item in port.items():
            pointer, word = child(path, key), fold_key(key)
            inner = literal if word in LITERAL_FIELDS else PORT_FIELDS.get(word, FieldUse.PLAIN)
            slot_here = FieldUse.COMPUTE if pointer in self._compute_literals else inner
            made[key] = (self._field if slot_here is FieldUse.DATASTORE else self.value)(item, pointer, slot_here)
        return made

    def _identity(self, identity: dict[str, Any], path: str) -> dict[str, Any]:
        return {
            key: self.value(
                item, child(path, key), FieldUse.IDENTITY if fold_key(key) in IDENTITY_FIELDS else FieldUse.PLAIN
            )
            for key, item in identity.items()
        }

    def value(self, item: Any, path: str, slot: FieldUse) -> Any:
        """Anything below a field; all of it is read as the field is."""
        if isinstance(item, str):
            return self.string(item, path, slot)
        if isinstance(item, dict):
            return {key: self.value(inner, child(path, key), slot) for key, inner in item.items()}
        if isinstance(item, list):
            return [self.value(inner, child(path, n), slot) for n, inner in enumerate(item)]
        return item

    # -- strings

    def string(self, text: str, path: str, slot: FieldUse) -> str:
        """One string, read as its slot is."""
        if "/" not in text:
            if slot in NAME_TABLE:
                return self._map_bare_name(text, path, slot)
            if slot is FieldUse.PERHAPS_COMPUTE:
                return self._perhaps_compute(text, path)
            if slot is FieldUse.IDENTITY or (self._ids and slot is FieldUse.PLAIN and text.casefold() in self._ids):
                return self._identity_value(text, path)
        verdicts = self._verdicts(text) if "/" in text or "." in text else []
        self._words.look(text, verdicts, path, self.found)
        if verdicts:
            return self._decide(text, verdicts, path, slot)
        if slot in NAME_TABLE and not is_binding(text):
            self.found.miss(path, text, f"this is no spelling of a name for the map's table {NAME_TABLE[slot]}")
        return text

    def _verdicts(self, text: str) -> list[tuple[Reference, RuleVerdict]]:
        given = ((reference, self._tables.verdict(reference, text)) for reference in references(text))
        return [(reference, verdict) for reference, verdict in given if verdict]

    def _decide(self, text: str, verdicts: list[tuple[Reference, RuleVerdict]], path: str, slot: FieldUse) -> str:
        unmapped = next((verdict.unmapped for _, verdict in verdicts if verdict.unmapped), "")
        kept = next((verdict.kept for _, verdict in verdicts if verdict.kept), "")
        if unmapped and slot is FieldUse.TEXT:
            self.found.keep(path, text, f"it is a text for people, and {unmapped}")
            return text
        if unmapped:
            self.found.miss(path, text, unmapped)
            return text
        new = _join(text, verdicts)
        if new != text:
            self.found.changed(path, text, new)
            if _SIGNED.search(text):
                self.found.remark(SIGNED, path)
        if kept and new == text:
            self.found.keep(path, text, kept)
        elif kept:
            self.found.remark(f"a part stays, for {kept}", path)
        self._account(verdicts, path, slot)
        return new

    def _account(self, verdicts: list[tuple[Reference, RuleVerdict]], path: str, slot: FieldUse) -> None:
        if slot is FieldUse.TEXT:
            return
        for _, verdict in verdicts:
            if verdict.need:
                self.found.need(verdict.need)
            if verdict.portable and "/outputs/" not in path:
                self.found.remark(PORTABLE, path)

    def _map_bare_name(self, text: str, path: str, slot: FieldUse) -> str:
        """A name without a workspace in a place where one is meant."""
        table = NAME_TABLE[slot]
        short = short_name(text)
        if short is None:
            if text and not is_binding(text):
                self.found.miss(path, text, f"this is no spelling of a name for the map's table {table}")
            return text
        new = self._tables.name_of(table, short.name)
        if new is None:
            self.found.miss(path, text, NO_ENTRY.format(table=table, name=short.name))
            return text
        return self._became(text, f"{short.lead}{new}{short.tail}", path)

    def _perhaps_compute(self, text: str, path: str) -> str:
        short = short_name(text)
        listed = self._tables.names["computes"].listed(short.name) if short else None
        if short and listed is not None:
            return self._became(text, f"{short.lead}{listed}{short.tail}", path)
        if _COMPUTE_NAME.fullmatch(text) and text.casefold() not in _NO_NAME | NO_CLUSTER:
            self.found.remark(NAMED_COMPUTE, path)
        self._words.look(text, [], path, self.found)
        return text

    def _identity_value(self, text: str, path: str) -> str:
        new = self._tables.identity(text) if text and not is_binding(text) else text
        if new is None:
            self.found.miss(path, text, NO_ENTRY.format(table="identities", name=text))
            return text
        return self._became(text, new, path)

    def _became(self, text: str, new: str, path: str) -> str:
        if new != text:
            self.found.changed(path, text, new)
        return new


class Words:
    """Old names as bare words in texts: they stay, and a note says where."""

    def __init__(self, tables: Rules) -> None:
        moved = {old for old, new in tables.map.storage_accounts.items() if old.casefold() != new.casefold()}
        self._words = [tables.map.from_.workspace.casefold(), *sorted(word.casefold() for word in moved)]
        names = "|".join(re.escape(word) for word in self._words)
        self._pattern = re.compile(rf"(?<![^\W_])(?:{names})(?![^\W_])", re.IGNORECASE)

    def look(self, text: str, verdicts: list[tuple[Reference, RuleVerdict]], path: str, found: Findings) -> None:
        """Note the words that stand in ``text`` outside its references."""
        folded = text.casefold()
        if not any(word in folded for word in self._words):
            return
        for word in sorted({match[0].casefold() for match in self._pattern.finditer(_outside(text, verdicts))}):
            found.remark(f"the name {word} stays in this text", path)


def _outside(text: str, verdicts: list[tuple[Reference, RuleVerdict]]) -> str:
    """What is left of a text without its references and the paths behind them."""
    pieces, last = [], 0
    for reference, _ in verdicts:
        if reference.start >= last:
            pieces.append(text[last : reference.start])
            last = remainder_end(text, reference.end)
    return " ".join((*pieces, text[last:]))


def _join(text: str, verdicts: list[tuple[Reference, RuleVerdict]]) -> str:
    pieces, last = [], 0
    for reference, verdict in verdicts:
        pieces += [text[last : reference.start], verdict.text]
        last = reference.end + verdict.eaten
    return "".join((*pieces, text[last:]))


def _in_named(key: str, slot: FieldUse) -> FieldUse:
    """How a field of an object is read that stands where a name would."""
    names = {"target", "name", "id", "compute", "computeid", "datastore", "datastoreid", "datastorename"}
    return slot if fold_key(key) in names else FieldUse.PLAIN
