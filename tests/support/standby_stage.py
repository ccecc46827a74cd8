"""A simulated Azure and what looks at a standby there, for tests of what it finds."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import pytest
import requests

from orchestrator.adapters.assembly import assemble
from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.credential import Identity, credential_for
from orchestrator.adapters.http.pacing import Budget, Pacer
from orchestrator.adapters.http.transport import BoundedTransport, Gate, limits_from
from orchestrator.adapters.hub.search_services import SearchServices
from orchestrator.adapters.hub.side_inventory import ArmSideInventories
from orchestrator.clock import SystemClock
from orchestrator.core.base.vocabulary import Role, Tier
from orchestrator.core.decision.stamps import wanted_path
from orchestrator.core.decision.standing import ReadinessStanding, WantedLook, add_wanted
from orchestrator.core.ledger_paths import template_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.standby import Standby
from orchestrator.core.standby.readiness import Finding, Severity
from orchestrator.core.standby.readiness_record import ReadinessRecord
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import World
from orchestrator.settings import Settings, settings_from
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.standby.readiness import look_at_standby, read_readiness
from orchestrator.workflows.activities.stamps import change_blob


class Stage(NamedTuple):
    """A simulated Azure and what looks at it."""

    azure: LocalAzure
    plan: Plan
    world: World

    def look(self, active: Role = Role.PRIMARY) -> ReadinessStanding:
        """A look after everything that was changed has been told of by events."""
        self.tell(deleted=True)
        return self.look_untold(active)

    def look_untold(self, active: Role = Role.PRIMARY) -> ReadinessStanding:
        """A look of which no event has told anything."""
        return look_at_standby(self.world, self.plan, active)

    def tell(self, *, deleted: bool, at: datetime | None = None) -> None:
        """An event says that something of the pair was written, or deleted, now or at another time."""
        tell_of_a_change(self.world, self.plan.pair, at or self.world.clock.now(), deleted=deleted)

    def record(self) -> ReadinessRecord:
        found = read_readiness(self.world.ledgers[self.plan.pair], self.plan.pair)
        assert found is not None
        return found

    def findings(self) -> dict[str, Finding]:
        """What a look finds now, by path; what the estate always has is left out."""
        self.look()
        return {each.path: each for each in self.record().findings if each.severity is not Severity.INFO}

    def change(self, **body: Any) -> None:
        answer = requests.post(f"{self.azure.urls['admin']}/admin/resources", json=body, timeout=120)
        assert answer.status_code == 200, answer.text

    @contextmanager
    def changed(self, **body: Any) -> Iterator[None]:
        """With a change, which is taken back."""
        resources = self.azure.resources
        before = self.azure.call(lambda: copy.deepcopy(resources.__dict__))
        self.change(**body)
        try:
            yield
        finally:
            self.azure.call(lambda: resources.__dict__.update(before))
            self.azure.services.manager.answers.clear()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with LocalAzure(seed=4, speed=100) as azure, variables(azure.environment()):
        azure.throttle.enabled = False
        plan = plan_of(azure)
        settings = patient_settings(azure)
        world = assemble(settings, {plan.pair: plan}, SystemClock())
        with reading(settings) as sides:
            yield Stage(azure, plan, world._replace(sides=sides))


def tell_of_a_change(world: World, pair: str, at: datetime, *, deleted: bool) -> None:
    """An event says that something of a pair was written, or deleted: the next look reads everything anew."""
    wanted = WantedLook(at=at, gone=at if deleted else None)
    change_blob(world.shared[pair], wanted_path(pair), WantedLook, lambda before: add_wanted(before, wanted))


def patient_settings(azure: LocalAzure) -> Settings:
    """Settings of an app that waits long for answers."""
    return settings_from(
        {**azure.environment(), "HUBSWITCH_PLANS": "plans"}
        | {f"HUBSWITCH_{what}_TIMEOUT": "20s" for what in ("CONNECT", "READ")}
    )


@contextmanager
def reading(settings: Settings, now: Callable[[], datetime] | None = None) -> Iterator[ArmSideInventories]:
    """What reads sides as fast as it can, and remembers nothing yet; ``now``: by which that grows old."""
    transport = BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
    credential = credential_for(settings, Identity.READER, transport)
    manager = ResourceManager(settings.resource_manager, credential, transport)
    searches = SearchServices(credential, transport, lambda _: Pacer(Budget(1000, 1000)), manager.endpoint)
    yield ArmSideInventories(manager, lambda _: Pacer(Budget(1000, 1000)), searches, now)
    transport.close()


def place(stage: Stage, path: str) -> str:
    """An ARM id of the secondary: ``hub``, ``project``, ``group``, ``shared`` or ``region`` and what is below it."""
    side = stage.plan.secondary
    first, _, rest = path.partition("/")
    group = f"/subscriptions/{side.subscription}/resourceGroups"
    starts = {
        "hub": side.hub_id,
        "project": side.project_id,
        "group": f"{group}/{side.resource_group}/providers",
        "shared": f"{group}/rg-shared/providers",
        "region": f"/subscriptions/{side.subscription}/providers/Microsoft.MachineLearningServices/locations/westus3",
    }
    return f"{starts[first]}/{rest}" if rest else starts[first]


@contextmanager
def planned(stage: Stage, tier: Tier, standby: Standby, templates: Mapping[str, Any] | None = None) -> Iterator[Stage]:
    """The stage with another plan; templates are in the ledger meanwhile, as they are given."""
    kept = stage.azure.ledger.create_container(stage.plan.ledger.container)
    written = {
        template_path(name): body if isinstance(body, bytes) else json.dumps(body).encode()
        for name, body in (templates or {}).items()
    }

    def put() -> None:
        for path, data in written.items():
            stage.azure.ledger.put(stage.plan.ledger.container, path, data)

    def drop() -> None:
        for path in written:
            del kept.blobs[path]
            kept.names.remove(path)

    stage.azure.call(put)
    try:
        yield stage._replace(plan=msgspec.structs.replace(stage.plan, tier=tier, standby=standby))
    finally:
        stage.azure.call(drop)


def by_plan(stage: Stage) -> dict[str, str]:
    return {each.path: each.what for each in stage.record().by_plan}


def blocking(found: Mapping[str, Finding]) -> set[str]:
    return {path for path, each in found.items() if each.severity is Severity.BLOCK}
