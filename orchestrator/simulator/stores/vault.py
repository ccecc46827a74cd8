"""Key Vault, as far as somebody needs it who wants to know whether a vault answers: the list of its secrets.

Vaults here hold no secrets. Errors have Key Vault's shape; which of its many texts the real service would choose is
not known.
"""

from __future__ import annotations

import re
import uuid

from aiohttp import web

from orchestrator.simulator.services import TENANT, AzureError, Kernel

AUDIENCE = "https://vault.azure.net"
MOST = 25
"""Most secrets of one page (learn.microsoft.com, "Get Secrets")."""

_VERSION = re.compile(r"7\.\d(-preview\.\d)?|202[5-9]-\d{2}-\d{2}")
"""Numbered until 7.6, dated from 2025 on. Which dates exist is not checked."""

_CHALLENGE = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{AUDIENCE}"'


def routes(kernel: Kernel, name: str) -> list[web.RouteDef]:
    """The data plane of the vault ``name``."""

    async def secrets(request: web.Request) -> web.Response:
        try:
            _check(kernel, request)
        except AzureError as fault:
            return _answer(name, {"error": {"code": fault.code, "message": fault.message}}, fault.status, fault.headers)
        return _answer(name, {"value": [], "nextLink": None})

    async def secret(request: web.Request) -> web.Response:
        try:
            _check(kernel, request)
        except AzureError as fault:
            return _answer(name, {"error": {"code": fault.code, "message": fault.message}}, fault.status, fault.headers)
        message = f"A secret with (name/id) {request.match_info['secret']} was not found in this key vault."
        return _answer(name, {"error": {"code": "SecretNotFound", "message": message}}, 404)

    return [web.get("/secrets", secrets), web.get("/secrets/{secret:.+}", secret)]


def _check(kernel: Kernel, request: web.Request) -> None:
    """Caller first, then what is asked: a caller without a token is challenged whatever it asks."""
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        message = "AKV10000: Request is missing a Bearer or PoP token."
        raise AzureError(401, "Unauthorized", message, {"WWW-Authenticate": _CHALLENGE})
    try:
        kernel.admit(request, AUDIENCE, "vault.read")
    except AzureError as fault:
        if fault.status == 403:
            raise AzureError(
                403, "Forbidden", f"Caller is not authorized to perform action. {fault.message}"
            ) from fault
        raise AzureError(401, "Unauthorized", fault.message, {"WWW-Authenticate": _CHALLENGE}) from fault
    version = request.query.get("api-version", "")
    if not _VERSION.fullmatch(version):
        raise AzureError(400, "BadParameter", f"The specified version ({version}) is not recognized.")
    most = request.query.get("maxresults", "1")
    if not most.isdigit() or not 1 <= int(most) <= MOST:
        raise AzureError(400, "BadParameter", f"maxresults must be between 1 and {MOST}")


def _answer(
    name: str, body: dict[str, object], status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    told = {
        "Cache-Control": "no-cache",
        "x-ms-keyvault-service-version": "1.9",
        "x-ms-request-id": str(uuid.uuid4()),
        "x-vault-name": name,
    }
    return web.json_response(body, status=status, headers={**told, **(headers or {})})
