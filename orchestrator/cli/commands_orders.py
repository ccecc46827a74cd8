"""What people on call order of an app: approve, reject, pause, resume, acknowledge, failover, failback, drill."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple, TextIO
from urllib.parse import quote

from orchestrator.cli.app_calls import App, get_object, post
from orchestrator.cli.commands_pairs import exit_of, format_run, is_over

POLL = 1.0
"""Seconds between two questions while a run is waited for."""

TAKEN_WITHIN = 60
"""Questions after which an order that has started nothing is said to wait for a person."""

UNANSWERED = 10
"""Questions in a row without an answer after which nobody waits any longer: an app that restarts is away briefly."""

WAITS_FOR_A_PERSON = 3


class OrderOptions(NamedTuple):
    """How an order is given."""

    reason: str
    by: str = ""
    force: bool = False
    proposal: str = ""
    graceful: bool = False
    """Of a failover."""

    drain: str = ""
    """Of a graceful failover: longest wait for running jobs before the switch, such as ``30m``."""

    kind: str = ""
    """Of a drill."""

    workload: str = ""
    """Of a partial drill."""

    wait: bool = False


def order_command(
    app: App, pair: str, do: str, options: OrderOptions, *, as_json: bool, out: TextIO, err: TextIO
) -> int:
    """0 if the order was handed over, and with ``wait`` if its run ended well; 1 if it was refused or did not.

    With ``wait`` 3 if it waits for a person: for an approval, or because nothing was started by it.
    """
    before = _runs_of(app, pair, err) if options.wait else {}
    status, answer = post(app, f"pairs/{quote(pair, safe='')}/{do}", _body(options), err)
    if status:
        return status
    if not as_json:
        print(answer.get("why") or f"started {answer.get('run', do)}", file=out, flush=True)
    if not options.wait:
        if as_json:
            print(json.dumps(answer), file=out)
        return 0
    run = answer.get("run") or _await_run(app, pair, before, err)
    if not run:
        print(f"{pair}: nothing was started yet; see hubswitch explain {pair}", file=err)
        return WAITS_FOR_A_PERSON
    return wait_command(app, str(run), pair, as_json=as_json, out=out, err=err)


def skip_command(
    app: App, run: str, step: str, options: OrderOptions, *, as_json: bool, out: TextIO, err: TextIO
) -> int:
    """0 if the run goes on without the step as soon as that fails; 1 if it was refused, 2 if the app was not asked."""
    status, answer = post(app, f"runs/{quote(run, safe='')}/skip", {**_body(options), "step": step}, err)
    if not status:
        print(json.dumps(answer) if as_json else answer.get("why"), file=out)
    return status


def wish_command(app: App, run: str, do: str, options: OrderOptions, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 if what is wished of a run was handed over; 1 if it was refused, 2 if the app was not asked."""
    status, answer = post(app, f"runs/{quote(run, safe='')}/{do}", _body(options), err)
    if not status:
        print(json.dumps(answer) if as_json else answer.get("why"), file=out)
    return status


def _body(options: OrderOptions) -> dict[str, Any]:
    more: dict[str, Any] = {
        name: value
        for name in ("by", "force", "graceful", "drain", "proposal", "kind", "workload")
        if (value := getattr(options, name))
    }
    return {"reason": options.reason, **more}


def _runs_of(app: App, pair: str, err: TextIO) -> dict[str, Any]:
    status, found = get_object(app, f"pairs/{quote(pair, safe='')}", err)
    return {} if status else {name: found.get(name) for name in ("run", "last_run", "phase", "proposal")}


def _await_run(app: App, pair: str, before: dict[str, Any], err: TextIO) -> str:
    """The run that an order has started; empty if none was within the time."""
    for _ in range(TAKEN_WITHIN):
        now = _runs_of(app, pair, err)
        for name in ("run", "last_run"):
            if now.get(name) and now[name] not in {before.get("run"), before.get("last_run")}:
                return str(now[name])
        if now.get("phase") == "awaiting_approval" or now.get("proposal"):
            return ""
        time.sleep(POLL)
    return ""


def wait_command(app: App, run: str, pair: str | None, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Wait for a run's end and print it: 0 if it ended well, 1 if not, 2 if the app was away for too long.

    3 as soon as the pair, if one is given, asks for an approval while the run is under way. The run goes on without us.
    """
    unanswered = 0
    while unanswered < UNANSWERED:
        status, found = get_object(app, f"runs/{quote(run, safe='')}", err)
        unanswered = unanswered + 1 if status else 0
        proposal = _runs_of(app, pair, err).get("proposal") if pair and not status and found.get("waits_for") else None
        if not status and (is_over(found) or proposal):
            print(json.dumps(found) if as_json else format_run(found), file=out)
            if is_over(found):
                return exit_of(found)
            print(f"{run} waits for a person: hubswitch approve {pair} --proposal {proposal}", file=err)
            return WAITS_FOR_A_PERSON
        time.sleep(POLL)
    print(f"{run} was started, and its end is not known: hubswitch run {run} --follow", file=err)
    return 2
