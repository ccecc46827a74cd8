"""Backtests: what was seen leads to what was decided; another policy shows what it would have changed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import AUTO, BAD, BLIND, OK, PRIMARY, START, Story, alert, health, minutes, notice, seconds, sweep

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput, NotNow
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Observation, Surface
from orchestrator.core.decision import commands, decide, run_reports, state
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.state import PairState, StartRun
from orchestrator.core.plan.policy import Policy
from orchestrator.core.recording import Began, Heard, Line, Looked, Ran, Wanted, as_line, lines_from, shorten_look
from orchestrator.core.signals.signal import Signal
from orchestrator.local.backtest import backtest, play_recording
from orchestrator.local.policyfile import PolicyFile

DOWN = {"primary.hub": BAD, "primary.jobs": BAD, "primary.storage": BAD}
OBSERVING = msgspec.structs.replace(AUTO, mode=Mode.OBSERVE)
CLAIM, MOVE = seconds(3), minutes(7)


class Taped:
    """A pair that lives as its entity makes it live, with a recording of what was handed to it."""

    def __init__(self, policy: Policy = AUTO, *, claim: timedelta = CLAIM, move: timedelta = MOVE) -> None:
        self.policy, self.claim, self.move = policy, claim, move
        self.state: PairState = Story(policy).state
        self.now = START
        self.lines: list[Line] = [Began(pair="p", now=START, policy=policy, state=self.state)]
        self.decided: list[tuple[str, str, str]] = []
        self.last: Looked | None = None
        self.due: list[tuple[object, Report]] = []

    def live(self, length: timedelta, found: dict[str, Observation] | None = None) -> None:
        end = self.now + length
        while self.now < end:
            self.look(found)
            self.now += decide.cadence(self.state, self.policy)

    def look(self, found: dict[str, Observation] | None = None) -> None:
        full = Looked(pair="p", now=self.now + seconds(1), signals=tuple(sweep(self.now, found)))
        self.lines.append(shorten_look(full, self.last))
        self.last = full
        self._see(Observed(now=full.now, signals=full.signals, is_look=True))

    def hear(self, *signals: Signal) -> None:
        self.lines.append(Heard(pair="p", now=self.now, signals=signals))
        self._see(Observed(now=self.now, signals=signals))

    def order(self, do: Do, *, force: bool = False) -> None:
        command = Command(do=do, by="ana", reason="because", force=force)
        self._report()
        try:
            decision = commands.command(self.state, command, self.now, self.policy)
        except NotNow:
            return
        self.lines.append(Wanted(pair="p", now=self.now, command=command))
        self._take(decision, max(self.now, self.state.last_now))

    def _see(self, said: Observed) -> None:
        self._report(said.now)
        now = max(said.now, self.state.last_now)
        self._take(decide.step(self.state, said, said.now, self.policy), now)

    def _report(self, until: object = None) -> None:
        at = until or self.now
        while self.due and self.due[0][0] <= at:  # type: ignore[operator]
            when, report = self.due.pop(0)
            self._take(run_reports.report(self.state, report, when, self.policy), when)  # type: ignore[arg-type]

    def _take(self, decision: state.Decision, at: object) -> None:
        self.state = decision.state
        self.decided.append((str(at), decision.rule, decision.why))
        for order in decision.orders:
            if isinstance(order, StartRun):
                switched = at + self.claim  # type: ignore[operator]
                times = {What.SWITCHED: switched, What.RESUBMITTED: switched + self.move}
                for what, when in times.items():
                    report = Report(run=order.run, epoch=order.epoch, what=what, active=order.target, why=order.why)
                    self.due.append((when, report))
                ran = Ran(pair="p", now=at, run=order.run, switched_at=switched, resubmitted_at=switched + self.move)  # type: ignore[arg-type]
                self.lines.append(ran)

    @property
    def recording(self) -> bytes:
        return b"".join(as_line(line) for line in self.lines)


def outage(policy: Policy = AUTO) -> Taped:
    """Ten good minutes, half an hour without the primary's region."""
    pair = Taped(policy)
    pair.live(minutes(10))
    pair.live(minutes(30), DOWN)
    return pair


def changed(folder: Path, text: str) -> PolicyFile:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return PolicyFile(path)


def test_an_outage_played_again_is_decided_as_it_was() -> None:
    """Every decision, with its time, rule and reason, though looks are shortened and the run took minutes."""
    pair = outage()
    again = play_recording(lines_from(pair.recording, "recording"))
    assert [(str(at), one.rule, one.why) for at, one in again.decisions] == pair.decided
    assert [move.epoch for move in again.failovers] == [1]
    assert encode(again.state) == encode(pair.state)


STEPS = st.one_of(
    st.tuples(
        st.just("live"),
        st.integers(1, 900),
        st.dictionaries(st.sampled_from(sorted(DOWN)), st.sampled_from([OK, BAD, BLIND]), max_size=3),
    ),
    st.tuples(st.just("order"), st.sampled_from(list(Do)), st.booleans()),
    st.tuples(st.just("hear"), st.sampled_from(["alert", "health", "notice"]), st.sampled_from([OK, BAD])),
)


@given(st.lists(STEPS, max_size=12), st.integers(0, 400))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_whatever_happened_is_decided_again_as_it_was(steps: list[tuple[object, ...]], took: int) -> None:
    """Looks, deliveries, people and runs of any length: the recorded policy reproduces every decision."""
    pair = Taped(AUTO, move=seconds(took))
    pair.look()
    for kind, first, second in steps:
        pair.now += seconds(2)
        if kind == "live":
            pair.live(seconds(first), second)  # type: ignore[arg-type]
        elif kind == "order":
            pair.order(first, force=bool(second))  # type: ignore[arg-type]
        else:
            made = {
                "alert": lambda seen: alert(PRIMARY, seen, pair.now),
                "health": lambda seen: health(PRIMARY, Surface.STORAGE, seen, pair.now),
                "notice": lambda seen: notice(pair.now, seen, used=[PRIMARY]),
            }[str(first)]
            pair.hear(made(second))
    pair.now += minutes(20)
    pair.look()
    again = play_recording(lines_from(pair.recording, "recording"))
    assert [(str(at), one.rule, one.why) for at, one in again.decisions] == pair.decided


def test_an_unchanged_policy_makes_no_difference(tmp_path: Path) -> None:
    """The file may say what is so already."""
    found = backtest(outage().lines, changed(tmp_path, "mode: auto\n"))
    assert (found.only_recorded, found.only_changed) == ([], [])
    assert any(one.what == "failover to the secondary, epoch 1" for one in found.recorded)


def test_arming_a_pair_shows_when_it_would_have_switched(tmp_path: Path) -> None:
    """What observe held, auto would have done: at which time, and why."""
    found = backtest(outage(OBSERVING).lines, changed(tmp_path, "mode: auto\n"))
    assert [one.what for one in found.only_recorded] == ["held hold.mode"]
    moves = [one for one in found.only_changed if one.what.startswith("failover")]
    assert [one.what for one in moves] == ["failover to the secondary, epoch 1"]
    assert "hub for 5 min" in moves[0].why


def test_a_longer_wait_shows_as_a_later_failover(tmp_path: Path) -> None:
    """Once at the recorded time, once at the other."""
    found = backtest(outage().lines, changed(tmp_path, "confirm_after: 15m\n"))
    times = [
        [one.at for one in side if one.what.startswith("failover")]
        for side in (found.only_recorded, found.only_changed)
    ]
    assert timedelta(minutes=9) < times[1][0] - times[0][0] < timedelta(minutes=11)


def test_lines_of_several_files_may_come_in_any_order(tmp_path: Path) -> None:
    """They are merged by time."""
    lines = outage().lines
    found = backtest([*lines[len(lines) // 2 :], *lines[: len(lines) // 2]], changed(tmp_path, "mode: auto\n"))
    assert found == backtest(lines, changed(tmp_path, "mode: auto\n"))


@pytest.mark.parametrize(
    ("line", "text", "field"),
    [
        (3, b"{", ""),
        (3, b'{"kind": "glance", "pair": "p", "now": "2026-03-01T12:00:00Z"}', "kind"),
        (3, b'{"kind": "look", "pair": "p", "now": "noon"}', "now"),
        (3, b'{"kind": "look", "pair": "p", "now": "2026-03-01T12:00:00"}', "now"),
        (3, b'{"kind": "look", "pair": "p", "now": "2026-03-01T12:00:00Z", "colour": 1}', "colour"),
        (3, b'{"kind": "look", "pair": "p", "now": "2026-03-01T12:00:00Z", "signals": [{}]}', "signals[0].key"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_field(line: int, text: bytes, field: str) -> None:
    """File, line, field, expected."""
    data = outage().recording.splitlines()
    data.insert(line - 1, text)
    with pytest.raises(InvalidInput) as refused:
        lines_from(b"\n".join(data), "monday.jsonl")
    assert (refused.value.where, refused.value.field) == (f"monday.jsonl:{line}", field)
    assert refused.value.expected


def test_a_recording_without_a_beginning_or_of_two_pairs_is_refused(tmp_path: Path) -> None:
    """Nothing is guessed."""
    lines = outage().lines
    policy = changed(tmp_path, "mode: auto\n")
    with pytest.raises(InvalidInput, match="where the pair stood"):
        backtest(lines[1:2], policy)
    with pytest.raises(InvalidInput, match="lines of one pair"):
        backtest([*lines, Heard(pair="other", now=START, signals=())], policy)


@pytest.mark.parametrize(
    ("text", "place", "field"),
    [
        ("confirm_after: 5m\nmood: auto\n", "policy.yaml:2", "mood"),
        ("policy:\n  mode: audo\n", "policy.yaml:2", "policy.mode"),
        ("bad_after: 3\nconfirm_after: 5\n", "policy.yaml:2", "confirm_after"),
        ("mass_limit: 0.5\nbad_after: 0\n", "policy.yaml:2", "bad_after"),
        ("policy:\n  bad_after: 3\n  suspect_interval: 3m\n", "policy.yaml:3", "policy.suspect_interval"),
        ("- mode\n", "policy.yaml", ""),
        ("mode: [\n", "policy.yaml:2", ""),
        ("policy: 3\n", "policy.yaml:1", "policy"),
    ],
)
def test_a_policy_file_is_refused_by_file_line_and_field(tmp_path: Path, text: str, place: str, field: str) -> None:
    """Also where it contradicts the policy that it is put over."""
    with pytest.raises(InvalidInput) as refused:
        changed(tmp_path, text).over(AUTO)
    assert (refused.value.where, refused.value.field) == (str(tmp_path / place), field)


def test_every_class_that_a_recording_tells_of_is_a_known_one() -> None:
    """A recording is JSON that other programs can read too."""
    plain = [json.loads(line) for line in outage().recording.splitlines()]
    classes = {signal["evidence_class"] for line in plain for signal in line.get("signals", ())}
    assert classes - {None} <= {each.value for each in EvidenceClass}
