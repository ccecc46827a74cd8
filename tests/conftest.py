"""What long tests have to say about themselves is printed at the end of the run, also when they ran in parallel.

A test says a line of its own (``said``), or that it visited or missed one place of a kind; those are counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

SIMULATOR = tuple(Path(__file__).parent / folder for folder in ("simulator", "local/azure"))
"""Folders with the simulated Azure's own tests."""


@pytest.fixture(autouse=True)
def log_levels_as_before() -> Iterator[None]:
    """A test that leaves the process logging less, or more, fails itself, and not one that comes after it."""
    before = _log_levels()
    yield
    assert _log_levels() == before


def _log_levels() -> tuple[int, int]:
    """What the process logs at all: the root's level, and the level up to which everything is off."""
    return logging.root.level, logging.root.manager.disable


@pytest.hookimpl
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in SIMULATOR):
            item.add_marker("simulator")


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = Counter(
        (str(what), name)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, what in report.user_properties
        if name in {"said", "visited", "missed"}
    )
    if found:
        terminalreporter.section("what was visited")
        for what in dict.fromkeys(what for what, _ in found):
            visited, missed = found[what, "visited"], found[what, "missed"]
            terminalreporter.write_line(f"{visited} of {visited + missed} {what}" if visited + missed else what)
