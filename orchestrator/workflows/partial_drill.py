"""What passes between the orchestrator and the activities of a partial drill: the drill, and where each copy stands."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.vocabulary import Role
from orchestrator.workflows.messages import DrillFinding, DrillOrder, DrillOutcome, DrillReport


class CopyState(StrEnum):
    """Where the copy of a job stands."""

    PENDING = "pending"
    """Not accepted yet. A submission may be on its way."""

    ACCEPTED = "accepted"
    REACHED = "reached"
    """It has got as far as the plan wants."""

    FAILED = "failed"
    """It ended otherwise than well."""

    REFUSED = "refused"
    """The standby understood it and said no."""

    UNMAPPED = "unmapped"
    NEEDS_ASSETS = "needs-assets"
    UNFIT = "unfit"
    """There can be no copy, although a failover would submit the job."""

    SKIPPED = "skipped"
    """A failover would not submit the job either."""


class Copy(Value, kw_only=True):
    """The copy of one job."""

    job: str
    name: str
    """Under which it is submitted."""

    state: CopyState = CopyState.PENDING
    azure_status: str = ""
    """Azure ML's word when it was last asked."""

    why: str = ""
    accepted_after: float | None = None
    """Seconds from the beginning of the drill."""

    reached_after: float | None = None
    ended: bool = False
    """Nothing of it runs any more, or its end was asked for."""

    @property
    def is_open(self) -> bool:
        return self.state in {CopyState.PENDING, CopyState.ACCEPTED}


class PartialDrillRun(Value, kw_only=True):
    """A partial drill under way."""

    order: DrillOrder
    source: Role
    """The active side when it began."""

    epoch: int
    begun_at: Moment
    until: Literal["completed", "running"]
    patience: timedelta
    copies: tuple[Copy, ...] = ()
    outcome: DrillOutcome | None = None
    """Set as soon as the drill has to end."""

    why: str = ""

    @property
    def is_open(self) -> bool:
        return self.outcome is None and any(copy.is_open for copy in self.copies)


def give_up(run: PartialDrillRun, why: str) -> PartialDrillRun:
    """The drill, which ends before its copies have got where they should; one that has to end anyway keeps why."""
    if run.outcome is not None:
        return run
    return msgspec.structs.replace(run, outcome=DrillOutcome.INTERRUPTED, why=why)


def report_of(run: PartialDrillRun) -> DrillReport:
    """What a drill that is over has found: one finding for the drill, one for each copy."""
    findings = tuple(_finding(copy, run.until) for copy in run.copies)
    got = sum(copy.state is CopyState.REACHED for copy in run.copies)
    outcome = run.outcome or _outcome_of(got, ok=all(finding.ok for finding in findings))
    why = run.why or f"{got} of {len(run.copies)} copies have {_goal(run.until)} in the {run.source.other}"
    ok = outcome is DrillOutcome.SUCCEEDED
    first = DrillFinding(check=f"workload {run.order.workload}", ok=ok, why=why)
    order = run.order
    return DrillReport(
        pair=order.pair,
        drill=order.drill,
        kind=order.kind,
        ok=ok,
        outcome=outcome,
        findings=(first, *findings),
        by=order.by,
        reason=order.reason,
    )


def _outcome_of(got: int, *, ok: bool) -> DrillOutcome:
    """Of a drill that nothing interrupted. One of which every job was skipped has shown nothing."""
    if not ok:
        return DrillOutcome.FAILED
    return DrillOutcome.SUCCEEDED if got else DrillOutcome.NOT_READY


def _goal(until: str) -> str:
    return "completed" if until == "completed" else "begun to run"


def _finding(copy: Copy, until: str) -> DrillFinding:
    ok = copy.state in {CopyState.REACHED, CopyState.SKIPPED}
    parts = []
    if copy.accepted_after is not None:
        parts.append(f"accepted as {copy.name} after {copy.accepted_after:.0f} s")
    if copy.reached_after is not None:
        parts.append(f"{'completed' if until == 'completed' else 'ran'} after {copy.reached_after:.0f} s")
    elif copy.azure_status:
        parts.append(f"last seen as {copy.azure_status}")
    if copy.state is not CopyState.REACHED:
        parts.append(copy.state.value)
    if not copy.ended:
        parts.append("it may still be there: cancel it by hand")
    if copy.why:
        parts.append(copy.why)
    return DrillFinding(check=f"job {copy.job}", ok=ok and copy.ended, why="; ".join(parts))
