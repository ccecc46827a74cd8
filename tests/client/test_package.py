"""The package as its users get it: what it needs, what it imports, how fast, and that its README is true."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.parser import Parser
from pathlib import Path

import pytest
from client_values import expected
from hubswitch_client import NothingKnown

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client"
FILES = sorted((CLIENT / "hubswitch_client").glob("*.py"))
DEPENDENCIES = {"azure-appconfiguration", "azure-identity"}
OPTIONAL = "azure.ai.ml"


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def python(code: str, *paths: Path) -> str:
    """What a fresh interpreter prints, with these folders and the installed packages to import from."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, cwd=CLIENT.anchor, capture_output=True, text=True, check=True
    ).stdout


def lint(where: Path) -> int:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(where)}
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, check=False).returncode


def test_it_imports_the_standard_library_and_its_two_dependencies_alone() -> None:
    """And azure-ai-ml where somebody asks for it; ``azure.core`` comes with the two."""
    own = ("hubswitch_client", "azure.appconfiguration", "azure.identity", "azure.core", OPTIONAL)
    found = {name for path in FILES for name in imports(path)}
    assert found >= set(own[1:3])
    assert {
        name for name in found if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(own)
    } == (set())


def test_it_keeps_its_import_contracts() -> None:
    """As ``make imports`` has it."""
    assert lint(CLIENT) == 0


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("planted", "from orchestrator.core.base import codec"),
        ("cache", "from hubswitch_client import follower"),
    ],
)
def test_an_import_against_the_contracts_is_found(module: str, statement: str, tmp_path: Path) -> None:
    """One of the product, and one against the direction."""
    tree = tmp_path / "client"
    shutil.copytree(CLIENT, tree, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    with (tree / "hubswitch_client" / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")
    assert lint(tree) == 1


def test_the_wheel_needs_two_packages_and_has_every_module(tmp_path: Path) -> None:
    """As pip reads it from the metadata; the build happens in a copy, so nothing is left behind."""
    tree = tmp_path / "client"
    shutil.copytree(CLIENT, tree, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    build = (
        "import os, sys; os.chdir(sys.argv[1]); from setuptools import build_meta; "
        "print(build_meta.prepare_metadata_for_build_wheel(sys.argv[2]))"
    )
    command = [sys.executable, "-c", build, str(tree), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    metadata = Parser().parsestr((tmp_path / said.split()[-1] / "METADATA").read_text(encoding="utf-8"))
    needed = metadata.get_all("Requires-Dist") or []
    assert {re.split(r"[^A-Za-z0-9-]", line)[0] for line in needed} == DEPENDENCIES
    settings = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert settings["packages"] == [path.name for path in CLIENT.iterdir() if (path / "__init__.py").is_file()]


def test_its_source_is_that_of_the_oldest_python_that_it_promises() -> None:
    """Syntax alone: the tests run on the repository's Python."""
    wanted = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert wanted == ">=3.11"
    for path in FILES:
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 11))


def test_importing_it_imports_no_sdk() -> None:
    """Neither Azure's packages nor what they stand on, and nothing of the product."""
    code = "import hubswitch_client, hubswitch_client.aio, sys; print(*sys.modules)"
    tops = {name.split(".")[0] for name in python(code, CLIENT).split()}
    before = {name.split(".")[0] for name in python("import sys; print(*sys.modules)", CLIENT).split()}
    assert tops - before - set(sys.stdlib_module_names) == {"hubswitch_client"}


def programs(page: Path) -> list[str]:
    """A page's programs that use the client."""
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "hubswitch_client" in block]


PROGRAMS = [program for page in (CLIENT / "README.md", ROOT / "README.md") for program in programs(page)]


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_programs_of_both_readmes_run(
    program: str,
    publish: Callable[..., None],
    endpoints: list[str],
    pair: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As they stand, but for the pair's name, the store's addresses and the cache's place."""
    publish(1)
    shown = ["https://appcs-hubswitch.azconfig.io", "https://appcs-hubswitch-westus3.azconfig.io"]
    places = {'"vision"': repr(pair), "/var/cache/app": str(tmp_path), **dict(zip(shown, endpoints, strict=True))}
    for found, wanted in places.items():
        program = program.replace(found, wanted)
    assert "azconfig" not in program
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    # The bounds are those of the product, and a busy machine may break them: another try then.
    for _ in range(5):
        with suppress(NothingKnown):
            runpy.run_path(str(path), run_name="__main__")
            break
    assert expected(1).hub in capsys.readouterr().out
    assert (tmp_path / "vision.json").is_file() == ("cache" in program)


def test_both_readmes_have_programs() -> None:
    """Threads and asyncio in the client's own, a first look in the product's."""
    assert len(PROGRAMS) == 3
