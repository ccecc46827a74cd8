"""People install the command line with pip; what is deployed to Azure does not grow by it."""

from __future__ import annotations

import re
import subprocess
import sys
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _names(file: str) -> set[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return {found[0] for line in lines if (found := re.match(r"[A-Za-z0-9-]+", line))}


def test_the_extra_cli_brings_all_that_the_commands_import(tmp_path: Path) -> None:
    """As pip reads it from the package's metadata."""
    # In a process of its own: setuptools changes what its process logs.
    code = f"from setuptools import build_meta; build_meta.prepare_metadata_for_build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    (file,) = tmp_path.glob("*.dist-info/METADATA")
    metadata = Parser().parsestr(file.read_text(encoding="utf-8"))
    needed = metadata.get_all("Requires-Dist") or []
    extra = {re.split(r"[^A-Za-z0-9-]", line)[0] for line in needed if re.search(r'extra == ["\']cli["\']', line)}
    assert metadata.get_all("Provides-Extra") == ["cli"]
    assert extra == _names("requirements.in") | _names("requirements-cli.in")
    assert extra == {re.split(r"[^A-Za-z0-9-]", line)[0] for line in needed}


def test_the_extra_is_no_part_of_what_is_deployed() -> None:
    """And the repository's own environment has it."""
    assert _names("requirements-cli.in") & _names("requirements.in") == set()
    assert _names("requirements-cli.in") <= _names("requirements-dev.in")
