"""Deliveries over HTTP: handshakes, bodies that cannot be understood, and good elements among bad ones."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest
from bodies import cloud, grid, metric
from live import Caller, record_of, until

from orchestrator.core.plan.schema import Hub
from orchestrator.core.signals.ownership import Directory
from orchestrator.core.signals.parse import facts_from
from orchestrator.local.session import Local
from orchestrator.local.workload import User
from orchestrator.triggers import delivered_bodies
from orchestrator.triggers.answers import TooLarge
from orchestrator.triggers.delivered_bodies import Unreadable, read_facts
from orchestrator.watch.intake import JOBS_AT_ONCE, route

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


def test_what_cannot_be_read_shows_in_status_and_page_and_is_told_once(caller: Caller, local: Local) -> None:
    """An action group without the common schema looks well from where it sends; on-call must see it."""

    def told() -> list[str]:
        notices = local.azure.call(lambda: list(local.azure.event_grid.published))
        return [one["data"]["why"] for one in notices if one["type"] == "Hubswitch.DeliveriesUnread"]

    def counted(kind: str) -> dict[str, Any]:
        return {one["kind"]: one for one in caller.get("status").json()["unread"]}.get(kind, {})

    strange = {"schemaId": "SomethingOfOurOwn", "data": {"alert": "fired"}}
    assert caller.post("alerts", strange).status_code == 400
    until(lambda: counted("alert-shape").get("count") == 1, "the first to be counted")
    good = run_event(local.plan.primary, "not-a-run-of-ours")
    for _ in range(3):
        assert caller.post("alerts", [strange, good]).status_code == 200
    until(lambda: counted("alert-shape").get("count") == 4, "the others to be counted")
    what = counted("alert-shape")["what"]
    assert what.startswith("4 alerts in an unknown shape since ")
    assert "switch on the common alert schema" in what
    assert "4 alerts in an unknown shape" in caller.get("status", headers={"Accept": "text/html"}).text
    first = "1 alert in an unknown shape"
    until(lambda: any(why.startswith(first) for why in told()), "the notice")
    assert len([why for why in told() if why.startswith(first)]) == 1


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


VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


def ce_headers(event: dict[str, Any]) -> dict[str, str]:
    """The attributes of an event, as the binary mode sends them."""
    return {f"ce-{name}": said for name, said in event.items() if name != "data" and said}


def test_a_cloud_event_in_binary_mode_is_understood(caller: Caller) -> None:
    """The attributes are headers, the body is the data alone."""
    name = submitted(caller.local, "in-binary-mode")
    event = run_event(caller.local.plan.primary, name, "cloud")
    answer = caller.post("events", event["data"], headers=ce_headers(event))
    assert (answer.status_code, answer.json()["jobs"]) == (200, 1)
    assert until(lambda: record_of(caller.local, name), "the job's record").name == name


@pytest.mark.parametrize("mode", ["application/cloudevents+json", "application/cloudevents-batch+json"])
def test_structured_and_batched_events_are_in_the_body(caller: Caller, mode: str) -> None:
    """Headers beside them are not asked."""
    event = run_event(caller.local.plan.primary, "in-the-body", "cloud")
    body = json.dumps([event] if "batch" in mode else event)
    answer = caller.send("POST", "events", data=body, headers={"Content-Type": mode, "ce-type": "other"})
    assert (answer.status_code, answer.json()["received"], answer.json()["jobs"]) == (200, 1, 1)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"{} {}"])
def test_a_binary_event_whose_data_is_no_json_is_the_senders_fault(caller: Caller, body: bytes) -> None:
    event = run_event(caller.local.plan.primary, "x", "cloud")
    answer = caller.send("POST", "events", data=body, headers=ce_headers(event))
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    bare = caller.send("POST", "events", data=b"{}", headers={"ce-id": "1"})
    assert (bare.status_code, bare.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("schema", ["grid", "cloud", "binary"])
def test_a_handshake_whose_data_is_a_text_is_answered(caller: Caller, schema: str) -> None:
    """Senders encode twice."""
    data = json.dumps({"validationCode": "c-7"})
    if schema == "binary":
        answer = caller.post("events", data, headers=ce_headers(cloud(VALIDATION, None)))
    else:
        answer = caller.post("events", [grid(VALIDATION, data) if schema == "grid" else cloud(VALIDATION, data)])
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "c-7"})


def test_a_compressed_body_is_read(caller: Caller) -> None:
    """Whether the host or the app decompresses it."""
    body = gzip.compress(json.dumps([fired(caller.local.plan.primary, "compressed")]).encode())
    answer = caller.send("POST", "alerts", data=body, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["signals"]) == (200, 1)


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", b"no gzip", 400),
        ("gzip", gzip.compress(b"[]" * 500, mtime=0)[:-9], 400),
        ("gzip", gzip.compress(b" " * 3 * 1024 * 1024, mtime=0), 413),
        ("deflate", b"no deflate", 400),
        ("rot13", b"[]", 415),
    ],
)
def test_a_wrong_encoding_is_the_senders_fault(encoding: str, body: bytes, status: int) -> None:
    """Problem details, and nothing is handed over."""
    req = func.HttpRequest("POST", "/api/events", headers={"Content-Encoding": encoding}, body=body)
    with pytest.raises((Unreadable, TooLarge)) as caught:
        asyncio.run(read_facts(req))
    assert (caught.value.status if isinstance(caught.value, Unreadable) else 413) == status


def test_an_unknown_encoding_is_answered_with_problem_details(caller: Caller) -> None:
    answer = caller.send("POST", "events", data=b"[]", headers={"Content-Encoding": "rot13"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, "application/problem+json")


def test_a_large_body_is_read_in_a_thread_and_means_the_same() -> None:
    """Others do not wait for it."""
    elements = [{"broken": n, "filler": "x" * 100} for n in range(1000)]
    req = func.HttpRequest("POST", "/api/events", headers={}, body=json.dumps(elements).encode())
    assert len(asyncio.run(read_facts(req))) == 1000


def test_jobs_of_one_delivery_are_captured_in_chunks(caller: Caller) -> None:
    """One run for many jobs, not one for each."""
    plan = caller.local.plan
    events = [run_event(plan.primary, f"j{n}") | {"id": str(n)} for n in range(JOBS_AT_ONCE + 1)]
    found = route(Directory({plan.pair: plan}), facts_from(events), datetime.now(UTC))
    assert [len(order.jobs) for order in found.captures] == [JOBS_AT_ONCE, 1]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_compressed_as_it_says_is_answered_with_problem_details(
    caller: Caller, encoding: str
) -> None:
    """By whoever decompresses it."""
    answer = caller.send("POST", "events", data=b"not compressed", headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("body", [b"[" + b",".join([b"{}"] * 5000) + b"]", b"[" * 5000])
def test_a_body_of_much_work_is_read_in_a_thread_however_few_its_bytes(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5,000 empty objects are 15 KB: on the event loop everybody else would wait for them."""
    seen: list[bool] = []

    def note(text: bytes) -> Any:
        seen.append(threading.current_thread() is threading.main_thread())
        return facts_from(text)

    monkeypatch.setattr(delivered_bodies, "facts_from_text", note)
    asyncio.run(read_facts(func.HttpRequest(method="POST", url="/api/events", body=body)))
    assert seen == [False]
