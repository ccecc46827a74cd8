"""A small reference of our own: two kinds of types and one recording, in a folder as the check expects it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conform.bicep import BicepTypes
from conform.exchanges import Reference
from orchestrator.simulator.request_log import LoggedExchange

BOATS = "Microsoft.MachineLearningServices/workspaces/boats"
TYPES: list[dict[str, Any]] = [
    {"$type": "StringType"},
    {"$type": "IntegerType"},
    {"$type": "StringLiteralType", "value": "Sail"},
    {"$type": "StringLiteralType", "value": "Motor"},
    {"$type": "UnionType", "elements": [{"$ref": "#/2"}, {"$ref": "#/3"}]},
    {"$type": "ArrayType", "itemType": {"$ref": "#/0"}},
    {"$type": "ObjectType", "name": "Tags", "properties": {}, "additionalProperties": {"$ref": "#/0"}},
    {
        "$type": "DiscriminatedObjectType",
        "name": "Boat",
        "discriminator": "boatType",
        "baseProperties": {
            "crew": {"type": {"$ref": "#/5"}, "flags": 0},
            "state": {"type": {"$ref": "#/0"}, "flags": 2},
            "tags": {"type": {"$ref": "#/6"}, "flags": 0},
            "key": {"type": {"$ref": "#/0"}, "flags": 5},
        },
        "elements": {"Sail": {"$ref": "#/8"}},
    },
    {
        "$type": "ObjectType",
        "name": "Sail",
        "properties": {
            "masts": {"type": {"$ref": "#/1"}, "flags": 1},
            "boatType": {"type": {"$ref": "#/4"}, "flags": 1},
        },
    },
    {
        "$type": "ObjectType",
        "name": BOATS,
        "properties": {
            "id": {"type": {"$ref": "#/0"}, "flags": 10},
            "name": {"type": {"$ref": "#/0"}, "flags": 9},
            "apiVersion": {"type": {"$ref": "#/0"}, "flags": 10},
            "properties": {"type": {"$ref": "#/7"}, "flags": 1},
        },
    },
    {"$type": "ResourceType", "name": f"{BOATS}@2031-01-01", "body": {"$ref": "#/9"}},
    {
        "$type": "ResourceFunctionType",
        "name": "sink",
        "resourceType": BOATS,
        "apiVersion": "2031-01-01",
        "output": {"$ref": "#/6"},
        "input": {"$ref": "#/8"},
    },
    {
        "$type": "ObjectType",
        "name": "ErrorResponse",
        "properties": {"error": {"type": {"$ref": "#/6"}, "flags": 0}},
    },
]

PLACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
BOAT = {
    "id": f"{PLACE}/boats/mary",
    "name": "mary",
    "properties": {"boatType": "Sail", "masts": 2, "crew": ["Ada"], "state": "Afloat", "tags": {"a": "b"}},
}
RECORDED = {
    "request": {"method": "GET", "url": f"https://management.azure.com{PLACE}/boats/x", "body": None},
    "response": {
        "status": 200,
        "headers": {"Content-Type": "application/json", "x-wind": "9", "Server": "s"},
        "body": BOAT | {"properties": BOAT["properties"] | {"draught": 1.5, "flag": None}},
    },
}

type MakeExchange = Callable[..., LoggedExchange]


@pytest.fixture
def types() -> BicepTypes:
    return BicepTypes(TYPES, "2031-01-01")


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    """A folder with types and one recorded pair."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "ml-2031-01-01.types.json").write_text(json.dumps(TYPES))
    (tmp_path / "boats--get.json").write_text(json.dumps(RECORDED))
    return tmp_path


@pytest.fixture
def reference(wire: Path) -> Reference:
    return Reference(wire)


@pytest.fixture
def make_exchange() -> MakeExchange:
    """A GET of a boat, as it should be; keywords change it."""

    def make(body: Any = None, sent: Any = None, **changes: Any) -> LoggedExchange:
        usual: dict[str, Any] = {
            "service": "resource-manager",
            "surface": "control",
            "method": "GET",
            "path": f"{PLACE}/boats/mary",
            "query": "api-version=2031-01-01",
            "sent": b"" if sent is None else json.dumps(sent).encode(),
            "status": 200,
            "headers": {"content-type": "application/json", "x-wind": "3"},
            "answered": json.dumps(RECORDED["response"]["body"] if body is None else body).encode(),
        }
        return LoggedExchange(**(usual | changes))

    return make
