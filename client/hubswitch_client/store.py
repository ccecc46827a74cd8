"""Reading the pointer from the endpoints of an App Configuration store, with the SDK and one GET per endpoint.

hubswitch publishes several keys one by one: plain ones, then ``hubswitch:<pair>:active``, then a sentinel. The one
that counts is ``active``: JSON with everything in it, written at once, so whoever reads it alone never sees parts of
two switches. A publication that was cut short leaves it as it was, and valid, while the plain keys are ahead.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hubswitch_client.pointer import Pointer, parse_pointer

if TYPE_CHECKING:
    from azure.appconfiguration import AzureAppConfigurationClient
    from azure.core.credentials import TokenCredential

BOUNDS: Mapping[str, Any] = {"connection_timeout": 2, "read_timeout": 5, "retry_total": 0}
"""Seconds, and no retries: the SDK's own defaults wait five minutes for a connection, and the next endpoint, the next
round or the last good value is a better answer than a second attempt."""


class Answers(NamedTuple):
    """The newest value of one round over the endpoints, and why others gave none, by endpoint."""

    value: Pointer | None
    faults: dict[str, Exception]


class OlderEpoch(Exception):
    """An endpoint that is behind what is known already."""

    def __init__(self, epoch: int, known: int) -> None:
        super().__init__(f"epoch {epoch} is older than {known}, which is known already")


class NoPointer(Exception):
    """An endpoint without a pointer of the pair."""


class EndpointReader:
    """Clients for the endpoints of one store. They are made when they are first needed."""

    def __init__(
        self, pair: str, endpoints: Sequence[str], credential: TokenCredential | None, options: Mapping[str, Any]
    ) -> None:
        self._key = f"hubswitch:{pair}:active"
        self._endpoints = tuple(endpoints)
        self._given = credential
        self._own: Any = None
        self._options = {**BOUNDS, **options}
        self._clients: dict[str, AzureAppConfigurationClient] = {}
        self._lock = threading.Lock()

    @property
    def credential(self) -> TokenCredential:
        """The one that was given, or azure-identity's default."""
        if self._given is not None:
            return self._given
        with self._lock:
            if self._own is None:
                # Here and below, the SDKs are imported late: they take longer than everything else together.
                from azure.identity import DefaultAzureCredential

                self._own = DefaultAzureCredential()
            found: TokenCredential = self._own
            return found

    def read(self, known: int, *, ask_all: bool) -> Answers:
        """Ask the endpoints in their order, up to the first that is not behind, or all of them.

        Args:
            known: the epoch below which no answer is believed.
            ask_all: do not stop at the first; the highest epoch counts, of equal ones the first.
        """
        best: Pointer | None = None
        faults: dict[str, Exception] = {}
        for endpoint in self._endpoints:
            try:
                found = self._read_one(endpoint)
                if found.epoch < known:
                    raise OlderEpoch(found.epoch, known)  # noqa: TRY301 - all that is wrong with an endpoint ends below
            except Exception as fault:  # noqa: BLE001 - whatever SDK or credential raise, the next endpoint may be well
                faults[endpoint] = fault
                continue
            if best is None or found.epoch > best.epoch:
                best = found
            if not ask_all:
                break
        return Answers(best, faults)

    def close(self) -> None:
        """Close the clients, and the credential if it is our own. A transport that was given stays open."""
        clients, self._clients = self._clients, {}
        if "transport" not in self._options:
            for client in clients.values():
                client.close()
        own, self._own = self._own, None
        if own is not None:
            own.close()

    def _read_one(self, endpoint: str) -> Pointer:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            found = self._client(endpoint).get_configuration_setting(self._key)
        except ResourceNotFoundError as fault:
            raise NoPointer(f"there is no key {self._key}") from fault
        return parse_pointer((found.value if found else None) or "", f"key {self._key}")

    def _client(self, endpoint: str) -> AzureAppConfigurationClient:
        from azure.appconfiguration import AzureAppConfigurationClient

        if endpoint not in self._clients:
            self._clients[endpoint] = AzureAppConfigurationClient(endpoint, self.credential, **self._options)
        return self._clients[endpoint]
