"""A recovery whose worker is killed at any checkpoint ends like one that went undisturbed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from crash_harness import Bench, Visit, is_certain, met, running
from killing import Killer, ReplacedWorker
from places import compare, each

from orchestrator.core.base.codec import decode, to_builtins
from orchestrator.core.ledger_paths import audit_folder, recovery_path
from orchestrator.simulator.estate import Site
from orchestrator.standby.recovery import look_for_deleted
from orchestrator.workflows import names
from orchestrator.workflows.recovery_messages import RecoverOrder, RecoveryReport, recover_order

PLACES = "recovery"

type Ended = tuple[bool, tuple[tuple[str, str], ...], bool, int]
"""Whether it went well, what became of each resource, whether all is there, and how often its end was noted."""


def _deleted(bench: Bench) -> tuple[Visit, RecoverOrder]:
    """A pair whose primary has lost its vault and its storage account."""
    visit = bench.visit()
    site: Site = bench.azure.estate.pair("demo").primary
    bench.azure.call(lambda: [_delete(bench, place) for place in (site.storage_id, site.keyvault_id)])
    found = look_for_deleted(visit.world, visit.plan, None)
    order = recover_order(visit.plan, found, "a test", "ana", datetime.now(UTC))
    return visit, order


def _delete(bench: Bench, place: str) -> None:
    bench.azure.services.manager.changes(bench.azure.event_grid).delete(place)


def _ended(bench: Bench, visit: Visit, order: RecoverOrder) -> Ended:
    ledger, path = visit.world.ledgers[visit.pair], recovery_path(visit.pair, order.run)
    kept = ledger.get(path)
    assert kept is not None
    report = decode(kept, RecoveryReport, path)
    log = b"".join(ledger.get(name) or b"" for name in ledger.names(audit_folder(visit.pair)))
    site = bench.azure.estate.pair("demo").primary
    there = all(bench.azure.resources.get(place) for place in (site.storage_id, site.keyvault_id))
    steps = tuple((step.name, step.outcome) for step in report.steps)
    return report.ok, steps, there, log.count(f"ended-{order.run}".encode())


def run(bench: Bench, killer: Killer) -> tuple[Ended, bool]:
    """What a recovery ends with, and whether its first worker was killed."""
    visit, order = _deleted(bench)
    order = msgspec.structs.replace(order, run=f"recover-{visit.pair}-x")
    with running(killer) as (engine, client), ReplacedWorker(visit, engine, killer) as workers:
        client.schedule_new_orchestration(names.RECOVER_RUN, input=to_builtins(order), instance_id=order.run)
        killed = workers.wait_until_idle("the end of the recovery")
        return _ended(bench, visit, order), killed


@pytest.fixture(scope="module")
def undisturbed(both_well: Bench) -> Ended:
    """What comes of a recovery whose worker lives."""
    ended, killed = run(both_well, Killer(None, stored=True))
    assert not killed
    return ended


def test_an_undisturbed_recovery_brings_everything_back(both_well: Bench, undisturbed: Ended) -> None:
    """The vault before the account, and one entry in the audit log."""
    site = both_well.azure.estate.pair("demo").primary
    assert undisturbed == (True, ((site.keyvault_id, "done"), (site.storage_id, "done")), True, 1)

    def record() -> list[str]:
        calm = Killer(None, stored=True)
        assert run(both_well, calm) == (undisturbed, False)
        return calm.seen

    assert compare(PLACES, record, is_certain) > 0


@pytest.mark.parametrize("stored", [False, True], ids=["just-before", "just-after"])
@each(PLACES)
def test_a_worker_killed_in_a_recovery_changes_nothing_in_the_end(
    both_well: Bench, undisturbed: Ended, place: str, record_property: Callable[[str, object], None], stored: bool
) -> None:
    """What was asked for before the kill is found there after it, and is not taken for lost."""
    ended, killed = met(lambda at: run(both_well, Killer(at, stored=stored)), place)
    moment = "just after" if stored else "just before"
    record_property(
        "visited" if killed else "missed", f"checkpoints of a recovery {moment} which the worker was killed"
    )
    assert ended == undisturbed
    assert killed or not is_certain(place)
