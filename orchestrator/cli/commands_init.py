"""``hubswitch init``: read two projects and write the first plan of their pair.

Exit status: 0 a plan was written, or printed; 1 Azure could not be asked; 2 unusable input, or the plan would have a
fault; 3 something stands where it would be written.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from orchestrator.clock import SystemClock
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.plan.load import read_plan
from orchestrator.core.standby.plan_proposal import Choice, Proposal, ProposalRequest, proposal_text
from orchestrator.settings import settings_from, with_own_login
from orchestrator.standby.proposal import read_proposal

NEEDS_A_PERSON = 3


class InitOptions(NamedTuple):
    """How the plan is given."""

    output: Path | None = None
    """Where it is written; printed if None."""

    force: bool = False
    """Write over what stands there."""

    explain: bool = False
    """Say why each value."""


def init_command(wanted: ProposalRequest, options: InitOptions, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Read, propose, check, and only then write."""
    where = str(options.output or "the proposed plan")
    if options.output and options.output.exists() and not options.force:
        print(f"{where} is there already; give --force to write over it", file=err)
        return NEEDS_A_PERSON
    try:
        proposal = _read(wanted)
    except HubswitchError as fault:
        print(" ".join(str(fault).split()), file=err)
        return 2 if isinstance(fault, InvalidInput) else 1
    text = proposal_text(proposal)
    reading = read_plan(text, where)
    for line in (*reading.faults, *(f"warning: {each}" for each in reading.warnings)):
        print(line, file=err)
    if reading.faults:
        return 2
    if options.output:
        try:
            options.output.write_text(text, encoding="utf-8")
        except OSError as fault:
            print(f"{where}: expected a file that can be written, got {fault.strerror or fault}", file=err)
            return 2
    if as_json:
        print(json.dumps(_as_json(proposal, text)), file=out)
    elif not options.output:
        print(text, end="", file=out)
    else:
        unsure = sum(not choice.is_sure for choice in proposal.choices)
        print(
            f"wrote {where}: look at {unsure} values that are not sure, {len(proposal.open)} things are open", file=out
        )
        print(f"then: hubswitch plan check {where} --online", file=out)
    if options.explain:
        for choice in proposal.choices:
            print(_explain(choice), file=err)
    return 0


def _read(wanted: ProposalRequest) -> Proposal:
    from orchestrator.adapters.assembly import assemble

    settings = settings_from({**with_own_login(os.environ), "HUBSWITCH_PLANS": "."})
    world = assemble(settings, {}, SystemClock())
    return read_proposal(world.resources, world.sides, wanted)


def _explain(choice: Choice) -> str:
    sure = "" if choice.is_sure else " (not sure)"
    return f"{'.'.join(choice.path)}: {choice.value}: {choice.why}{sure}"


def _as_json(proposal: Proposal, text: str) -> dict[str, Any]:
    choices = [
        {"field": ".".join(each.path), "value": each.value, "why": each.why, "sure": each.is_sure}
        for each in proposal.choices
    ]
    return {"plan": text, "choices": choices, "open": list(proposal.open)}
