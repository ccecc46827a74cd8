"""What a look brings besides signals, and that nothing older than the state is held against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from stories import AUTO, PRIMARY, SECONDARY, START, minutes, pause

from orchestrator.core.base.vocabulary import Mode, NoticeName, Role
from orchestrator.core.decision.observation import Observed, apply_observation, contradiction, with_shared
from orchestrator.core.decision.stamps import GreenDrill, Shared, StampView
from orchestrator.core.decision.state import PairState, Pause, Phase, Polled, Tell, initial
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.policy import Policy

TICK = timedelta(microseconds=1)
DRILLED = msgspec.structs.replace(AUTO, green_drills=1)


def state(**fields: Any) -> PairState:
    return msgspec.structs.replace(initial("p", START), **{"looked_at": START} | fields)


def record(epoch: int, active: Role = PRIMARY) -> EpochRecord:
    return EpochRecord(epoch=epoch, active=active, run=None, since=START, why="because")


def apply(before: PairState, policy: Policy = AUTO, **fields: Any) -> tuple[PairState, list[tuple[NoticeName, str]]]:
    now = START + minutes(1)
    after, orders = apply_observation(before, Observed(now=now, **fields), now, policy)
    return after, [(order.name, order.why) for order in orders if isinstance(order, Tell)]


@pytest.mark.parametrize(
    ("seen", "began", "why"),
    [
        (None, None, None),
        (record(3, SECONDARY), None, None),
        (record(2), None, None),
        (record(1), None, "the epoch record says 1, but epoch 2 has been seen: it went back"),
        (record(2, SECONDARY), None, "the epoch record of epoch 2 names the secondary, not the primary"),
        (record(1), START, None),
        (record(1), START - TICK, None),
        (record(1), START + TICK, "the epoch record says 1, but epoch 2 has been seen: it went back"),
    ],
)
def test_a_record_that_went_back_is_trouble(seen: EpochRecord | None, began: Any, why: str | None) -> None:
    """Unless the look that read it began before the switch."""
    assert contradiction(state(epoch=2, switched_at=START), seen, began) == why


def test_without_a_switch_any_look_counts() -> None:
    """There is nothing that it could be older than."""
    assert contradiction(state(epoch=2, switched_at=None), record(1), START) is not None


def test_a_pause_counts_once_and_only_if_it_is_newer_than_what_was_read() -> None:
    """Reading it again after somebody has resumed here changes nothing."""
    found = with_shared(state(), Shared(pause=pause()))
    assert (found.paused, found.pause_read) == (Pause(since=START, by="ana", reason="a test"), START)
    resumed = msgspec.structs.replace(found, paused=None)
    assert with_shared(resumed, Shared(pause=pause())) == resumed
    assert with_shared(resumed, Shared(pause=pause(START - TICK))) == resumed
    assert with_shared(resumed, Shared(pause=pause(START + TICK))).paused is not None
    over = with_shared(found, Shared(pause=pause(START + TICK, paused=False)))
    assert (over.paused, over.pause_read) == (None, START + TICK)


def test_a_pause_of_everything_is_another_one() -> None:
    """Each has its own time."""
    found = with_shared(state(), Shared(pause_all=pause(), pause=pause(START + TICK)))
    assert (found.pause_all_read, found.pause_read) == (START, START + TICK)
    assert found.paused_all is not None
    again = msgspec.structs.replace(found, paused_all=None)
    assert with_shared(again, Shared(pause_all=pause())) == again


def test_what_was_not_read_changes_nothing() -> None:
    """An empty log of drills is not the same as none that could be read."""
    view = StampView(stamp="east", looked_at=START, phase=Phase.STEADY, active=PRIMARY, epoch=1, bad={}, well={})
    drills = (GreenDrill(drill="d", kind="canary", at=START),)
    found = with_shared(state(), Shared(drills=drills, views=(view,)))
    assert (found.green_drills, found.views) == ((START,), (view,))
    assert with_shared(found, Shared()) == found
    assert with_shared(found, Shared(drills=(), views=())).green_drills == ()


def test_only_a_look_says_that_trouble_is_over() -> None:
    """A delivery can begin it; its beginning and its end are told once."""
    after, told = apply(state(), trouble="the ledger is gone")
    assert (after.trouble, told) == ("the ledger is gone", [(NoticeName.TROUBLE_BEGAN, "the ledger is gone")])
    assert apply(after) == (after, [])
    assert apply(after, trouble="the ledger is gone")[1] == []
    over, told = apply(after, is_look=True)
    assert over.trouble is None
    assert told == [(NoticeName.TROUBLE_OVER, "there is no trouble any more; it was: the ledger is gone")]


def test_a_look_is_noted_with_all_that_it_says() -> None:
    """A delivery is no look."""
    polled = Polled(at=START)
    after, told = apply(
        state(epoch=2), is_look=True, record=record(1), pairs_moving=0.5, shared=Shared(caution="a view"), polled=polled
    )
    assert (after.looked_at, after.pairs_moving, after.caution) == (START + minutes(1), 0.5, "a view")
    assert [name for name, _ in told] == [NoticeName.TROUBLE_BEGAN]
    assert after.polled == polled
    delivered, _ = apply(state(epoch=2), record=record(1), pairs_moving=0.5, shared=Shared(caution="a view"))
    assert (delivered.looked_at, delivered.pairs_moving, delivered.caution) == (START, 0, None)
    assert delivered.trouble is None


@pytest.mark.parametrize(
    ("policy", "fields", "lapsed"),
    [
        ({}, {}, True),
        ({"mode": Mode.APPROVE}, {}, False),
        ({"auto_without_drills": "we know it"}, {}, False),
        ({"auto_without_drills": " "}, {}, True),
        ({"green_drills": 0}, {}, False),
        ({"green_drills": 2}, {}, False),
        ({}, {"looked_at": None}, False),
        ({}, {"green_drills": (START - AUTO.drill_age - TICK,)}, False),
        ({}, {"green_drills": (START - AUTO.drill_age + minutes(1),)}, False),
    ],
)
def test_that_drills_have_grown_too_old_is_told_once(policy: Any, fields: Any, *, lapsed: bool) -> None:
    """Where the mode auto needs them, at the look that finds it."""
    usual = {"green_drills": (START - AUTO.drill_age,)}
    _, told = apply(state(**usual | fields), msgspec.structs.replace(DRILLED, **policy), is_look=True)
    why = "0 of 1 drills count now: the mode auto does not act before the next one"
    assert told == ([(NoticeName.DRILLS_LAPSED, why)] if lapsed else [])
