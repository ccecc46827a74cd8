"""After an exchange of the sides nothing that was seen of one hub counts for the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orchestrator.core.base.vocabulary import EvidenceClass, NoticeName, Observation, Role, Surface
from orchestrator.core.decision.decide import step
from orchestrator.core.decision.evidence import Deletion, Evidence, Incident, Reported, Track
from orchestrator.core.decision.exchanged_sides import forget_sides
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState, Tell, initial
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.plan.policy import Policy

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD_HUB_BAD = Evidence(
    tracks={"primary.hub": Track(at=AT, seen=Observation.BAD, bads=9, bad_at=AT, bad_since=AT - timedelta(hours=2))},
    deletions={"k": Deletion(role=Role.SECONDARY, surface=Surface.STORAGE, name="sa", at=AT)},
    incidents={"t": Incident(at=AT, active=True, named=(Role.PRIMARY,), used=(Role.PRIMARY,))},
)


def _away(**changes: object) -> PairState:
    """A pair whose secondary is active since epoch 1, and whose primary is bad."""
    state = msgspec.structs.replace(initial("a", AT), active=Role.SECONDARY, epoch=1, evidence=OLD_HUB_BAD)
    return msgspec.structs.replace(state, **changes)


def _exchanged(epoch: int = 2, since: int = 2) -> EpochRecord:
    return EpochRecord(epoch=epoch, active=Role.PRIMARY, run=None, since=AT, why="ana: for good", sides_since=since)


def test_evidence_of_the_old_primary_is_not_taken_for_that_of_the_new_one() -> None:
    """The state's side, and what is known of sides, change in one operation; people are told why."""
    now = AT + timedelta(minutes=1)
    decision = step(_away(), Observed(now=now, record=_exchanged(), is_look=True), now, Policy())
    state = decision.state
    assert (state.epoch, state.active, state.sides_since) == (2, Role.PRIMARY, 2)
    assert state.evidence.tracks == {}
    (told,) = [order for order in decision.orders if isinstance(order, Tell) and order.name is NoticeName.SUPERSEDED]
    assert told.why == "under epoch 2 the hub that is active is the primary: ana: for good"


def test_what_is_told_once_goes_with_its_hub_to_the_other_side() -> None:
    """A deletion holds until somebody acknowledges it, whatever the side is called."""
    evidence = forget_sides(_away(), 2).evidence
    assert evidence.deletions["k"].role is Role.PRIMARY
    assert (evidence.incidents["t"].named, evidence.incidents["t"].used) == ((Role.SECONDARY,), (Role.SECONDARY,))


def test_an_exchange_that_was_missed_is_heard_of_from_a_later_record() -> None:
    """A stamp that was away during the exchange, and sees the switch after it only."""
    now = AT + timedelta(minutes=1)
    seen = msgspec.structs.replace(_exchanged(epoch=3), active=Role.SECONDARY)
    state = step(_away(), Observed(now=now, record=seen, is_look=True), now, Policy()).state
    assert (state.epoch, state.active, state.sides_since, state.evidence.tracks) == (3, Role.SECONDARY, 2, {})


@pytest.mark.parametrize("known", [2, 3])
def test_an_exchange_that_is_known_changes_nothing_again(known: int) -> None:
    """Every later record carries it."""
    state = _away(sides_since=known)
    assert forget_sides(state, 2) is state


def test_an_exchange_is_heard_of_after_the_run_that_was_overtaken_by_it() -> None:
    """The run reports the epoch first; the evidence is forgotten at the next look all the same."""
    now = AT + timedelta(minutes=1)
    overtaken = _away(epoch=2, active=Role.PRIMARY)
    state = step(overtaken, Observed(now=now, record=_exchanged(), is_look=True), now, Policy()).state
    assert (state.sides_since, state.evidence.tracks) == (2, {})


def test_statements_of_alerts_and_resource_health_are_forgotten_with_the_probes() -> None:
    """Each is about a resource of a hub, and is filed by side."""
    said = Reported(
        role=Role.PRIMARY,
        evidence_class=EvidenceClass.METRICS,
        name="m",
        at=AT,
        bad=True,
        observation=Observation.BAD,
    )
    state = _away(evidence=Evidence(reported={"m": said}))
    assert forget_sides(state, 2).evidence.reported == {}
