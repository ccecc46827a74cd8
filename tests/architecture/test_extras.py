"""People install the command line with pip; what is deployed to Azure does not grow by it."""

from __future__ import annotations

import re
from email.parser import Parser
from pathlib import Path

import pytest
from setuptools import build_meta

ROOT = Path(__file__).parents[2]


def _names(file: str) -> set[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return {found[0] for line in lines if (found := re.match(r"[A-Za-z0-9-]+", line))}


def test_the_extra_cli_brings_all_that_the_commands_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip reads it from the package's metadata."""
    monkeypatch.chdir(ROOT)
    folder = build_meta.prepare_metadata_for_build_wheel(str(tmp_path))
    metadata = Parser().parsestr((tmp_path / folder / "METADATA").read_text(encoding="utf-8"))
    needed = metadata.get_all("Requires-Dist") or []
    extra = {re.split(r"[^A-Za-z0-9-]", line)[0] for line in needed if re.search(r'extra == ["\']cli["\']', line)}
    assert metadata.get_all("Provides-Extra") == ["cli"]
    assert extra == _names("requirements.in") | _names("requirements-cli.in")
    assert extra == {re.split(r"[^A-Za-z0-9-]", line)[0] for line in needed}


def test_the_extra_is_no_part_of_what_is_deployed() -> None:
    """And the repository's own environment has it."""
    assert _names("requirements-cli.in") & _names("requirements.in") == set()
    assert _names("requirements-cli.in") <= _names("requirements-dev.in")
