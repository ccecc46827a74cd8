"""A drill of the decision: what the pair would do if the active side went down now, on a copy of its state. Pure.

The looks of the coming minutes are made up: everything that is probed on the active side is bad, everything else stays
as it was just seen. They go through ``decide.step`` with the pair's own policy, at the intervals at which the watch
would look, until a switch or a proposal is decided. Nothing of it is stored: the decisions are read and thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from orchestrator.core.base.vocabulary import NoticeName, Observation, Phase, Role, Surface
from orchestrator.core.decision import holds
from orchestrator.core.decision.decide import cadence, step
from orchestrator.core.decision.holds import Hold
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import Decision, PairState, StartRun, Tell
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import Signal, probe_signal

SLACK = 4
"""Probe intervals after ``confirm_after`` in which a decision may still come, besides those until a class is bad."""


class RehearsedNotice(NamedTuple):
    """A notice that people would get."""

    after: timedelta
    name: NoticeName
    why: str


class Rehearsal(NamedTuple):
    """What would happen."""

    decided: str
    """``switch``, ``proposal``, or empty: nothing within the time that the policy allows."""

    after: timedelta
    """Since the first bad look: when that was decided, or how long nothing was."""

    rule: str
    """What the last decision rested on."""

    why: str
    holds: tuple[Hold, ...]
    """What would hold an automatic switch now, before anything is bad."""

    told: tuple[RehearsedNotice, ...]
    looks: int


def rehearse(state: PairState, seen: Sequence[Signal], now: datetime, policy: Policy, tag: str) -> Rehearsal:
    """Play an outage of the active side on a copy of its state.

    Args:
        state: the pair's, as it is stored.
        seen: what a sweep has just found on both sides and elsewhere.
        now: when the made-up outage begins.
        policy: the pair's own.
        tag: stands at the beginning of every made-up reason.
    """
    begun = max(now, state.last_now)
    end = begun + policy.confirm_after + (policy.bad_after + SLACK) * policy.probe_interval
    current = holds.current_holds(state, assess(state.evidence, begun, policy), begun, policy)
    told: list[RehearsedNotice] = []
    at, looks, decided = begun, 0, ""
    decision = Decision(state=state, rule=state.rule, why=state.why)
    while not decided and at <= end:
        signals = tuple(_make_up(state.active, seen, at, tag))
        look = Observed(now=at, signals=signals, is_look=True, trouble=state.trouble, pairs_moving=state.pairs_moving)
        decision = step(decision.state, look, at, policy)
        looks += 1
        told += [
            RehearsedNotice(at - begun, order.name, order.why) for order in decision.orders if isinstance(order, Tell)
        ]
        decided = _find_decided(state.phase, decision)
        after = at - begun
        at += cadence(decision.state, policy)
    return Rehearsal(decided, after, decision.rule, decision.why, current, tuple(told), looks)


def _find_decided(before: Phase, decision: Decision) -> str:
    if any(isinstance(order, StartRun) for order in decision.orders):
        return "switch"
    is_proposed = decision.state.phase is Phase.AWAITING_APPROVAL and before is not Phase.AWAITING_APPROVAL
    return "proposal" if is_proposed else ""


def _make_up(active: Role, seen: Sequence[Signal], at: datetime, tag: str) -> Iterator[Signal]:
    """One look: the active side is bad in everything that was asked, but the tokens are had; the rest is as it was."""
    for signal in seen:
        if signal.role is active and signal.surface is not None and signal.surface is not Surface.IDENTITY:
            yield probe_signal(active, signal.surface, Observation.BAD, at, f"{tag}: made up as bad")
        else:
            yield msgspec.structs.replace(signal, key=f"{tag}:{signal.key}@{at.timestamp()}", occurred_at=at)
