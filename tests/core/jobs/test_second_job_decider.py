"""The decision about a job against a deliberately dumb second one, and what it must never depend on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_books import Known, decide, expect, facts_of, marks
from stories import DEEP

from orchestrator.core.base.vocabulary import AbsentInput, JobPolicy, LeftJob, Role
from orchestrator.core.jobs import next_move as decider
from orchestrator.core.jobs.next_move import Answer, JobAction, OldRunAnswer, RunFacts, Try, Whole
from orchestrator.core.jobs.record import Attempt, JobRecord, JobStatus

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLES = st.sampled_from(list(Role))
WORDS = st.sampled_from(
    ["Running", "Running", "Running", "Queued", "CancelRequested", "Completed", "Failed", "Canceled"]
)
TIMES = st.sampled_from([AT - timedelta(hours=1), AT - timedelta(minutes=5), AT + timedelta(hours=1)])
TAGS = [{"hubswitch.failback": word} for word in ("finish", "move", "deadline", "perhaps")]
ATTEMPTS = st.builds(Attempt, side=ROLES, epoch=st.integers(1, 3))


NOTHING_IN_THE_WAY: dict[str, Any] = {
    "name": "train",
    "root": "train",
    "status": JobStatus.RUNNING,
    "policy": JobPolicy.IF_INTERRUPTED,
    "epoch": 0,
    "lineage": (),
    "unsure": (),
    "deadline": None,
    "identity": "",
    "parent": "",
    "schedule": "",
}
"""Fields of a record of which nothing is asked before its old run."""


@st.composite
def records(draw: st.DrawFn) -> JobRecord:
    usual = st.sampled_from([True, True, True, False])
    plain = draw(usual)
    return JobRecord(
        pair="a",
        name=draw(st.sampled_from(["train", "train_3", "train-e1"])),
        root=draw(st.sampled_from(["train", "train_3"])),
        hub=draw(ROLES),
        status=draw(st.sampled_from([JobStatus.RUNNING, JobStatus.RUNNING, *JobStatus])),
        policy=draw(st.sampled_from([JobPolicy.IF_INTERRUPTED, JobPolicy.IF_INTERRUPTED, *JobPolicy])),
        api_version="2025-01-01-preview",
        body={"properties": {"jobType": "Command", "tags": draw(st.sampled_from([{}, {}, *TAGS]))}},
        azure_status=draw(WORDS),
        captured_at=AT - timedelta(hours=2),
        ended_at=draw(st.none() | TIMES),
        epoch=draw(st.integers(0, 3)),
        lineage=draw(st.sampled_from([(), ("first",), ("first", "second")])),
        deadline=None if plain else draw(st.none() | TIMES),
        identity="" if plain else draw(st.sampled_from(["", "user"])),
        parent="" if plain else draw(st.sampled_from(["", "whole"])),
        schedule="" if plain else draw(st.sampled_from(["", "nightly"])),
        tries=draw(st.integers(0, 20)),
        unsure=tuple(draw(st.lists(ATTEMPTS, max_size=2, unique=True))),
        stop_asked=draw(st.booleans()),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[JobRecord, RunFacts, Known]:
    record, other = draw(records()), draw(records())
    smooth = draw(st.booleans())
    if smooth:
        record = msgspec.structs.replace(record, **NOTHING_IN_THE_WAY)
    graceful = smooth or draw(st.booleans())
    facts = facts_of(
        AT,
        draw(st.integers(1, 3)),
        draw(ROLES),
        draw(ROLES),
        ordered=not graceful and draw(st.booleans()),
        graceful=graceful,
        left_job=draw(st.sampled_from(list(LeftJob))),
        stays_until=draw(st.sampled_from([AT - timedelta(seconds=1), AT, AT + timedelta(hours=1)])),
        which=draw(st.sampled_from(list(Try))),
        fault="" if smooth else draw(st.sampled_from(["", "", "", "503"])),
        absent_input=draw(st.sampled_from(list(AbsentInput))),
    )
    head = msgspec.structs.replace(other, azure_status=draw(st.sampled_from(["Completed", "Completed", "Failed"])))
    answer = st.sampled_from(
        [
            Answer(job=marks(record.root, facts.epoch)),
            Answer(job=marks(record.root, facts.epoch)),
            Answer(job=marks("stranger", facts.epoch)),
            Answer(refusal="no such compute"),
        ]
    )
    old = st.builds(OldRunAnswer, status=WORDS) | st.sampled_from([OldRunAnswer(), OldRunAnswer(fault="503")])
    known = Known(
        whole=Whole(known=draw(st.booleans()), is_sweep=draw(st.booleans())),
        accepted=tuple(draw(st.lists(ATTEMPTS, max_size=2))),
        heads=draw(st.sampled_from([{}, {"first": head}, {"second": head}])),
        unmapped="" if smooth else draw(st.sampled_from(["", "", "", "/properties/x names y"])),
        absent="" if smooth else draw(st.sampled_from(["", "", "rows is absent"])),
        lacking="" if smooth else draw(st.sampled_from(["", "", "", "it needs 40 cores"])),
        old_run=draw(old),
        hub_answers=draw(st.booleans()),
        target_answers=draw(st.booleans()),
        answer=draw(answer),
    )
    return record, facts, known


def check(examples: int) -> set[JobAction]:
    """Compare both deciders over drawn cases; what they came to."""
    met: set[JobAction] = set()

    @settings(max_examples=examples, derandomize=True, database=None, deadline=None)
    @given(cases())
    def compare(case: tuple[JobRecord, RunFacts, Known]) -> None:
        record, facts, known = case
        move, after = decide(record, facts, known)
        met.add(move.do)
        assert move.do is expect(record, facts, known), move
        assert move.do is not JobAction.RESUBMIT or move.why == after.absent, "an absent input is not told"

    compare()
    return met


def test_both_deciders_agree_about_every_job() -> None:
    """S5: what is done with a job follows from the words of the docs; every move of a run is met."""
    met = check(2000 * DEEP)
    wanted = {
        JobAction.STAY,
        JobAction.NOTHING,
        JobAction.STAND_BACK,
        JobAction.RESUBMIT,
        JobAction.ADOPT,
        JobAction.SKIP,
        JobAction.WAIT,
        JobAction.REFUSE,
        JobAction.FINISH,
        JobAction.STOP,
    }
    assert wanted | {JobAction.TRY_LATER, JobAction.GIVE_UP} == met


def _forget_attempts(*_: Any) -> Any:
    return iter(())


def _follow_everything(*_: Any) -> bool:
    return True


def _stop_for_anybody(*_: Any) -> Any:
    return iter(())


def _look_at_no_input(*_: Any) -> Any:
    return iter(())


@pytest.mark.parametrize(
    ("place", "bug"),
    [
        ("_check_submissions", _forget_attempts),
        ("_may_follow", _follow_everything),
        ("_check_target", _stop_for_anybody),
        ("_check_running", _stop_for_anybody),
        ("_check_inputs", _look_at_no_input),
    ],
)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, place: str, bug: Any) -> None:
    """Two deciders that agree about anything would prove nothing."""
    monkeypatch.setattr(decider, place, bug)
    with pytest.raises(AssertionError):
        check(2000)
