"""The table call -> permission is complete: no request of a whole outage is without a row."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from template_roles import WHO, is_ours, rows_of

from conform.outage import requests_of_an_outage
from orchestrator.adapters.permissions import CALLS, Where, Who, rows_for
from orchestrator.simulator.request_log import LoggedRequest


@pytest.fixture(scope="module")
def requests() -> list[LoggedRequest]:
    """Those of the app's identities in an outage, with what reports and a plan's check read."""
    return [each for each in requests_of_an_outage() if is_ours(each)]


def shown(requests: Iterable[LoggedRequest]) -> list[str]:
    return sorted({f"{each.principal} {each.service} {each.method} {each.path}" for each in requests})


def test_no_request_of_an_outage_is_without_a_row(requests: list[LoggedRequest]) -> None:
    """Whoever adds a call adds a row, or its role is forgotten, and nobody sees that before the outage."""
    assert len(requests) > 100
    assert shown(each for each in requests if not rows_of(each)) == []


def test_each_request_needs_one_permission_at_one_place(requests: list[LoggedRequest]) -> None:
    """Patterns do not overlap: a request that looked like a harmless one would need no role of its own."""
    assert shown(each for each in requests if len({(row.needs, row.where) for row in rows_of(each)}) != 1) == []


def test_both_identities_and_every_service_were_seen(requests: list[LoggedRequest]) -> None:
    """What is shown is shown of the services that an outage touches."""
    seen = {(WHO[str(each.principal)], each.service) for each in requests}
    assert {(call.who, call.service) for call in CALLS if call.service and call.who in WHO.values()} - seen <= {
        (Who.EXECUTOR, "eventgrid"),  # the local plans name no topic
        (Who.PROBE, "acr"),  # its token is sent in the form
        (Who.PROBE, "search"),  # the reader asks; its requests have a test of their own
    }


@pytest.mark.parametrize(
    ("who", "service", "method", "path"),
    [
        (Who.EXECUTOR, "resource-manager", "DELETE", "/subscriptions/s/resourceGroups/g/providers/x/workspaces/w"),
        (Who.EXECUTOR, "resource-manager", "PUT", "/subscriptions/s/resourceGroups/g/providers/x/workspaces/w"),
        (Who.PROBE, "storage", "GET", "/container/blob"),
        (Who.PROBE, "resource-manager", "PUT", "/subscriptions/s/resourceGroups/g/providers/x/workspaces/w/jobs/j"),
        (Who.EXECUTOR, "resource-manager", "POST", "/x/workspaces/w/listKeys"),
    ],
)
def test_what_nobody_calls_has_no_row(who: Who, service: str, method: str, path: str) -> None:
    """Otherwise the table would ask for a role that nothing needs."""
    assert rows_for(who, service, method, path) == []


def test_the_result_of_a_diagnosis_has_a_row() -> None:
    """It is asked for at the address that the service names, which lies beside the workspace and not in it."""
    path = "/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/eastus2/diagnoseResults/x"
    (row,) = rows_for(Who.PROBE, "resource-manager", "GET", path)
    assert (row.where, row.is_guess) == (Where.SUBSCRIPTION, True)
