"""``hubswitch jobs list | show | retry | skip | export``: what the ledger knows, and what a person wants of it.

They work on the ledger itself, with the plan and this machine's login, so also while the app is away.

Exit status: 0 done, 1 not possible as things stand or no such job, 2 unusable input.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import track

from orchestrator.cli.story import list_jobs, print_wide, story
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput, NotFound
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import record_changes
from orchestrator.core.jobs.record import JobRecord, JobStatus, JobSummary
from orchestrator.submit.api import Desk, desk
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.activities.job_records import read_records

READERS = 16
"""Records read at once. A thousand take a few seconds."""

LONGEST_LINE = 64
"""Jobs of one line. A switch adds one; more than this is a circle."""

type Wish = Callable[[JobRecord, str, str, datetime], JobRecord]
WISHES: dict[str, Wish] = {"retry": record_changes.retry, "skip": record_changes.leave}


def list_command(
    plan: Path, *, statuses: Sequence[JobStatus], side: Role | None, why: bool, as_json: bool, out: TextIO, err: TextIO
) -> int:
    """All jobs of a pair, or those of some statuses and of one side; ``why`` reads each record for its reason."""

    def run() -> int:
        at = desk(plan)
        found = _choose(at, statuses, side)
        reasons = {r.name: r.reason for r in _records(at, found, err)} if why else {}
        aside = list(at.world.ledgers[at.plan.pair].list_quarantined(at.plan.pair))
        if as_json:
            rows = [to_builtins(summary) | ({"reason": reasons.get(summary.name)} if why else {}) for summary in found]
            shown = {"jobs": rows, "quarantined": [{"path": path, "why": because} for path, because in aside]}
            print(json.dumps(shown), file=out)
        else:
            print_wide(list_jobs(found, reasons, aside), out)
        return 0

    return _answer(run, err)


def show_command(plan: Path, name: str, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """A job's story: where it is, why, and every job of its line."""

    def run() -> int:
        at = desk(plan)
        line = _line_of(at, name)
        if as_json:
            this = next(record for record in line if record.name == name)
            print(json.dumps({"job": to_builtins(this), "line": [record.name for record in line]}), file=out)
        else:
            print_wide(story(at.plan, name, line), out)
        return 0

    return _answer(run, err)


def wish_command(  # noqa: PLR0913 - each is an option of the command
    plan: Path, name: str, *, wish: str, by: str, reason: str, as_json: bool, out: TextIO, err: TextIO
) -> int:
    """Change a job's record as a person asks: ``retry`` or ``skip``."""

    def run() -> int:
        if not reason.strip():
            raise InvalidInput("--reason", "", "a reason, for the job's history", "nothing")
        at = desk(plan)
        record = while_it_conflicts(lambda: _change(at, name, WISHES[wish], by, reason))
        shown = {
            "name": name,
            "status": record.status.value,
            "retry": record.retry_at is not None,
            "why": record.reason,
        }
        print(json.dumps(shown) if as_json else f"{name}: {record.status}; {record.reason}", file=out)
        return 0

    return _answer(run, err)


def export_command(plan: Path, *, statuses: Sequence[JobStatus], side: Role | None, out: TextIO, err: TextIO) -> int:
    """Every record as one line of JSON, in order of name."""

    def run() -> int:
        at = desk(plan)
        for record in _records(at, _choose(at, statuses, side), err):
            print(json.dumps(to_builtins(record)), file=out)
        return 0

    return _answer(run, err)


def _answer(run: Callable[[], int], err: TextIO) -> int:
    try:
        return run()
    except HubswitchError as fault:
        print(" ".join(str(fault).split()), file=err)
        return 2 if isinstance(fault, InvalidInput) else 1


def _choose(at: Desk, statuses: Sequence[JobStatus], side: Role | None) -> list[JobSummary]:
    return [
        summary
        for summary in at.world.ledgers[at.plan.pair].summaries(at.plan.pair)
        if (not statuses or summary.status in statuses) and side in {None, summary.hub}
    ]


def _records(at: Desk, summaries: Sequence[JobSummary], err: TextIO) -> Iterator[JobRecord]:
    """The records behind summaries that are there, in their order; one that cannot be read is told and left out."""
    console, names = Console(file=err), [summary.name for summary in summaries]
    for found in track(
        read_records(at.world.ledgers[at.plan.pair], at.plan.pair, names, readers=READERS),
        "reading records",
        total=len(summaries),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        if isinstance(found, InvalidInput):
            print(" ".join(str(found).split()), file=err)
        elif found:
            yield found


def _line_of(at: Desk, name: str) -> list[JobRecord]:
    """The job and all others of its line, from the first to the newest.

    Raises:
        NotFound: the ledger has no such job.
    """
    given = _find(at, name)
    line: list[JobRecord] = []
    following: str | None = given.root if _there(at, given.root) else name
    while following and len(line) < LONGEST_LINE:
        record = _there(at, following)
        if record is None:
            break
        line.append(record)
        following = record.successor
    return line if any(record.name == name for record in line) else [*line, given]


def _there(at: Desk, name: str) -> JobRecord | None:
    found = at.world.ledgers[at.plan.pair].read(at.plan.pair, name)
    return found.value if found else None


def _find(at: Desk, name: str) -> JobRecord:
    record = _there(at, name)
    if record is None:
        raise NotFound(f"the ledger of {at.plan.pair} has no job {name}")
    return record


def _change(at: Desk, name: str, wish: Wish, by: str, reason: str) -> JobRecord:
    ledger = at.world.ledgers[at.plan.pair]
    found = ledger.read(at.plan.pair, name)
    if found is None:
        raise NotFound(f"the ledger of {at.plan.pair} has no job {name}")
    record = wish(found.value, by, reason, at.world.clock.now())
    ledger.replace(record, found.etag)
    return record
