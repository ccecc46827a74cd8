"""A switch has its slots, whatever else the app is busy with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests
from durabletask.client import TaskHubGrpcClient
from waiting import until

from orchestrator.adapters.http.transport import Limits
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.schedule import beat_of
from orchestrator.local.session import Local
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.workflows import names
from orchestrator.workflows.messages import CaptureOrder, CaptureRun
from orchestrator.workflows.names import CONCURRENCY_LIMITS

HOST = json.loads((Path(__file__).parents[2] / "host.json").read_text(encoding="utf-8"))
SLOTS = HOST["extensions"]["durableTask"]["maxConcurrentActivityFunctions"]


def _asked_about_jobs(local: Local) -> list[LoggedRequest]:
    asked = [call for call in local.azure.log if call.surface == "control" and "/jobs/busy-" in call.path]
    return [call for call in asked if call.method == "GET"]


def test_all_long_work_together_leaves_slots_for_a_switch() -> None:
    """Claim, publish and verify of a few pairs find one at any time."""
    assert SLOTS - sum(CONCURRENCY_LIMITS.values()) >= 4


def test_a_switch_does_not_wait_behind_captures_of_a_region_that_hangs(sessions: Any) -> None:
    """L1: events tell of many jobs at the moment at which nobody answers for them."""
    with sessions() as local:
        headers = {"x-functions-key": local.key}
        pair = f"{local.host.url}/api/pairs/demo"
        until(
            lambda: requests.get(pair, headers=headers, timeout=120).json().get("phase") == "steady", "the first look"
        )
        local.azure.faults.set(local.plan.primary.region, "control", "hang")
        client = TaskHubGrpcClient(host_address=local.engine.address)
        for number in range(SLOTS * 3):
            order = CaptureOrder(pair="demo", side=Role.PRIMARY, jobs=(f"busy-{number}",), told="Failed")
            given = to_builtins(CaptureRun(order=order, beat=beat_of(local.plan.policy)))
            client.schedule_new_orchestration(names.CAPTURE_RUN, input=given)
        until(lambda: _asked_about_jobs(local), "the first question that hangs")
        body = {"reason": "the region hangs", "by": "a test", "force": True}

        def is_claimed() -> bool:
            """An order that was handed over is not always taken: on a busy machine a store may be away just then."""
            if _claimed(local):
                return True
            ordered = requests.post(f"{pair}/failover", json=body, headers=headers, timeout=120)
            assert ordered.status_code in {202, 409, 503}, ordered.text
            return False

        until(is_claimed, "the claim of epoch 1", pause=0.2)
        claimed = _claimed(local)[0].at
        hanging = [call for call in _asked_about_jobs(local) if call.at <= claimed]
        local.azure.faults.clear()
        client.close()
    # On a slow machine the first questions are given up before the claim, and others take their places.
    rounds = 1 + (claimed - hanging[0].at) // Limits().read
    assert len(hanging) <= CONCURRENCY_LIMITS[names.CAPTURE_JOBS] * rounds


def _claimed(local: Local) -> list[LoggedRequest]:
    """Conditional writes of the epoch record after the first."""
    writes = [call for call in local.azure.log if call.method == "PUT" and call.path.endswith("demo/epoch.json")]
    return writes[1:]
