"""Where a body's data lie: datastores and storage accounts by name, in whatever spelling. Outputs do not count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.jobs.rewrite.fields import FIELDS, PEOPLE_KEYED, FieldUse
from orchestrator.core.jobs.rewrite.json_pointer import child, fold_key
from orchestrator.core.jobs.rewrite.name_map import Workspace
from orchestrator.core.jobs.rewrite.references import STORAGE_SUFFIX, Reference, is_binding, references, remainder_end

_PATHS = "/paths/"
_NOT_DATA = frozenset({FieldUse.TEXT, FieldUse.OUTPUTS, FieldUse.DATASTORE, FieldUse.ENVIRONMENT, FieldUse.COMPUTE})
_NOT_DATA_FIELDS = frozenset({"code", "codeid", "codeuri", "contexturi", "build", "services"})


class DataUse(NamedTuple):
    """One place that names data."""

    pointer: str
    uri: str
    """The whole value, as it stands there."""

    datastore: str
    """Name of the datastore; empty if an account is named instead."""

    account: str
    """Host of the storage account; empty if a datastore is named."""

    path: str
    """Below the datastore; for an account container and path."""

    is_short: bool
    """It names no workspace: on the other side it resolves there, without a word."""


def data_uses(body: Mapping[str, Any], workspace: Workspace) -> Iterator[DataUse]:
    """Every place of a job's or an asset's body that names data of this workspace or of a storage account."""
    yield from _inside(body.get("properties"), "/properties", workspace)


def _inside(value: Any, path: str, workspace: Workspace) -> Iterator[DataUse]:
    if isinstance(value, str):
        yield from _find_uses(value, path, workspace)
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from _inside(item, child(path, n), workspace)
    elif isinstance(value, dict):
        for key, item in value.items():
            word = fold_key(key)
            by_people = word in PEOPLE_KEYED and isinstance(item, dict)
            if word not in _NOT_DATA_FIELDS and (by_people or FIELDS.get(word) not in _NOT_DATA):
                inner = item.items() if by_people else ()
                yield from _inside(None if by_people else item, child(path, key), workspace)
                for name, each in inner:
                    yield from _inside(each, child(child(path, key), name), workspace)


def _find_uses(text: str, pointer: str, workspace: Workspace) -> Iterator[DataUse]:
    for reference in references(text) if "/" in text else ():
        rest = text[reference.end : remainder_end(text, reference.end)]
        store, is_short = _datastore(reference, workspace)
        if store and not is_binding(store):
            path = rest.removeprefix(_PATHS) if rest.startswith(_PATHS) else rest.lstrip("/")
            yield DataUse(pointer, text, store, "", path, is_short)
        elif reference.form == "host" and _is_storage(reference):
            container = text[: reference.start].rpartition("/")[2].rstrip("@")
            path = f"{container}{rest}" if text[: reference.start].endswith("@") else rest.lstrip("/")
            yield DataUse(pointer, text, "", reference.part("host"), path.partition("?")[0], is_short=False)


def _datastore(reference: Reference, workspace: Workspace) -> tuple[str, bool]:
    """Name of the datastore that a reference leads to, and whether it names no workspace."""
    if reference.form == "azureml" and reference.part("authority").casefold() == "datastores":
        return reference.part("first"), True
    place = tuple(reference.part(part).casefold() for part in ("subscription", "group", "name"))
    here = reference.is_workspace and place == workspace.folded()
    return (reference.part("child") if here and reference.part("kind").casefold() == "datastores" else ""), False


def _is_storage(reference: Reference) -> bool:
    _, dot, rest = reference.part("host").casefold().partition(".")
    return bool(STORAGE_SUFFIX.fullmatch(dot + rest))
