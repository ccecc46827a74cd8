"""A sweep asks everything at once, is bounded, never raises, and says in one sentence what it saw."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from waiting import in_time

from orchestrator.adapters.health.answer_meanings import Asked, read_status, seconds
from orchestrator.adapters.health.probe_requests import Audience
from orchestrator.adapters.health.probes import HttpProbes
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.plan.schema import Plan, References
from orchestrator.core.signals.signal import Signal
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import Probes
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIDE = [s for s in Surface if s not in {Surface.OBSERVER, Surface.ELSEWHERE}]
REGIONAL = [s for s in SIDE if s is not Surface.IDENTITY]

type Found = dict[tuple[Role | None, Surface], Signal]


def swept(settings: Settings, plan: Plan) -> Found:
    """One sweep in an event loop of its own."""

    async def run() -> Found:
        probes = HttpProbes(settings)
        try:
            signals = await probes.sweep(plan, NOW)
        finally:
            await probes.aclose()
            await asyncio.sleep(0.05)  # TLS farewells of connections that were given up
        return {(signal.role, signal.surface): signal for signal in signals if signal.surface}

    return asyncio.run(run())


def observations(found: Found, role: Role | None) -> dict[Surface, Observation]:
    return {surface: signal.observation for (side, surface), signal in found.items() if side is role}


@pytest.fixture
def plan(azure: LocalAzure) -> Plan:
    return plan_of(azure)


def test_the_adapter_is_a_set_of_probes(settings: Settings) -> None:
    """It fits the port."""
    probes: Probes = HttpProbes(settings)
    assert callable(probes.sweep)


def test_a_healthy_pair_is_well_on_every_surface(settings: Settings, plan: Plan) -> None:
    """One signal per surface and side, and for the two references; nothing twice."""
    found = swept(settings, plan)
    sides = {(role, surface) for role in Role for surface in SIDE}
    assert found.keys() == sides | {(None, Surface.OBSERVER), (None, Surface.ELSEWHERE)}
    assert {signal.observation for signal in found.values()} == {Observation.OK}


def test_signals_carry_the_sweeps_time_and_a_sentence(settings: Settings, plan: Plan) -> None:
    """All speak of the same instant, so that what follows is a function of one value."""
    found = swept(settings, plan)
    assert {signal.occurred_at for signal in found.values()} == {NOW}
    assert found[Role.PRIMARY, Surface.HUB].why.startswith("hub answered 200 in ")
    assert "probe identity (b0000000" in found[Role.PRIMARY, Surface.IDENTITY].why


REFUSED, SILENT, FAILED = "refused the connection", "did not answer within 3 s", "answered 503 in "
BAD = [
    ("storage", "refuse", REFUSED),
    ("storage", "hang", SILENT),
    ("storage", "5xx", FAILED),
    ("keyvault", "refuse", REFUSED),
    ("keyvault", "5xx", FAILED),
    ("acr", "5xx", FAILED),
    ("inference", "black-hole", SILENT),
    ("inference", "5xx", FAILED),
]


@pytest.mark.longest_wait(3)
@pytest.mark.parametrize(("surface", "kind", "why"), BAD)
def test_trouble_of_one_surface_is_bad_there_and_nowhere_else(
    *, settings: Settings, azure: LocalAzure, plan: Plan, surface: str, kind: str, why: str
) -> None:
    """The rest of that side, and all of the other side, stay well."""
    azure.faults.set(plan.primary.region, surface, kind)
    found = swept(settings, plan)
    ill = {key for key, signal in found.items() if signal.observation is not Observation.OK}
    assert ill == {(Role.PRIMARY, Surface(surface))}
    signal = found[Role.PRIMARY, Surface(surface)]
    assert (signal.observation, why in signal.why) == (Observation.BAD, True)


@pytest.mark.parametrize("surface", ["hub", "jobs", "control"])
def test_surfaces_that_share_a_host_are_told_apart(
    settings: Settings, azure: LocalAzure, plan: Plan, surface: str
) -> None:
    """A hub that answers while its jobs do not is two facts; Resource Manager fails for one region."""
    azure.faults.set(plan.primary.region, surface, "5xx", status=500)
    found = swept(settings, plan)
    ill = {key for key, signal in found.items() if signal.observation is Observation.BAD}
    assert ill == {(Role.PRIMARY, Surface(surface))}


BLIND = [("401", "refused our token"), ("403", "refused our identity"), ("429", "slow down")]


@pytest.mark.parametrize(("kind", "why"), BLIND)
def test_what_cannot_be_asked_is_blind(settings: Settings, azure: LocalAzure, plan: Plan, kind: str, why: str) -> None:
    """A role that was taken away, or too many questions, says nothing about health."""
    for surface in REGIONAL:
        azure.faults.set(plan.primary.region, surface.value, kind)
    found = swept(settings, plan)
    assert set(observations(found, Role.PRIMARY).values()) == {Observation.BLIND, Observation.OK}
    assert all(found[Role.PRIMARY, surface].observation is Observation.BLIND for surface in REGIONAL)
    assert why in found[Role.PRIMARY, Surface.KEYVAULT].why


def test_a_project_that_is_not_there_is_blind(settings: Settings, plan: Plan) -> None:
    """404 is a mistake in the plan, or a deletion; never an outage."""
    moved = msgspec.structs.replace(plan, primary=msgspec.structs.replace(plan.primary, project="none"))
    found = swept(settings, moved)
    assert {found[Role.PRIMARY, s].observation for s in (Surface.HUB, Surface.JOBS, Surface.CONTROL)} == {
        Observation.BLIND
    }


@pytest.mark.longest_wait(1)
@pytest.mark.parametrize("kind", ["5xx", "refuse", "hang"])
def test_without_tokens_every_surface_is_blind(settings: Settings, azure: LocalAzure, plan: Plan, kind: str) -> None:
    """Identity is bad on both sides at once; nobody else is accused."""
    azure.faults.set(None, "identity", kind)
    found = in_time(lambda: swept(settings, plan), 3 * 1)
    for role in Role:
        seen = observations(found, role)
        assert seen.pop(Surface.IDENTITY) is Observation.BAD
        assert set(seen.values()) == {Observation.BLIND}
    assert found[Role.PRIMARY, Surface.HUB].why.startswith("could not ask hub: no token for the probe identity")


def test_an_identity_that_is_not_ours_is_blind(settings: Settings, plan: Plan) -> None:
    """A client id that was never assigned is a mistake of ours, not an outage."""
    stranger = msgspec.structs.replace(settings, probe_client_id="c0000000-0000-4000-8000-000000000000")
    found = swept(stranger, plan)
    assert set(observations(found, Role.PRIMARY).values()) == {Observation.BLIND}


def test_every_sweep_asks_for_new_tokens(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """A token from before the outage would hide it."""

    async def two_sweeps() -> list[Observation]:
        probes = HttpProbes(settings)
        seen = []
        for kind in ("", "5xx"):
            if kind:
                azure.faults.set(None, "identity", kind)
            signals = await probes.sweep(plan, NOW)
            seen += [s.observation for s in signals if (s.role, s.surface) == (Role.PRIMARY, Surface.IDENTITY)]
        await probes.aclose()
        await asyncio.sleep(0.05)
        return seen

    assert asyncio.run(two_sweeps()) == [Observation.OK, Observation.BAD]


@pytest.mark.longest_wait(3)
@pytest.mark.parametrize("kind", ["refuse", "black-hole", "hang"])
def test_a_whole_region_down_takes_one_timeout(settings: Settings, azure: LocalAzure, plan: Plan, kind: str) -> None:
    """Everything is asked at once: seven surfaces that hang cost as much as one."""
    azure.region_down(plan.primary.region, kind)
    found = in_time(lambda: swept(settings, plan), 2 * 3)
    azure.region_up(plan.primary.region)
    assert {found[Role.PRIMARY, s].observation for s in REGIONAL} == {Observation.BAD}
    assert set(observations(found, Role.SECONDARY).values()) == {Observation.OK}


@pytest.mark.parametrize(("surface", "place"), [(Surface.OBSERVER, None), (Surface.ELSEWHERE, "third")])
def test_references_that_fail_are_told_as_the_worlds(
    settings: Settings, azure: LocalAzure, plan: Plan, surface: Surface, place: str | None
) -> None:
    """They belong to no side: our own network, and regions that belong to nobody here."""
    azure.faults.set(azure.estate.third if place else None, surface.value, "refuse")
    found = swept(settings, plan)
    assert found[None, surface].observation is Observation.BAD
    assert "none of 1 answered" in found[None, surface].why


def test_one_reference_that_answers_is_enough(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """A stranger's 401 or 404 is an answer, too."""
    urls = (f"{azure.urls['observer']}/", f"{azure.urls['resource-manager']}/subscriptions")
    azure.faults.set(None, "observer", "refuse")
    found = swept(settings, msgspec.structs.replace(plan, references=References(observer=urls)))
    assert found[None, Surface.OBSERVER].observation is Observation.OK
    assert (None, Surface.ELSEWHERE) not in found


def test_surfaces_that_the_plan_does_not_name_are_not_asked(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """No storage in the plan, no signal about storage."""
    bare = msgspec.structs.replace(plan.primary, storage=None, keyvault=None, acr=None, inference=None)
    since = datetime.now(UTC)
    found = swept(settings, msgspec.structs.replace(plan, primary=bare))
    assert list(observations(found, Role.PRIMARY)) == [
        Surface.HUB,
        Surface.JOBS,
        Surface.CONTROL,
        Surface.IDENTITY,
    ]
    later = since + timedelta(minutes=1)
    assert azure.log.between(since, later, region=plan.primary.region, surface="storage") == []


@pytest.mark.parametrize("url", ["https://", "https://nowhere.invalid", "https://exa mple"])
def test_addresses_that_lead_nowhere_raise_nothing(settings: Settings, plan: Plan, url: str) -> None:
    """Whatever stands in a plan, a sweep ends with signals."""
    odd = msgspec.structs.replace(plan, primary=msgspec.structs.replace(plan.primary, keyvault=url))
    found = swept(settings, odd)
    assert found[Role.PRIMARY, Surface.KEYVAULT].observation is not Observation.OK


def test_a_certificate_that_is_not_trusted_is_blind(
    settings: Settings, plan: Plan, serve: object, answers: object
) -> None:
    """A missing authority is our set-up, not an outage."""
    server = serve(answers("200 OK"))  # type: ignore[operator]
    odd = msgspec.structs.replace(plan, primary=msgspec.structs.replace(plan.primary, keyvault=server.url))
    found = swept(settings, odd)
    assert found[Role.PRIMARY, Surface.KEYVAULT].observation is Observation.BLIND


def test_one_set_of_probes_serves_several_event_loops(settings: Settings, plan: Plan) -> None:
    """A host may run activities in loops of their own."""
    probes = HttpProbes(settings)

    async def run() -> int:
        found = await probes.sweep(plan, NOW)
        await probes.aclose()
        return len(found)

    assert asyncio.run(run()) == asyncio.run(run())


def test_durations_read_well() -> None:
    """Sentences for people carry no noise."""
    assert [seconds(timedelta(seconds=s)) for s in (4, 0.02, 1.5)] == ["4 s", "0.02 s", "1.5 s"]


def test_the_pairs_of_one_tick_share_the_tokens_of_that_tick(settings: Settings, azure: LocalAzure) -> None:
    """Three sweeps at once ask once for each audience; the next tick asks again, for tokens must be had *now*."""
    plan = plan_of(azure)

    async def tick(probes: HttpProbes) -> None:
        one = probes.for_one_tick()
        await asyncio.gather(*(one.sweep(plan, NOW) for _ in range(3)))

    async def run() -> list[int]:
        probes = HttpProbes(settings)
        asked = []
        for _ in range(2):
            before = len(azure.log)
            await tick(probes)
            asked.append(sum(entry.surface == "identity" for entry in azure.log.entries()[before:]))
        await probes.aclose()
        return asked

    assert asyncio.run(run()) == [len(Audience), len(Audience)]


def test_a_sweep_that_is_given_up_takes_no_token_from_the_others(settings: Settings, azure: LocalAzure) -> None:
    """The first sweep of a tick has asked for the tokens; it is cancelled while they are on their way."""
    azure.faults.latency(0.3, "identity")
    plan = plan_of(azure)

    async def run() -> Found:
        probes = HttpProbes(settings)
        one = probes.for_one_tick()
        first = asyncio.create_task(one.sweep(plan, NOW))
        await asyncio.sleep(0.05)
        first.cancel()
        signals = await one.sweep(plan, NOW)
        await probes.aclose()
        return {(signal.role, signal.surface): signal for signal in signals if signal.surface}

    assert set(observations(asyncio.run(run()), Role.PRIMARY).values()) == {Observation.OK}


def test_a_sweep_may_go_without_a_surface(settings: Settings, azure: LocalAzure) -> None:
    """Resource Manager is not asked, and nothing is said of it."""

    async def run() -> list[Signal]:
        probes = HttpProbes(settings)
        signals = await probes.sweep(plan_of(azure), NOW, without={Surface.CONTROL})
        await probes.aclose()
        return list(signals)

    before = len(azure.log)
    found = asyncio.run(run())
    assert Surface.CONTROL not in {signal.surface for signal in found}
    assert "control" not in {entry.surface for entry in azure.log.entries()[before:]}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_probe_follows_a_redirect(settings: Settings, serve: Any, answers: Any, status: int) -> None:
    """The host that a redirect names gets neither a request nor our token, and the surface is blind."""
    foreign = serve(answers("200 OK", "{}"))
    away = serve(answers(f"{status} Away", "", f"Location: {foreign.url}/"))
    trusting = msgspec.structs.replace(settings, ca_bundle="")
    for asked in Asked:
        assert read_status("hub", status, timedelta(), asked).observation is Observation.BLIND

    async def ask() -> tuple[int, int]:
        probes = HttpProbes(trusting)
        session = probes._transport().session
        connector = aiohttp.TCPConnector(ssl=False)
        await session.close()
        probes._transport().session = aiohttp.ClientSession(connector=connector)
        verdict = await probes._reach(probes._transport(), away.url)
        await probes.aclose()
        assert verdict.observation is Observation.BLIND
        return away.connections, foreign.connections

    assert asyncio.run(ask()) == (1, 0)
