"""Which thing of the primary is which thing of the secondary: ids, principals, regions and names, from a file. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import msgspec

from orchestrator.core.base.codec import Value, from_builtins
from orchestrator.core.base.regions import squeeze
from orchestrator.core.standby.inventory import as_list, dig, last_part

Count = Annotated[int, msgspec.Meta(ge=0)]


class NeededTwin(Value, kw_only=True):
    """What the jobs of one cluster need."""

    nodes: Count
    vcpus_per_node: Count
    family: str = ""
    """The family of the cluster's machines as Azure names it; worked out from their size if it is not given."""


class TwinMap(Value, kw_only=True):
    """The file that ``readiness compare --map`` reads."""

    ids: dict[str, str] = msgspec.field(default_factory=dict)
    """ARM ids of the primary -> those of the secondary. An id below one of them is translated with it."""

    principals: dict[str, str] = msgspec.field(default_factory=dict)
    """Object ids of identities; one that is not listed stands for itself."""

    regions: dict[str, str] = msgspec.field(default_factory=dict)
    names: str | dict[str, str] = "same"
    """``same``, or names of computes, connections and so on that differ: primary's -> secondary's."""

    shared: tuple[str, ...] = ()
    """Names of resources that both sides use."""

    rpo_target: timedelta | None = None
    needed: dict[str, NeededTwin] = msgspec.field(default_factory=dict)
    """By name of the primary's cluster."""


def twin_map_from(plain: Any, where: str) -> TwinMap:
    """The map that plain data holds.

    Raises:
        InvalidInput: an unknown field, or one of another type.
    """
    return from_builtins(plain, TwinMap, where)


class Translator:
    """Reads what the primary says as the secondary would say it.

    Args:
        twins: the map.
        tags: short names of both sides that occur in names of resources, such as ``eus2`` and ``cus``; or none.
    """

    def __init__(self, twins: TwinMap, tags: tuple[str, str] | None = None) -> None:
        self._principals = {key.casefold(): value for key, value in twins.principals.items()}
        self._names = twins.names if isinstance(twins.names, dict) else {}
        self._ids = sorted(twins.ids.items(), key=lambda pair: len(pair[0]), reverse=True)
        words = {last_part(one): last_part(other) for one, other in twins.ids.items()}
        words |= twins.regions
        if tags and all(tags):
            words.setdefault(*tags)
        shared = {name.casefold() for name in twins.shared}
        self._words = {one.casefold(): other for one, other in words.items() if one.casefold() not in shared}
        spelt = "|".join(re.escape(word) for word in sorted(self._words, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<![a-z0-9])(?:{spelt})(?![a-z0-9])", re.IGNORECASE) if spelt else None
        self._regions = {squeeze(one): other for one, other in twins.regions.items()}

    def name(self, name: str) -> str:
        """The name that a thing of the primary should have in the secondary."""
        return self._names.get(name, self._text(name))

    def principal(self, principal: str) -> str:
        return self._principals.get(principal.casefold(), principal)

    def region(self, region: str) -> str:
        return self._regions.get(squeeze(region), region)

    def value(self, value: Any) -> Any:
        """A value of the primary, with every id, name, host and region in it translated."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {self._text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def _text(self, text: str) -> str:
        for one, other in self._ids:
            at = text.casefold().find(one.casefold())
            end = at + len(one)
            if at >= 0 and text[end : end + 1] in {"", "/"}:
                return text[:at] + other + self._replace_words(text[end:])
        return self._replace_words(text)

    def _replace_words(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._words[found[0].casefold()], text)


ALONE = ("hub", "storage", "keyvault", "app_insights", "log_analytics", "search_service")
"""Keys under which each side has one resource of its own."""


def infer_twin_map(primary: Mapping[str, Any], secondary: Mapping[str, Any]) -> TwinMap:
    """The map that two inventories suggest: what stands in the same place on both sides is taken for twins.

    Nothing is known of what jobs need then, nor how old a replication may be.
    """
    pairs = [(dig(primary, f"{key}.id"), dig(secondary, f"{key}.id")) for key in ALONE]
    projects = [sorted(str(dig(each, "id")) for each in as_list(side.get("projects"))) for side in (primary, secondary)]
    if len(projects[0]) == len(projects[1]):
        pairs += zip(*projects, strict=True)
    for key, reference in (("connections", "properties.metadata.ResourceId"), ("computes", "properties.resourceId")):
        there = {str(dig(each, "name")): dig(each, reference) for each in as_list(secondary.get(key))}
        pairs += [(dig(each, reference), there.get(str(dig(each, "name")))) for each in as_list(primary.get(key))]
    principals: dict[str, str] = {}
    identities = [dig(side, "hub.identity") for side in (primary, secondary)]
    principals |= _pair_texts(*(dig(each, "principalId") for each in identities))
    assigned = [dig(each, "userAssignedIdentities") for each in identities]
    if all(isinstance(each, Mapping) and len(each) == 1 for each in assigned):
        ((one, its), (other, others)) = (next(iter(each.items())) for each in assigned)
        pairs.append((one, other))
        principals |= _pair_texts(dig(its, "principalId"), dig(others, "principalId"))
    ids = {one: other for pair in pairs for one, other in _pair_texts(*pair).items()}
    groups = [_group(dig(side, "hub.id")) for side in (primary, secondary)]
    regions = _pair_texts(dig(primary, "hub.location"), dig(secondary, "hub.location"))
    return TwinMap(ids=ids | _pair_texts(*groups), principals=principals, regions=regions)


def _pair_texts(one: Any, other: Any) -> dict[str, str]:
    """Two texts as an entry of a map; nothing if one is missing, or both are the same: then it is shared."""
    both = isinstance(one, str) and isinstance(other, str) and bool(one) and bool(other)
    return {one: other} if both and one.casefold() != other.casefold() else {}


def _group(resource_id: Any) -> str:
    return resource_id.partition("/providers/")[0] if isinstance(resource_id, str) else ""
