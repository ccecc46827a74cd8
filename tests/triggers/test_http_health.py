"""Health: anybody may ask, and an answer tells whether a switch could be decided."""

from __future__ import annotations

from datetime import timedelta

import pytest
from live import Caller, until

from orchestrator.triggers import http_health

READY = {
    "status": "ready",
    "epoch_record": {"demo": True},
    "pointer": {"demo": True},
    "looks": {"demo": True},
    "out_of_reach": [],
}


@pytest.fixture(autouse=True)
def news(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is given again for a second, and not for fifteen: each test waits for a new one or two."""
    monkeypatch.setattr(http_health, "LASTS", timedelta(seconds=1))


def _told(caller: Caller, status: int, expected: dict[str, object]) -> bool:
    """Whether this is the answer before long: one is given again for a while before the stores are asked anew."""

    def is_told() -> bool:
        answer = caller.get("health/ready", key=None)
        return (answer.status_code, answer.json()) == (status, expected)

    return until(is_told, f"{status}: {expected}")


def test_a_worker_that_answers_is_alive_for_anybody(caller: Caller) -> None:
    """Load balancers have no key."""
    answer = caller.get("health/live", key=None)
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_a_worker_that_reads_every_epoch_record_is_ready(caller: Caller) -> None:
    """Which pairs, and nothing else about them."""
    assert _told(caller, 200, READY)


def test_a_worker_without_its_ledger_is_alive_but_not_ready(caller: Caller) -> None:
    """503, naming the pair whose record cannot be read; and ready again when the store is back."""
    caller.local.azure.faults.set(None, "ledger", "refuse")
    try:
        assert _told(caller, 503, READY | {"status": "not ready", "epoch_record": {"demo": False}})
        assert caller.get("health/live", key=None).status_code == 200
    finally:
        caller.local.azure.faults.clear(None, "ledger")
    assert _told(caller, 200, READY)


def test_a_worker_that_cannot_read_the_pointer_is_not_ready(caller: Caller) -> None:
    """It could decide, but tell nobody."""
    caller.local.azure.faults.set(None, "appconfig", "5xx", status=503)
    try:
        assert _told(caller, 503, READY | {"status": "not ready", "pointer": {"demo": False}})
    finally:
        caller.local.azure.faults.clear(None, "appconfig")
