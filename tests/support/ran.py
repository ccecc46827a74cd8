"""What a command line came to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

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


type Run = Callable[..., Ran]
"""``run("status", …)``: ``run_here`` against an app that a fixture names."""


def read_json(run: Run, *arguments: str) -> Any:
    """What a command prints with ``--json``; it went well, and said nothing on standard error."""
    status, out, err = run(*arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)
