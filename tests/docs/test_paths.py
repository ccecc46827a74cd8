"""Paths of files that the docs name exist, and so do the modules that docstrings name."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted(
    [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "client" / "README.md"]
)
PATH = re.compile(r"(?<![\w/.-])(?:orchestrator|client|tests|bench|plans|scripts)/[\w./-]*\w")

MODULE = re.compile(r"``(orchestrator(?:\.\w+)+)``")


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_path_that_a_page_names_is_there(doc: Path) -> None:
    """Files move; a page that still names the old place sends its reader away empty-handed."""
    named = set(PATH.findall(doc.read_text(encoding="utf-8")))
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_module_that_a_docstring_names_is_there() -> None:
    """Also where the name goes on into the module."""
    named = {
        (path.relative_to(ROOT), name)
        for path in (ROOT / "orchestrator").rglob("*.py")
        for name in MODULE.findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) > 3
    assert {found for found in named if not _is_there(found[1])} == set()


def _is_there(name: str) -> bool:
    module, _, member = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return module.count(".") > 0 and hasattr(importlib.import_module(module), member)
    return True
