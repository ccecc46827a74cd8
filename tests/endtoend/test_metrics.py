"""An outage leaves a measurement of everything that an operator plots."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from deployed_app import count_captured
from measured import measuring
from waiting import until

from orchestrator.local.session import Local
from orchestrator.local.workload import submit_workload

JOBS = 6


def phase_of(local: Local) -> str:
    found = requests.get(f"{local.host.url}/api/pairs/demo", headers={"x-functions-key": local.key}, timeout=120)
    return str(found.json().get("phase"))


def _delivered(series: Any) -> int:
    return int(series.get("hubswitch.deliveries", {}).get((("hubswitch.kind", "job"),), 0))


def test_an_outage_is_measured_from_the_probe_to_the_last_job(sessions: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks, probes, deliveries of job events, the switch with its time, and each job once by its outcome."""
    with measuring(monkeypatch) as measured, sessions() as local:
        submit_workload(local.azure, local.plan.primary, JOBS, seed=5)
        until(lambda: count_captured(local.azure, local.plan) == JOBS, "every job in the ledger")
        local.azure.region_down(local.plan.primary.region)
        # The numbers of the jobs are the last that a run counts; deliveries may come after what they tell of.
        until(lambda: sum(measured.series().get("hubswitch.run.jobs", {}).values()) == JOBS, "the end of the run")
        until(lambda: _delivered(measured.series()) >= JOBS, "the deliveries")
        found = measured.series()
    pair = ("hubswitch.pair", "demo")
    assert found["hubswitch.looks"][(pair,)] > 0
    assert (pair, ("hubswitch.side", "primary"), ("hubswitch.surface", "hub")) in found["hubswitch.probe.duration"]
    bad = (("hubswitch.observation", "bad"), pair, ("hubswitch.side", "primary"), ("hubswitch.surface", "hub"))
    assert found["hubswitch.signals"][bad] > 0
    run = (("hubswitch.kind", "failover"), ("hubswitch.outcome", "completed"), pair)
    assert found["hubswitch.run.duration"] == {run: 1}
    assert found["hubswitch.switch.duration"] == {(("hubswitch.kind", "failover"), pair): 1}
    assert sum(found["hubswitch.run.jobs"].values()) == JOBS
