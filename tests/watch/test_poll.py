"""The timer that polls: pairs that are due, what they are told, and that it stops nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from azure.durable_functions import DurableFunctionsClient
from live import until
from watched_pairs import WatchedPairs, watched_pairs

from orchestrator.adapters.assembly import assemble
from orchestrator.clock import SystemClock
from orchestrator.core.base.vocabulary import EvidenceClass, Role
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.schema import PollSchedule
from orchestrator.ports import EngineError
from orchestrator.simulator.arm.resources import stamp
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import estate_of
from orchestrator.simulator.health import impact_on
from orchestrator.triggers.engine import DurableEngine
from orchestrator.watch import poll, watch
from orchestrator.web.views import explain_view, pair_line
from orchestrator.workflows import calls
from orchestrator.workflows.activities.incident import read_notices

_replace = msgspec.structs.replace
PAIRS = ("demo", "twin")


class Polled(WatchedPairs):
    """After each question the engine is let come to rest."""

    def ask[T](self, question: Callable[[DurableFunctionsClient], Awaitable[T]]) -> T:
        found = super().ask(question)
        until(self.engine.idle, "rest")
        return found

    def look(self) -> int:
        return self.ask(lambda client: watch.watch(self.deployment, DurableEngine(client)))

    def poll(self) -> int:
        """One tick of the timer; how many pairs were polled."""
        return self.ask(lambda client: poll.poll(self.deployment, DurableEngine(client)))

    def state(self, pair: str = "demo") -> PairState:
        found = self.ask(lambda client: calls.pair_state(DurableEngine(client), pair))
        assert found is not None
        return found

    def forget(self) -> None:
        """As a process that has just begun."""
        self.deployment.memory.polled.clear()
        self.deployment.memory.told_of_incidents.clear()

    def poll_again(self) -> int:
        """A tick in which both pairs are due again."""
        often = PollSchedule(interval=timedelta(milliseconds=1), suspect_interval=timedelta(milliseconds=1))
        plans = dict(self.deployment.plans)
        self.deployment.plans = {name: _replace(plan, polls=often) for name, plan in plans.items()}
        return self.poll()

    def kept(self) -> list[tuple[str, str]]:
        """Pair and step of each message about an incident that the ledger keeps."""
        plan = self.deployment.plans["demo"]
        world = assemble(self.deployment.settings, {"demo": plan}, SystemClock())
        return [(pair, each.step.value) for pair in PAIRS for each in read_notices(world.ledgers["demo"], pair)]

    def ledger_writes(self) -> int:
        """Writes of messages and of what is attached to runs."""
        return sum(each.method == "PUT" and "/incident" in each.path for each in self.azure.log)


@pytest.fixture
def polled(tmp_path: Path) -> Iterator[Polled]:
    azure = LocalAzure(seed=5, estate=estate_of(pairs=PAIRS))
    slow = {"probe_interval": timedelta(minutes=10), "evidence_lifetime": timedelta(hours=1)}
    with watched_pairs(Polled, azure, PAIRS, tmp_path, **slow) as polled:
        azure.health.resource_delay = azure.health.notice_delay = 0.0
        yield polled


def test_a_pair_is_polled_when_it_is_due_and_not_before(polled: Polled) -> None:
    """Two ticks in a row: the first polls both pairs, the second none. A new process reads it from the state."""
    polled.look()
    assert [polled.poll(), polled.poll()] == [2, 0]
    polled.forget()
    assert polled.poll() == 0


def test_a_pair_that_was_never_looked_at_is_not_polled(polled: Polled) -> None:
    """The first look makes its state; a poll has nowhere to put what it hears."""
    assert polled.poll() == 0


def test_a_plan_that_wants_no_polls_gets_none(polled: Polled) -> None:
    """Nothing is asked, and nothing is said to be blind."""
    polled.look()
    plans = dict(polled.deployment.plans)
    polled.deployment.plans = plans | {"demo": _replace(plans["demo"], polls=PollSchedule(interval=None))}
    assert polled.poll() == 1
    assert polled.state().polled is None


def test_what_was_polled_is_evidence_of_its_pair(polled: Polled) -> None:
    """One pair's own account is no other pair's, though both lie in one region and one subscription."""
    polled.look()
    site = polled.azure.estate.pair("twin").primary
    polled.azure.call(lambda: polled.azure.health.say(site.storage_id, "Unavailable", reasonType="Unplanned"))
    polled.poll()
    bad = {
        (pair, item.role, item.evidence_class, item.name)
        for pair in ("demo", "twin")
        for item in polled.state(pair).evidence.reported.values()
        if item.bad
    }
    assert bad == {("twin", Role.PRIMARY, EvidenceClass.DEPENDENCY, site.storage)}


def test_what_could_not_be_learnt_is_kept_and_shown_and_changes_nothing(polled: Polled) -> None:
    """A dead management plane: the evidence is what it was, and status and explain say what is not known."""
    polled.look()
    before = polled.state()
    polled.azure.faults.set(None, "control", "5xx")
    polled.azure.faults.set(None, "logs", "429")
    polled.poll()
    after = polled.state()
    assert (after.evidence.reported, after.evidence.incidents) == ({}, {})
    assert (after.phase, after.rule, after.evidence.tracks) == (before.phase, before.rule, before.evidence.tracks)
    assert after.polled is not None
    assert (after.polled.asked, after.polled.blinds, len(after.polled.blind)) == (7, 7, 7)
    plan = polled.deployment.plans["demo"]
    assert pair_line(plan, after, after.last_now)["polled"]["blinds"] == 7
    told = explain_view(plan, after, after.last_now)["text"]
    assert "Not learnt by the poll at " in told
    assert "Service Health: " in told
    assert "answered 429" in told


def test_a_poll_that_learns_everything_again_clears_what_was_not_known(polled: Polled) -> None:
    """Only the last poll is told of."""
    polled.look()
    polled.azure.faults.set(None, "control", "5xx")
    polled.poll()
    polled.azure.faults.clear()
    polled.forget()
    polled.poll_again()
    state = polled.state()
    assert state.polled is not None
    assert not any("Health" in why for why in state.polled.blind)


def test_a_poll_is_no_look(polled: Polled) -> None:
    """Only looks see both sides: a pair that is polled and not looked at must not seem watched, nor out of trouble."""
    polled.azure.faults.set(None, "ledger", "5xx", status=503)
    polled.look()
    before = polled.state()
    assert before.trouble
    polled.poll()
    after = polled.state()
    assert (after.looked_at, after.trouble) == (before.looked_at, before.trouble)


def test_a_pair_whose_state_cannot_be_read_is_left_alone_and_the_other_is_not(polled: Polled) -> None:
    """No question, no write."""
    polled.look()
    polled.store("demo", "{broken")
    assert polled.poll() == 1
    assert polled.engine._entities["@pair@demo"].serialized_state == "{broken"


def test_what_goes_wrong_with_one_pair_is_raised_only_after_the_others_were_polled(polled: Polled) -> None:
    """The host shows the invocation as failed."""
    polled.look()
    plans = dict(polled.deployment.plans)
    broken = _replace(plans["demo"].primary, resources=None)
    polled.deployment.plans = plans | {"demo": _replace(plans["demo"], primary=broken)}
    with pytest.raises(TypeError):
        polled.poll()
    until(polled.engine.idle, "rest")
    assert polled.state("twin").polled is not None


def test_a_state_that_fails_to_be_read_keeps_no_other_pair_from_its_poll(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it fails with."""
    polled.look()
    real = calls.pair_state

    async def read(engine: Any, pair: str) -> PairState | None:
        if pair == "demo":
            raise KeyError(pair)
        return await real(engine, pair)

    monkeypatch.setattr(calls, "pair_state", read)
    with pytest.raises(KeyError):
        polled.poll()
    until(polled.engine.idle, "rest")
    assert polled.state("twin").polled is not None


def test_one_tick_polls_a_bounded_number_of_pairs(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others take their turn at the next one: Resource Manager grants so many reads and no more."""
    polled.look()
    monkeypatch.setattr(poll, "PER_TICK", 1)
    assert [polled.poll(), polled.poll(), polled.poll()] == [1, 1, 0]


def test_what_service_health_lists_of_an_incident_is_kept_once(polled: Polled) -> None:
    """At each pair of the region; the next poll writes nothing, nor does the first one of a new process."""
    polled.look()
    polled.azure.faults.set(polled.azure.estate.regions[0], "storage", "5xx")
    polled.poll()
    assert polled.kept() == [("demo", "active"), ("twin", "active")]
    before = polled.ledger_writes()
    assert polled.poll_again() == 2
    polled.forget()
    assert polled.poll_again() == 2
    assert polled.ledger_writes() == before


def test_the_end_of_an_incident_is_kept_beside_its_beginning(polled: Polled) -> None:
    """As an update of its own."""
    polled.look()
    polled.azure.faults.set(polled.azure.estate.regions[0], "storage", "5xx")
    polled.poll()
    polled.azure.faults.clear()
    polled.poll_again()
    assert sorted(polled.kept()) == [
        ("demo", "active"),
        ("demo", "resolved"),
        ("twin", "active"),
        ("twin", "resolved"),
    ]


def test_an_incident_of_another_region_is_not_kept(polled: Polled) -> None:
    """Nor planned work, nor advice; and a poll that can learn nothing keeps nothing."""
    polled.look()
    said = {"status": "Active", "lastUpdateTime": stamp(polled.azure.kernel.now())}
    here = impact_on(["Storage"], ["East US 2"])
    for name, kind, impact in (
        ("JP-1", "ServiceIssue", impact_on(["Storage"], ["Japan East"])),
        ("PW-1", "PlannedMaintenance", here),
        ("HA-1", "HealthAdvisory", here),
    ):
        polled.azure.call(
            lambda n=name, k=kind, i=impact: polled.azure.health.announce(n, eventType=k, impact=i, **said)
        )
    polled.poll()
    assert polled.kept() == []


def test_messages_that_the_engine_did_not_take_are_handed_over_by_the_next_poll(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll fails, visibly, and what it could not hand over is not forgotten."""
    polled.look()
    polled.azure.faults.set(polled.azure.estate.regions[0], "storage", "5xx")

    async def fail(*_: Any) -> None:
        raise EngineError("no engine")

    with monkeypatch.context() as patch:
        patch.setattr(calls, "keep_notices", fail)
        with pytest.raises(EngineError):
            polled.poll()
    assert polled.kept() == []
    polled.poll_again()
    assert polled.kept() == [("demo", "active"), ("twin", "active")]
