"""Imports point one way; the contracts are enforced, and seen to fail."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "orchestrator"


def _lint(where: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(where)}
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)


def _copy(to: Path) -> Path:
    shutil.copytree(PACKAGE, to / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def test_a_planted_import_against_the_direction_is_found(tmp_path: Path) -> None:
    """Core importing an adapter turns the check red."""
    tree = _copy(tmp_path)
    assert _lint(tree).returncode == 0
    planted = tree / "orchestrator" / "core" / "planted.py"
    planted.write_text("from orchestrator.adapters import transport\n", encoding="utf-8")
    assert _lint(tree).returncode == 1


def _top_imports(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_azure_ai_ml_is_imported_by_no_module_at_its_top() -> None:
    """It takes more than a second and 100 MB: only functions that need it may import it."""
    found = [
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if any(name.startswith("azure.ai.ml") for name in _top_imports(path))
    ]
    assert found == []


def test_the_functions_packages_are_imported_by_triggers_and_the_local_host_alone() -> None:
    """Everything else can be used without the Functions model."""
    found = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if any(name.startswith(("azure.functions", "azure.durable_functions")) for name in _top_imports(path))
    }
    assert found <= {"triggers", "local"}
