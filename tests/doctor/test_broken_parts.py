"""Each broken part alone: the doctor names it, and still answers about everything else."""

from __future__ import annotations

from typing import Any

import pytest
from live import Caller

BROKEN: list[tuple[str | None, str, str, set[str]]] = [
    ("eastus2", "hub", "5xx", {"surface.primary.hub"}),
    ("westus3", "keyvault", "403", {"surface.secondary.keyvault"}),
    ("westus3", "inference", "refuse", {"surface.secondary.inference"}),
    ("westus3", "acr", "401", {"surface.secondary.acr"}),
    ("eastus2", "storage", "5xx", {"surface.primary.storage", "storage.read.primary"}),
    (
        "westus3",
        "control",
        "5xx",
        {"surface.secondary.control", "hub.read.secondary", "jobs.read.secondary"},
    ),
    (None, "ledger", "5xx", {"ledger.read", "ledger.write", "ledger.delete"}),
    (None, "ledger", "403", {"ledger.read", "ledger.write", "ledger.delete"}),
    (None, "appconfig", "5xx", {"pointer.read", "pointer.write", "pointer.replica[0]"}),
    (None, "observer", "refuse", {"reference.observer"}),
    (None, "elsewhere", "5xx", {"reference.elsewhere"}),
    (None, "identity", "5xx", {"token.executor", "token.probe"}),
]


def examined(caller: Caller) -> dict[str, dict[str, Any]]:
    """What the doctor finds, by name of the check."""
    return {found["check"]: found for found in caller.get("doctor").json()["checks"]}


@pytest.mark.parametrize(
    ("region", "surface", "kind", "lost"), BROKEN, ids=[f"{region}-{what}-{kind}" for region, what, kind, _ in BROKEN]
)
def test_a_part_that_is_broken_is_named(
    caller: Caller, region: str | None, surface: str, kind: str, lost: set[str]
) -> None:
    """It and what cannot be asked without it. ``looks``, ``rule`` and ``polls`` follow from it, sooner or later."""
    faults = caller.local.azure.faults
    faults.set(region, surface, kind)
    try:
        found = examined(caller)
    finally:
        faults.clear()
    failing = {name for name, each in found.items() if each["ok"] is False}
    assert failing - {"looks", "rule", "polls"} == lost
    assert all(found[name]["fix"] for name in lost)


def test_without_tokens_nothing_else_is_blamed(caller: Caller) -> None:
    """What was not asked is not known, and says why."""
    faults = caller.local.azure.faults
    faults.set(None, "identity", "5xx")
    try:
        found = examined(caller)
    finally:
        faults.clear()
    for name, whose in (("ledger.write", "executor"), ("surface.secondary.hub", "probe"), ("polls", "probe")):
        assert (found[name]["ok"], found[name]["what"]) == (None, f"not asked: the {whose} has no token")
