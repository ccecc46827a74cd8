"""Every hold that depends on a time or a number: on which side of its limit it stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, DEGRADED, OK, PRIMARY, SECONDARY, START, minutes

from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Observation, Role
from orchestrator.core.decision import failback, holds
from orchestrator.core.decision.evidence import Evidence, Incident, Track, Wellness
from orchestrator.core.decision.holds import Case, clock_fault, cooldown_end, is_blind_spell
from orchestrator.core.decision.stamps import StampView
from orchestrator.core.decision.state import PairState, Phase, initial
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.plan.policy import Policy

TICK = timedelta(microseconds=1)
LIFETIME = AUTO.evidence_lifetime
HUB = (EvidenceClass.HUB,)

type Find = Callable[[Case], str | None]


def state(**fields: Any) -> PairState:
    return msgspec.structs.replace(initial("p", START), **fields)


def case(
    now: Any = START,
    evidence: dict[str, Any] | None = None,
    *,
    policy: Policy = AUTO,
    bad: tuple[EvidenceClass, ...] = HUB,
    moving: float = 0,
    **fields: Any,
) -> Case:
    seen = assess(Evidence(**evidence or {}), now, policy)
    return Case(state(**fields), seen, now, policy, PRIMARY, SECONDARY, bad, moving)


def track(seen: Observation = OK, at: Any = START, **fields: Any) -> Track:
    times = {"ok_at": at} if seen is OK else {"bad_at": at, "bad_since": at, "bads": 1} if seen is BAD else {}
    return Track(at=at, seen=seen, **times | fields)


def tracks(**found: Track) -> dict[str, Any]:
    return {"tracks": {key.replace("_", ".", 1): value for key, value in found.items()}}


def view(at: Any, well: tuple[EvidenceClass, ...] = HUB) -> StampView:
    common = {"phase": Phase.STEADY, "active": PRIMARY, "epoch": 0, "bad": {}}
    return StampView(stamp="east", looked_at=at, well={PRIMARY: well}, **common)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("find", "stands", "passes"),
    [
        (
            holds.cooldown,
            case(START + AUTO.cooldown - TICK, switched_at=START, acknowledged=False),
            case(START + AUTO.cooldown, switched_at=START, acknowledged=False),
        ),
        (
            holds.failed_run,
            case(START + AUTO.confirm_after - TICK, failed_at=START),
            case(START + AUTO.confirm_after, failed_at=START),
        ),
        (
            holds.global_settle,
            case(START + AUTO.global_settle - TICK, {"global_at": START}),
            case(START + AUTO.global_settle, {"global_at": START}),
        ),
        (
            holds.elsewhere,
            case(START + LIFETIME, tracks(world_elsewhere=track(BAD))),
            case(START + LIFETIME + TICK, tracks(world_elsewhere=track(BAD))),
        ),
        (
            holds.identity,
            case(START + LIFETIME, tracks(primary_identity=track(BAD), secondary_identity=track(BLIND))),
            case(START + LIFETIME + TICK, tracks(primary_identity=track(BAD), secondary_identity=track(BLIND))),
        ),
        (
            holds.identity,
            case(START, tracks(primary_identity=track(BAD), secondary_identity=track(BAD))),
            case(START, tracks(primary_identity=track(BAD), secondary_identity=track(OK))),
        ),
        (
            holds.identity,
            case(START, tracks(primary_identity=track(BAD), secondary_identity=track(BAD), world_observer=track(OK))),
            case(START, tracks(primary_identity=track(BAD), secondary_identity=track(BAD), world_observer=track(BAD))),
        ),
        (
            holds.observer,
            case(START + LIFETIME, tracks(world_observer=track(BLIND))),
            case(START + LIFETIME + TICK, tracks(world_observer=track(BLIND))),
        ),
        (
            holds.observer,
            case(START, tracks(world_observer=track(BAD))),
            case(START, tracks(world_observer=track(DEGRADED))),
        ),
        (
            holds.other_stamp,
            case(START + LIFETIME, views=(view(START),)),
            case(START + LIFETIME + TICK, views=(view(START),)),
        ),
        (
            holds.other_stamp,
            case(START, views=(view(START + holds.CLOCK_LIMIT),)),
            case(START, views=(view(START + holds.CLOCK_LIMIT + TICK),)),
        ),
        (
            holds.other_stamp,
            case(START, views=(view(START),), bad=(EvidenceClass.NOTICE, EvidenceClass.HUB)),
            case(START, views=(view(START),), bad=(EvidenceClass.NOTICE,)),
        ),
        (
            holds.other_stamp,
            case(START, views=(view(START, ()), view(START))),
            case(START, views=(view(START),), bad=(EvidenceClass.HUB, EvidenceClass.JOBS)),
        ),
        (
            holds.unconfirmed_clock,
            case(START + AUTO.probe_interval + holds.AGREEMENT + TICK, confirmed_at=START),
            case(START + AUTO.probe_interval + holds.AGREEMENT, confirmed_at=START),
        ),
        (
            holds.blind_spell,
            case(START + AUTO.confirm_after - TICK, looked_at=START + AUTO.confirm_after, resumed_at=START),
            case(START + AUTO.confirm_after, looked_at=START + AUTO.confirm_after, resumed_at=START),
        ),
        (holds.mass, case(moving=AUTO.mass_limit + 0.01), case(moving=AUTO.mass_limit)),
        (
            holds.mass,
            case(moving=0, pairs_moving=AUTO.mass_limit + 0.01),
            case(moving=0, pairs_moving=AUTO.mass_limit),
        ),
        (
            holds.standby_unseen,
            case(START + AUTO.secondary_fresh + TICK, tracks(secondary_hub=track())),
            case(START + AUTO.secondary_fresh, tracks(secondary_hub=track())),
        ),
        (
            holds.standby_unseen,
            case(START, tracks(secondary_hub=track(BLIND))),
            case(START, {}, bad=(EvidenceClass.METRICS, EvidenceClass.NOTICE)),
        ),
        (
            holds.drills,
            case(policy=msgspec.structs.replace(AUTO, green_drills=2), green_drills=(START,)),
            case(policy=msgspec.structs.replace(AUTO, green_drills=1), green_drills=(START,)),
        ),
        (
            holds.drills,
            case(policy=msgspec.structs.replace(AUTO, green_drills=1, auto_without_drills=" ")),
            case(policy=msgspec.structs.replace(AUTO, green_drills=1, auto_without_drills="we know it")),
        ),
        (
            holds.drills,
            case(policy=msgspec.structs.replace(AUTO, green_drills=1)),
            case(policy=msgspec.structs.replace(AUTO, green_drills=1, mode=Mode.APPROVE)),
        ),
        (
            holds.own_region,
            case(START + AUTO.notice_lifetime, {"incidents": {"T": Incident(at=START, active=True, ours=True)}}),
            case(START, {"incidents": {"T": Incident(at=START, active=True, used=(PRIMARY,))}}),
        ),
        (
            holds.standby_notice,
            case(START, {"incidents": {"T": Incident(at=START, active=True, used=(SECONDARY,))}}),
            case(START, {"incidents": {"T": Incident(at=START, active=True, used=(PRIMARY,), named=(SECONDARY,))}}),
        ),
    ],
)
def test_a_hold_stands_up_to_its_limit(find: Find, stands: Case, passes: Case) -> None:
    """And passes beyond it."""
    assert find(stands)
    assert find(passes) is None


def test_a_blind_spell_is_longer_than_the_looks_that_may_be_missed() -> None:
    """Before the first look there is none."""
    most = AUTO.missed_looks * AUTO.probe_interval
    assert not is_blind_spell(state(looked_at=START), START + most, AUTO)
    assert is_blind_spell(state(looked_at=START), START + most + TICK, AUTO)
    assert not is_blind_spell(state(), START + most + TICK, AUTO)
    assert holds.blind_spell(case(START + most + TICK, looked_at=START)) is not None
    assert holds.blind_spell(case(START + most, looked_at=START)) is None
    assert holds.blind_spell(case(START, resumed_at=START)) is None


def test_a_clock_may_go_back_as_far_as_clocks_are_corrected() -> None:
    """Further, and nothing is decided."""
    assert clock_fault(state(), START - holds.CLOCK_LIMIT) is None
    fault = clock_fault(state(), START - holds.CLOCK_LIMIT - TICK)
    assert fault is not None
    assert "the clock went back from 2026-03-01 12:00:00Z to 2026-03-01 11:" in fault.why


def test_a_cooldown_is_that_of_a_switch_that_nobody_has_acknowledged() -> None:
    """Without a switch there is none."""
    assert cooldown_end(state(switched_at=START, acknowledged=False), AUTO) == START + AUTO.cooldown
    assert cooldown_end(state(switched_at=START, acknowledged=True), AUTO) is None
    assert cooldown_end(state(acknowledged=False), AUTO) is None


@pytest.mark.parametrize(
    ("length", "age", "is_well", "why"),
    [
        (AUTO.failback_hold, LIFETIME, True, None),
        (AUTO.failback_hold, LIFETIME + TICK, True, "the primary is not known to be well now: "),
        (AUTO.failback_hold, timedelta(), False, "the primary is not known to be well now: hub is bad"),
        (
            AUTO.failback_hold - minutes(1),
            timedelta(),
            True,
            "the primary has been well for 11 h 59 min of 12 h; earliest 2026-03-01 12:01:00Z, or forced with a reason",
        ),
        (
            AUTO.failback_hold - minutes(1),
            timedelta(),
            False,
            "the primary has been well for 11 h 59 min of 12 h, and this time does not grow now: hub is bad; earliest ",
        ),
    ],
)
def test_the_way_back_opens_when_the_old_side_has_been_well_for_long_enough(
    length: timedelta, age: timedelta, why: str | None, *, is_well: bool
) -> None:
    """And is known to be so now."""
    well = Wellness(length=length, at=START, is_well=is_well, why="" if is_well else "hub is bad")
    found = failback.unready(assess(Evidence(wellness={Role.PRIMARY: well}), START + age, AUTO), START + age, AUTO)
    assert found is None if why is None else (found or "").startswith(why), found


def test_a_side_that_nobody_has_asked_is_no_way_back() -> None:
    """Also where no time is needed."""
    seen = assess(Evidence(), START, AUTO)
    assert (failback.unready(seen, START, AUTO) or "").startswith("the primary has been well for 0 s of 12 h; earliest")
    at_once = msgspec.structs.replace(AUTO, failback_hold=timedelta())
    assert (
        failback.unready(seen, START, at_once) == "the primary is not known to be well now: nothing has been asked yet"
    )


def test_the_standby_is_asked_about_only_while_something_is_bad() -> None:
    """A well pair is not held because nobody has seen its standby."""
    ill = track(BAD, bads=AUTO.bad_after)
    for found, rules in (({}, set()), (tracks(primary_hub=ill), {"hold.standby-unseen"})):
        held = holds.current_holds(state(), assess(Evidence(**found), START, AUTO), START, AUTO)
        assert {hold.rule for hold in held} == rules
