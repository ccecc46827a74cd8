"""Health: anybody may ask, and an answer tells whether a switch could be decided."""

from __future__ import annotations

import requests
from live import Caller, until

# An answer is given again for a while: the tests wait until it is made anew.
READY = {"status": "ready", "epoch_record": {"demo": True}, "pointer": {"demo": True}}


def _once(caller: Caller, status: int) -> requests.Response:
    """The first answer of this status."""

    def asked() -> requests.Response | None:
        answer = caller.get("health/ready", key=None)
        return answer if answer.status_code == status else None

    return until(asked, f"readiness with {status}")


def test_a_worker_that_answers_is_alive_for_anybody(caller: Caller) -> None:
    """Load balancers have no key."""
    answer = caller.get("health/live", key=None)
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_a_worker_that_reads_every_epoch_record_is_ready(caller: Caller) -> None:
    """Which pairs, and nothing else about them."""
    answer = _once(caller, 200)
    assert (answer.status_code, answer.json()) == (200, READY)


def test_a_worker_without_its_ledger_is_alive_but_not_ready(caller: Caller) -> None:
    """503, naming the pair whose record cannot be read; and ready again when the store is back."""
    caller.local.azure.faults.set(None, "ledger", "refuse")
    try:
        answer, alive = _once(caller, 503), caller.get("health/live", key=None)
    finally:
        caller.local.azure.faults.clear(None, "ledger")
    assert (answer.status_code, answer.json()) == (
        503,
        READY | {"status": "not ready", "epoch_record": {"demo": False}},
    )
    assert alive.status_code == 200


def test_a_worker_that_cannot_read_the_pointer_is_not_ready(caller: Caller) -> None:
    """It could decide, but tell nobody."""
    caller.local.azure.faults.set(None, "appconfig", "5xx", status=503)
    try:
        answer = _once(caller, 503)
    finally:
        caller.local.azure.faults.clear(None, "appconfig")
    assert (answer.status_code, answer.json()) == (503, READY | {"status": "not ready", "pointer": {"demo": False}})
