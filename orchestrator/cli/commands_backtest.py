"""``hubswitch backtest``: what another policy would have made of what was seen."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from orchestrator.cli.commands_replay import load_plan
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.recording import Line, lines_from
from orchestrator.local.backtest import Backtested, Happening, backtest
from orchestrator.local.policyfile import PolicyFile
from orchestrator.local.replay import stamp


def backtest_command(
    paths: Iterable[Path], policy: Path, plan: Path | None, *, as_json: bool, out: TextIO, err: TextIO
) -> int:
    """0 if both policies do the same, 1 if they differ, 2 and one line if a file cannot be used."""
    try:
        given = load_plan(plan)
        lines = [line for path in paths for line in _lines(path)]
        result = backtest(lines, PolicyFile(policy), given.policy if given else None)
    except InvalidInput as fault:
        print(fault, file=err)
        return 2
    print(json.dumps(as_plain(result)) if as_json else format_diff(result), file=out)
    return 1 if result.only_recorded or result.only_changed else 0


def as_plain(result: Backtested) -> dict[str, Any]:
    """The object that is printed."""
    return {
        "pair": result.pair,
        "since": stamp(result.since),
        "until": stamp(result.until),
        "lines": result.lines,
        "same": not (result.only_recorded or result.only_changed),
        "recorded": [_plain(one) for one in result.recorded],
        "changed": [_plain(one) for one in result.changed],
        "only_recorded": [_plain(one) for one in result.only_recorded],
        "only_changed": [_plain(one) for one in result.only_changed],
    }


def format_diff(result: Backtested) -> str:
    """The differences for people, as a diff."""
    head = f"{result.pair}, {result.lines} lines from {stamp(result.since)} to {stamp(result.until)}:"
    marked = [("-", one) for one in result.only_recorded] + [("+", one) for one in result.only_changed]
    if not marked:
        return f"{head} the changed policy does the same ({_counts(result.changed)})"
    rows = [f"{sign} {stamp(one.at)}  {one.what}: {one.why}" for sign, one in sorted(marked, key=lambda m: m[1].at)]
    legend = f"- as recorded ({_counts(result.recorded)})", f"+ with the changed policy ({_counts(result.changed)})"
    return "\n".join((head, *legend, *rows))


def _counts(found: Iterable[Happening]) -> str:
    words = [one.what.partition(" ")[0] for one in found]
    counts = [(words.count(kind), kind) for kind in ("failover", "failback")]
    return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts)


def _plain(one: Happening) -> dict[str, str]:
    return {"at": stamp(one.at), "what": one.what, "why": one.why}


def _lines(path: Path) -> list[Line]:
    try:
        return lines_from(path.read_bytes(), str(path))
    except OSError as fault:
        raise InvalidInput(str(path), "", "a file that can be read", fault.strerror or str(fault)) from fault
