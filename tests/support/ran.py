"""What a command line came to."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from orchestrator.cli.main import status_of


class Ran(NamedTuple):
    """Exit status, standard output, standard error."""

    status: int
    out: str
    err: str


def run_here(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    """Run a command in this process; what it printed, without what was printed before."""
    capsys.readouterr()
    status = status_of([*arguments])
    return Ran(status, *capsys.readouterr())
