"""Container registry, as far as somebody needs it who wants to know whether a registry answers.

``/v2/`` with its challenge, and the two steps from a token of Microsoft Entra to one of the registry's own
(github.com/Azure/acr, docs/AAD-OAuth.md). There are no repositories behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from orchestrator.simulator.services import AzureError, Kernel, Principal

AUDIENCE = "https://containerregistry.azure.net"
"""Accepted besides Resource Manager's own."""

PERMISSION = "acr.read"
"""Asked for when a token is exchanged; whether the real registry refuses then or only per repository is not known."""

REFRESH_LIFETIME, ACCESS_LIFETIME = 3 * 3600, 75 * 60
"""Seconds: three hours and 75 minutes."""


def routes(kernel: Kernel, name: str) -> list[web.RouteDef]:
    """The registry ``name``."""
    registry = _Registry(kernel, name)
    return [
        web.get("/v2/", _guard(registry.version)),
        web.post("/oauth2/exchange", _guard(registry.exchange)),
        web.post("/oauth2/token", _guard(registry.token)),
    ]


class _Registry:
    def __init__(self, kernel: Kernel, name: str) -> None:
        self._kernel = kernel
        self._name = name

    async def version(self, request: web.Request) -> web.Response:
        challenge = {"WWW-Authenticate": f'Bearer realm="https://{request.host}/oauth2/token",service="{request.host}"'}
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            message = "authentication required, visit https://aka.ms/acr/authorization for more information."
            raise AzureError(401, "UNAUTHORIZED", message, challenge)
        try:
            self._kernel.authorise(token, self._audience("access"), PERMISSION)
        except AzureError as fault:
            raise AzureError(401, "UNAUTHORIZED", fault.message, challenge) from fault
        return web.json_response({})

    async def exchange(self, request: web.Request) -> web.Response:
        """A token of Microsoft Entra for the registry's refresh token."""
        form = await self._form(request, "access_token")
        caller = self._find_principal(form["access_token"])
        token, _ = self._kernel.token(caller.client_id, self._audience("refresh"), lifetime=REFRESH_LIFETIME)
        return web.json_response({"refresh_token": token})

    async def token(self, request: web.Request) -> web.Response:
        """The registry's refresh token for an access token. A missing scope gives a token for ``/v2/`` alone."""
        form = await self._form(request, "refresh_token")
        try:
            caller = self._kernel.authorise(form["refresh_token"], self._audience("refresh"), PERMISSION)
        except AzureError as fault:
            raise AzureError(401, "UNAUTHORIZED", fault.message) from fault
        token, _ = self._kernel.token(caller.client_id, self._audience("access"), lifetime=ACCESS_LIFETIME)
        return web.json_response({"access_token": token})

    async def _form(self, request: web.Request, grant: str) -> Mapping[str, str]:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if form.get("grant_type") != grant or not form.get(grant):
            raise AzureError(400, "UNSUPPORTED", f"grant_type must be {grant}, with a field of that name")
        if form.get("service") not in {request.host, f"{self._name}.azurecr.io"}:
            raise AzureError(400, "UNSUPPORTED", f"service is not {request.host}")
        return form

    def _find_principal(self, token: str) -> Principal:
        try:
            return self._kernel.authorise(token, (self._kernel.resource_manager, AUDIENCE), PERMISSION)
        except AzureError as fault:
            raise AzureError(401, "UNAUTHORIZED", fault.message) from fault

    def _audience(self, kind: str) -> str:
        return f"{kind}:{self._name}.azurecr.io"


def _guard(
    action: Callable[[web.Request], Awaitable[web.Response]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        try:
            response = await action(request)
        except AzureError as fault:
            body = {"errors": [{"code": fault.code, "message": fault.message, "detail": None}]}
            response = web.json_response(body, status=fault.status, headers=fault.headers)
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return response

    return serve
