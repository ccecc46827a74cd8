"""One screen of the demo fits every terminal that people have, and plain output is not folded."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from rich.spinner import Spinner

from orchestrator.core.base.vocabulary import EvidenceClass
from orchestrator.local.demo import Story, _phases
from orchestrator.local.job_audit import Accounts
from orchestrator.local.screen import Screen, make_page, tell_reasons_once

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = "hub for 5 s, jobs for 5 s, inference for 5 s and dependency for 5 s bad on the primary (needed: 5 s): " * 3
VIEW: dict[str, Any] = {
    "phase": "resubmitting",
    "active": "secondary",
    "epoch": 1,
    "why": LONG,
    "evidence": {
        side: {
            each.value: {"observation": "bad", "since": T.isoformat(), "why": LONG, "counts": LONG}
            for each in EvidenceClass
        }
        for side in ("primary", "secondary")
    },
}
TIMELINE = [{"at": T.isoformat(), "what": f"event-{number}", "why": LONG} for number in range(40)]
NOBODY = Accounts(interrupted={}, running=0, alive=0, successors={}, records={})


@pytest.mark.parametrize(("columns", "lines"), [(60, 20), (80, 24), (100, 30), (160, 45), (200, 60)])
def test_the_live_view_fits_the_terminal(columns: int, lines: int) -> None:
    """Every class, the jobs and the newest event are seen; nothing is folded into a second line."""
    out = io.StringIO()
    console = Console(file=out, width=columns, height=lines, force_terminal=True, color_system=None)
    console.print(make_page(Spinner("line", text="eastus2 is down"), VIEW, NOBODY, TIMELINE, console))
    shown = out.getvalue().splitlines()
    assert len(shown) <= lines
    assert max(map(len, shown)) <= columns
    text = "\n".join(shown)
    assert all(f"{each.value} " in text for each in EvidenceClass)
    assert "jobs dealt with" in text
    assert "event-39" in text
    assert "resubmitting" in text


def test_what_another_program_reads_is_one_line_for_each_thing() -> None:
    """No boxes, nothing folded, nothing cut."""
    out = io.StringIO()
    screen = Screen(silent=False, console=Console(file=out, highlight=False))
    with screen:
        screen.show(VIEW, None, TIMELINE[:1])
    (line,) = out.getvalue().splitlines()
    assert line == f"12:00:00  event-0       {LONG}"


def test_a_phase_that_began_before_the_fault_is_not_measured() -> None:
    """A slow machine is suspected of an outage before there is one; that is no time of this outage."""
    story = Story()
    story.tell("suspect", "a slow answer", T.replace(minute=1))
    story.begin_outage("eastus2")
    story.marks["outage"] = T.replace(minute=2)
    story.tell("switching", "down", T.replace(minute=3))
    accounts: Any = SimpleNamespace(first_accepted=T.replace(minute=1), last_accepted=T.replace(minute=4))
    found = _phases(story, accounts)
    assert found == {"detect_s": None, "decide_s": None, "switch_s": None, "first_job_s": None, "all_jobs_s": 120.0}


def test_the_story_of_a_switch_tells_each_reason_once_and_ends_with_the_jobs() -> None:
    """The journal repeats why, for each entry stands alone there; and a look after the end has nothing new to say."""
    story, why = Story(), "hub and jobs are bad on the primary"
    phases = [
        ("switching", why),
        ("switching", "failover-demo-e1 is under way"),
        ("resubmitting", why),
        ("settled", "1 job resubmitted"),
        ("settled", "nothing about the secondary is bad"),
    ]
    journal = [
        {"at": T.replace(second=n).isoformat(), "phase": phase, "why": why} for n, (phase, why) in enumerate(phases)
    ]
    for number in range(1, len(journal) + 1):
        story.follow({"phase": phases[number - 1][0], "journal": journal[:number][::-1]})
    assert [(line["what"], line["why"]) for line in story.timeline] == phases[:4]
    told = [(line["what"], line["why"]) for line in tell_reasons_once(story.timeline)]
    assert told == [*phases[:2], ("resubmitting", "for the reason of 12:00:00"), phases[3]]
