"""Backtests: a pair's own recording through the decision core, as it was and under another policy.

Every line is handed over with the clock under which it was recorded. Runs take as long as they took then; those that
never were are done at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from typing import NamedTuple

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.decision import decide
from orchestrator.core.decision.commands import ANSWERS, Command
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.proposals import open_proposal
from orchestrator.core.decision.state import Decision
from orchestrator.core.plan.policy import Policy
from orchestrator.core.recording import Began, Heard, Line, Looked, Ran, Wanted, in_full
from orchestrator.local.policyfile import PolicyFile
from orchestrator.local.virtual_pair import Course


class Happening(Value, kw_only=True):
    """One thing that came of a policy."""

    at: datetime
    what: str
    """``failover`` or ``failback`` with its target and epoch; ``phase`` with its name; ``held`` with the rule."""

    why: str


class Backtested(NamedTuple):
    """What two policies made of one pair's recording."""

    pair: str
    since: datetime
    until: datetime
    lines: int
    recorded: tuple[Happening, ...]
    changed: tuple[Happening, ...]

    @property
    def only_recorded(self) -> list[Happening]:
        """What the changed policy would not have done, or at another time."""
        return _find_missing(self.recorded, self.changed)

    @property
    def only_changed(self) -> list[Happening]:
        """What the changed policy would have done besides, or at another time."""
        return _find_missing(self.changed, self.recorded)


class Played(Course):
    """A recording that is played. ``decisions`` has every decision, in order."""

    def __init__(self, began: Began, runs: dict[str, Ran], base: Policy, file: PolicyFile | None) -> None:
        super().__init__(began.state, file.over(base) if file else base, runs)
        self.decisions: list[tuple[datetime, Decision]] = []

    def take(self, decision: Decision, at: datetime) -> None:
        self.decisions.append((at, decision))
        super().take(decision, at)

    def play(self, line: Line) -> None:
        """One line, after the reports of runs that were due before it."""
        self.until(line.now)
        if isinstance(line, Looked):
            self._see(
                Observed(
                    now=line.now,
                    signals=line.signals,
                    trouble=line.trouble,
                    shared=line.shared,
                    is_look=True,
                    pairs_moving=line.pairs_moving,
                    store_time=line.store_time,
                )
            )
        elif isinstance(line, Heard):
            self._see(Observed(now=line.now, signals=line.signals, shared=line.shared))
        elif isinstance(line, Wanted):
            self.command(self._find_answering(line.command), line.now)

    def _find_answering(self, command: Command) -> Command:
        """An answer is about whatever waits in this course: under another policy it was proposed at another time."""
        if command.do not in ANSWERS:
            return command
        return msgspec.structs.replace(command, proposal=open_proposal(self.state))

    def _see(self, said: Observed) -> None:
        decision = decide.step(self.state, said, said.now, self.policy)
        self.take(decision, max(said.now, decision.state.last_now))

    def happenings(self) -> tuple[Happening, ...]:
        """All that came of it, in order of time."""
        moves = [("failover", m) for m in self.failovers] + [("failback", m) for m in self.failbacks]
        found = [
            Happening(at=move.at, what=f"{kind} to the {move.target}, epoch {move.epoch}", why=move.why)
            for kind, move in moves
        ]
        found += [Happening(at=p.at, what=f"phase {p.phase}", why=p.why) for p in self.phases[1:]]
        found += [Happening(at=n.at, what=f"held {n.rule}", why=n.why) for n in self.held]
        return tuple(sorted(found, key=lambda one: (one.at, one.what)))


def backtest(lines: Iterable[Line], changed: PolicyFile, recorded: Policy | None = None) -> Backtested:
    """Play a recording twice.

    Args:
        lines: the recording of one pair, in any order.
        changed: what the other policy has in place of the recorded one's fields.
        recorded: the policy to take for the recorded one, if not that of the recording.

    Raises:
        InvalidInput: there is nothing to begin with, or lines of several pairs.
    """
    given = list(lines)
    plays = [play_recording(given, file, recorded) for file in (None, changed)]
    times = [line.now for line in given]
    as_it_was, as_it_would = (play.happenings() for play in plays)
    return Backtested(plays[0].state.pair, min(times), max(times), len(given), as_it_was, as_it_would)


def play_recording(lines: Sequence[Line], file: PolicyFile | None = None, base: Policy | None = None) -> Played:
    """One play of a recording from its first state on, under its own policy unless others are given."""
    runs = {line.run: line for line in lines if isinstance(line, Ran)}
    ordered = list(in_full(line for line in lines if not isinstance(line, Ran)))
    first = next((n for n, line in enumerate(ordered) if isinstance(line, Began)), None)
    if first is None:
        raise InvalidInput("recording", "kind", "a line that says where the pair stood (state)", "none")
    began = ordered[first]
    assert isinstance(began, Began)  # noqa: S101 - found as such one line above
    others = sorted({line.pair for line in lines} - {began.pair})
    if others:
        raise InvalidInput("recording", "pair", f"lines of one pair, {began.pair}", f"also of {others[0]}")
    play = Played(began, runs, base or began.policy, file)
    for line in ordered[first + 1 :]:
        if isinstance(line, Began):
            policy = base or line.policy
            play.policy = file.over(policy) if file else policy
        else:
            play.play(line)
    return play


def _find_missing(these: tuple[Happening, ...], those: tuple[Happening, ...]) -> list[Happening]:
    """What is in these and not, at the same time, in those."""
    keys = [[(one.at, one.what) for one in side] for side in (these, those)]
    blocks = SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes()
    return [one for tag, begin, end, _, _ in blocks if tag != "equal" for one in these[begin:end]]
