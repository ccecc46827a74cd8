"""How an examination is made: nothing changes, one at a time, bounded, also without the engine; and the command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from live import Caller, live, until

from orchestrator.bootstrap import Deployment
from orchestrator.cli.main import status_of
from orchestrator.doctor import examine
from orchestrator.doctor.findings import DoctorReport
from orchestrator.local.functions import client_configuration
from orchestrator.local.session import Local, variables
from orchestrator.triggers.engine import DurableEngine
from orchestrator.triggers.http_doctor import Doctor

PERMISSIONS = "/providers/Microsoft.Authorization/permissions"
FINE = "demo will fail over by itself, because "
CLOSED = "127.0.0.1:9"
"""Where nothing listens."""


@pytest.fixture(scope="module")
def untouched() -> Iterator[Local]:
    """A session in which nothing but the doctor does anything."""
    with live(timers=False) as local:
        yield local


@asynccontextmanager
async def doctor_of(local: Local, engine: str = "", **more: str) -> AsyncIterator[tuple[Doctor, DurableEngine]]:
    """A doctor in this process, with its own deployment, beside a session's Azure and engine."""
    places = {**local.azure.environment(), "HUBSWITCH_PLANS": str(local.plan_file), **more}
    with variables(places):
        deployment = Deployment(places, local.plan_file.parent)
        client = df.DurableFunctionsClient(client_configuration(engine or local.engine.address, local.host.url))
        try:
            yield Doctor(deployment), DurableEngine(client)
        finally:
            await deployment.aclose()
            await client.close()


def test_nothing_is_changed(untouched: Local) -> None:
    """A deployment that was never used has no record, no pointer and no blob afterwards either."""
    azure, since = untouched.azure, datetime.now(UTC)
    with Caller(untouched) as caller:
        told = caller.get("doctor").json()
    found = {each["check"]: each for each in told["checks"]}
    assert (found["ledger.read"]["ok"], found["ledger.write"]["ok"], found["pointer.write"]["ok"]) == (None, True, True)
    assert told["pairs"][0]["why"].endswith("it has not been looked at yet.")
    assert azure.call(lambda: [name for held in azure.ledger.containers() for name in azure.ledger.names(held)]) == []
    written = [
        (entry.service.partition(".")[0], entry.status)
        for entry in azure.log.between(since, datetime.now(UTC))
        if entry.method in {"PUT", "PATCH", "DELETE"}
    ]
    assert sorted(written) == [("appconfig", 412), ("ledger", 404), ("ledger", 412)]


def test_who_asks_meanwhile_gets_the_same_answer(untouched: Local) -> None:
    """One examination for all of them: Azure is asked once."""

    async def ask() -> list[DoctorReport]:
        async with doctor_of(untouched) as (doctor, engine):
            return list(await asyncio.gather(*(doctor.report(None, engine) for _ in range(5))))

    since = datetime.now(UTC)
    reports = asyncio.run(ask())
    asked = [e for e in untouched.azure.log.between(since, datetime.now(UTC)) if e.path.endswith(PERMISSIONS)]
    assert all(report is reports[0] for report in reports)
    assert len(asked) == 4  # two questions about each of two projects


def test_what_does_not_answer_in_time_is_not_known(untouched: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    """And holds up nothing else: all of it is over by the deadline."""

    async def ask() -> DoctorReport:
        async with doctor_of(untouched) as (doctor, engine):
            return await doctor.report("demo", engine)

    untouched.azure.faults.set(None, "appconfig", "hang")
    try:
        for seconds in (5, 20, 80):  # longer where a machine is too slow for everything else
            monkeypatch.setattr(examine, "DEADLINE", timedelta(seconds=seconds))
            found = {each.check: each for each in asyncio.run(ask()).checks}
            assert (found["pointer.write"].ok, found["pointer.write"].what) == (None, f"no answer within {seconds} s")
            if found["ledger.write"].ok is not None:
                break
    finally:
        untouched.azure.faults.clear()
    assert found["ledger.write"].ok is True


def test_a_pair_that_there_is_no_time_for_is_told(untouched: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is to take silence for health; and who asks for it alone has it first."""

    async def ask() -> DoctorReport:
        async with doctor_of(untouched) as (doctor, engine):
            return await doctor.report(None, engine)

    monkeypatch.setattr(examine, "BEGIN_WITHIN", timedelta(seconds=-1))
    report = asyncio.run(ask())
    assert [(each.check, each.ok, each.fix) for each in report.checks if each.pair] == [
        ("examined", None, "hubswitch doctor demo")
    ]
    assert report.pairs[0].fails_over is None


@pytest.mark.parametrize("identity", ["executor", "probe"])
def test_an_identity_that_is_not_assigned_to_the_app_is_named(untouched: Local, identity: str) -> None:
    """Alone, although most of the rest cannot be asked without it; the setting that names it is told."""
    setting = f"HUBSWITCH_{identity.upper()}_CLIENT_ID"

    async def ask() -> DoctorReport:
        async with doctor_of(untouched, **{setting: "00000000-0000-4000-8000-000000000000"}) as (doctor, engine):
            return await doctor.report("demo", engine)

    failing = [each for each in asyncio.run(ask()).checks if each.ok is False]
    assert [each.check for each in failing] == [f"token.{identity}"]
    assert f"{setting} is '00000000-" in (failing[0].fix or "")


def test_an_engine_that_is_away_is_named(untouched: Local) -> None:
    """Everything else is asked all the same, and the pair is said not to fail over."""

    async def ask() -> DoctorReport:
        async with doctor_of(untouched, CLOSED) as (doctor, engine):
            return await doctor.report(None, engine)

    report = asyncio.run(ask())
    assert {each.check for each in report.checks if each.ok is False} == {"engine"}
    assert (report.ok, report.pairs[0].fails_over) == (False, False)
    assert "because engine: the durable engine does not answer" in report.pairs[0].why


def event_of(local: Local) -> dict[str, Any]:
    kind, hub = "Microsoft.MachineLearningServices.RunStatusChanged", local.plan.primary
    data = {"experimentName": "train", "runId": "some-job", "runType": "azureml.commandjob", "runStatus": "Running"}
    more = {"subject": "experiments/train/runs/some-job", "time": "2026-11-23T09:30:00Z", "data": data}
    return {"specversion": "1.0", "id": "a1", "type": kind, "source": hub.project_id, **more}


def test_an_event_that_arrived_is_told(caller: Caller) -> None:
    """Of the project that it came from, and of no other."""
    assert caller.post("events", event_of(caller.local)).status_code == 200
    found = {each["check"]: each["ok"] for each in caller.get("doctor").json()["checks"]}
    assert (found["events.primary"], found["events.secondary"]) == (True, None)


def test_notices_that_were_sent_are_found_at_the_engine(caller: Caller) -> None:
    """The engine lists the runs that told them; what came of the last one counts."""

    async def ask(prefix: str) -> list[str]:
        client = df.DurableFunctionsClient(client_configuration(caller.local.engine.address, caller.local.host.url))
        try:
            engine = DurableEngine(client)
            since = datetime.now(UTC) - timedelta(days=1)
            return [each.status for each in await engine.started_since(prefix, since)]
        finally:
            await client.close()

    run = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice"}))
    assert asyncio.run(ask(run["id"][:20])) == ["completed"]
    assert asyncio.run(ask("drill-of-nobody")) == []


def test_an_unknown_pair_is_404(caller: Caller) -> None:
    """As everywhere else."""
    assert caller.get("doctor?pair=nope").status_code == 404


def test_the_command_is_0_when_nothing_fails_and_1_when_something_does(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each check, what mends it below it, one sentence for each pair."""
    at = ["--url", caller.local.host.url, "--key", caller.local.key]

    def is_well() -> bool:
        """The first looks of a busy machine may not know yet that the standby is well."""
        status, said = status_of(["doctor", *at]), capsys.readouterr().out
        last = said.rstrip().splitlines()[-1]
        return (status, "\nok   demo ledger.write: " in said) == (0, True) and last.startswith(FINE)

    until(is_well, "a pair that is well", pause=0.5)
    caller.local.azure.faults.set("westus3", "keyvault", "403")
    try:
        assert status_of(["doctor", "demo", *at]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert status_of(["doctor", "--json", *at]) == 1
        told = json.loads(capsys.readouterr().out)
    finally:
        caller.local.azure.faults.clear()
    at_fault = next(n for n, line in enumerate(lines) if line.startswith("FAIL demo surface.secondary.keyvault: "))
    assert lines[at_fault + 1].startswith("       mend: az role assignment create ")
    assert (told["ok"], set(told)) == (False, {"as_of", "ok", "checks", "pairs"})
    assert {tuple(each) for each in told["checks"]} == {("check", "pair", "ok", "what", "fix")}
    assert status_of(["doctor", "nope", *at]) == 1
