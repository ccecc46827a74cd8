"""Views: plain data for the HTTP answers and the status page, made from state alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.assessment import assess
from orchestrator.core.codec import to_builtins
from orchestrator.core.errors import InvalidInput
from orchestrator.core.plan import Plan
from orchestrator.core.state import PairState
from orchestrator.core.vocabulary import EvidenceClass, Role

type Readable = PairState | InvalidInput | None
"""A pair's state; why it cannot be read; or None before its first look."""


def status_view(plans: Mapping[str, Plan], states: Mapping[str, Readable]) -> dict[str, Any]:
    """Every pair in one line each, troubled ones first."""
    lines = [pair_line(plan, states.get(pair)) for pair, plan in plans.items()]
    return {"pairs": sorted(lines, key=lambda line: (line["phase"] in {"steady", "new"}, line["pair"]))}


def pair_line(plan: Plan, state: Readable) -> dict[str, Any]:
    if state is None:
        return {"pair": plan.pair, "phase": "new", "active": None, "epoch": None, "why": "not looked at yet"}
    if isinstance(state, InvalidInput):
        return {"pair": plan.pair, "phase": "unreadable", "active": None, "epoch": None, "why": str(state)}
    return {
        "pair": plan.pair,
        "phase": state.phase.value,
        "since": state.phase_since,
        "active": state.active.value,
        "region": plan.side(state.active).region,
        "epoch": state.epoch,
        "run": state.run,
        "why": why_of(state),
    }


def pair_view(plan: Plan, state: Readable, now: datetime) -> dict[str, Any]:
    """One pair in full: line, evidence by side and class, holds, journal (newest first)."""
    line = pair_line(plan, state)
    if not isinstance(state, PairState):
        return line
    return {
        **line,
        "mode": plan.policy.mode.value,
        "tier": plan.tier.value,
        "paused": to_builtins(state.paused),
        "trouble": state.trouble,
        "looked_at": state.looked_at,
        "evidence": evidence_view(plan, state, now),
        "journal": [to_builtins(entry) for entry in reversed(state.journal)],
    }


def evidence_view(plan: Plan, state: PairState, now: datetime) -> dict[str, Any]:
    """Per side and class: what is seen, since when, and why it counts or does not."""
    assessment = assess(state.evidence, now, plan.policy)
    return {role.value: {name.value: to_builtins(assessment.of(role, name)) for name in EvidenceClass} for role in Role}


def explain_view(plan: Plan, state: Readable, now: datetime) -> dict[str, Any]:
    """One paragraph on where a pair stands and why, with the entries that it rests on."""
    view = pair_view(plan, state, now)
    if not isinstance(state, PairState):
        return {"pair": plan.pair, "text": f"{plan.pair}: {view['why']}.", "journal": []}
    seen = [
        f"{side}.{name} is {verdict['observation']} since {verdict['since'] or 'a while'}: {verdict['why']}"
        for side, classes in view["evidence"].items()
        for name, verdict in classes.items()
        if verdict["observation"] not in {"ok", None}
    ]
    text = (
        f"{plan.pair} is {state.phase} since {state.phase_since:%Y-%m-%d %H:%M:%S} UTC at epoch {state.epoch}; "
        f"the active side is the {state.active} ({plan.side(state.active).region}). {why_of(state)}. "
        + (f"Seen: {'; '.join(seen)}." if seen else "Nothing bad is seen.")
    )
    return {"pair": plan.pair, "text": text, "journal": view["journal"][:20]}


def run_view(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run: its status, and either what it waits for or what it came to."""
    waits = run["waits_for"] or {}
    return {**run, "waits_for": waits if waits.get("step") else None}


def why_of(state: PairState) -> str:
    """The last decision's reason."""
    return state.why or "nothing has happened yet"
