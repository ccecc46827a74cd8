"""Generated mutants are the same for the same seed, and every one of them changes something."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parents[1]

type Lines = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    """The script, which imports its sister beside it."""
    for name in ("mutants", "generated_mutants"):
        spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def mutants_of(generated: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lines:
    """The changed lines of every mutant of a text."""

    def mutants_of(text: str) -> list[str]:
        monkeypatch.setattr(generated, "ROOT", tmp_path)
        (tmp_path / "a.py").write_text(text, encoding="utf-8")
        made = (generated.mutate(m, text) for m in generated.generate_of_module("", tmp_path / "a.py"))
        return sorted(line for new in made if new for line in new.splitlines() if line not in text.splitlines())

    return mutants_of


def test_a_comparison_is_turned_moved_and_negated(mutants_of: Lines) -> None:
    """Its boundary is among the mutants, without which an off-by-one would go unseen."""
    assert mutants_of("if x < y:\n    z()\n") == [
        "if not x < y:",
        "if x != y:",
        "if x <= y:",
        "if x == y:",
        "if x > y:",
        "if x >= y:",
    ]


def test_types_and_options_of_classes_are_left_alone(mutants_of: Lines) -> None:
    """Nothing computes them; their mutants would survive any test."""
    assert mutants_of("x: int | None\ntype A = B | C\ndef f(a: D | E) -> F | G:\n    return a\n") == []
    assert mutants_of("class A(B, kw_only=True):\n    é: int | None = f(é=True)\n") == [
        "    é: int | None = f(é=False)"
    ]


def test_what_is_no_python_is_no_mutant(mutants_of: Lines) -> None:
    """The star of an argument looks like a product to cosmic-ray."""
    assert mutants_of("f(*x)\n") == []


def test_the_same_seed_draws_the_same_mutants(generated: ModuleType) -> None:
    """Another seed draws others, so that a run can be repeated and the next one says something new."""
    mutants = [generated.Mutant("decision", "a.py", line, "core/AddNot", line) for line in range(1000)]
    assert generated.draw(mutants, 50, 1) == generated.draw(mutants, 50, 1)
    assert generated.draw(mutants, 50, 1) != generated.draw(mutants, 50, 2)
    assert len(generated.draw(mutants, 5000, 1)) == 1000


def test_every_module_of_the_decision_and_every_test_file_takes_part(generated: ModuleType) -> None:
    """A new file is not forgotten, and a renamed one is noticed."""
    for part in generated.PARTS.values():
        core = TESTS.parent / "orchestrator/core"
        assert all(list(core.glob(pattern)) for pattern in part.modules)
        quick, slow = generated.get_stages(part, TESTS.parent)
        there = {f"tests/core/{part.tests}/{path.name}" for path in (TESTS / "core" / part.tests).glob("test_*.py")}
        assert sorted([*quick, *slow]) == sorted(there)


def test_a_survivor_leaves_the_file_as_it_was(
    generated: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next mutant is planted in the text of the repository, not on top of the last one."""
    file = tmp_path / "a.py"
    file.write_text("x = 1\n", encoding="utf-8")
    seen = []
    monkeypatch.setattr(generated, "run_tests", lambda *_: seen.append(file.read_text(encoding="utf-8")) or 0)
    mutant = generated.Mutant("jobs", "a.py", 1, "core/NumberReplacer", 0)
    assert generated.find_survivor(mutant, tmp_path, [1, 1]) == "    -x = 1\n    +x = 2"
    assert seen == ["x = 2\n"] * 2
    assert file.read_text(encoding="utf-8") == "x = 1\n"
