"""What a second look at a standby reads again, and what it takes from memory: counted at the simulated Azure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
import requests
from job_records import job
from standby_stage import Stage, patient_settings, place, reading

from orchestrator.adapters.hub.remembered_reads import CONFIGURED, MADE
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.stamps import wanted_path
from orchestrator.core.decision.standing import EVERY, SKEW
from orchestrator.core.jobs.record import Asset
from orchestrator.local.workload import User
from orchestrator.simulator.identity import READER
from orchestrator.workflows.activities.assets import AssetCopier

VAULT = "group/Microsoft.KeyVault/vaults/kv-westus3"
OPEN_VAULT = {"properties.enablePurgeProtection": False}
ASSETS = 12


class Looks(NamedTuple):
    """Looks at a standby, on a clock that is moved on."""

    stage: Stage
    ahead: list[timedelta]

    def later(self, more: timedelta = EVERY) -> None:
        self.ahead[0] += more

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead[0]

    def places(self, active: Role = Role.PRIMARY) -> set[str]:
        """The same, each once, without results of diagnoses, which have a new name each time."""
        return {path for path in self.reads(active) if "diagnoseResults" not in path}

    def reads(self, active: Role = Role.PRIMARY) -> list[str]:
        """Paths that a look reads of which no event has told anything."""
        before = len(self.stage.azure.log)
        self.stage.look_untold(active)
        entries = self.stage.azure.log.entries()[before:]
        return [entry.path for entry in entries if entry.principal == READER and entry.method == "GET"]

    def assets(self) -> int:
        """How many assets a look asks for."""
        return sum("/versions/" in path for path in self.reads())


@pytest.fixture
def looks(stage: Stage) -> Iterator[Looks]:
    """Looks of a process that has just started; the last look before it found the standby ready."""
    assert stage.look().ready
    wanted = wanted_path(stage.plan.pair)
    kept = stage.azure.ledger.create_container(stage.plan.ledger.container)

    def forget() -> None:
        if wanted in kept.blobs:
            del kept.blobs[wanted]
            kept.names.remove(wanted)

    stage.azure.call(forget)
    ahead = [timedelta()]
    with reading(patient_settings(stage.azure), lambda: datetime.now(UTC) + ahead[0]) as sides:
        yield Looks(stage._replace(world=stage.world._replace(sides=sides)), ahead)
    stage.azure.call(forget)


@pytest.fixture
def needed(stage: Stage) -> Iterator[None]:
    """A running job that needs assets which stand on both sides."""
    user, plan, ledger = User(stage.azure), stage.plan, stage.world.ledgers[stage.plan.pair]
    assets = [
        Asset(kind="environment", id=user.registered_environment(plan.primary, f"needed-{number}"))
        for number in range(ASSETS)
    ]
    copier = AssetCopier(stage.world, plan, Role.PRIMARY)
    copier.ensure(copier.keep(assets))
    body = {"properties": {"jobType": "Command", "environmentId": assets[0].id}}
    ledger.create(job(pair=plan.pair, name="needing", root="needing", closure=tuple(assets), body=body))
    yield
    ledger.drop(f"{plan.pair}/jobs/needing.json")


def test_a_second_look_reads_what_changes_by_itself(looks: Looks) -> None:
    """States, health, sizes and quotas of both sides; what only people write is taken from memory."""
    first = looks.reads()
    looks.later()
    second = looks.reads()
    assert len(second) < len(first) / 2
    asked = {path.partition("?")[0] for path in second}
    for role in Role:
        side = looks.stage.plan.side(role)
        assert {side.hub_id, side.project_id, f"{side.project_id}/computes"} <= asked
    assert [path for path in asked if "vaults/kv" in path or "roleAssignments" in path or "vmSizes" in path] == []


def test_a_drift_of_which_an_event_tells_is_found_at_once(looks: Looks) -> None:
    """Also if the read that is remembered is a little younger than the change: clocks differ."""
    looks.reads()
    with looks.stage.changed(set={place(looks.stage, VAULT): OPEN_VAULT}):
        looks.stage.tell(deleted=False, at=looks.now() - SKEW / 2)
        assert not looks.stage.look_untold().ready


def test_a_drift_of_which_nothing_tells_is_found_after_two_hours(looks: Looks) -> None:
    """And not before: that is what a lost event costs."""
    looks.reads()
    with looks.stage.changed(set={place(looks.stage, VAULT): OPEN_VAULT}):
        looks.later(CONFIGURED - timedelta(minutes=1))
        assert looks.stage.look_untold().ready
        looks.later(timedelta(minutes=2))
        assert not looks.stage.look_untold().ready


def test_a_standby_that_is_not_ready_is_read_in_full(looks: Looks) -> None:
    """Whoever mends it sees at the next look that it is mended, with and without events."""
    first = looks.places()
    with looks.stage.changed(set={place(looks.stage, VAULT): OPEN_VAULT}):
        looks.later(CONFIGURED)
        assert not looks.stage.look_untold().ready
    assert looks.places() == first
    assert looks.places() < first


def test_the_way_home_is_read_in_full_after_a_switch(looks: Looks) -> None:
    """What was believed of a standby is not believed of the side that was active then."""
    first = looks.places()
    assert looks.places(Role.SECONDARY) == first


def test_news_that_cannot_be_read_make_a_look_read_everything(looks: Looks) -> None:
    """Unknown is not unchanged."""
    first = looks.places()
    world, pair = looks.stage.world, looks.stage.plan.pair
    world.shared[pair].create(wanted_path(pair), b'{"schema": 1, "at": "some day"}')
    assert looks.places() == first


@pytest.mark.usefixtures("needed")
def test_assets_that_were_seen_are_not_asked_for_again(looks: Looks) -> None:
    """Until a deletion is told, or a day is over; a write, such as our own of another asset, is neither."""
    assert looks.assets() == ASSETS
    looks.stage.tell(deleted=False, at=looks.now())
    assert looks.assets() == 0
    looks.stage.tell(deleted=True, at=looks.now())
    assert looks.assets() == ASSETS
    looks.later(SKEW * 2)
    assert looks.assets() == ASSETS
    assert looks.assets() == 0
    looks.later(MADE * 3 / 4)
    assert 0 < looks.assets() < ASSETS
    looks.later(MADE)
    assert looks.assets() == ASSETS


@pytest.mark.usefixtures("needed")
def test_an_asset_that_is_gone_is_asked_for_at_every_look(looks: Looks) -> None:
    """Only what was seen to be there is remembered."""
    gone = f"{looks.stage.plan.secondary.project_id}/environments/needed-3/versions/1"
    manager = f"{looks.stage.azure.urls['admin']}/admin/resources"
    assert requests.post(manager, json={"delete": [gone]}, timeout=120).status_code == 200
    assert looks.assets() == ASSETS
    assert looks.assets() == 1
    assert not looks.stage.look_untold().ready
