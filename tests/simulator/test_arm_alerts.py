"""What the simulated Azure lists and refuses of alerts."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from local_azure_client import Client

from orchestrator.simulator.estate import SUBSCRIPTION

PLACE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts"
VERSION = {"api-version": "2019-05-05-preview"}


def test_alerts_of_the_last_day_are_listed_unless_more_is_asked_for(client: Client) -> None:
    """And only those that the filters leave."""
    alerts = client.azure.services.manager.alerts
    client.azure.call(partial(alerts.fire, "/r/one", "/t"))
    old = client.azure.call(partial(alerts.fire, "/r/two", "/t", timedelta(days=3)))
    client.azure.call(partial(alerts.resolve, old))

    def names(**query: str) -> list[str]:
        return [each["name"] for each in client.arm("GET", PLACE, **VERSION, **query).json()["value"]]

    assert names() == ["/r/one"]
    assert names(timeRange="7d") == ["/r/one", "/r/two"]
    assert names(timeRange="7d", monitorCondition="Resolved") == ["/r/two"]
    assert names(timeRange="7d", alertRule="/R/ONE", targetResource="/t") == ["/r/one"]


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("GET", {"timeRange": "2d"}, 400),
        ("GET", {"monitorCondition": "fired"}, 400),
        ("GET", {"severity": "Sev0"}, 400),
        ("GET", {"api-version": "2001-01-01"}, 400),
        ("POST", {}, 405),
    ],
)
def test_what_cannot_be_meant_is_refused(client: Client, method: str, query: dict[str, str], status: int) -> None:
    """Not ignored."""
    assert client.arm(method, PLACE, **(VERSION | query)).status_code == status
