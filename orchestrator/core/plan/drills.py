"""Drills: those that are held by themselves, when and on which dates not, and how a partial one is held. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import format_duration
from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.windows import Recurring, recurring_faults, spans_near

LONGEST_WORKLOAD = 256
"""Letters of a tag's value that Azure takes (learn.microsoft.com, tag-resources)."""

SHORTEST_PATIENCE, LONGEST_PATIENCE = timedelta(seconds=1), timedelta(hours=24)

MOST_COPIES = 100
"""Copies whose states one run of the engine carries from look to look."""


class ScheduledDrill(Recurring, kw_only=True):
    """A drill that is held once in each of its spans, as soon as the pair is at rest."""

    kind: Literal["tabletop", "decision", "canary", "partial", "full"] = "tabletop"
    """What is practised, as `hubswitch drill --kind` has it. `full` needs `full_drill.scheduled`."""

    workload: str = ""
    """Of a `partial` drill: the value of the tag `hubswitch.workload` of the jobs that are practised with."""

    blocked_dates: tuple[date, ...] = ()
    """Dates in the zone of the schedule on which no span begins, such as `2026-12-24`."""


class PartialDrill(Value, kw_only=True):
    """How a partial drill is held."""

    until: Literal["completed", "running"] = "completed"
    """What each copy has to reach in the standby. `running` costs less: a copy that runs is then cancelled."""

    patience: timedelta = timedelta(hours=1)
    """How long copies are waited for. Those that have not got there by then are cancelled."""

    most: int = 20
    """Jobs that a drill copies at most. A workload with more is refused, for its copies cost as much as its jobs."""


class FullDrill(Value, kw_only=True):
    """How a full drill is held, which moves the pointer there and back."""

    stay: timedelta = timedelta()
    """How long the secondary stays active before the way back begins."""

    patience: timedelta = timedelta(hours=1)
    """How long the way back is tried while something holds it. After that the pair stays in the secondary."""

    scheduled: bool = False
    """Whether `drills` may name the kind `full`: the pointer then moves without anybody asking for it on that day."""


class DueDrill(NamedTuple):
    """A drill that may begin now."""

    schedule: ScheduledDrill
    moment: datetime
    """What it is named by: the beginning of its span, a microsecond later for each schedule before it in the plan."""


def find_due(schedules: Sequence[ScheduledDrill], now: datetime) -> Iterator[DueDrill]:
    """Drills in whose spans ``now`` lies, in the order of the plan. Whether one has been held is not known here."""
    for number, schedule in enumerate(schedules):
        for span in spans_near(schedule, now):
            day = span.since.astimezone(ZoneInfo(schedule.zone)).date()
            if span.since <= now < span.until and day not in schedule.blocked_dates:
                yield DueDrill(schedule, span.since + timedelta(microseconds=number))


def drill_faults(schedules: Sequence[ScheduledDrill]) -> Iterator[Fault]:
    """What makes a schedule none."""
    for number, schedule in enumerate(schedules):
        yield from recurring_faults(schedule, f"drills[{number}]")
        why = workload_fault(schedule.kind, schedule.workload)
        if why:
            yield Fault(f"drills[{number}].workload", why, repr(schedule.workload))


def full_drill_faults(full: FullDrill, schedules: Sequence[ScheduledDrill]) -> Iterator[Fault]:
    """What of a full drill cannot be meant, and schedules that hold one although the plan does not allow it."""
    if not timedelta() <= full.stay <= LONGEST_PATIENCE:
        yield Fault("full_drill.stay", "from 0s to 24h", format_duration(full.stay))
    if not SHORTEST_PATIENCE <= full.patience <= LONGEST_PATIENCE:
        yield Fault("full_drill.patience", "from 1s to 24h", format_duration(full.patience))
    for number, schedule in enumerate(schedules):
        if schedule.kind == "full" and not full.scheduled:
            expected = "another kind, or full_drill.scheduled: true, for a full drill moves the pointer"
            yield Fault(f"drills[{number}].kind", expected, "full", ("full_drill.scheduled",))


def workload_fault(kind: str, workload: str) -> str:
    """What was expected of the workload of a drill of this kind; empty if it is as it should be."""
    if kind == "partial":
        fits = bool(workload.strip()) and len(workload) <= LONGEST_WORKLOAD
        return (
            ""
            if fits
            else f"of a partial drill a value of the tag hubswitch.workload, at most {LONGEST_WORKLOAD} letters"
        )
    return "nothing, for only a partial drill has a workload" if workload else ""


def partial_drill_faults(partial: PartialDrill) -> Iterator[Fault]:
    """What of a partial drill cannot be meant."""
    if not SHORTEST_PATIENCE <= partial.patience <= LONGEST_PATIENCE:
        yield Fault("partial_drill.patience", "from 1s to 24h", format_duration(partial.patience))
    if not 1 <= partial.most <= MOST_COPIES:
        yield Fault("partial_drill.most", f"from 1 to {MOST_COPIES}", str(partial.most))
