"""``hubswitch replay``: play scenario files and say whether their expectations hold."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.schema import Plan
from orchestrator.local.replay import Replayed, replay, stamp
from orchestrator.local.scenario import load_scenario
from orchestrator.plan_files import plan_in


def replay_command(paths: Iterable[Path], plan: Path | None, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 if all expectations hold, 1 if one is missed, 2 and one line if a file cannot be used."""
    try:
        given = load_plan(plan)
        scenarios = [(path, load_scenario(path)) for path in paths]
        played = [replay(scenario, given) for _, scenario in scenarios]
    except InvalidInput as fault:
        print(fault, file=err)
        return 2
    for result in played:
        print(json.dumps(result.as_plain()) if as_json else format_result(result), file=out)
    return 0 if all(result.ok for result in played) else 1


def format_result(result: Replayed) -> str:
    """A scenario's result for people."""
    verdict = "as expected" if result.ok else "NOT as expected: " + "; ".join(result.missed)
    lines = [f"{result.scenario}: {result.outcome}, {verdict}"]
    lines += [f"  {stamp(m.at)}  failover to the {m.target}, epoch {m.epoch}: {m.why}" for m in result.failovers]
    lines += [f"  {stamp(m.at)}  failback to the {m.target}, epoch {m.epoch}: {m.why}" for m in result.failbacks]
    lines += [f"  {stamp(n.at)}  held: {n.why}" for n in result.held]
    return "\n".join(lines)


def load_plan(path: Path | None) -> Plan | None:
    """The plan that a file holds, if one is given."""
    return plan_in(path) if path else None
