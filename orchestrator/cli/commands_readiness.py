"""``hubswitch readiness``: whether one side could stand in for the other, by two files, or by an app's last look."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from orchestrator.cli.app_calls import App, get_object
from orchestrator.cli.commands_pairs import WATCH_EVERY, format_moment
from orchestrator.cli.json_files import json_in
from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.text import format_duration
from orchestrator.core.standby.readiness import Readiness, compare
from orchestrator.core.standby.readiness_checks import CHECKS
from orchestrator.core.standby.twin_map import infer_twin_map, twin_map_from

SHAPE = ("ready", "score", "checks", "findings")
TREND = 12
"""Scores that are shown to people, the newest last."""


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


def readiness_command(app: App, pair: str, *, watch: bool, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 if the standby is ready; 1 if it is not, was never looked at, or the pair is not known; 2 for no answer."""
    last: object = None
    while True:
        status, found = get_object(app, f"pairs/{quote(pair, safe='')}/readiness", err)
        if status:
            return status
        now = (found.get("as_of"), found.get("failed"))
        if now != last:
            print(json.dumps(found) if as_json else format_live(found), file=out, flush=True)
            last = now
        if not watch:
            return 0 if found.get("ready") else 1
        time.sleep(WATCH_EVERY)


def format_live(found: Mapping[str, Any]) -> str:
    """For people: how old the result is, what it was before, and what was found, worst first."""
    lines = []
    if found.get("as_of") is None:
        lines.append(f"{found.get('pair')}: nobody has looked at the standby yet")
    else:
        told = from_builtins({key: found.get(key) for key in SHAPE}, Readiness, "the app's answer")
        age = format_duration(timedelta(seconds=found.get("age_s") or 0))
        standby = "primary" if found.get("active") == "secondary" else "secondary"
        lines.append(f"{found.get('pair')}: the {standby}, as of {age} ago")
        if standby == "primary":
            lines.append("below, `primary` means the side that was active, the secondary, and `secondary` its standby")
        scores = [str(each["score"]) for each in found.get("trend", ())][-TREND:]
        lines += [f"scores: {' '.join(scores)}"] if len(scores) > 1 else []
        lines.append(format_readiness(told))
        lines += [f"{each['path']}: {each['what']}" for each in found.get("by_plan", ())]
    if found.get("kept"):
        lines.append(f"read earlier, for the active side does not answer: {', '.join(found['kept'])}")
    failed = found.get("failed")
    if failed:
        lines.append(f"the last look, at {format_moment(failed['at'])}, could not be done: {failed['why']}")
    return "\n".join(lines)


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
