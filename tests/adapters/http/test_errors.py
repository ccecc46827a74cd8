"""What each answer of Azure becomes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.rest import HttpResponse

from orchestrator.adapters.http.errors import from_azure, retry_after, shorten, translate_errors
from orchestrator.core.base.errors import (
    Conflict,
    Forbidden,
    HubswitchError,
    NotFound,
    PermanentError,
    Refused,
    TemporaryError,
    Throttled,
    Unreachable,
)

type Failing = Callable[..., HttpResponseError]


@pytest.fixture
def failing(get: Callable[..., HttpResponse], serve_plain: Any, answers: Any) -> Failing:
    """``failing("404 Not Found", body, "Header: value")``: the SDK's error for a real answer."""

    def make(status: str, body: str = "", *headers: str, kind: type[HttpResponseError] = HttpResponseError) -> Any:
        return kind(response=get(serve_plain(answers(status, body, *headers)).url))

    return make


STATUSES = [
    ("400 Bad Request", (), Refused),
    ("401 Unauthorized", (), Forbidden),
    ("403 Forbidden", (), Forbidden),
    ("404 Not Found", (), NotFound),
    ("408 Request Timeout", (), TemporaryError),
    ("409 Conflict", (), Refused),
    ("409 Conflict", ("x-ms-error-code: BlobAlreadyExists",), Conflict),
    ("409 Conflict", ("x-ms-error-code: LeaseAlreadyPresent",), Refused),
    ("410 Gone", (), NotFound),
    ("412 Precondition Failed", (), Conflict),
    ("413 Too Large", (), Refused),
    ("429 Too Many Requests", (), Throttled),
    ("500 Internal Server Error", (), TemporaryError),
    ("503 Unavailable", (), TemporaryError),
    ("503 Unavailable", ("Retry-After: 7",), Throttled),
    ("504 Gateway Timeout", (), TemporaryError),
    ("301 Moved", (), TemporaryError),
]


@pytest.mark.parametrize(("status", "headers", "expected"), STATUSES)
def test_each_status_becomes_one_error(
    failing: Failing, status: str, headers: tuple[str, ...], expected: type[HubswitchError]
) -> None:
    """The status alone decides, but for a 409 that says which condition failed and a 503 that says when."""
    assert type(from_azure(failing(status, "{}", *headers), "asking")) is expected


def test_the_class_of_the_sdk_decides_nothing(failing: Failing) -> None:
    """A busy resource arrives as ResourceExistsError; it is no conflict."""
    fault = failing("409 Conflict", '{"error": {"code": "AnotherOperationInProgress"}}', kind=ResourceExistsError)
    assert type(from_azure(fault, "asking")) is Refused


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy", "500 Oops"])
def test_the_wish_of_the_service_is_kept(failing: Failing, status: str) -> None:
    """Whoever tries again knows when the service wants to be asked."""
    error = from_azure(failing(status, "", "Retry-After: 17"), "asking")
    assert isinstance(error, TemporaryError)
    assert error.retry_after == timedelta(seconds=17)


def test_a_refusal_carries_status_and_code(failing: Failing) -> None:
    """A caller can tell one refusal from another without reading the message."""
    error = from_azure(failing("422 No", '{"error": {"code": "QuotaExceeded", "message": "too few cores"}}'), "asking")
    assert isinstance(error, Refused)
    assert (error.status, error.code) == (422, "QuotaExceeded")


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"code": "NoSuch", "message": "the workspace is gone"}}',
        '{"title": "NoSuch", "detail": "the workspace is gone", "status": 404}',
        '{"code": "NoSuch", "message": "the workspace is gone"}',
    ],
)
def test_messages_say_what_was_done_who_answered_and_what_was_said(failing: Failing, body: str) -> None:
    """One line is enough to know what went wrong."""
    text = str(from_azure(failing("404 Not Found", body), "reading x"))
    assert text.startswith("reading x: 127.0.0.1:")
    assert text.endswith("answered 404 (NoSuch: the workspace is gone)")


def test_bodies_are_cut(failing: Failing) -> None:
    """A page of HTML or a megabyte of JSON never gets into a message."""
    assert len(str(from_azure(failing("500 Oops", '{"error": {"message": "' + "x" * 9000 + '"}}'), "asking"))) < 400


@pytest.mark.parametrize("body", ["<html>", "[]", "null", '{"error": null}', '{"error": "invalid"}', ""])
def test_an_unreadable_body_does_not_hide_the_status(failing: Failing, body: str) -> None:
    """Whatever stands in the body, the status counts."""
    assert isinstance(from_azure(failing("404 Not Found", body), "asking"), NotFound)


@pytest.mark.parametrize("fault", [ServiceRequestError("refused"), ServiceResponseError("reset")])
def test_no_answer_is_unreachable(fault: AzureError) -> None:
    """Refused, reset, timed out: nobody answered."""
    assert type(from_azure(fault, "asking")) is Unreachable


def test_no_token_is_temporary() -> None:
    """An identity service that is down says nothing about rights."""
    error = from_azure(ClientAuthenticationError("endpoint down"), "asking")
    assert type(error) is TemporaryError
    assert "no token" in str(error)


def test_an_error_without_an_answer_is_temporary() -> None:
    """What the SDK cannot explain is tried again."""
    assert type(from_azure(HttpResponseError("odd"), "asking")) is TemporaryError


def test_a_block_translates_and_keeps_the_cause() -> None:
    """The SDK's error stays reachable for whoever debugs."""
    with pytest.raises(Unreachable, match="asking") as caught, translate_errors("asking"):
        raise ServiceRequestError("refused")
    assert isinstance(caught.value.__cause__, ServiceRequestError)


def test_our_own_errors_pass_a_block_unchanged() -> None:
    """A block inside a block does not wrap twice."""
    inner = PermanentError("no")
    with pytest.raises(PermanentError) as caught, translate_errors("asking"):
        raise inner
    assert caught.value is inner


def test_a_block_is_a_decorator_too() -> None:
    """A whole function can be translated."""

    @translate_errors("asking")
    def fail() -> None:
        raise ServiceRequestError("refused")

    with pytest.raises(Unreachable):
        fail()


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "12"}, timedelta(seconds=12)),
        ({"retry-after": "0"}, timedelta()),
        ({"Retry-After-Ms": "250", "Retry-After": "1"}, timedelta(milliseconds=250)),
        ({"x-ms-retry-after-ms": "40"}, timedelta(milliseconds=40)),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, timedelta(seconds=30)),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, timedelta()),
        ({"Retry-After": "soon"}, None),
    ],
)
def test_every_way_to_ask_for_time_is_understood(headers: dict[str, str], expected: timedelta | None) -> None:
    """Seconds, milliseconds in two spellings, and dates."""
    assert retry_after(headers, NOW) == expected


def test_signatures_are_left_out() -> None:
    """A SAS in a message would be a key in a log."""
    text = shorten("GET https://a/b?sv=1&sig=abc%2Fdef&se=2 failed")
    assert text == "GET https://a/b?sv=1&sig=…&se=2 failed"


@pytest.mark.parametrize(
    "fault",
    [ValueError("x"), KeyError("etag"), TypeError("x"), IndexError("x"), OverflowError("x"), RecursionError("x")],
)
def test_an_answer_that_cannot_be_read_is_temporary(fault: Exception) -> None:
    """Nonsense from a service is one of our errors, with what was being done."""
    with (
        pytest.raises(
            TemporaryError,
            match=rf"reading a: the service answered something .*{type(fault).__name__} at test_errors.py:\d+",
        ),
        translate_errors("reading a"),
    ):
        raise fault


@pytest.mark.parametrize("name", ["Retry-After", "retry-after-ms"])
def test_an_absurd_wish_to_wait_is_a_day(name: str) -> None:
    """Any number of digits is read."""
    assert retry_after({name: "9" * 400}) == timedelta(days=1)
