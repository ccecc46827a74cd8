"""Running a state machine until it has been everywhere that it has to reach."""

from __future__ import annotations

from collections.abc import Callable, Collection

from hypothesis import seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

SEEDS = 8
"""Seeds that are tried. What Hypothesis makes of a seed depends on the constants of all modules that happen to be
imported, so that one seed alone may reach less in one run of the tests than in another."""


def explored(machine: type[RuleBasedStateMachine], how: settings, unreached: Callable[[], Collection[object]]) -> None:
    """Run a machine under one seed after the other until nothing is unreached.

    Its promises have to hold under each of them. What was reached adds up.
    """
    for number in range(SEEDS):
        run_state_machine_as_test(seed(number)(type(machine.__name__, (machine,), {})), settings=how)
        if not unreached():
            return
    raise AssertionError(f"under {SEEDS} seeds these were not reached: {sorted(map(str, unreached()))}")
