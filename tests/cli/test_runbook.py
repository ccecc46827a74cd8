"""The runbook on the command line alone: an outage, the way home and a drill, by somebody with nothing but a shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live import Caller, live, until
from ran import Run, read_json, run_here

from orchestrator.core.base.vocabulary import Mode
from orchestrator.local.session import Local


@pytest.fixture
def local() -> Iterator[Local]:
    """An app that proposes, and asks a person."""
    with live(mode=Mode.APPROVE) as local:
        yield local


@pytest.fixture
def run(local: Local, capsys: pytest.CaptureFixture[str]) -> Run:
    """Commands to that app."""
    return lambda *arguments: run_here(capsys, *arguments, "--url", local.host.url, "--key", local.key)


def pair_of(run: Run) -> dict[str, Any]:
    """The one line of ``status``."""
    (pair,) = read_json(run, "status")["pairs"]
    return dict(pair)


def ordered(run: Run, do: str, *more: str) -> tuple[int, str, str]:
    return run(do, "demo", "--by", "ana", "--reason", f"{do} by the runbook", *more)


def approve(run: Run) -> None:
    """Say yes to the proposal that ``status`` names; it may expire meanwhile, and be made anew."""

    def answer() -> bool:
        proposal = pair_of(run)["proposal"]
        return bool(proposal) and ordered(run, "approve", "--proposal", proposal)[0] == 0

    until(answer, "the approval")


def test_an_outage_is_handled_on_the_command_line_alone(run: Run, local: Local) -> None:
    """What happened, approve, watch, acknowledge, go home, practise, and who wanted each of it."""
    with Caller(local) as caller:
        caller.settled_down()
    local.azure.region_down(local.plan.primary.region)
    until(lambda: pair_of(run)["proposal"], "a proposal")
    asked = run("explain", "demo")[1]
    approve(run)
    failover = until(lambda: read_json(run, "runs", "demo")["runs"], "the run")[0]["id"]
    followed = run("run", failover, "--follow")
    moved = until(lambda: (pair := pair_of(run))["phase"] == "settled" and pair, "the end of the run in the status")
    # The cooldown of a fast session may end before a busy machine gives the command.
    seen = ordered(run, "acknowledge")
    local.azure.region_up(local.plan.primary.region)
    refused = ordered(run, "failback")
    home = until(lambda: (said := ordered(run, "failback", "--force", "--wait"))[0] == 0 and said, "the way home")
    at_home = until(lambda: (pair := pair_of(run))["active"] == "primary" and pair, "the primary in the status")
    until(lambda: pair_of(run)["phase"] in {"settled", "steady"}, "the end of the failback in the status")
    drill = until(lambda: (said := ordered(run, "drill", "--kind", "tabletop", "--wait"))[1] and said, "a drill")
    evidence = run("evidence", failover)
    audit = read_json(run, "audit", "demo")
    assert "bad on the primary" in asked
    assert (followed[0], "completed" in followed[1]) == (0, True)
    assert "SWITCHED to the secondary (westus3) at " in moved["headline"]
    assert seen[0] == 0 or "nothing to acknowledge" in seen[2]
    assert (refused[0], "the primary has been well for" in refused[2] or "is bad" in refused[2]) == (1, True)
    assert "completed" in home[1]
    assert at_home["epoch"] == 2
    assert drill[0] in {0, 1}  # what it finds right after an outage is not the matter here
    assert drill[1].startswith("started drill-demo-")
    assert (evidence[0], "ana" in evidence[1]) == (0, True)
    entries = [entry for pair in audit["pairs"] for entry in pair["entries"]]
    who = {entry["details"]["do"]: entry["who"] for entry in entries if "do" in (entry.get("details") or {})}
    assert {"approve", "failback", "drill"} <= set(who)
    assert set(who.values()) == {"ana"}
