"""Plans of pairs that exist nowhere, for what is measured without talking to anybody."""

from __future__ import annotations

import uuid

from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import SCHEMA, Hub, LedgerAccount, Plan, Pointer

REGIONS = ("centralus", "eastus2", "westeurope", "swedencentral", "japaneast", "uksouth")


def pairs(number: int, mode: Mode = Mode.OBSERVE) -> dict[str, Plan]:
    """So many pairs by name; the first is the same however many there are."""
    return {plan.pair: plan for plan in (_plan(n, mode) for n in range(number))}


def _plan(number: int, mode: Mode) -> Plan:
    region, other = REGIONS[number % len(REGIONS)], REGIONS[(number + 1) % len(REGIONS)]
    return Plan(
        schema=SCHEMA,
        pair=f"pair-{number:04}",
        primary=_hub(f"a{number:04}", region),
        secondary=_hub(f"b{number:04}", other),
        pointer=Pointer(endpoint=f"https://app-{number}.azconfig.io"),
        ledger=LedgerAccount(account=f"https://ledger{number}.blob.core.windows.net"),
        policy=Policy(mode=mode),
    )


def _hub(name: str, region: str) -> Hub:
    subscription, group = str(uuid.uuid5(uuid.NAMESPACE_URL, name)), f"rg-hub-{name}"
    inside = f"/subscriptions/{subscription}/resourceGroups/{group}/providers"
    return Hub(
        region=region,
        subscription=subscription,
        resource_group=group,
        hub=f"hub-{name}",
        project=f"project-{name}",
        api=f"https://{region}.api.azureml.ms",
        storage=f"https://sthub{name}.blob.core.windows.net",
        keyvault=f"https://kv-{name}.vault.azure.net",
        acr=f"https://crhub{name}.azurecr.io",
        resources=(
            f"{inside}/Microsoft.Storage/storageAccounts/sthub{name}",
            f"{inside}/Microsoft.KeyVault/vaults/kv-{name}",
            f"{inside}/Microsoft.OperationalInsights/workspaces/log-hub-{name}",
        ),
    )
