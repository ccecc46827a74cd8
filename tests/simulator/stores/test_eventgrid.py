"""Event Grid: handshakes, deliveries with all their weaknesses, and the custom topic with its real publisher."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from aiohttp import web
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from stores_support import Credential, Host
from waiting import until

from orchestrator.simulator.services import AzureError, Kernel
from orchestrator.simulator.stores.event_shapes import Schema
from orchestrator.simulator.stores.eventgrid import CUSTOM, EventGrid

PROJECT = "/subscriptions/s/resourceGroups/RG/providers/Microsoft.MachineLearningServices/workspaces/proj"
CHANGED = "Microsoft.MachineLearningServices.RunStatusChanged"
COMPLETED = "Microsoft.MachineLearningServices.RunCompleted"


class Receiver:
    """A subscriber. ``willing`` is whether it shakes hands, ``answers`` are its next statuses (then 200)."""

    def __init__(self) -> None:
        self.willing = True
        self.answers: list[int] = []
        self.silence = 0.0
        self.asked = 0
        self.handshakes: list[dict[str, str]] = []
        self.heads: list[dict[str, str]] = []
        self.events: list[dict[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/hook", self._post), web.options("/hook", self._options)]

    @property
    def subjects(self) -> list[str]:
        return [event["subject"] for event in self.events]

    async def _post(self, request: web.Request) -> web.Response:
        body, head = await request.json(), dict(request.headers) | dict(request.query)
        if head.get("aeg-event-type") == "SubscriptionValidation":
            self.handshakes.append(head)
            code = body[0]["data"]["validationCode"] if self.willing else "other"
            return web.json_response({"validationResponse": code})
        self.asked += 1
        await asyncio.sleep(self.silence)
        self.heads.append(head)
        status = self.answers.pop(0) if self.answers else 200
        if status == 302:
            raise web.HTTPFound("/hook")
        if status == 200:
            self.events += body if isinstance(body, list) else [body]
        return web.Response(status=status)

    async def _options(self, request: web.Request) -> web.Response:
        self.handshakes.append(dict(request.headers))
        origin = request.headers["WebHook-Request-Origin"] if self.willing else "example.com"
        return web.Response(headers={"WebHook-Allowed-Origin": origin})


@pytest.fixture
def grid(kernel: Kernel, host: Host) -> Iterator[EventGrid]:
    grid = EventGrid(kernel, retry_speedup=1000.0, reply_window=0.5, trust=host.trust())
    host.run(grid.start())
    yield grid
    host.run(grid.stop())


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hook(receiver: Receiver, host: Host) -> str:
    return f"{host.serve(receiver.routes())}/hook"


def emit(host: Host, grid: EventGrid, *subjects: str, kind: str = CHANGED) -> None:
    for subject in subjects:
        host.call(lambda subject=subject: grid.emit(PROJECT.upper(), kind, subject, {"runId": subject}))


def wait(condition: Callable[[], object]) -> None:
    until(condition, "what the test waits for")


def settled(grid: EventGrid) -> None:
    wait(lambda: grid.pending == 0)


def test_events_arrive_in_the_event_grid_schema(host: Host, grid: EventGrid, receiver: Receiver, hook: str) -> None:
    """An array of one, with the headers of a notification, after a validation with a code."""
    host.run(grid.subscribe(PROJECT, f"{hook}?code=a%2Fb==", headers={"x-key": "k"}, name="jobs"))
    emit(host, grid, "experiments/e/runs/1")
    settled(grid)
    event, head = receiver.events[0], receiver.heads[0]
    assert EventGridEvent.from_dict(event).event_type == CHANGED
    assert (event["subject"], event["data"], event["dataVersion"]) == (
        "experiments/e/runs/1",
        {"runId": "experiments/e/runs/1"},
        "2",
    )
    assert (head["aeg-event-type"], head["aeg-subscription-name"], head["aeg-delivery-count"]) == (
        "Notification",
        "JOBS",
        "0",
    )
    assert (head["code"], head["x-key"], receiver.handshakes[0]["code"]) == ("a/b==", "k", "a/b==")


def test_events_arrive_as_cloud_events(host: Host, grid: EventGrid, receiver: Receiver, hook: str) -> None:
    """One object, structured mode, after an OPTIONS handshake."""
    host.run(grid.subscribe(PROJECT, hook, Schema.CLOUD_EVENT))
    emit(host, grid, "experiments/e/runs/1")
    settled(grid)
    event = CloudEvent.from_dict(receiver.events[0])
    assert (event.type, event.source, event.subject) == (CHANGED, PROJECT.upper(), "experiments/e/runs/1")
    assert receiver.heads[0]["Content-Type"].startswith("application/cloudevents+json")
    assert receiver.handshakes[0]["WebHook-Request-Origin"] == "eventgrid.azure.net"


@pytest.mark.parametrize("schema", list(Schema))
def test_a_subscriber_that_does_not_agree_gets_nothing(
    host: Host, grid: EventGrid, receiver: Receiver, hook: str, schema: Schema
) -> None:
    """A wrong code, or another allowed origin: the subscription is refused."""
    receiver.willing = False
    with pytest.raises(AzureError) as caught:
        host.run(grid.subscribe(PROJECT, hook, schema))
    assert (caught.value.status, caught.value.code, grid.subscriptions()) == (400, "Url validation", [])


@pytest.mark.parametrize("url", ["https://127.0.0.1:9/x", "https://example.com/x", "ftp://127.0.0.1/x"])
def test_an_endpoint_that_cannot_be_asked_is_refused(host: Host, grid: EventGrid, url: str) -> None:
    """Nobody listening, not on this machine, or no HTTP."""
    with pytest.raises(AzureError, match="failed"):
        host.run(grid.subscribe(PROJECT, url))


def test_plain_http_is_enough_on_this_machine(host: Host, grid: EventGrid, receiver: Receiver) -> None:
    """The local host of the functions speaks no TLS."""
    url = f"{host.serve(receiver.routes(), tls=False)}/hook"
    host.run(grid.subscribe(PROJECT, url))
    emit(host, grid, "1")
    settled(grid)
    assert receiver.subjects == ["1"]


def test_only_the_types_asked_for_are_sent(host: Host, grid: EventGrid, receiver: Receiver, hook: str) -> None:
    """Types compare without regard to case; other topics are not heard."""
    host.run(grid.subscribe(PROJECT, hook, included_types=[COMPLETED.lower()]))
    emit(host, grid, "a")
    emit(host, grid, "b", kind=COMPLETED)
    host.call(lambda: grid.emit("/subscriptions/other", COMPLETED, "c", {}))
    settled(grid)
    assert receiver.subjects == ["b"]
    assert len(grid.emitted) == 3


def test_events_keep_their_order_unless_asked_otherwise(
    host: Host, grid: EventGrid, receiver: Receiver, hook: str
) -> None:
    """Without dice, what was emitted first arrives first, once."""
    host.run(grid.subscribe(PROJECT, hook))
    subjects = [str(number) for number in range(50)]
    emit(host, grid, *subjects)
    settled(grid)
    assert receiver.subjects == subjects


def test_dice_double_and_reorder_but_lose_nothing(host: Host, grid: EventGrid, receiver: Receiver, hook: str) -> None:
    """All events arrive, some twice, some late; the same seed gives the same doubles."""
    host.run(grid.subscribe(PROJECT, hook, duplicates=0.3, reorder=0.3))
    subjects = [str(number) for number in range(40)]
    emit(host, grid, *subjects)
    settled(grid)
    assert set(receiver.subjects) == set(subjects)
    assert 40 < len(receiver.subjects) < 80
    assert list(dict.fromkeys(receiver.subjects)) != subjects


def test_failures_are_tried_again_and_counted(host: Host, grid: EventGrid, receiver: Receiver, hook: str) -> None:
    """5xx, redirects, 429 and even 205 are no success; the count of attempts goes with the event."""
    host.run(grid.subscribe(PROJECT, hook))
    receiver.answers = [500, 503, 429, 205, 302]
    emit(host, grid, "1")
    settled(grid)
    assert [head["aeg-delivery-count"] for head in receiver.heads] == ["0", "1", "2", "3", "4", "5"]
    assert (receiver.subjects, grid.dead_letters) == (["1"], [])


def test_a_failing_event_does_not_hold_up_the_next(host: Host, receiver: Receiver, hook: str) -> None:
    """What waits for its retry is overtaken: seconds here, in which a busy machine delivers the other one."""
    grid = EventGrid(Kernel(), retry_speedup=2.0, trust=host.trust())
    host.run(grid.start())
    host.run(grid.subscribe(PROJECT, hook))
    receiver.answers = [500]
    emit(host, grid, "1", "2")
    settled(grid)
    host.run(grid.stop())
    assert receiver.subjects == ["2", "1"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_a_final_refusal_is_never_tried_again(
    host: Host, grid: EventGrid, receiver: Receiver, hook: str, status: int
) -> None:
    """The event becomes a dead letter with its reason."""
    host.run(grid.subscribe(PROJECT, hook, name="jobs"))
    receiver.answers = [status]
    emit(host, grid, "1")
    settled(grid)
    letters = [(letter.subscription, letter.attempts, letter.outcome) for letter in grid.dead_letters]
    assert (letters, receiver.events) == ([("jobs", 1, f"HTTP {status}")], [])


def test_an_event_is_given_up_in_the_end(host: Host, grid: EventGrid, receiver: Receiver, hook: str) -> None:
    """After a day's worth of the schedule, long before thirty attempts, the event is a dead letter."""
    grid_in_a_hurry = EventGrid(Kernel(), retry_speedup=300_000, trust=host.trust())
    host.run(grid_in_a_hurry.start())
    host.run(grid_in_a_hurry.subscribe(PROJECT, hook))
    receiver.answers = [500] * 60
    emit(host, grid_in_a_hurry, "1")
    settled(grid_in_a_hurry)
    host.run(grid_in_a_hurry.stop())
    assert len(grid_in_a_hurry.dead_letters) == 1
    assert 5 < grid_in_a_hurry.dead_letters[0].attempts < 30
    assert grid.dead_letters == []


def test_silence_counts_as_failure(host: Host, grid: EventGrid, receiver: Receiver, hook: str) -> None:
    """A subscriber that does not answer in time is asked again, and may so see an event twice."""
    host.run(grid.subscribe(PROJECT, hook))
    receiver.silence = 60.0
    emit(host, grid, "1")
    until(lambda: receiver.asked, "the first delivery, which has to wait")
    receiver.silence = 0.0
    settled(grid)
    assert set(receiver.subjects) == {"1"}
    assert receiver.heads[-1]["aeg-delivery-count"] != "0"


def test_what_was_not_delivered_waits_for_the_next_start(
    host: Host, grid: EventGrid, receiver: Receiver, hook: str
) -> None:
    """Stopping loses nothing that is queued."""
    host.run(grid.subscribe(PROJECT, hook))
    host.run(grid.stop())
    emit(host, grid, "1")
    time.sleep(0.05)
    assert receiver.events == []
    host.run(grid.start())
    settled(grid)
    assert receiver.subjects == ["1"]


def test_a_cancelled_subscription_hears_nothing(host: Host, grid: EventGrid, receiver: Receiver, hook: str) -> None:
    """Neither what comes later nor what was waiting."""
    host.run(grid.subscribe(PROJECT, hook, name="jobs", delay=0.2))
    emit(host, grid, "1")
    host.run(grid.unsubscribe("jobs"))
    emit(host, grid, "2")
    time.sleep(0.3)
    assert (receiver.events, grid.pending) == ([], 0)


@pytest.fixture
def topic(host: Host, grid: EventGrid) -> str:
    return f"{host.serve(grid.routes())}/api/events"


def publish(topic: str, credential: Any, host: Host, events: Any) -> None:
    """Send with the real publisher, which takes transport settings with each call only."""
    with EventGridPublisherClient(topic, credential) as client:
        client.send(events, connection_verify=host.ca, retry_total=0)


def notice(subject: str = "pairs/demo", **more: Any) -> CloudEvent:
    return CloudEvent(source="/hubswitch", type="Hubswitch.PhaseChanged", subject=subject, data={"epoch": 1}, **more)


def test_published_events_are_kept_and_delivered(
    host: Host, grid: EventGrid, topic: str, receiver: Receiver, credential: Credential
) -> None:
    """A batch from the real publisher, with a token for Event Grid, reaches subscribers of the custom topic."""
    host.run(grid.subscribe(CUSTOM, f"{host.serve(receiver.routes())}/hook", Schema.CLOUD_EVENT))
    publish(topic, credential, host, [notice("pairs/a", extensions={"epoch": "1"}), notice("pairs/b")])
    settled(grid)
    assert [event["subject"] for event in grid.published] == receiver.subjects == ["pairs/a", "pairs/b"]
    assert receiver.events[0]["epoch"] == "1"
    assert set(credential.scopes) == {"https://eventgrid.azure.net/.default"}


def test_the_topics_key_is_as_good_as_a_token(host: Host, grid: EventGrid, topic: str) -> None:
    """aeg-sas-key; another key is 401."""
    publish(topic, AzureKeyCredential(grid.topic_key), host, notice())
    assert len(grid.published) == 1
    with pytest.raises(ClientAuthenticationError):
        publish(topic, AzureKeyCredential("other"), host, notice())


def test_a_publisher_needs_the_role(host: Host, grid: EventGrid, topic: str, kernel: Kernel) -> None:
    """403 without it, 401 with a token of another service."""
    kernel.grant("reader", "blob.read")
    refused = []
    for credential in (Credential(kernel, "reader"), Credential(kernel, audience="https://storage.azure.com")):
        with pytest.raises(HttpResponseError) as caught:
            publish(topic, credential, host, notice())
        refused.append(caught.value.status_code)
    assert (refused, grid.published) == ([403, 401], [])


def test_events_of_the_other_schema_are_refused(host: Host, grid: EventGrid, topic: str) -> None:
    """The topic takes CloudEvents only: 400, and a subscriber cannot ask for the Event Grid schema either."""
    event = EventGridEvent(subject="s", event_type="T", data={}, data_version="1")
    with pytest.raises(HttpResponseError) as caught:
        publish(topic, AzureKeyCredential(grid.topic_key), host, event)
    assert (caught.value.status_code, grid.published) == (400, [])
    with pytest.raises(AzureError, match="CloudEventSchemaV1_0"):
        host.run(grid.subscribe(CUSTOM, "https://127.0.0.1:9/x"))


GOOD = {"id": "1", "source": "/s", "type": "T", "specversion": "1.0"}


@pytest.mark.parametrize(
    ("batch", "status"),
    [
        ([GOOD], 200),
        ([], 200),
        (GOOD, 400),
        ([GOOD, {**GOOD, "id": ""}], 400),
        ([{**GOOD, "specversion": "0.3"}], 400),
        ([{**GOOD, "Upper": "x"}], 400),
        ([{**GOOD, "time": "yesterday"}], 400),
        ([{**GOOD, "time": "2026-11-23T00:00:00"}], 400),
        ([{**GOOD, "data": {}, "data_base64": ""}], 400),
        (["text"], 400),
        ([{**GOOD, "data": "x" * 1024 * 1024}], 413),
    ],
)
def test_a_batch_is_taken_whole_or_not_at_all(host: Host, grid: EventGrid, topic: str, batch: Any, status: int) -> None:
    """One malformed event refuses all of them; too much is 413."""
    headers = {"aeg-sas-key": grid.topic_key, "Content-Type": "application/cloudevents-batch+json; charset=utf-8"}
    url = f"{topic}?api-version=2018-01-01"
    answer = requests.post(url, data=json.dumps(batch), headers=headers, verify=host.ca, timeout=60)
    assert answer.status_code == status
    assert len(grid.published) == (len(batch) if status == 200 else 0)


def test_a_request_must_say_who_and_what(host: Host, grid: EventGrid, topic: str) -> None:
    """No credentials 401, no version 400, another media type 415; each as an error with details."""
    key = {"aeg-sas-key": grid.topic_key}
    version = "?api-version=2018-01-01"
    for headers, query, status in (
        ({}, version, 401),
        (key, "", 400),
        ({**key, "Content-Type": "text/x"}, version, 415),
    ):
        answer = requests.post(topic + query, data="[]", headers=headers, verify=host.ca, timeout=60)
        assert (answer.status_code, len(answer.json()["error"]["details"])) == (status, 1)
