"""Imports point one way; the contracts are enforced, and seen to fail."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

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


PLANTED = [
    ("core", "from orchestrator.adapters.http import transport"),
    ("core/base", "from orchestrator.core.plan import schema"),
    ("core/plan", "from orchestrator.core.signals import signal"),
    ("core/signals", "from orchestrator.core.decision import state"),
    ("core/jobs", "from orchestrator.core.decision import state"),
    ("core/jobs/rewrite", "from orchestrator.core.jobs import record"),
    ("core/decision", "from orchestrator.core.standby import canary"),
    ("core/standby", "from orchestrator.workflows import messages"),
    ("workflows", "from orchestrator.watch import look"),
    ("workflows/orchestrators", "from orchestrator.workflows.activities import epoch"),
    ("workflows/activities", "from orchestrator.workflows.orchestrators import retry"),
    ("watch", "from orchestrator.triggers import engine"),
    ("standby", "from orchestrator.watch import look"),
    ("doctor", "from orchestrator.watch import look"),
    ("submit", "from orchestrator.bootstrap import Deployment"),
    ("audit", "from orchestrator.watch import look"),
    ("web", "from orchestrator.workflows import messages"),
    ("adapters/http", "from orchestrator.adapters.hub import jobs"),
    ("adapters/stores", "from orchestrator.adapters.health import probes"),
    ("adapters/hub", "from orchestrator.adapters.health import probes"),
    ("adapters/health", "from orchestrator.adapters.hub import jobs"),
    ("adapters/notify", "from orchestrator.adapters.hub import jobs"),
    ("simulator", "from orchestrator.core.plan import schema"),
    ("local", "from orchestrator.cli import main"),
    ("triggers", "from orchestrator.cli import main"),
]


def test_no_contract_is_broken() -> None:
    """As ``make imports`` has it."""
    assert _lint(ROOT).returncode == 0


@pytest.mark.parametrize(("folder", "statement"), PLANTED, ids=[folder for folder, _ in PLANTED])
def test_a_planted_import_against_the_direction_is_found(folder: str, statement: str, tmp_path: Path) -> None:
    """One import against the direction, in a new module of each folder, turns the check red."""
    tree = _copy(tmp_path)
    (tree / "orchestrator" / folder / "planted.py").write_text(f"{statement}\n", encoding="utf-8")
    assert _lint(tree).returncode == 1


def test_an_import_is_planted_in_every_folder() -> None:
    """A new folder without a contract of its own would let everything through."""
    tops = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert tops - {"adapters", "cli"} <= {folder.partition("/")[0] for folder, _ in PLANTED}


def _imports(path: Path) -> Iterator[str]:
    """Modules that a file imports from the package, wherever in the file the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "orchestrator":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _graph() -> dict[str, set[str]]:
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    return {
        name: {target if target in files else target.rpartition(".")[0] for target in _imports(path)} & set(files)
        for name, path in files.items()
    }


def test_there_is_no_import_circle_not_even_one_hidden_in_a_function() -> None:
    """An import inside a function, or for the type checker only, counts like one at the top."""
    with pytest.raises(CycleError, match="one"):
        TopologicalSorter({"one": {"two"}, "two": {"one"}}).prepare()
    TopologicalSorter(_graph()).prepare()


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
