"""Reading the files that people write, with the fault in their words."""

from __future__ import annotations

from pathlib import Path

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.schema import Plan, plan_from


def text_of(path: Path, where: str = "") -> str:
    """A file's text. ``where``: what is named if it cannot be had; the file itself if not given.

    Raises:
        InvalidInput: it cannot be read, or is not UTF-8.
    """
    where = where or str(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as fault:
        raise InvalidInput(where, "", "a file that can be read", fault.strerror or str(fault)) from fault
    except UnicodeDecodeError as fault:
        raise InvalidInput(where, "", "UTF-8 text", str(fault)) from fault


def plan_in(path: Path) -> Plan:
    """The plan that a file holds.

    Raises:
        InvalidInput: the file cannot be read, or the plan is wrong.
    """
    return plan_from(text_of(path), str(path))
