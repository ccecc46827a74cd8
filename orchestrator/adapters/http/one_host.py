"""A transport that reaches one host: no answer can lead a client, and its token, to another one.

Clients take addresses from answers: the next page of a list (azure-appconfiguration 1.10.0 sends its token to whatever
host ``@nextLink`` names), a redirect, the place of a long-running operation. Which of them a package follows changes
with its versions. Every request passes through the transport, so that it is checked here.
"""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import urlsplit

from azure.core.pipeline.transport import HttpTransport

from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.core.base.errors import InvalidInput

DEFAULT_PORTS = {"https": 443, "http": 80}


class OneHostTransport(HttpTransport[Any, Any]):
    """The process's transport, for one client. Leaving or closing the client does not close it.

    Args:
        inner: what sends.
        endpoint: the client's own; scheme, host and port count.
    """

    def __init__(self, inner: BoundedTransport, endpoint: str) -> None:
        self._inner = inner
        self._endpoint = endpoint

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send.

        Raises:
            InvalidInput: the request would go to another scheme, host or port.
        """
        check_same_host(self._endpoint, str(request.url))
        return self._inner.send(request, **kwargs)

    def sleep(self, duration: float) -> None:
        self._inner.sleep(duration)

    def open(self) -> None:
        self._inner.open()

    def close(self) -> None:
        """Nothing: others use the connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        """Nothing, as ``close``."""


def check_same_host(endpoint: str, url: str) -> None:
    """Return if a URL leads to the endpoint's own host.

    Raises:
        InvalidInput: scheme, host or port are others.
    """
    if place_of(url) != place_of(endpoint):
        scheme, host, port = place_of(url)
        got = f"{scheme}://{host}:{port}"[:100]
        raise InvalidInput(f"an answer of {urlsplit(endpoint).netloc}", "address", f"one at {endpoint}", got)


def place_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL. A port that is no number is None, and no endpoint's."""
    parts = urlsplit(url)
    try:
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        port = None
    return parts.scheme.casefold(), (parts.hostname or "").casefold(), port
