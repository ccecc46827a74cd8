"""The runbook of a recovery plan reads what it is given strictly: what cannot be meant is refused before any call."""

from __future__ import annotations

import ast
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from automation import RUNBOOK, AutomationAccount, context

VARIABLES = {"hubswitch-url": "https://app.invalid", "hubswitch-key": "k", "hubswitch-pair": "demo"}


class Recorder(http.server.BaseHTTPRequestHandler):
    """An app that always says the same, and a place that gives tokens."""

    seen: ClassVar[list[tuple[str, str, dict[str, str], Any]]] = []
    answers: ClassVar[dict[str, Any]] = {}

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, dict(self.headers.items()), json.loads(body) if body else None))
        code, found = self.answers.get(
            f"{self.command} {self.path.partition('?')[0]}", (404, {"detail": "no such thing"})
        )
        data = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _answer  # noqa: N815 - names of the standard library

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    Recorder.seen, Recorder.answers = [], {}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "action: expected a recovery plan's context, or one of"),
        ((context("Sideways"),), "FailoverType: expected Test, Planned or Unplanned, got 'Sideways'"),
        ((context("Planned", "Upwards"),), "FailoverDirection: expected PrimaryToSecondary or SecondaryToPrimary"),
        (('{"RecoveryPlanName": "payroll"}',), "FailoverType: expected"),
        (("fallover",), "action: expected"),
        (("test", "minutes=900"), "minutes: expected a number from 1 to 170, got '900'"),
        (("test", "a b"), "argument 'a b': expected"),
        (("test", "color=red"), "argument 'color=red': expected"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """One line, and no call."""
    found = AutomationAccount(tmp_path, VARIABLES).run(*arguments)
    assert found.status == 1
    assert len(found.err.splitlines()) == 1
    assert said in found.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hubswitch-url": ""}, "variable hubswitch-url of the Automation account: expected a value"),
        ({"hubswitch-url": "http://app.example"}, "hubswitch-url: expected an https URL"),
        ({"hubswitch-key": "", "hubswitch-audience": "api://x"}, "expected a key, or a managed identity"),
        ({"hubswitch-pair": " "}, "variable hubswitch-pair of the Automation account"),
    ],
)
def test_an_account_without_what_is_needed_is_told(tmp_path: Path, change: dict[str, str], said: str) -> None:
    """Which variable, and what was expected."""
    found = AutomationAccount(tmp_path, VARIABLES | change).run("reprotect")
    assert (found.status, said in found.err) == (1, True), found.err


def test_without_a_key_the_managed_identity_signs_in(server: str, tmp_path: Path) -> None:
    """With the token of the audience, and never with the key's header."""
    Recorder.answers = {
        "GET /token": (200, {"access_token": "t0ken"}),
        "GET /api/pairs/demo": (200, {"phase": "settled", "run": None}),
        "POST /api/pairs/demo/acknowledge": (202, {"why": "acknowledged"}),
    }
    values = VARIABLES | {"hubswitch-url": server, "hubswitch-key": "", "hubswitch-audience": "api://hubswitch"}
    found = AutomationAccount(tmp_path, values).run(
        "reprotect", IDENTITY_ENDPOINT=f"{server}/token", IDENTITY_HEADER="s3cret"
    )
    assert (found.status, found.err) == (0, "")
    asked = [(path, headers) for _, path, headers, _ in Recorder.seen]
    assert asked[0][0] == "/token?resource=api%3A%2F%2Fhubswitch"
    assert {name.lower(): value for name, value in asked[0][1].items()}["x-identity-header"] == "s3cret"
    told = {name.lower(): value for name, value in asked[-1][1].items()}
    assert told["authorization"] == "Bearer t0ken"
    assert "x-functions-key" not in told
    assert Recorder.seen[-1][3] == {"reason": "recovery plan without a name", "by": "Azure recovery plan"}


@pytest.mark.parametrize(
    ("run", "action", "status"), [("failover-demo-e1", "failback", 1), ("failback-demo-e2", "failback", 0)]
)
def test_a_switch_that_is_under_way_is_waited_for_or_in_the_way(
    server: str, tmp_path: Path, run: str, action: str, status: int
) -> None:
    """A job that Automation has begun again does not order a second switch."""
    Recorder.answers = {
        "GET /api/pairs/demo": (200, {"run": run, "active": "secondary"}),
        f"GET /api/runs/{run}": (200, {"status": "completed", "output": {"outcome": "completed", "why": "x"}}),
    }
    found = AutomationAccount(tmp_path, VARIABLES | {"hubswitch-url": server}).run(action)
    assert found.status == status, found.err
    assert not [method for method, *_ in Recorder.seen if method == "POST"]


def test_a_run_that_ends_badly_fails_the_job_with_its_reason(server: str, tmp_path: Path) -> None:
    """Outcome and reason in one line."""
    output = {"ok": False, "findings": [{"check": "reach", "ok": False, "why": "no compute"}]}
    Recorder.answers = {
        "POST /api/pairs/demo/drill": (202, {"run": "drill-demo-1"}),
        "GET /api/runs/drill-demo-1": (200, {"status": "completed", "output": output}),
    }
    found = AutomationAccount(tmp_path, VARIABLES | {"hubswitch-url": server}).run("test")
    assert (found.status, "reach: no compute" in found.err) == (1, True)
    assert "WARNING: the Automation account has no variable hubswitch-drill-run" in found.out


def test_it_needs_nothing_but_an_older_python() -> None:
    """Automation's runtimes have no package of ours, and no newer syntax."""
    tree = ast.parse(RUNBOOK.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {
        name.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    assert names == {"automationassets", "json", "os", "sys", "time", "urllib"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def test_the_template_makes_what_the_runbook_reads() -> None:
    """Each runbook's name ends in an action, and no variable is missing."""
    template = (RUNBOOK.parent / "runbooks.bicep").read_text(encoding="utf-8")
    source = RUNBOOK.read_text(encoding="utf-8")
    read = set(re.findall(r'"(hubswitch-[a-z-]+)"', source))
    made = set(re.findall(r"^  name: '(hubswitch-[a-z-]+)'$", template, re.MULTILINE))
    assert read == made
    (listed,) = re.findall(r"^var names = \[(.*)\]$", template, re.MULTILINE)
    actions = {name.strip(" '").removeprefix("hubswitch").lstrip("-") for name in listed.split(",")}
    assert actions == {"", "failover", "failback", "test", "commit", "cleanup", "reprotect"}


def test_without_arguments_the_name_of_the_runbook_counts(server: str, tmp_path: Path) -> None:
    """A plan of Azure Resiliency has a script for each operation, and need not give parameters."""
    Recorder.answers = {"GET /api/pairs/demo": (200, {"phase": "steady", "run": None})}
    account = AutomationAccount(tmp_path, VARIABLES | {"hubswitch-url": server})
    found = account.run(name="hubswitch-reprotect.py")
    assert (found.status, "nothing to acknowledge" in found.out) == (0, True), found.err
