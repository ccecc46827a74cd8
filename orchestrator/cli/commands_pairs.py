"""``hubswitch explain`` and ``hubswitch signals export``: asking an app over HTTP."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, NamedTuple, TextIO
from urllib.parse import quote, urlsplit

from orchestrator.core.base.errors import InvalidInput

TIMEOUT = (10, 240)
"""Seconds to connect, and to wait for the answer: a little more than Azure's front end waits (230 s)."""


class App(NamedTuple):
    """Where an app is, and the function key for it."""

    url: str
    key: str


def explain_command(app: App, pair: str, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 and the paragraph, 1 if the app knows no such pair, 2 and one line if it could not be asked."""
    status, body = _ask(app, f"pairs/{quote(pair, safe='')}/explain", {}, err)
    if status:
        return status
    found = _object(app, body)
    print(json.dumps(found) if as_json else format_explanation(found), file=out)
    return 0


def export_command(app: App, pair: str, since: str | None, *, out: TextIO, err: TextIO) -> int:
    """0 and JSON Lines, 1 if the app knows no such pair, 2 and one line if it could not be asked."""
    params = {"since": since} if since else {}
    status, body = _ask(app, f"pairs/{quote(pair, safe='')}/signals", params, err)
    if not status:
        out.write(body.decode("utf-8"))
    return status


def format_explanation(found: dict[str, Any]) -> str:
    """An explanation for people: the paragraph of the app, and what would change it."""
    changes = [f"  - {change}" for change in found.get("would_change", ())]
    return "\n".join([str(found.get("text")), *(["What would change it:", *changes] if changes else [])])


def _ask(app: App, path: str, params: dict[str, str], err: TextIO) -> tuple[int, bytes]:
    """Exit status and the answer's body."""
    import requests

    if not _is_address(app.url):
        raise InvalidInput("--url", "", "the app's address, such as http://127.0.0.1:7071", repr(app.url))
    url = f"{app.url.rstrip('/').removesuffix('/api')}/api/{path}"
    try:
        answer = requests.get(url, params=params, headers={"x-functions-key": app.key}, timeout=TIMEOUT)
    except (requests.RequestException, UnicodeError) as fault:
        print(f"{app.url}: the app did not answer: {type(fault).__name__}", file=err)
        return 2, b""
    if answer.ok:
        return 0, answer.content
    print(f"{app.url}: {_refusal(answer.status_code, answer.content)}", file=err)
    ours = answer.status_code == HTTPStatus.NOT_FOUND and b"there is no plan" in answer.content
    return (1 if ours else 2), b""


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _refusal(status: int, body: bytes) -> str:
    """One line on an answer that is no answer."""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return "the function key is missing or wrong (--key, or HUBSWITCH_KEY)"
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the app answered {status}"


def _object(app: App, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput(app.url, "", "an app of hubswitch, which answers with a JSON object", "something else")
    return found
