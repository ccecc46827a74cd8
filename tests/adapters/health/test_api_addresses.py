"""Where a hub's API answers is read from its workspace once, checked, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from orchestrator.adapters.assembly import assemble
from orchestrator.adapters.health.api_addresses import ASK_AGAIN, ApiAddresses, CompletedPlans, check_api, kept_at
from orchestrator.clock import SystemClock
from orchestrator.core.base.errors import HubswitchError, InvalidInput, TemporaryError
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import World
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANAGER = "https://management.azure.com"
OF_HUB = (Surface.HUB, Surface.JOBS)

GOOD = {
    "https://eastus2.api.azureml.ms/discovery": "https://eastus2.api.azureml.ms",
    "https://eastus2.api.azureml.ms": "https://eastus2.api.azureml.ms",
    "https://0a1b.workspace.eastus2.api.azureml.ms/discovery": "https://0a1b.workspace.eastus2.api.azureml.ms",
    "HTTPS://EastUS2.API.AzureML.ms:443/discovery/": "https://eastus2.api.azureml.ms",
    "https://chinaeast2.api.ml.azure.cn/discovery": "https://chinaeast2.api.ml.azure.cn",
}
BAD = [
    None,
    7,
    "",
    "eastus2.api.azureml.ms",
    "http://eastus2.api.azureml.ms/discovery",
    "https://eastus2.api.azureml.ms.example.com/discovery",
    "https://evilapi.azureml.ms/discovery",
    "https://api.azureml.ms@example.com/discovery",
    "https://user@eastus2.api.azureml.ms/discovery",
    "https://example.com/eastus2.api.azureml.ms",
    "https://example.com#.api.azureml.ms",
    "https://eastus2.api.azureml.ms:8443/discovery",
    "https://eastus2.api.azureml.ms:port/discovery",
    "https://eastus2.api.azureml.ms/elsewhere",
    "https://eastus2.api.azureml.ms/discovery?next=1",
    "https://[::1/discovery",
    "https://exa\nmple.api.azureml.ms.example.com",
]


@pytest.mark.parametrize(("url", "base"), GOOD.items())
def test_a_host_that_ends_like_azures_is_believed(url: str, base: str) -> None:
    """With private link or without, and in other clouds."""
    assert check_api(url, MANAGER, "a workspace") == base


@pytest.mark.parametrize("url", BAD)
def test_any_other_host_is_refused(url: object) -> None:
    """Our token would go there."""
    with pytest.raises(InvalidInput, match="discoveryUrl"):
        check_api(url, MANAGER, "a workspace")


def test_resource_managers_own_host_is_believed_at_any_port() -> None:
    """It is what the settings name, and gets our tokens anyway."""
    assert check_api("https://127.0.0.1:4/discovery", "https://127.0.0.1:3", "w") == "https://127.0.0.1:4"
    with pytest.raises(InvalidInput):
        check_api("http://127.0.0.1:4/discovery", "https://127.0.0.1:3", "w")


@pytest.fixture
def plan(azure: LocalAzure) -> Plan:
    """A plan that leaves both addresses out, of a pair that no other test has."""
    plan = plan_of(azure)
    sides = {role.value: msgspec.structs.replace(plan.side(role), api=None) for role in Role}
    return msgspec.structs.replace(plan, pair=f"pair-{uuid4().hex[:12]}", **sides)


def world_of(settings: Settings, plan: Plan) -> World:
    """A process that has just begun."""
    return assemble(settings, {plan.pair: plan}, SystemClock())


def sweep(world: World, plan: Plan, times: int = 1) -> dict[tuple[Role | None, Surface | None], Signal]:
    async def run() -> Sequence[Signal]:
        try:
            for _ in range(times):
                found = await world.probes.sweep(plan, NOW)
            return found
        finally:
            await world.probes.aclose()
            await asyncio.sleep(0.05)

    return {(signal.role, signal.surface): signal for signal in asyncio.run(run())}


def reads(azure: LocalAzure, plan: Plan) -> int:
    """How often the executor has asked for the workspaces; the probes ask for them as ``control``."""
    ours = {plan.side(role).project_id.casefold() for role in Role}
    asked = [e for e in azure.log.entries() if e.surface == "control" and e.path.casefold() in ours]
    return len(asked)


def test_the_address_is_read_once_and_known_to_every_step(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """The hubs are well; ``World.plans`` has the address; the second sweep asks Resource Manager for health alone."""
    world = world_of(settings, plan)
    before = reads(azure, plan)
    found = sweep(world, plan)
    assert {found[role, s].observation for role in Role for s in OF_HUB} == {Observation.OK}
    assert reads(azure, plan) - before == 4  # each workspace for its address, and as control
    sweep(world, plan)
    assert reads(azure, plan) - before == 6
    for role in Role:
        region = plan.side(role).region
        assert world.plans[plan.pair].side(role).api == azure.urls[f"{region}.api"]


def test_a_process_that_starts_while_resource_manager_is_away_knows_it(
    settings: Settings, azure: LocalAzure, plan: Plan
) -> None:
    """From the ledger; a pair could not be watched otherwise when it matters most."""
    sweep(world_of(settings, plan), plan)
    azure.faults.set(None, "control", "5xx")
    second = world_of(settings, plan)
    assert second.plans[plan.pair].primary.api == azure.urls[f"{plan.primary.region}.api"]
    found = sweep(world_of(settings, plan), plan)
    assert {found[role, s].observation for role in Role for s in OF_HUB} == {Observation.OK}


def test_an_address_that_nobody_knows_is_blind_and_told(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """Neither bad, nor in the way of the other surfaces."""
    azure.faults.set(None, "control", "5xx")
    found = sweep(world_of(settings, plan), plan)
    for surface in OF_HUB:
        assert found[Role.PRIMARY, surface].observation is Observation.BLIND
        assert "where its API is cannot be told" in found[Role.PRIMARY, surface].why
    assert found[Role.PRIMARY, Surface.STORAGE].observation is Observation.OK


class Manager:
    """Resource Manager, as far as an address is asked for."""

    endpoint = MANAGER

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    def get(self, path: str, api_version: str) -> dict[str, Any]:
        del path, api_version
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


def says(url: object) -> dict[str, Any]:
    return {"properties": {"discoveryUrl": url}}


def test_what_could_not_be_learnt_is_asked_for_again_after_a_while(settings: Settings, plan: Plan) -> None:
    """Not at every look: thousands of sides would ask Resource Manager for nothing."""
    now, manager = [0.0], Manager(TemporaryError("away"), says("https://eastus2.api.azureml.ms/discovery"))
    addresses = ApiAddresses(manager, world_of(settings, plan).ledgers, lambda: now[0])  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(HubswitchError, match="away"):
            addresses.find(plan, Role.PRIMARY)
    assert manager.asked == 1
    now[0] += ASK_AGAIN
    assert addresses.find(plan, Role.PRIMARY) == "https://eastus2.api.azureml.ms"


@pytest.mark.parametrize("answer", [{}, {"properties": None}, says("https://example.com/discovery")])
def test_what_the_workspace_should_not_say_is_refused_and_not_kept(
    settings: Settings, plan: Plan, answer: dict[str, Any]
) -> None:
    """Nor is an older address taken instead: the workspace contradicts it."""
    ledgers = world_of(settings, plan).ledgers
    old = Manager(says("https://eastus2.api.azureml.ms/discovery"))
    ApiAddresses(old, ledgers).find(plan, Role.PRIMARY)  # type: ignore[arg-type]
    addresses = ApiAddresses(Manager(answer), ledgers)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        addresses.find(plan, Role.PRIMARY)
    assert addresses.complete(plan).primary.api is None


@pytest.mark.parametrize(
    "kept",
    [
        b"nonsense",
        b'{"project": "/subscriptions/x", "api": "https://eastus2.api.azureml.ms"}',
        b'{"project": "%s", "api": "https://example.com"}',
    ],
)
def test_what_lies_in_the_ledger_is_checked_too(settings: Settings, plan: Plan, kept: bytes) -> None:
    """Who can write there must not be given our token."""
    ledgers = world_of(settings, plan).ledgers
    path = kept_at(plan.pair, Role.PRIMARY)
    ledgers[plan.pair].write_page(path, kept.replace(b"%s", plan.primary.project_id.encode()), None)
    addresses = ApiAddresses(Manager(TemporaryError("away")), ledgers)  # type: ignore[arg-type]
    with pytest.raises(TemporaryError):
        addresses.find(plan, Role.PRIMARY)
    assert CompletedPlans({plan.pair: plan}, addresses)[plan.pair].primary.api is None


def test_an_address_that_changed_is_kept_anew(settings: Settings, plan: Plan) -> None:
    """A workspace that was made again, with another id, answers elsewhere."""
    ledgers = world_of(settings, plan).ledgers
    for name in ("a", "b"):
        url = f"https://{name}.workspace.eastus2.api.azureml.ms"
        assert ApiAddresses(Manager(says(url)), ledgers).find(plan, Role.PRIMARY) == url  # type: ignore[arg-type]
    away = ApiAddresses(Manager(TemporaryError("away")), ledgers)  # type: ignore[arg-type]
    assert away.find(plan, Role.PRIMARY) == "https://b.workspace.eastus2.api.azureml.ms"
