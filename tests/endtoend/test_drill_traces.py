"""A drill leaves a trace of its own, and so does each switch of a full one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from deployed_app import SPEED, App, deployed
from traced import tracing_on, values
from waiting import until

from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.tracing import SPANS_OF_DRILL, make_trace_id


def begin(app: App, kind: str) -> str:
    """A drill that is under way, asked for until nothing is missing for it: its run."""
    answer = until(lambda: (said := app.send("drill", kind=kind)).status_code == 202 and said, "a drill that is taken")
    return str(answer.json()["run"])


def test_a_canary_that_is_put_off_and_a_full_drill_are_traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try is a span below its drill; the full drill is linked to the traces of both of its runs."""
    with tracing_on(monkeypatch) as traced, LocalAzure(seed=8, speed=SPEED) as azure, LocalEngine() as engine:
        plan = plan_of(azure, "demo", **scale_policy(SPEED))
        plan = msgspec.structs.replace(
            plan, policy=msgspec.structs.replace(plan.policy, failback_hold=plan.policy.probe_interval)
        )
        file = tmp_path / "demo.yaml"
        file.write_text(yaml_of(plan), encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, file) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look")
            until(lambda: app.get("pairs/demo/readiness").json().get("ready"), "a standby that is ready")
            azure.faults.set(plan.secondary.region, "control", "5xx", status=503, path="/jobs/hubswitch-canary-")
            canary = begin(app, "canary")
            until(lambda: traced.spans("hubswitch.drill.try"), "a try that fails")
            azure.faults.clear(plan.secondary.region, "control")
            until(lambda: len(traced.spans("hubswitch.drill")) == 1, "the end of the canary")
            full = begin(app, "full")
            until(lambda: len(traced.spans("hubswitch.drill")) == 2, "the end of the full drill")
            until(lambda: len(traced.spans("hubswitch.run")) == 2, "the end of both switches")
    found = {run: [span for span in traced.spans() if values(span, "run") == (run,)] for run in (canary, full)}
    for run, spans in found.items():
        assert {span.context.trace_id for span in spans} == {make_trace_id(run)}
        names = {span.context.span_id: span.name for span in spans}
        assert len(names) == len(spans)
        rows = {(row.name, row.parent) for row in SPANS_OF_DRILL}
        assert {(span.name, names[span.parent.span_id] if span.parent else "") for span in spans} <= rows
        assert [values(span, "outcome") for span in spans if not span.parent] == [("succeeded",)]
    tries = [values(span, "activity", "attempt") for span in found[canary] if span.name == "hubswitch.drill.try"]
    assert tries[0] == ("submit_canary", 1)
    assert ("submit_canary", 2) in tries
    assert not next(span for span in found[canary] if span.name == "hubswitch.drill.try").status.is_ok
    phases = Counter(values(span, "phase")[0] for span in found[full] if span.name == "hubswitch.drill.phase")
    assert phases == {"failover": 1, "failover_steps": 1, "failback": 1, "failback_steps": 1}
    (measured,) = [span for span in found[full] if values(span, "activity") == ("measure_drill",)]
    links = {(link.context.trace_id, link.context.span_id) for link in measured.links}
    assert links == {(run.context.trace_id, run.context.span_id) for run in traced.spans("hubswitch.run")}
