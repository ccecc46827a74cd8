"""What the watch measures of each pair, for dashboards and alert rules. The names are in ``orchestrator.metrics``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from orchestrator import metrics
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState


def measure_states(states: Mapping[str, PairState | None], now: datetime) -> None:
    """How each pair stands, at each tick. A pair that was never looked at has no series."""
    for pair, state in states.items():
        if state is None:
            continue
        for phase in Phase:
            metrics.gauge(metrics.PHASE, int(state.phase is phase), pair=pair, phase=phase.value)
        metrics.gauge(metrics.EPOCH, state.epoch, pair=pair)
        blind = now - state.blind_since if state.blind_since else None
        metrics.gauge(metrics.BLIND, max(blind.total_seconds(), 0.0) if blind else 0, pair=pair)
        if state.looked_at:
            metrics.gauge(metrics.LOOK_AGE, max((now - state.looked_at).total_seconds(), 0.0), pair=pair)
        for view in state.views:
            age = max((now - view.looked_at).total_seconds(), 0.0)
            metrics.gauge(metrics.STAMP_AGE, age, pair=pair, stamp=view.stamp)
        if state.readiness:
            metrics.gauge(metrics.READINESS, state.readiness.score, pair=pair)
            metrics.gauge(metrics.READY, int(state.readiness.ready), pair=pair)


def measure_look(pair: str, seen: Observed, handed_over: datetime) -> None:
    """One look, after it was handed over."""
    metrics.count(metrics.LOOKS, pair=pair)
    began = seen.began or seen.now
    metrics.measure(metrics.LOOK_DURATION, max((handed_over - began).total_seconds(), 0.0), pair=pair)
    found = Counter((signal.role, signal.surface, signal.observation) for signal in seen.signals if signal.surface)
    for (role, surface, observation), number in found.items():
        metrics.count(
            metrics.SIGNALS,
            number,
            pair=pair,
            side=role.value if role else "",
            surface=surface.value if surface else "",
            observation=observation.value,
        )
