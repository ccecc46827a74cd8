"""The token endpoint that App Service gives to an app with managed identities, over plain HTTP.

``GET ?api-version=2019-08-01&resource=<audience>&client_id=<id>`` with the header ``X-IDENTITY-HEADER``
(learn.microsoft.com, "How to use managed identities for App Service", REST endpoint reference). Which status the real
endpoint gives to a wrong header is not documented: 401 here. A token is given for any audience; whether it is the
right one is the business of the service that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.services import TOKEN_LIFETIME, AzureError, Kernel

PATH = "/msi/token"
API_VERSION = "2019-08-01"

EXECUTOR = "e0000000-0000-4000-8000-00000000e0ec"
"""Switches and resubmits."""

PROBE = "b0000000-0000-4000-8000-00000000b0be"
"""Only looks."""

READER = "c0000000-0000-4000-8000-00000000c0de"
"""Reads the inventories of both sides."""

USER = "a0000000-0000-4000-8000-00000000a5e2"
"""Submits jobs, as a person does."""

PEOPLE = frozenset({USER})
_READ = ("arm.read", "ml.read", "blob.read", "appconfig.read")
GRANTS: dict[str, tuple[str, ...]] = {
    EXECUTOR: (
        *_READ,
        "file.read",
        "arm.write",
        "front.write",
        "ml.write",
        "blob.write",
        "appconfig.write",
        "eventgrid.send",
    ),
    PROBE: (*_READ, "ml.score", "vault.read", "acr.read", "logs.read"),
    READER: ("arm.read", "arm.diagnose"),
    USER: (*_READ, "arm.write", "arm.delete", "ml.write", "ml.score", "blob.write"),
}
"""What each identity may do; the least that its work needs."""


@dataclass
class IdentityEndpoint:
    """Tokens for the identities that were assigned to the app.

    Args:
        secret: what ``X-IDENTITY-HEADER`` must hold.
        client_ids: the user-assigned identities; there is no system-assigned one.
    """

    kernel: Kernel
    secret: str
    client_ids: frozenset[str]
    lifetime: int = TOKEN_LIFETIME

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self._token)]

    async def _token(self, request: web.Request) -> web.Response:
        query = request.query
        self._check_caller(request.headers.get("X-IDENTITY-HEADER"), query)
        client_id, resource = query.get("client_id", ""), query["resource"]
        if client_id not in self.client_ids:
            # With identities assigned by users only, a request that names none is refused in the same way.
            raise AzureError(
                400,
                "InvalidRequest",
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
            )
        token, expires = self.kernel.token(client_id, resource, lifetime=self.lifetime)
        return json_answer(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": client_id,
            }
        )

    def _check_caller(self, secret: str | None, query: Mapping[str, str]) -> None:
        if secret is None:
            raise AzureError(400, "BadRequest", "The header X-IDENTITY-HEADER is missing.")
        if secret != self.secret:
            raise AzureError(401, "Unauthorized", "The header X-IDENTITY-HEADER is wrong.")
        if query.get("api-version") != API_VERSION:
            raise AzureError(400, "BadRequest", f"api-version: {API_VERSION} was expected.")
        if not query.get("resource"):
            raise AzureError(400, "BadRequest", "The query parameter resource is missing.")
