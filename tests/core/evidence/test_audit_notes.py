"""What of a decision is noted in the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.decide import step
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import initial
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.evidence.audit_chain import AuditKind
from orchestrator.core.evidence.audit_notes import notes_of
from orchestrator.core.plan.policy import Policy

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = T + timedelta(minutes=1)
BY_HAND = EpochRecord(
    epoch=2, active=Role.PRIMARY, run="failback-p-e2-by-hand", since=T, why="ana switched by hand: enough"
)


@pytest.mark.parametrize("phase", [Phase.SETTLED, Phase.STEADY])
def test_a_switch_that_others_made_is_noted_whatever_phase_it_finds(phase: Phase) -> None:
    """With their reason, and as a switch: the pair may have been settled before, and is so again."""
    state = msgspec.structs.replace(
        initial("p", T), phase=phase, active=Role.SECONDARY, epoch=1, switched_at=T, acknowledged=False
    )
    decision = step(state, Observed(now=LATER, record=BY_HAND, is_look=True), LATER, Policy())
    (note,) = notes_of(state, decision, LATER, None)
    assert (note.kind, note.why) == (
        AuditKind.SWITCH,
        f"{BY_HAND.run} has switched to the primary under epoch 2: {BY_HAND.why}",
    )
    assert (note.details["epoch"], note.details["active"], note.details["rule"]) == (2, "primary", "superseded")


def test_a_look_that_changes_nothing_is_not_noted() -> None:
    """The log is of what was done, not of what was seen."""
    state = initial("p", T)
    decision = step(state, Observed(now=LATER, is_look=True), LATER, Policy())
    assert notes_of(state, decision, LATER, None) == ()
