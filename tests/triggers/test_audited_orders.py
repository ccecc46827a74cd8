"""Every order that a person can give over HTTP has an entry in the audit log that says who gave it.

Each route that takes an order is called once, with an engine that remembers what it was asked to do. What goes to a
pair's entity is noted there: for that, the note is made as the entity makes it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import azure.functions as func
import msgspec
import pytest
import requests

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import encode, from_builtins
from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.state import Approval, Decision, Pause, initial
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.evidence.audit_chain import AuditEntry, AuditNote
from orchestrator.core.evidence.audit_notes import notes_of
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.steps import AwaitApproval, AwaitStandby, MoveJobs, WaitForUrl, Workflow
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.ports import OrchestrationState
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import estate_of
from orchestrator.triggers import (
    http_evidence,
    http_groups,
    http_notices,
    http_pairs,
    http_pause,
    http_recover,
    http_runs,
    http_wishes,
    step_answers,
)
from orchestrator.triggers.routes import ANY_DELIVERY, ROUTES
from orchestrator.workflows import names
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.activities.group import keep_group_order
from orchestrator.workflows.group_messages import GroupOrder, pair_order_of
from orchestrator.workflows.messages import AuditOrder, Commanded, Milestones, RunKind, RunSummary

PAIR, RUN, ENDED = "demo", "failover-demo-e3", "failover-demo-e2"
HOME = "home"
"""The group's other pair, on its primary: a failover of the group orders this one, a failback the first."""

GROUP = f"schema: 1\nkind: group\nname: apps\npairs: [{{pair: {PAIR}}}, {{pair: {HOME}}}]\n"
STEPS = Workflow(
    failover=(
        WaitForUrl(name="door", url="https://127.0.0.1:1/"),
        AwaitApproval(name="gate"),
        AwaitApproval(name="second-gate"),
        AwaitStandby(),
        MoveJobs(),
    )
)
NOW = datetime.now(UTC)
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Order(NamedTuple):
    """One order: the handler, what is sent, and how the pair stands."""

    make: Callable[[Deployment], http_pairs.Handler]
    body: Mapping[str, Any] = NOTHING
    run: str = ""
    state: Mapping[str, Any] = NOTHING
    waits: dict[str, Any] | None = None


def _pair(do: Do) -> Callable[[Deployment], http_pairs.Handler]:
    make = step_answers.command if do in {Do.APPROVE, Do.REJECT} else http_pairs.command
    return lambda deployment: make(deployment, do)


ASKED: dict[str, Any] = {
    "phase": Phase.AWAITING_APPROVAL,
    "approval": Approval(asked_at=NOW - timedelta(minutes=1), why="hub and jobs are bad"),
}
PAUSED = {"paused": Pause(since=NOW, by="ben", reason="x")}
SETTLED = {"phase": Phase.SETTLED, "active": Role.SECONDARY, "epoch": 1}
UNDER_WAY = {"phase": Phase.RESUBMITTING, "run": RUN, "epoch": 2}
FORCED = {"force": True}

ORDERS: dict[str, Order] = {
    "finalise_run": Order(http_evidence.finalise_evidence, {"verdict": "success"}, ENDED),
    "skip_step": Order(http_runs.skip, {"step": "door"}, RUN, UNDER_WAY),
    "abort_run": Order(http_wishes.abort, {}, "failover-demo-e4", UNDER_WAY),
    "ungraceful_run": Order(http_wishes.ungraceful, {}, RUN),
    "retry_run": Order(http_wishes.retry, {}, RUN, UNDER_WAY, {"step": "door", "since": "12:00", "why": "it said 503"}),
    "start_drill": Order(http_pairs.drill, {"kind": "tabletop"}),
    "recover_pair": Order(http_recover.recover),
    "send_test_notices": Order(http_notices.send_test_notices),
    "approve_pair": Order(_pair(Do.APPROVE), {}, "", ASKED),
    "reject_pair": Order(_pair(Do.REJECT), {}, "", ASKED),
    "acknowledge_pair": Order(_pair(Do.ACKNOWLEDGE), {}, "", SETTLED),
    "pause_pair": Order(_pair(Do.PAUSE)),
    "resume_pair": Order(_pair(Do.RESUME), {}, "", PAUSED),
    "failover_pair": Order(_pair(Do.FAILOVER), FORCED),
    "failback_pair": Order(_pair(Do.FAILBACK), FORCED, "", SETTLED),
    "pause_everything": Order(lambda deployment: http_pause.everything(deployment, Do.PAUSE)),
    "resume_everything": Order(lambda deployment: http_pause.everything(deployment, Do.RESUME)),
    "failover_group": Order(lambda deployment: http_groups.start(deployment, RunKind.FAILOVER)),
    "failback_group": Order(lambda deployment: http_groups.start(deployment, RunKind.FAILBACK)),
}
"""By name of the route."""

ANSWERS = {
    "approve": Order(_pair(Do.APPROVE), {"proposal": f"{RUN}/gate"}, "", UNDER_WAY),
    "reject": Order(_pair(Do.REJECT), {"proposal": f"{RUN}/second-gate"}, "", UNDER_WAY),
}
"""Answers to a run that waits at a step: the same routes, handled elsewhere."""


class Engine:
    """Remembers what it was asked to do, and does nothing."""

    def __init__(self, deployment: Deployment, order: Order) -> None:
        self.world = deployment.world
        self.state_of_pair = msgspec.structs.replace(initial(PAIR, NOW), **order.state)
        self.order = order
        self.notes: list[AuditNote] = []

    async def entity_state(self, entity: str, key: str) -> str | None:
        return encode(self.state_of_pair).decode() if (entity, key) == (names.PAIR_ENTITY, PAIR) else None

    async def signal(self, entity: str, key: str, operation: str, given: Any) -> None:
        if (entity, key, operation) == (names.PAIR_ENTITY, PAIR, names.COMMAND):
            said = from_builtins(given, Commanded, "test")
            self._note(said.command)

    def _note(self, command: Command) -> None:
        """What the pair's entity would write down of a command."""
        decision = Decision(state=self.state_of_pair, rule="x", why="x")
        self.notes += notes_of(self.state_of_pair, decision, NOW, command)

    async def start(self, orchestration: str, given: Any, instance: str | None = None) -> str:
        if orchestration == names.AUDIT_RUN:
            self.notes += from_builtins(given, AuditOrder, "test").notes
        if orchestration == names.GROUP_RUN:
            group = from_builtins(given, GroupOrder, "test")
            kept = [keep_group_order(self.world, pair_order_of(group, member)) for member in group.pairs]
            for order in kept:
                if order is not None:
                    self._note(order.command)
        return instance or "made-up"

    async def status(self, instance: str) -> str | None:
        return "running" if instance == self.order.run else None

    async def state(self, instance: str) -> OrchestrationState | None:
        at = NOW - timedelta(minutes=9)
        if instance == ENDED:
            return None
        return OrchestrationState(instance, names.SWITCH_RUN, "running", self.order.waits, None, at, at)

    async def started_since(self, prefix: str, since: datetime) -> list[OrchestrationState]:
        del prefix, since
        return []

    async def raise_event(self, instance: str, event: str, given: Any) -> None:
        """Nobody waits."""

    async def purge(self, instance: str) -> None:
        """There is nothing to forget."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A pair with a run under way that can turn ungraceful, a run that has ended, and a vault that was deleted."""
    folder = tmp_path_factory.mktemp("plans")
    with LocalAzure(seed=5, estate=estate_of(pairs=(PAIR, HOME))) as azure, variables(azure.environment()):
        plan = msgspec.structs.replace(plan_of(azure, PAIR), steps=STEPS)
        (folder / "demo.yaml").write_text(yaml_of(plan), encoding="utf-8")
        (folder / "home.yaml").write_text(yaml_of(plan_of(azure, HOME)), encoding="utf-8")
        (folder / "apps.yaml").write_text(GROUP, encoding="utf-8")
        made = Deployment({**os.environ, "HUBSWITCH_PLANS": str(folder)}, folder)
        record = EpochRecord(epoch=3, active=Role.SECONDARY, run=RUN, since=NOW, why="x", graceful=True)
        made.world.epochs[PAIR].create(PAIR, record)
        at_home = EpochRecord(epoch=0, active=Role.PRIMARY, run=None, since=NOW, why="x")
        made.world.epochs[HOME].create(HOME, at_home)
        summary = RunSummary(
            pair=PAIR,
            run=ENDED,
            kind=RunKind.FAILOVER,
            epoch=2,
            outcome="completed",
            why="x",
            milestones=Milestones(decided_at=NOW),
        )
        made.world.ledgers[PAIR].put_once(summary_path(PAIR, ENDED), encode(summary))
        gone = {"delete": [azure.estate.pair(PAIR).primary.keyvault_id]}
        requests.post(f"{azure.urls['admin']}/admin/resources", json=gone, timeout=20).raise_for_status()
        yield made


def give(deployment: Deployment, order: Order) -> list[AuditNote | AuditEntry]:
    """Give an order as ana; what is noted of it."""
    engine = Engine(deployment, order)
    body = json.dumps({"reason": "a test", "by": "ana", **order.body}).encode()
    route = {"pair": PAIR, "id": order.run, "name": "apps"}
    req = func.HttpRequest(method="POST", url="http://x/api/x", route_params=route, body=body)

    async def asked() -> func.HttpResponse:
        try:
            return await order.make(deployment)(req, engine)
        finally:
            await deployment.aclose()

    answer = asyncio.run(asked())
    assert answer.status_code in {200, 202}, answer.get_body()
    return [*engine.notes, *audit_log.newest(deployment.world.ledgers[PAIR], PAIR, 100)]


def test_the_table_has_every_route_that_takes_an_order() -> None:
    """A new one has to show here that it is noted."""
    routes = {route.name for route in ROUTES if "POST" in route.methods and route.body is not ANY_DELIVERY}
    assert set(ORDERS) == routes


@pytest.mark.parametrize("name", [*ORDERS, *(f"step {do}" for do in ANSWERS)])
def test_an_order_is_noted_with_who_gave_it(deployment: Deployment, name: str) -> None:
    """With the reason, and once for each pair."""
    order = ANSWERS[name.removeprefix("step ")] if name.startswith("step ") else ORDERS[name]
    before = len(audit_log.newest(deployment.world.ledgers[PAIR], PAIR, 100))
    noted = give(deployment, order)[: None if before == 0 else -before]
    by_ana = [each for each in noted if each.who == "ana"]
    assert len({each.pair for each in by_ana}) == len(by_ana) > 0, [each.id for each in noted]
    for entry in by_ana:
        assert entry.kind == ("finalised" if name == "finalise_run" else "order")
        assert any("a test" in text for text in (entry.why, entry.details.get("reason") or ""))
