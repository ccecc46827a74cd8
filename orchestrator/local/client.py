"""A client of the pointer, as an application would be one: only azure-appconfiguration, on a replica."""

from __future__ import annotations

from typing import Any

from azure.appconfiguration import AzureAppConfigurationClient
from azure.identity import ManagedIdentityCredential

from orchestrator.core.base.codec import read_record
from orchestrator.core.epoch import PointerValue
from orchestrator.core.plan.schema import Plan
from orchestrator.simulator.cloud import LocalAzure


def pointer_on(azure: LocalAzure, plan: Plan) -> dict[str, Any]:
    """The pointer as the last replica of the plan shows it; empty if it shows none."""
    from orchestrator.core.base.codec import to_builtins

    endpoint = (plan.pointer.endpoint, *plan.pointer.replicas)[-1]
    credential = ManagedIdentityCredential(client_id=azure.environment()["HUBSWITCH_EXECUTOR_CLIENT_ID"])
    with AzureAppConfigurationClient(endpoint, credential, connection_verify=str(azure.ca_bundle)) as client:
        found = client.get_configuration_setting(f"hubswitch:{plan.pair}:active")
    value = read_record(found.value or "", PointerValue, endpoint) if found else None
    return dict(to_builtins(value)) if value else {}
