"""People install the wheel with pip, and it runs alone; what is deployed to Azure does not grow by that."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = ("orchestrator", "function_app")


def _names(file: str) -> set[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return {found[0] for line in lines if (found := re.match(r"[A-Za-z0-9-]+", line))}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product's wheel, unpacked as pip would; built from a copy, so that nothing is left behind."""
    place = tmp_path_factory.mktemp("wheel")
    tree = place / "tree"
    tree.mkdir()
    shutil.copytree(ROOT / "orchestrator", tree / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("function_app.py", "pyproject.toml", "README.md", "LICENSE", *map(str, _files("requirements*.in"))):
        shutil.copy(ROOT / name, tree / name)
    # In a process of its own: setuptools changes what its process logs.
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(place)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, check=True)
    (built,) = place.glob("*.whl")
    with zipfile.ZipFile(built) as packed:
        packed.extractall(place / "site")
    return place / "site"


def _files(pattern: str) -> list[Path]:
    return [path.relative_to(ROOT) for path in ROOT.glob(pattern)]


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """What pip reads of it."""
    (file,) = wheel.glob("*.dist-info/METADATA")
    return Parser().parsestr(file.read_text(encoding="utf-8"))


def _needed(metadata: Message) -> list[Requirement]:
    """What is installed with the wheel when no extra is asked for."""
    found = [Requirement(line) for line in metadata.get_all("Requires-Dist") or []]
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]


def test_the_wheel_brings_what_both_files_name(metadata: Message) -> None:
    """As pip reads it. The extra of earlier versions is still known, and brings nothing else."""
    brought = {each.name for each in _needed(metadata)}
    assert brought == _names("requirements.in") | _names("requirements-cli.in")
    every = {Requirement(line).name for line in metadata.get_all("Requires-Dist") or []}
    assert (metadata.get_all("Provides-Extra"), every - brought) == (["cli"], set())


def test_the_wheel_brings_all_that_its_modules_import(metadata: Message) -> None:
    """Wherever the import stands: a command that nobody has tried must not end with a package that is missing."""
    brought = {module for name in _with_what_they_need(_needed(metadata)) for module in _modules(name)}
    lacking = {
        (str(path), name)
        for path in _files("orchestrator/**/*.py") + _files("function_app.py")
        for name in _imports(path)
        if name.split(".")[0] not in {*sys.stdlib_module_names, *OURS} and name not in brought
    }
    assert lacking == set()


def _with_what_they_need(first: list[Requirement]) -> set[str]:
    """Names of distributions: these, and all that they bring."""
    found: set[str] = set()
    ahead = list(first)
    while ahead:
        one = ahead.pop()
        if one.name in found:
            continue
        found.add(one.name)
        for line in distribution(one.name).requires or []:
            more = Requirement(line)
            if more.marker is None or any(more.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                ahead.append(more)
    return found


def _modules(name: str) -> Iterator[str]:
    """The modules of a distribution, under the names by which they are imported. None of them is imported for that."""
    for path in distribution(name).files or []:
        if path.suffix in {".py", ".so"}:
            parts = [*path.parts[:-1], path.name.split(".")[0]]
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module in NAMESPACES:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


NAMESPACES = {"durabletask.internal", "opentelemetry"}
"""Folders without code: what is imported from them is a module."""


def test_the_wheel_has_every_file_and_serves_the_function_app(wheel: Path) -> None:
    """Away from the repository, with the wheel in front of everything else: its files, and its command."""
    ours = {str(path) for path in _files("orchestrator/**/*") if "__pycache__" not in path.parts and path.suffix}
    assert {path for path in ours if not (wheel / path).exists()} == set()
    code = (
        "from orchestrator.local.session import FUNCTION_APP; from orchestrator.cli.main import status_of; "
        "print(FUNCTION_APP, FUNCTION_APP.is_file()); status_of(['--help'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=wheel.anchor, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines()[0] == f"{wheel / 'function_app.py'} True"
    assert "demo" in said


def test_what_only_the_command_line_needs_is_no_part_of_what_is_deployed() -> None:
    """And the repository's own environment has it."""
    assert _names("requirements-cli.in") & _names("requirements.in") == set()
    assert _names("requirements-cli.in") <= _names("requirements-dev.in")
