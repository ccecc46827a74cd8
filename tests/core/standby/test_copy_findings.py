"""Data that are copied ahead warn in readiness when they are not as the plan wants them, and never block."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orchestrator.cli.commands_data import format_report
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.copy_state import CompletePass, CopyLine, CopyRecord, LeftBlob, line_of, stop_with
from orchestrator.core.jobs.data_report import DataReport
from orchestrator.core.standby.copy_findings import add_copies
from orchestrator.core.standby.readiness import Readiness, Severity

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
READY = Readiness(ready=True, score=100, checks=28, findings=())
PASS = CompletePass(
    begun=T - timedelta(minutes=20),
    ended=T,
    epoch=0,
    whole_at=T,
    seen=9,
    copied=9,
    copied_bytes=9,
)
COPIED = CopyRecord(name="training", source=Role.PRIMARY, here="sta/one", there="stb/one", last=PASS)
LACKING = msgspec.structs.replace(PASS, left=(LeftBlob(name="a", why="newer"),), left_out=1)
LEFT = msgspec.structs.replace(COPIED, last=LACKING)


def line(record: CopyRecord | None, minutes: int | None = 30) -> CopyLine:
    return line_of("training", record, timedelta(minutes=minutes) if minutes else None, T)


@pytest.mark.parametrize("minutes", [None, 20])
def test_a_copy_that_is_young_enough_is_no_finding(minutes: int | None) -> None:
    shown = line(COPIED, minutes)
    assert (shown.state, shown.seconds, shown.met) == ("copied", 1200, True if minutes else None)
    assert add_copies(READY, [shown]) == READY
    assert not shown.needs_a_hand


@pytest.mark.parametrize(
    ("shown", "what"),
    [
        (line(COPIED, 19), "was copied 20 min ago, and the target is 19 min"),
        (line(None), "has not been copied as a whole yet"),
        (line(stop_with(COPIED, "403", T, timedelta(minutes=5))), "is not copied ahead: 403"),
        (line(LEFT), "1 blobs are not copied, such as a: newer"),
    ],
)
def test_what_is_not_as_the_plan_wants_it_warns(shown: CopyLine, what: str) -> None:
    found = add_copies(READY, [shown])
    (finding,) = found.findings
    assert (finding.severity, finding.path, finding.what) == (Severity.WARN, "data.copies.training", what)
    assert found.ready


def test_a_target_is_not_met_while_blobs_are_left_out() -> None:
    """And one that is exceeded anyhow is missed."""
    assert (line(LEFT).met, line(LEFT, 19).met) == (None, False)


def test_people_are_shown_the_age_the_target_and_what_was_left() -> None:
    report = DataReport(pair="a", active="primary", running=0, items=(), copies=(line(LEFT, 19), line(None)))
    text = format_report(report)
    for part in ("as of 20 min ago; target 19 min (missed)", "from sta/one to stb/one", "a: newer", "no pass has"):
        assert part in text
