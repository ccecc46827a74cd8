"""Evidence and audit log by the command line, against a running app: what is printed, saved, frozen and found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from live import Caller, until

from orchestrator.cli.main import status_of
from orchestrator.core.evidence.audit_chain import ORIGIN, AuditKind, AuditNote, line_of, link

type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(caller: Caller, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("audit", "verify")``: exit status, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = status_of([*arguments, "--url", caller.local.host.url, "--key", caller.local.key])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def drill(caller: Caller) -> str:
    """The id of a dry drill that has ended."""
    accepted = caller.post("pairs/demo/drill", {"reason": "to have evidence", "by": "ana"})
    caller.followed(accepted)
    return str(accepted.json()["run"])


def told(run: Run, *arguments: str) -> Any:
    status, out, err = run(*arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_the_evidence_of_a_drill_is_printed_and_saved(run: Run, drill: str, tmp_path: Path) -> None:
    """As JSON, for people, and as one page."""
    found = told(run, "evidence", drill)
    assert (found["run"], found["kind"], found["pair"]) == (drill, "tabletop", "demo")
    assert found["outcome"] in {"succeeded", "not-ready"}
    assert {"epoch", "reach"} <= {finding["check"] for finding in found["findings"]}
    assert found["ended_at"] >= found["started_at"]
    status, out, _ = run("evidence", drill)
    assert (status, out.splitlines()[0]) == (0, f"{drill}: tabletop {found['outcome']}")
    page = tmp_path / "evidence.html"
    assert run("evidence", drill, "--html", str(page))[0] == 0
    assert drill in page.read_text(encoding="utf-8")
    assert run("evidence", drill, "--html", str(tmp_path / "no" / "such" / "folder.html"))[0] == 2


def test_a_run_that_is_not_known_is_exit_1(run: Run) -> None:
    """One line that says so."""
    status, out, err = run("evidence", "failover-demo-e77")
    assert (status, out) == (1, "")
    assert "there is no run 'failover-demo-e77'" in err


def test_evidence_is_finalised_once(run: Run, drill: str) -> None:
    """The same again is done, other words are exit 1, and a word that is no verdict is exit 2."""
    words = ("evidence", "finalise", drill, "--reason", "the quarter", "--by", "ana", "--note", "as planned")
    assert run(*words, "--verdict", "success")[0] == 0
    assert run(*words, "--verdict", "success")[0] == 0
    status, _, err = run(*words, "--verdict", "failure")
    assert (status, "was finalised by ana" in err) == (1, True)
    assert run(*words, "--verdict", "splendid")[0] == 2
    assert told(run, "evidence", drill)["attestation"]["verdict"] == "success"
    assert run("evidence", drill)[1].splitlines()[-1].strip() == "final: success, attested by ana"


def test_what_people_order_and_what_ends_is_in_the_audit_log(run: Run, caller: Caller, drill: str) -> None:
    """Who, what and why, in the order in which it was written."""
    for path, field, by, reason in (
        ("pairs/demo/", "paused", ("ana", "ben"), "network work"),
        ("", "paused_all", ("cem", "cem"), "everywhere"),
    ):
        caller.post(f"{path}pause", {"reason": reason, "by": by[0]})
        until(lambda: caller.view()[field], "the pause")  # noqa: B023
        caller.post(f"{path}resume", {"reason": "done", "by": by[1]})
        until(lambda: caller.view()[field] is None, "the end of the pause")  # noqa: B023

    def entries() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = told(run, "audit", "demo", "--limit", "100")["pairs"][0]["entries"]
        return found

    wanted = {
        ("order", "ana", "pause", "network work"),
        ("order", "ben", "resume", "done"),
        ("order", "cem", "pause", "everywhere"),
        ("order", "ana", "drill", "to have evidence"),
    }

    def noted() -> set[tuple[Any, ...]]:
        return {(e["kind"], e["who"], e["details"].get("do"), e["details"].get("reason")) for e in entries()}

    until(lambda: wanted <= noted(), "the entries")
    assert ("run-ended", drill) in {(e["kind"], e["details"].get("run")) for e in entries()}
    assert "pause" in run("audit")[1]


def test_an_app_whose_log_is_whole_is_exit_0(run: Run, drill: str) -> None:
    """With the head, and with heads that were noted before."""
    head = told(run, "evidence", drill)["audit_head"]
    found = told(run, "audit", "verify", "--head", head)
    assert (found["ok"], found["first"], found["faults"]) == (True, None, [])
    assert found["chains"]["demo"]["entries"] >= 1
    status, _, err = run("audit", "verify", "--head", "0" * 64)
    assert (status, "is missing that --head names" in err) == (1, True)


def test_a_head_that_is_no_hash_is_exit_2(run: Run) -> None:
    """It is a slip of the hand, and not a log that lacks something."""
    status, out, err = run("audit", "verify", "--head", "64fb67ca")
    assert (status, out, err) == (
        2,
        "",
        "--head: expected 64 hexadecimal digits, as `audit verify` prints them, got '64fb67ca'\n",
    )


def test_a_log_without_an_entry_says_so(run: Run, tmp_path: Path) -> None:
    """Nothing on the terminal would look like a command that did nothing."""
    file = tmp_path / "empty.jsonl"
    file.write_bytes(b"")
    assert run("audit", "verify", str(file)) == (0, "nothing is noted\n", "")


def test_a_byte_that_is_changed_in_the_ledger_is_found(run: Run, caller: Caller, drill: str, tmp_path: Path) -> None:
    """In the exported file; and evidence that is changed after it was finalised, by the app's log."""
    file = tmp_path / "audit.jsonl"
    file.write_text(run("audit", "export", "demo")[1], encoding="utf-8")
    assert run("audit", "verify", str(file))[0] == 0
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0].replace(b'"who":"', b'"who":"x'), *lines[1:]]))
    status, _, err = run("audit", "verify", str(file))
    assert (status, "line 1: entry 1 is changed" in err) == (1, True)

    assert run("evidence", "finalise", drill, "--reason", "r", "--verdict", "success")[0] == 0
    assert run("audit", "verify")[0] == 0
    azure, container = caller.local.azure, caller.local.plan.ledger.container
    path = f"demo/runs/{drill}/evidence.json"

    def change(old: bytes, new: bytes) -> None:
        blob = azure.ledger.get(container, path)
        assert blob is not None
        assert old in blob.data
        azure.ledger.put(container, path, blob.data.replace(old, new))

    azure.call(lambda: change(b'"verdict":"success"', b'"verdict":"failure"'))
    status, _, err = run("audit", "verify")
    azure.call(lambda: change(b'"verdict":"failure"', b'"verdict":"success"'))
    assert (status, f"the evidence of {drill} was changed after it was finalised" in err) == (1, True)


def test_a_log_that_was_cut_is_found_by_the_evidence_that_names_its_end(run: Run, caller: Caller, drill: str) -> None:
    """The chain that is left is whole by itself."""
    azure, container = caller.local.azure, caller.local.plan.ledger.container
    path = "demo/audit/00000001.jsonl"
    blob = azure.call(lambda: azure.ledger.get(container, path))
    assert blob is not None
    note = AuditNote(pair="demo", id="x", at=blob.modified, kind=AuditKind.ORDER, who="eve", why="nothing else")
    azure.call(lambda: azure.ledger.put(container, path, line_of(link(note, 1, ORIGIN))))
    status, _, err = run("audit", "verify")
    azure.call(lambda: azure.ledger.put(container, path, blob.data))
    assert (status, f"is missing that the evidence of {drill} names" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("audit", "nope"), 1), (("audit", "verify", "/no/such/file"), 2), (("evidence",), 2), (("audit", "a", "b"), 2)],
)
def test_what_cannot_be_meant_is_one_line(run: Run, arguments: tuple[str, ...], status: int) -> None:
    """With nothing on standard output."""
    found, out, err = run(*arguments)
    assert (found, out, err.count("\n")) == (status, "", 1)
