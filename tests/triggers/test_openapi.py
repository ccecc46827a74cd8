"""The OpenAPI document: valid, of every route and no other, and true of what the running app answers."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import pytest
import requests
from jsonschema import Draft202012Validator
from live import Caller, until
from openapi_spec_validator import validate

from orchestrator.bootstrap import Deployment
from orchestrator.local.functions import index_app
from orchestrator.settings import Settings
from orchestrator.triggers import registration
from orchestrator.triggers.callers import CallerRole
from orchestrator.triggers.http_openapi import document as document_of
from orchestrator.triggers.routes import ROUTES

ROOT = Path(__file__).parents[2]
REASON = {"reason": "practice", "by": "ana"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of the table of routes."""
    return document_of(ROUTES)


@pytest.fixture
def app() -> df.DFApp:
    """An app that serves one of the sample plans."""
    return registration.build(Deployment({"HUBSWITCH_PLANS": "plans/hot-warm.yaml"}, ROOT))


def refer(document: Mapping[str, Any], found: Any) -> Any:
    """What a reference of the document leads to."""
    while "$ref" in found:
        path = found["$ref"].removeprefix("#/").split("/")
        found = document
        for part in path:
            found = found[part]
    return found


def close(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with no field allowed that it does not tell of."""
    closed = copy.deepcopy(dict(document))
    for schema in closed["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return closed


def find_faults(document: Mapping[str, Any], path: str, answer: requests.Response) -> Iterator[str]:
    """In what an answer is not as the document has it."""
    method = str(answer.request.method).lower()
    operation = document["paths"][path][method]
    told = operation["responses"].get(str(answer.status_code))
    if told is None:
        yield f"{method} {path}: {answer.status_code} is not told of: {answer.text[:200]}"
        return
    told = refer(document, told)
    yield from (f"no header {name}" for name in told.get("headers", {}) if name not in answer.headers)
    media = answer.headers.get("Content-Type", "").partition(";")[0]
    content = told.get("content", {})
    if not content:
        yield from ["a body that is not told of"] if answer.content else []
    elif media not in content:
        yield f"{method} {path}: {answer.status_code} as {media}, expected one of {sorted(content)}"
    elif "json" in media and "jsonl" not in media:
        schema = {**content[media]["schema"], "components": document["components"]}
        checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        yield from (
            f"{method} {path}: {fault.json_path}: {fault.message}" for fault in checker.iter_errors(answer.json())
        )


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """By the schema of OpenAPI 3.1, references and all."""
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_the_document_has_the_routes_that_are_bound_and_no_other(document: dict[str, Any], app: df.DFApp) -> None:
    """Path and method, as the host would get them; and who may call without a key."""
    bound = {
        (function.settings["route"].removeprefix("api"), str(getattr(method, "value", method)).lower()): (
            str(getattr(level := function.settings["authLevel"], "value", level)).casefold() == "anonymous"
        )
        for function in index_app(app)
        if function.trigger == "httpTrigger" and function.settings["route"].startswith("api/")
        for method in function.settings["methods"]
    }
    told = {
        (path, method): operation.get("security") == []
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert told == bound


def test_a_route_without_a_description_is_not_bound() -> None:
    """The app does not start with one: the fault names the table and the function."""
    with pytest.raises(LookupError, match=r"routes\.py: expected a row for the HTTP function get_secrets"):
        registration._route(df.DFApp(), "get_secrets", None, Settings(plans="plans"))  # type: ignore[arg-type]


def test_a_reader_changes_nothing() -> None:
    """A new route that takes an order says itself who may give it: the role that it has otherwise only reads."""
    assert [each.name for each in ROUTES if "POST" in each.methods and each.role is CallerRole.READER] == []


def test_operations_have_ids_of_their_own(document: dict[str, Any]) -> None:
    """Generators of clients name functions by them."""
    ids = [each["operationId"] for operations in document["paths"].values() for each in operations.values()]
    assert len(set(ids)) == len(ids)


def test_the_app_serves_the_document(caller: Caller, document: dict[str, Any]) -> None:
    """Behind the key, as everything but health."""
    assert caller.get("openapi.json").json() == document
    assert caller.get("openapi.json", key=None).status_code == 401


def test_a_field_that_is_not_told_of_is_found(document: dict[str, Any], caller: Caller) -> None:
    """The checks below would find an answer that has grown a field."""
    shapes = close(document)
    del shapes["components"]["schemas"]["ExplanationAnswer"]["properties"]["text"]
    faults = list(find_faults(shapes, "/pairs/{pair}/explain", caller.get("pairs/demo/explain")))
    assert re.search(r"'text' was unexpected", faults[0])


def test_answers_to_questions_are_as_told(document: dict[str, Any], caller: Caller) -> None:
    """Every GET: found and not found, well asked and badly."""
    run = caller.followed(caller.post("pairs/demo/drill", REASON))
    until(lambda: caller.get("pairs/demo/decisions").json()["decisions"], "a decision")
    asked = {
        "/health/live": ["health/live"],
        "/health/ready": ["health/ready"],
        "/openapi.json": ["openapi.json"],
        "/status": ["status"],
        "/pairs/{pair}": ["pairs/demo", "pairs/nope"],
        "/pairs/{pair}/explain": ["pairs/demo/explain", "pairs/nope/explain"],
        "/pairs/{pair}/decisions": ["pairs/demo/decisions", "pairs/nope/decisions", "pairs/demo/decisions?limit=x"],
        "/pairs/{pair}/readiness": ["pairs/demo/readiness", "pairs/nope/readiness"],
        "/pairs/{pair}/data": ["pairs/demo/data", "pairs/nope/data"],
        "/pairs/{pair}/signals": ["pairs/demo/signals", "pairs/nope/signals", "pairs/demo/signals?since=x"],
        "/runs": ["runs", "runs?pair=nope", "runs?limit=0"],
        "/doctor": ["doctor", "doctor?pair=demo", "doctor?pair=nope"],
        "/runs/{id}": [f"runs/{run['id']}", "runs/nope"],
        "/runs/{id}/evidence": [f"runs/{run['id']}/evidence", "runs/nope/evidence", "runs/failover-demo-e9/evidence"],
        "/audit": ["audit", "audit?pair=demo&format=jsonl", "audit?pair=nope", "audit?limit=0", "audit?format=x"],
    }
    gets = {path for path, operations in document["paths"].items() if "get" in operations}
    assert set(asked) == gets
    closed = close(document)
    answers = [(path, caller.get(url)) for path, urls in asked.items() for url in urls]
    answers += [(path, caller.get(urls[0], key=None)) for path, urls in asked.items()]
    answers.append(("/status", caller.get("status", headers={"Accept": "text/html"})))
    assert [fault for path, answer in answers for fault in find_faults(closed, path, answer)] == []


def test_answers_to_orders_are_as_told(document: dict[str, Any], caller: Caller) -> None:
    """Every POST: taken, refused, not understood, too large, of no pair."""
    closed, answers = close(document), []
    orders = [path for path, operations in document["paths"].items() if "post" in operations]
    for path in orders:
        url = path.removeprefix("/").format(pair="demo", id="failover-demo-e1", name="nobody")
        given: list[dict[str, Any]] = [{"json": {"reason": ""}}, {"data": b"{"}, {"data": b" " * 3_000_000}]
        answers += [(path, caller.send("POST", url, **one)) for one in given]
        answers.append((path, caller.post(url, REASON, key=None)))
        if "{pair}" in path:
            answers.append((path, caller.post(path.removeprefix("/").format(pair="nope", id=""), REASON)))
        if path not in {"/pairs/{pair}/failover", "/events", "/alerts"}:
            answers.append((path, caller.post(url, REASON)))
    answers += [
        ("/pairs/{pair}/resume", caller.post("pairs/demo/resume", REASON)),
        ("/events", caller.post("events", [])),
        ("/events", caller.post("events", [handshake()])),
        ("/events", caller.send("OPTIONS", "events")),
        ("/events", caller.send("OPTIONS", "events", headers={"WebHook-Request-Origin": "a.example"})),
        ("/events", caller.send("POST", "events", data=b"x", headers={"Content-Encoding": "br"})),
        ("/alerts", caller.post("alerts", {"schemaId": "nothing known"})),
    ]
    assert [fault for path, answer in answers for fault in find_faults(closed, path, answer)] == []
    assert {answer.status_code for _, answer in answers} >= {200, 202, 400, 401, 404, 409, 413, 415}


def handshake() -> dict[str, Any]:
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    more = {"topic": "", "subject": "", "eventTime": "2026-02-27T09:30:00Z", "dataVersion": "1"}
    return {"id": "1", "eventType": kind, "data": {"validationCode": "51"}, **more}
