"""A webhook of the plan's owner: takes signed calls, each key once, and works on each until it is asked for its end.

``POST /hooks/{name}`` is answered with 202 and a ``Location``, and ``GET`` of that with 200 once the work is over. It
refuses a call without the right signature, or without a key, or with a key that it has seen with another body. A key
that it has seen with the same body begins nothing anew. This is what the documentation of the product asks of
receivers, not a service of Azure.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple
from urllib.parse import quote

from aiohttp import web

from orchestrator.simulator.answers import json_answer
from orchestrator.simulator.services import AzureError

SETTING = "LOCAL_WEBHOOK_SECRET"
"""Name of the variable that holds the secret, in the environment that goes with a simulated Azure."""


class WebhookWork(NamedTuple):
    """What a call has begun."""

    name: str
    key: str
    body: bytes


class WebhookReceiver:
    """All hooks of one simulated Azure.

    Args:
        secret: shared with who calls.
    """

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.begun: list[WebhookWork] = []
        """What was begun, each once, in order."""

        self.calls = 0
        """How often it was called, repeated keys included."""

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/hooks/{name}", self._begin), web.get("/hooks/{name}/{key:.+}", self._show)]

    async def _begin(self, request: web.Request) -> web.Response:
        body = await request.read()
        expected = f"sha256={hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()}"
        if not hmac.compare_digest(request.headers.get("X-Hubswitch-Signature", ""), expected):
            raise AzureError(401, "Unauthorized", "X-Hubswitch-Signature: not that of the body.")
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            raise AzureError(400, "BadRequest", "Idempotency-Key: the header is required.")
        work = WebhookWork(request.match_info["name"], key, body)
        known = next((each for each in self.begun if (each.name, each.key) == (work.name, key)), None)
        if known is not None and known.body != body:
            raise AzureError(409, "Conflict", "Idempotency-Key: it came with another body before.")
        self.calls += 1
        if known is None:
            self.begun.append(work)
        return json_answer({}, 202, {"Location": f"/hooks/{quote(work.name)}/{quote(key)}"})

    async def _show(self, request: web.Request) -> web.Response:
        wanted = (request.match_info["name"], request.match_info["key"])
        if wanted not in {(each.name, each.key) for each in self.begun}:
            raise AzureError(404, "NotFound", "There is no such work.")
        return json_answer({"status": "done"})
