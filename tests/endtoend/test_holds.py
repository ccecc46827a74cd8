"""S3 against the running app: what is no regional outage moves nothing, and `explain` says in a sentence why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from live import Caller, live
from waiting import until

from orchestrator.local.session import Local

SPEED = 150.0
"""Two seconds from the first bad answer to a switch, if nothing held."""

WAITS = 4
"""Confirmation times that have to pass without a switch."""


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    with live(speed=SPEED) as running, Caller(running) as caller:
        caller.settled_down()
        yield running


@pytest.fixture
def caller(local: Local) -> Iterator[Caller]:
    """The app on a pair at rest; every fault ends with the test, and the pair has calmed down before the next."""
    with Caller(local) as found:
        yield found
        local.azure.faults.clear()
        for region in (local.plan.primary.region, local.plan.secondary.region):
            local.azure.region_up(region)
        until(lambda: found.view()["phase"] == "steady" and _is_well(found.view()), "the end of the alarm")


def _is_well(view: dict[str, Any]) -> bool:
    sides = view["evidence"].values()
    return all(verdict["observation"] in {None, "ok"} for side in sides for verdict in side.values())


def _held(caller: Caller, said: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What `explain` says once the pair stands so, after time enough for several switches, none of which has come.

    On a busy machine it may say something else at one look and another.
    """

    def explained() -> dict[str, Any] | None:
        found = dict(caller.get("pairs/demo/explain").json())
        return found if said(found) else None

    until(explained, "the reason")
    seen = caller.view()
    looks: set[str] = set()
    wait = WAITS * caller.local.plan.policy.confirm_after.total_seconds()
    until(lambda: _looked(caller, looks) >= WAITS, "further looks")
    time.sleep(wait)
    after = caller.view()
    assert (after["epoch"], after["active"], after["run"]) == (seen["epoch"], "primary", None)
    assert after["epoch"] == 0
    return until(explained, "the reason, still")


def _looked(caller: Caller, looks: set[str]) -> int:
    looks.add(caller.view()["looked_at"])
    return len(looks)


def test_a_dead_management_plane_is_no_dead_region(local: Local, caller: Caller) -> None:
    """Resource Manager answers nobody: confirmation at most, for the hubs answer."""
    local.azure.faults.set(None, "control", "5xx", status=503)
    explained = _held(caller, lambda found: found["rule"] == "confirm-only" and "control" in found["text"])
    assert explained["would_change"]


def test_a_fault_of_the_whole_world_moves_nobody(local: Local, caller: Caller) -> None:
    """The same surfaces fail in both regions, and in one that belongs to no pair."""
    for surface in ("elsewhere", "hub", "jobs", "storage"):
        local.azure.faults.set(None, surface, "5xx", status=500)
    told = "regions that belong to no pair"
    _held(caller, lambda found: found["rule"] == "hold.elsewhere" and told in found["text"])


def test_without_an_identity_nothing_can_be_asked_and_nothing_is_done(local: Local, caller: Caller) -> None:
    """Entra ID gives no tokens: every surface is blind, which is neither bad nor well."""
    local.azure.faults.set(None, "identity", "5xx", status=503)
    explained = _held(caller, lambda found: "token" in found["text"])
    until(lambda: _observed(caller) <= {"blind", None}, "the end of what was seen before")
    assert explained["would_change"]


def _observed(caller: Caller) -> set[str | None]:
    seen = caller.view()["evidence"]["primary"]
    return {seen[name]["observation"] for name in ("hub", "jobs", "dependency")}


def _observations(caller: Caller) -> set[str | None]:
    return {verdict["observation"] for verdict in caller.view()["evidence"]["primary"].values()}


def test_an_orchestrator_in_trouble_trusts_its_own_eyes_least(local: Local, caller: Caller) -> None:
    """The primary does not answer us, but neither does anything else that our network should reach."""
    local.azure.faults.set(None, "observer", "refuse")
    for surface in ("hub", "jobs", "storage", "keyvault", "acr"):
        local.azure.faults.set(local.plan.primary.region, surface, "refuse")
    explained = _held(caller, lambda found: "our own region or network is in trouble" in found["text"])
    assert explained["would_change"]
    # What a look saw that was under way while the faults began lasts as long as evidence does.
    until(lambda: "bad" not in _observations(caller), "an end of what was seen before")


def test_nobody_is_moved_to_a_standby_that_is_down_too(local: Local, caller: Caller) -> None:
    """Both regions of the pair are down; the way out would lead to the same fault."""
    # The standby first: a machine that is slow between the two calls would switch.
    for region in (local.plan.secondary.region, local.plan.primary.region):
        local.azure.region_down(region)
    # Other holds may stand before it: on a machine that is slow the reference elsewhere fails now and then, too.
    _held(caller, lambda found: "secondary is bad" in found["text"])
