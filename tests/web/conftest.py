"""Pairs in every situation that the views have to show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stories import AUTO, BAD, BLIND, Story, failed_over, minutes

from orchestrator.core.decision.commands import Do
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Hub, LedgerAccount, Plan, Pointer

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"

type PlanMaker = Callable[..., Plan]


def _hub(region: str) -> Hub:
    return Hub(
        region=region,
        subscription="s",
        resource_group=f"rg-{region}",
        hub=f"hub-{region}",
        project=f"proj-{region}",
        api=f"https://{region}.api.azureml.ms",
    )


@pytest.fixture
def plan_of() -> PlanMaker:
    """Makes plans by name."""

    def make(pair: str = "research", policy: Policy = AUTO) -> Plan:
        return Plan(
            schema=1,
            pair=pair,
            primary=_hub("eastus2"),
            secondary=_hub("westus3"),
            pointer=Pointer(endpoint="https://store.azconfig.io"),
            ledger=LedgerAccount(account="https://ledger.blob.core.windows.net"),
            policy=policy,
        )

    return make


@pytest.fixture
def quiet() -> Story:
    """Nothing happens for ten minutes."""
    story = Story()
    story.live(minutes(10))
    return story


@pytest.fixture
def suspect() -> Story:
    """Hub and jobs of the primary are bad, a vault cannot be asked, and somebody with bad manners has paused it."""
    story = Story()
    story.live(minutes(3))
    story.live(minutes(2), {"primary.hub": BAD, "primary.jobs": BAD})
    story.order(Do.PAUSE, HOSTILE)
    story.live(minutes(6), {"primary.hub": BAD, "primary.jobs": BAD, "primary.keyvault": BLIND})
    return story


@pytest.fixture
def moved() -> Story:
    """The pair has just moved to the secondary."""
    return failed_over()


@pytest.fixture
def hostile() -> str:
    return HOSTILE
