"""S6: killing the worker just before or just after any durable checkpoint ends as not killing it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from crash_harness import Bench, Outcome, met
from killing import Killer, is_certain, run
from places import compare, each

PLACES = "checkpoints"


@pytest.fixture(scope="module")
def undisturbed(dead_primary: Bench) -> Outcome:
    """What comes of a run whose worker lives."""
    outcome, killed = run(dead_primary, Killer(None, stored=True))
    assert not killed
    return outcome


def test_an_undisturbed_run_switches_and_completes_what_is_listed(dead_primary: Bench, undisturbed: Outcome) -> None:
    """Every checkpoint is visited by tests of its own, and each of them compares with a switch that went well."""
    assert undisturbed.phase == "settled 1 secondary"

    def record() -> list[str]:
        calm = Killer(None, stored=True)
        assert run(dead_primary, calm) == (undisturbed, False)
        return calm.seen

    assert compare(PLACES, record, is_certain) > 0


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@each(PLACES)
def test_a_worker_killed_at_any_durable_checkpoint_changes_nothing_in_the_end(
    dead_primary: Bench, undisturbed: Outcome, place: str, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """S1, S2, S5, S6: whatever the engine had stored when the worker died, the end is the same."""
    outcome, killed = met(lambda at: run(dead_primary, Killer(at, stored=stored)), place)
    moment = "just after" if stored else "just before"
    record_property("visited" if killed else "missed", f"durable checkpoints {moment} which the worker was killed")
    assert outcome == undisturbed
    assert killed or not is_certain(place)
