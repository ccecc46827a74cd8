"""What becomes of one reference: the rules, as tables, for one map.

``Rules`` answers with a ``RuleVerdict`` for a reference that ``orchestrator.core.jobs.rewrite.references`` found, or
with None if the reference concerns no workspace and neither its storage, its registry nor its endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from orchestrator.core.jobs.rewrite.name_map import JobMap
from orchestrator.core.jobs.rewrite.references import (
    ANONYMOUS,
    ENDPOINT_SUFFIX,
    KINDS,
    NO_CLUSTER,
    OUTSIDE_SUFFIX,
    REGIONAL,
    REGISTRY_DOMAIN,
    REGISTRY_DOMAINS,
    REGISTRY_SUFFIX,
    STORAGE_SUFFIX,
    Reference,
    is_binding,
    is_open,
    is_placeholder,
)
from orchestrator.core.plan.schema import TABLES

OUTSIDE = "it is a resource outside the workspace"
RUN = "the output of a run exists in the workspace of that run only"
_BATCH_RUN = re.compile("/jobs/", re.IGNORECASE)
_UNREADABLE = re.compile(r"/(?P<kind>[a-z]+)/(?P<name>[^/\s\"'`$]{1,200})", re.IGNORECASE)
NO_NAME = "{name} cannot be a name"
NO_GUID = "a workspace is named by its GUID, and the map lacks that of one side, or the new one's region"
NO_ENTRY = "the map's table {table} has no entry for {name}"


class Need(NamedTuple):
    """Something that must exist in the other hub before the job is put there."""

    kind: str
    id: str


class RuleVerdict(NamedTuple):
    """What becomes of one reference. At most one of ``unmapped`` and ``kept`` is set."""

    text: str
    """The reference as it reads on the other side; as it was, if it stays."""

    unmapped: str = ""
    kept: str = ""
    need: Need | None = None
    portable: bool = False
    """A datastore by name alone: it resolves on the other side to that side's own store."""

    eaten: int = 0
    """Letters after the reference that ``text`` replaces too."""


class Names:
    """One table of the map: exact first, then without regard to case."""

    def __init__(self, table: Mapping[str, str], *, same_names: bool) -> None:
        self._exact = dict(table)
        self._folded = {old.casefold(): new for old, new in reversed(list(table.items()))}
        self._same_names = same_names
        self.targets = {new.casefold() for new in table.values()}
        """What names become. Where names are unique in the world, a target is known too."""

    def listed(self, name: str) -> str | None:
        """What the table says, or None."""
        found = self._exact.get(name)
        return self._folded.get(name.casefold()) if found is None else found

    def get(self, name: str) -> str | None:
        """What the name becomes, or None if the map does not know."""
        found = self.listed(name)
        return name if found is None and self._same_names else found


class Url(NamedTuple):
    """An entry of the table of endpoints that was given by host or URL."""

    path: str
    to_host: str
    to_path: str


class Rules:
    """The rules for one map."""

    def __init__(self, job_map: JobMap) -> None:
        same = job_map.same_names
        self.map = job_map
        self.old, self.new = job_map.from_.folded(), job_map.to.folded()
        self.names = {table: Names(getattr(job_map, table), same_names=same) for table in TABLES}
        accounts = {_first_label(old): _first_label(new) for old, new in job_map.storage_accounts.items()}
        self.accounts = Names(accounts, same_names=False)
        self.registries = Names({_host(old): _host(new) for old, new in job_map.registries.items()}, same_names=False)
        self.urls = _urls(job_map.endpoints)
        self._labels = Names(_labels(job_map.endpoints), same_names=False)
        self.target_hosts = {entry.to_host for entries in self.urls.values() for entry in entries}

    def verdict(self, reference: Reference, text: str) -> RuleVerdict | None:
        """What becomes of a reference that was found in ``text``, or None if it is of no interest."""
        match reference.form:
            case "arm":
                return self._workspace(reference) if reference.is_workspace else self._foreign(reference)
            case "location":
                return self._location(reference)
            case "azureml":
                return self._azureml(reference)
            case "run":
                return RuleVerdict(reference.found[0], unmapped="" if is_open(reference.part("run")) else RUN)
            case _:
                return self._host(reference, text)

    def name_of(self, table: str, name: str) -> str | None:
        """What a name becomes, or None if the map does not know. Bindings and ``serverless`` stay."""
        if is_binding(name) or not name:
            return name
        if table == "computes" and name.casefold() in NO_CLUSTER:
            return name
        if table == "environments" and name.casefold() in ANONYMOUS:
            return self.names[table].listed(name) or name
        if table == "endpoints":
            found = self.names[table].listed(name) or self._labels.listed(name) or self.names[table].get(name)
            return found if found is None or "." in name else _first_label(found)
        return self.names[table].get(name)

    def identity(self, value: str) -> str | None:
        """What a client id, object id or ARM id of an identity becomes, or None if the map does not know."""
        identities = self.names["identities"]
        listed = identities.listed(value)
        return value if listed is None and value.casefold() in identities.targets else identities.get(value)

    # -- references to workspaces

    def _workspace(self, reference: Reference) -> RuleVerdict:
        place = tuple(reference.part(part).casefold() for part in ("subscription", "group", "name"))
        if place == self.new:
            need = self._need(reference, reference.part("child"))
            return RuleVerdict(reference.found[0], kept="it lies in the new workspace already", need=need)
        if place != self.old:
            return RuleVerdict(reference.found[0], kept="it lies in a workspace that is no part of the map")
        broken = self._find_broken_name(reference)
        if broken:
            return RuleVerdict(reference.found[0], unmapped=NO_NAME.format(name=broken))
        if not reference.part("kind"):
            return RuleVerdict(self._move(reference, None))
        return self._in_workspace(reference)

    def _location(self, reference: Reference) -> RuleVerdict:
        """A workspace by its region and GUID. Both sides' must be in the map, or it cannot be told which one it is."""
        whole, guid = reference.found[0], reference.part("l_guid").casefold()
        old, new = self.map.from_, self.map.to
        if new.guid and guid == new.guid.casefold():
            need = self._need(reference, reference.part("child"))
            return RuleVerdict(whole, kept="it lies in the new workspace already", need=need)
        if not (old.guid and new.guid and new.region):
            return RuleVerdict(whole, unmapped=NO_GUID)
        if guid != old.guid.casefold():
            return RuleVerdict(whole, kept="it lies in a workspace that is no part of the map")
        broken = self._find_broken_name(reference)
        if broken:
            return RuleVerdict(whole, unmapped=NO_NAME.format(name=broken))
        return self._in_workspace(reference) if reference.part("kind") else RuleVerdict(self._move(reference, None))

    def _in_workspace(self, reference: Reference) -> RuleVerdict:
        word, child = reference.part("kind"), reference.part("child")
        kind = KINDS.get(word.casefold())
        if kind is None:
            return RuleVerdict(reference.found[0], unmapped=f"{word} is no kind of thing that the map knows")
        if kind.is_run:
            return RuleVerdict(reference.found[0], unmapped=RUN)
        name, cut, tail = _split_version(child) if kind.need else (child, "", "")
        if kind.table == "endpoints" and _BATCH_RUN.match(reference.found.string, reference.end):
            return RuleVerdict(reference.found[0], unmapped=RUN)
        new = self.name_of(kind.table, name) if kind.table else name
        if new is None:
            return RuleVerdict(reference.found[0], unmapped=NO_ENTRY.format(table=kind.table, name=name))
        new = f"{new}{cut}{tail}"
        return RuleVerdict(self._move(reference, new), need=self._need(reference, new))

    @staticmethod
    def _find_broken_name(reference: Reference) -> str:
        """What stands in the place of a name that no table holds, and can be none."""
        kind, child = reference.part("kind").casefold(), reference.part("child")
        for name in (child if kind in KINDS and not KINDS[kind].table else "", reference.part("version")):
            if is_placeholder(name):
                return name
        behind = _UNREADABLE.match(reference.found.string, reference.end)
        return behind["name"] if behind and not child and behind["kind"].casefold() in KINDS else ""

    def _move(self, reference: Reference, child: str | None) -> str:
        """The reference with the new workspace, and with another child if one is given; all else as spelt."""
        to = self.map.to
        parts = {"subscription": to.subscription, "group": to.resource_group, "name": to.workspace}
        if reference.form == "location":
            parts = {"l_region": to.region, "l_guid": to.guid}
        if child is not None:
            parts[reference.group("child")] = child
        return _replace_parts(reference, parts)

    def _need(self, reference: Reference, child: str) -> Need | None:
        kind = KINDS.get(reference.part("kind").casefold())
        if kind is None or not kind.need or is_open(child):
            return None
        name, cut, tail = _split_version(child)
        by, version = ("labels" if cut == "@" else "versions", tail) if cut else ("", "")
        if reference.part("by"):
            by, version = reference.part("by").lower(), reference.part("version")
        return Need(kind.need, f"{self.map.to.id}/{kind.spelt}/{name}" + (f"/{by}/{version}" if by else ""))

    # -- references to other resources

    def _foreign(self, reference: Reference) -> RuleVerdict:
        whole = reference.found[0]
        provider, kind = reference.part("provider").casefold(), reference.part("type").casefold()
        name = reference.part("name")
        if kind == "userassignedidentities":
            return self._identity_id(reference)
        if provider == "microsoft.storage" and kind == "storageaccounts":
            return self._rename(whole, name, self.accounts.listed(name), "storage_accounts")
        if provider.endswith(("containerregistry", "machinelearningservices")) and kind == "registries":
            return self._rename(whole, name, self.registries.listed(name), "registries")
        return RuleVerdict(whole, kept=OUTSIDE)

    def _identity_id(self, reference: Reference) -> RuleVerdict:
        whole = reference.found[0]
        lead = reference.part("lead")
        bare = f"/{whole[len(lead) :]}"
        new = self.identity(bare)
        if new is None:
            return RuleVerdict(whole, unmapped=NO_ENTRY.format(table="identities", name=reference.part("name")))
        return RuleVerdict(whole if new == bare else lead.rstrip("/") + new)

    @staticmethod
    def _rename(whole: str, name: str, new: str | None, table: str) -> RuleVerdict:
        """A resource by ARM id, of which the map knows the name at most: another one cannot be placed."""
        if new is None or new.casefold() == name.casefold():
            return RuleVerdict(whole, kept=OUTSIDE)
        why = f"{OUTSIDE}; {table} has another name for {name}, but not its subscription and resource group"
        return RuleVerdict(whole, kept=why)

    # -- azureml://…

    def _azureml(self, reference: Reference) -> RuleVerdict:
        authority, first = reference.part("authority"), reference.part("first")
        match authority.casefold():
            case "datastores":
                return self._portable_datastore(reference, first)
            case "jobs" | "runs" if is_open(first):
                return RuleVerdict(reference.found[0])
            case "registries":
                new = self.registries.listed(first)
                return RuleVerdict(_replace_parts(reference, {"first": new}) if new else reference.found[0])
            case "subscriptions" if not first:
                return RuleVerdict(reference.found[0], kept="it names no workspace that could be told")
            case "jobs" | "runs" | "experiments" | "artifacts":
                return RuleVerdict(reference.found[0], unmapped=RUN)
            case word if "." in word:
                return self._mlflow_host(reference, authority)
            case _:
                why = f"azureml://{authority} is no spelling that the map can place in a workspace"
                return RuleVerdict(reference.found[0], unmapped=why)

    def _portable_datastore(self, reference: Reference, name: str) -> RuleVerdict:
        if not name or is_open(name):
            return RuleVerdict(reference.found[0])
        new = self.name_of("datastores", name)
        if new is None:
            return RuleVerdict(reference.found[0], unmapped=NO_ENTRY.format(table="datastores", name=name))
        return RuleVerdict(_replace_parts(reference, {"first": new}), portable=True)

    def _mlflow_host(self, reference: Reference, host: str) -> RuleVerdict:
        entries = self.urls.get(host.casefold())
        if entries:
            return RuleVerdict(_replace_parts(reference, {"authority": entries[0].to_host}))
        if host.casefold() in self.target_hosts:
            return RuleVerdict(reference.found[0])
        return RuleVerdict(
            reference.found[0], unmapped=f"the table endpoints has no entry for the regional host {host}"
        )

    # -- hosts

    def _host(self, reference: Reference, text: str) -> RuleVerdict | None:
        host = reference.found[0]
        folded = host.casefold()
        if folded in self.urls:
            return self._map_host(reference, folded, text)
        if folded in self.target_hosts:
            return RuleVerdict(host)
        if text[: reference.start].endswith("$"):
            return RuleVerdict(host)  # a variable of the shell is its first label
        label, _, _ = host.partition(".")
        rest = folded[len(label) :]
        if STORAGE_SUFFIX.fullmatch(rest):
            return self._storage(host, label)
        if REGISTRY_SUFFIX.fullmatch(rest):
            return self._registry(host, label)
        if self.registries.listed(host):
            return RuleVerdict(self._registry_host(host, self.registries.listed(host) or host))
        return self._regional(host, folded, label)

    def _map_host(self, reference: Reference, folded: str, text: str) -> RuleVerdict:
        entries = self.urls[folded]
        for entry in entries:
            if entry.path and _goes_on_with(text, reference.end, entry.path):
                return RuleVerdict(entry.to_host + entry.to_path, eaten=len(entry.path))
        if len({entry.to_host for entry in entries}) > 1:
            return RuleVerdict(reference.found[0], unmapped=f"the table endpoints has several hosts for {folded}")
        return RuleVerdict(entries[0].to_host)

    def _regional(self, host: str, folded: str, label: str) -> RuleVerdict | None:
        if REGIONAL.fullmatch(folded):
            return RuleVerdict(host, unmapped=f"the table endpoints has no entry for the regional host {host}")
        if ENDPOINT_SUFFIX.fullmatch(folded):
            return self._endpoint(host, label)
        return RuleVerdict(host, kept=OUTSIDE) if OUTSIDE_SUFFIX.fullmatch(folded) else None

    def _storage(self, host: str, label: str) -> RuleVerdict:
        account, cut, _ = label.partition("-secondary")
        new = self.accounts.listed(account)
        if new is None and account.casefold() in self.accounts.targets:
            return RuleVerdict(host)
        if new is None:
            return RuleVerdict(host, kept="the storage account is not in the map's table storage_accounts")
        return RuleVerdict(f"{new}{cut}{host[len(label) :]}")

    def _registry(self, host: str, label: str) -> RuleVerdict:
        new = self.registries.listed(host) or self.registries.listed(f"{label}.azurecr.io")
        new = new or self.registries.listed(label)
        if new is None and not self.registries.targets.isdisjoint((host.casefold(), label.casefold())):
            return RuleVerdict(host)
        if new is None:
            return RuleVerdict(host, unmapped=NO_ENTRY.format(table="registries", name=host))
        return RuleVerdict(self._registry_host(host, new))

    @staticmethod
    def _registry_host(host: str, new: str) -> str:
        """A registry's host under another name: that host itself, if one is given, else in the old one's domain."""
        suffix = host[host.find(".") :]
        if "." in new and REGISTRY_DOMAINS.fullmatch(suffix.casefold()):
            return new
        return _first_label(new) + (suffix if REGISTRY_SUFFIX.fullmatch(suffix.casefold()) else REGISTRY_DOMAIN)

    def _endpoint(self, host: str, label: str) -> RuleVerdict:
        listed = self.names["endpoints"].listed(label)
        if listed and "." in listed:
            return RuleVerdict(_host(listed))
        if listed is None and self.names["endpoints"].get(label):
            return RuleVerdict(host, kept="the map lets names be the same; the host names a region all the same")
        return RuleVerdict(host, unmapped=f"the table endpoints has no host for {host}")


def _replace_parts(reference: Reference, parts: Mapping[str, str]) -> str:
    """The text of a reference with some of its parts replaced."""
    found, pieces, last = reference.found, [], reference.start
    for name, new in sorted(parts.items(), key=lambda part: found.start(part[0])):
        if found[name] is None:
            continue
        pieces += [found.string[last : found.start(name)], new]
        last = found.end(name)
    return "".join((*pieces, found.string[last : reference.end]))


def _goes_on_with(text: str, at: int, path: str) -> bool:
    """Whether a URL's rest begins with this path, and not with a longer name that only begins like it."""
    return text.startswith(path, at) and not text[at + len(path) : at + len(path) + 1].strip("/?#&;,)]}>\"'`\\ \t\n")


def _split_version(child: str) -> tuple[str, str, str]:
    """An asset's name with a version or label behind it (``name:3``, ``name@latest``), cut."""
    for mark in ":@":
        name, cut, tail = child.partition(mark)
        if cut:
            return name, cut, tail
    return child, "", ""


def _first_label(host: str) -> str:
    return _host(host).partition(".")[0]


def _host(value: str) -> str:
    """The host of a URL, or the value itself if it is no URL; without regard to case."""
    if "://" in value:
        return (urlsplit(value).hostname or "").casefold()
    return value.partition("/")[0].partition(":")[0].casefold() if "." in value else value


def _urls(endpoints: Mapping[str, str]) -> dict[str, list[Url]]:
    """Entries given by host or URL, by host; longer paths first. A path stays out if it is the same on both sides."""
    found: dict[str, list[Url]] = {}
    for old, new in endpoints.items():
        if "." not in old or "." not in new:
            continue
        path, to_path = _path(old), _path(new)
        entry = Url("", _host(new), "") if path == to_path else Url(path, _host(new), to_path)
        found.setdefault(_host(old), []).append(entry)
    return {host: sorted(entries, key=lambda entry: -len(entry.path)) for host, entries in found.items()}


def _labels(endpoints: Mapping[str, str]) -> dict[str, str]:
    """Names of scoring endpoints that are given by host or URL: the first word of a host is the endpoint's name."""
    hosts = {_host(old): _host(new) for old, new in endpoints.items() if "." in old and "." in new}
    both = {old: new for old, new in hosts.items() if ENDPOINT_SUFFIX.fullmatch(old) and ENDPOINT_SUFFIX.fullmatch(new)}
    return {_first_label(old): _first_label(new) for old, new in both.items()}


def _path(value: str) -> str:
    """What follows the host, its port included."""
    rest = (value.partition("://")[2] if "://" in value else value).rpartition("@")[2]
    return rest[len(_host(value)) :].rstrip("/")
