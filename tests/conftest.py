"""What long tests have to say about themselves is printed at the end of the run, also when they ran in parallel."""

from __future__ import annotations

import pytest


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    said = [
        str(text)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, text in report.user_properties
        if name == "said"
    ]
    if said:
        terminalreporter.section("what was visited")
        for line in said:
            terminalreporter.write_line(line)
