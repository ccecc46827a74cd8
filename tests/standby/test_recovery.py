"""What is deleted of a pair in a simulated Azure: found, proposed, and brought back by the activities themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest
import requests
from live import grant_all, unpaced

from orchestrator.adapters.assembly import assemble
from orchestrator.clock import SystemClock
from orchestrator.core.base.errors import HubswitchError, NotFound, Refused
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.decide import step
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.decision.state import initial
from orchestrator.core.plan.schema import Inference, Plan
from orchestrator.core.signals.ownership import Directory
from orchestrator.core.signals.parse import facts_from
from orchestrator.core.signals.signal import Says
from orchestrator.core.standby.inventory import code_of
from orchestrator.core.standby.recovery import RecoveredBy, RecoveryItem, RecoveryProposal
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import World
from orchestrator.settings import settings_from
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.standby.readiness import look_at_standby
from orchestrator.standby.recovery import look_for_deleted
from orchestrator.watch.intake import route
from orchestrator.workflows.activities.recover import recover_resource
from orchestrator.workflows.recovery_messages import RecoverStep

STORE = "{shared}/Microsoft.AppConfiguration/configurationStores/appcs-hubswitch"
KEPT = {
    "vault": ("{group}/Microsoft.KeyVault/vaults/kv-{region}", "Key Vault"),
    "account": ("{group}/Microsoft.Storage/storageAccounts/sthub{region}", "storage account"),
    "logs": ("{group}/Microsoft.OperationalInsights/workspaces/log-hub-{region}", "Log Analytics workspace"),
    "models": ("{group}/Microsoft.CognitiveServices/accounts/aoai-{region}", "AI services account"),
    "store": (STORE, "App Configuration store"),
}
LOST = {
    "registry": ("{group}/Microsoft.ContainerRegistry/registries/crhub{region}", "container registry"),
    "insights": ("{group}/Microsoft.Insights/components/appi-hub-{region}", "Application Insights"),
    "hub": ("{group}/Microsoft.MachineLearningServices/workspaces/hub-{region}", "hub or project"),
    "project": ("{group}/Microsoft.MachineLearningServices/workspaces/proj-{region}", "hub or project"),
    "compute": ("{group}/Microsoft.MachineLearningServices/workspaces/proj-{region}/computes/cpu-cluster", "compute"),
    "endpoint": (
        "{group}/Microsoft.MachineLearningServices/workspaces/proj-{region}/onlineEndpoints/score",
        "endpoint",
    ),
}


class Stage(NamedTuple):
    azure: LocalAzure
    plan: Plan
    world: World

    def place(self, kind: str, role: Role = Role.PRIMARY) -> str:
        site: Site = self.azure.estate.pair("demo").site(role)
        shared = f"/subscriptions/{site.subscription}/resourceGroups/rg-shared/providers"
        template = (KEPT | LOST)[kind][0]
        return template.format(group=f"{site.group_id}/providers", region=site.region, shared=shared)

    def change(self, **body: Any) -> None:
        answer = requests.post(f"{self.azure.urls['admin']}/admin/resources", json=body, timeout=120)
        assert answer.status_code == 200, answer.text

    def delete(self, *kinds: str, role: Role = Role.PRIMARY) -> None:
        self.change(delete=[self.place(kind, role) for kind in kinds])

    def look(self) -> RecoveryProposal:
        return look_for_deleted(self.world, self.plan, None)

    def step(self, item: RecoveryItem) -> str:
        return recover_resource(self.world, RecoverStep(pair="demo", item=item)).state


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A pair whose plan names everything that can be deleted, and nothing deleted."""
    with unpaced(), LocalAzure(seed=9, speed=100) as azure, variables(azure.environment()):
        grant_all(azure)
        plan = plan_of(azure, "demo")
        site = azure.estate.pair("demo").primary
        shared = f"/subscriptions/{site.subscription}/resourceGroups/rg-shared/providers"
        sides = {}
        for role in Role:
            hub = plan.side(role)
            url = f"https://score.{hub.region}.inference.ml.azure.com/score"
            group = azure.estate.pair("demo").site(role).group_id
            registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/crhub{hub.region}"
            shared_by_both = [STORE.format(shared=shared)] if role is Role.PRIMARY else []
            resources = (*hub.resources, registry, *shared_by_both)
            sides[role.value] = msgspec.structs.replace(hub, inference=Inference(url=url), resources=resources)
        plan = msgspec.structs.replace(plan, **sides)
        world = assemble(
            settings_from({**azure.environment(), "HUBSWITCH_PLANS": "plans"}), {"demo": plan}, SystemClock()
        )
        yield Stage(azure, plan, world)


def test_of_a_pair_that_is_whole_nothing_is_proposed(stage: Stage) -> None:
    """And everything could be asked for."""
    found = stage.look()
    assert (found.items, found.id, found.unread, found.failover) == ((), "", (), "")


@pytest.mark.parametrize(
    ("kind", "role"),
    [(kind, role) for kind in KEPT for role in Role if (kind, role) != ("store", Role.SECONDARY)],  # one serves both
)
def test_what_azure_keeps_is_proposed_and_comes_back(stage: Stage, kind: str, role: Role) -> None:
    """The proposal's own call recovers it, as it was; asked for twice, once."""
    place = stage.place(kind, role)
    before = {**stage.azure.resources.get(place)["properties"]}
    stage.delete(kind, role=role)
    found = stage.look()
    (item,) = found.items
    assert (item.how, item.kind, item.role, item.resource) == (RecoveredBy.CALL, KEPT[kind][1], role, place)
    assert (item.deadline is None) == (kind == "logs")
    assert found.unread == ()
    states = [stage.step(item) for _ in range(3)]
    assert states == (["asked", "coming", "there"] if kind == "account" else ["asked", "there", "there"])
    assert stage.azure.resources.get(place)["properties"] == before
    assert stage.look().items == ()


@pytest.mark.parametrize("kind", LOST)
def test_what_cannot_be_recovered_is_told_with_the_failover(stage: Stage, kind: str) -> None:
    """No call; what lies inside it is named as well."""
    stage.delete(kind)
    found = stage.look()
    assert found.calls == ()
    assert (stage.place(kind).casefold(), RecoveredBy.NEVER, LOST[kind][1]) in {
        (item.resource.casefold(), item.how, item.kind) for item in found.items
    }
    assert "hubswitch failover demo --force" in found.failover


def test_everything_at_once_is_proposed_in_order(stage: Stage) -> None:
    """What the hub names is still known, for readiness has kept it."""
    look_at_standby(stage.world, stage.plan, Role.PRIMARY)
    stage.delete("hub", "insights", "models", "logs", "account", "vault")
    kinds = [item.kind for item in stage.look().items]
    assert kinds == [
        "Key Vault",
        "storage account",
        "Log Analytics workspace",
        "AI services account",
        "Application Insights",
        "hub or project",
    ]


def test_what_was_purged_is_not_asked_for(stage: Stage) -> None:
    """Neither proposed, nor by a run that was begun before."""
    stage.delete("vault")
    (item,) = stage.look().items
    stage.change(purge=[stage.place("vault")])
    assert stage.step(item) == "absent"
    (after,) = stage.look().items
    assert (after.how, after.body) == (RecoveredBy.NEVER, None)


def test_what_resource_manager_does_not_answer_for_is_not_deleted(stage: Stage) -> None:
    """An outage of the control plane proposes nothing, and says what it could not ask."""
    stage.azure.call(lambda: stage.azure.faults.set(stage.plan.primary.region, "control", "5xx", status=503))
    found = stage.look()
    assert found.items == ()
    assert len(found.unread) >= 5


def test_lists_that_cannot_be_read_leave_it_to_a_person(stage: Stage) -> None:
    """Unknown is not lost, and nothing is asked for blindly."""
    stage.delete("vault")
    (item,) = stage.look().items
    lists = f"/subscriptions/{stage.plan.primary.subscription}/providers/Microsoft.KeyVault/deletedVaults"
    stage.change(answers={lists: {"status": 403, "body": {"error": {"code": "AuthorizationFailed"}}}})
    (unknown,) = stage.look().items
    assert unknown.how is RecoveredBy.PERSON
    with pytest.raises(HubswitchError, match="cannot be read"):
        stage.step(item)
    stage.change(answers={lists: None})


def test_the_adapter_reads_what_is_there_and_what_is_kept(stage: Stage) -> None:
    """States, groups, tenants and lists; kinds that nobody knows are refused before anything is asked."""
    deleted, hub = stage.world.deleted, stage.plan.primary
    assert deleted.state(stage.place("vault")) == "succeeded"
    with pytest.raises(NotFound):
        deleted.state(stage.place("vault") + "x")
    for odd in ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Odd/things/x", "nonsense", "/a/../b"):
        with pytest.raises(Refused):
            deleted.state(odd)
    assert (deleted.has_group(hub.group_id), deleted.has_group(f"{hub.group_id}x")) == (True, False)
    assert deleted.tenant(hub.subscription)
    assert {code_of(value) for value in deleted.kept(hub.subscription).values()} == {""}
    assert {code_of(value) for value in deleted.kept("another").values()} != {""}
    assert set(deleted.known(hub)) == {"hub", "connections", "app_insights"}


def test_a_look_writes_nothing(stage: Stage) -> None:
    """Whoever looks changes nothing."""
    stage.delete("vault")
    stage.look()
    assert {entry.method for entry in stage.azure.log if entry.service == "resource-manager"} <= {"GET"}


@pytest.mark.parametrize("kind", [kind for kind in KEPT | LOST if kind != "store"])
def test_a_deletion_in_the_standby_turns_it_red_within_its_event(stage: Stage, kind: str) -> None:
    """Every kind: its event brings a look, which finds the standby not ready, and tells whose it was."""
    assert look_at_standby(stage.world, stage.plan, Role.PRIMARY).ready
    stage.delete(kind, role=Role.SECONDARY)
    event = stage.azure.event_grid.emitted[-1].cloud
    found = route(Directory({"demo": stage.plan}), facts_from(event), datetime.now(UTC))
    assert found.touched == {"demo"}
    told = {(signal.role, signal.says) for signal in found.signals.get("demo", ())}
    assert told == ({(Role.SECONDARY, Says.DELETED)} if kind not in NOT_NAMED else set())
    shared = Shared(readiness=look_at_standby(stage.world, stage.plan, Role.PRIMARY))
    now = datetime.now(UTC)
    seen = Observed(now=now, signals=found.signals.get("demo", ()))
    state = step(initial("demo", now), seen, now, stage.plan.policy).state
    later = step(state, Observed(now=now, shared=shared), now, stage.plan.policy).state
    assert later.readiness is not None
    assert later.readiness.ready is (kind in HARMLESS)


HARMLESS = frozenset({"insights"})
"""What jobs do without: the look warns of it. A plan that lists it under ``resources`` turns red for it, too."""

NOT_NAMED = frozenset({"insights", "models"})
"""Kinds that a plan names only where it lists them under ``resources``."""
