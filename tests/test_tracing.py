"""The table of spans, and what is recorded with it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry import trace
from opentelemetry.trace import NoOpTracerProvider
from traced import tracing_on, values

from orchestrator import telemetry, tracing
from orchestrator.tracing import SPANS, RunSubject, SpanRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = RunSubject("p", "failover-p-e1", 1, "secondary")


def test_the_table_has_every_span_once() -> None:
    """A span that is not in it would be in no document; one whose parent is not, in no tree."""
    rows = [value for value in vars(tracing).values() if isinstance(value, SpanRow)]
    assert sorted(rows) == sorted(SPANS)
    names = [row.name for row in SPANS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"hubswitch(\.[a-z]+)+", name) for name in names)
    assert [row.name for row in SPANS if row.parent not in names] == ["hubswitch.run", "hubswitch.drill"]


def test_ids_are_those_of_the_run_in_every_process() -> None:
    """Written down here once: a worker of another version must find the same trace."""
    assert f"{tracing.make_trace_id('failover-p-e1'):032x}" == "d7de9b9d344b795c5cdf1c1a83c6e482"
    assert f"{tracing.make_span_id('failover-p-e1', tracing.RUN):016x}" == "b048aeabc0259f0d"
    others = {tracing.make_trace_id(f"failover-p-e{number}") for number in range(1000)}
    assert len(others) == 1000
    assert 0 not in others


def test_attributes_that_are_not_in_the_table_are_refused() -> None:
    """A slip would make a column that nobody looks for."""
    of_claim = r"hubswitch\.claim has the attributes attempt, not job"
    with pytest.raises(TypeError, match=of_claim), tracing.span(tracing.CLAIM, OURS, job="a"):
        pass
    with pytest.raises(TypeError, match=r"hubswitch\.decide has the attributes rule, not "):
        tracing.record(tracing.DECIDE, OURS, NOW, NOW)


def test_without_a_provider_nothing_is_kept_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is how the app runs where nobody has asked for telemetry; an error goes on as it came."""
    monkeypatch.setattr(trace, "get_tracer_provider", NoOpTracerProvider)
    tracing.record(tracing.RUN, OURS, NOW, NOW, kind="failover", outcome="completed")
    with pytest.raises(OSError, match="full"), tracing.span(tracing.CLAIM, OURS, attempt=1):
        raise OSError("full")


def test_the_start_of_the_app_does_not_pay_for_it() -> None:
    code = "import sys, orchestrator.workflows.activities.spans; print('opentelemetry.trace' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert said.stdout == "False\n"


def test_a_root_is_recorded_after_its_children_under_the_id_that_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The root has no parent; other tracers of the provider keep their own ids."""
    with tracing_on(monkeypatch) as traced:
        with tracing.span(tracing.CLAIM, OURS, attempt=2):
            pass
        tracing.record(tracing.RUN, OURS, NOW - timedelta(seconds=5), NOW, kind="failover", outcome="completed")
        with trace.get_tracer_provider().get_tracer("other").start_as_current_span("other"):
            pass
        claim, root, other = traced.spans()
    assert root.parent is None
    assert claim.parent is not None
    assert claim.parent.span_id == root.context.span_id
    assert claim.context.trace_id == root.context.trace_id == tracing.make_trace_id(OURS.run)
    assert other.context.trace_id != root.context.trace_id
    assert values(claim, "pair", "run", "epoch", "side", "attempt") == (*OURS, 2)
    assert (root.end_time or 0) - (root.start_time or 0) == 5_000_000_000


def test_a_span_of_the_host_around_ours_is_linked_not_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker begins a trace of its own for each call; a run's spans stay in the run's."""
    with tracing_on(monkeypatch) as traced:
        hosts = trace.get_tracer_provider().get_tracer("host")
        with hosts.start_as_current_span("call") as host, tracing.span(tracing.CLAIM, OURS, attempt=1):
            pass
        claim = traced.spans("hubswitch.claim")[0]
    assert claim.context.trace_id == tracing.make_trace_id(OURS.run)
    assert [link.context.span_id for link in claim.links] == [host.get_span_context().span_id]


def test_threads_of_a_pool_stand_below_the_span_that_began_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """And their lines of the log have its fields."""
    seen: list[dict[str, object]] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(getattr(record, "hubswitch", {}))

    log, lines = telemetry.logger("test-of-threads"), Lines()
    log.addHandler(lines)

    def move(name: str) -> None:
        with tracing.span(tracing.JOB, OURS, job=name, outcome="resubmitted"):
            telemetry.event(log, logging.WARNING, "moved", job=name)

    with tracing_on(monkeypatch) as traced, ThreadPoolExecutor(4) as pool:
        with (
            telemetry.bind(pair="p", run=OURS.run, epoch=1),
            tracing.span(tracing.BATCH, OURS, round=0, batch=0, attempt=1),
        ):
            list(pool.map(tracing.in_this_context(move), [f"job-{number}" for number in range(20)]))
        (batch,), jobs = traced.spans("hubswitch.jobs.batch"), traced.spans("hubswitch.job.move")
    assert {job.parent and job.parent.span_id for job in jobs} == {batch.context.span_id}
    assert len(jobs) == 20
    assert sorted(str(line["job"]) for line in seen) == sorted(f"job-{number}" for number in range(20))
    assert all((line["pair"], line["run"], line["epoch"]) == ("p", OURS.run, 1) for line in seen)
