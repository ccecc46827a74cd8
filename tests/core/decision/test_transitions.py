"""The table of phases: whole, reachable, and refusing everything that is not in it."""

from __future__ import annotations

from itertools import product

import pytest

from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.transitions import ROWS, TABLE, NoSuchTransition, Trigger, as_mermaid, next_phase


@pytest.mark.parametrize(("phase", "trigger"), list(product(Phase, Trigger)))
def test_every_cell_of_the_table_is_a_row_or_is_refused(phase: Phase, trigger: Trigger) -> None:
    """A trigger leads to the phase of its row; a cell without a row raises."""
    row = TABLE.get((phase, trigger))
    if row is None:
        with pytest.raises(NoSuchTransition, match=f"{trigger} in phase {phase}"):
            next_phase(phase, trigger)
    else:
        assert next_phase(phase, trigger) is row.to


def test_no_cell_has_two_rows() -> None:
    """What follows is never ambiguous."""
    assert len(TABLE) == len(ROWS)


def test_every_phase_can_be_reached_from_steady() -> None:
    """No phase is an island."""
    reached, found = set(), {Phase.STEADY}
    while found - reached:
        reached |= found
        found |= {row.to for row in ROWS if row.phase in reached}
    assert found == set(Phase)


def test_steady_can_be_reached_from_every_phase() -> None:
    """No phase is a trap."""
    home = {Phase.STEADY}
    while more := {row.phase for row in ROWS if row.to in home} - home:
        home |= more
    assert home == set(Phase)


def test_every_trigger_is_used() -> None:
    """A word that moves nothing is no word of this language."""
    assert {row.trigger for row in ROWS} == set(Trigger)


def test_every_row_has_a_sentence_for_the_operator() -> None:
    """Each row says what happened, as a sentence."""
    assert [row for row in ROWS if not row.sentence.endswith(".")] == []


def test_the_diagram_has_a_line_per_row() -> None:
    """What the docs show is the table."""
    lines = as_mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> steady"]
    assert len(lines) == 2 + len(ROWS)
