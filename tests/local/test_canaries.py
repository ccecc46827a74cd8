"""Canaries in a whole session: on in the simulated Azure's plans, heard by the looks, left alone by everything else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live import Caller, live, until

from orchestrator.core.base.vocabulary import Role
from orchestrator.local.session import Local
from orchestrator.simulator.job_lifecycle import TrueJob


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    with live(canaries=True) as running:
        yield running


def canaries_of(local: Local) -> list[TrueJob]:
    return [job for job in local.azure.truth.jobs() if "hubswitch.canary" in job.tags]


def completed(local: Local, side: Role) -> TrueJob | None:
    found = [j for j in canaries_of(local) if j.tags["hubswitch.canary"] == side and j.status == "Completed"]
    return found[0] if found else None


def test_both_sides_have_canaries_and_none_is_recorded(local: Local) -> None:
    """They complete, are known to have done so, and the ledger has no record of them."""
    with Caller(local) as caller:
        caller.settled_down()
        for side in Role:
            until(lambda side=side: completed(local, side), f"a canary of the {side}")  # type: ignore[misc]
        blobs = local.azure.ledger
        place = local.plan.ledger.container
        prefix = f"{local.plan.pair}/canary/"
        until(lambda: len(local.azure.call(lambda: list(blobs.names(place, prefix)))) == 2, "both proven")
        assert not local.azure.call(lambda: list(blobs.names(place, f"{local.plan.pair}/jobs/")))
        until(lambda: caller.view()["phase"] == "steady", "a steady pair")
