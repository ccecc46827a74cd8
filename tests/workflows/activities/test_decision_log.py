"""Decisions are kept in one page per pair, which several runs write at once, against the local Azure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from crash_harness import Bench, Visit

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Mode, Phase
from orchestrator.core.decision.decision_log import Kept
from orchestrator.workflows.activities.decision_log import keep_decision, page_path, read_page
from orchestrator.workflows.messages import KeepOrder

T = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _entry(number: int) -> Kept:
    at = T + timedelta(seconds=number)
    return Kept(
        first_at=at,
        last_at=at,
        was=Phase.STEADY,
        phase=Phase.STEADY,
        epoch=0,
        mode=Mode.AUTO,
        verdicts={},
        holds=(),
        rule=f"rule {number}",
        why="a test",
        would_change=(),
    )


def _keep(visit: Visit, number: int) -> None:
    keep_decision(visit.world, KeepOrder(pair=visit.pair, entry=_entry(number)))


def test_two_keepers_that_race_for_the_page_both_keep_theirs_in_one_step(bench: Bench) -> None:
    """Neither raises: a lost race would cost the run a pause of seconds for what can be read again at once."""
    for _ in range(10):
        visit = bench.visit()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda number, visit=visit: _keep(visit, number), (1, 2)))  # type: ignore[misc]
        kept = read_page(visit.world.ledgers[visit.pair], visit.pair).decisions
        assert sorted(entry.rule for entry in kept) == ["rule 1", "rule 2"]


def test_a_repeated_step_keeps_nothing_twice(bench: Bench) -> None:
    """The engine may run an activity again whose answer was lost."""
    visit = bench.visit()
    for _ in range(2):
        _keep(visit, 1)
    assert [entry.rule for entry in read_page(visit.world.ledgers[visit.pair], visit.pair).decisions] == ["rule 1"]


def test_a_page_that_cannot_be_read_is_left_as_it_is(bench: Bench) -> None:
    """What somebody wrote there by hand is theirs to mend."""
    visit = bench.visit()
    ledger, path = visit.world.ledgers[visit.pair], page_path(visit.pair)
    ledger.write_page(path, b'{"schema": 99}', None)
    with pytest.raises(InvalidInput, match="schema"):
        _keep(visit, 1)
    assert ledger.get(path) == b'{"schema": 99}'
