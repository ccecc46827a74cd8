"""What every simulated service stands on: one clock, one seed, tokens, roles, and Azure's way to say no."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import jwt
import msgspec
from aiohttp import web

from orchestrator.simulator.request_log import LoggedRequest

TENANT = "11111111-1111-1111-1111-111111111111"
TOKEN_LIFETIME = 3600
"""Seconds. Azure's access tokens live for 60 to 90 minutes."""


class AzureError(Exception):
    """An answer that is not success. Each service renders it in its own way (JSON, XML, problem+json)."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        inner: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner = inner
        self.parameters = dict(parameters or {})
        self.message = message
        self.headers = dict(headers or {})


async def read_json(request: web.Request, code: str, said: str) -> Any:
    """The body of a request, None if it has none.

    Raises:
        AzureError: it is not JSON; with this code, and these words before the fault.
    """
    data = await request.read()
    if not data:
        return None
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as fault:
        raise AzureError(400, code, f"{said}: {fault}") from fault


class Principal(NamedTuple):
    """Who calls: object id and client id of an identity."""

    object_id: str
    client_id: str


class Roles(Protocol):
    """Roles that are finer than ``Kernel.grants``: asked about each request whose caller the grants have admitted."""

    def allow(self, request: LoggedRequest) -> bool:
        """Whether the roles of the caller allow the request."""
        ...

    def actions(self, client_id: str, place: str) -> Sequence[str]:
        """The management actions that the roles of an identity at a resource allow."""
        ...


LOGGED = web.RequestKey("logged", LoggedRequest)
"""Under which a request carries its entry of the log."""


@dataclass
class Kernel:
    """Shared state of one simulated Azure. ``speed`` divides the durations of simulated work, nothing else."""

    seed: int = 0
    speed: float = 1.0
    rng: random.Random = field(init=False)
    resource_manager: str = "https://management.azure.com"
    """Resource Manager's endpoint, which is also the audience of its tokens."""

    grants: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Client id -> permissions, such as ``arm.write`` or ``*``."""

    refuses_second_puts: bool = False
    """A PUT of a job that exists is refused as changed whatever its body, as the service may do with one that it has
    normalised."""

    gives_keys_only: bool = False
    """``listSecrets`` of a datastore answers with the account's key although a signature was asked for. That an account
    which makes no signatures does so is our guess; azure-ai-ml reads both."""

    private_link: bool = False
    """Each region's API answers for its workspaces at a host of its own, which ``discoveryUrl`` names, and refuses them
    at the regional one. One host for both of a region's workspaces, and 403 as the refusal, are our guess."""

    roles: Roles | None = None
    """Finer roles, which have to allow what ``grants`` allow. None: ``grants`` alone decide. Not asked: what carries
    its token elsewhere than in the header, which is the registry's exchange and the source of a copy."""

    people: set[str] = field(default_factory=set)
    """Client ids that stand for a signed-in person; all others are applications."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self._key = f"local-azure-{self.seed}".ljust(32, "-")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def grant(self, client_id: str, *permissions: str) -> None:
        self.grants[client_id].update(permissions)

    def revoke(self, client_id: str, *permissions: str) -> None:
        self.grants[client_id].difference_update(permissions)

    def token(self, client_id: str, audience: str, *, lifetime: int = TOKEN_LIFETIME) -> tuple[str, int]:
        """A signed token for one audience, and the Unix time at which it expires."""
        expires = int(time.time()) + lifetime
        claims = {
            "aud": audience.rstrip("/"),
            "appid": client_id,
            "oid": f"oid-{client_id}",
            "tid": TENANT,
            "idtyp": "user" if client_id in self.people else "app",
            "iss": f"https://sts.windows.net/{TENANT}/",
            "nbf": int(time.time()) - 5,
            "exp": expires,
        }
        return jwt.encode(claims, self._key, algorithm="HS256"), expires

    def admit(self, request: web.Request, audience: str | tuple[str, ...], permission: str) -> Principal:
        """The caller, if its token is for this audience (or one of them), is not expired, and its roles allow the act.

        Raises:
            AzureError: 401 without a valid token for the audience, 403 without the permission.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise AzureError(
                401,
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
                {"WWW-Authenticate": f'Bearer authorization_uri="https://login.microsoftonline.com/{TENANT}"'},
            )
        caller = self.authorise(token, audience, permission)
        logged = request.get(LOGGED)
        if self.roles is not None and logged is not None and not self.roles.allow(logged):
            raise _refusal(caller.client_id, permission)
        return caller

    def authorise(self, token: str, audience: str | tuple[str, ...], permission: str) -> Principal:
        """Who holds a token, if it is for this audience (or one of them), still valid, and its roles allow the act.

        Raises:
            AzureError: 401 if the token is no good, 403 without the permission.
        """
        audiences = [audience] if isinstance(audience, str) else list(audience)
        claims = self._claims(token, [each.rstrip("/") for each in audiences])
        caller = Principal(claims["oid"], claims["appid"])
        held = self.grants.get(caller.client_id, set())
        if "*" not in held and permission not in held:
            raise _refusal(caller.client_id, permission)
        return caller

    def is_person(self, token: str, audience: str) -> bool:
        """Whether a token was given to a signed-in person for this audience, and is still valid."""
        try:
            return self._claims(token, [audience]).get("idtyp") == "user"
        except AzureError:
            return False

    def _claims(self, token: str, audiences: list[str]) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(token, self._key, algorithms=["HS256"], audience=audiences)
        except jwt.InvalidAudienceError as fault:
            expected = " or ".join(audiences)
            raise AzureError(401, "InvalidAuthenticationTokenAudience", f"not issued for {expected}") from fault
        except jwt.ExpiredSignatureError as fault:
            raise AzureError(401, "ExpiredAuthenticationToken", "The access token has expired.") from fault
        except jwt.InvalidTokenError as fault:
            raise AzureError(401, "InvalidAuthenticationToken", "The access token is invalid.") from fault
        return claims


def _refusal(client_id: str, permission: str) -> AzureError:
    said = f"The client '{client_id}' does not have authorization to perform action '{permission}'."
    return AzureError(403, "AuthorizationFailed", said)
