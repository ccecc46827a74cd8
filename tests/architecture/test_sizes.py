"""Small modules, small functions: a budget that a machine watches."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).parents[2] / "orchestrator"
MODULE_LINES = 400
FUNCTION_LINES = 40
MEDIAN_FUNCTION_LINES = 12


def _functions() -> list[tuple[str, int]]:
    return [
        (f"{path.relative_to(PACKAGE)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_module_is_longer_than_its_budget() -> None:
    """A module that grows past it has more than one job."""
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


def test_no_function_is_longer_than_its_budget() -> None:
    """A function that does not fit on a screen hides a step that deserves a name."""
    assert {name: length for name, length in _functions() if length > FUNCTION_LINES} == {}


def test_most_functions_are_short() -> None:
    """The median says how the code reads, not the worst case."""
    assert median(length for _, length in _functions()) <= MEDIAN_FUNCTION_LINES
