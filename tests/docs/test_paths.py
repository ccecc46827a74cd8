"""Paths of files that the docs name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
PATH = re.compile(r"(?<![\w/.-])(?:orchestrator|tests|bench|plans|scripts)/[\w./-]*\w")

EXAMPLES = {"plans/demo.yaml"}
"""A plan that a reader writes, or that the local commands write."""


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_path_that_a_page_names_is_there(doc: Path) -> None:
    """Files move; a page that still names the old place sends its reader away empty-handed."""
    named = set(PATH.findall(doc.read_text(encoding="utf-8")))
    assert {path for path in named - EXAMPLES if not (ROOT / path).exists()} == set()
