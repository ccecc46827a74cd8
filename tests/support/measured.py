"""What a block of a test measured, as an OpenTelemetry SDK has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import metrics as api
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from orchestrator import metrics


class Measured:
    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def series(self) -> dict[str, dict[tuple[tuple[str, str], ...], Any]]:
        """Metric -> attributes, sorted -> sum, last value, or number of values of a histogram."""
        found: dict[str, dict[tuple[tuple[str, str], ...], Any]] = {}
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        named = tuple(sorted((key, str(value)) for key, value in (point.attributes or {}).items()))
                        value = getattr(point, "value", None)
                        found.setdefault(metric.name, {})[named] = point.count if value is None else value  # type: ignore[union-attr]
        return found


@contextmanager
def measuring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Measured]:
    """Measurements go to a provider of this block, whatever the process has."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    metrics._instrument.cache_clear()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(api, "get_meter", provider.get_meter)
            yield Measured(reader)
    finally:
        metrics._instrument.cache_clear()
        provider.shutdown()
