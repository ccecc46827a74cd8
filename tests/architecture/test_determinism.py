"""Pure and replayed code reads no clock, no dice, no environment, and never waits."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1] / "orchestrator"


def _guard() -> object:
    spec = importlib.util.spec_from_file_location("architecture_guard", HERE / "guard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


guard = _guard()


def test_core_and_workflows_read_no_clock_and_no_dice() -> None:
    """The same values give the same decision and the same replay, for ever."""
    found = [
        line
        for path, allow_clock in guard.files(ROOT)
        for line in guard.violations(path.read_text(encoding="utf-8"), path.name, allow_clock=allow_clock)
    ]
    assert found == []


def test_the_guard_looks_at_a_tree_that_is_there() -> None:
    """A guard over no files would be green for ever."""
    names = {path.name for path, _ in guard.files(ROOT)}
    assert {"decide.py", "switch_run.py", "pair_entity.py"} <= names


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        ("import random", "imports random"),
        ("from time import monotonic", "imports from time"),
        ("from datetime import datetime\nx = datetime.now()", "calls .now()"),
        ("import asyncio\nasyncio.sleep(1)", "calls .sleep()"),
        ("import os", "imports os"),
        ("open('x')", "calls open()"),
    ],
)
def test_the_guard_finds_a_planted_violation(planted: str, seen: str) -> None:
    """Each kind of violation, put into a file, is named with its line."""
    assert any(line.endswith(seen) for line in guard.violations(planted, "planted.py", allow_clock=False))


def test_replayed_code_may_not_even_ask_the_clock_port() -> None:
    """What is allowed to an activity would break a replay."""
    source = "def run(ctx, world):\n    return world.clock.now()"
    assert list(guard.violations(source, "x.py", allow_clock=True)) == []
    assert list(guard.violations(source, "x.py", allow_clock=False)) == ["x.py:2 calls .now()"]
