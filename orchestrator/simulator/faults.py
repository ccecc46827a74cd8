"""What goes wrong, where: one fault per region and surface, and added latency per endpoint.

Surfaces: the probed ones (``hub``, ``jobs``, ``inference``, ``storage``, ``keyvault``, ``acr``, ``control``,
``identity``), Azure AI Search (``search``), Log Analytics (``logs``), and what belongs to no hub (``ledger``,
``appconfig``, ``eventgrid``, ``observer``, ``elsewhere``).
A fault without a region is in all of them; ``identity`` has no region.

=============  ====================================================================================
kind           what a client meets
=============  ====================================================================================
refuse         the port is closed: ECONNREFUSED. On a port that serves other surfaces too: a reset
black-hole     the connection is accepted, the TLS handshake never answered. Unlike after a dropped SYN,
               the client's ``connect()`` succeeds. requests waits for the handshake as long as for the
               connection, but calls its failure a read timeout. On a shared port: the same as hang
hang           the request is read and never answered
5xx            ``status`` (503), with ``retry_after`` seconds if given
429            429 with ``retry_after`` seconds (1)
401, 403       as if the identity had lost its rights
slow           answered after ``delay`` seconds (1)
flaky          every second request gets ``status`` (503)
unknown        the service does not know the question: ``status`` (404; or 405, 501, 530), in no words of its own.
               With ``path``, of those questions alone
lost-answer    the request is carried out, then the connection breaks before the answer
=============  ====================================================================================

``times`` ends a fault after so many requests; ``method`` and ``path`` (a regular expression, searched in the path)
narrow it to some requests. A narrowed or counted fault never closes a port.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from orchestrator.core.base.codec import Value, from_builtins, to_builtins
from orchestrator.core.base.errors import InvalidInput

REGIONAL = ("hub", "jobs", "inference", "storage", "keyvault", "acr", "search", "logs", "control")
SHARED = ("identity", "ledger", "appconfig", "eventgrid", "observer", "elsewhere")
SURFACES = (*REGIONAL, *SHARED)


class FaultKind(StrEnum):
    REFUSE = "refuse"
    BLACK_HOLE = "black-hole"
    HANG = "hang"
    ERROR = "5xx"
    THROTTLE = "429"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    SLOW = "slow"
    FLAKY = "flaky"
    UNKNOWN = "unknown"
    LOST_ANSWER = "lost-answer"


UNKNOWN_STATUSES = (404, 405, 501, 530)
"""What a gateway answers to a question that what is behind it does not know."""


class How(Value, kw_only=True):
    """The parameters of a fault. Times are in seconds."""

    status: int = 503
    retry_after: int | None = None
    delay: float = 1.0
    times: int | None = None
    method: str | None = None
    path: str | None = None


@dataclass
class SimulatedFault:
    """One thing that goes wrong. ``met`` counts the requests that met it; ``lifted`` turns true when it is over."""

    region: str | None
    surface: str
    kind: FaultKind
    how: How
    met: int = 0
    lifted: bool = False

    @property
    def whole(self) -> bool:
        """Whether it concerns every request, so that a port may be closed for it."""
        return self.how.times is None and self.how.method is None and self.how.path is None

    def concerns(self, method: str, path: str) -> bool:
        how = self.how
        return how.method in {None, method} and (how.path is None or re.search(how.path, path) is not None)

    def shown(self) -> dict[str, Any]:
        how: dict[str, Any] = to_builtins(self.how)
        return {"region": self.region, "surface": self.surface, "kind": self.kind.value, "met": self.met} | how


class Runner(Protocol):
    """Runs a function in the thread that serves, and waits for it."""

    def __call__[T](self, function: Callable[[], T]) -> T: ...


@dataclass
class Faults:
    """All faults now in force. Every method may be called from any thread."""

    regions: tuple[str, ...]
    run: Runner
    changed: Callable[[], None] = lambda: None
    _faults: dict[tuple[str | None, str], SimulatedFault] = field(default_factory=dict)
    _latency: dict[str, float] = field(default_factory=dict)

    def set(self, region: str | None, surface: str, kind: str, **parameters: Any) -> None:
        """Let something go wrong from now on, instead of what went wrong there before.

        Raises:
            ValueError: no such region, surface, kind or parameter.
        """
        fault = self._check(region, surface, kind, parameters)
        self.run(lambda: self._put(fault))

    def clear(self, region: str | None = None, surface: str | None = None) -> None:
        """End the faults of a region, of a surface, of both, or all."""
        self.run(lambda: self._lift(region, surface))

    def latency(self, seconds: float, *endpoints: str) -> None:
        """Add a fixed time to every answer of the named endpoints, or of all (``*``) if none is named."""
        names = endpoints or ("*",)
        self.run(lambda: self._latency.update(dict.fromkeys(names, seconds)))

    def latency_of(self, endpoint: str) -> float:
        """Seconds to wait before anything else at an endpoint."""
        return self._latency.get(endpoint, self._latency.get("*", 0.0))

    def at(self, region: str | None, surface: str) -> SimulatedFault | None:
        """The fault in force at a place."""
        return self._faults.get((region, surface)) or self._faults.get((None, surface))

    def met(self, region: str | None, surface: str, method: str, path: str) -> SimulatedFault | None:
        """The fault that one request meets; it is counted."""
        for place in ((region, surface), (None, surface)):
            fault = self._faults.get(place)
            if fault is not None and fault.concerns(method, path):
                fault.met += 1
                if fault.met == fault.how.times:
                    del self._faults[place]
                return fault
        return None

    def listed(self) -> list[dict[str, Any]]:
        return self.run(lambda: [fault.shown() for fault in self._faults.values()])

    def _check(self, region: str | None, surface: str, kind: str, parameters: dict[str, Any]) -> SimulatedFault:
        if surface not in SURFACES:
            raise ValueError(f"surface: one of {', '.join(SURFACES)} was expected, got {surface!r}")
        if region is not None and region not in self.regions:
            raise ValueError(f"region: one of {', '.join(self.regions)} was expected, got {region!r}")
        if kind not in set(FaultKind):
            raise ValueError(f"kind: one of {', '.join(FaultKind)} was expected, got {kind!r}")
        if kind == FaultKind.UNKNOWN and parameters.setdefault("status", 404) not in UNKNOWN_STATUSES:
            raise ValueError(f"status: one of {UNKNOWN_STATUSES} was expected, got {parameters['status']!r}")
        try:
            how = from_builtins(parameters, How, "parameters")
            re.compile(how.path or "")
        except (InvalidInput, re.error) as fault:
            raise ValueError(str(fault)) from fault
        return SimulatedFault(None if surface == "identity" else region, surface, FaultKind(kind), how)

    def _put(self, fault: SimulatedFault) -> None:
        place = (fault.region, fault.surface)
        if before := self._faults.get(place):
            before.lifted = True
        self._faults[place] = fault
        self.changed()

    def _lift(self, region: str | None, surface: str | None) -> None:
        for place, fault in list(self._faults.items()):
            if region in {None, fault.region} and surface in {None, fault.surface}:
                fault.lifted = True
                del self._faults[place]
        self.changed()
