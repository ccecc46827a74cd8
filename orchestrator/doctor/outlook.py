"""The last sentence on each pair: whether it will fail over by itself, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.holds import current_holds
from orchestrator.core.decision.state import PairState
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal
from orchestrator.doctor.findings import DoctorFinding, Outlook
from orchestrator.doctor.seen import find_speaking, mode_reason

DECIDING = frozenset(
    {
        *("engine", "looks", "token.executor", "token.probe", "ledger.read", "ledger.write"),
        *("pointer.read", "pointer.write", "clock", "rule", "region"),
    }
)
"""Checks without which the pointer is not moved."""

MOVING = ("hub.read", "jobs.submit", "assets.copy")
"""Checks of the standby without which the pointer is moved and jobs are not."""


def outlook_of(
    plan: Plan, state: PairState | None, findings: Sequence[DoctorFinding], signals: Sequence[Signal], now: datetime
) -> Outlook:
    """One pair's sentence, from everything that was found of it and of the app."""
    active = state.active if state else Role.PRIMARY
    reasons = list(dict.fromkeys(_reasons(plan, state, findings, active.other, now)))
    reasons += [] if signals else ["neither side could be probed in time"]
    if reasons:
        return Outlook(
            pair=plan.pair,
            fails_over=False,
            why=f"{plan.pair} will not fail over by itself, because {'; '.join(reasons)}.",
        )
    speaking = join_words(find_speaking(signals, active))
    why = (
        f"{plan.pair} will fail over by itself, because {speaking} of the {active} are "
        f"seen, the {active.other} is seen well, epoch record and pointer can be written, and nothing holds"
    )
    left = [
        found for found in findings if found.check in {f"{name}.{active.other}" for name in MOVING} and not found.ok
    ]
    also = f"; but its jobs may not be moved: {'; '.join(found.what for found in left)}" if left else ""
    return Outlook(pair=plan.pair, fails_over=True, why=f"{why}{also}.")


def _reasons(
    plan: Plan, state: PairState | None, findings: Sequence[DoctorFinding], standby: Role, now: datetime
) -> Iterator[str]:
    if mode := mode_reason(plan):
        yield mode
    for found in findings:
        if found.ok is False and (found.check in DECIDING or found.check.startswith(f"surface.{standby}.")):
            yield f"{found.check}: {found.what}"
    if state is None:
        yield "it has not been looked at yet"
        return
    for hold in current_holds(state, assess(state.evidence, now, plan.policy), now, plan.policy):
        yield hold.why
