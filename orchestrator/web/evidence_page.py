"""The evidence of one run as one HTML page that needs nothing else and prints well: no scripts, no other hosts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from orchestrator.core.evidence.build import measure_rto
from orchestrator.core.evidence.document import JOB_COUNTS, RunEvidence
from orchestrator.core.evidence.incident import RunIncident
from orchestrator.web.page import template

LABELS = 230
"""Width of the names beside the timeline, in units of the drawing."""

WIDTH = 760
"""Width of the whole time, from the first phase to the last."""


NARROWEST = 2.0
"""Width of something that took next to no time: it would not be seen otherwise."""

PHASES = {
    "detect": "first bad evidence to suspicion",
    "decide": "suspicion to decision",
    "switch": "decision to verified pointer",
    "first_job": "pointer to first job accepted",
    "all_jobs": "pointer to last job dealt with",
    "steps": "pointer to last step over",
    "drill": "asked for until over",
    "failover": "order to verified pointer, there",
    "failover_steps": "pointer to end of that run",
    "failback": "order to verified pointer, back",
    "failback_steps": "pointer to end of that run",
}


class Bar(NamedTuple):
    """A phase or a step on the timeline. ``x`` and ``width`` are to scale, in units of the drawing."""

    name: str
    kind: str
    x: float
    width: float
    begun: datetime
    took: str


class EarlierRun(NamedTuple):
    """A line of the trend."""

    run: RunEvidence
    rto: str
    share: float
    """Part of the longest of these times, in per cent."""


def evidence_page(
    evidence: RunEvidence, earlier: Sequence[RunEvidence] | None = (), incident: RunIncident | None = None
) -> str:
    """The page of one run or drill.

    Args:
        evidence: what is shown.
        earlier: evidence of the pair before it, newest first; None if unknown.
        incident: what is attached to the run now; None: what the evidence has.
    """
    inside = evidence.incident if isinstance(evidence.incident, RunIncident) else None
    rendered: str = template("evidence.html").render(
        run=evidence,
        incident=incident or inside,
        is_beside=incident is not None and incident != inside,
        bars=list(bars_of(evidence)),
        labels=LABELS,
        width=WIDTH,
        phases=[(phase, PHASES.get(phase.name, ""), spell(phase.seconds)) for phase in evidence.phases],
        targets=(
            ("RTO", _wanted(evidence.targets.rto_s), spell(measure_rto(evidence)), evidence.targets.rto_met),
            ("RPO", _wanted(evidence.targets.rpo_s), spell(_worst_loss(evidence)), evidence.targets.rpo_met),
        ),
        losses=[(loss, spell(loss.seconds)) for loss in evidence.rpo],
        trend=None if earlier is None else list(trend_of((evidence, *earlier) if earlier else ())),
        counts=[(name, getattr(evidence.jobs, name)) for name in JOB_COUNTS],
    )
    return rendered.lstrip()


def trend_of(runs: Sequence[RunEvidence]) -> Iterator[EarlierRun]:
    """Runs with the time from the first bad evidence to the verified pointer, of which drills have none."""
    measured = [measure_rto(run) for run in runs]
    longest = max((seconds for seconds in measured if seconds is not None), default=0.0) or 1.0
    for run, seconds in zip(runs, measured, strict=True):
        yield EarlierRun(run, "" if seconds is None else spell(seconds), round((seconds or 0.0) / longest * 100, 1))


def bars_of(evidence: RunEvidence) -> Iterator[Bar]:
    """Everything that has a beginning and an end, drawn on one scale; nothing if there is no such thing."""
    found = [(phase.name, "phase", phase.begun, phase.ended) for phase in evidence.phases]
    found += [(step.name, "step", step.begun, step.ended) for step in evidence.steps]
    spans = [(name, kind, begun, ended) for name, kind, begun, ended in found if begun and ended and begun <= ended]
    first = min((begun for _, _, begun, _ in spans), default=None)
    last = max((ended for _, _, _, ended in spans), default=None)
    if first is None or last is None:
        return
    whole = (last - first).total_seconds() or 1.0
    for name, kind, begun, ended in spans:
        seconds = (ended - begun).total_seconds()
        x = (begun - first).total_seconds() / whole * WIDTH
        width = max(seconds / whole * WIDTH, NARROWEST)
        yield Bar(name, kind, round(LABELS + min(x, WIDTH - width), 2), round(width, 2), begun, spell(seconds))


def spell(seconds: float | None) -> str:
    """A length of time for people, exact to the millisecond below a minute and to the second above."""
    if seconds is None:
        return "not known"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    return " ".join([*parts, f"{minutes} min", f"{rest} s"])


def _wanted(seconds: float | None) -> str:
    return "" if seconds is None else spell(seconds)


def _worst_loss(evidence: RunEvidence) -> float | None:
    """The largest loss that was measured."""
    return max((loss.seconds for loss in evidence.rpo if loss.seconds is not None), default=None)
