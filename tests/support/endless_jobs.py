"""Jobs that no test outlives, submitted as a user does."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.core.plan.schema import Hub
from orchestrator.local.workload import User
from orchestrator.simulator.cloud import LocalAzure

FOR_EVER = "36000000"
"""Seconds of simulated running."""


def submit_endless(
    azure: LocalAzure,
    hub: Hub,
    name: str,
    experiment: str,
    tags: Mapping[str, str] | None = None,
    environment: str = "train-env",
) -> None:
    """Submit a command job to a hub's CPU cluster; ``tags`` besides the one that says how long it runs."""
    body = {
        "jobType": "Command",
        "command": "python train.py",
        "experimentName": experiment,
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
        "environmentId": f"{hub.project_id}/environments/{environment}/versions/1",
        "tags": {"local.duration": FOR_EVER, **(tags or {})},
    }
    User(azure).submit(hub, name, body)
