"""Pure and replayed code reads no clock, no dice, no environment, and never waits."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path

import pytest

from orchestrator.triggers.registration import ORCHESTRATORS
from orchestrator.workflows.pair_entity import pair_entity

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
    strict = {path.relative_to(ROOT).as_posix(): not allow_clock for path, allow_clock in guard.files(ROOT)}
    assert strict["core/decision/decide.py"]
    assert strict["workflows/pair_entity.py"]
    assert not strict["workflows/activities/move_job.py"]
    assert all(held for path, held in strict.items() if path.startswith("workflows/orchestrators/"))


def test_every_orchestrator_and_the_entity_are_held_to_the_strict_rule() -> None:
    """What the app registers as replayed lies in a folder that the guard holds to the strict rule."""
    strict = {path for path, allow_clock in guard.files(ROOT) if not allow_clock}
    replayed = {Path(inspect.getfile(function)) for function in (*ORCHESTRATORS.values(), pair_entity)}
    assert replayed <= strict


def _folders() -> list[str]:
    return sorted(
        folder.relative_to(ROOT).as_posix()
        for top in guard.PURE
        for folder in (ROOT / top, *(ROOT / top).rglob("*"))
        if folder.is_dir() and folder.name != "__pycache__"
    )


@pytest.mark.parametrize("folder", _folders())
def test_a_violation_planted_in_any_folder_is_found(folder: str, tmp_path: Path) -> None:
    """A clock read in a new file of each folder of core and workflows turns the guard red."""
    planted = tmp_path / folder / "planted.py"
    planted.parent.mkdir(parents=True)
    planted.write_text("from datetime import datetime\nx = datetime.now()\n", encoding="utf-8")
    found = [
        line
        for path, allow_clock in guard.files(tmp_path)
        for line in guard.violations(path.read_text(encoding="utf-8"), path.name, allow_clock=allow_clock)
    ]
    assert found == ["planted.py:2 calls .now()"]


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        ("import random", "imports random"),
        ("from time import monotonic", "imports from time"),
        ("from datetime import datetime\nx = datetime.now()", "calls .now()"),
        ("import asyncio\nasyncio.sleep(1)", "calls .sleep()"),
        ("import os", "imports os"),
        ("open('x')", "calls open()"),
        ("from opentelemetry import trace", "imports from opentelemetry"),
        ("import opentelemetry.trace", "imports opentelemetry.trace"),
        ("from orchestrator.tracing import span", "imports from orchestrator.tracing"),
        ("from orchestrator import metrics", "imports orchestrator.metrics"),
    ],
)
def test_the_guard_finds_a_planted_violation(planted: str, seen: str) -> None:
    """Each kind of violation, put into a file, is named with its line."""
    assert any(line.endswith(seen) for line in guard.violations(planted, "planted.py", allow_clock=False))


def test_activities_may_record() -> None:
    """They are carried out once for each try, and not replayed."""
    source = "from opentelemetry import trace\nfrom orchestrator import tracing"
    assert list(guard.violations(source, "x.py", allow_clock=True)) == []


def test_replayed_code_may_not_even_ask_the_clock_port() -> None:
    """What is allowed to an activity would break a replay."""
    source = "def run(ctx, world):\n    return world.clock.now()"
    assert list(guard.violations(source, "x.py", allow_clock=True)) == []
    assert list(guard.violations(source, "x.py", allow_clock=False)) == ["x.py:2 calls .now()"]
