"""What a block of a test traced, as an OpenTelemetry SDK has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Traced:
    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def spans(self, name: str = "") -> Sequence[ReadableSpan]:
        """Those that have ended, in that order; with a name, only those that bear it."""
        return [span for span in self._exporter.get_finished_spans() if not name or span.name == name]


def values(span: ReadableSpan, *names: str) -> tuple[object, ...]:
    """Attributes of a span, named without their prefix."""
    return tuple((span.attributes or {}).get(f"hubswitch.{name}") for name in names)


@contextmanager
def tracing_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    """Spans go to a provider of this block, whatever the process has."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        with monkeypatch.context() as patched:
            patched.setattr(api, "get_tracer_provider", lambda: provider)
            yield Traced(exporter)
    finally:
        provider.shutdown()
