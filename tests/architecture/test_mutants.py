"""A bug that cannot be planted is found by nobody: the places of all of them are there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parents[1]


def _mutants() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", TESTS / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("mutant", _mutants().MUTANTS, ids=lambda mutant: mutant.name)
def test_each_bug_has_its_place_and_the_test_that_finds_it(mutant: tuple[str, str, str, str, str]) -> None:
    """Once, in the file that it names; planting them and running the tests is for `make mutants`."""
    _, file, old, new, found_by = mutant
    text = (TESTS.parent / "orchestrator" / file).read_text(encoding="utf-8")
    assert (text.count(old), old != new, (TESTS.parent / found_by).is_file()) == (1, True, True)
