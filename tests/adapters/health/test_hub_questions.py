"""A hub is asked what it knows: in an order of preference, remembered, and told."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.health.hub_questions import (
    HUB_QUESTIONS,
    NO_RUN,
    HubQuestion,
    is_answer,
    is_known,
    says_that_no_run_is_there,
)
from orchestrator.adapters.health.probes import HttpProbes
from orchestrator.core.base.text import remark_of
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal
from orchestrator.local.simulated_plan import plan_of
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIRE = Path(__file__).parents[4] / "shared" / "corpus" / "wire"
PREFERRED, SECOND = (
    {surface: [q for q in HUB_QUESTIONS if q.surface is surface][n] for surface in (Surface.HUB, Surface.JOBS)}
    for n in (0, 1)
)
TAILS = {
    "POST experiments:query": "experiments:query$",
    "POST index entities": "entities$",
    "POST rundata": "rundata$",
    "POST runs:query": "/runs:query$",
}
OURS = [Surface.HUB, Surface.JOBS]

type Found = dict[Surface, Signal]


def sweep(settings: Settings, plan: Plan, times: int = 1, between: Any = lambda _: None) -> list[Found]:
    """What the primary's surfaces say in sweeps of one process; ``between`` is called before each."""

    async def run() -> list[Found]:
        probes, found = HttpProbes(settings), []
        try:
            for number in range(times):
                between(number)
                signals = await probes.sweep(plan, NOW)
                found.append({s.surface: s for s in signals if s.role is Role.PRIMARY and s.surface})
        finally:
            await probes.aclose()
            await asyncio.sleep(0.05)
        return found

    return asyncio.run(run())


@pytest.fixture
def plan(azure: LocalAzure) -> Plan:
    return plan_of(azure)


def forget(azure: LocalAzure, surface: Surface, *questions: HubQuestion, status: int = 404) -> None:
    """Let the primary not know these questions any more, or none at all."""
    path = "|".join(TAILS[question.name] for question in questions) or None
    azure.faults.set(azure.estate.regions[0], surface.value, "unknown", status=status, path=path)


def asked(azure: LocalAzure, surface: Surface, since: int) -> list[str]:
    region = azure.estate.regions[0]
    entries = azure.log.entries()[since:]
    return [each.path.rpartition("/")[2] for each in entries if (each.region, each.surface) == (region, surface)]


def test_a_hub_that_knows_the_preferred_questions_is_asked_nothing_else(
    settings: Settings, azure: LocalAzure, plan: Plan
) -> None:
    """One request per surface, and the answer says to which question."""
    before = len(azure.log)
    (found,) = sweep(settings, plan)
    for surface in OURS:
        assert len(asked(azure, surface, before)) == 1
        assert found[surface].observation is Observation.OK
        assert remark_of(found[surface].why) == f"; asked: {PREFERRED[surface].name}"


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("surface", OURS)
def test_the_next_question_is_asked_of_a_hub_that_does_not_know_the_first(
    settings: Settings, azure: LocalAzure, plan: Plan, surface: Surface, status: int
) -> None:
    """The hub is well, the sentence says by which question, and the next sweep begins with that one."""
    forget(azure, surface, PREFERRED[surface], status=status)
    sizes = [len(azure.log)]
    found = sweep(settings, plan, 2, lambda _: sizes.append(len(azure.log)))
    first, second = found[0][surface], found[1][surface]
    assert (first.observation, second.observation) == (Observation.OK, Observation.OK)
    assert remark_of(first.why) == f"; asked: {SECOND[surface].name}, not known: {PREFERRED[surface].name} ({status})"
    assert remark_of(second.why) == f"; asked: {SECOND[surface].name}"
    assert len(asked(azure, surface, sizes[2])) == 1


@pytest.mark.parametrize("surface", OURS)
def test_a_hub_that_knows_no_question_is_blind(
    settings: Settings, azure: LocalAzure, plan: Plan, surface: Surface
) -> None:
    """Never bad, and every question is named with what came back."""
    for status in (404, 405, 501):
        forget(azure, surface, status=status)
        (found,) = sweep(settings, plan)
        assert found[surface].observation is Observation.BLIND
        for question in (PREFERRED[surface], SECOND[surface]):
            assert f"{question.name} ({status})" in found[surface].why


@pytest.mark.parametrize("surface", OURS)
def test_what_only_the_second_question_reaches_can_become_bad(
    settings: Settings, azure: LocalAzure, plan: Plan, surface: Surface
) -> None:
    """A hub that knows one question is a hub that can fail, also before it has ever answered well."""
    region = azure.estate.regions[0]
    path = TAILS[SECOND[surface].name]

    def next_state(number: int) -> None:
        if number == 0:
            forget(azure, surface, PREFERRED[surface])
        else:
            azure.faults.set(region, surface.value, "5xx", status=503, path=path)

    (_, found) = sweep(settings, plan, 2, next_state)
    assert (found[surface].observation, "answered 503" in found[surface].why) == (Observation.BAD, True)


@pytest.mark.parametrize("surface", OURS)
def test_a_question_that_fails_is_not_put_in_other_words(
    settings: Settings, azure: LocalAzure, plan: Plan, surface: Surface
) -> None:
    """Only what is not known leads to the next question: another one that works would hide the outage."""
    azure.faults.set(azure.estate.regions[0], surface.value, "5xx", status=500, path=TAILS[PREFERRED[surface].name])
    before = len(azure.log)
    (found,) = sweep(settings, plan)
    assert found[surface].observation is Observation.BAD
    assert len(asked(azure, surface, before)) == 1


def test_a_gateway_that_does_not_know_the_service_is_blind_and_told(
    settings: Settings, azure: LocalAzure, plan: Plan
) -> None:
    """530 is no answer of the hub, and no reason to ask it something else."""
    forget(azure, Surface.HUB, PREFERRED[Surface.HUB], status=530)
    (found,) = sweep(settings, plan)
    assert found[Surface.HUB].observation is Observation.BLIND
    assert "unknown to the regional gateway (530)" in found[Surface.HUB].why


def test_a_question_that_is_forgotten_later_is_replaced_then(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """An update of the service takes it away; the other one is used, and used on when the first is back."""

    def next_state(number: int) -> None:
        if number == 1:
            forget(azure, Surface.HUB, PREFERRED[Surface.HUB])
        if number == 2:
            azure.faults.clear()

    found = sweep(settings, plan, 3, next_state)
    names = [remark_of(each[Surface.HUB].why).removeprefix("; asked: ").partition(",")[0] for each in found]
    assert names == [PREFERRED[Surface.HUB].name, SECOND[Surface.HUB].name, SECOND[Surface.HUB].name]


def missing(**changes: Any) -> bytes:
    """A 404 of run history for the run that we ask for."""
    error = {
        "code": "UserError",
        "message": f"Run runId={NO_RUN} was not found",
        "messageParameters": {"runId": f"runId={NO_RUN}"},
        "innerError": {"code": "NotFoundError", "innerError": None},
    }
    return json.dumps({"error": error | changes}).encode()


RUNDATA = PREFERRED[Surface.JOBS]
NOT_OURS = [
    b"",
    b"<html>404</html>",
    b"null",
    b"[]",
    b"{}",
    b'{"error": null}',
    b'{"error": "NotFoundError"}',
    missing(innerError=None),
    missing(innerError={"code": "WorkspaceNotFound"}),
    missing(message="The workspace was not found", messageParameters={}),
    b"[" * 50_000,
    b"\xff\xfe",
]


def test_a_run_that_is_not_there_is_a_good_answer_in_the_words_of_run_history() -> None:
    """However deep the code lies."""
    for body in (missing(), missing(innerError={"code": "x", "innerError": {"code": "NotFoundError"}})):
        assert says_that_no_run_is_there(RUNDATA, 404, body)
        assert is_known(RUNDATA, 404, body)


@pytest.mark.parametrize("body", NOT_OURS)
def test_any_other_404_says_that_the_question_is_not_known(body: bytes) -> None:
    """A gateway's page, another resource that is missing, nonsense."""
    assert not is_known(RUNDATA, 404, body)
    assert not is_known(PREFERRED[Surface.HUB], 404, missing())
    assert not says_that_no_run_is_there(RUNDATA, 400, missing())


@pytest.mark.parametrize("question", HUB_QUESTIONS, ids=lambda question: question.name)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"value": null, "runMetadata": []}', b"{" * 20_000])
def test_a_page_of_somebody_else_is_no_answer(question: HubQuestion, body: bytes) -> None:
    """A proxy that answers 200 to everything is not the hub."""
    assert not is_answer(question, body)


def test_a_200_of_somebody_else_is_blind(settings: Settings, plan: Plan, serve: Any, answers: Any) -> None:
    """Neither well nor bad."""
    import aiohttp
    import msgspec

    server = serve(answers("200 OK", "<html>log in</html>"))
    odd = msgspec.structs.replace(plan, primary=msgspec.structs.replace(plan.primary, api=server.url))

    async def run() -> list[Signal]:
        probes = HttpProbes(msgspec.structs.replace(settings, ca_bundle=""))
        transport = probes._transport()
        await transport.session.close()
        transport.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))
        signals = await probes.sweep(odd, NOW)
        await probes.aclose()
        return [s for s in signals if s.role is Role.PRIMARY and s.surface in OURS]

    for signal in asyncio.run(run()):
        assert signal.observation is Observation.BLIND, signal.why
        assert "something that is no answer" in signal.why


@pytest.mark.parametrize("name", ["rundata", "rundata-missing", "index-entities"])
def test_recorded_answers_are_good_answers(name: str) -> None:
    """What the real service said to Microsoft's own clients."""
    path = WIRE / f"history--{name}.json"
    if not path.exists():
        pytest.skip("the recordings are not here")
    pair = json.loads(path.read_text())
    (question,) = (q for q in HUB_QUESTIONS if pair["request"]["url"].endswith(q.path.rpartition("/")[2]))
    run = pair["request"]["body"].get("runId", "")
    body = json.dumps(pair["response"]["body"]).replace(run or "\0", NO_RUN).encode()
    status = pair["response"]["status"]
    assert is_known(question, status, body)
    assert says_that_no_run_is_there(question, status, body) if status == 404 else is_answer(question, body)
    assert set(question.body) <= set(pair["request"]["body"])


def test_specified_questions_are_in_the_specification() -> None:
    """Path, method, and the names of what is sent."""
    path = WIRE / "specs" / "machinelearningservices-runHistory.openapi.json"
    if not path.exists():
        pytest.skip("the specification is not here")
    specified = json.loads(path.read_text())
    operations = {each["post"]["operationId"]: at for at, each in specified["paths"].items() if "post" in each}
    fields = set(specified["components"]["schemas"]["QueryParams"]["properties"])
    ours = [q for q in HUB_QUESTIONS if q.source.startswith("specification")]
    assert len(ours) == 2
    for question in ours:
        at = operations[question.source.rpartition(": ")[2]]
        assert at.endswith(question.path.rpartition("/")[2])
        assert set(question.body) <= fields
