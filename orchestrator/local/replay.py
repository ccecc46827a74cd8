"""Playing a scenario through the real decision core on a virtual clock: hours in milliseconds.

The world changes, bodies are delivered, people act and sweeps are made in that order at equal times. A run that
the core orders is done at once: this is about decisions, not about carrying them out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.decision import decide
from orchestrator.core.decision.commands import ANSWERS, Command
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.proposals import open_proposal
from orchestrator.core.decision.state import initial
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import SCHEMA, Hub, LedgerAccount, Plan, Pointer
from orchestrator.core.signals.facts import Details, Fact
from orchestrator.core.signals.ownership import attribute
from orchestrator.core.signals.parse import facts_from_text
from orchestrator.core.signals.signal import Signal, probe_signal
from orchestrator.local.scenario import Action, Condition, Delivery, Scenario, ScenarioOutcome, policy_of
from orchestrator.local.virtual_pair import Course, Move, Note, PhaseChange, ToldNotice

SUBSCRIPTION = "scenario"
SIDE_SURFACES = tuple(s for s in Surface if s not in {Surface.OBSERVER, Surface.ELSEWHERE})
ASKED: tuple[tuple[str, Role | None, Surface], ...] = (
    *((f"{role}.{surface}", role, surface) for role in Role for surface in SIDE_SURFACES),
    (Surface.OBSERVER.value, None, Surface.OBSERVER),
    (Surface.ELSEWHERE.value, None, Surface.ELSEWHERE),
)
WHY = {
    Observation.OK: "answered",
    Observation.BAD: "failed",
    Observation.BLIND: "could not be asked",
}
SEEN = {
    Condition.OK: Observation.OK,
    Condition.BAD: Observation.BAD,
    Condition.BLIND: Observation.BLIND,
}


class Replayed(NamedTuple):
    """What became of a scenario."""

    scenario: str
    failovers: list[Move]
    failbacks: list[Move]
    held: list[Note]
    phases: list[PhaseChange]
    told: list[ToldNotice]
    missed: list[str]

    @property
    def outcome(self) -> ScenarioOutcome:
        return ScenarioOutcome.FAILOVER if self.failovers else ScenarioOutcome.HOLD

    @property
    def ok(self) -> bool:
        return not self.missed

    def as_plain(self) -> dict[str, Any]:
        """The object that is printed."""
        return {
            "scenario": self.scenario,
            "outcome": self.outcome.value,
            "failovers": [_move(m) for m in self.failovers],
            "failbacks": [_move(m) for m in self.failbacks],
            "held": [{"at": stamp(n.at), "why": n.why} for n in self.held],
            "phases": [{"at": stamp(p.at), "phase": p.phase.value, "why": p.why} for p in self.phases],
            "told": [{"at": stamp(t.at), "name": t.name.value, "why": t.why} for t in self.told],
            "ok": self.ok,
            "missed": self.missed,
        }


def replay(scenario: Scenario, plan: Plan | None = None) -> Replayed:
    """Play one scenario. A plan's policy, if given, takes the place of the default one."""
    policy = policy_of(scenario, scenario.name, plan.policy if plan else None)
    stage = _Stage(scenario, policy)
    for at, act in _script(scenario):
        stage.sweep_until(at)
        stage.play(at, act)
    stage.sweep_until(scenario.end, including=True)
    result = Replayed(scenario.name, stage.failovers, stage.failbacks, stage.held, stage.phases, stage.told, [])
    return result._replace(missed=list(_find_missed_expectations(scenario, result)))


def plan_for(scenario: Scenario, policy: Policy) -> Plan:
    """The plan of a scenario's pair: every resource goes by a name made from its region."""
    return Plan(
        schema=SCHEMA,
        pair="scenario",
        primary=_hub(scenario.primary.region),
        secondary=_hub(scenario.secondary.region),
        pointer=Pointer(endpoint="https://scenario.azconfig.io"),
        ledger=LedgerAccount(account="https://scenario.blob.core.windows.net"),
        policy=policy,
    )


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _hub(region: str) -> Hub:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-hub-{region}/providers"
    return Hub(
        region=region,
        subscription=SUBSCRIPTION,
        resource_group=f"rg-hub-{region}",
        hub=f"hub-{region}",
        project=f"hub-{region}",
        api=f"https://{region}.api.azureml.ms",
        storage=f"https://sthub{region}.blob.core.windows.net",
        keyvault=f"https://kv-{region}.vault.azure.net",
        acr=f"https://crhub{region}.azurecr.io",
        resources=(f"{group}/Microsoft.OperationalInsights/workspaces/log-hub-{region}",),
    )


def _script(scenario: Scenario) -> Iterator[tuple[datetime, Any]]:
    """All that happens, in order; at equal times the world first, then deliveries, then people."""
    acts: list[tuple[datetime, int, Any]] = [
        *((turn.at, 0, turn.set) for turn in scenario.world),
        *((event.at, 1, event) for event in scenario.events),
        *((action.at, 2, action) for action in scenario.operator),
    ]
    for at, _, act in sorted(acts, key=lambda item: item[:2]):
        if at <= scenario.end:
            yield at, act


class _Stage(Course):
    """The virtual clock, the world, and the pair's state while a scenario is played."""

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self.plan = plan_for(scenario, policy)
        super().__init__(initial("scenario", scenario.start), policy)
        self.due = scenario.start
        self.world: dict[str, Condition] = {}
        self.asked: dict[str, int] = {}

    def sweep_until(self, at: datetime, *, including: bool = False) -> None:
        while self.due < at or (including and self.due == at):
            now = self.due
            self.take(
                decide.step(self.state, Observed(now=now, signals=tuple(self._sweep(now))), now, self.policy), now
            )
            self.due = now + decide.cadence(self.state, self.policy)

    def play(self, at: datetime, act: Any) -> None:
        if isinstance(act, Delivery):
            self.take(decide.step(self.state, Observed(now=at, signals=tuple(self._deliver(act))), at, self.policy), at)
        elif isinstance(act, Action):
            self._order(act, at)
        else:
            self.world |= act
            self.asked = {key: n for key, n in self.asked.items() if key not in act}

    def _order(self, action: Action, at: datetime) -> None:
        command = Command(
            do=action.do,
            by="operator",
            reason=action.reason,
            force=action.force,
            proposal=open_proposal(self.state) if action.do in ANSWERS else None,
        )
        if self.command(command, at):
            self.take(decide.step(self.state, Observed(now=at), at, self.policy), at)

    def _sweep(self, now: datetime) -> list[Signal]:
        found = {key: self._probe(key) for key in self.world}
        return [
            probe_signal(role, surface, seen, now, WHY[seen])
            for key, role, surface in ASKED
            for seen in (found.get(key, Observation.OK),)
        ]

    def _probe(self, key: str) -> Observation:
        condition = self.world[key]
        if condition is not Condition.FLAKY:
            return SEEN[condition]
        self.asked[key] = self.asked.get(key, 0) + 1
        return Observation.BAD if self.asked[key] % 2 else Observation.OK

    def _deliver(self, event: Delivery) -> list[Signal]:
        facts = facts_from_text(json.dumps(event.body, default=_text_of))
        return [signal for fact in facts for signal in attribute(_here(fact), self.plan, event.at)]


def _here(fact: Fact) -> Fact:
    """In scenarios resources go by name: the subscription in an id is of no account."""
    targets = tuple(_in_scenario(target) for target in fact.details.targets)
    details = Details(
        **{name: getattr(fact.details, name) for name in Details.__struct_fields__} | {"targets": targets}
    )
    return Fact(fact.parsed, details)


def _in_scenario(resource: str) -> str:
    parts = resource.split("/")
    return "/".join([*parts[:2], SUBSCRIPTION, *parts[3:]])


def _text_of(value: Any) -> str:
    return stamp(value) if isinstance(value, datetime) else str(value)


def _move(move: Move) -> dict[str, Any]:
    return {
        "at": stamp(move.at),
        "from": move.source.value,
        "to": move.target.value,
        "epoch": move.epoch,
        "why": move.why,
    }


def _find_missed_expectations(scenario: Scenario, result: Replayed) -> Iterator[str]:
    expect, count = scenario.expect, len(result.failovers)
    if result.outcome is not expect.outcome:
        yield f"outcome is {result.outcome}, expected {expect.outcome}"
    first = result.failovers[0].at if result.failovers else None
    if expect.failover_after and first and first < expect.failover_after:
        yield f"the first failover at {stamp(first)} is before {stamp(expect.failover_after)}"
    if expect.failover_by and (first is None or first > expect.failover_by):
        yield f"the first failover at {stamp(first) if first else 'no time'} is not by {stamp(expect.failover_by)}"
    if expect.max_failovers is not None and count > expect.max_failovers:
        yield f"{count} failovers, expected at most {expect.max_failovers}"
    if expect.min_failovers is not None and count < expect.min_failovers:
        yield f"{count} failovers, expected at least {expect.min_failovers}"
    back = result.failbacks[0].at if result.failbacks else None
    if expect.no_failback_before and back and back < expect.no_failback_before:
        yield f"the failback at {stamp(back)} is before {stamp(expect.no_failback_before)}"
    if expect.failback_by and (back is None or back > expect.failback_by):
        yield f"the failback at {stamp(back) if back else 'no time'} is not by {stamp(expect.failback_by)}"
    names = list(dict.fromkeys(each.name.value for each in result.told))
    for name in expect.told:
        if name not in names:
            yield f"{name} was not told; told were {join_words(names) if names else 'no notices'}"
