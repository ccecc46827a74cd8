"""What an app knows of its pairs: ``status``, ``pairs``, ``explain``, ``decisions``, ``runs``, ``signals export``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TextIO
from urllib.parse import quote

from orchestrator.cli.app_calls import App, get, get_object, read_object
from orchestrator.core.base.text import format_time, refer_back

WATCH_EVERY = 5.0
"""Seconds between two questions of ``--watch`` and ``--follow``."""

SHORT = 80
"""Characters of a reason that may be read again and again."""

LINE = ("pair", "phase", "active", "region", "epoch", "headline", "why", "next", "stale")
"""Fields of a pair that are printed as the app gives them."""


def status_command(app: App, *, watch: bool, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 and every pair, those that need a look first; 2 and one line if the app could not be asked.

    A watch that has begun goes on while the app is away, and says so each time.
    """
    has_begun = False
    while True:
        status, found = get_object(app, "status", err)
        if status and not has_begun:
            return status
        if not status:
            as_of = found.get("as_of")
            view = {"as_of": as_of, "pairs": [pair_status(line) for line in found.get("pairs", ())]}
            if watch and not as_json and as_of:
                print(f"as of {format_moment(as_of)}", file=out)
            pauses = {line["pair"]: _pauses(line) for line in found.get("pairs", ())}
            print(json.dumps(view) if as_json else format_status(view, pauses), file=out, flush=True)
        if not watch:
            return 0
        has_begun = True
        time.sleep(WATCH_EVERY)


def pair_status(line: Mapping[str, Any]) -> dict[str, Any]:
    """One pair of ``status --json``, from a line of the app's status."""
    told = [line.get(name) for name in ("trouble", "caution", "out_of_reach")]
    told += [channel["what"] for channel in line.get("untold") or ()]
    return {
        **{name: line.get(name) for name in LINE},
        "trouble": [text for text in told if text],
        "needs_a_person": bool(line.get("needs_a_person")),
        "ready": line.get("ready"),
        "can_fail_over": bool(line.get("can_fail_over")),
        "proposal": line.get("proposal"),
    }


def _pauses(line: Mapping[str, Any]) -> list[str]:
    """Who paused a pair, or every pair, since when and why."""
    told = [("paused", line.get("paused")), ("every pair is paused", line.get("paused_all"))]
    return [
        f"{what} by {pause['by']} since {format_moment(pause['since'])}: {pause['reason']}"
        for what, pause in told
        if isinstance(pause, Mapping)
    ]


def format_status(view: Mapping[str, Any], pauses: Mapping[str, Iterable[str]]) -> str:
    """The pairs for people: one line each, and what follows from it below. ``pauses``: pair -> what was paused."""
    lines = []
    for pair in view["pairs"]:
        mark = "!" if pair["needs_a_person"] else " "
        lines.append(f"{mark} {pair['pair']}: {pair['headline']}")
        lines.append(f"    {pair['why']}")
        lines += [f"    {text}" for text in pauses.get(pair["pair"], ())]
        lines += [f"    trouble: {text}" for text in pair["trouble"]]
        if pair["proposal"]:
            lines.append(f"    proposal {pair['proposal']}: answer it with approve or reject")
        if pair["next"]:
            lines.append(f"    next: {pair['next']['what']} at {format_moment(pair['next']['at'])}")
    return "\n".join(lines) if lines else "the app has no plan of any pair"


def pairs_command(app: App, pair: str | None, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 and one pair in full, or the names of all; 1 if the app knows no such pair."""
    if pair is None:
        status, found = get_object(app, "status", err)
        names = sorted(line["pair"] for line in found.get("pairs", ()))
        if not status:
            print(json.dumps(names) if as_json else "\n".join(names), file=out)
        return status
    status, found = get_object(app, f"pairs/{quote(pair, safe='')}", err)
    if not status:
        print(json.dumps(found) if as_json else json.dumps(found, indent=2), file=out)
    return status


def decisions_command(app: App, pair: str, limit: int, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 and what was decided, newest first; 1 if the app knows no such pair."""
    status, body = get(app, f"pairs/{quote(pair, safe='')}/decisions", {"limit": str(limit)}, err)
    if status:
        return status
    found = read_object(app, body)
    print(json.dumps(found) if as_json else "\n".join(_decisions(found.get("decisions", ()))), file=out)
    return 0


def _decisions(entries: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for entry in refer_to_older(entries, "last_at"):
        times = f" ({entry['times']} times)" if entry.get("times", 1) > 1 else ""
        yield f"{format_moment(entry['last_at'])} {entry['phase']} {entry['rule']}{times}: {entry['why']}"


def refer_to_older(entries: Iterable[Mapping[str, Any]], at: str) -> list[dict[str, Any]]:
    """Entries, newest first, of which a reason that an older one gives word for word only names that one's time.

    ``at``: the field that has the time of an entry.
    """
    oldest_first = list(entries)[::-1]
    return refer_back(oldest_first, lambda entry: format_moment(entry[at]), "the reason of", SHORT)[::-1]


def runs_command(app: App, pair: str | None, limit: int, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 and the runs, drills and runs of groups, 1 if the app knows no such pair; what is unread is told on ``err``."""
    params = {"limit": str(limit)} | ({} if pair is None else {"pair": pair})
    status, body = get(app, "runs", params, err)
    if status:
        return status
    found = read_object(app, body)
    print(json.dumps(found) if as_json else "\n".join(_runs(found)) or "nothing has run", file=out)
    for why in found.get("unread", ()):
        print(why, file=err)
    return 0


def _runs(found: Mapping[str, Any]) -> Iterable[str]:
    """Runs of pairs and of groups in one order: those under way first, then the newest."""
    runs = [*found.get("runs", ()), *found.get("group_runs", ())]
    for run in sorted(runs, key=lambda run: (run["outcome"] == "running", run["at"]), reverse=True):
        yield f"{format_moment(run['at'])} {run['id']} {run['outcome']}: {run['why']}"


def run_command(app: App, run: str, *, follow: bool, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 if a run ended well or is under way, 1 if it did not or is not known, 3 if it waits for a person."""
    last = ""
    while True:
        status, found = get_object(app, f"runs/{quote(run, safe='')}", err)
        if status:
            return status
        ended = is_over(found)
        text = json.dumps(found) if as_json else format_run(found)
        if text != last and (not as_json or ended or not follow):
            print(text, file=out, flush=True)
            last = text
        if ended or not follow:
            return exit_of(found)
        time.sleep(WATCH_EVERY)


def is_over(run: Mapping[str, Any]) -> bool:
    return run.get("status") in {"completed", "failed", "terminated"}


def exit_of(run: Mapping[str, Any]) -> int:
    """0 if a run is under way or ended well, 1 if it did not."""
    if not is_over(run):
        return 0
    output = run.get("output") if isinstance(run.get("output"), Mapping) else {}
    ok = output.get("ok", output.get("outcome") == "completed") if output else False
    return 0 if run.get("status") == "completed" and ok else 1


def format_run(run: Mapping[str, Any]) -> str:
    """A run for people: where it stands, what it waits for, what it came to."""
    lines = [f"{run['id']}: {run['status']}"]
    waits, output = run.get("waits_for"), run.get("output")
    if waits:
        lines.append(f"    waits for {waits['step']} since {format_moment(waits['since'])}: {waits['why']}")
    if isinstance(output, Mapping):
        came_to = [output.get(name) for name in ("outcome", "why", "aborted")]  # a drill may have none of them
        lines += [f"    {' '.join(filter(None, came_to))}"] if any(came_to) else []
        steps, findings = output.get("steps") or (), output.get("findings") or ()
        lines += [f"    {step['outcome']:8} {step['name']} {step['why']}".rstrip() for step in steps]
        lines += [f"    {'ok  ' if each['ok'] else 'FAIL'} {each['check']}: {each['why']}" for each in findings]
    lines += format_incident(run.get("incident"))
    return "\n".join(lines)


def format_incident(incident: Mapping[str, Any] | None) -> list[str]:
    """What Service Health said of the incident that a run answered; nothing if it has said nothing."""
    if not incident:
        return []
    told = [
        f"    {each['step']:9} {format_moment(each['published_at'])} {each['tracking']}: {each['title']}"
        for each in incident["notices"]
    ]
    return [f"    {incident['why']}", *told]


def format_moment(text: str) -> str:
    """A time of an answer for people: to the second and in UTC, as the app's own sentences have theirs."""
    return format_time(datetime.fromisoformat(text))


def explain_command(app: App, pair: str, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 and the paragraph, 1 if the app knows no such pair, 2 and one line if it could not be asked."""
    status, found = get_object(app, f"pairs/{quote(pair, safe='')}/explain", err)
    if status:
        return status
    print(json.dumps(found) if as_json else format_explanation(found), file=out)
    return 0


def export_command(app: App, pair: str, since: str | None, *, out: TextIO, err: TextIO) -> int:
    """0 and JSON Lines, 1 if the app knows no such pair, 2 and one line if it could not be asked."""
    params = {"since": since} if since else {}
    status, body = get(app, f"pairs/{quote(pair, safe='')}/signals", params, err)
    if not status:
        out.write(body.decode("utf-8"))
    return status


def format_explanation(found: dict[str, Any]) -> str:
    """An explanation for people: the paragraph of the app, what would change it, and the journal, newest first."""
    changes = [f"  - {change}" for change in found.get("would_change", ())]
    entries = [
        f"  {format_moment(entry['at'])} {entry['phase']} {entry['rule']}: {entry['why']}"
        for entry in refer_to_older(found.get("journal", ()), "at")
    ]
    lines = [str(found.get("text")), *(["What would change it:", *changes] if changes else [])]
    return "\n".join([*lines, *(["Journal, newest first:", *entries] if entries else [])])
