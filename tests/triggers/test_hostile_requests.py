"""Requests as no client of good will sends them: each is refused, none is a fault of ours, and others are served."""

from __future__ import annotations

import gzip
import socket
import time
import zlib

import pytest
from live import Caller

HEAD = b"Host: x\r\nx-functions-key: %s\r\n"
BOMB = zlib.compress(b"[" + b" " * 20_000_000 + b"]")


def status_of(caller: Caller, request: bytes, rest: bytes = b"") -> int:
    """Status of the answer to a request in its own bytes; the key is put in. ``rest`` is sent a moment later."""
    host, _, port = caller.local.host.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(request.replace(HEAD, HEAD % caller.local.key.encode()))
        if rest:
            time.sleep(0.05)  # so that the headers are read by themselves
            connection.sendall(rest)
        answer = b""
        while b"\r\n" not in answer:
            part = connection.recv(65536)
            assert part, f"closed without an answer to {request[:80]!r}"
            answer += part
    return int(answer.split(b" ")[1])


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /api/events HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n[]xxx",
        b"POST /api/events HTTP/1.1\r\n" + HEAD + b"Content-Length: -2\r\n\r\n[]",
        b"POST /api/events HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\n" + HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
        b"POST /api/events HTTP/1.1\r\n" + HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n[]",
        b"POST /api/events HTTP/1.1\r\n"
        + HEAD
        + b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
        + BOMB,
        b"GET /api/status HTTP/1.1\r\n" + HEAD + b"X-Long: " + b"a" * 65536 + b"\r\n\r\n",
        b"GET /api/status HTTP/1.1\r\nHost: x\r\nx-functions-key: \xc3\xa9\xff\r\n\r\n",
        b"GET /api/pairs/demo/decisions?limit=" + b"9" * 7000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
        *(b"GET /api/pairs/%s/explain HTTP/1.1\r\n" % name + HEAD + b"\r\n" for name in (b"%2e%2e%2fdemo", b"demo%00")),
        *(b"GET /api/runs/%s HTTP/1.1\r\n" % name + HEAD + b"\r\n" for name in (b"@pair@demo", b"%ff%fe", b"a" * 3000)),
        *(b"%s /api/events HTTP/1.1\r\n" % verb + HEAD + b"\r\n" for verb in (b"PUT", b"TRACE", b"NONSENSE")),
        b"DELETE /api/pairs/demo/failover HTTP/1.1\r\n" + HEAD + b"\r\n",
    ],
    ids=lambda request: request[:40].decode("latin-1") + str(len(request)),
)
def test_a_request_that_makes_no_sense_is_the_senders_fault(caller: Caller, request_: bytes) -> None:
    """4xx, and the app answers the next one."""
    assert 400 <= status_of(caller, request_) < 500
    assert caller.get("health/live", key=None).status_code == 200


def test_deliveries_that_never_end_keep_nobody_waiting(caller: Caller) -> None:
    """Three hundred senders that stop in the middle of a body hold a connection each, and nothing else."""
    host, _, port = caller.local.host.url.removeprefix("http://").partition(":")
    begun = b"POST /api/events HTTP/1.1\r\n" + HEAD % caller.local.key.encode() + b"Content-Length: 1000\r\n\r\n["
    held = [socket.create_connection((host, int(port)), timeout=120) for _ in range(300)]
    try:
        for connection in held:
            connection.sendall(begun)
        assert caller.get("status").status_code == 200
        assert caller.post("events", []).status_code == 200
    finally:
        for connection in held:
            connection.close()


def test_more_elements_than_event_grid_sends_are_refused_and_none_is_carried_out(caller: Caller) -> None:
    """One delivery has at most as many as Event Grid's own limit: 698,000 empty objects are two megabytes, too."""
    for elements in (5001, 698_000):
        answer = caller.send("POST", "events", data=b"[" + b",".join([b"{}"] * elements) + b"]")
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
        assert "5,000" in answer.json()["detail"] or "5000" in answer.json()["detail"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_body_that_breaks_off_is_answered(caller: Caller, encoding: str) -> None:
    """Wherever it breaks off, its last block included: a decompressing host may wait for the rest without end."""
    body = gzip.compress(b"[{}]") if encoding == "gzip" else zlib.compress(b"[{}]")
    for length in range(len(body)):
        headers = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding.encode(), length)
        assert 400 <= status_of(caller, b"POST /api/events HTTP/1.1\r\n" + HEAD + headers, body[:length]) < 500
