"""``scripts/figures.py`` counts what it says it counts."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "figures.py"


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("figures", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["folded", "_told", "asked_of", "running", "_kept"])
def test_a_participle_is_recognised(figures: ModuleType, name: str) -> None:
    """By its ending, or by the list of irregular ones."""
    assert figures.is_participle(name)


@pytest.mark.parametrize("name", ["fold", "_tell", "seed", "embed", "bring", "is_closed", "parse_red", "read", "ping"])
def test_an_imperative_is_none(figures: ModuleType, name: str) -> None:
    """Only the first word counts, and a verb that happens to end like one is not one."""
    assert not figures.is_participle(name)


def test_private_functions_are_counted_by_the_places_that_use_them(figures: ModuleType) -> None:
    """One place counts; none, two, and a public function do not."""
    text = "def _a(): ...\ndef _b(): ...\ndef _c(): ...\ndef d(): _a(); _b(); _b()\nd()\n"
    module = figures.Module("orchestrator.x", is_package=False, lines=5, tree=ast.parse(text))
    assert figures.count_private_used_once([module]) == 1


def test_floors_are_the_longest_chain_of_imports(figures: ModuleType) -> None:
    """A circle ends the counting, not the program."""
    assert figures.count_floors({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == 3
    assert figures.count_floors({"a": {"b"}, "b": {"a"}}) == 2


def test_the_table_has_a_figure_for_every_name(figures: ModuleType) -> None:
    """Of the real code: every row is filled, and the folders of core are among them."""
    rows = figures.measure()
    assert all(name and figure for name, figure in rows)
    assert "inside core" in {name.partition(".")[0] for name, _ in rows}
