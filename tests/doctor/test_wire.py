"""Shapes of answers tell what Azure sends, and nothing of whose Azure it is."""

from __future__ import annotations

import gzip
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.http.exchanges import WireExchange
from orchestrator.core.base.codec import encode
from orchestrator.doctor.wire import CallShape, compare, shapes_of

ARM = "https://management.azure.com"
HUB = f"{ARM}/subscriptions/6f1d2c3b/resourceGroups/rg-secret/providers/Microsoft.MachineLearningServices/workspaces/w1"


def answer(
    body: Any, url: str = f"{HUB}/jobs?api-version=2024-04-01", status: int = 200, **headers: str
) -> WireExchange:
    return WireExchange("GET", url, status, {"content-type": "application/json", **headers}, json.dumps(body).encode())


def shape(*answers: WireExchange) -> CallShape:
    (only,) = shapes_of(answers, {})
    return only


def test_a_call_keeps_words_of_the_service_and_loses_names() -> None:
    """The same call in two subscriptions is one call."""
    found = shape(answer({"value": []}), answer({"value": []}, HUB.replace("w1", "w2") + "/jobs?api-version=x"))
    assert found.call == (
        "GET resource-manager /subscriptions/{}/resourcegroups/{}/providers/microsoft.machinelearningservices"
        "/workspaces/{}/jobs?api-version"
    )
    assert (found.status, found.times, found.fields) == (200, 2, {"value": ("array",)})


def test_fields_have_their_types_and_maps_lose_their_keys() -> None:
    """Tags, inputs and identities are named by people."""
    found = shape(
        answer({"value": [{"tags": {"team": "a"}, "n": 1, "on": True}, {"tags": None, "n": None}]}),
        answer({"value": [{"identity": {"userAssignedIdentities": {"/subscriptions/x": {"clientId": "y"}}}}]}),
    )
    assert found.fields == {
        "value": ("array",),
        "value[]": ("object",),
        "value[].identity": ("object",),
        "value[].identity.userAssignedIdentities": ("object",),
        "value[].identity.userAssignedIdentities.*": ("object",),
        "value[].identity.userAssignedIdentities.*.clientId": ("string",),
        "value[].n": ("null", "number"),
        "value[].on": ("boolean",),
        "value[].tags": ("null", "object"),
        "value[].tags.*": ("string",),
    }


SECRET = st.from_regex(r"zq[a-z]{6}", fullmatch=True)
VALUES = st.recursive(SECRET, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("value"), inner))


@given(secret=SECRET, value=VALUES, where=st.sampled_from(["tags", "inputs", "metadata"]))
def test_no_value_and_no_name_of_a_person_is_kept(secret: str, value: Any, where: str) -> None:
    """In paths, queries, headers, bodies, or as the key of a map."""
    url = f"{ARM}/subscriptions/{secret}/resourceGroups/{secret}/{secret}?filter={secret}&{secret}=1&$top={secret}"
    body = {"name": value, "properties": {where: {secret: value}, "properties": {secret: value}}}
    told = encode(shapes_of([answer(body, url, 200, etag=secret, location=secret)], {})).decode()
    assert "zq" not in told.replace(f"&{secret}", "")  # a parameter's name is Azure's


def test_what_people_serve_themselves_is_not_kept() -> None:
    """References, scoring endpoints, webhooks."""
    assert shapes_of([answer({"secret": 1}, "https://shop.example.com/secret")], {}) == ()


def test_a_simulated_service_is_known_by_its_address() -> None:
    found = shapes_of([answer({}, "https://127.0.0.1:4711/kv?key=x")], {"127.0.0.1:4711": "appconfig"})
    assert [each.call for each in found] == ["GET appconfig /kv?key"]


def test_a_body_that_is_packed_is_read_and_one_that_is_no_json_has_no_fields() -> None:
    packed = WireExchange("GET", f"{HUB}", 200, {"content-encoding": "gzip"}, gzip.compress(b'{"id": "x"}'))
    assert shape(packed).fields == {"id": ("string",)}
    for body in (b"<html>", b"\x1f\x8b", None, b"[" * 5000):
        assert shape(WireExchange("GET", HUB, 502, {"content-encoding": "gzip"}, body)).fields == {}


def test_differences_are_told_where_they_begin() -> None:
    """An object that is missing is one line, and none for each of its members."""
    real = shapes_of([answer({"a": {"b": 1, "c": {"d": 2}}, "n": "1", "same": 1}, **{"x-ms-one": "1"})], {})
    ours = shapes_of([answer({"n": 1, "same": 1, "more": None}, **{"x-ms-two": "1"})], {})
    place = f"{real[0].call} 200"
    assert compare(real, ours) == (
        f"{place}: header x-ms-one: only Azure sends it",
        f"{place}: header x-ms-two: only the simulation sends it",
        f"{place}: a (object): only Azure sends it",
        f"{place}: more (null): only the simulation sends it",
        f"{place}: n: Azure sends string, the simulation number",
    )
    assert compare(real, real) == ()


def test_a_status_or_a_call_that_the_simulation_never_gave_is_told() -> None:
    real = shapes_of([answer({}, status=403), answer({}, f"{HUB}/models")], {})
    ours = shapes_of([answer({}), answer({}, status=404)], {})
    told = compare(real, ours)
    assert [line.partition(": ")[2] for line in told] == [
        "the simulation answers 200, 404",
        "the simulation was not asked this",
    ]
