"""The closing scan: proof that a finished body names nothing of the old side.

It shares no code with the way through the body. It reads every string and every key of the result, also with
percent-encoding and escapes undone, and looks for the old workspace by its three names in a row, for the hosts of
its storage accounts, for its container registries, and for hosts that the map moves. Whatever it finds and nobody
has reported is a leak.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from orchestrator.core.jobs.rewrite.name_map import JobMap

_TEXT_PLACE = re.compile(
    r"(?:^/properties|/jobs/[^/]+|/component|/componentSpec)"
    r"/(?:tags|properties|description|display_?name|experiment_?name)(?:/|$)",
    re.IGNORECASE,
)
KEYS = 4096
"""Keys of which a scan remembers that they name nothing."""

_HOST_END = r"(?![\w-]|\.[\w-]|\.?(?::[^\s/@]{0,200})?@[a-z0-9])"
"""A host is Azure's if it ends like Azure's. A trailing dot is still its end; before an ``@`` stands no host."""

_SLASHES = "(?:/|\\\\)+"


class Leak(NamedTuple):
    """Something of the old side in the finished body."""

    path: str
    what: str


def leaks(body: Any, job_map: JobMap) -> Iterator[Leak]:
    """Everything in a finished body that names the old side, in the order of the body."""
    scan = Scan(job_map)
    yield from scan.of(body)


def is_text_place(pointer: str) -> bool:
    """Whether a pointer leads into a text for people: tags, names for display, description, property bag."""
    return bool(_TEXT_PLACE.search(pointer))


class Scan:
    """The scan for one map."""

    def __init__(self, job_map: JobMap) -> None:
        self._keys: dict[str, str] = {}
        self._hints, self._patterns = [job_map.from_.workspace.casefold()], [(_workspace(job_map), "the old workspace")]
        if job_map.from_.guid and job_map.to.guid:
            guid = job_map.from_.guid
            self._hints.append(guid.casefold())
            by_guid = rf"workspaces{_SLASHES}{re.escape(guid)}(?![\w-])"
            self._patterns.append((re.compile(by_guid, re.IGNORECASE), "the old workspace's GUID"))
        for what, name, pattern in _find_moved_names(job_map):
            self._hints.append(name.casefold())
            self._patterns.append((re.compile(pattern, re.IGNORECASE), f"{what} {name}"))

    def of(self, value: Any, path: str = "") -> Iterator[Leak]:
        """Leaks in a value and below it."""
        if isinstance(value, str):
            what = self.named(value)
            if what:
                yield Leak(path, what)
        elif isinstance(value, dict):
            for key, item in value.items():
                below = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
                what = self._find_in_key(key)
                if what:
                    yield Leak(below, f"its name holds {what}")
                yield from self.of(item, below)
        elif isinstance(value, list):
            for n, item in enumerate(value):
                yield from self.of(item, f"{path}/{n}")

    def _find_in_key(self, key: str) -> str:
        """``named`` for a key: the schema's own stand in every body and are read once."""
        what = self._keys.get(key)
        if what is None:
            what = self.named(key)
            if len(self._keys) < KEYS:
                self._keys[key] = what
        return what

    def named(self, text: str) -> str:
        """What of the old side a string names, or an empty string."""
        seen = _plain(text)
        folded = seen.casefold()
        if not any(hint in folded for hint in self._hints):
            return ""
        return next((what for pattern, what in self._patterns if pattern.search(seen)), "")


def _plain(text: str) -> str:
    """The text without percent-encoding (twice over) and without JSON's escapes of letters."""
    for _ in range(2):
        if "%" not in text:
            break
        text = unquote(text)
    if "\\u00" in text:
        text = re.sub(r"\\u00([0-7][0-9a-f])", lambda found: chr(int(found[1], 16)), text, flags=re.IGNORECASE)
    return text


def _workspace(job_map: JobMap) -> re.Pattern[str]:
    old = job_map.from_
    subscription, group, workspace = map(re.escape, (old.subscription, old.resource_group, old.workspace))
    return re.compile(
        f"subscriptions{_SLASHES}{subscription}{_SLASHES}resourcegroups{_SLASHES}{group}{_SLASHES}"
        rf"(?:providers{_SLASHES}microsoft\.machinelearningservices{_SLASHES})?workspaces{_SLASHES}{workspace}(?![\w-])",
        re.IGNORECASE,
    )


def _find_moved_names(job_map: JobMap) -> Iterator[tuple[str, str, str]]:
    """(what, name, pattern) of everything that the map gives another name and that is no target itself."""
    for old in _names_gone(job_map.storage_accounts):
        name = re.escape(_label(old))
        yield (
            "the storage account",
            _label(old),
            (
                rf"(?<![\w-]){name}(?:-secondary)?\.(?:[\w-]+\.){{0,2}}(?:blob|dfs|file|queue|table|web)\."
                rf"(?:core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net|cloudapi\.de)|storage\.azure\.net){_HOST_END}"
            ),
        )
    for old in _names_gone(job_map.registries):
        if "." in _host(old) and ".azurecr." not in f"{_host(old)}.":
            yield "the registry", _host(old), rf"(?<![\w.-]){re.escape(_host(old))}(?![\w-]|\.\w)"
            continue
        name = re.escape(_label(old))
        yield (
            "the registry",
            _label(old),
            rf"(?<![\w.-]){name}(?:\.[\w-]+\.data|\.privatelink)?\.azurecr\.(?:io|cn|us){_HOST_END}|azureml://registries/{name}(?![\w-])",
        )
    for old in _names_gone(job_map.endpoints):
        if "." in old:
            yield "the host", _host(old), rf"(?<![\w.-]){re.escape(_host(old))}(?![\w-]|\.\w)"


def _names_gone(table: dict[str, str]) -> list[str]:
    targets = {new.casefold() for new in table.values()}
    return [old for old in table if old.casefold() not in targets]


def _host(name: str) -> str:
    return urlsplit(name).hostname or "" if "://" in name else name.partition("/")[0].partition(":")[0]


def _label(name: str) -> str:
    return _host(name).partition(".")[0]
