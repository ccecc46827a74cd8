"""What the demo shows while it runs, and at its end: a live view that fits the terminal, or plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from orchestrator.core.base.text import refer_back
from orchestrator.local.job_audit import Accounts

COLOUR = {"ok": "green", "bad": "bold red", "degraded": "yellow", "blind": "magenta", None: "dim"}

UNBOUND = 10_000
"""Columns where there is no terminal: what other programs read is not folded."""

ROOM = 12
"""Lines of the live view that are neither classes nor events."""

NARROW = 80
"""Columns below which what was seen of a class is left out, for half of a sentence tells nobody anything."""

PHASE_NAMES = {
    "detect_s": "fault to suspicion",
    "decide_s": "suspicion to decision",
    "switch_s": "decision to pointer",
    "first_job_s": "fault to first job accepted",
    "all_jobs_s": "fault to last job accepted",
}


class Screen:
    """A live view on a terminal, plain lines elsewhere, nothing if silent."""

    def __init__(self, *, silent: bool, console: Console | None = None) -> None:
        self.console = console or Console(quiet=silent, highlight=False)
        if not self.console.is_terminal:
            self.console.width = UNBOUND
        self._live = Live(console=self.console, refresh_per_second=8, transient=True)
        self._spinner = Spinner("line")
        self._said = 0
        self._note = ""

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    @property
    def is_live(self) -> bool:
        return self._live.is_started

    def note(self, text: str) -> None:
        """Say what is being done. On a terminal something moves beside it, however long it takes."""
        self._note = text
        if self.is_live:
            self._spinner.update(text=text)
            self._live.update(self._spinner)
        else:
            self.console.print(text)

    def show(self, view: Mapping[str, Any], accounts: Accounts | None, timeline: Sequence[Mapping[str, str]]) -> None:
        """``accounts`` may be left out where nothing is live: what is told there are events."""
        if self.is_live and accounts is not None:
            self._spinner.update(text=self._note)
            self._live.update(make_page(self._spinner, view, accounts, timeline, self.console))
        elif not self.is_live:
            self._tell(timeline)

    def _tell(self, timeline: Sequence[Mapping[str, str]]) -> None:
        """Print what has not been printed."""
        for line in tell_reasons_once(timeline)[self._said :]:
            self.console.print(_event(line))
        self._said = len(timeline)

    def finish(self, result: Mapping[str, Any]) -> None:
        """What came of it."""
        if self.is_live:
            self._live.stop()
        self._tell(result["timeline"])
        for part in _ending(result, self.console):
            self.console.print(part)


def make_page(
    head: Spinner,
    view: Mapping[str, Any],
    accounts: Accounts,
    timeline: Sequence[Mapping[str, str]],
    console: Console,
) -> Group:
    """One screen: a line for each class, the jobs, and as many of the newest events as there is room for."""
    title = f"{view.get('phase', 'new')}  ·  active {view.get('active')}  ·  epoch {view.get('epoch')}"
    evidence = view.get("evidence", {})
    room = max(console.height - ROOM - len(evidence.get("primary", {})), 1)
    events = Text(
        "\n".join(_event(line) for line in tell_reasons_once(timeline)[-room:]) or "nothing yet", no_wrap=True
    )
    events.overflow = "ellipsis"
    why = Text(str(view.get("why", "")), no_wrap=True, overflow="ellipsis")
    return Group(
        Panel(Group(head, why), title=title),
        _evidence(evidence, console.width),
        _progress(accounts),
        Panel(events, title="what happened"),
    )


def _ending(result: Mapping[str, Any], console: Console) -> Iterator[Any]:
    is_plain = not console.is_terminal
    if result["evidence"]:
        yield "what the decision rested on:"
        if is_plain:
            yield from _evidence_lines(result["evidence"])
        else:
            yield _evidence(result["evidence"], console.width)
    yield _phases(result["phases"], is_plain=is_plain)
    yield _jobs(result, is_plain=is_plain)
    pointer = result["pointer"]
    where = f"{pointer.get('hub')}/{pointer.get('project')} in {pointer.get('region')}"
    yield f"pointer   epoch {pointer.get('epoch')}, {pointer.get('active')}: {where}"
    yield "ledger    blobs demo/jobs/<name>.json and demo/runs/<run>/ in the ledger account"
    colour = "green" if result["ok"] else "bold red"
    yield Text("every job is accounted for" if result["ok"] else "something is wrong", style=colour)


def tell_reasons_once(timeline: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The same events for people; where a reason was told before, only when. Programs get every reason whole."""
    return refer_back(timeline, _time, "for the reason of")


def _time(line: Mapping[str, str]) -> str:
    return line["at"][11:19]


def _event(line: Mapping[str, str]) -> str:
    return f"{_time(line)}  {line['what']:<13} {line['why']}"


def _evidence(evidence: Mapping[str, Any], width: int) -> Table:
    """One line for each class, cut where the terminal ends."""
    is_wide = width >= NARROW
    table = Table("class", "primary", "since", "secondary", expand=is_wide)
    if is_wide:
        table.add_column("what was seen", ratio=1, no_wrap=True, overflow="ellipsis")
    secondary = evidence.get("secondary", {})
    for name, verdict in evidence.get("primary", {}).items():
        row = [name, _word(verdict), str(verdict.get("since") or "")[11:19], _word(secondary.get(name, {}))]
        table.add_row(*row, *([str(verdict.get("counts") or verdict.get("why") or "")] if is_wide else []))
    return table


def _evidence_lines(evidence: Mapping[str, Any]) -> Iterator[str]:
    """The same for other programs: nothing is cut."""
    secondary = evidence.get("secondary", {})
    for name, verdict in evidence.get("primary", {}).items():
        words = f"primary {_word(verdict)}, secondary {_word(secondary.get(name, {}))}"
        yield f"  {name:<11} {words}: {verdict.get('why', '')} ({verdict.get('counts', '')})"


def _word(verdict: Mapping[str, Any]) -> Text:
    seen = verdict.get("observation")
    return Text(str(seen or "-"), style=COLOUR.get(seen, "dim"))


def _progress(accounts: Accounts) -> Group:
    jobs = accounts.counts()
    done = jobs["resubmitted"] + jobs["skipped"] + jobs["waiting"]
    taken = sum(len(found) for found in accounts.successors.values())
    table = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(jobs["interrupted"], 1), completed=done, width=20)
    table.add_row("jobs dealt with", bar, f"{done}/{jobs['interrupted']}")
    told = f"{accounts.alive} run in the primary, {taken} were taken by the secondary"
    return Group(table, Text(told, no_wrap=True, overflow="ellipsis"))


def _phases(phases: Mapping[str, float | None], *, is_plain: bool) -> Table:
    table = _table("phase", "seconds", is_plain=is_plain)
    for key, name in PHASE_NAMES.items():
        seconds = phases.get(key)
        table.add_row(name, "-" if seconds is None else f"{seconds:.2f}")
    return table


def _jobs(result: Mapping[str, Any], *, is_plain: bool) -> Table:
    table = _table("jobs", "number", "why", is_plain=is_plain)
    for name, number in result["jobs"].items():
        reasons = result.get(f"why_{name}") or {}
        table.add_row(name, str(number), "; ".join(f"{count} x {why}" for why, count in reasons.items()))
    return table


def _table(*columns: str, is_plain: bool) -> Table:
    """A table; without lines where a program reads it."""
    return Table(*columns, box=None, pad_edge=False) if is_plain else Table(*columns)
