"""What cannot be read or reached stops what depends on it, visibly, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from bodies import metric
from live import Caller, live, until

from orchestrator.local.client import pointer_on
from orchestrator.local.session import Local

ENTITY = "@pair@demo"
GARBAGE = {
    "no JSON": "{broken",
    "no object": "[]",
    "of another schema": json.dumps({"schema": 99}),
    "of an unknown phase": json.dumps({"schema": 1, "phase": "sleeping"}),
    "cut short": json.dumps({"schema": 1, "phase": "steady"}),
}


@contextmanager
def stored(local: Local, text: str) -> Iterator[None]:
    """Put a state into the pair's entity, as another version or a slip of the hand might have; mended at the end."""
    before = until(lambda: _exchange(local, text), "a moment at which the entity does nothing")
    try:
        yield
    finally:
        until(lambda: _exchange(local, before), "a moment at which the entity does nothing")


def _exchange(local: Local, text: str) -> str | None:
    """The entity's state, after which the text stands there; None while it is at work, for it would write its own."""
    with local.engine._lock:
        if ENTITY in local.engine._entity_in_flight:
            return None
        entity = local.engine._entities[ENTITY]
        before, entity.serialized_state = entity.serialized_state, text
    return str(before)


def state_of(local: Local) -> str | None:
    return local.engine._entities[ENTITY].serialized_state


def switches(local: Local) -> list[str]:
    return [run for run, instance in local.engine._instances.items() if instance.name == "switch_run"]


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_pair_whose_state_cannot_be_read_says_so_and_obeys_nobody(caller: Caller, text: str) -> None:
    """S9: shown as unreadable with the reason; commands are refused as our own fault; deliveries change nothing."""
    with stored(caller.local, text):
        (line,) = caller.get("status").json()["pairs"]
        page = caller.get("status", headers={"Accept": "text/html"})
        command = caller.post("pairs/demo/pause", {"reason": "because"})
        delivery = caller.post("alerts", metric(alertTargetIDs=[caller.local.plan.primary.hub_id]))
        until(caller.local.engine.idle, "rest")
        assert state_of(caller.local) == text
    assert (line["phase"], line["active"], line["epoch"]) == ("unreadable", None, None)
    assert line["why"].startswith("it stands still: state of demo")
    assert "unreadable" in page.text
    assert (command.status_code, command.json()["where"]) == (500, "state of demo")
    assert delivery.status_code == 200


def test_a_pair_whose_state_cannot_be_read_does_not_switch_in_an_outage(caller: Caller) -> None:
    """S3: unknown means stand still. As soon as it can be read again it sees what everybody saw."""
    region = caller.local.plan.primary.region
    try:
        with stored(caller.local, GARBAGE["of an unknown phase"]):
            caller.local.azure.region_down(region)
            time.sleep(1.0)
            assert state_of(caller.local) == GARBAGE["of an unknown phase"]
            assert switches(caller.local) == []
            assert pointer_on(caller.local.azure, caller.local.plan)["epoch"] == 0
        until(lambda: "suspect" in {entry["phase"] for entry in caller.view()["journal"]}, "the suspicion")
    finally:
        caller.local.azure.region_up(region)


def test_a_ledger_that_cannot_be_read_is_visible_trouble_and_holds(caller: Caller) -> None:
    """The pair is watched, says what it cannot read, and recovers by itself."""
    caller.local.azure.faults.set(None, "ledger", "5xx", status=503)
    try:
        view = until(lambda: seen if (seen := caller.view())["trouble"] else None, "the trouble")
        (line,) = caller.get("status").json()["pairs"]
    finally:
        caller.local.azure.faults.clear(None, "ledger")
    assert "hold.trouble" in [hold["rule"] for hold in view["holds"]]
    assert line["trouble"]
    until(lambda: caller.view()["trouble"] is None, "the end of the trouble")


def test_without_its_engine_the_app_asks_to_be_tried_again() -> None:
    """503 with Retry-After, so that Event Grid delivers again; health still answers; nothing hangs."""
    with live() as local, Caller(local) as caller:
        caller.settled_down()
        local.engine.stop(grace=0)
        answers = [
            caller.get("status"),
            caller.get("pairs/demo"),
            caller.get("runs/some"),
            caller.post("pairs/demo/pause", {"reason": "because"}),
            caller.post("pairs/demo/drill", {"reason": "because"}),
            caller.post("alerts", metric(alertTargetIDs=[local.plan.primary.hub_id])),
        ]
        alive = caller.get("health/live", key=None)
    assert [(answer.status_code, answer.headers.get("Retry-After")) for answer in answers] == [(503, "5")] * 6
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}
    assert alive.status_code == 200
