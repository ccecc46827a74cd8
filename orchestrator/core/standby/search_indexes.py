"""The check of search indexes: those that connections name exist in the standby, with documents in them. Pure.

Shapes: an index as ``GET {endpoint}/indexes/{name}`` answers it and its ``documentCount`` as
``GET {endpoint}/indexes/{name}/stats`` does (learn.microsoft.com, rest/api/searchservice, 2024-07-01). Azure counts the
documents every few minutes, not at once. Indexes are not replicated by Azure.

Microsoft's types of a connection have no field for an index: ``metadata`` is a map of texts. Its entry ``IndexName``
(also ``index_name``, ``Index``, in any case; several names with commas between them) is what counts here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.base.numbers import number_in
from orchestrator.core.standby.inventory import NotCollected, as_object, comparable, dig, name_of
from orchestrator.core.standby.readiness import CheckRow, Comparison, Severity

INDEXES = "search_indexes"
INDEX_CHECK = 33
CATEGORY = "cognitivesearch"
"""Category of connections to Azure AI Search, in lower case (Microsoft.MachineLearningServices)."""

INDEX_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,126}[a-z0-9])?")
"""Letters in lower case, digits, dashes, underscores (learn.microsoft.com, searchservice/naming-rules)."""

_ENTRIES = frozenset({"indexname", "indexnames", "index", "indexes"})


class NamedIndex(NamedTuple):
    """An index that a connection names."""

    connection: Mapping[str, Any]
    index_name: str

    @property
    def name(self) -> str:
        """How it is called in an inventory: ``<connection>/<index>``."""
        return f"{name_of(self.connection)}/{self.index_name}"


def named_indexes(connections: Iterable[Any]) -> Iterator[NamedIndex]:
    """The indexes that connections to Azure AI Search name, each once, in order."""
    for connection in connections:
        if comparable(dig(connection, "properties.category")) == CATEGORY:
            for index in _names_in(connection):
                yield NamedIndex(connection, index)


def _names_in(connection: Mapping[str, Any]) -> list[str]:
    found = dict[str, None]()
    for key, value in as_object(dig(connection, "properties.metadata")).items():
        if re.sub(r"[_\- ]", "", str(key)).casefold() in _ENTRIES and isinstance(value, str):
            found |= dict.fromkeys(name for each in value.split(",") if (name := each.strip()))
    return list(found)


def index_row() -> CheckRow:
    """The row of the table of checks."""
    fix = "create the index in the standby's search service and fill it: Azure does not copy it"
    return CheckRow(INDEX_CHECK, "search indexes", (INDEXES, "connections"), Severity.BLOCK, _look_at_indexes, fix)


def _look_at_indexes(c: Comparison) -> None:
    """Each index that a connection of the standby names, if its twin on the active side names one at all."""
    twins = c.secondary.by_name("connections")
    wanted = list(named_indexes(c.primary.many("connections")))
    for connection in {name_of(each.connection): each.connection for each in wanted}.values():
        twin = twins.get(c.translate.name(name_of(connection)).casefold())
        if twin is None:
            continue  # told by the check of connections
        mine, its = _names_in(connection), _names_in(twin)
        path = f"connections.{name_of(twin)}.metadata.IndexName"
        if not its:
            fix = f"az ml connection update --name {name_of(twin)} --set metadata.IndexName=INDEX"
            c.add(path, "names no index, so that nobody can look for it", mine, None, fix=fix)
        elif comparable(its) not in (comparable(mine), comparable(c.translate.value(mine))):
            c.add(path, "names another index than the active side's connection", mine, its, Severity.WARN)
        for each in named_indexes([twin]):
            _check_index(c, each)


def _check_index(c: Comparison, wanted: NamedIndex) -> None:
    found = c.secondary.by_name(INDEXES).get(wanted.name.casefold())
    path = f"{INDEXES}.{wanted.name}"
    if found is None:
        c.unread(NotCollected(path, f"the {c.secondary.side}'s inventory does not have it"))
        return
    if found.get("definition") is None:
        c.add(path, "is missing in the standby's search service", wanted.index_name, None)
        return
    count = number_in(dig(found, "statistics.documentCount"))
    if count is None:
        c.unread(NotCollected(f"{path}.documentCount", "how many documents it has is not known"))
    elif count < 1:
        c.add(f"{path}.documentCount", "has no documents", _count_of(c, wanted), count)


def _count_of(c: Comparison, wanted: NamedIndex) -> Any:
    """How many documents the active side's index has, if that is known; for people only."""
    try:
        return dig(c.primary.by_name(INDEXES).get(wanted.name.casefold()), "statistics.documentCount")
    except NotCollected:
        return None
