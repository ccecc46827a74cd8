"""What a canary says, and how its word and the direct probe make one answer of the surface ``jobs``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role, Surface
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.fold import fold
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.jobs.azure_status import is_ours
from orchestrator.core.plan.schema import Canary, Plan
from orchestrator.core.signals.signal import probe_signal
from orchestrator.core.standby.canary import (
    CanaryStatus,
    Result,
    combine,
    is_stale,
    judge_canary,
    name_of,
    slot_of,
    with_canaries,
)
from orchestrator.local.simulated_plan import make_plan
from orchestrator.simulator.estate import estate_of

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
OK, DEGRADED, BAD, BLIND = Observation.OK, Observation.DEGRADED, Observation.BAD, Observation.BLIND
MINUTE = timedelta(minutes=1)


class _Urls(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"https://{name}"


@pytest.fixture
def plan() -> Plan:
    estate = estate_of()
    usual = make_plan(estate.pairs[0], _Urls(), 1, estate.third, {})
    return msgspec.structs.replace(usual, canary=Canary(interval=60 * MINUTE, deadline=15 * MINUTE))


def said(observation: Observation) -> Result:
    return Result(observation=observation, at=T0, why="the canary says so")


@pytest.mark.parametrize(
    ("direct", "canary", "together"),
    [
        (OK, None, OK),
        (OK, OK, OK),
        (OK, BLIND, OK),
        (OK, BAD, BAD),
        (DEGRADED, None, DEGRADED),
        (DEGRADED, OK, DEGRADED),
        (DEGRADED, BLIND, DEGRADED),
        (DEGRADED, BAD, BAD),
        (BAD, None, BAD),
        (BAD, OK, BAD),
        (BAD, BLIND, BAD),
        (BAD, BAD, BAD),
        (BLIND, None, BLIND),
        (BLIND, OK, BLIND),
        (BLIND, BLIND, BLIND),
        (BLIND, BAD, BAD),
    ],
)
def test_two_voices_make_one_answer(direct: Observation, canary: Observation | None, together: Observation) -> None:
    """The whole table: bad if either is, else what the direct probe says."""
    observation, why = combine(direct, "jobs answered", said(canary) if canary else None)
    assert observation is together
    assert "jobs answered" in why


def test_what_is_told_and_not_counted_stands_behind_a_but() -> None:
    """An operator reads it; the observation is the direct probe's."""
    found = combine(OK, "jobs answered 200", said(BLIND), "3 jobs wait")
    assert found == (OK, "jobs answered 200, but 3 jobs wait; the canary says so")


@pytest.mark.parametrize(
    ("status", "age", "proven", "moved", "expected"),
    [
        ("Completed", 3, False, None, OK),
        ("Completed", 40, True, None, OK),
        ("Failed", 1, True, None, BAD),
        ("Failed", 1, True, 1, BAD),
        ("Failed", 1, False, None, BLIND),
        ("Canceled", 3, True, None, BLIND),
        ("CancelRequested", 3, True, None, BLIND),
        ("Queued", 14, True, None, None),
        ("Queued", 15, True, None, BAD),
        ("Running", 15, True, None, BAD),
        ("SomethingNew", 15, True, None, BAD),
        ("Queued", 15, False, None, BLIND),
        ("Queued", 15, True, 5, BLIND),
        ("Queued", 15, True, -5, BAD),
    ],
)
def test_a_canary_is_judged_by_its_end_and_its_deadline(
    plan: Plan, status: str, age: int, *, proven: bool, moved: int | None, expected: Observation | None
) -> None:
    """Failed or late is bad, if one has ever completed here, and, when late, unless other jobs have moved since."""
    asked = CanaryStatus(status=status, submitted_at=T0)
    moved_at = None if moved is None else T0 + moved * MINUTE
    found = judge_canary(plan, asked, T0 + age * MINUTE, proven=proven, moved_at=moved_at, before=None)
    assert (found.observation if found else None) is expected


def test_while_a_canary_is_young_the_one_before_it_speaks(plan: Plan) -> None:
    """Nothing is forgotten because a new one has been submitted."""
    asked = CanaryStatus(status="Queued", submitted_at=T0)
    assert judge_canary(plan, asked, T0 + MINUTE, proven=True, moved_at=None, before=said(BAD)) == said(BAD)


def test_a_result_whose_successor_is_overdue_says_nothing(plan: Plan) -> None:
    """Two hours later nobody knows."""
    assert not is_stale(plan, said(BAD), T0 + 75 * MINUTE)
    assert is_stale(plan, said(BAD), T0 + 76 * MINUTE)


def test_every_process_finds_the_same_span_and_name(plan: Plan) -> None:
    """Within one interval one name; another for the other side, another pair, the next interval."""
    slot = slot_of(plan, Role.PRIMARY, T0, ill=False)
    later = slot_of(plan, Role.PRIMARY, slot + 59 * MINUTE, ill=False)
    assert slot <= T0 < slot + 60 * MINUTE
    assert later == slot
    assert slot_of(plan, Role.PRIMARY, slot + 60 * MINUTE, ill=False) == slot + 60 * MINUTE
    other = msgspec.structs.replace(plan, pair="other")
    names = {name_of(p, side, slot_of(p, side, T0, ill=False)) for p in (plan, other) for side in Role}
    assert len(names) == 4


def test_after_a_bad_canary_the_next_comes_after_a_deadline(plan: Plan) -> None:
    """Recovery is not waited for an hour."""
    spans = {slot_of(plan, Role.PRIMARY, T0 + n * MINUTE, ill=True) for n in range(60)}
    assert len(spans) in {4, 5}


def test_only_the_jobs_of_the_side_are_touched(plan: Plan) -> None:
    """A canary of the primary says nothing of the secondary, nor of another surface."""
    signals = [probe_signal(role, surface, OK, T0, "x") for role in Role for surface in plan.surfaces(role)]
    found = with_canaries(signals, {Role.PRIMARY: said(BAD), Role.SECONDARY: None}, {})
    changed = [s for s, before in zip(found, signals, strict=True) if s != before]
    assert [(s.role, s.surface, s.observation) for s in changed] == [(Role.PRIMARY, Surface.JOBS, BAD)]


@pytest.mark.parametrize("tag", ["hubswitch.drill", "hubswitch.canary"])
def test_canaries_are_ours(tag: str) -> None:
    """Of drills and of the watch."""
    assert is_ours({"properties": {"tags": {tag: "x"}}})
    assert not is_ours({"properties": {"tags": {"hubswitch.policy": "never"}}})


def test_what_is_told_is_in_the_verdict_of_a_side_that_is_well(plan: Plan) -> None:
    """An operator finds it on ``explain``; the class is well all the same."""
    signals = [probe_signal(role, surface, OK, T0, "x") for role in Role for surface in plan.surfaces(role)]
    heard = with_canaries(signals, {}, {Role.PRIMARY: "3 jobs wait for long"})
    verdict = assess(fold(Evidence(), heard, T0, plan.policy), T0, plan.policy).of(Role.PRIMARY, EvidenceClass.JOBS)
    assert (verdict.observation, verdict.why) == (OK, "last seen well 0 s ago, but 3 jobs wait for long")
