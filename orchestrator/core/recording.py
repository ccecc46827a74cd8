"""What is recorded of a pair: what each look and delivery brought, what people wanted, and how runs went.

One line of JSON each. A look that found the same answers as the one before says only that. Lines carry the clock of
the moment at which they were handed to the pair, so that playing them again gives the decisions that were made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from orchestrator.core.base.codec import Moment, Value, decode, encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.store_time import StoreTime
from orchestrator.core.decision.commands import Command
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.policy import Policy, check_policy
from orchestrator.core.signals.signal import Signal, Source, probe_signal


class Began(Value, kw_only=True, tag_field="kind", tag="state"):
    """Where the pair stood when a recording began, and the policy from then on."""

    pair: str
    now: Moment
    policy: Policy
    state: PairState


class Looked(Value, kw_only=True, tag_field="kind", tag="look", omit_defaults=True):
    """A look at both sides."""

    pair: str
    now: Moment
    again: datetime | None = None
    """If set: the probes were made at this time and found what the look before them found."""

    signals: tuple[Signal, ...] = ()
    trouble: str | None = None
    shared: Shared | None = None
    """What the stamps share; left out if it is as at the look before."""

    pairs_moving: float = 0.0
    store_time: StoreTime | None = None


class Heard(Value, kw_only=True, tag_field="kind", tag="delivery", omit_defaults=True):
    """What was delivered, or polled, or shared between two looks."""

    pair: str
    now: Moment
    signals: tuple[Signal, ...] = ()
    shared: Shared | None = None


class Wanted(Value, kw_only=True, tag_field="kind", tag="command"):
    """What a person wanted."""

    pair: str
    now: Moment
    command: Command


class Ran(Value, kw_only=True, tag_field="kind", tag="run"):
    """How a run went. ``now`` is when it was decided."""

    pair: str
    now: Moment
    run: str
    switched_at: Moment | None = None
    resubmitted_at: Moment | None = None


class Gap(Value, kw_only=True, tag_field="kind", tag="gap"):
    """From here on nothing was recorded until the next line."""

    pair: str
    now: Moment
    why: str


Line = Began | Looked | Heard | Wanted | Ran | Gap


def as_line(line: Line) -> bytes:
    """One line of JSON, with its end."""
    return encode(line) + b"\n"


def lines_from(data: bytes, where: str) -> list[Line]:
    """The lines of one file.

    Raises:
        InvalidInput: names file and line, field, what was expected and what was found.
    """
    return [_line(text, f"{where}:{n}") for n, text in enumerate(data.splitlines(), 1) if text.strip()]


def _line(text: bytes, where: str) -> Line:
    line: Line = decode(text, Line, where)  # type: ignore[arg-type]
    if isinstance(line, Began):
        check_policy(line.policy, where)
    return line


def shorten_look(look: Looked, before: Looked | None) -> Looked:
    """The look, or only that it found again what the one before it found. ``before`` is given in full."""
    at = _time_of_asking(look)
    if before is None or at is None or _time_of_asking(before) is None:
        return look
    same = all(found(look) == found(before) for found in (_around, _answers))
    return msgspec.structs.replace(look, again=at, signals=(), shared=None) if same else look


def in_full(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines in order of time, with every look in full.

    Raises:
        InvalidInput: a look refers to one before it, and there is none.
    """
    last: Looked | None = None
    for line in sorted(lines, key=lambda line: line.now):
        if not isinstance(line, Looked):
            yield line
            continue
        if line.again is not None:
            line = _expand(line, last)  # noqa: PLW2901 - the same look, in full
        last = line
        yield line


def _expand(look: Looked, before: Looked | None) -> Looked:
    at = look.again
    if before is None or at is None:
        raise InvalidInput(f"{look.pair} at {look.now}", "again", "a look before it, in full", "none")
    signals = tuple(
        probe_signal(signal.role, signal.surface, signal.observation, at, signal.why)
        for signal in before.signals
        if signal.surface
    )
    return msgspec.structs.replace(look, again=None, signals=signals, shared=before.shared)


def _around(look: Looked) -> tuple[object, ...]:
    return (look.trouble, look.pairs_moving, look.shared)


def _answers(look: Looked) -> list[tuple[object, ...]]:
    return [(signal.role, signal.surface, signal.observation, signal.why) for signal in look.signals]


def _time_of_asking(look: Looked) -> datetime | None:
    """The one time at which all was asked; None if the look brought anything that is not a probe's answer."""
    times = {signal.occurred_at for signal in look.signals}
    return times.pop() if len(times) == 1 and all(_is_plain(signal) for signal in look.signals) else None


def _is_plain(signal: Signal) -> bool:
    """Whether a signal can be made again from its answer alone."""
    return (
        signal.source is Source.PROBE
        and signal.surface is not None
        and signal == probe_signal(signal.role, signal.surface, signal.observation, signal.occurred_at, signal.why)
    )


def recordings(pair: str) -> str:
    """Where a pair's recordings are in the ledger: one folder per day below this one."""
    return f"{pair}/signals/"
