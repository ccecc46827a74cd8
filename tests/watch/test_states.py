"""For which pairs the timers go on with their work: those whose ledger no run is writing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.state import initial
from orchestrator.watch.states import acted_for, is_quiet

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "quiet"),
    [
        ({"phase": Phase.STEADY}, True),
        ({"phase": Phase.SWITCHING, "run": "failover-p-e1"}, False),
        ({"phase": Phase.SWITCHING, "run": "failover-p-e1", "run_drains": True}, True),
        ({"phase": Phase.RESUBMITTING, "run": "failover-p-e1", "run_drains": True}, False),
    ],
)
def test_a_pair_whose_run_drains_is_looked_after_as_before(changes: dict[str, Any], quiet: bool) -> None:
    """Its jobs are captured and its data copied: a failover may follow at any time."""
    state = msgspec.structs.replace(initial("p", NOW), **changes)
    assert is_quiet(state) is quiet
    assert acted_for({"p": state}) == ({"p": Role.PRIMARY} if quiet else {})
