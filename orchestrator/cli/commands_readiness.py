"""``hubswitch readiness compare``: whether one side, as Azure described it, could stand in for the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from orchestrator.cli.json_files import json_in
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.standby.readiness import Readiness, compare
from orchestrator.core.standby.readiness_checks import CHECKS
from orchestrator.core.standby.twin_map import infer_twin_map, twin_map_from


def readiness_compare_command(primary: Path, secondary: Path, twins: Path | None, *, as_json: bool, out: TextIO) -> int:
    """0 if the secondary is ready, 1 if it is not.

    Raises:
        InvalidInput: a file cannot be read, is no JSON object, or the map has a field that is not known.
    """
    here, there = _read(primary), _read(secondary)
    known = twin_map_from(_read(twins), str(twins)) if twins else infer_twin_map(here, there)
    found = compare(here, there, known, CHECKS)
    print(json.dumps(to_builtins(found)) if as_json else format_readiness(found), file=out)
    return 0 if found.ready else 1


def format_readiness(found: Readiness) -> str:
    """For people: worst first, with both values and what to do."""
    lines = [f"{'ready' if found.ready else 'NOT READY'}: score {found.score}, {found.checks} checks"]
    for each in found.findings:
        lines.append(f"{each.severity:5} {each.path} (check {each.check}): {each.what}")
        if each.primary or each.secondary:
            lines.append(f"      primary {each.primary or '-'}, secondary {each.secondary or '-'}")
        lines.append(f"      {each.fix}")
    return "\n".join(lines)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json_in(path)
    except RecursionError as fault:
        raise InvalidInput(str(path), "", "objects in objects to a sane depth", "more than can be read") from fault
    if not isinstance(found, dict):
        raise InvalidInput(str(path), "", "a JSON object", type(found).__name__)
    return found
