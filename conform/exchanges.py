"""Which call an exchange is, and what describes it: Microsoft's types, documents, recordings."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from conform.bicep import BicepFolder, BicepTypes
from conform.openapi import OpenApi, Operation
from conform.recorded import Recording, check_headers, check_recorded, elements_and_lists, has, recordings
from conform.shapes import ANYTHING, Field, Finding, Shape, check
from orchestrator.simulator.request_log import LoggedExchange

_PROVIDER = "Microsoft.MachineLearningServices"
_RESOURCE = re.compile(rf"/providers/{re.escape(_PROVIDER)}/(?P<rest>.+)$", re.IGNORECASE)
_WORKSPACE = re.compile(r"/subscriptions/[^/]+(/resourcegroups/[^/]+)?/providers/microsoft\.machinelearningservices/")
_GUID = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_SERVICE_OF_HOST = {
    "management.azure.com": "resource-manager",
    ".api.azureml.ms": "api",
    ".azconfig-test.io": "appconfig",
    ".azconfig.io": "appconfig",
    ".blob.core.windows.net": "storage",
    ".vault.azure.net": "keyvault",
    ".azurecr.io": "acr",
}
_DOCUMENTS = {
    "api": "machinelearningservices-runHistory.openapi.json",
    "acr": "containerregistry.openapi.json",
    "health": "resourcehealth-ResourceHealth.openapi.json",
}
_COLLECTION_WORDS = frozenset({"experiments", "kv", "runs", "secrets", "workspaces"})
"""Segments of a path behind which a name stands; in paths of Resource Manager every second one is a name."""


class Report(NamedTuple):
    """What a check has found: lines with how often each was seen, and calls that nothing describes."""

    lines: Mapping[str, int]
    exchanges: int
    recordings: int
    """Recordings that an answer of ours was held against."""


@dataclass(frozen=True)
class Description:
    """What is known of one call; None where nothing is."""

    takes: Shape | None = None
    gives: Shape | None = None
    by: str = ""


def call_of(service: str, method: str, path: str) -> str:
    """A call without the names in it, such as ``PUT resource-manager workspaces/*/jobs/*``."""
    place = _WORKSPACE.sub("/", path.lower().rstrip("/"))
    if service in {"storage", "ledger"}:
        return f"{method} storage blob"
    parts: list[str] = []
    for number, part in enumerate(place.strip("/").split("/")):
        by_place = service == "resource-manager" and number % 2 == 1
        is_name = by_place or (bool(parts) and parts[-1] in _COLLECTION_WORDS)
        parts.append("*" if is_name or _GUID.match(part) else part)
    return f"{method} {service} {'/'.join(parts)}"


class Reference:
    """Everything that a check knows from others: a folder with recordings, and types under ``specs``."""

    def __init__(self, folder: Path) -> None:
        self._types = BicepFolder(folder / "specs")
        self._documents = {
            service: OpenApi(json.loads((folder / "specs" / name).read_text(encoding="utf-8")))
            for service, name in _DOCUMENTS.items()
            if (folder / "specs" / name).exists()
        }
        self._recordings: dict[str, list[Recording]] = {}
        self._errors: dict[str, list[Recording]] = {}
        for each in recordings(folder):
            call = call_of(_service_of(each.host), each.method, each.path)
            self._recordings.setdefault(call, []).append(each)
            for path, other in elements_and_lists(each):
                call = call_of(_service_of(each.host), each.method, path)
                self._recordings.setdefault(call, []).append(other)
            if each.status >= HTTPStatus.BAD_REQUEST:
                self._errors.setdefault(_service_of(each.host), []).append(each)

    def recordings_of(self, call: str) -> list[Recording]:
        return self._recordings.get(call, [])

    def errors_of(self, service: str) -> list[Recording]:
        """Recorded refusals of a service, whatever was asked: their envelope is the same."""
        return self._errors.get(service, [])

    def describe(self, exchange: LoggedExchange) -> Description:
        """What the types say of a request and its answer."""
        service = "health" if "microsoft.resourcehealth" in exchange.path.lower() else exchange.service
        if service == "resource-manager":
            return self._of_manager(exchange)
        document = self._documents.get(service)
        found: Operation | None = document.operation(exchange.method, exchange.path) if document else None
        if found is None:
            return Description()
        return Description(found.takes, found.answer(exchange.status), by=_DOCUMENTS[service])

    def _of_manager(self, exchange: LoggedExchange) -> Description:
        version = parse_qs(exchange.query).get("api-version", [""])[0]
        types = self._types.of(version)
        if types is None:
            return Description()
        if exchange.status >= HTTPStatus.BAD_REQUEST:
            return Description(ANYTHING, types.named("ErrorResponse"), by="ErrorResponse")
        found = _RESOURCE.search(exchange.path)
        return _of_resource(types, exchange, found["rest"].split("/")) if found else Description()


def _of_resource(types: BicepTypes, exchange: LoggedExchange, parts: list[str]) -> Description:
    by = f"{types.version}"
    if exchange.method == "POST":
        action = types.action("/".join([_PROVIDER, *parts[:-1][::2]]), parts[-1])
        if action is not None:
            return Description(action[0], action[1], by)
        empty = exchange.status in {HTTPStatus.OK, HTTPStatus.ACCEPTED} and not exchange.answered
        return Description(ANYTHING, ANYTHING, by) if empty else Description()
    shape = types.resource("/".join([_PROVIDER, *parts[::2]]))
    if shape is None:
        return Description()
    if len(parts) % 2 == 0:
        return Description(shape, shape, by) if exchange.method in {"GET", "PUT"} else Description()
    listed = Shape(
        kinds=frozenset({"object"}),
        fields={
            "value": Field(lambda: Shape(kinds=frozenset({"array"}), items=lambda: shape), required=True),
            "nextLink": Field(lambda: Shape(kinds=frozenset({"string"}))),
        },
    )
    return Description(ANYTHING, listed, by)


def _service_of(host: str) -> str:
    return next((service for end, service in _SERVICE_OF_HOST.items() if host.endswith(end)), host)


def check_all(exchanges: Iterable[LoggedExchange], reference: Reference) -> Report:
    """Hold every exchange against what is known of its call."""
    lines: Counter[str] = Counter()
    count, used = 0, set[str]()
    for exchange in exchanges:
        count += 1
        call = call_of(exchange.service, exchange.method, exchange.path)
        for side, finding in _check_one(exchange, call, reference, used):
            lines[f"{call} | {side} | {finding}"] += 1
    return Report(dict(sorted(lines.items())), count, len(used))


def _check_one(
    exchange: LoggedExchange, call: str, reference: Reference, used: set[str]
) -> Iterator[tuple[str, Finding]]:
    described = reference.describe(exchange)
    known = reference.recordings_of(call)
    sent, answered = _decode(exchange.sent), _decode(exchange.answered)
    if described.gives is None and not known:
        yield "call", Finding(str(exchange.status), "neither typed nor recorded")
    if described.takes is not None and sent is not None:
        yield from (("sent", finding) for finding in check(sent, described.takes, "", sent=True))
    elif sent is not None and known:
        yield from (("sent", finding) for finding in _check_sent(sent, known))
    if described.gives is not None:
        for finding in check(answered, described.gives, "", sent=False):
            if finding.what != "extra" or not any(has(each.body, finding.path) for each in known):
                yield "answer", finding
    shape, refused = described.gives or ANYTHING, reference.errors_of(exchange.service)
    yield from (("answer", finding) for finding in _check_recordings(exchange, answered, known, shape, used))
    yield from (("answer", finding) for finding in _check_envelope(exchange, answered, refused, used))


def _check_sent(sent: Any, known: list[Recording]) -> Iterator[Finding]:
    """Members of a body that nobody recorded, where no type says what may be sent."""
    names = {name for each in known if isinstance(each.sent, dict) for name in each.sent}
    if names and isinstance(sent, dict):
        yield from (Finding(f".{name}", "extra, not recorded") for name in sent if name not in names)


def _check_recordings(
    exchange: LoggedExchange, answered: Any, known: list[Recording], shape: Shape, used: set[str]
) -> Iterator[Finding]:
    """The answer beside those that were recorded for the same call, of the same success."""
    well = exchange.status < HTTPStatus.MULTIPLE_CHOICES
    alike = [each for each in known if (each.status < HTTPStatus.MULTIPLE_CHOICES) == well]
    if well and alike and exchange.status not in {each.status for each in alike}:
        statuses = ", ".join(sorted({str(each.status) for each in alike}))
        yield Finding(f"status {exchange.status}", f"recorded {statuses}")
        return
    for each in alike:
        if each.status == exchange.status:
            used.add(each.name)
            yield from check_headers(each.headers, exchange.headers)
            yield from check_recorded(each.body, answered, shape, "")


def _check_envelope(
    exchange: LoggedExchange, answered: Any, refused: list[Recording], used: set[str]
) -> Iterator[Finding]:
    """A refusal beside other refusals of the service: the envelope does not depend on what was asked."""
    if exchange.status < HTTPStatus.BAD_REQUEST:
        return
    for each in refused:
        if isinstance(each.body, dict):
            used.add(each.name)
            yield from check_recorded(each.body, answered or {}, ANYTHING, "")


def _decode(data: bytes) -> Any:
    """JSON; None for what is empty or no JSON."""
    try:
        return json.loads(data)
    except ValueError:
        return None
