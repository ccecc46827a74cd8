"""The table of metrics, and what is recorded with it."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from measured import measuring

from orchestrator import metrics
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.state import initial
from orchestrator.metrics import METRICS, Metric, MetricKind
from orchestrator.watch.measure import measure_states

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_table_has_every_metric_once() -> None:
    """A metric that is not in it would be in no document."""
    rows = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    assert sorted(rows) == sorted(METRICS)
    assert len({row.name for row in METRICS}) == len(METRICS)
    assert all(re.fullmatch(r"hubswitch(\.[a-z]+)+", row.name) for row in METRICS)
    assert all(re.fullmatch(r"1|s|\{[a-z]+\}", row.unit) for row in METRICS)


def test_attributes_that_are_not_in_the_table_are_refused() -> None:
    """A slip would make a second series under the same name."""
    with pytest.raises(TypeError, match="has the attributes pair, phase, not pair"):
        metrics.gauge(metrics.PHASE, 1, pair="a")


def test_without_a_provider_nothing_is_kept_and_nothing_fails() -> None:
    """That is how the app runs where nobody has asked for telemetry."""
    for row in METRICS:
        record = {MetricKind.COUNTER: metrics.count, MetricKind.GAUGE: metrics.gauge}.get(row.kind, metrics.measure)
        record(row, 1, **dict.fromkeys(row.attributes, "a"))  # type: ignore[operator]


def test_the_start_of_the_app_does_not_pay_for_it() -> None:
    code = "import sys, orchestrator.watch.watch; print('opentelemetry.metrics' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert said.stdout == "False\n"


def test_a_pair_is_in_one_phase_and_its_look_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 for the phase that it is in, 0 for every other, so that a dashboard may sum."""
    seen = msgspec.structs.replace(initial("p", NOW), looked_at=NOW, epoch=4, blind_since=NOW + timedelta(seconds=10))
    with measuring(monkeypatch) as measured:
        measure_states({"p": seen, "new": None}, NOW + timedelta(seconds=90))
        found = measured.series()
    phases = {dict(named)["hubswitch.phase"]: value for named, value in found["hubswitch.pair.phase"].items()}
    assert phases == {phase.value: int(phase is Phase.STEADY) for phase in Phase}
    pair = (("hubswitch.pair", "p"),)
    assert found["hubswitch.look.age"] == {pair: 90}
    assert found["hubswitch.pair.blind"] == {pair: 80}
    assert found["hubswitch.pair.epoch"] == {pair: 4}
    assert "hubswitch.readiness.score" not in found
