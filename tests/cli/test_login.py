"""Without a key the command line signs in: the token of the machine's login goes to the app, and nowhere else."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jwt
import pytest
import trustme

from orchestrator.cli.main import status_of
from orchestrator.simulator.cloud import LocalAzure

CREDENTIAL = "AZURE_TOKEN_CREDENTIALS"
"""Which of azure-identity's chain is asked (learn.microsoft.com, credential chains): not this machine's own."""


class SignedInApp(BaseHTTPRequestHandler):
    """An app that notes what it was sent, and answers like one with no pair; or that the role is missing."""

    seen: list[dict[str, str]]
    answers: list[tuple[int, object]]

    def _answer(self) -> None:
        self.seen.append({name.casefold(): text for name, text in self.headers.items()})
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, body = self.answers.pop(0) if self.answers else (200, {"as_of": None, "pairs": []})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_GET = do_POST = _answer  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        pass


class App:
    """Where it is, what it saw, and what it answers next."""

    def __init__(self, url: str, handler: type[SignedInApp]) -> None:
        self.url, self.seen, self.answers = url, handler.seen, handler.answers


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """An app behind https, and a machine whose login is the simulated identity."""
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    handler = type("Noted", (SignedInApp,), {"seen": [], "answers": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        monkeypatch.setenv(CREDENTIAL, "ManagedIdentityCredential")
        monkeypatch.delenv("HUBSWITCH_AUDIENCE", raising=False)
        monkeypatch.delenv("HUBSWITCH_KEY", raising=False)
        yield App(f"https://127.0.0.1:{server.server_port}", handler)
        server.shutdown()


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The token endpoint of the simulated Azure is this machine's."""
    with LocalAzure(canaries=False) as azure:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
            monkeypatch.setenv(name, azure.environment()[name])
        monkeypatch.setenv("AZURE_CLIENT_ID", azure.environment()["HUBSWITCH_EXECUTOR_CLIENT_ID"])
        yield


@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize(("given", "audience"), [(None, "api://hubswitch"), ("api://11-22", "api://11-22")])
def test_without_a_key_the_login_of_the_machine_is_used(
    app: App, given: str | None, audience: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its token is for the audience that is set, or for the usual one; no key goes along."""
    if given:
        monkeypatch.setenv("HUBSWITCH_AUDIENCE", given)
    assert status_of(["status", "--url", app.url]) == 0
    (sent,) = app.seen
    kind, _, token = sent["authorization"].partition(" ")
    assert (kind, jwt.decode(token, options={"verify_signature": False})["aud"]) == ("Bearer", audience)
    assert "x-functions-key" not in sent


def test_a_key_is_used_before_a_login(app: App) -> None:
    """No token is asked for: there is nobody here who could give one."""
    assert status_of(["status", "--url", app.url, "--key", "k"]) == 0
    (sent,) = app.seen
    assert (sent["x-functions-key"], "authorization" in sent) == ("k", False)


@pytest.mark.usefixtures("logged_in")
def test_a_role_that_is_missing_is_named(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit 2: no other key would help."""
    app.answers.append((403, {"detail": "ana lacks the role Operator: ask for it", "needed": "Operator"}))
    assert status_of(["pause", "demo", "--reason", "practice", "--url", app.url]) == 2
    assert capsys.readouterr().err == f"{app.url}: ana lacks the role Operator: ask for it\n"


def test_without_key_and_login_it_says_what_to_do(
    app: App, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to the app."""
    monkeypatch.setenv(CREDENTIAL, "EnvironmentCredential")
    assert status_of(["status", "--url", app.url]) == 2
    told = capsys.readouterr().err
    assert "az login" in told
    assert "--key" in told
    assert len(told.strip().splitlines()) == 1
    assert app.seen == []


def test_no_token_goes_over_plain_http(
    app: App, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if an audience is set."""
    monkeypatch.setenv("HUBSWITCH_AUDIENCE", "api://11-22")
    assert status_of(["status", "--url", app.url.replace("https", "http")]) == 2
    assert "https" in capsys.readouterr().err
    assert app.seen == []


def test_a_command_with_a_key_does_not_load_the_login() -> None:
    """It takes most of a second."""
    code = (
        "import sys; from orchestrator.cli.app_calls import App, get; "
        "get(App('http://127.0.0.1:1', 'k'), 'status', {}, sys.stderr); print('azure.identity' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
