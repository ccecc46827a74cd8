"""The evidence page needs nothing but itself, is drawn to scale, and lets nothing through that is not text."""

from __future__ import annotations

import asyncio
import base64
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from browsing import BROWSER, browser, tab

from orchestrator.core.evidence.document import (
    NO_JOBS,
    Attestation,
    AttestedVerdict,
    ClassSeen,
    Consent,
    DataLoss,
    DecidedOn,
    EvidenceFinding,
    JobLine,
    Outcome,
    PhaseTime,
    RunEvidence,
    StepLine,
    TargetsMet,
)
from orchestrator.core.evidence.incident import IncidentNotice, RunIncident
from orchestrator.core.signals.facts import NoticeStep
from orchestrator.web.evidence_page import LABELS, NARROWEST, WIDTH, bars_of, evidence_page, spell, trend_of

T = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def phase(name: str, begun: float | None, ended: float | None) -> PhaseTime:
    known = begun is not None and ended is not None
    return PhaseTime(
        name=name,
        begun=None if begun is None else at(begun),
        ended=None if ended is None else at(ended),
        seconds=(ended - begun) * 60 if known else None,  # type: ignore[operator]
    )


def evidence(text: str = "as planned", jobs: int = 3) -> RunEvidence:
    """A failover of ten minutes, with ``text`` wherever words come from outside."""
    lines = tuple(
        JobLine(name=f"{text}-{n}", outcome="resubmitted", successor=f"{text}-{n}-e1", why=text) for n in range(jobs)
    )
    return RunEvidence(
        pair="demo",
        run="failover-demo-e1",
        kind="failover",
        outcome=Outcome.SUCCEEDED,
        plan_sha256="ab" * 32,
        version="1.2.3",
        started_at=at(5),
        ended_at=at(10),
        phases=(
            phase("detect", 0, 1),
            phase("decide", 1, 5),
            phase("switch", 5, 5.001),
            phase("first_job", 5.001, 7),
            phase("all_jobs", 5.001, 10),
            phase("steps", None, None),
        ),
        targets=TargetsMet(rto_s=600, rpo_s=60, rto_met=True, rpo_met=None),
        rpo=(DataLoss(what=text, seconds=None, how=text),),
        decision=DecidedOn(
            rule="two-classes", why=text, evidence=(ClassSeen(side="primary", kind="hub", observation="bad"),)
        ),
        approvals=(Consent(who=text, at=at(4), reason=text),),
        jobs=msgspec.structs.replace(NO_JOBS, interrupted=jobs, resubmitted=jobs, jobs=lines),
        steps=(StepLine(name=text, outcome="done", begun=at(6), ended=at(9), why=text),),
        readiness_before=None,
        findings=(EvidenceFinding(check=text, ok=False, why=text),),
        attestation=Attestation(who=text, at=at(60), verdict=AttestedVerdict.SUCCESS, note=text),
        audit_head="cd" * 32,
    )


def test_the_timeline_is_to_scale() -> None:
    """Each bar begins and ends where its time is; what took next to no time is still seen."""
    bars = {bar.name: bar for bar in bars_of(evidence("step"))}
    assert (bars["decide"].x, bars["decide"].width) == (LABELS + WIDTH / 10, WIDTH * 4 / 10)
    assert (bars["step"].x, bars["step"].width) == (LABELS + WIDTH * 6 / 10, WIDTH * 3 / 10)
    assert bars["switch"].width == NARROWEST
    assert "steps" not in bars
    assert max(bar.x + bar.width for bar in bars.values()) <= LABELS + WIDTH + 0.01


def test_a_run_of_which_no_time_is_known_has_no_timeline() -> None:
    """It says so."""
    bare = msgspec.structs.replace(evidence(), phases=(phase("switch", None, None),), steps=())
    assert list(bars_of(bare)) == []
    assert "No phase has both" in evidence_page(bare)
    assert "<svg" not in evidence_page(bare)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "not known"), (0, "0 s"), (1.5, "1.5 s"), (90, "1 min 30 s"), (3725.4, "1 h 2 min 5 s")],
)
def test_lengths_are_told_for_people(seconds: float | None, told: str) -> None:
    """Exact where it matters."""
    assert spell(seconds) == told


def test_whether_targets_were_met_is_told_in_words() -> None:
    """Colour only repeats it."""
    page = evidence_page(evidence())
    assert '<span class="badge good">met</span>' in page
    assert '<span class="badge mute">not known</span>' in page
    missed = msgspec.structs.replace(evidence(), targets=TargetsMet(rto_s=60, rpo_s=None, rto_met=False, rpo_met=None))
    assert '<span class="badge bad">missed</span>' in evidence_page(missed)
    assert "no target" in evidence_page(missed)


def test_the_trend_shows_this_run_beside_those_before_it() -> None:
    """To scale of the longest; a drill, which has no such time, says so; what could not be read is not left out."""
    slower = msgspec.structs.replace(evidence(), phases=(phase("detect", 0, 1), phase("switch", 9, 10)))
    drill = msgspec.structs.replace(evidence(), kind="canary", phases=(phase("drill", 0, 1),), attestation=None)
    found = list(trend_of((evidence(), slower, drill)))
    assert [(line.run.kind, line.rto) for line in found] == [
        ("failover", "5 min 0 s"),
        ("failover", "10 min 0 s"),
        ("canary", ""),
    ]
    assert [line.share for line in found] == [50.0, 100.0, 0.0]
    assert "canary" in evidence_page(evidence(), (slower, drill))
    assert "There is no evidence of an earlier one" in evidence_page(evidence())
    assert "They could not be read" in evidence_page(evidence(), None)


def test_nothing_from_outside_becomes_an_element(hostile: str) -> None:
    """Names of jobs and steps, reasons and notes are text, wherever they stand."""
    page = evidence_page(evidence(hostile), (evidence(hostile),))
    assert "<script" not in page.casefold()
    assert "<img" not in page.casefold()
    assert "onerror" in page  # as text
    assert "&lt;script&gt;" in page


def test_every_part_that_scrolls_is_reached_by_the_keyboard_and_has_a_name() -> None:
    """Names of its own: a screen reader lists them beside those of the sections."""
    page = evidence_page(evidence(), (evidence(),))
    parts = re.findall(r'<div class="scroll"([^>]*)>', page)
    names = [name for part in parts for name in re.findall(r' tabindex="0" role="region" aria-label="([^"]+)"', part)]
    assert len(names) == len(parts) == len(set(names)) > 8
    assert not set(names) & set(re.findall(r"<h2[^>]*>([^<]*)</h2>", page))


def test_the_page_asks_for_nothing() -> None:
    """No address of another host, no script, no style from elsewhere."""
    page = evidence_page(evidence())
    assert "http:" not in page
    assert "https:" not in page
    assert 'href="data:,"' in page


@pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")
def test_the_page_stands_on_its_own_in_a_browser_and_prints(tmp_path: Path, hostile: str) -> None:
    """No request, no complaint, nothing wider than a telephone, hostile words or not; and paper takes all of it."""
    place = tmp_path / "evidence.html"
    place.write_text(evidence_page(evidence(hostile + "x" * 200, jobs=60)), encoding="utf-8")

    async def looked(debugger: str) -> tuple[dict[int, int], list[str], int, bytes]:
        async with tab(debugger) as one:
            await one.opened(place.as_uri())
            wide = {}
            for width in (390, 1280):
                await one.seen_as("light", width)
                wide[width] = await one.value(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
            scripts = await one.value("document.scripts.length + document.images.length")
            asked = [told["request"]["url"] for told in one.told("Network.requestWillBeSent")]
            printed = await one.ask("Page.printToPDF", printBackground=True)
            return wide, asked, scripts, base64.b64decode(printed["data"])

    with browser(tmp_path / "profile") as debugger:
        wide, asked, elements, pdf = asyncio.run(looked(debugger))
    assert wide == {390: 0, 1280: 0}
    assert [url for url in asked if not url.startswith("data:")] == [place.as_uri()]
    assert elements == 0
    assert pdf.startswith(b"%PDF")


def test_what_azure_said_is_shown_and_said_to_stand_beside_final_evidence() -> None:
    """The sentence and each message; text of theirs is text."""
    notice = IncidentNotice(
        id="n",
        tracking="ABCD-123",
        step=NoticeStep.REVIEW,
        title="<b>Storage</b>",
        text="A fibre & a switch",
        published_at=at(90),
        received_at=at(91),
        impact_start=at(-9),
        impact_end=None,
        services=("Storage",),
        regions=("eastus2",),
        touches=("eastus2",),
    )
    incident = RunIncident(
        region="eastus2",
        tracking=("ABCD-123",),
        suspected_at=None,
        decided_at=at(0),
        first_notice_at=at(90),
        impact_start=at(-9),
        impact_end=None,
        suspected_before_notice_s=None,
        decided_before_notice_s=5400.0,
        decided_after_impact_s=540.0,
        why="hubswitch decided 90 min before Azure's first notice",
        notices=(notice,),
    )
    run = evidence()
    assert "What Azure said" not in evidence_page(run)
    beside = evidence_page(run, (), incident)
    inside = evidence_page(msgspec.structs.replace(run, incident=incident), (), incident)
    for page in (beside, inside):
        assert "hubswitch decided 90 min before" in page
        assert "&lt;b&gt;Storage&lt;/b&gt;" in page
        assert "A fibre &amp; a switch" in page
    assert "Attached beside the evidence" in beside
    assert "Attached beside the evidence" not in inside
