"""What people wait for: the command line, the page of many pairs, and the import of the client for applications."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from threading import Thread

from bench.measure import ROOT, Measured, at_most, say, spread
from bench.pairs import pairs
from orchestrator.core.base.codec import encode, to_builtins
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.decision import decide
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState, initial
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal, probe_signal
from orchestrator.web.page import PageScope, number_in_full, status_page
from orchestrator.web.views import pair_view, status_view

HELP, STATUS, IMPORT = 0.4, 0.6, 0.15
"""Seconds, on a quiet machine."""

PAGE, PAGE_BYTES = 1.0, 300_000
PAIRS = 1000
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIDE = tuple(each for each in Surface if each not in {Surface.OBSERVER, Surface.ELSEWHERE})

MAIN = "from orchestrator.cli.main import run; run()"
CLIENT = """
import sys, time
sys.path.insert(0, {path!r})
begun = time.perf_counter()
import hubswitch_client
print(time.perf_counter() - begun)
"""

HOW = """\
Command line: each sample is a fresh interpreter, from its start to its end; the programs take turns. Baseline: an \
interpreter that does nothing, and one that imports typer alone, which the command line cannot do without. status asks \
a server on loopback that answers at once with one pair. Client: the time of the import statement alone, in a fresh \
interpreter. Page: 10^3 pairs (50 with --quick), each after a look that found every surface well; one pair in a \
hundred is suspect. A sample makes the lines of all pairs, the views of those that are shown in full, and the page, as \
the route does when the states are read, each time a second later; baseline: the page of the first pair alone. Bytes \
are counted before compression. Limits are those of a quiet machine: noise says how quiet this one was."""


def measured(*, quick: bool) -> Measured:
    rounds, number = (2, 50) if quick else (15, PAIRS)
    with _app() as url:
        programs: Mapping[str, Sequence[str]] = {
            "nothing": ["-c", "pass"],
            "typer": ["-c", "import typer"],
            "help": ["-c", MAIN, "--help"],
            "status": ["-c", MAIN, "status", "--url", url],
        }
        took = _take_turns(programs, rounds)
    imports = [_time_import() for _ in range(rounds)]
    plans, states, now = _pairs(number)
    size, page = _timed(plans, states, now, rounds)
    first = dict(list(plans.items())[:1])
    _, one = _timed(first, states, now, rounds)
    return Measured(
        goals=(
            at_most(HELP, median(took["help"]), "surface: hubswitch --help, seconds,"),
            at_most(STATUS, median(took["status"]), "surface: hubswitch status, seconds,"),
            at_most(IMPORT, median(imports), "surface: import of the client, seconds,"),
            at_most(PAGE, median(page), f"surface: page of {number} pairs, seconds,"),
            at_most(PAGE_BYTES, size, f"surface: page of {number} pairs, bytes,"),
        ),
        runs=rounds,
        how=HOW,
        figures={
            **{f"{name}_s": spread(samples) for name, samples in took.items()},
            "help_to_typer": round(median(took["help"]) / median(took["typer"]), 2),
            "status_to_typer": round(median(took["status"]) / median(took["typer"]), 2),
            "client_import_s": spread(imports),
            "page_s": spread(page),
            "page_of_one_pair_s": spread(one),
            "page_bytes": size,
        },
    )


def _take_turns(programs: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(rounds):
        say(f"surface: round {turn + 1} of {rounds}")
        for name, arguments in programs.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
            took[name].append(time.perf_counter() - begun)
    return took


def _time_import() -> float:
    code = CLIENT.format(path=str(ROOT / "client"))
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True).stdout
    return float(said)


@contextmanager
def _app() -> Iterator[str]:
    """The address of something that answers ``GET status`` at once."""
    now = START
    (plan,) = pairs(1).values()
    told = _status({plan.pair: plan}, {plan.pair: initial(plan.pair, now)}, now)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _status(plans: Mapping[str, Plan], states: Mapping[str, PairState], now: datetime) -> bytes:
    return encode(to_builtins(status_view(plans, states, now)))


def _pairs(number: int) -> tuple[dict[str, Plan], dict[str, PairState], datetime]:
    plans, now = pairs(number), START + timedelta(seconds=30)
    states = {}
    for at, (name, plan) in enumerate(plans.items()):
        worst = Observation.BAD if at % 100 == 1 else Observation.OK
        states[name] = decide.step(
            initial(name, START), Observed(now=now, signals=_look(worst, now)), now, plan.policy
        ).state
    return plans, states, now


def _look(primary: Observation, now: datetime) -> tuple[Signal, ...]:
    """What a look finds of both sides: the secondary well, the primary as given."""
    return tuple(
        probe_signal(role, surface, primary if role is Role.PRIMARY else Observation.OK, now, "as it was asked")
        for role in Role
        for surface in SIDE
    )


def _page(plans: Mapping[str, Plan], states: Mapping[str, PairState], now: datetime) -> str:
    lines = status_view(plans, states, now)["pairs"]
    shown = [line["pair"] for line in lines[: number_in_full(len(lines))]]
    views = [pair_view(plans[name], states[name], now) for name in shown]
    return status_page(views, now, scope=PageScope(lines=lines))


def _timed(
    plans: Mapping[str, Plan], states: Mapping[str, PairState], now: datetime, rounds: int
) -> tuple[int, list[float]]:
    """Bytes of the page, and the seconds of each; the first, which reads the templates, is not counted."""
    size, took = len(_page(plans, states, now).encode()), list[float]()
    for second in range(1, rounds + 1):
        begun = time.perf_counter()
        _page(plans, states, now + timedelta(seconds=second))
        took.append(time.perf_counter() - begun)
    return size, took
