"""Recordings in the ledger account: small while nothing changes, whole when they are read, gone when they are old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from stories import BAD, START, minutes, seconds, sweep

from orchestrator.audit import recorder as recorders
from orchestrator.audit.recorder import Recorder
from orchestrator.core.base.errors import Unreachable
from orchestrator.core.base.vocabulary import Observation
from orchestrator.core.plan.schema import Plan, Recording
from orchestrator.core.recording import Began, Heard, Line, Looked, in_full, lines_from
from orchestrator.local.replay import plan_for
from orchestrator.local.scenario import Expectation, Policy, Scenario, ScenarioOutcome, Side


class Shelf:
    """A ledger's plain part, in memory. The blobs themselves have tests of their own."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.away = False

    def put_once(self, path: str, data: bytes) -> bool:
        if self.away:
            raise Unreachable("the account is away")
        return self.kept.setdefault(path, data) is data

    def names(self, prefix: str) -> Iterator[str]:
        return iter(sorted(path for path in self.kept if path.startswith(prefix)))

    def drop(self, path: str) -> None:
        self.kept.pop(path, None)

    def lines(self) -> list[Line]:
        return lines_from(b"".join(self.kept[path] for path in sorted(self.kept)), "recording")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def plan() -> Plan:
    return _plan(timedelta(days=2))


def _plan(retain: timedelta) -> Plan:
    scenario = Scenario(
        name="s",
        start=START,
        end=START + minutes(1),
        primary=Side(region="eastus2"),
        secondary=Side(region="westus3"),
        expect=Expectation(outcome=ScenarioOutcome.HOLD),
    )
    return msgspec.structs.replace(plan_for(scenario, Policy()), recording=Recording(retain=retain))


def look(at: datetime, found: dict[str, Observation] | None = None) -> Looked:
    return Looked(pair="scenario", now=at + seconds(1), signals=tuple(sweep(at, found)))


def test_looks_that_find_the_same_are_one_short_line_each(shelf: Shelf, plan: Plan) -> None:
    """A quiet day has half a megabyte: told in docs/design.md."""
    recorder = Recorder()
    for n in range(2880):
        recorder.look(shelf, plan, None, look(datetime(2026, 3, 1, tzinfo=UTC) + n * seconds(29.9)))  # type: ignore[arg-type]
    assert sum(map(len, shelf.kept.values())) < 600_000
    assert len(shelf.kept) < 300
    kinds = [type(line) for line in shelf.lines()[:2]]
    assert kinds == [Began, Looked]


def test_what_is_read_in_full_is_what_was_seen(shelf: Shelf, plan: Plan) -> None:
    """Also where looks were shortened, and across midnight."""
    recorder, seen = Recorder(), []
    for n in range(40):
        one = look(
            datetime(2026, 3, 1, 23, 50, tzinfo=UTC) + n * seconds(30), {"primary.hub": BAD} if n % 7 > 4 else None
        )
        seen.append(one)
        recorder.look(shelf, plan, None, one)  # type: ignore[arg-type]
    told = [line for line in in_full(shelf.lines()) if isinstance(line, Looked)]
    assert told == seen[: len(told)]
    assert len(told) > 30
    second = [data for path, data in sorted(shelf.kept.items()) if "/2026-03-02/" in path]
    assert list(in_full(lines_from(b"".join(second), "second day")))


def test_deliveries_are_written_at_once(shelf: Shelf, plan: Plan) -> None:
    """Another process may be the one that looks; this one may be gone in a minute."""
    heard = Heard(pair="scenario", now=START, signals=tuple(sweep(START)[:1]))
    Recorder().line(shelf, plan, heard)  # type: ignore[arg-type]
    assert shelf.lines() == [heard]


def test_old_days_are_removed(shelf: Shelf, plan: Plan) -> None:
    """With the first blob of a day; what is young stays."""
    recorder = Recorder()
    for day in range(6):
        recorder.look(shelf, plan, None, look(START + timedelta(days=day)))  # type: ignore[arg-type]
    days = sorted({path.split("/")[2] for path in shelf.kept})
    assert days == ["2026-03-04", "2026-03-05", "2026-03-06"]


def test_nothing_is_recorded_if_the_plan_says_so(shelf: Shelf) -> None:
    """``retain: 0s``."""
    recorder = Recorder()
    recorder.look(shelf, _plan(timedelta()), None, look(START))  # type: ignore[arg-type]
    recorder.line(shelf, _plan(timedelta()), Heard(pair="scenario", now=START, signals=()))  # type: ignore[arg-type]
    assert shelf.kept == {}


def test_what_cannot_be_written_waits_for_the_next_blob(shelf: Shelf, plan: Plan) -> None:
    """A store that is away stops no look and loses none."""
    recorder = Recorder()
    shelf.away = True
    recorder.look(shelf, plan, None, look(START))  # type: ignore[arg-type]
    shelf.away = False
    recorder.look(shelf, plan, None, look(START + seconds(30)))  # type: ignore[arg-type]
    assert len([line for line in shelf.lines() if isinstance(line, Looked)]) == 2


def test_a_day_has_a_bound(shelf: Shelf, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens on it; the gap is told."""
    monkeypatch.setattr(recorders, "DAY_LIMIT", 20_000)
    recorder = Recorder()
    for n in range(100):
        recorder.look(shelf, plan, None, look(START + n * seconds(10), {"primary.hub": BAD} if n % 2 else None))  # type: ignore[arg-type]
    assert sum(map(len, shelf.kept.values())) < 25_000
    assert type(shelf.lines()[-1]).__name__ == "Gap"
