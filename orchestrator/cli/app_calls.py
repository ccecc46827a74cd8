"""Asking a deployed app over HTTP, and ordering something of it: addresses, keys, logins, answers."""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import Any, NamedTuple, TextIO
from urllib.parse import urlsplit

from orchestrator.core.base.errors import InvalidInput

TIMEOUT = (10, 240)
"""Seconds to connect, and to wait for the answer: a little more than Azure's front end waits (230 s)."""

AUDIENCE = "HUBSWITCH_AUDIENCE"
"""The application id URI of the app's registration in Entra ID, if it is another one than ``DEFAULT_AUDIENCE``."""

DEFAULT_AUDIENCE = "api://hubswitch"
"""What a login is for, if nobody says."""


class App(NamedTuple):
    """Where an app is, and the function key for it."""

    url: str
    key: str


def get(
    app: App, path: str, params: dict[str, str], err: TextIO, accept: str = "application/json"
) -> tuple[int, bytes]:
    """Exit status and the answer's body.

    0; 1 for a pair or run that the app does not know, or what does not exist yet; 2 for no answer.
    """
    status, code, body = _send(app, "GET", path, err, accept=accept, params=params)
    if status or code < HTTPStatus.BAD_REQUEST:
        return status, body
    print(f"{app.url}: {read_refusal(code, body)}", file=err)
    ours = code == HTTPStatus.NOT_FOUND and (b"there is no plan" in body or b"there is no run" in body)
    return (1 if ours or code == HTTPStatus.CONFLICT else 2), b""


def get_object(app: App, path: str, err: TextIO) -> tuple[int, dict[str, Any]]:
    """The same, as an object."""
    status, body = get(app, path, {}, err)
    return status, {} if status else read_object(app, body)


def post(app: App, path: str, given: dict[str, Any], err: TextIO) -> tuple[int, dict[str, Any]]:
    """Exit status and the answer's body: 0 if the order was handed over, 1 if the app refuses it, 2 for no answer."""
    status, code, body = _send(app, "POST", path, err, json=given)
    if status or code < HTTPStatus.BAD_REQUEST:
        return status, {} if status else read_object(app, body)
    print(f"{app.url}: {read_refusal(code, body)}", file=err)
    return (1 if code in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND} else 2), {}


def _send(
    app: App, method: str, path: str, err: TextIO, accept: str = "application/json", **more: Any
) -> tuple[int, int, bytes]:
    import requests

    if not _is_address(app.url):
        raise InvalidInput("--url", "", "the app's address, such as http://127.0.0.1:7071", repr(app.url))
    url = f"{app.url.rstrip('/').removesuffix('/api')}/api/{path}"
    try:
        # requests takes a key in a header of its own along to the host that a redirect names.
        headers = {**_credentials(app), "Accept": accept}
        answer = requests.request(method, url, headers=headers, timeout=TIMEOUT, allow_redirects=False, **more)
    except (requests.RequestException, UnicodeError) as fault:
        print(
            f"{app.url}: the app did not answer: {type(fault).__name__} (is it there? --url, or HUBSWITCH_URL)",
            file=err,
        )
        return 2, 0, b""
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST:
        print(f"{app.url}: it answered {answer.status_code}; redirects are not followed", file=err)
        return 2, 0, b""
    return 0, answer.status_code, answer.content


def _credentials(app: App) -> dict[str, str]:
    """A function key; without one, the token of this machine's login for the app.

    An app on this machine has no registration: without a key, and without an audience, it is asked as nobody.
    """
    audience = os.environ.get(AUDIENCE, "")
    is_https = urlsplit(app.url).scheme == "https"
    if app.key:
        return {"x-functions-key": app.key}
    if not audience and not is_https:
        return {}
    if not is_https:
        raise InvalidInput("--url", "", "an https address, since a token is sent there", repr(app.url))
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import DefaultAzureCredential

    scope = f"{audience or DEFAULT_AUDIENCE}/.default"
    try:
        with DefaultAzureCredential() as credential:
            token = credential.get_token(scope).token
    except ClientAuthenticationError as fault:
        said = str(fault.message).splitlines()[0]
        expected = f"a login that can have a token for {scope} (az login), or a function key (--key, HUBSWITCH_KEY)"
        raise InvalidInput(AUDIENCE, "", expected, said) from fault
    return {"Authorization": f"Bearer {token}", "x-hubswitch-request": "1"}


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def read_refusal(status: int, body: bytes) -> str:
    """One line on an answer that is no success."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        pass
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return "the function key is missing or wrong (--key, or HUBSWITCH_KEY), or the login is not one that it knows"
    return f"the app answered {status}"


def read_object(app: App, body: bytes) -> dict[str, Any]:
    """An answer's object.

    Raises:
        InvalidInput: it is none, so this is no app of hubswitch.
    """
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput(app.url, "", "an app of hubswitch, which answers with a JSON object", "something else")
    return found
