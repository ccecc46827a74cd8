"""Whole exchanges beside types and a recording."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from conform.exchanges import Reference, call_of, check_all
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.request_log import LoggedExchange

type MakeExchange = Callable[..., LoggedExchange]

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
CALL = "GET resource-manager workspaces/*/boats/*"


def lines(reference: Reference, *exchanges: LoggedExchange) -> list[str]:
    return list(check_all(exchanges, reference).lines)


def answered(exchange: LoggedExchange) -> dict[str, Any]:
    return dict(json.loads(exchange.answered))


def test_an_answer_as_it_should_be_has_no_findings(reference: Reference, make_exchange: MakeExchange) -> None:
    """What is recorded and newer than the types is no difference."""
    report = check_all([make_exchange()], reference)
    assert (dict(report.lines), report.exchanges, report.recordings) == ({}, 1, 1)


def test_a_field_that_is_renamed_fails_twice(reference: Reference, make_exchange: MakeExchange) -> None:
    """The new name is extra, the old one is missing: this is what a change of the simulation would look like."""
    body = answered(make_exchange())
    body["properties"]["sails"] = body["properties"].pop("masts")
    assert lines(reference, make_exchange(body)) == [
        f"{CALL} | answer | .properties.masts: missing",
        f"{CALL} | answer | .properties.masts: missing, recorded",
        f"{CALL} | answer | .properties.sails: extra",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"draught": None}, []),
        ({"draught": "deep"}, [".properties.draught: type string, recorded number"]),
        ({"flag": "red"}, []),
        ({"tags": {"mine": "x"}}, []),
    ],
)
def test_a_recording_tells_types_but_not_what_people_choose(
    reference: Reference, make_exchange: MakeExchange, change: dict[str, Any], expected: list[str]
) -> None:
    """A null tells no type, and keys of maps are people's own."""
    body = answered(make_exchange())
    body["properties"] |= change
    assert lines(reference, make_exchange(body)) == [f"{CALL} | answer | {line}" for line in expected]


def test_headers_and_status_of_a_recording_count(reference: Reference, make_exchange: MakeExchange) -> None:
    """The web server's own headers do not."""
    assert lines(reference, make_exchange(headers={"content-type": "text/plain; charset=utf-8"})) == [
        f"{CALL} | answer | header content-type: value text/plain, recorded application/json",
        f"{CALL} | answer | header x-wind: missing",
    ]
    assert lines(reference, make_exchange(status=202)) == [f"{CALL} | answer | status 202: recorded 200"]


def test_a_recorded_element_tells_of_lists_too(reference: Reference, make_exchange: MakeExchange) -> None:
    """The service shows the same thing in both places."""
    body = answered(make_exchange())
    del body["properties"]["draught"]
    listed = make_exchange({"value": [body]}, path=make_exchange().path.rpartition("/")[0])
    assert lines(reference, listed) == [
        "GET resource-manager workspaces/*/boats | answer | .value.*.properties.draught: missing, recorded"
    ]


def test_what_the_product_sends_is_held_against_the_type(reference: Reference, make_exchange: MakeExchange) -> None:
    """Here with a read-only field, as a body from GET has it."""
    sent = {"properties": {"boatType": "Sail", "masts": 1, "key": "k", "state": "Afloat"}}
    answer = {"name": "mary", "properties": {"boatType": "Sail", "masts": 1}}
    assert lines(reference, make_exchange(answer, sent=sent, method="PUT")) == [
        "PUT resource-manager workspaces/*/boats/* | sent | .properties.state: extra, it is read-only",
    ]


def test_a_call_that_nothing_describes_is_told(reference: Reference, make_exchange: MakeExchange) -> None:
    """Silence must not look like success."""
    found = lines(reference, make_exchange(service="logs", path="/v1/anything", method="POST"))
    assert found == ["POST logs v1/anything | call | 200: neither typed nor recorded"]


def test_the_words_of_a_refusal_are_held_against_the_envelope(
    reference: Reference, make_exchange: MakeExchange
) -> None:
    """Resource Manager's, whatever was asked."""
    found = lines(reference, make_exchange({"fault": "no"}, status=503))
    assert found == [f"{CALL} | answer | .fault: extra"]


@pytest.mark.parametrize(
    ("service", "path", "expected"),
    [
        ("ledger", "/container/pair/jobs/x", "GET storage blob"),
        ("appconfig", "/kv/hubswitch:pair:active", "GET appconfig kv/*"),
        (
            "api",
            f"/history/v1.0{WORKSPACE}/experiments/e/runs:query",
            "GET api history/v1.0/workspaces/*/experiments/*/runs:query",
        ),
    ],
)
def test_a_call_is_named_without_the_names_in_it(service: str, path: str, expected: str) -> None:
    """So that one line stands for all jobs, keys and blobs."""
    assert call_of(service, "GET", path) == expected


def test_the_simulation_keeps_exchanges_only_when_asked() -> None:
    """Bodies of a thousand jobs are large."""
    import requests

    with LocalAzure() as azure:
        url = azure.urls["observer"]
        requests.get(url, verify=str(azure.ca_bundle), timeout=30)
        before = azure.log.exchanges()
        azure.log.keep_bodies()
        requests.get(url, verify=str(azure.ca_bundle), timeout=30)
        kept = azure.log.exchanges()
    assert before == []
    assert [(one.method, one.status, json.loads(one.answered)) for one in kept] == [("GET", 200, {"status": "ok"})]
