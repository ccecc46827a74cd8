"""What the page says of rules is what the runbook says."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.web.rules import RULES


def test_the_page_and_the_runbook_have_the_same_rules(root: Path) -> None:
    """Every row of both tables, in order, word for word but for the marks of the document."""
    text = (root / "docs" / "runbook.md").read_text(encoding="utf-8")
    tables = text.partition("## What the rule names mean")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z.-]+)` \| (.*?) \| ?(.*?) ?\|$", tables, re.MULTILINE)
    assert len(rows) > 30
    assert [tuple(map(plain, row)) for row in rows] == [tuple(row) for row in RULES]


def plain(text: str) -> str:
    """Without links and marks."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "").strip()
