"""The page on telemetry has the tables that the code measures and traces by."""

from __future__ import annotations

from pathlib import Path

from orchestrator.metrics import METRICS, Metric
from orchestrator.tracing import SPANS, SpanRow


def test_the_page_has_every_metric(root: Path) -> None:
    """Name, kind, unit, attributes and meaning of each, in the order of the table."""
    text = (root / "docs" / "telemetry.md").read_text(encoding="utf-8")
    assert "\n".join(map(row_of, METRICS)) in text


def row_of(metric: Metric) -> str:
    attributes = ", ".join(f"`{each}`" for each in metric.attributes)
    return f"| `{metric.name}` | {metric.kind} | `{metric.unit}` | {attributes} | {metric.about} |"


def test_the_page_has_every_span(root: Path) -> None:
    """Name, parent, attributes and meaning of each, in the order of the table."""
    text = (root / "docs" / "telemetry.md").read_text(encoding="utf-8")
    assert "\n".join(map(span_row_of, SPANS)) in text


def span_row_of(row: SpanRow) -> str:
    attributes = ", ".join(f"`{each}`" for each in row.attributes)
    return f"| `{row.name}` | {f'`{row.parent}`' if row.parent else ''} | {attributes} | {row.about} |"
