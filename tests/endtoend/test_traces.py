"""A failover leaves one trace, from the first bad signal to the last job."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deployed_app import SPEED, count_captured, deployed
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode
from traced import Traced, tracing_on, values
from waiting import until

from orchestrator.core.plan.step_base import Retry
from orchestrator.core.plan.steps import MoveJobs, ScaleCluster, Workflow
from orchestrator.local.engine import LocalEngine
from orchestrator.local.job_audit import audit_jobs
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.tracing import SPANS_OF_RUN, make_trace_id

JOBS = 12
QUICK = Retry(pause=timedelta(milliseconds=200), longest=timedelta(milliseconds=200))
STEPS = Workflow(
    failover=(ScaleCluster(name="warm-up", cluster="cpu-cluster", min_nodes=1, retry=QUICK), MoveJobs(name="jobs"))
)


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(getattr(record, "hubswitch", {}))


def test_a_failover_is_one_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a step that fails twice at first: each try is a span, in its place, and nothing is lost or there twice."""
    lines = Lines()
    logging.getLogger("hubswitch").addHandler(lines)
    try:
        with tracing_on(monkeypatch) as traced:
            run, moved = fail_over(tmp_path, traced)
    finally:
        logging.getLogger("hubswitch").removeHandler(lines)
    found = [span for span in traced.spans() if values(span, "run") == (run,)]
    one_tree(found, run)
    by_name = Counter(span.name for span in found)
    assert {name: by_name[name] for name in by_name if name not in OFTEN} == {
        "hubswitch.run": 1,
        "hubswitch.decide": 1,
        "hubswitch.claim": 1,
        "hubswitch.publish": 1,
        "hubswitch.step": 2,
        "hubswitch.finish": 1,
        "hubswitch.evidence": 1,
    }
    assert set(by_name) == {row.name for row in SPANS_OF_RUN}
    tries = [span for span in found if span.name == "hubswitch.step.try"]
    assert [values(span, "step", "attempt") for span in tries] == [("warm-up", n + 1) for n in range(len(tries))]
    assert len(tries) > 2
    assert [span.status.status_code for span in tries] == [StatusCode.ERROR] * (len(tries) - 1) + [StatusCode.UNSET]
    assert (tries[0].attributes or {})["error.type"] == "TemporaryError"
    ended = [values(span, "job", "outcome") for span in found if span.name == "hubswitch.job.move"]
    outcomes = Counter(outcome for _, outcome in ended if outcome != "pending")
    assert outcomes["resubmitted"] == moved > 0
    assert len({job for job, _ in ended}) == JOBS == sum(outcomes.values())
    told = [line for line in lines.seen if line.get("run") == run]
    assert told
    assert all((line["pair"], line["epoch"]) == ("demo", 1) for line in told)


OFTEN = {"hubswitch.verify", "hubswitch.step.try", "hubswitch.jobs.list", "hubswitch.jobs.batch", "hubswitch.job.move"}
"""Spans of which there may be any number."""


def one_tree(found: list[ReadableSpan], run: str) -> None:
    """One trace, one root, every parent recorded and of the kind that the table names; no span twice."""
    assert {span.context.trace_id for span in found} == {make_trace_id(run)}
    assert {values(span, "pair", "epoch", "side") for span in found} == {("demo", 1, "secondary")}
    names = {span.context.span_id: span.name for span in found}
    assert len(names) == len(found)
    parents = {(span.name, names[span.parent.span_id] if span.parent else "") for span in found}
    assert parents == {(row.name, row.parent) for row in SPANS_OF_RUN}
    same = Counter((span.name, json.dumps(dict(span.attributes or {}), sort_keys=True)) for span in found)
    assert [what for what, times in same.items() if times > 1 and "pending" not in what[1]] == []
    (root,) = [span for span in found if span.parent is None]
    inside = [span for span in found if span.name not in {"hubswitch.finish", "hubswitch.evidence"}]
    assert min(span.start_time or 0 for span in inside) == root.start_time
    assert max(span.end_time or 0 for span in inside) <= (root.end_time or 0)


def fail_over(tmp_path: Path, traced: Traced) -> tuple[str, int]:
    """A whole outage in the simulated Azure: the run, and how many jobs it moved."""
    with LocalAzure(seed=9, speed=SPEED, canaries=False) as azure, LocalEngine() as engine:
        file = tmp_path / "demo.yaml"
        plan = msgspec.structs.replace(plan_of(azure, "demo", **scale_policy(SPEED)), steps=STEPS)
        file.write_text(yaml_of(plan), encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, file) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look")
            submit_workload(azure, plan.primary, JOBS, seed=9)
            until(lambda: count_captured(azure, plan) == JOBS, "jobs")
            azure.faults.set(plan.secondary.region, "control", "5xx", status=503, path="/computes/")
            azure.region_down(plan.primary.region)
            until(lambda: len(traced.spans("hubswitch.step.try")) >= 2, "two tries of the step")
            azure.faults.clear(plan.secondary.region, "control")
            until(lambda: traced.spans("hubswitch.evidence"), "the end of the run")
            run = str(values(traced.spans("hubswitch.claim")[0], "run")[0])
            return run, int(audit_jobs(azure, plan).counts()["resubmitted"])
