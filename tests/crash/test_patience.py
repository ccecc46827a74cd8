"""Runs end although a step or a job fails for long, people are told, and no history grows with the waiting."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of, running, start, until_seen, wait_until_idle

from orchestrator.core.jobs.record import JobStatus
from orchestrator.workflows.orchestrators import resubmit, retry

PATIENCES = (3, 12, 60, 300)
"""Seconds, tried in turn: how many rounds a batch has in a time depends on the machine."""


def test_a_step_that_fails_for_long_goes_on_elsewhere_and_the_run_ends(both_well: Bench) -> None:
    """More tries than one history may hold: its orchestration begins anew, and the answer still arrives."""
    visit = both_well.visit()
    azure = both_well.azure
    short = timedelta(milliseconds=5)
    order = msgspec.structs.replace(order_of(visit, 1), beat=short, longest=short)
    azure.faults.set(None, "control", "5xx", status=503)
    tries = retry.TRIES_HERE + retry.TRIES_THERE + 10
    with running() as (engine, client):
        worker = visit.worker(engine)
        try:
            start(client, order)
            until_seen(lambda: _asked(both_well, visit.plan.secondary.project) > tries, "many tries", engine, worker)
            azure.faults.clear(None, "control")
            wait_until_idle(engine, "the end of the run", worker)
            output = _output(client, order.run)
        finally:
            azure.faults.clear(None, "control")
            worker.end()
    assert output["outcome"] == "completed"
    assert output["jobs"]["resubmitted"] == 2


@pytest.mark.parametrize("status", [403, 500])
def test_a_job_that_is_answered_badly_for_ever_does_not_keep_the_pair_busy(both_well: Bench, status: int) -> None:
    """The batch begins anew in between, gives the jobs up when patience is over, and the run completes."""
    for seconds in PATIENCES:
        visit, output = _refused(both_well, status, timedelta(seconds=seconds))
        assert output["outcome"] == "completed"
        assert (output["jobs"]["given_up"], output["jobs"]["pending"]) == (2, 0)
        ledger = visit.world.ledgers[visit.pair]
        found = [summary for summary in ledger.summaries(visit.pair) if summary.status is JobStatus.WAITING]
        assert len(found) == 2
        assert all(summary.retry_at for summary in found)
        if _puts(both_well, visit.pair) > resubmit.ROUNDS:
            return
    pytest.fail(f"no batch began anew within {PATIENCES[-1]} s")


def _refused(bench: Bench, status: int, patience: timedelta) -> tuple[Visit, dict[str, Any]]:
    """A run to a side that takes no job, and its output."""
    visit = bench.visit()
    azure, region = bench.azure, visit.plan.secondary.region
    short = timedelta(milliseconds=5)
    order = msgspec.structs.replace(order_of(visit, 1), beat=short, longest=short, patience=patience)
    azure.faults.set(region, "control", "5xx", status=status, method="PUT")
    with running() as (engine, client):
        worker = visit.worker(engine)
        try:
            start(client, order)
            wait_until_idle(engine, "the end of the run", worker)
            return visit, _output(client, order.run)
        finally:
            azure.faults.clear(region, "control")
            worker.end()


def _asked(bench: Bench, project: str) -> int:
    return sum(entry.method == "GET" and entry.path.endswith(project) for entry in bench.azure.log.entries())


def _puts(bench: Bench, pair: str) -> int:
    return sum(entry.method == "PUT" and f"/jobs/{pair}-plain" in entry.path for entry in bench.azure.log.entries())


def _output(client: Any, run: str) -> dict[str, Any]:
    found = client.get_orchestration_state(run)
    return dict(json.loads(found.serialized_output or "{}"))
