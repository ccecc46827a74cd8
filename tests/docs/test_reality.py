"""The page about what is known of Azure names every module that admits to a guess."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

GUESS = re.compile(
    r"not\s+known|not\s+documented|not\s+recorded|decided\s+here|our\s+guess|to\s+be\s+verified", re.IGNORECASE
)


def test_every_simulated_service_that_guesses_has_a_row(root: Path, pages: dict[str, Any]) -> None:
    """A guess that only the code knows is found by nobody who asks what to check first."""
    folder = root / "orchestrator" / "simulator"
    modules = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
    guessing = {str(path.relative_to(root)) for path in modules if GUESS.search(path.read_text(encoding="utf-8"))}
    assert len(guessing) > 8
    assert guessing - set(pages["docs/reality.md"].code) == set()
