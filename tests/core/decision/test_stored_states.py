"""States that earlier versions stored are read, and decided on as they are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, sweep

from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import Mode, NoticeName, Phase, Role
from orchestrator.core.decision.commands import Command, Do, command
from orchestrator.core.decision.decide import step
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.proposals import open_proposal
from orchestrator.core.decision.state import StartRun, Tell, read_state

STORED = Path(__file__).with_name("stored")
EXPECTED = {
    "alarmed.json": (Phase.SUSPECT, Role.PRIMARY, 0),
    "awaiting.json": (Phase.AWAITING_APPROVAL, Role.PRIMARY, 0),
    "steady.json": (Phase.STEADY, Role.PRIMARY, 0),
    "suspect.json": (Phase.SUSPECT, Role.PRIMARY, 0),
    "settled.json": (Phase.SETTLED, Role.SECONDARY, 1),
}


def test_every_stored_state_is_tried() -> None:
    """A file that no test reads would prove nothing."""
    assert {path.name for path in STORED.glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_state_of_an_earlier_version_is_read_and_goes_on(name: str) -> None:
    """A look at it keeps phase, side and epoch, and what is stored then can be read again."""
    state = read_state((STORED / name).read_bytes(), name)
    assert (state.phase, state.active, state.epoch) == EXPECTED[name]
    now = state.last_now + timedelta(seconds=10)
    after = step(state, Observed(now=now, signals=tuple(sweep(now)), is_look=True, began=now), now, AUTO).state
    assert (after.active, after.epoch, after.looked_at) == (state.active, state.epoch, now)
    assert read_state(encode(after)) == after


def test_what_people_were_told_before_is_not_told_again() -> None:
    """A state with escalated and blind classes, a suspected change and a global fault is gone on with as it is."""
    state = read_state((STORED / "alarmed.json").read_bytes(), "alarmed.json")
    assert state.escalated
    assert state.blind_classes
    assert state.suspected_changes
    assert state.evidence.global_at
    now = state.last_now + timedelta(seconds=10)
    found = {"primary.hub": BAD, "primary.storage": BAD, "secondary.acr": BLIND}
    decision = step(state, Observed(now=now, signals=tuple(sweep(now, found)), is_look=True, began=now), now, AUTO)
    names = {order.name for order in decision.orders if isinstance(order, Tell)}
    assert not names & {NoticeName.ESCALATED, NoticeName.CLASS_BLIND, NoticeName.CHANGE_SUSPECTED}
    after = decision.state
    assert (after.escalated, after.blind_classes, after.suspected_changes) == (
        state.escalated,
        state.blind_classes,
        state.suspected_changes,
    )
    assert after.evidence.tracks["primary.hub"].history is not None


def test_a_suspect_state_of_an_earlier_version_still_leads_to_the_switch() -> None:
    """Its evidence counts: no confirmation is gone through anew."""
    state = read_state((STORED / "suspect.json").read_bytes(), "suspect.json")
    now, orders = state.last_now, []
    while not orders and now < state.last_now + timedelta(minutes=5):
        now += timedelta(seconds=10)
        bad = sweep(now, {"primary.hub": BAD, "primary.jobs": BAD})
        decision = step(state, Observed(now=now, signals=tuple(bad), is_look=True, began=now), now, AUTO)
        state, orders = decision.state, [order for order in decision.orders if isinstance(order, StartRun)]
    assert [order.epoch for order in orders] == [1]


@pytest.mark.parametrize("named", [True, False])
def test_a_proposal_of_an_earlier_version_can_be_answered_with_and_without_its_id(named: bool) -> None:
    """It was stored before proposals had ids; the id follows from what was stored."""
    state = read_state((STORED / "awaiting.json").read_bytes(), "awaiting.json")
    policy = msgspec.structs.replace(AUTO, mode=Mode.APPROVE)
    asked = Command(do=Do.APPROVE, by="ana", proposal=open_proposal(state) if named else None)
    decision = command(state, asked, state.last_now + timedelta(seconds=1), policy)
    assert [order.epoch for order in decision.orders if isinstance(order, StartRun)] == [1]
