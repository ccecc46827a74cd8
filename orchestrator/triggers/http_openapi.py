"""``GET openapi.json``: the app's routes as OpenAPI 3.1, made from the table that binds them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import azure.functions as func
import msgspec

from orchestrator import __version__
from orchestrator.core.base.codec import decode, encode
from orchestrator.ports import Engine
from orchestrator.triggers.http_pairs import Handler
from orchestrator.triggers.routes import ANY_DELIVERY, Reply, Route, RouteAccess

VERSION = "3.1.0"
PROBLEM, PROBLEM_SHAPE = "application/problem+json", "Problem"
OBJECT = "object"
"""Any JSON object, as the name of a type."""

JSON = "application/json"

_ABOUT = """Failover for pairs of Azure Machine Learning and AI Foundry hubs. Answers may get further fields in a later
version. What went wrong is told as problem details (RFC 9457); without a key the answer is 401 with an empty body. A
path or a method that is none of these is answered by the host."""

_SIGNED_IN = """A token of Entra ID for the app's registration, where App Service authentication is on; its app roles
say what it may do. Browsers send a cookie instead, and the header `x-hubswitch-request` with orders."""

_PARTS = {"pair": "Name of a pair.", "id": "Id of a run or drill.", "name": "Name of a recovery group."}

_DELIVERY: Mapping[str, Any] = {
    "description": "Event Grid's schema, CloudEvents 1.0, or an alert of an action group; one, or an array of them.",
    "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}],
}

_REF = "#/components/schemas/{name}"


def openapi(routes: Sequence[Route]) -> Handler:
    """``GET openapi.json``."""

    @cache  # made at the first request: it takes some ten milliseconds that no worker's start should cost
    def content() -> bytes:
        return encode(document(routes))

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        del req, engine
        return func.HttpResponse(content(), mimetype=JSON)

    return handler


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    answered, told = _describe_answers(routes)
    sent, taken = _describe_bodies(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        for method in route.methods:
            operation = _operation(route, method, answered, sent)
            paths.setdefault(f"/{route.path}", {})[method.lower()] = operation
    made = {
        "openapi": VERSION,
        "info": {"title": "hubswitch", "version": __version__, "description": _ABOUT, "license": {"name": "MIT"}},
        "servers": [{"url": "/api"}],
        "paths": paths,
        "components": {
            "schemas": told | taken,
            "responses": {"Problem": _problem_answer(), "NoKey": {"description": "No key, or a wrong one."}},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "code": {"type": "apiKey", "in": "query", "name": "code"},
                "signed_in": {"type": "http", "scheme": "bearer", "description": _SIGNED_IN},
            },
        },
        "security": [{"key": []}, {"code": []}],
    }
    return decode(encode(made), dict[str, Any], "the OpenAPI document")  # defaults of shapes may be tuples


def _problem_answer() -> dict[str, Any]:
    return {
        "description": "What is wrong.",
        "content": {PROBLEM: {"schema": {"$ref": _REF.format(name=PROBLEM_SHAPE)}}},
    }


def _operation(route: Route, method: str, answered: Mapping[Any, Any], sent: Mapping[Any, Any]) -> dict[str, Any]:
    if method == "OPTIONS":
        return _handshake(route)
    responses = {str(status): _answer(answer, answered) for status, answer in route.answers.items()}
    responses |= {str(status): {"$ref": "#/components/responses/Problem"} for status in route.problems}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": list(_parameters(route)),
        "responses": responses,
    }
    if route.access is RouteAccess.ANYBODY:
        return operation | {"security": []}
    responses["401"] = {"$ref": "#/components/responses/NoKey"}
    if route.role is not None:
        responses["403"] = {"$ref": "#/components/responses/Problem"}
        operation["description"] = f"Needs a key, or a login with the role {route.role}."
        operation["security"] = [{"key": []}, {"code": []}, {"signed_in": [route.role.value]}]
    if route.body is None:
        return operation
    schema = _DELIVERY if route.body is ANY_DELIVERY else sent[route.body]
    return operation | {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def _handshake(route: Route) -> dict[str, Any]:
    """CloudEvents' abuse protection (HTTP 1.1 Web Hooks for Event Delivery, section 4)."""
    name = "WebHook-Request-Origin"
    origin = {"name": name, "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}}
    headers = {
        text: {"schema": {"type": "string"}, "required": True}
        for text in ("WebHook-Allowed-Origin", "WebHook-Allowed-Rate")
    }
    return {
        "operationId": f"{route.name}_handshake",
        "summary": "Handshake of CloudEvents.",
        "parameters": [origin],
        "responses": {
            "200": {"description": "The origin may deliver here.", "headers": headers},
            "400": {"$ref": "#/components/responses/Problem"},
            "401": {"$ref": "#/components/responses/NoKey"},
        },
    }


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", route.path):
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "description": _PARTS[name], "schema": schema}
    for query in route.query:
        yield {"name": query.name, "in": "query", "description": query.about, "schema": dict(query.schema)}


def _answer(answer: Reply, answered: Mapping[Any, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": {"type": "string"}} for media in answer.text}
    if answer.shapes:
        kinds = [answered[name] for name in answer.shapes]
        content[JSON] = {"schema": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}
    headers = {
        name: {"description": about, "schema": {"type": "string"}, "required": True}
        for name, about in answer.headers.items()
    }
    return {"description": answer.about, "content": content} | ({"headers": headers} if headers else {})


def _describe_answers(routes: Sequence[Route]) -> tuple[dict[str, Any], dict[str, Any]]:
    """By name of a type its schema, and the components that schemas refer to."""
    from orchestrator.triggers import answer_shapes  # its types cost a worker's start some hundredths of a second

    answers = (answer for route in routes for answer in route.answers.values())
    names = list(dict.fromkeys(name for answer in answers for name in answer.shapes if name != OBJECT))
    kinds = [getattr(answer_shapes, name) for name in [*names, PROBLEM_SHAPE]]
    made, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schemas: dict[str, Any] = dict(zip([*names, PROBLEM_SHAPE], made, strict=True))
    schemas[OBJECT] = {"type": "object"}
    return schemas, {name: _open(schema) for name, schema in components.items()}


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    """Values refuse unknown fields where we read them; a reader of answers should not."""
    return {name: value for name, value in schema.items() if name != "additionalProperties" or value is not False}


def _describe_bodies(routes: Sequence[Route]) -> tuple[dict[Any, Any], dict[str, Any]]:
    kinds = list(dict.fromkeys(route.body for route in routes if isinstance(route.body, type)))
    made, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    reason = {"minLength": 1, "pattern": r"\S"}  # as ``body_of`` has it
    for schema in components.values():
        if "reason" in schema.get("properties", {}):
            schema["properties"]["reason"] |= reason
    return dict(zip(kinds, made, strict=True)), components
