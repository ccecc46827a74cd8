"""Traces for OpenTelemetry: one table of spans, and what records them. All spans of a run or drill are one trace.

Only the API is used, and imported at the first span; without a provider nothing is kept. No context is handed from one
step of a run to the next: the id of the trace, and those of the spans that have children in other processes, are made
from the run's id. So every worker, and a run that is begun again, finds the same ones. Ids have the sizes of W3C Trace
Context (https://www.w3.org/TR/trace-context/): 16 and 8 bytes, never all zero.

Danger: replayed code must not call this. A replay would record its spans once more; a test holds it to that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import datetime
from typing import Any, NamedTuple

TRACER = "hubswitch"


class SpanRow(NamedTuple):
    """One row."""

    name: str
    parent: str
    """Name of the span above it; empty: it is the trace's root."""

    attributes: tuple[str, ...]
    """Their names beside those of its subject, which every span has: all of them with each span."""

    about: str

    @property
    def has_chosen_id(self) -> bool:
        """Whether its id is made from the run's, so that it can be named as a parent before it is recorded."""
        return self in {RUN, STEP, DRILL}


class RunSubject(NamedTuple):
    """The run that a span or a line of the log belongs to."""

    pair: str
    run: str
    epoch: int
    side: str
    """The side that the run leads to: ``primary`` or ``secondary``. Empty if that is not known."""

    @property
    def root(self) -> SpanRow:
        """The span above all others of its trace."""
        return RUN


class DrillSubject(NamedTuple):
    """The drill that a span belongs to."""

    pair: str
    run: str
    """The id of the drill's run, as people see it."""

    @property
    def root(self) -> SpanRow:
        """The span above all others of its trace."""
        return DRILL


type Subject = RunSubject | DrillSubject

RUN = SpanRow(
    "hubswitch.run",
    "",
    ("kind", "outcome"),
    "From the first sign that the run rests on to its end. Recorded when it has ended, however it did.",
)
DECIDE = SpanRow(
    "hubswitch.decide",
    RUN.name,
    ("rule",),
    "From the first bad evidence, or from when the pair became suspect, to the decision. Recorded with the run.",
)
CLAIM = SpanRow("hubswitch.claim", RUN.name, ("attempt",), "One try to claim the epoch.")
PUBLISH = SpanRow("hubswitch.publish", RUN.name, ("attempt",), "One try to publish the pointer.")
VERIFY = SpanRow("hubswitch.verify", RUN.name, ("attempt",), "One look at the pointer in every replica.")
STEP = SpanRow(
    "hubswitch.step",
    RUN.name,
    ("step", "kind", "outcome"),
    "One step of the plan, with its pauses. Recorded with the run.",
)
STEP_TRY = SpanRow("hubswitch.step.try", STEP.name, ("step", "attempt"), "One try of a step.")
LIST = SpanRow("hubswitch.jobs.list", STEP.name, ("round", "attempt"), "One try to list the jobs of a round.")
BATCH = SpanRow("hubswitch.jobs.batch", STEP.name, ("round", "batch", "attempt"), "One try to move a batch of jobs.")
JOB = SpanRow(
    "hubswitch.job.move",
    BATCH.name,
    ("job", "outcome"),
    "One try to move a job, and what became of it. Of a job that had waited until after the run: below the run.",
)
FINISH = SpanRow("hubswitch.finish", RUN.name, ("attempt",), "One try to store the summary of the run.")
EVIDENCE = SpanRow("hubswitch.evidence", RUN.name, ("attempt",), "One try to store the evidence of the run.")

DRILL = SpanRow(
    "hubswitch.drill",
    "",
    ("kind", "outcome"),
    "A drill, from when it was asked for to its end. Recorded when it has ended, however it did.",
)
DRILL_PHASE = SpanRow(
    "hubswitch.drill.phase",
    DRILL.name,
    ("phase",),
    "Of a full drill: each switch, and what came after it, as the drill has measured them. Recorded with the drill.",
)
DRILL_TRY = SpanRow(
    "hubswitch.drill.try",
    DRILL.name,
    ("activity", "attempt"),
    "One try of an activity of a drill. What measures a full drill is linked to the traces of its two runs.",
)

SPANS_OF_RUN = (RUN, DECIDE, CLAIM, PUBLISH, VERIFY, STEP, STEP_TRY, LIST, BATCH, JOB, FINISH, EVIDENCE)
SPANS_OF_DRILL = (DRILL, DRILL_PHASE, DRILL_TRY)
SPANS = SPANS_OF_RUN + SPANS_OF_DRILL
"""All of them, in the order in which docs/telemetry.md has them."""


class OpenSpan:
    """A span that is being recorded."""

    def __init__(self, row: SpanRow, given: Mapping[str, str | int]) -> None:
        self._row = row
        self._noted = dict(given)

    def note(self, **attributes: str | int) -> None:
        """Attributes that are known only at the end."""
        self._noted |= attributes

    @property
    def attributes(self) -> dict[str, str | int]:
        """Those that are known so far, under their full names."""
        return {f"hubswitch.{name}": value for name, value in self._noted.items()}

    def check(self) -> None:
        """Hold the attributes against the table.

        Raises:
            TypeError: they are not those. It is a fault of this program, found by any test that records.
        """
        if set(self._noted) != set(self._row.attributes):
            wanted, got = ", ".join(self._row.attributes), ", ".join(self._noted)
            raise TypeError(f"{self._row.name} has the attributes {wanted}, not {got}")


def make_trace_id(run: str) -> int:
    """The id of the trace of a run or drill."""
    return _digest(f"trace {run}", 16)


def make_span_id(run: str, row: SpanRow, key: str = "") -> int:
    """The id of a span whose id is chosen. ``key``: which of its kind within the run."""
    return _digest(f"{row.name} {run} {key}", 8)


@contextmanager
def span(
    row: SpanRow, subject: Subject, parent: int | None = None, links: Sequence[str] = (), /, **attributes: str | int
) -> Iterator[OpenSpan]:
    """Record what the block does. An error that leaves it is noted on the span, and goes on.

    Args:
        row: which span.
        subject: the run or drill.
        parent: the id of the span above it; None: the one that is being recorded, if it is of this run, else the run's.
        links: ids of other runs that it has to do with; it is linked to the roots of their traces.
        attributes: those of the row that are known at the beginning; ``OpenSpan.note`` adds the others.
    """
    from opentelemetry import trace

    recording = OpenSpan(row, attributes)
    outer = trace.get_current_span().get_span_context()
    above = parent
    if above is None and outer.trace_id == make_trace_id(subject.run):
        above = outer.span_id
    is_foreign = outer.is_valid and outer.trace_id != make_trace_id(subject.run)
    linked = [*([outer] if is_foreign else []), *(_span_context(run, make_span_id(run, RUN)) for run in links)]
    one = _tracer().start_span(
        row.name,
        context=_context_of(subject.run, above or make_span_id(subject.run, subject.root)),
        attributes=_show(subject) | recording.attributes,
        links=[trace.Link(each) for each in linked],
    )
    with trace.use_span(one, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield recording
        except Exception as fault:
            one.set_attribute("error.type", type(fault).__name__)
            one.set_status(trace.StatusCode.ERROR, str(fault))
            raise
        recording.check()
        one.set_attributes(recording.attributes)


def record(
    row: SpanRow, subject: Subject, begun: datetime, ended: datetime, key: str = "", **attributes: str | int
) -> None:
    """Record a span of the past. Its id is chosen if the row says so, with ``key``."""
    from opentelemetry import context as contexts
    from opentelemetry import trace

    recording = OpenSpan(row, attributes)
    recording.check()
    run = subject.run
    chosen = make_span_id(run, row, key) if row.has_chosen_id else 0
    tracer, is_root = _tracer(), not row.parent
    context = None if is_root and hasattr(tracer, "id_generator") else _context_of(run, make_span_id(run, subject.root))
    token = _CHOSEN.set((make_trace_id(run), chosen) if chosen else None)
    try:
        one = tracer.start_span(
            row.name,
            context=contexts.Context() if context is None else context,
            attributes=_show(subject) | recording.attributes,
            start_time=_nanoseconds(min(begun, ended)),
        )
    finally:
        _CHOSEN.reset(token)
    if attributes.get("outcome") == "failed":
        one.set_status(trace.StatusCode.ERROR)
    one.end(_nanoseconds(ended))


def in_this_context[Given, Answer](function: Callable[[Given], Answer]) -> Callable[[Given], Answer]:
    """The function for threads of a pool: it knows the span, and the fields of the log, of whoever made it."""
    context = copy_context()
    return lambda given: context.copy().run(function, given)


_CHOSEN: ContextVar[tuple[int, int] | None] = ContextVar("hubswitch_chosen_ids", default=None)
"""Ids of the trace and of the span that is about to be started; None: those that the provider makes."""


class _ChosenIds:
    """A provider's generator of ids, in whose place a span may choose its own.

    The API has no word for that; an SDK's tracer has ``id_generator``, a public attribute of
    ``opentelemetry.sdk.trace.Tracer``. Of a provider without one, no span has a chosen id: all are in the run's trace
    all the same, below a root that was not recorded.
    """

    def __init__(self, usual: Any) -> None:
        self._usual = usual

    def generate_trace_id(self) -> int:
        chosen = _CHOSEN.get()
        return chosen[0] if chosen else int(self._usual.generate_trace_id())

    def generate_span_id(self) -> int:
        chosen = _CHOSEN.get()
        return chosen[1] if chosen else int(self._usual.generate_span_id())

    def is_trace_id_random(self) -> bool:
        return _CHOSEN.get() is None and bool(self._usual.is_trace_id_random())


def _tracer() -> Any:
    """The tracer of the provider that is there now, with a generator of ids that asks ``_CHOSEN`` first."""
    from opentelemetry import trace

    tracer: Any = trace.get_tracer_provider().get_tracer(TRACER)
    usual = getattr(tracer, "id_generator", None)
    if usual is not None and not isinstance(usual, _ChosenIds):
        tracer.id_generator = _ChosenIds(usual)
    return tracer


def _context_of(run: str, parent: int) -> Any:
    """A context in which a span begins below another of the run's trace, wherever that one is recorded."""
    from opentelemetry import context as contexts
    from opentelemetry import trace

    return trace.set_span_in_context(trace.NonRecordingSpan(_span_context(run, parent)), contexts.Context())


def _span_context(run: str, span_id: int) -> Any:
    """How a span of a run's trace is named elsewhere."""
    from opentelemetry import trace

    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    return trace.SpanContext(make_trace_id(run), span_id, is_remote=True, trace_flags=flags)


def _show(subject: Subject) -> dict[str, str | int]:
    return {f"hubswitch.{name}": value for name, value in subject._asdict().items()}


def _digest(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size]) or 1


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
