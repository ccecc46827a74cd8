"""Calls of webhooks by steps: signed, to the host that the plan names and to no other, and bounded."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.adapters.http.plain import PlainHttp
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.notify.webhook_calls import SignedWebhooks
from orchestrator.core.base.errors import Forbidden, InvalidInput, Refused, TemporaryError, Throttled
from orchestrator.core.plan.steps_webhook import CallWebhook
from orchestrator.ports import WebhookAnswer

SECRET = "k€y"

type Start = Callable[[Callable[[socket.socket], None]], Any]
type Answers = Callable[..., Callable[[socket.socket], None]]


@pytest.fixture
def webhooks(transport: BoundedTransport) -> SignedWebhooks:
    """With the secret in an app setting."""
    return SignedWebhooks(PlainHttp(transport), {"SECRET": SECRET, "EMPTY": "", "PLAIN": "http://localhost/x"})


def step(port: int, **more: Any) -> CallWebhook:
    return CallWebhook(**({"url": f"https://localhost:{port}/hook?sig=s3cr3t", "secret_setting": "SECRET"} | more))


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        ("200 OK", (), WebhookAnswer(goes_on=False)),
        ("204 No Content", (), WebhookAnswer(goes_on=False)),
        ("202 Accepted", (), WebhookAnswer(goes_on=True)),
        (
            "202 Accepted",
            ("Location: /runs/7", "Retry-After: 5"),
            WebhookAnswer(goes_on=True, location="https://localhost:{port}/runs/7", retry_after=timedelta(seconds=5)),
        ),
    ],
)
def test_what_is_answered_is_read(
    webhooks: SignedWebhooks,
    serve: Start,
    answers: Answers,
    status: str,
    headers: tuple[str, ...],
    expected: WebhookAnswer,
) -> None:
    """A place that is relative is below what was called."""
    port = serve(answers(status, "", *headers)).port
    wanted = expected._replace(location=expected.location.format(port=port))
    assert webhooks.call(step(port), b"{}", "key") == wanted
    assert webhooks.ask(step(port), f"https://localhost:{port}/x") == wanted


@pytest.mark.parametrize("location", ["https://example.com/x", "http://localhost:{port}/x", "//169.254.169.254/x"])
def test_no_other_host_is_asked(webhooks: SignedWebhooks, serve: Start, answers: Answers, location: str) -> None:
    """A receiver cannot have us ask what only we can reach."""
    port = serve(answers("202 Accepted", "", f"Location: {location.format(port='1')}")).port
    with pytest.raises(Refused, match="not where the plan calls"):
        webhooks.call(step(port), b"{}", "key")
    with pytest.raises(Refused, match="not where the plan calls"):
        webhooks.ask(step(port), "https://example.com/x")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("500 Oops", TemporaryError),
        ("403 Forbidden", Forbidden),
        ("429 Slow", Throttled),
        ("400 Bad", Refused),
        ("307 Moved", Refused),
    ],
)
def test_a_refusal_is_told_without_the_url(
    webhooks: SignedWebhooks, serve: Start, answers: Answers, status: str, error: type[Exception]
) -> None:
    """It may hold a key."""
    port = serve(answers(status, "{}", "Location: https://example.com")).port
    for attempt in (
        lambda: webhooks.call(step(port), b"{}", "key"),
        lambda: webhooks.ask(step(port), f"https://localhost:{port}/s3cr3t"),
    ):
        with pytest.raises(error) as told:
            attempt()
        assert "s3cr3t" not in str(told.value)
        assert SECRET not in str(told.value)


def test_an_answer_without_an_end_is_not_read(
    webhooks: SignedWebhooks, serve: Start, request_of: Callable[[socket.socket], str]
) -> None:
    """Its head says everything."""

    def endless(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    assert webhooks.call(step(serve(endless).port), b"{}", "key") == WebhookAnswer(goes_on=False)


@pytest.mark.parametrize(
    "more", [{"secret_setting": "EMPTY"}, {"url": "", "url_setting": "NO"}, {"url": "", "url_setting": "PLAIN"}]
)
def test_without_its_settings_nothing_is_sent(webhooks: SignedWebhooks, more: dict[str, str]) -> None:
    """The setting is named; its value is not."""
    with pytest.raises(InvalidInput) as told:
        webhooks.call(step(1, **more), b"{}", "key")
    assert "app setting" in str(told.value)
    assert "localhost/x" not in str(told.value)
    with pytest.raises(InvalidInput):
        webhooks.check(step(1, **more))
