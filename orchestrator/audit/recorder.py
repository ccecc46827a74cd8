"""Recording what is seen, in the ledger account, as JSON Lines: ``<pair>/signals/<day>/<time>-<process>.jsonl``.

A blob is written when answers change, and at least every five minutes. Recording never stops anything: what cannot
be written waits for the next blob, and is given up when a day has had its share.
"""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta

import msgspec

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.state import PairState, initial
from orchestrator.core.plan.schema import Plan
from orchestrator.core.recording import Began, Gap, Line, Looked, as_line, recordings, shorten_look
from orchestrator.ports import Ledger

LOG = telemetry.logger("recorder")

HEARTBEAT = timedelta(minutes=5)
"""Longest time between two blobs of a pair that is looked at."""

DAY_LIMIT = 32 * 1024 * 1024
"""Bytes that one process records of one pair on one day, and holds while the ledger is away. A quiet day has half a
megabyte; a day on which every look at ten seconds' distance finds something else has 27."""


class _Roll:
    """What has not been written yet for one pair, and what this process knows of the day."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.opened = ""
        self.day = ""
        self.used = 0
        self.last: Looked | None = None
        self.written_at: datetime | None = None
        self.lock = threading.Lock()


class Recorder:
    """The recordings of one process. Safe to share between threads; every method may block for one write."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex[:8]
        self._rolls: dict[str, _Roll] = {}
        self._making = threading.Lock()

    def look(self, ledger: Ledger, plan: Plan, state: PairState | None, full: Looked) -> None:
        """Record a look; write if it found other answers than the last one, or a blob is due.

        Args:
            ledger: where recordings are kept.
            plan: says for how long they are kept.
            state: where the pair stood before this look; None if nobody has looked before.
            full: the look, with all its signals.
        """
        if not plan.recording.retain:
            return
        roll = self._roll(plan.pair)
        with roll.lock:
            if roll.last is not None and _day(full.now) != roll.opened and roll.lines:
                self._write(ledger, plan, roll, roll.last.now)
            _open(roll, plan, state, full)
            line = shorten_look(full, roll.last)
            roll.last = full
            _add(roll, line)
            due = roll.written_at is None or full.now - roll.written_at >= HEARTBEAT
            if full.trouble is None and (due or line.again is None):
                self._write(ledger, plan, roll, full.now)

    def line(self, ledger: Ledger, plan: Plan, line: Line) -> None:
        """Record what was delivered or wanted, at once: another process may be the one that looks."""
        if not plan.recording.retain:
            return
        roll = self._roll(plan.pair)
        with roll.lock:
            _add(roll, line)
            self._write(ledger, plan, roll, line.now)

    def _roll(self, pair: str) -> _Roll:
        with self._making:
            return self._rolls.setdefault(pair, _Roll())

    def _write(self, ledger: Ledger, plan: Plan, roll: _Roll, now: datetime) -> None:
        """One blob with all that waits."""
        path = f"{recordings(plan.pair)}{now:%Y-%m-%d/%H%M%S%f}-{self._name}.jsonl"
        try:
            ledger.put_once(path, b"".join(roll.lines))
            if roll.written_at is None or roll.written_at.date() != now.date():
                _forget(ledger, plan, now)
        except HubswitchError as fault:
            LOG.warning("%s: what was seen could not be recorded yet: %s", plan.pair, fault)
            return
        roll.lines, roll.written_at = [], now


def _open(roll: _Roll, plan: Plan, state: PairState | None, full: Looked) -> None:
    """Begin a day with where the pair stands."""
    if roll.opened == _day(full.now):
        return
    roll.opened, roll.last = _day(full.now), None
    bare = msgspec.structs.replace(state or initial(plan.pair, full.now), journal=(), latest=None)
    _add(roll, Began(pair=plan.pair, now=full.now, policy=plan.policy, state=bare))


def _add(roll: _Roll, line: Line) -> None:
    if roll.day != _day(line.now):
        roll.day, roll.used = _day(line.now), 0
    if roll.used > DAY_LIMIT:
        return
    data = as_line(line)
    roll.used += len(data)
    if roll.used > DAY_LIMIT:
        data = as_line(Gap(pair=line.pair, now=line.now, why=f"more than {DAY_LIMIT} bytes on one day"))
    roll.lines.append(data)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _forget(ledger: Ledger, plan: Plan, now: datetime) -> None:
    """Remove the days that are older than the plan wants them."""
    oldest = f"{recordings(plan.pair)}{now - plan.recording.retain:%Y-%m-%d}/"
    for path in ledger.names(recordings(plan.pair)):
        if path >= oldest:
            return
        ledger.drop(path)
