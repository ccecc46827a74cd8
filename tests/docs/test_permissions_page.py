"""The page about permissions is in step with the table of calls and with the templates."""

from __future__ import annotations

from pathlib import Path

from bicepcheck import permissions_doc
from orchestrator.adapters.permissions import CALLS, Who


def test_the_page_is_printed_from_the_source(root: Path) -> None:
    """``python -m bicepcheck.permissions_doc --write`` writes it."""
    assert (root / "docs" / "permissions.md").read_text(encoding="utf-8") == permissions_doc.document()


def test_every_permission_of_the_app_has_a_purpose_and_every_purpose_a_permission() -> None:
    """What nobody can say the purpose of should not be granted."""
    used = {permissions_doc.purpose_of(call) for call in CALLS if call.who is not Who.PERSON}
    assert used == set(permissions_doc.PURPOSES)


def test_every_row_names_a_role_that_gives_it(root: Path) -> None:
    """A permission without one would be blind, or a refusal in the middle of an outage."""
    page = (root / "docs" / "permissions.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [row for row in rows if row.endswith("|  |")] == []
