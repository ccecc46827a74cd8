"""``hubswitch submit``: a YAML file to the active hub, its record in the ledger ahead of it.

Exit status: 0 submitted (with ``--wait``: and completed), 1 the hub did not take it or it did not complete, 2 unusable
input (one line on standard error).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

from orchestrator.adapters.hub.mlclient import quiet
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.submit.api import Desk, Submitted, desk, follow, plain, submit


@dataclass(frozen=True, kw_only=True)
class SubmitOptions:
    """How a job is to be submitted; the fields are those of ``orchestrator.submit.api.submit``."""

    name: str | None = None
    sets: tuple[str, ...] = ()
    side: Role | None = None
    strict: bool = False
    wait: bool = False
    """Until it has ended."""


def submit_command(file: Path, plan: Path, wanted: SubmitOptions, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Submit, say where it went, and wait for its end if asked to."""
    try:
        at = desk(plan)
        with quiet():
            done = submit(file, at, name=wanted.name, sets=wanted.sets, side=wanted.side, strict=wanted.strict)
    except HubswitchError as fault:
        print(" ".join(str(fault).split()), file=err)
        return 2 if isinstance(fault, InvalidInput) else 1
    for line in done.warnings:
        print(line, file=err)
    if not as_json:
        print(_format(done), file=out)
    final = _wait(at, done, err) if wanted.wait else None
    if as_json:
        print(json.dumps({**plain(done), **(final or {})}), file=out)
    elif final:
        print(f"{final['name']} ended in the {final['side']} as {final['status']}", file=out)
    return 0 if final is None or final["status"].casefold() == "completed" else 1


def _format(done: Submitted) -> str:
    lines = [f"{done.name} was submitted to the {done.side}: {done.project} in {done.region}"]
    return "\n".join(lines + ([f"  {done.studio}"] if done.studio else []))


def _wait(at: Desk, done: Submitted, err: TextIO) -> dict[str, str]:
    """Name, side and status in which the job, or the last of its successors, ended."""
    console = Console(file=err, highlight=False)
    last = (done.name, done.side, done.status)
    with console.status(f"{done.name}: {done.status}"):
        for last in follow(at, done.name, done.side):
            console.print(f"{last[0]}: {last[2]} in the {last[1]}")
    return {"name": last[0], "side": last[1].value, "status": last[2]}
