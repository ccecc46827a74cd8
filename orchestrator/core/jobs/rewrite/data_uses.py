"""Where a body's data lie: datastores and storage accounts by name, in whatever spelling. Outputs do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from orchestrator.core.jobs.rewrite.fields import FIELDS, PEOPLE_KEYED, FieldUse
from orchestrator.core.jobs.rewrite.json_pointer import child, fold_key
from orchestrator.core.jobs.rewrite.name_map import Workspace
from orchestrator.core.jobs.rewrite.references import (
    STORAGE_SUFFIX,
    Reference,
    is_binding,
    references,
    remainder_end,
)

_PATHS = "/paths/"
_URI_FIELDS = frozenset({"uri", "path"})
_INPUT_FIELDS = _URI_FIELDS | {"datauri"}
_COMMANDS = frozenset({"command", "args", "arguments", "entry", "programarguments"})
_LEAD = re.compile(r"\s*(?:azureml:|(?:https?|wasbs?|abfss?|adl)://(?:[^/@\s]*@)?)?", re.IGNORECASE)
_GOES_ON = re.compile(r"\s-{1,2}\w|\w://|\s(?:&&|\|\|?|>{1,2}|<)\s|[\"`\n]|azureml:|/subscriptions/", re.IGNORECASE)
"""What tells that a value goes on after a URI."""

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


def input_uses(body: Mapping[str, Any], workspace: Workspace) -> Iterator[DataUse]:
    """The data that a job, or a data asset, surely needs to be there when the job begins.

    Only fields that hold one URI and nothing else: what a command, a variable or a literal names may be a place to
    write to. Left out are paths that are filled in later, and places to which the body itself writes. Of a path with a
    wildcard the folder above is named.
    """
    written = [_folder(use) for use in _output_uses(body.get("properties"), "/properties", workspace)]
    for use in data_uses(body, workspace):
        above, _, field = use.pointer.rpartition("/")
        is_uri = fold_key(field) in _INPUT_FIELDS and fold_key(above.rpartition("/")[2]) not in PEOPLE_KEYED
        folder = _folder(use)
        if is_uri and not is_binding(use.path) and not any(_overlap(folder, each) for each in written):
            yield use._replace(path=folder.path)


class _Folder(NamedTuple):
    store: str
    path: str


def _folder(use: DataUse) -> _Folder:
    """Store and path of a use, cut before the first step that is no name."""
    steps = use.path.split("/")
    known = next((n for n, step in enumerate(steps) if "*" in step or is_binding(step)), len(steps))
    return _Folder((use.datastore or use.account).casefold(), "/".join(steps[:known]))


def _overlap(one: _Folder, other: _Folder) -> bool:
    a, b = f"{one.path.strip('/')}/", f"{other.path.strip('/')}/"
    return one.store == other.store and (a.startswith(b) or b.startswith(a))


def _output_uses(value: Any, path: str, workspace: Workspace) -> Iterator[DataUse]:
    """The places to which the outputs of a job and its steps go."""
    if isinstance(value, list):
        for n, item in enumerate(value):
            yield from _output_uses(item, child(path, n), workspace)
    elif isinstance(value, dict):
        for key, item in value.items():
            is_output = FIELDS.get(fold_key(key)) is FieldUse.OUTPUTS
            find = _inside if is_output else _output_uses
            yield from find(item, child(path, key), workspace)


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
    found = list(references(text)) if "/" in text else []
    whole = _is_whole(text, pointer, found)
    for reference in found[:1] if whole else found:
        end = len(text.rstrip()) if whole else remainder_end(text, reference.end)
        rest = text[reference.end : max(end, reference.end)]
        store, is_short = _datastore(reference, workspace)
        if store and not is_binding(store):
            path = rest.removeprefix(_PATHS) if rest.startswith(_PATHS) else rest.lstrip("/")
            yield DataUse(pointer, text, store, "", path, is_short)
        elif reference.form == "host" and _is_storage(reference):
            container = text[: reference.start].rpartition("/")[2].rstrip("@")
            path = f"{container}{rest}" if text[: reference.start].endswith("@") else rest.lstrip("/")
            yield DataUse(pointer, text, "", reference.part("host"), _blob(text, path), is_short=False)


def _is_whole(text: str, pointer: str, found: list[Reference]) -> bool:
    """Whether a value is one URI from its first letter to its last, with blanks and commas that belong to the path.

    A field for a URI holds nothing else. Elsewhere a value that begins with a URI is one, unless another follows,
    or something that looks like an option of a command.
    """
    if not found or not _LEAD.fullmatch(text[: found[0].start]):
        return False
    field = fold_key(pointer.rpartition("/")[2])
    if field in _URI_FIELDS and fold_key(pointer.split("/")[-2]) not in PEOPLE_KEYED:
        return True
    rest = text[found[0].end :]
    return field not in _COMMANDS and not _GOES_ON.search(rest)


def _blob(text: str, path: str) -> str:
    """The path of a blob in a URI of its account: no query, and no encoding if the URI is one of the web's."""
    if not text.lstrip().casefold().startswith("http"):
        return path
    return unquote(path.partition("?")[0].partition("#")[0])


def _datastore(reference: Reference, workspace: Workspace) -> tuple[str, bool]:
    """Name of the datastore that a reference leads to, and whether it names no workspace."""
    if reference.form == "azureml" and reference.part("authority").casefold() == "datastores":
        return reference.part("first"), True
    if workspace.is_named_by(reference):
        return (reference.part("child") if reference.part("kind").casefold() == "datastores" else ""), False
    place = tuple(reference.part(part).casefold() for part in ("subscription", "group", "name"))
    here = reference.is_workspace and place == workspace.folded()
    return (reference.part("child") if here and reference.part("kind").casefold() == "datastores" else ""), False


def _is_storage(reference: Reference) -> bool:
    _, dot, rest = reference.part("host").casefold().partition(".")
    return bool(STORAGE_SUFFIX.fullmatch(dot + rest))
