"""``hubswitch jobs rewrite``: a job's body for another workspace, on standard output as one JSON object.

Exit status: 0 done, 2 unusable input (one line on standard error), 3 something is unmapped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from orchestrator.cli.json_files import json_in
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.rewrite import JobMap, Rewrite, map_from, rewrite

DONE, UNUSABLE, NEEDS_A_PERSON = 0, 2, 3


def jobs_rewrite_command(
    body_path: Path | str, map_path: Path | str, assets_path: Path | str | None, out: TextIO, err: TextIO
) -> int:
    """Rewrite the body in one file by the map in another; the exit status.

    ``-`` as the body's path reads standard input. ``assets_path`` is a snapshot ``{ARM id: {"body": …}}``, or None.
    """
    try:
        job_map = map_from(json_in(map_path), str(map_path))
        assets = None if assets_path is None else _snapshot(assets_path)
        result = _rewritten(body_path, job_map, assets)
        text = json.dumps(_as_contract(result), indent=1, allow_nan=False)
    except InvalidInput as fault:
        print(" ".join(str(fault).split()), file=err)
        return UNUSABLE
    except RecursionError:
        print(f"{body_path}: expected objects in objects to a sane depth, got more than can be read", file=err)
        return UNUSABLE
    print(text, file=out)
    return NEEDS_A_PERSON if result.unmapped else DONE


def _rewritten(path: Path | str, job_map: JobMap, assets: dict[str, Any] | None) -> Rewrite:
    try:
        return rewrite(json_in(path), job_map, assets)
    except InvalidInput as fault:
        raise InvalidInput(str(path), fault.field, fault.expected, fault.got) from fault


def _as_contract(result: Rewrite) -> dict[str, Any]:
    """The contract's object. The body goes out as it is: it is JSON already, and its numbers must not change."""
    return {
        "body": result.body,
        "rewritten": to_builtins(result.rewritten),
        "kept": [{"path": stayed.path, "value": stayed.value, "why": stayed.why} for stayed in result.kept],
        "needs": to_builtins(result.needs),
        "unmapped": [{"path": stayed.path, "value": stayed.value, "why": stayed.why} for stayed in result.unmapped],
        "notes": to_builtins(result.notes),
    }


def _snapshot(path: Path | str) -> dict[str, Any]:
    data = json_in(path)
    if not isinstance(data, dict):
        raise InvalidInput(str(path), "", "an object of assets by ARM id", type(data).__name__)
    for name, entry in data.items():
        if not isinstance(entry, dict):
            raise InvalidInput(str(path), name, "an object with a body", type(entry).__name__)
        if not isinstance(entry.get("body", {}), dict):
            raise InvalidInput(str(path), f"{name}.body", "an object", type(entry["body"]).__name__)
    return data
