"""Notices to a webhook arrive once, signed, and nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from notices import notice_of

from orchestrator.adapters.http.plain import PlainHttp
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.notify.webhook import SIGNATURE, WebhookNotices
from orchestrator.core.base.errors import Forbidden, InvalidInput, NotFound, Refused, TemporaryError, Unreachable
from orchestrator.core.plan.channels import WebhookChannel
from orchestrator.ports import Notice, Notices

SECRET = "k€y"

type Start = Callable[[Callable[[socket.socket], None]], Any]
type Requests = list[tuple[str, dict[str, str], bytes]]


def notice(identity: str = "n1", kind: str = "Hubswitch.Settled") -> Notice:
    return notice_of(identity=identity, kind=kind)


@pytest.fixture
def notices(transport: BoundedTransport) -> WebhookNotices:
    return WebhookNotices(PlainHttp(transport), {"OPS_SECRET": SECRET, "EMPTY": ""})


def channel(port: int, setting: str = "OPS_SECRET", path: str = "/hook") -> WebhookChannel:
    return WebhookChannel(url=f"https://localhost:{port}{path}", secret_setting=setting)


@pytest.fixture
def heard(serve: Start, request_of: Callable[[socket.socket], str]) -> tuple[Requests, int]:
    """What a webhook that answers 204 has been sent, and its port."""
    requests: Requests = []

    def handle(connection: socket.socket) -> None:
        while text := request_of(connection):
            head, _, body = text.partition("\r\n\r\n")
            first, *lines = head.split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            requests.append((first, headers, body.encode()))
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    return requests, serve(handle).port


def test_the_adapter_sends_notices(notices: WebhookNotices, heard: tuple[Requests, int]) -> None:
    """It fits the port; nothing to say is nothing sent."""
    port: Notices[WebhookChannel] = notices
    port.publish(channel(heard[1]), [])
    assert heard[0] == []


def test_a_notice_arrives_as_a_signed_cloud_event(notices: WebhookNotices, heard: tuple[Requests, int]) -> None:
    """Who has the secret can tell that the bytes are ours. No token of ours travels along."""
    requests, port = heard
    notices.publish(channel(port), [notice()])
    [(first, headers, body)] = requests
    assert first == "POST /hook HTTP/1.1"
    assert headers["content-type"] == "application/cloudevents+json"
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE.lower()] == f"sha256={expected}"
    assert "authorization" not in headers
    assert json.loads(body) == {
        "specversion": "1.0",
        "id": "n1",
        "source": "/hubswitch",
        "type": "Hubswitch.Settled",
        "subject": "demo",
        "time": "2026-03-01T12:00:00+00:00",
        "datacontenttype": "application/json",
        "data": {
            "pair": "demo",
            "why": "a tëst",
            "severity": "info",
            "what": "A run has ended and the pair is watched again",
            "since": "2026-03-01T12:00:00Z",
            "next": "No automatic switch until the cooldown is over.",
            "do": "When you have seen to everything, `acknowledge` ends the cooldown.",
            "matter": "outage",
            "closes": ["outage", "return", "run"],
        },
    }


def test_several_notices_are_several_requests(notices: WebhookNotices, heard: tuple[Requests, int]) -> None:
    """In order."""
    notices.publish(channel(heard[1]), [notice("a"), notice("b")])
    assert [json.loads(body)["id"] for _, _, body in heard[0]] == ["a", "b"]


@pytest.mark.parametrize("setting", ["EMPTY", "NOT_THERE"])
def test_without_its_secret_nothing_is_sent(notices: WebhookNotices, heard: tuple[Requests, int], setting: str) -> None:
    """The message names the setting."""
    with pytest.raises(InvalidInput, match=setting):
        notices.publish(channel(heard[1], setting), [notice()])
    assert heard[0] == []


def test_a_foreign_type_is_refused_before_anything_is_sent(
    notices: WebhookNotices, heard: tuple[Requests, int]
) -> None:
    """Only our own types go out under our name."""
    with pytest.raises(InvalidInput, match="type"):
        notices.publish(channel(heard[1]), [notice("a"), notice("b", "Microsoft.Storage.BlobCreated")])
    assert heard[0] == []


@pytest.mark.parametrize(
    ("status", "error"),
    [("500 Oops", TemporaryError), ("403 Forbidden", Forbidden), ("404 Not Found", NotFound), ("400 Bad", Refused)],
)
def test_what_a_webhook_answers_is_told(
    notices: WebhookNotices, serve: Start, answers: Callable[..., Any], status: str, error: type[Exception]
) -> None:
    """By our errors, with the host and without the path, which may hold a key."""
    port = serve(answers(status, "{}")).port
    with pytest.raises(error) as told:
        notices.publish(channel(port, path="/T0/s3cr3t"), [notice()])
    assert "s3cr3t" not in str(told.value)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(
    notices: WebhookNotices, serve: Start, heard: tuple[Requests, int], answers: Callable[..., Any], status: str
) -> None:
    """What the plan names gets the notice, and nobody else."""
    requests, port = heard
    moved = serve(answers(status, "", f"Location: https://localhost:{port}/hook")).port
    with pytest.raises(Refused, match="redirects are not followed"):
        notices.publish(channel(moved), [notice()])
    assert requests == []


@pytest.mark.longest_wait(3)
def test_a_silent_webhook_is_bounded(
    notices: WebhookNotices, serve: Start, request_of: Callable[[socket.socket], str]
) -> None:
    """Telling people never holds up what it tells of."""

    def silent(connection: socket.socket) -> None:
        request_of(connection)
        request_of(connection)

    port = serve(silent).port
    start = time.monotonic()
    with pytest.raises(Unreachable):
        notices.publish(channel(port), [notice()])
    assert time.monotonic() - start < 30
