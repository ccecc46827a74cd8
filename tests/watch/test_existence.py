"""Reconciliation of what is there: a deletion that no event told of holds a pair, until it is there again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from live import until
from watched_pairs import WatchedPairs, watched_pairs

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import PairState
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import estate_of
from orchestrator.standby.recovery import find_missing
from orchestrator.triggers.engine import DurableEngine
from orchestrator.watch import existence, watch
from orchestrator.workflows import calls


class Watched(WatchedPairs):
    """A pair whose events arrive nowhere."""

    def look(self) -> PairState:
        """A look that is due, and the pair's state after it."""
        self.deployment.memory.existence_due.clear()
        self.ask(lambda client: existence.look_for_gone(self.deployment, DurableEngine(client), find_missing))
        until(self.engine.idle, "rest")
        return self.state()

    def state(self) -> PairState:
        found = self.ask(lambda client: calls.pair_state(DurableEngine(client), "demo"))
        assert found is not None
        return found

    def change(self, **body: object) -> None:
        answer = requests.post(f"{self.azure.urls['admin']}/admin/resources", json=body, timeout=120)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    azure = LocalAzure(seed=5, estate=estate_of(pairs=("demo",)), speed=100)
    patient = {"probe_interval": timedelta(milliseconds=1), "suspect_interval": timedelta(milliseconds=1)}
    with watched_pairs(Watched, azure, ("demo",), tmp_path, **patient) as made:
        made.ask(lambda client: watch.watch(made.deployment, DurableEngine(client)))
        until(made.engine.idle, "rest")
        yield made


def test_a_deletion_without_an_event_is_found_at_the_second_look_and_ends_with_its_recovery(watched: Watched) -> None:
    """Held as one that was told; told once; and over when the vault is there again."""
    assert not watched.look().evidence.deletions
    vault = watched.azure.estate.pair("demo").secondary.keyvault_id
    kept = dict(watched.azure.resources.get(vault) or {})
    watched.change(delete=[vault])
    assert not watched.look().evidence.deletions
    (gone,) = watched.look().evidence.deletions.values()
    assert (gone.role, gone.name) == (Role.SECONDARY, vault.rpartition("/")[2])
    (still,) = watched.look().evidence.deletions.values()
    assert still == gone
    watched.change(put={vault: kept})
    assert not watched.look().evidence.deletions


def test_an_outage_of_resource_manager_is_no_deletion(watched: Watched) -> None:
    """However often it is asked."""
    watched.look()
    region = watched.azure.estate.pair("demo").primary.region
    watched.azure.call(lambda: watched.azure.faults.set(region, "control", "5xx", status=503))
    assert [watched.look().evidence.deletions for _ in range(3)] == [{}, {}, {}]


def test_a_tick_looks_at_each_pair_once_in_five_minutes(watched: Watched) -> None:
    """And does not ask again before that."""
    watched.look()
    before = len(watched.azure.log)
    watched.ask(lambda client: existence.look_for_gone(watched.deployment, DurableEngine(client), find_missing))
    assert [entry.path for entry in list(watched.azure.log)[before:] if entry.service == "resource-manager"] == []
