"""Notices go out as CloudEvents that receivers can tell apart."""

from __future__ import annotations

import time

import pytest
from azure.core.credentials import TokenCredential
from notices import notice_of

from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.notify.event_grid import EventGridNotices
from orchestrator.core.base.errors import Forbidden, InvalidInput, Throttled, Unreachable
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.channels import EventGridChannel
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import Notice, Notices
from orchestrator.simulator.cloud import LocalAzure


def notice(identity: str, kind: str = "Hubswitch.TroubleOver") -> Notice:
    return notice_of(NoticeName.TROUBLE_OVER, identity=identity, kind=kind)


@pytest.fixture
def notices(executor: TokenCredential, azure_transport: BoundedTransport) -> EventGridNotices:
    return EventGridNotices(executor, azure_transport)


@pytest.fixture
def topic(azure: LocalAzure) -> EventGridChannel:
    return EventGridChannel(topic=plan_of(azure).notices or "")


def published(azure: LocalAzure, prefix: str) -> list[dict[str, object]]:
    return [event for event in azure.call(lambda: list(azure.event_grid.published)) if event["id"].startswith(prefix)]


def test_the_adapter_is_a_publisher_of_notices(notices: EventGridNotices, topic: EventGridChannel) -> None:
    """It fits the port; nothing to say is nothing sent."""
    port: Notices[EventGridChannel] = notices
    port.publish(topic, [])


def test_a_notice_arrives_as_a_cloud_event(
    notices: EventGridNotices, topic: EventGridChannel, azure: LocalAzure, pair: str
) -> None:
    """Type, subject, time and data are the notice's; the id is stable."""
    notices.publish(topic, [notice(f"{pair}-1")])
    event = published(azure, pair)[0]
    assert {name: event[name] for name in ("specversion", "type", "source", "subject", "id", "data")} == {
        "specversion": "1.0",
        "type": "Hubswitch.TroubleOver",
        "source": "/hubswitch",
        "subject": "demo",
        "id": f"{pair}-1",
        "data": {
            "pair": "demo",
            "why": "a tëst",
            "severity": "info",
            "what": "The pair's records can be read again",
            "since": "2026-03-01T12:00:00Z",
            "next": "The pair is watched as before.",
            "do": "Nothing.",
            "matter": "records",
            "closes": ["records"],
        },
    }


def test_many_notices_go_in_a_few_requests(
    notices: EventGridNotices, topic: EventGridChannel, azure: LocalAzure, pair: str
) -> None:
    """All arrive, in order."""
    notices.publish(topic, [notice(f"{pair}-{number}") for number in range(130)])
    assert [event["id"] for event in published(azure, pair)] == [f"{pair}-{number}" for number in range(130)]


def test_a_foreign_type_is_refused_before_anything_is_sent(
    notices: EventGridNotices, topic: EventGridChannel, azure: LocalAzure, pair: str
) -> None:
    """Only our own types go out under our name."""
    with pytest.raises(InvalidInput, match="type"):
        notices.publish(topic, [notice(f"{pair}-1"), notice(f"{pair}-2", "Microsoft.Storage.BlobCreated")])
    assert published(azure, pair) == []


def test_trouble_of_the_topic_is_told(notices: EventGridNotices, topic: EventGridChannel, azure: LocalAzure) -> None:
    """A topic that is busy or closed to us says so by our own errors."""
    azure.faults.set(azure.estate.third, "eventgrid", "429", retry_after=9)
    with pytest.raises(Throttled):
        notices.publish(topic, [notice("a")])
    azure.faults.set(azure.estate.third, "eventgrid", "403")
    with pytest.raises(Forbidden):
        notices.publish(topic, [notice("a")])


@pytest.mark.longest_wait(3)
def test_a_silent_topic_is_bounded(notices: EventGridNotices, topic: EventGridChannel, azure: LocalAzure) -> None:
    """Telling people never holds up what it tells of."""
    azure.faults.set(azure.estate.third, "eventgrid", "hang")
    start = time.monotonic()
    with pytest.raises(Unreachable):
        notices.publish(topic, [notice("a")])
    assert time.monotonic() - start < 20
