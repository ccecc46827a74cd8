"""Scale settings of a cluster can be changed, as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from local_azure_client import Client

from orchestrator.simulator.estate import Site


def body(settings: Any) -> dict[str, Any]:
    return {"properties": {"properties": {"scaleSettings": settings}}}


def test_a_cluster_is_scaled(client: Client, primary: Site) -> None:
    """What is sent replaces what was there; nodes follow the new bounds."""
    place = f"{primary.project_id}/computes/gpu-cluster"
    answer = client.arm("PATCH", place, body({"minNodeCount": 3, "maxNodeCount": 8}))
    assert answer.status_code == 200, answer.text
    shown = client.arm("GET", place).json()["properties"]["properties"]
    assert (shown["scaleSettings"]["minNodeCount"], shown["scaleSettings"]["maxNodeCount"]) == (3, 8)
    assert shown["currentNodeCount"] == 3
    assert shown["vmSize"]


@pytest.mark.parametrize(
    "settings",
    [
        None,
        {},
        {"minNodeCount": 1},
        {"minNodeCount": 9, "maxNodeCount": 8},
        {"minNodeCount": -1, "maxNodeCount": 8},
        {"minNodeCount": "1", "maxNodeCount": 8},
    ],
)
def test_scale_settings_that_say_too_little_or_nonsense_are_refused(
    client: Client, primary: Site, settings: Any
) -> None:
    """Nothing changes."""
    place = f"{primary.project_id}/computes/gpu-cluster"
    before = client.arm("GET", place).json()
    assert client.arm("PATCH", place, body(settings)).status_code == 400
    assert client.arm("GET", place).json() == before


def test_a_cluster_that_is_not_there_cannot_be_scaled(client: Client, primary: Site) -> None:
    """404, as for a read."""
    place = f"{primary.project_id}/computes/none"
    assert client.arm("PATCH", place, body({"maxNodeCount": 8})).status_code == 404
