"""What is polled hastens a switch as what is delivered would; what cannot be polled does neither good nor harm."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import Any

import pytest
from live import Caller, live, until

from orchestrator.core.plan.policy import Policy
from orchestrator.local.session import Local

NEVER = 1e9


def quiet(local: Local, *, notice_delay: float = NEVER) -> None:
    """Services that say of the regions' faults what a test wants said, and nothing else."""
    local.azure.health.resource_delay = NEVER
    local.azure.health.notice_delay = notice_delay
    local.azure.logs.delay = NEVER


def test_a_polled_incident_shortens_the_wait_for_a_switch() -> None:
    """No alert is delivered in either session; the fault is the same; only one of them is told of by Service Health.

    What a machine needs for its looks comes on top of both waits. Where that outweighs the difference, the waits are
    made longer.
    """
    for speed in (40, 20, 10, 5):
        policy, alone, told = _waits(speed)
        assert alone >= policy.confirm_after.total_seconds()
        assert policy.confirm_after_notice.total_seconds() <= told
        if told < alone:
            return
    pytest.fail(f"{told} s with the incident, {alone} s without")


def _waits(speed: float) -> tuple[Policy, float, float]:
    """A session's policy, and the seconds until the switch without the incident and with it."""
    waits = []
    for delay in (NEVER, 0.0):
        with live(seed=7, speed=speed) as local, Caller(local) as caller:
            caller.settled_down()
            quiet(local, notice_delay=delay)
            region = local.plan.primary.region
            for surface in ("hub", "jobs", "storage"):
                local.azure.faults.set(region, surface, "5xx")
            view = until(lambda caller=caller: _moved(caller.view()), "the switch")
            waits.append(_waited(view))
            notice = view["evidence"]["primary"]["notice"]["observation"]
            assert notice in ({"bad", None} if delay == 0.0 else {None})
            if delay == 0.0 and notice is None:  # the poll that tells of it came after the switch
                waits[-1] = math.inf
    return local.plan.policy, waits[0], waits[1]


def test_a_dead_management_plane_makes_polls_blind_and_nothing_bad() -> None:
    """Neither is anything bad that was polled, nor is the pair moved; it says what it could not learn."""
    with live(seed=7, speed=60) as local, Caller(local) as caller:
        caller.settled_down()
        quiet(local, notice_delay=0.0)
        until(lambda: _learnt(caller.view()), "a poll that learns")
        local.azure.faults.set(None, "control", "5xx")
        until(lambda: _unlearnt(caller.view()), "polls that are blind")
        time.sleep(3 * local.plan.policy.confirm_after.total_seconds() / 2)
        # A probe that a busy machine leaves without an answer is bad for one look.
        view = until(lambda: _bad(v := caller.view()) <= {"control"} and v, "nothing that is bad but the plane")
        text = until(lambda: _says_unlearnt(caller.get("pairs/demo/explain").json()["text"]), "what was not learnt")
    assert (view["active"], view["epoch"]) == ("primary", 0)
    assert "Not learnt by the poll at" in text


def _bad(view: dict[str, Any]) -> set[str]:
    return {name for name, seen in view["evidence"]["primary"].items() if seen["observation"] == "bad"}


def _says_unlearnt(text: str) -> str | None:
    return text if "Service Health: " in text else None


def _moved(view: dict[str, Any]) -> dict[str, Any] | None:
    return view if view.get("epoch") == 1 else None


def _waited(view: dict[str, Any]) -> float:
    """Seconds from the second class that was bad to the decision, as the journal has them."""
    switched = next(entry for entry in reversed(view["journal"]) if entry["phase"] == "switching")
    since = sorted(seen["since"] for seen in view["evidence"]["primary"].values() if _was_bad(seen))
    return (_at(switched["at"]) - _at(since[1])).total_seconds()


def _was_bad(seen: dict[str, Any]) -> bool:
    return seen["observation"] == "bad" and "Service Health" not in seen["why"]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _learnt(view: dict[str, Any]) -> bool:
    return bool(view.get("polled")) and not any("Health:" in why for why in view["polled"]["blind"])


def _unlearnt(view: dict[str, Any]) -> dict[str, Any] | None:
    return view if view.get("polled") and any("Service Health:" in why for why in view["polled"]["blind"]) else None
