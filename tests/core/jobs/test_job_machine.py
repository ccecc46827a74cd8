"""S5 over arbitrary histories of jobs: capture, events in any order, kills, switches, zombies, and what people want.

At the end the machine says what it has reached; one that never saw a second failover has proved little.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import job_world
import pytest
from exploring import explored
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from job_books import marks
from job_world import JobWorld, Line
from stories import DEEP

from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import AbsentInput, JobPolicy, LeftJob, Role, Twin
from orchestrator.core.jobs import next_move as decider
from orchestrator.core.jobs import record_changes as changes
from orchestrator.core.jobs.next_move import Answer
from orchestrator.core.jobs.record import JobEventKind, JobStatus

REACHED: Counter[str] = Counter()
NAMES = ["fit", "score", "sweep_3"]

names = st.sampled_from(NAMES)
roles = st.sampled_from(list(Role))
lines = st.sampled_from([Line.GOOD, Line.GOOD, *Line])
policies = st.sampled_from([JobPolicy.IF_INTERRUPTED, JobPolicy.IF_INTERRUPTED, JobPolicy.ALWAYS, JobPolicy.NEVER])


class JobMachine(RuleBasedStateMachine):
    """One pair's jobs and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = JobWorld()

    def teardown(self) -> None:
        REACHED.update(self.world.counts.keys())
        self.world.silent.clear()
        self.world.end_run()
        for _ in range(4):
            self.world.now += timedelta(days=2)
            self.world.retry_due(Line.GOOD)
            self.world.settle_old_runs(Twin.KEEP)
        assert self.world.judge() == []

    # --- what happens -------------------------------------------------------------------------------------

    @initialize(
        policy=policies,
        wish=st.sampled_from(list(AbsentInput)),
        absent=st.sampled_from([True, False, False]),
        left=st.sampled_from(list(LeftJob)),
    )
    def begin(self, policy: JobPolicy, wish: AbsentInput, absent: bool, left: LeftJob) -> None:
        self.world.absent_input = wish
        self.world.left_job = left
        if absent:
            self.world.lacking |= {(Role.SECONDARY, name) for name in NAMES}
        self.world.submit("fit", policy, 2)

    @rule(name=names, policy=policies, dies_at=st.sampled_from([0, 1, 2, 2]))
    def a_job_is_submitted(self, name: str, policy: JobPolicy, dies_at: int) -> None:
        self.world.submit(name, policy, dies_at)

    @rule(name=names, policy=policies)
    def a_submission_never_arrives(self, name: str, policy: JobPolicy) -> None:
        """Its program dies; the hub is listed when it should long have been there."""
        side = self.world.active
        self.world.submit(name, policy, 0)
        self.world.now += timedelta(minutes=31)
        self.a_hub_is_listed(side)

    @rule(name=names)
    def somebody_submits_past_us(self, name: str) -> None:
        side = self.world.active
        if name not in self.world.ledger and side not in self.world.silent:
            self.world.put(side, name, {"properties": {"status": "Running", "tags": {}}})

    @rule(side=roles, stale=st.booleans(), number=st.integers(0, 9))
    def an_event_arrives(self, side: Role, stale: bool, number: int) -> None:
        """About any job of a hub, with its word now or with an older one."""
        there = sorted({*self.world.hubs[side], *(r.name for r in self.world.ledger.values() if r.hub is side)})
        if there:
            name = there[number % len(there)]
            self.world.see(side, name, "Running" if stale else self.world.status(side, name))

    @rule(side=roles)
    def a_hub_is_listed(self, side: Role) -> None:
        for name in sorted({*self.world.hubs[side], *(r.name for r in self.world.ledger.values() if r.hub is side)}):
            self.world.see(side, name, "")

    @rule(side=roles, number=st.integers(0, 9), word=st.sampled_from(["Completed", "Failed", "Canceled"]))
    def a_job_ends_by_itself(self, side: Role, number: int, word: str) -> None:
        live = sorted(name for name in self.world.hubs[side] if self.world.status(side, name) == "Running")
        if live:
            self.world.set_status(side, live[number % len(live)], word)

    @rule(side=roles, number=st.integers(0, 9))
    def a_job_stands_in_a_queue(self, side: Role, number: int) -> None:
        live = sorted(name for name in self.world.hubs[side] if self.world.status(side, name) == "Running")
        if live:
            self.world.set_status(side, live[number % len(live)], "Queued")

    @rule(minutes=st.sampled_from([1, 11, 31, 2000]), copied=st.sampled_from([False, False, True]))
    def time_passes(self, minutes: int, copied: bool) -> None:
        """And with it, perhaps, somebody copies what lacks."""
        self.world.now += timedelta(minutes=minutes)
        if copied:
            self.world.lacking.clear()

    @rule(side=roles, takes_jobs=st.booleans())
    def a_region_goes_down(self, side: Role, takes_jobs: bool) -> None:
        self.world.silent.add(side)
        self.world.doubted.setdefault(side, self.world.now)
        for name in sorted(self.world.hubs[side]) if takes_jobs else ():
            if self.world.status(side, name) == "Running":
                self.world.set_status(side, name, "Failed")

    @rule(side=roles)
    def a_region_comes_back(self, side: Role) -> None:
        self.world.silent.discard(side)
        self.world.doubted.pop(side, None)

    @rule(ordered=st.booleans())
    def the_pair_switches(self, ordered: bool) -> None:
        self.world.switch(ordered)

    @rule(line=lines)
    def the_run_goes_on(self, line: Line) -> None:
        self.world.step(line)

    @rule(line=lines, last=lines)
    def the_run_ends(self, line: Line, last: Line) -> None:
        self.world.step(line)
        self.world.end_run(last)

    @rule(ordered=st.booleans(), line=lines, last=lines)
    def an_outage_is_gone_through(self, ordered: bool, line: Line, last: Line) -> None:
        """From the fault to the other side and its end."""
        side = self.world.active
        self.a_region_comes_back(side.other)
        if not ordered:
            self.a_region_goes_down(side, False)
        self.world.switch(ordered)
        self.the_run_ends(line, last)

    @rule(line=lines, last=lines, ill=st.sampled_from(["", "", "target", "source"]))
    def the_way_back_is_gone(self, line: Line, last: Line, ill: str) -> None:
        """From a side that is well, as a failback or a planned failover; either may fall ill on the way."""
        side = self.world.active
        self.a_region_comes_back(side)
        self.a_region_comes_back(side.other)
        self.world.switch(False, graceful=True)
        if ill == "target":
            self.world.step(line)
        if ill:
            self.a_region_goes_down(side if ill == "source" else side.other, False)
        self.the_run_ends(line, last)

    @rule(line=lines)
    def what_waits_is_tried_again(self, line: Line) -> None:
        self.world.retry_due(line)

    @rule(twin=st.sampled_from(list(Twin)))
    def old_runs_are_settled(self, twin: Twin) -> None:
        self.world.settle_old_runs(twin)

    @rule(number=st.integers(0, 9), wish=st.sampled_from([changes.retry, changes.leave]))
    def somebody_wants_something(self, number: int, wish: Any) -> None:
        known = sorted(self.world.ledger)
        if not known:
            return
        record = self.world.ledger[known[number % len(known)]]
        try:
            self.world.write(wish(record, "ana", "she knows", self.world.now))
        except NotNow:
            return
        self.world.count("wishes")

    # --- what always holds --------------------------------------------------------------------------------

    @invariant()
    def no_job_is_lost_or_runs_twice(self) -> None:
        """S5, by books that know nothing of the table."""
        assert self.world.judge() == []

    @invariant()
    def the_history_says_what_the_fields_say(self) -> None:
        """Whoever reads the story and whoever reads the field know the same."""
        for record in self.world.ledger.values():
            assert record.stop_asked == any(line.what is JobEventKind.STOPPING for line in record.history)
            assert not record.left_alone_by or record.policy is JobPolicy.NEVER


def _unreached() -> list[str]:
    wanted = [
        "switch 2",
        "runs ended",
        "resubmitted",
        "adopted",
        "given up",
        "kills",
        "stopped",
        "zombies stopped",
        "settled",
        "captured",
        "never arrived",
        "finished",
        "wishes",
        "waited for an input",
        "told of an absent input",
        "planned switches",
        "stays",
        "stays for want of an answer",
        "looked at again",
    ]
    return [
        *(name for name in wanted if not REACHED[name]),
        *(["two second failovers"] if REACHED["switch 2"] < 2 else []),
    ]


def explore(examples: int) -> None:
    REACHED.clear()
    explored(
        JobMachine, settings(max_examples=examples, stateful_step_count=30, report_multiple_bugs=False), _unreached
    )


def test_every_job_ends_in_exactly_one_outcome_over_any_history() -> None:
    """S5, S6, S8; at least two histories reach a second failover."""
    explore(150 * DEEP)
    assert _unreached() == []
    assert REACHED["switch 2"] >= 2


def lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round leaves out one of its jobs, and forgets that it had it."""
    monkeypatch.setattr(job_world, "choose", lambda found: set(sorted(found)[1:]))


def lose_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    """A submission that never arrived is taken for accepted."""

    def claim(self: JobWorld, record: Any, facts: Any, line: Line) -> Answer:
        del line
        job = marks(record.root, facts.epoch)
        self.hubs[facts.target].setdefault(decider.successor_name(record.root, facts.epoch), job)
        return Answer(job=job)

    monkeypatch.setattr(job_world.JobWorld, "_put", claim)


def duplicate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Submissions without an answer are not looked for."""
    monkeypatch.setattr(decider, "_check_submissions", lambda *_: iter(()))


def look_at_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a job finds its input is not asked."""
    monkeypatch.setattr(decider, "_check_inputs", lambda *_: iter(()))


def move_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row too many: a person may have a job tried again that has a successor."""
    row = changes.JobRow(JobStatus.RESUBMITTED, JobEventKind.RETRY, JobStatus.WAITING, "Planted.")
    monkeypatch.setitem(changes.TABLE, (row.status, row.event), row)
    monkeypatch.setattr(changes, "_require_unmoved", lambda _: None)


def leave_it_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the way back a job is submitted without a look at its run."""
    monkeypatch.setattr(decider, "_check_leaving", lambda *_: iter(()))
    monkeypatch.setattr(decider, "_check_old_run", lambda *_: iter(()))


@pytest.mark.parametrize(
    ("bug", "complaint"),
    [
        (leave_it_running, "at once"),
        (lose, "lost"),
        (lose_silently, "lost"),
        (duplicate, "twice"),
        (move_again, "forbidden"),
        (look_at_no_input, "blind|untold"),
    ],
)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: Any, complaint: str) -> None:
    """A machine that finds nothing when something is wrong would prove nothing."""
    bug(monkeypatch)
    with pytest.raises(AssertionError, match=complaint):
        explore(150)
