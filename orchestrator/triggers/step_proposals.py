"""Steps at which runs wait for a person, as ``status`` shows them beside proposals of switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import steps_in
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.ports import Engine, EngineError
from orchestrator.workflows.messages import kind_of_run


async def proposals_of_steps(engine: Engine, plans: Mapping[str, Plan], states: Mapping[str, Any]) -> dict[str, str]:
    """By pair, the step at which its run waits for a person. Only runs of plans with such steps are asked about."""
    found: dict[str, str] = {}
    for pair, state in states.items():
        if not isinstance(state, PairState) or state.run is None or pair not in plans:
            continue
        items = plans[pair].workflow.direction(kind_of_run(state.run).value)
        titles = {step.title for _, step in steps_in(items) if isinstance(step, AwaitApproval)}
        waits = await _waits_for(engine, state.run) if titles else ""
        proposed = next((title for title in waits.split(", ") if title in titles), None)
        if proposed:
            found[pair] = f"{state.run}/{proposed}"
    return found


async def _waits_for(engine: Engine, run: str) -> str:
    """Titles of the steps that a run waits for; empty if the engine does not tell, which hides no pair."""
    try:
        state = await engine.state(run)
    except EngineError:
        return ""
    waits = state.waits_for if state else None
    return str(waits.get("step") or "") if isinstance(waits, Mapping) else ""


def with_step_proposal(line: Mapping[str, Any], proposal: str | None) -> dict[str, Any]:
    """A pair's line or view, with the step at which its run waits for a person."""
    if proposal is None:
        return dict(line)
    headline = f"WAITS FOR APPROVAL of its step {proposal.rpartition('/')[2]}; {line['headline']}"
    return {**line, "proposal": line["proposal"] or proposal, "needs_a_person": True, "headline": headline}
