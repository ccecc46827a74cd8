"""Measurements for OpenTelemetry: one table of metrics, and one function for each kind that records.

Only the API is used. Without a provider nothing is kept, and the API is imported at the first measurement, not when
the app starts. Who makes a provider is a matter of the host: docs/telemetry.md says how Azure Functions does. Units are
those that OpenTelemetry asks for (UCUM); names begin with ``hubswitch.``.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

METER = "hubswitch"


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One row."""

    name: str
    kind: MetricKind
    unit: str
    """``s``, or a thing counted in braces, as ``{job}``; ``1`` for what has no unit."""

    about: str
    attributes: tuple[str, ...]
    """Their names: all of them with each measurement. None grows with the number of jobs or of runs."""


LOOKS = Metric("hubswitch.looks", MetricKind.COUNTER, "{look}", "Looks at a pair that were handed over.", ("pair",))
LOOK_DURATION = Metric(
    "hubswitch.look.duration", MetricKind.HISTOGRAM, "s", "From the beginning of a look to its hand-over.", ("pair",)
)
LOOK_AGE = Metric(
    "hubswitch.look.age",
    MetricKind.GAUGE,
    "s",
    "Age of the last look that the pair's entity has taken in, at each tick. It grows when nobody looks.",
    ("pair",),
)
STAMP_AGE = Metric(
    "hubswitch.stamp.age",
    MetricKind.GAUGE,
    "s",
    "Age of what each other stamp last wrote of the pair, at each tick. It grows when that stamp does not watch.",
    ("pair", "stamp"),
)
PROBE_DURATION = Metric(
    "hubswitch.probe.duration",
    MetricKind.HISTOGRAM,
    "s",
    "From asking a surface, its token included, to the answer, or until it was given up.",
    ("pair", "side", "surface"),
)
SIGNALS = Metric(
    "hubswitch.signals",
    MetricKind.COUNTER,
    "{signal}",
    "What looks saw of each surface: ok, degraded, bad or blind. The side is empty for what belongs to none.",
    ("pair", "side", "surface", "observation"),
)
PHASE = Metric(
    "hubswitch.pair.phase",
    MetricKind.GAUGE,
    "1",
    "1 for the phase that a pair is in, 0 for the others.",
    ("pair", "phase"),
)
EPOCH = Metric("hubswitch.pair.epoch", MetricKind.GAUGE, "1", "Number of the last switch.", ("pair",))
BLIND = Metric(
    "hubswitch.pair.blind",
    MetricKind.GAUGE,
    "s",
    "For how long neither hub nor jobs of the active side could be seen; 0 while they can.",
    ("pair",),
)
READINESS = Metric(
    "hubswitch.readiness.score", MetricKind.GAUGE, "1", "Score of the last look at the standby, 0 to 100.", ("pair",)
)
READY = Metric("hubswitch.readiness.ready", MetricKind.GAUGE, "1", "1 if the standby is ready, else 0.", ("pair",))
DELIVERIES = Metric(
    "hubswitch.deliveries",
    MetricKind.COUNTER,
    "{element}",
    "Delivered elements, by what they are: signal, job, change, … or invalid.",
    ("kind",),
)
NOTICES = Metric(
    "hubswitch.notices",
    MetricKind.COUNTER,
    "{notice}",
    "Notices by channel's kind and what became of them: told, failed or kept back.",
    ("pair", "channel", "outcome"),
)
SWITCH_DURATION = Metric(
    "hubswitch.switch.duration",
    MetricKind.HISTOGRAM,
    "s",
    "From the decision of a run to its verified pointer.",
    ("pair", "kind"),
)
RUN_DURATION = Metric(
    "hubswitch.run.duration",
    MetricKind.HISTOGRAM,
    "s",
    "From the decision of a run to its end.",
    ("pair", "kind", "outcome"),
)
RUN_JOBS = Metric(
    "hubswitch.run.jobs",
    MetricKind.COUNTER,
    "{job}",
    "Jobs that runs gave an outcome, by outcome.",
    ("pair", "outcome"),
)
THROTTLED = Metric(
    "hubswitch.requests.throttled",
    MetricKind.COUNTER,
    "{request}",
    "Requests that Azure put off with 429, or with 503 and a time to wait.",
    ("host",),
)

METRICS = (
    LOOKS,
    LOOK_DURATION,
    LOOK_AGE,
    STAMP_AGE,
    PROBE_DURATION,
    SIGNALS,
    PHASE,
    EPOCH,
    BLIND,
    READINESS,
    READY,
    DELIVERIES,
    NOTICES,
    SWITCH_DURATION,
    RUN_DURATION,
    RUN_JOBS,
    THROTTLED,
)
"""All of them, in the order in which docs/telemetry.md has them."""


def count(metric: Metric, number: int = 1, **attributes: str) -> None:
    """Add to a counter. Nothing is added for 0, so that what never happens has no series."""
    if number:
        _instrument(metric).add(number, _checked(metric, attributes))


def gauge(metric: Metric, value: float, **attributes: str) -> None:
    """Set a gauge."""
    _instrument(metric).set(value, _checked(metric, attributes))


def measure(metric: Metric, value: float, **attributes: str) -> None:
    """Record one value of a histogram."""
    _instrument(metric).record(value, _checked(metric, attributes))


def _checked(metric: Metric, attributes: dict[str, str]) -> dict[str, str]:
    """The attributes under their full names.

    Raises:
        TypeError: they are not those of the table. It is a fault of this program, and found by any test that measures.
    """
    if set(attributes) != set(metric.attributes):
        raise TypeError(f"{metric.name} has the attributes {', '.join(metric.attributes)}, not {', '.join(attributes)}")
    return {f"hubswitch.{name}": str(value) for name, value in attributes.items()}


@cache
def _instrument(metric: Metric) -> Any:
    from opentelemetry import metrics

    meter = metrics.get_meter(METER)
    make = {
        MetricKind.COUNTER: meter.create_counter,
        MetricKind.GAUGE: meter.create_gauge,
        MetricKind.HISTOGRAM: meter.create_histogram,
    }[metric.kind]
    return make(metric.name, metric.unit, metric.about)
