"""What the ledger knows of jobs, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orchestrator.core.base.vocabulary import JobPolicy
from orchestrator.core.jobs.record import JobRecord, JobStatus, JobSummary
from orchestrator.core.jobs.record_changes import OPEN
from orchestrator.core.plan.schema import Plan

COLOUR = {
    JobStatus.RUNNING: "green",
    JobStatus.FINISHED: "dim",
    JobStatus.RESUBMITTED: "cyan",
    JobStatus.SUBMITTING: "yellow",
    JobStatus.WAITING: "bold yellow",
    JobStatus.SKIPPED: "dim",
    JobStatus.NOT_SUBMITTED: "red",
}
UNBOUND = 240
"""Columns where there is no terminal to fit into: what other programs read is not folded at 80."""

STANDING = {
    JobStatus.RUNNING: "in the {hub}, not known to have ended",
    JobStatus.FINISHED: "ended",
    JobStatus.RESUBMITTED: "moved away from the {hub}; continues as {successor}",
    JobStatus.SUBMITTING: "on its way to the {hub}; not known to have arrived",
    JobStatus.WAITING: "waits, after the {hub} was left",
    JobStatus.SKIPPED: "left alone",
    JobStatus.NOT_SUBMITTED: "never taken by the {hub}",
}


def print_wide(what: RenderableType, out: TextIO) -> None:
    """Print, as wide as the terminal, or as wide as it needs."""
    Console(file=out, highlight=False, width=None if out.isatty() else UNBOUND).print(what)


def list_jobs(
    found: Sequence[JobSummary], reasons: Mapping[str, str], aside: Sequence[tuple[str, str]]
) -> RenderableType:
    """One row per job, a line that counts them, and what was set aside."""
    columns = ["job", "status", "hub", "Azure ML says", "priority", "epoch", "recorded (UTC)"]
    table = Table(*columns, *(["why"] if reasons else []), box=None, pad_edge=False)
    for job in found:
        more = ", to be retried" if job.retry_at else ", to be left alone" if _stays(job) else ""
        status = Text(job.status.value + more, style=COLOUR.get(job.status, ""))
        row = [job.hub.value, job.azure_status, str(job.priority), str(job.epoch), _at(job.captured_at)]
        table.add_row(job.name, status, *row, *([reasons.get(job.name, "")] if reasons else []))
    counts = Counter(job.status.value for job in found)
    total = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    lines = [f"{len(found)} job{'' if len(found) == 1 else 's'}" + (f": {total}" if total else "")]
    lines += [f"set aside, unreadable: {path}: {why}" for path, why in aside]
    shown: list[RenderableType] = [table, ""] if found else []
    return Group(*shown, *(Text(line) for line in lines))


def _stays(job: JobSummary) -> bool:
    """Whether a job that runs will not be moved, by its own wish or a person's."""
    return job.policy is JobPolicy.NEVER and job.status in OPEN


def story(plan: Plan, name: str, line: Sequence[JobRecord]) -> RenderableType:
    """One job on one screen: how it stands, what it needs, and all that happened to its line."""
    job = next(record for record in line if record.name == name)
    return Panel(Group(_standing_table(plan, job), "", _history(line)), title=name, title_align="left", expand=False)


def _standing_table(plan: Plan, job: JobRecord) -> Table:
    rows = {
        "status": _stands(job),
        "why": job.reason,
        "to be retried": f"from {_at(job.retry_at)} UTC on" if job.retry_at else "",
        "Azure ML says": job.azure_status + (f", noted {_at(job.ended_at)} UTC" if job.ended_at else ""),
        "hub": f"{job.hub}, {plan.side(job.hub).project} in {plan.side(job.hub).region}",
        "first of its line": job.root if job.root != job.name else "",
        "kind": str((job.body.get("properties") or {}).get("jobType", "")),
        "policy": f"{job.policy}, priority {job.priority}",
        "needs": ", ".join(f"{asset.kind} {_short(asset.id)}" for asset in job.closure) or "nothing of its own",
        "not kept yet": job.incomplete,
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows.items():
        if text:
            table.add_row(label, Text(text, style=COLOUR.get(job.status, "") if label == "status" else ""))
    return table


def _stands(job: JobRecord) -> str:
    told = STANDING.get(job.status, "see why").format(hub=job.hub, successor=job.successor)
    return f"{job.status}: {told}"


def _history(line: Sequence[JobRecord]) -> Table:
    table = Table("when (UTC)", "job", "what", "epoch", "why", box=None, pad_edge=False)
    happened = [(event, record.name) for record in line for event in record.history]
    for event, name in sorted(happened, key=lambda each: each[0].at):
        table.add_row(_at(event.at, seconds=True), name, event.what, str(event.epoch), Text(event.why))
    return table


def _short(asset_id: str) -> str:
    """Name and version of an asset's id."""
    return asset_id.partition("/workspaces/")[2].partition("/")[2].partition("/")[2] or asset_id


def _at(moment: datetime, *, seconds: bool = False) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if seconds else f"{moment:%Y-%m-%d %H:%M}"
