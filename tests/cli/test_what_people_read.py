"""What the command line prints for people while something is away, and what it keeps to itself."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from orchestrator.cli import commands_orders, commands_pairs
from orchestrator.cli.commands_readiness import format_live
from orchestrator.cli.main import status_of


class Flickering(BaseHTTPRequestHandler):
    """An app that answers its first and its third question, and takes every order."""

    asked = 0
    is_away = False
    orders: ClassVar[list[dict[str, object]]] = []

    def do_GET(self) -> None:
        type(self).asked += 1
        ended = {"id": "drill-1", "status": "completed", "output": {"ok": True}}
        view = {"as_of": "2026-03-01T12:00:00.5Z", "pairs": [], **ended}
        body = json.dumps(view if self.asked % 2 and not self.is_away else {"detail": "away"})
        self.send_response(200 if self.asked % 2 and not self.is_away else 503)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self) -> None:
        type(self).is_away = self.path.endswith("/failover")
        self.orders.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(202)
        self.end_headers()
        self.wfile.write(b'{"why": "taken", "run": "drill-1"}')

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def flickering() -> Iterator[str]:
    Flickering.asked, Flickering.is_away = 0, False
    Flickering.orders.clear()
    server = HTTPServer(("127.0.0.1", 0), Flickering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_watch_goes_on_while_the_app_is_away(
    flickering: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each view has its time, and each question without an answer a line on standard error."""

    def pause(_: float) -> None:
        if Flickering.asked == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(commands_pairs.time, "sleep", pause)
    assert status_of(["status", "--watch", "--url", flickering, "--key", "k"]) == 130
    said = capsys.readouterr()
    view = "as of 2026-03-01 12:00:00Z\nthe app has no plan of any pair\n"
    assert (said.out, said.err) == (view * 2, f"{flickering}: away\n")


def test_an_acknowledgement_can_be_forced(flickering: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For a run that will never report; without the option nothing is forced."""
    at = ("demo", "--reason", "the engine was rebuilt", "--by", "ana", "--url", flickering, "--key", "k")
    assert status_of(["acknowledge", *at, "--force"]) == 0
    assert status_of(["acknowledge", *at]) == 0
    capsys.readouterr()
    given = {"reason": "the engine was rebuilt", "by": "ana"}
    assert Flickering.orders == [given | {"force": True}, given]


def test_an_app_that_restarts_is_waited_for(flickering: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One question without an answer does not end --wait."""
    assert status_of(["drill", "demo", "--reason", "practice", "--wait", "--url", flickering, "--key", "k"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("taken\ndrill-1: completed\n", f"{flickering}: away\n")


def test_a_run_that_waits_for_a_person_is_not_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 3, and the command that answers; a run that waits for something else is waited for."""
    running, since = {"id": "drill-1", "status": "running"}, "2026-03-01T12:00:00Z"
    answers: dict[str, list[dict[str, object]]] = {
        "pairs/demo": [{"proposal": None}, {"proposal": None}, {"proposal": "drill-1/gate"}],
        "runs/drill-1": [
            {**running, "waits_for": None},
            {**running, "waits_for": {"step": "jobs", "since": since, "why": "x"}},
            {**running, "waits_for": {"step": "gate", "since": since, "why": "y"}},
        ],
    }
    monkeypatch.setattr(commands_orders, "POLL", 0)
    monkeypatch.setattr(commands_orders, "get_object", lambda _, path, __: (0, answers[path].pop(0)))
    monkeypatch.setattr(commands_orders, "post", lambda *_: (0, {"run": "drill-1", "why": "taken"}))
    assert status_of(["drill", "demo", "--reason", "practice", "--wait", "--url", "http://127.0.0.1:1"]) == 3
    said = capsys.readouterr()
    assert "waits for gate" in said.out
    assert said.err == "drill-1 waits for a person: hubswitch approve demo --proposal drill-1/gate\n"


def test_an_app_that_stays_away_is_not_waited_for_any_longer(
    flickering: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2, and the command that asks on."""
    monkeypatch.setattr(commands_orders, "POLL", 0)
    assert status_of(["failover", "demo", "--reason", "practice", "--wait", "--url", flickering, "--key", "k"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "drill-1 was started, and its end is not known: hubswitch run drill-1 --follow"


def test_an_app_that_is_not_there_names_the_option_that_may_be_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has set no address asks this machine, where mostly nothing listens."""
    assert status_of(["status", "--url", "http://127.0.0.1:1", "--key", "k"]) == 2
    assert "--url, or HUBSWITCH_URL" in capsys.readouterr().err


def test_what_the_sdks_log_is_not_printed_between_our_lines() -> None:
    """Without a handler Python prints warnings of a library on standard error, with their tracebacks."""
    code = (
        "import logging, sys; sys.argv = ['hubswitch', '--version']\n"
        "from orchestrator.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "logging.getLogger('azure.appconfiguration').warning('deserialization error')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""


def test_findings_on_the_way_home_say_which_side_is_meant() -> None:
    """The comparison calls the active side primary, which is the plan's secondary then."""
    found = {"pair": "demo", "as_of": "2026-03-01T12:00:00Z", "age_s": 60.0, "ready": True, "score": 100}
    found |= {"checks": 28, "findings": [], "trend": [], "kept": [], "failed": None}
    meaning = "below, `primary` means the side that was active, the secondary, and `secondary` its standby"
    assert meaning in format_live({**found, "active": "secondary"})
    assert meaning not in format_live({**found, "active": "primary"})


LONG = "approved by ana (the region is down): hub for 55 s, jobs for 55 s, inference for 55 s bad on the primary"


def test_a_long_reason_is_printed_once_where_it_arose_and_referred_to_later() -> None:
    """Newest first: the switch names the time of the approval. Scripts still get every entry whole."""
    entries = [
        {"at": "2026-03-01T12:02:00Z", "phase": "settled", "rule": "quiet", "why": "nothing is bad"},
        {"at": "2026-03-01T12:01:00Z", "phase": "resubmitting", "rule": "switched", "why": LONG},
        {"at": "2026-03-01T12:00:00Z", "phase": "switching", "rule": "approved", "why": LONG},
        {"at": "2026-03-01T11:00:00Z", "phase": "steady", "rule": "quiet", "why": "nothing is bad"},
    ]
    lines = commands_pairs.format_explanation({"text": "it switched", "journal": entries}).splitlines()[2:]
    assert lines == [
        "  2026-03-01 12:02:00Z settled quiet: nothing is bad",
        "  2026-03-01 12:01:00Z resubmitting switched: the reason of 2026-03-01 12:00:00Z",
        f"  2026-03-01 12:00:00Z switching approved: {LONG}",
        "  2026-03-01 11:00:00Z steady quiet: nothing is bad",
    ]


def test_an_order_carries_the_login_also_where_the_shell_has_no_name_for_it(flickering: str) -> None:
    """As in a container, where nothing sets ``USER``."""
    code = "import sys; from orchestrator.cli.main import run; run()"
    arguments = ["acknowledge", "demo", "--reason", "seen", "--url", flickering]
    bare = {name: text for name, text in os.environ.items() if name not in {"USER", "LOGNAME", "LNAME", "USERNAME"}}
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=bare, capture_output=True, check=False)
    assert (done.returncode, Flickering.orders[0].get("by")) == (0, pwd.getpwuid(os.getuid()).pw_name)
