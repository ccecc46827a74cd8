"""Bodies beside Microsoft's two kinds of types."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from conform.bicep import BicepFolder, BicepTypes
from conform.openapi import OpenApi
from conform.shapes import Shape, check

BOATS = "Microsoft.MachineLearningServices/workspaces/boats"


def boat(**changes: Any) -> dict[str, Any]:
    return {"name": "mary", "properties": {"boatType": "Sail", "masts": 2, **changes}}


def found(body: Any, shape: Shape | None, *, sent: bool = False) -> list[str]:
    assert shape is not None
    return [str(finding) for finding in check(body, shape, "", sent=sent)]


def test_a_body_that_fits_its_type_has_no_findings(types: BicepTypes) -> None:
    """Names compare without regard to case, as Resource Manager does; null counts as absent."""
    body = boat(crew=["Ada"], tags={"x": "y"}, state=None)
    assert found(body, types.resource(BOATS.upper())) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"masts": None}, ".properties.masts: missing"),
        ({"masts": "two"}, ".properties.masts: type string, expected integer"),
        ({"mast": 2}, ".properties.mast: extra"),
        ({"crew": ["Ada", 3]}, ".properties.crew.*: type integer, expected string"),
        ({"tags": {"x": 1}}, ".properties.tags.*: type integer, expected string"),
        ({"boatType": "Raft"}, ".properties.boatType: value 'Raft' is none of the type's"),
    ],
)
def test_each_kind_of_difference_is_named(types: BicepTypes, changes: dict[str, Any], expected: str) -> None:
    """Missing, of another type, extra, in lists, in maps, of no known kind."""
    assert found(boat(**changes), types.resource(BOATS)) == [expected]


def test_who_sends_may_not_send_what_is_read_only_and_must_send_what_is_write_only(types: BicepTypes) -> None:
    """In an answer it is the other way round."""
    body = boat(state="Afloat")
    assert found(body, types.resource(BOATS)) == []
    del body["name"]
    assert found(body, types.resource(BOATS), sent=True) == [
        ".properties.key: missing",
        ".properties.state: extra, it is read-only",
    ]


def test_an_action_has_what_it_takes_and_what_it_gives(types: BicepTypes) -> None:
    """By its name, whose case Azure changes from version to version."""
    action = types.action(BOATS, "SINK")
    assert action is not None
    assert found({"masts": 1}, action[0], sent=True) == [".boatType: missing"]
    assert found({"deep": 3}, action[1]) == [".*: type integer, expected string"]
    assert types.action(BOATS, "float") is None


def test_an_api_version_that_is_not_there_is_read_with_the_next_newer_one(wire: Any) -> None:
    """The older ones may not know what was added."""
    folder = BicepFolder(wire / "specs")
    assert [getattr(folder.of(asked), "version", None) for asked in ("2030-05-05", "2031-01-01", "2040-01-01")] == [
        "2031-01-01"
    ] * 3


DOCUMENT: dict[str, Any] = {
    "paths": {
        "/fleets/{fleet}/boats:query": {
            "post": {
                "requestBody": {"$ref": "#/components/requestBodies/Query"},
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Boats"}}}},
                    "default": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}}},
                },
            }
        },
        "/{resourceUri}/boats": {"get": {"responses": {"200": {}}}},
    },
    "components": {
        "requestBodies": {
            "Query": {
                "content": {
                    "application/json": {"schema": {"type": "object", "properties": {"top": {"type": "integer"}}}}
                }
            }
        },
        "schemas": {
            "Named": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
            "Boat": {
                "allOf": [{"$ref": "#/components/schemas/Named"}],
                "properties": {
                    "kind": {"type": "string", "enum": ["Sail"]},
                    "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                    "tender": {"$ref": "#/components/schemas/Boat"},
                },
            },
            "Boats": {
                "type": "object",
                "properties": {"value": {"type": "array", "items": {"$ref": "#/components/schemas/Boat"}}},
            },
            "Fault": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}},
        },
    },
}


def test_a_document_describes_requests_answers_and_refusals() -> None:
    """With what is inherited, with types that contain themselves, and with the envelope of errors."""
    call = OpenApi(copy.deepcopy(DOCUMENT)).operation("POST", "/fleets/red/boats:query")
    assert call is not None
    assert found({"top": "ten"}, call.takes, sent=True) == [".top: type string, expected integer"]
    boat = {"name": "mary", "kind": "sail", "tags": {"a": "b"}, "tender": {"name": "tiny", "oars": 2}}
    assert found({"value": [boat, {"kind": "Raft"}]}, call.answer(200)) == [
        ".value.*.tender.oars: extra",
        ".value.*.name: missing",
        ".value.*.kind: value 'Raft' is none of the type's",
    ]
    assert found({"message": "no"}, call.answer(404)) == [".code: missing", ".message: extra"]


def test_a_resource_uri_stands_for_several_segments() -> None:
    """As in the document of Resource Health."""
    document = OpenApi(DOCUMENT)
    assert document.operation("GET", "/subscriptions/s/resourceGroups/g/boats") is not None
    assert document.operation("DELETE", "/subscriptions/s/boats") is None
