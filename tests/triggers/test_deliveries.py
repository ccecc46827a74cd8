"""Deliveries over HTTP: handshakes, bodies that cannot be understood, and good elements among bad ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from bodies import cloud, grid, metric
from live import Caller, record_of, until

from orchestrator.core.plan.schema import Hub
from orchestrator.local.session import Local
from orchestrator.local.workload import User

PLACES = ("events", "alerts")


def run_event(hub: Hub, run: str, schema: str = "grid", status: str = "Running") -> dict[str, Any]:
    """What Azure ML says of a job."""
    kind = "Microsoft.MachineLearningServices.RunStatusChanged"
    data = {"experimentName": "train", "runId": run, "runType": "azureml.commandjob", "runStatus": status}
    subject = f"experiments/train/runs/{run}"
    if schema == "grid":
        return grid(kind, data, subject=subject, topic=hub.project_id)
    return cloud(kind, data, subject=subject, source=hub.project_id)


def fired(hub: Hub, rule: str) -> dict[str, Any]:
    """A metric alert about a hub that has just fired."""
    return metric(alertTargetIDs=[hub.hub_id], alertRule=rule, firedDateTime=datetime.now(UTC).isoformat())


def submitted(local: Local, name: str) -> str:
    """A job that runs in the primary."""
    hub = local.plan.primary
    environment = f"{hub.project_id}/environments/train-env/versions/1"
    job = {
        "jobType": "Command",
        "command": "python train.py",
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
        "environmentId": environment,
        "tags": {"local.duration": "36000"},
    }
    User(local.azure).submit(hub, name, job)
    return name


@pytest.mark.parametrize("place", PLACES)
def test_the_handshake_of_event_grid_is_answered_with_its_code(caller: Caller, place: str) -> None:
    """Without this no subscription comes to be."""
    event = grid("Microsoft.EventGrid.SubscriptionValidationEvent", {"validationCode": "512d38b6"}, topic="")
    answer = caller.post(place, [event], headers={"aeg-event-type": "SubscriptionValidation"})
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})


def test_the_handshake_is_answered_where_its_data_is_a_text(caller: Caller) -> None:
    """Gateways encode twice."""
    event = grid(
        "Microsoft.EventGrid.SubscriptionValidationEvent", json.dumps({"validationCode": "512d38b6"}), topic=""
    )
    answer = caller.post("events", [event], headers={"aeg-event-type": "SubscriptionValidation"})
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})


def test_a_cloud_event_in_binary_mode_is_read_from_its_headers(caller: Caller, local: Local) -> None:
    """The attributes are headers, the body is the data."""
    event = run_event(local.plan.primary, submitted(local, "in-binary-mode"), "cloud")
    headers = {f"ce-{name}": event[name] for name in ("id", "source", "subject", "type", "specversion", "time")}
    answer = caller.send(
        "POST", "events", headers={**headers, "Content-Type": "application/json"}, data=json.dumps(event["data"])
    )
    assert (answer.status_code, answer.json()["jobs"]) == (200, 1)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Encoding": "gzip"}, b"[]", 415),
        ({}, b'[{"a": "\xff\xfe"}]', 400),
        ({}, b'[{"specversion": "1.0", "ty', 400),
    ],
)
def test_a_body_that_its_sender_broke_is_the_senders_fault(
    caller: Caller, headers: dict[str, str], body: bytes, status: int
) -> None:
    """No retry would mend it."""
    answer = caller.send("POST", "events", headers=headers, data=body)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (
        status,
        "application/problem+json",
    )


@pytest.mark.parametrize("place", PLACES)
def test_the_handshake_of_cloud_events_names_the_origin(caller: Caller, place: str) -> None:
    """The abuse protection of CloudEvents: who asked may deliver, as fast as it wishes."""
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
    answer = caller.send("OPTIONS", place, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
    assert answer.headers["WebHook-Allowed-Rate"] == "120"


def test_a_handshake_without_an_origin_is_refused(caller: Caller) -> None:
    """There is nobody to allow."""
    answer = caller.send("OPTIONS", "events")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"id": 1} {"id": 2}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b"3",
        b"null",
        b'"text"',
        b"NaN",
        b'{"hello": "world"}',
        b"[1, 2]",
    ],
)
@pytest.mark.parametrize("place", PLACES)
def test_a_body_of_which_nothing_is_understood_is_the_senders_fault(caller: Caller, place: str, body: bytes) -> None:
    """400, which is not delivered again: where, which field, what was expected, what was there."""
    answer = caller.send("POST", place, data=body)
    told = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert (told["where"], told["field"]) == (f"body of POST {place}", "")
    assert told["expected"] == "an event or an alert in JSON, or an array of them"
    assert told["got"]


@pytest.mark.parametrize("schema", ["grid", "cloud"])
def test_one_bad_element_does_not_cost_the_good_one(caller: Caller, schema: str) -> None:
    """200, the bad one is counted, and the job that the good one names is in the ledger."""
    name = submitted(caller.local, f"among-bad-{schema}")
    answer = caller.post("events", [5, run_event(caller.local.plan.primary, name, schema), {"hello": "world"}])
    assert (answer.status_code, answer.json()["invalid"], answer.json()["jobs"]) == (200, 2, 1)
    assert until(lambda: record_of(caller.local, name), "the job's record").name == name


def test_an_empty_array_is_understood(caller: Caller) -> None:
    """Nothing was said."""
    answer = caller.post("events", [])
    assert (answer.status_code, answer.json()["received"]) == (200, 0)


def test_what_concerns_nobody_here_is_ignored(caller: Caller) -> None:
    """Other people's projects, and types of events that say nothing of health."""
    events = [run_event(caller.local.plan.primary, "x") | {"topic": "/subscriptions/s/other"}, grid("Some.Thing", {})]
    assert caller.post("events", events).json() == {
        "received": 2,
        "signals": 0,
        "jobs": 0,
        "ignored": 2,
        "invalid": 0,
        "unknown": 0,
    }


def test_half_a_surrogate_pair_spoils_nothing(caller: Caller) -> None:
    """JSON allows it, UTF-8 does not; the pair can be shown afterwards all the same."""
    body = json.dumps([fired(caller.local.plan.primary, "half \ud800 a pair")])
    answer = caller.send("POST", "alerts", data=body.encode())
    assert (answer.status_code, answer.json()["signals"]) == (200, 1)
    assert caller.get("pairs/demo").status_code == 200
    assert caller.get("status", headers={"Accept": "text/html"}).status_code == 200


def test_an_alert_about_a_hub_becomes_evidence(caller: Caller) -> None:
    """The pair shows the class bad on that side, with the alert's own words."""
    caller.post("alerts", fired(caller.local.plan.secondary, "runs-fail"))

    def seen() -> str:
        verdict = caller.view()["evidence"]["secondary"]["metrics"]
        return verdict["why"] if verdict["observation"] == "bad" else ""

    assert "runs-fail" in until(seen, "the alert in the evidence")


def test_a_body_that_is_too_large_is_refused_unread(caller: Caller) -> None:
    """413: more than Event Grid and action groups ever send."""
    answer = caller.send("POST", "events", data=b"[" + b" " * 2 * 1024 * 1024 + b"]")
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
