"""What the caller may do with a workspace, as Resource Manager lists it."""

from __future__ import annotations

from typing import Any

from local_azure_client import Client, ClientMaker

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.identity import EXECUTOR, PROBE

PERMISSIONS = "/providers/Microsoft.Authorization/permissions"


def actions(client: Client, resource_id: str) -> list[str]:
    """All actions of all roles."""
    answer = client.arm("GET", f"{resource_id}{PERMISSIONS}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["value"]
    assert all(set(each) == {"actions", "notActions", "dataActions", "notDataActions"} for each in found)
    return [action for each in found for action in each["actions"]]


def test_who_may_write_sees_more_than_who_may_read(azure: LocalAzure, client_of: ClientMaker, primary: Site) -> None:
    """Each caller is told of its own roles."""
    assert actions(client_of(azure, PROBE), primary.project_id) == ["*/read"]
    assert "Microsoft.MachineLearningServices/workspaces/*/write" in actions(
        client_of(azure, EXECUTOR), primary.project_id
    )


def test_a_permission_that_was_taken_away_is_listed_no_more(azure: LocalAzure, client: Client, primary: Site) -> None:
    """At once, here; Azure takes minutes."""
    azure.call(lambda: azure.kernel.revoke(EXECUTOR, "arm.write"))
    assert actions(client, primary.project_id) == ["*/read"]


def test_permissions_can_only_be_read_and_only_of_what_is_there(client: Client, primary: Site) -> None:
    """Nobody changes roles here."""
    assert client.arm("PUT", f"{primary.project_id}{PERMISSIONS}", {}).status_code == 405
    assert client.arm("GET", f"{primary.project_id}x{PERMISSIONS}").status_code == 404
