"""Leases on blobs: which operation is allowed in which state, and who may write meanwhile.

The table is the one of learn.microsoft.com, "Lease Blob" (outcomes of lease and use attempts by lease state).
Times are readings of one monotonic clock, in seconds.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from orchestrator.simulator.stores.blob_errors import BlobError, header_fault

FOREVER = -1
SHORTEST, LONGEST = 15, 60


@dataclass(slots=True, frozen=True)
class Lease:
    """A lease as acquired. ``until`` is when it, or its break period, ends."""

    id: str
    seconds: int
    until: float
    broken: bool = False

    def state(self, now: float) -> str:
        running = now < self.until
        if self.broken:
            return "breaking" if running else "broken"
        return "leased" if running else "expired"

    def holds(self, now: float) -> bool:
        """Whether writes need its id."""
        return now < self.until


class Outcome(NamedTuple):
    """What a lease operation leaves and answers."""

    lease: Lease | None
    status: int
    headers: dict[str, str]


def describe(lease: Lease | None, now: float) -> dict[str, str]:
    """The lease headers of a blob's properties."""
    if lease is None:
        return {"x-ms-lease-status": "unlocked", "x-ms-lease-state": "available"}
    state = lease.state(now)
    told = {"x-ms-lease-status": "locked" if lease.holds(now) else "unlocked", "x-ms-lease-state": state}
    if state == "leased":
        told["x-ms-lease-duration"] = "infinite" if lease.seconds == FOREVER else "fixed"
    return told


def guard_write(lease: Lease | None, given: str | None, now: float) -> None:
    """Let a write pass, or not.

    Raises:
        BlobError: 412, one code for each way in which lease and request disagree.
    """
    if lease is None:
        if given is not None:
            raise BlobError("LeaseNotPresentWithBlobOperation")
    elif lease.holds(now):
        if given is None:
            raise BlobError("LeaseIdMissing")
        if given.lower() != lease.id:
            raise BlobError("LeaseIdMismatchWithBlobOperation")
    elif given is not None:
        raise BlobError("LeaseLost" if given.lower() == lease.id else "LeaseIdMismatchWithBlobOperation")


def guard_read(lease: Lease | None, given: str | None, now: float) -> None:
    """A read needs no lease id, but one that is given must be the right one."""
    if given is not None:
        guard_write(lease, given, now)


def after_write(lease: Lease | None, now: float) -> Lease | None:
    """What a write leaves of a lease: one that has run out is gone."""
    return lease if lease is None or lease.holds(now) else None


def operate(lease: Lease | None, headers: Mapping[str, str], now: float) -> Outcome:
    """Carry out the lease operation that the headers ask for.

    Raises:
        BlobError: 400 for headers that make no sense, 409 if the state does not allow it.
    """
    action = headers.get("x-ms-lease-action", "")
    operation = _OPERATIONS.get(action.lower())
    if operation is None:
        raise header_fault("InvalidHeaderValue" if action else "MissingRequiredHeader", "x-ms-lease-action", action)
    return operation(lease, headers, now)


def _acquire(lease: Lease | None, headers: Mapping[str, str], now: float) -> Outcome:
    seconds = _number(headers, "x-ms-lease-duration", required=True) or 0
    if seconds != FOREVER and not SHORTEST <= seconds <= LONGEST:
        raise header_fault("InvalidHeaderValue", "x-ms-lease-duration", str(seconds))
    proposed = _identifier(headers, "x-ms-proposed-lease-id", required=False)
    if lease is not None and lease.holds(now):
        if lease.id != proposed:
            raise BlobError("LeaseAlreadyPresent")
        if lease.broken:
            raise BlobError("LeaseIsBreakingAndCannotBeAcquired")
    taken = Lease(proposed or str(uuid.uuid4()), seconds, _end(seconds, now))
    return Outcome(taken, 201, {"x-ms-lease-id": taken.id})


def _renew(lease: Lease | None, headers: Mapping[str, str], now: float) -> Outcome:
    held = _matching(lease, headers)
    if held.broken:
        raise BlobError("LeaseIsBrokenAndCannotBeRenewed")
    return Outcome(replace(held, until=_end(held.seconds, now)), 200, {"x-ms-lease-id": held.id})


def _change(lease: Lease | None, headers: Mapping[str, str], now: float) -> Outcome:
    given = _identifier(headers, "x-ms-lease-id")
    wanted = _identifier(headers, "x-ms-proposed-lease-id")
    if lease is None or not lease.holds(now):
        raise BlobError("LeaseNotPresentWithLeaseOperation")
    if lease.id not in {given, wanted}:
        raise BlobError("LeaseIdMismatchWithLeaseOperation")
    if lease.broken:
        raise BlobError("LeaseIsBreakingAndCannotBeChanged")
    return Outcome(replace(lease, id=wanted), 200, {"x-ms-lease-id": wanted})


def _release(lease: Lease | None, headers: Mapping[str, str], now: float) -> Outcome:
    del now
    _matching(lease, headers)
    return Outcome(None, 200, {})


def _break(lease: Lease | None, headers: Mapping[str, str], now: float) -> Outcome:
    period = _number(headers, "x-ms-lease-break-period", required=False)
    if period is not None and not 0 <= period <= LONGEST:
        raise header_fault("InvalidHeaderValue", "x-ms-lease-break-period", str(period))
    if lease is None:
        raise BlobError("LeaseNotPresentWithLeaseOperation")
    # Without a period a fixed lease runs out its time and an infinite one breaks at once; a period never lengthens.
    remaining = 0.0 if math.isinf(lease.until) and period is None else max(0.0, lease.until - now)
    wait = remaining if period is None else min(remaining, float(period))
    ended = replace(lease, broken=True, until=now + wait)
    return Outcome(ended, 202, {"x-ms-lease-time": str(math.ceil(wait))})


_OPERATIONS: dict[str, Callable[[Lease | None, Mapping[str, str], float], Outcome]] = {
    "acquire": _acquire,
    "renew": _renew,
    "change": _change,
    "release": _release,
    "break": _break,
}


def _matching(lease: Lease | None, headers: Mapping[str, str]) -> Lease:
    given = _identifier(headers, "x-ms-lease-id")
    if lease is None or lease.id != given:
        raise BlobError("LeaseIdMismatchWithLeaseOperation")
    return lease


def _end(seconds: int, now: float) -> float:
    return math.inf if seconds == FOREVER else now + seconds


def _identifier(headers: Mapping[str, str], name: str, *, required: bool = True) -> str:
    value = headers.get(name, "")
    if not value and not required:
        return ""
    if not value:
        raise header_fault("MissingRequiredHeader", name)
    try:
        return str(uuid.UUID(value))
    except ValueError as fault:
        raise header_fault("InvalidHeaderValue", name, value) from fault


def _number(headers: Mapping[str, str], name: str, *, required: bool) -> int | None:
    value = headers.get(name)
    if value is None:
        if required:
            raise header_fault("MissingRequiredHeader", name)
        return None
    try:
        return int(value)
    except ValueError as fault:
        raise header_fault("InvalidHeaderValue", name, value) from fault
