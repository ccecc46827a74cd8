"""What Azure answers, without anything of its owner: calls, statuses, names of headers, names and types of fields.

Nothing is kept but what is listed here, so that the file may be shown to everybody: a part of a path, the name of a
parameter, of a header or of a field stays only if it is a word of Microsoft's, everything else becomes ``{}`` or ``*``.
Values are never kept.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from orchestrator.core.base.codec import Value
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan


class AnsweredCall(Protocol):
    """An exchange, as ``orchestrator.adapters.http.exchanges`` keeps it."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes | None: ...


class CallShape(Value, kw_only=True):
    """What one kind of call was answered with one status, all answers together."""

    call: str
    """``GET resource-manager /subscriptions/{}/…?api-version``."""

    status: int
    times: int
    headers: tuple[str, ...]
    """Their names, sorted."""

    fields: dict[str, tuple[str, ...]]
    """Dotted path -> names of JSON types that were seen there. ``[]`` is an element, ``*`` a key that people choose."""


SERVICES = (
    ("resource-manager", r"management\.azure\.com"),
    ("azureml", r".+\.api\.azureml\.ms"),
    ("appconfig", r".+\.azconfig(-test)?\.io"),
    ("storage", r".+\.(blob|queue|table|file|dfs)\.core\.windows\.net"),
    ("keyvault", r".+\.vault\.azure\.net"),
    ("acr", r".+\.azurecr\.io"),
    ("logs", r"api\.loganalytics\.(io|azure\.com)"),
    ("login", r"login\.microsoftonline\.com|169\.254\.169\.254(:80)?"),
    ("eventgrid", r".+\.eventgrid\.azure\.net"),
)
"""Name of a service, and its public hosts."""

OTHER = "other"
"""References, scoring endpoints and webhooks: hosts of people's own. What they answer is not kept."""

OF_TRANSPORT = frozenset(
    ("connection", "content-length", "content-encoding", "date", "keep-alive", "server", "transfer-encoding", "vary")
)
"""Headers of the web server in front."""

PATH_WORDS = frozenset(
    {
        *("subscriptions", "resourcegroups", "providers", "workspaces", "computes", "datastores", "jobs", "codes"),
        *("versions", "environments", "data", "models", "components", "registries", "connections"),
        *("onlineendpoints", "deployments", "batchendpoints", "schedules", "usages", "quotas", "storageaccounts"),
        *("blobservices", "default", "vaults", "configurationstores", "replicas", "replications", "roleassignments"),
        *("privateendpointconnections", "diagnosticsettings", "availabilitystatuses", "events", "kv", "accounts"),
        *("skus", "locations", "vmsizes", "listkeys", "history", "experiments", "experiments:query", "runs:query"),
        *("rundata", "index", "entities", "v1.0", "v2", "v2.0", "_catalog", "oauth2", "exchange", "token"),
        *("metadata", "identity", "query", "secrets", "runs", "virtualmachinefamily", "listnodes"),
        *("deletedaccounts", "deletedvaults", "projects", "serverlessendpoints"),
    }
)
"""Segments of paths that are words of the services, in lower case."""

MAPS = frozenset(
    {
        *("tags", "metadata", "userassignedidentities", "parameters", "resources", "environmentvariables", "inputs"),
        *("outputs", "jobs", "traffic", "mirrortraffic", "metrics"),
    }
)
"""Members whose keys are people's own, in lower case; ``properties`` below ``properties`` is one as well."""

_HEADER = re.compile(r"[a-z][a-z0-9-]{1,60}")
_FIELD = re.compile(r"[A-Za-z@$_][A-Za-z0-9@$_.]{0,60}")
_NAMESPACE = re.compile(r"microsoft\.[a-z]+", re.IGNORECASE)
_PARAMETER = re.compile(r"\$?[a-z][A-Za-z-]{1,30}")

DEEPEST = 30


def hosts_of(plan: Plan, resource_manager: str, log_analytics: str, login: str = "") -> dict[str, str]:
    """The hosts that a plan names -> service. Those of a simulated Azure have no names to tell them by."""
    named: list[tuple[str, str | None]] = [
        ("resource-manager", resource_manager),
        ("logs", log_analytics),
        ("login", login),
        ("appconfig", plan.pointer.endpoint),
        *(("appconfig", replica) for replica in plan.pointer.replicas),
        ("storage", plan.ledger.account),
    ]
    for role in Role:
        hub = plan.side(role)
        named += [("azureml", hub.api), ("storage", hub.storage), ("keyvault", hub.keyvault), ("acr", hub.acr)]
    return {urlsplit(url).netloc.casefold(): service for service, url in named if url}


def shapes_of(answers: Iterable[AnsweredCall], hosts: Mapping[str, str]) -> tuple[CallShape, ...]:
    """The shapes of all answers, sorted by call and status. Answers of hosts that are nobody's service are left out."""
    found: dict[tuple[str, int], tuple[int, set[str], dict[str, set[str]]]] = {}
    for answer in answers:
        service = _service(answer.url, hosts)
        if service == OTHER:
            continue
        key = (_call(answer, service), answer.status)
        times, headers, fields = found.get(key, (0, set(), {}))
        headers.update(name for name in answer.headers if _HEADER.fullmatch(name) and name not in OF_TRANSPORT)
        for path, kind in _fields(_json_in(answer), "", 0):
            fields.setdefault(path, set()).add(kind)
        found[key] = (times + 1, headers, fields)
    return tuple(
        CallShape(
            call=call,
            status=status,
            times=times,
            headers=tuple(sorted(headers)),
            fields={path: tuple(sorted(kinds)) for path, kinds in sorted(fields.items())},
        )
        for (call, status), (times, headers, fields) in sorted(found.items())
    )


def compare(real: Iterable[CallShape], simulated: Iterable[CallShape]) -> tuple[str, ...]:
    """What Azure answered otherwise than the simulated one, a line each: calls, then headers, then fields."""
    known = {(shape.call, shape.status): shape for shape in simulated}
    statuses: dict[str, list[int]] = {}
    for call, status in known:
        statuses.setdefault(call, []).append(status)
    lines: list[str] = []
    for shape in real:
        place = f"{shape.call} {shape.status}"
        other = known.get((shape.call, shape.status))
        if other is None:
            usual = ", ".join(map(str, sorted(statuses.get(shape.call, ()))))
            told = f"the simulation answers {usual}" if usual else "the simulation was not asked this"
            lines.append(f"{place}: {told}")
            continue
        lines += [f"{place}: header {name}: only Azure sends it" for name in _without(shape.headers, other.headers)]
        lines += [
            f"{place}: header {name}: only the simulation sends it" for name in _without(other.headers, shape.headers)
        ]
        lines += [f"{place}: {line}" for line in _compare_fields(shape.fields, other.fields)]
    return tuple(lines)


def _compare_fields(real: Mapping[str, tuple[str, ...]], simulated: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Where a whole object is on one side only, its members are not told one by one."""
    for path in sorted({*real, *simulated}):
        parent = path.rpartition(".")[0] if not path.endswith("[]") else path.removesuffix("[]")
        if parent and (parent in real) != (parent in simulated):
            continue
        if path not in simulated:
            yield f"{path} ({' or '.join(real[path])}): only Azure sends it"
        elif path not in real:
            yield f"{path} ({' or '.join(simulated[path])}): only the simulation sends it"
        elif not set(real[path]) <= {*simulated[path], "null"}:
            yield f"{path}: Azure sends {' or '.join(real[path])}, the simulation {' or '.join(simulated[path])}"


def _without(names: Iterable[str], others: Iterable[str]) -> list[str]:
    return sorted(set(names) - set(others))


def _service(url: str, hosts: Mapping[str, str]) -> str:
    host = urlsplit(url).netloc.casefold()
    if host in hosts:
        return hosts[host]
    return next((name for name, pattern in SERVICES if re.fullmatch(pattern, host)), OTHER)


def _call(answer: AnsweredCall, service: str) -> str:
    parts = urlsplit(answer.url)
    path = "/".join(_segment(segment) for segment in parts.path.split("/"))
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if _PARAMETER.fullmatch(name)})
    return f"{answer.method} {service} {path}" + (f"?{'&'.join(names)}" if names else "")


def _segment(segment: str) -> str:
    is_word = not segment or segment.casefold() in PATH_WORDS or _NAMESPACE.fullmatch(segment)
    return segment.casefold() if is_word else "{}"


def _json_in(answer: AnsweredCall) -> Any:
    """The JSON of an answer; a marker that becomes no field if it has none."""
    body = answer.body or b""
    with suppress(OSError, EOFError, zlib.error, ValueError, RecursionError):
        if answer.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return json.loads(body)
    return None


def _fields(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every place in a value, with the JSON type found there. The root itself is none."""
    if path:
        yield path, _kind(value)
    if depth > DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _fields(item, f"{path}[]", depth + 1)
    if isinstance(value, dict):
        is_map = _is_map(path)
        for key, item in value.items():
            name = "*" if is_map or not _FIELD.fullmatch(key) else key
            yield from _fields(item, f"{path}.{name}" if path else name, depth + 1)


def _is_map(path: str) -> bool:
    parts = path.casefold().replace("[]", "").split(".")
    return parts[-1] in MAPS or parts[-2:] == ["properties", "properties"]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
