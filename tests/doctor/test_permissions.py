"""Each permission taken away alone: the doctor names what needs it, whose it is and how it is given; nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from live import Caller

from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.identity import EXECUTOR, GRANTS, PROBE

BOTH = ("primary", "secondary")


def both(*names: str) -> set[str]:
    """These checks of both sides."""
    return {name.format(side) for name in names for side in BOTH}


LOST = [
    (EXECUTOR, "blob.read", {"ledger.read"} | both("storage.read.{}"), ["Storage Blob Data"]),
    (EXECUTOR, "blob.write", {"ledger.write", "ledger.delete"}, ["Storage Blob Data Contributor"]),
    (EXECUTOR, "appconfig.read", {"pointer.read", "pointer.replica[0]"}, ["App Configuration Data Owner"]),
    (EXECUTOR, "appconfig.write", {"pointer.write"}, ["App Configuration Data Owner"]),
    (EXECUTOR, "arm.read", both("hub.read.{}", "jobs.read.{}"), ["AzureML Data Scientist"]),
    (EXECUTOR, "arm.write", both("jobs.submit.{}", "assets.copy.{}"), ["AzureML Data Scientist"]),
    (PROBE, "ml.read", both("surface.{}.hub", "surface.{}.jobs"), ["AzureML Data Scientist"]),
    (PROBE, "ml.score", both("surface.{}.inference"), ["AzureML Data Scientist"]),
    (PROBE, "blob.read", both("surface.{}.storage"), ["Storage Blob Data Reader"]),
    (PROBE, "vault.read", both("surface.{}.keyvault"), ["Key Vault Reader"]),
    (PROBE, "acr.read", both("surface.{}.acr"), ["AcrPull"]),
    (PROBE, "arm.read", both("surface.{}.control") | {"polls"}, ["Reader"]),
    (PROBE, "logs.read", {"polls"}, ["Log Analytics Reader"]),
]
"""Identity, permission, the checks that fail without it, the roles that mend them."""

UNTRIED = {(EXECUTOR, "eventgrid.send"), (EXECUTOR, "front.write"), (EXECUTOR, "file.read")}
"""Nothing harmless shows the first: the last notice does (``test_findings``). The second is asked about for plans with
such steps alone (``test_front``). The third is for ``data.save: [notebooks]`` alone: a save that fails says so."""

UNUSED = {(EXECUTOR, "ml.read"), (EXECUTOR, "ml.write"), (PROBE, "appconfig.read")}
"""Granted in the simulated Azure, and needed by no call."""


@contextmanager
def without(azure: LocalAzure, identity: str, permission: str) -> Iterator[None]:
    """The identity without the permission, within the block."""
    azure.call(lambda: azure.kernel.revoke(identity, permission))
    try:
        yield
    finally:
        azure.call(lambda: azure.kernel.grant(identity, permission))


def examined(caller: Caller) -> dict[str, dict[str, Any]]:
    """What the doctor finds, by name of the check."""
    answer = caller.get("doctor")
    assert answer.status_code == 200, answer.text
    return {found["check"]: found for found in answer.json()["checks"]}


def failing(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, each in found.items() if each["ok"] is False}


def test_every_permission_is_tried() -> None:
    """One that is granted and neither tried nor excused would go unnoticed."""
    tried = {(identity, permission) for identity, permission, _, _ in LOST}
    granted = {(identity, permission) for identity in (EXECUTOR, PROBE) for permission in GRANTS[identity]}
    assert granted == tried | UNTRIED | UNUSED


def test_nothing_fails_on_the_demos_estate(caller: Caller) -> None:
    """What is not ok is not known there: no region, no deliveries, no notices, no drill; and the plan's own warning."""
    found = examined(caller)
    assert failing(found) == set()
    unknown = {name for name, each in found.items() if each["ok"] is None}
    assert unknown <= {
        "alerts",
        "plan",
        "region",
        "polls",
        "drill",
        "notices",
        "events.primary",
        "events.secondary",
        "readiness.read",
    }
    assert "asked: POST rundata" in found["surface.primary.jobs"]["what"]


@pytest.mark.parametrize(
    ("identity", "permission", "lost", "roles"), LOST, ids=[f"{who[:1]}-{what}" for who, what, _, _ in LOST]
)
def test_a_permission_that_is_missing_is_named(
    caller: Caller, identity: str, permission: str, lost: set[str], roles: list[str]
) -> None:
    """Exactly what needs it fails, and the command gives a role to the identity that lacks it."""
    with without(caller.local.azure, identity, permission):
        found = examined(caller)
    assert failing(found) - {"rule", "looks"} == lost
    for name in lost:
        fix = found[name]["fix"]
        assert fix.startswith("az role assignment create"), name
        assert identity in fix
        assert any(role in fix for role in roles), fix


def test_a_pair_whose_record_cannot_be_written_is_said_not_to_fail_over(caller: Caller) -> None:
    """The last sentence names what is missing; with it again, it says that the pair will."""
    with without(caller.local.azure, EXECUTOR, "blob.write"):
        (told,) = caller.get("doctor").json()["pairs"]
    assert (told["pair"], told["fails_over"]) == ("demo", False)
    assert told["why"].startswith("demo will not fail over by itself, because ledger.write: ")
