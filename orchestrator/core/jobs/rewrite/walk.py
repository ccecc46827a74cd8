"""One way through a body: every string is read once, by the slot it stands in."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.core.base.regions import squeeze
from orchestrator.core.jobs.rewrite.fields import (
    FIELDS,
    IDENTITY_FIELDS,
    LITERAL_FIELDS,
    NAME_TABLE,
    PORT_FIELDS,
    REGION_FIELDS,
    FieldUse,
    is_whole_uri_field,
)
from orchestrator.core.jobs.rewrite.json_pointer import child, fold_key
from orchestrator.core.jobs.rewrite.references import (
    KINDS,
    NO_CLUSTER,
    Reference,
    is_binding,
    is_placeholder,
    references,
    remainder_end,
    short_name,
)
from orchestrator.core.jobs.rewrite.report import Findings
from orchestrator.core.jobs.rewrite.rules import (
    NO_ENTRY,
    NO_NAME,
    Rules,
    RuleVerdict,
)

_COMPUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]+")
_TRACKING = re.compile(r"/environment_?variables/mlflow_(?:tracking|registry)_uri$", re.IGNORECASE)
TRACKING = "Azure ML sets this variable itself when the job runs; the regional host in it stays"
_SIGNED = re.compile(r"[?&;]sig=", re.IGNORECASE)

_EMPTY = re.compile(r"/(?:" + "|".join(KINDS) + r")/?\s*", re.IGNORECASE)
"""What is left of an id whose last name is empty."""
_NO_NAME = frozenset({"true", "false", "none", "null", "auto"})
PORTABLE = "this resolves in the other workspace's own datastore; the data must have been copied there"
SIGNED = "the signature in this URI was made for another account or host; it must be made anew"
PLACEHOLDER = "this looks like a name that nobody has filled in; it goes as it is"
PINNED = "this pins a region, for which the map lists no other one"
BOTH_REGIONS = "this pins regions, that of the new workspace among them"
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
                case FieldUse.RESOURCES:
                    return self._resources(item, path)
                case FieldUse.COMPUTE | FieldUse.DATASTORE:
                    return {k: self._field(v, child(path, k), _in_named(k, slot)) for k, v in item.items()}
                case _:
                    pass
        return self.value(item, path, slot)

    def _resources(self, item: Any, path: str) -> Any:
        """An object of resources: regions are pinned in it by name of the field, at any depth."""
        if isinstance(item, dict):
            return {
                key: self.value(inner, child(path, key), FieldUse.REGION)
                if fold_key(key) in REGION_FIELDS
                else self._resources(inner, child(path, key))
                for key, inner in item.items()
            }
        if isinstance(item, list):
            return [self._resources(inner, child(path, n)) for n, inner in enumerate(item)]
        return self.value(item, path, FieldUse.PLAIN)

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
        if isinstance(item, list) and slot is FieldUse.REGION and self._lists_target(item):
            for n, inner in enumerate(item):
                self.found.keep(child(path, n), inner, BOTH_REGIONS)
            return list(item)
        if isinstance(item, list):
            return [self.value(inner, child(path, n), slot) for n, inner in enumerate(item)]
        return item

    def _lists_target(self, regions: list[Any]) -> bool:
        """Whether a list of regions allows the region of the new workspace already."""
        targets = {squeeze(new) for new in self._tables.map.regions.values()}
        return any(isinstance(region, str) and squeeze(region) in targets for region in regions)

    # -- strings

    def string(self, text: str, path: str, slot: FieldUse) -> str:
        """One string, read as its slot is."""
        if slot is FieldUse.REGION:
            return self._region(text, path)
        if "/" not in text:
            if slot in NAME_TABLE:
                return self._map_bare_name(text, path, slot)
            if slot is FieldUse.PERHAPS_COMPUTE:
                return self._perhaps_compute(text, path)
            if slot is FieldUse.IDENTITY or (self._ids and slot is FieldUse.PLAIN and text.casefold() in self._ids):
                return self._identity_value(text, path)
            if is_whole_uri_field(path) and _is_broken_short_name(text):
                self.found.miss(path, text, NO_NAME.format(name=text))
                return text
        verdicts = self._verdicts(text) if "/" in text or "." in text else []
        self._words.look(text, verdicts, path, self.found)
        broken = self._find_broken_uri(text, verdicts) if slot in NAME_TABLE or is_whole_uri_field(path) else ""
        if broken:
            self.found.miss(path, text, NO_NAME.format(name=broken))
            return text
        if verdicts:
            return self._decide(text, verdicts, path, slot)
        if slot in NAME_TABLE and not is_binding(text):
            self.found.miss(path, text, f"this is no spelling of a name for the map's table {NAME_TABLE[slot]}")
        return text

    def _find_broken_uri(self, text: str, verdicts: list[tuple[Reference, RuleVerdict]]) -> str:
        """The first name that is none in a value that is one URI: one with a gap, or one that goes on after a blank."""
        reference = verdicts[0][0] if len(verdicts) == 1 else None
        if reference is None or reference.form not in {"arm", "location", "azureml"} or reference.start:
            return ""
        if is_placeholder(reference.part("first")):
            first, authority = reference.part("first"), reference.part("authority").casefold()
            listed = authority == "datastores" and self._tables.name_of("datastores", first) is not None
            return "" if listed or authority == "registries" else first
        if not reference.part("kind") and _EMPTY.fullmatch(text, reference.end):
            return "what is empty"
        if not text[reference.end :].strip() or text[reference.end] in "/?#$":
            return ""
        return text[text.rfind("/", 0, reference.end) + 1 :].partition("/")[0]

    def _verdicts(self, text: str) -> list[tuple[Reference, RuleVerdict]]:
        given = ((reference, self._tables.verdict(reference, text)) for reference in references(text))
        return [(reference, verdict) for reference, verdict in given if verdict]

    def _decide(self, text: str, verdicts: list[tuple[Reference, RuleVerdict]], path: str, slot: FieldUse) -> str:
        unmapped = next((verdict.unmapped for _, verdict in verdicts if verdict.unmapped), "")
        kept = next((verdict.kept for _, verdict in verdicts if verdict.kept), "")
        if unmapped and slot is FieldUse.TEXT:
            self.found.keep(path, text, f"it is a text for people, and {unmapped}")
            return text
        if unmapped and _TRACKING.search(path):
            self.found.remark(TRACKING, path)
            kept = unmapped
        elif unmapped:
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
        for reference, verdict in verdicts:
            if is_placeholder(reference.part("child")) or is_placeholder(reference.part("first")):
                self.found.remark(PLACEHOLDER, path)
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
        if is_placeholder(new):
            self.found.remark(PLACEHOLDER, path)
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

    def _region(self, text: str, path: str) -> str:
        """A region that the body pins. It stays if the map lists no other one for it, and is told."""
        new = next((to for old, to in self._tables.map.regions.items() if squeeze(old) == squeeze(text)), None)
        if new is None:
            if text and not is_binding(text):
                self.found.keep(path, text, PINNED)
            return text
        return self._became(text, new, path)

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


def _is_broken_short_name(text: str) -> bool:
    """Whether ``azureml:`` leads to something that can be no name."""
    if not text.casefold().startswith("azureml:") or is_binding(text):
        return False
    short = short_name(text)
    return short is None or is_placeholder(text)


def _in_named(key: str, slot: FieldUse) -> FieldUse:
    """How a field of an object is read that stands where a name would."""
    names = {"target", "name", "id", "compute", "computeid", "datastore", "datastoreid", "datastorename"}
    return slot if fold_key(key) in names else FieldUse.PLAIN
