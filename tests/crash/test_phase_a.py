"""Phase A needs neither Resource Manager nor the side that is left; phase B waits for them, and finishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from crash_harness import Bench, order_of, running, start, until_seen, wait_until_idle
from durabletask.client import TaskHubGrpcClient


def _status(client: TaskHubGrpcClient, run: str) -> dict[str, Any]:
    found = client.get_orchestration_state(run)
    return json.loads(found.serialized_custom_status or "{}") if found else {}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_switch_completes_while_resource_manager_answers_503_and_jobs_follow_later(both_well: Bench) -> None:
    """The request log shows it: from decision to verification only the ledger account and the pointer's store."""
    visit = both_well.visit()
    azure, order = both_well.azure, order_of(visit, 1)
    azure.faults.set(None, "control", "5xx", status=503)
    with running() as (engine, client):
        worker = visit.worker(engine)
        try:
            start(client, order)
            waits: Callable[[], bool] = lambda: _status(client, order.run).get("step") == "await_standby"  # noqa: E731
            until_seen(waits, "phase B waits", engine, worker)
            pointer = visit.world.pointers[visit.pair].read_from(visit.pair, visit.plan.pointer.replicas[0])
            assert pointer is not None
            assert (pointer.epoch, pointer.active) == (1, "secondary")
            assert "503" in _status(client, order.run)["why"]
            azure.faults.clear(None, "control")
            wait_until_idle(engine, "the end of the run", worker)
            summary = client.get_orchestration_state(order.run)
        finally:
            azure.faults.clear(None, "control")
            worker.end()
    assert summary is not None
    output = json.loads(summary.serialized_output or "{}")
    assert output["jobs"]["resubmitted"] == 2
    marks = output["milestones"]
    during = azure.log.between(_moment(marks["decided_at"]), _moment(marks["verified_at"]))
    assert {entry.service for entry in during if entry.service != "identity"} == {"ledger", "appconfig"}
    assert not [entry for entry in during if entry.region == visit.plan.primary.region]
    assert _moment(marks["standby_at"]) > _moment(marks["verified_at"])
