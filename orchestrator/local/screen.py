"""What the demo shows while it runs, and the tables at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from orchestrator.local.job_audit import Accounts

COLOUR = {"ok": "green", "bad": "bold red", "degraded": "yellow", "blind": "magenta", None: "dim"}
LINES = 8
"""Newest lines of the timeline that are shown."""
SEEN = 70
"""Characters of what was seen that fit beside the rest."""

PHASE_NAMES = {
    "detect_s": "fault to suspicion",
    "decide_s": "suspicion to decision",
    "switch_s": "decision to pointer",
    "first_job_s": "fault to first job accepted",
    "all_jobs_s": "fault to last job accepted",
}


class Screen:
    """A live view on a terminal, plain lines elsewhere, nothing if silent."""

    def __init__(self, *, silent: bool) -> None:
        self._console = Console(quiet=silent, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._said = 0
        self._note = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def note(self, text: str) -> None:
        self._note = text
        if not self._live.is_started:
            self._console.print(text)

    def show(self, view: Mapping[str, Any], accounts: Accounts, timeline: Sequence[Mapping[str, str]]) -> None:
        if self._live.is_started:
            self._live.update(_page(self._note, view, accounts, timeline))
            return
        self._tell(timeline)

    def _tell(self, timeline: Sequence[Mapping[str, str]]) -> None:
        """Print what has not been printed."""
        for line in timeline[self._said :]:
            self._console.print(f"{line['at'][11:19]}  {line['what']:<13} {line['why']}")
        self._said = len(timeline)

    def finish(self, result: Mapping[str, Any]) -> None:
        """The tables at the end."""
        if self._live.is_started:
            self._live.stop()
        self._tell(result["timeline"])
        if result["evidence"]:
            self._console.print("what the decision rested on:", _evidence(result["evidence"]))
        self._console.print(_phases(result["phases"]), _jobs(result))
        pointer = result["pointer"]
        where = f"{pointer.get('hub')}/{pointer.get('project')} in {pointer.get('region')}"
        self._console.print(f"pointer   epoch {pointer.get('epoch')}, {pointer.get('active')}: {where}")
        self._console.print("page      GET /api/status and /api/pairs/demo/explain of `hubswitch up`")
        self._console.print("ledger    blobs demo/jobs/<name>.json and demo/runs/<run>/ in the ledger account")
        colour = "green" if result["ok"] else "bold red"
        self._console.print(Text("every job is accounted for" if result["ok"] else "something is wrong", style=colour))


def _page(note: str, view: Mapping[str, Any], accounts: Accounts, timeline: Sequence[Mapping[str, str]]) -> Group:
    head = f"{view.get('phase', 'new')}  ·  active {view.get('active')}  ·  epoch {view.get('epoch')}"
    lines = "\n".join(f"{line['at'][11:19]}  {line['what']:<13} {line['why']}" for line in timeline[-LINES:])
    return Group(
        Panel(f"{note}\n{view.get('why', '')}", title=head),
        _evidence(view.get("evidence", {})),
        _progress(accounts),
        Panel(lines or "nothing yet", title="what happened"),
    )


def _evidence(evidence: Mapping[str, Any]) -> Table:
    table = Table("class", "primary", "since", "what was seen", "why it counts", "secondary", expand=True)
    primary, secondary = evidence.get("primary", {}), evidence.get("secondary", {})
    for name, verdict in primary.items():
        since = str(verdict.get("since") or "")[11:19]
        other = _word(secondary.get(name, {}))
        table.add_row(name, _word(verdict), since, _clip(verdict.get("why")), verdict.get("counts", ""), other)
    return table


def _clip(text: object) -> str:
    told = str(text or "")
    return told if len(told) <= SEEN else f"{told[: SEEN - 1]}…"


def _word(verdict: Mapping[str, Any]) -> Text:
    seen = verdict.get("observation")
    return Text(str(seen or "-"), style=COLOUR.get(seen, "dim"))


def _progress(accounts: Accounts) -> Table:
    jobs = accounts.counts()
    table = Table.grid(padding=(0, 1))
    table.add_row("jobs running in the primary", str(accounts.alive))
    table.add_row("accepted by the secondary", str(sum(len(found) for found in accounts.successors.values())))
    done = jobs["resubmitted"] + jobs["skipped"] + jobs["waiting"]
    bar = ProgressBar(total=max(jobs["interrupted"], 1), completed=done, width=40)
    table.add_row("interrupted, and dealt with", f"{done}/{jobs['interrupted']}", bar)
    return table


def _phases(phases: Mapping[str, float | None]) -> Table:
    table = Table("phase", "seconds")
    for key, name in PHASE_NAMES.items():
        seconds = phases.get(key)
        table.add_row(name, "-" if seconds is None else f"{seconds:.2f}")
    return table


def _jobs(result: Mapping[str, Any]) -> Table:
    table = Table("jobs", "number", "why")
    for name, number in result["jobs"].items():
        reasons = result.get(f"why_{name}") or {}
        table.add_row(name, str(number), "; ".join(f"{count} x {why}" for why, count in reasons.items()))
    return table
