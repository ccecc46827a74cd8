"""A bug that cannot be planted is found by nobody: the places of all of them are there."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]


def _mutants() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", TESTS / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MUTANTS = _mutants()
PROMISES = {*(f"S{number}" for number in range(1, 10)), "L1", "L2"}


@pytest.mark.parametrize("mutant", MUTANTS.MUTANTS, ids=lambda mutant: mutant.name)
def test_each_bug_has_its_place_and_the_test_that_finds_it(mutant: Any) -> None:
    """Exactly one, wherever it stands now; planting them and running the tests is for `make mutants`."""
    path, text = MUTANTS.planted(mutant, TESTS.parent / "orchestrator")
    assert ast.dump(ast.parse(text)) != ast.dump(MUTANTS.parsed(path))
    assert MUTANTS.test_file(mutant, TESTS).is_file()


def test_every_promise_is_broken_by_a_bug() -> None:
    """And no bug breaks anything else."""
    assert {mutant.name.partition(":")[0] for mutant in MUTANTS.MUTANTS} == PROMISES


def test_a_pattern_is_found_however_it_is_laid_out(tmp_path: Path) -> None:
    """In any file, over several lines, in other quotes; the rest of the file stays as it is, byte for byte."""
    inner = tmp_path / "a" / "b.py"
    inner.parent.mkdir()
    inner.write_text("def f(x):\n    é = g(\n        'é', x\n    ); return h(é)  # ü\n", encoding="utf-8")
    bug = MUTANTS.Mutant("S1: b", 'g("é", ANY_x)', "k(ANY_x)", "")
    assert MUTANTS.planted(bug, tmp_path) == (inner, "def f(x):\n    é = (k(x)); return h(é)  # ü\n")


def test_statements_in_a_row_are_replaced_together(tmp_path: Path) -> None:
    """With the indentation of their place."""
    file = tmp_path / "a.py"
    file.write_text("if a:\n    b()\n    c()\n    d()\n", encoding="utf-8")
    bug = MUTANTS.Mutant("S1: b", "b()\nc()", "if x:\n    y()", "")
    assert MUTANTS.planted(bug, tmp_path)[1] == "if a:\n    if x:\n        y()\n    d()\n"


@pytest.mark.parametrize("text", ["", "f(1)\nf(1)\n"])
def test_a_place_that_is_missing_or_not_the_only_one_is_refused(tmp_path: Path, text: str) -> None:
    """A bug that is planted elsewhere, or not at all, shows nothing."""
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    with pytest.raises(LookupError, match="is found"):
        MUTANTS.planted(MUTANTS.Mutant("S1: b", "f(1)", "2", ""), tmp_path)
