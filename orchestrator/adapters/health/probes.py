"""One sweep: everything that can be asked about both sides of a pair, at once, each question bounded, none raising.

Every sweep makes new connections, and asks for new tokens unless it belongs to a tick in which others have just done
so. A cached token or an open connection would answer for the past: whether a region can be reached *now* is the
question. That a token can be had now is no truer for being asked a thousand times in one second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from weakref import WeakKeyDictionary

import aiohttp
from azure.core.exceptions import AzureError, ClientAuthenticationError

from orchestrator.adapters.health.probe_requests import (
    Audience,
    ProbeVerdict,
    Question,
    all_of,
    by_fault,
    by_reach,
    by_status,
    questions,
)
from orchestrator.adapters.http.credential import Identity, async_credential_for, name_of
from orchestrator.adapters.http.errors import shorten
from orchestrator.adapters.http.transport import AsyncBoundedTransport, Gate, Limits
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.signal import Signal, probe_signal
from orchestrator.settings import Settings

NEVER = 2**31
"""A breaker would answer for a host that was not asked."""

READ_AT_MOST = 64 * 1024


class Token(NamedTuple):
    """A token, or the verdict on the identity that gave none."""

    text: str
    verdict: ProbeVerdict


type Tokens = Mapping[Audience, asyncio.Task[Token]]
"""One task per audience. Several sweeps may wait for it, so none may cancel it: it is awaited behind a shield."""


class HttpProbes:
    """``Probes`` as the probe identity. Usable from several event loops; each has a session of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._who = name_of(settings, Identity.PROBE)
        self._limits = Limits(
            connect=min(settings.connect_timeout, settings.probe_timeout),
            read=settings.probe_timeout,
            request=settings.probe_timeout,
            failures=NEVER,
        )
        self._transports: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncBoundedTransport] = WeakKeyDictionary()

    async def sweep(self, plan: Plan, now: datetime, *, without: Collection[Surface] = ()) -> Sequence[Signal]:
        """One signal per surface and side, then ``observer`` and ``elsewhere`` if the plan names any. Never raises."""
        return await self.swept(plan, now, without, self.tokens())

    def for_one_tick(self) -> Tick:
        """See ``Probes``."""
        return Tick(self)

    def tokens(self) -> Tokens:
        """A token for each audience, or why there is none: asked for now, in the running loop."""
        transport = self._transport()
        return {audience: asyncio.create_task(self._token(transport, audience)) for audience in Audience}

    async def swept(self, plan: Plan, now: datetime, without: Collection[Surface], tokens: Tokens) -> Sequence[Signal]:
        """One sweep with these tokens."""
        transport = self._transport()
        sides = [self._side(plan, role, now, without, tokens) for role in Role]
        world = [
            self._world(transport, surface, urls, now)
            for surface, urls in (
                (Surface.OBSERVER, plan.references.observer),
                (Surface.ELSEWHERE, plan.references.elsewhere),
            )
            if urls and surface not in without
        ]
        found = await asyncio.gather(*sides, *world)
        await asyncio.gather(*(asyncio.shield(token) for token in tokens.values()))
        return [signal for signals in found for signal in signals]

    async def aclose(self) -> None:
        """Close the session of the running loop."""
        transport = self._transports.pop(asyncio.get_running_loop(), None)
        if transport is not None:
            await transport.close()

    async def _side(
        self,
        plan: Plan,
        role: Role,
        now: datetime,
        without: Collection[Surface],
        tokens: Tokens,
    ) -> list[Signal]:
        transport = self._transport()
        asked = [
            one for one in questions(plan.side(role), self._settings.resource_manager) if one.surface not in without
        ]
        verdicts = await asyncio.gather(*(self._ask(transport, one, tokens[one.audience]) for one in asked))
        identity = (await asyncio.shield(tokens[Audience.MANAGER])).verdict
        found = {question.surface: verdict for question, verdict in zip(asked, verdicts, strict=True)}
        found[Surface.IDENTITY] = identity
        return [_signal(role, surface, found[surface], now) for surface in plan.surfaces(role) if surface in found]

    async def _world(
        self, transport: AsyncBoundedTransport, surface: Surface, urls: tuple[str, ...], now: datetime
    ) -> list[Signal]:
        verdicts = await asyncio.gather(*(self._reach(transport, url) for url in urls))
        return [_signal(None, surface, all_of(surface.value, list(verdicts)), now)]

    async def _ask(
        self, transport: AsyncBoundedTransport, question: Question, token: asyncio.Task[Token]
    ) -> ProbeVerdict:
        had = await asyncio.shield(token)
        if not had.text:
            return ProbeVerdict(Observation.BLIND, f"could not ask {question.surface}: {had.verdict.why}")
        form = {**question.form, "access_token": had.text} if question.form else None
        headers = dict(question.headers) | ({} if form else {"Authorization": f"Bearer {had.text}"})
        request = transport.session.request(
            question.method,
            question.url,
            params=question.query,
            headers=headers,
            json=question.json,
            data=form,
            allow_redirects=False,
        )
        return await self._judge(question.surface.value, request)

    async def _reach(self, transport: AsyncBoundedTransport, url: str) -> ProbeVerdict:
        """References are asked without a token; that they answer is enough."""
        return await self._judge(url, transport.session.get(url, allow_redirects=False), by_reach)

    async def _judge(
        self,
        what: str,
        request: Awaitable[aiohttp.ClientResponse],
        judge: Callable[[str, int, timedelta], ProbeVerdict] = by_status,
    ) -> ProbeVerdict:
        start, limit = time.monotonic(), self._settings.probe_timeout
        try:
            async with asyncio.timeout(limit.total_seconds()):
                response = await request
                async with response:
                    await response.content.read(READ_AT_MOST)
        except Exception as fault:  # noqa: BLE001 - a sweep never raises; what is unknown is blind
            return by_fault(what, fault, limit)
        return judge(what, response.status, timedelta(seconds=time.monotonic() - start))

    async def _token(self, transport: AsyncBoundedTransport, audience: Audience) -> Token:
        resource = self._settings.resource_manager.rstrip("/") if audience is Audience.MANAGER else audience.value
        limit = self._settings.probe_timeout
        try:
            async with asyncio.timeout(limit.total_seconds()):
                credential = async_credential_for(self._settings, Identity.PROBE, transport)
                token = await credential.get_token(f"{resource}/.default")
        except Exception as fault:  # noqa: BLE001 - as above
            return Token("", self._without_token(fault, limit))
        return Token(token.token, ProbeVerdict(Observation.OK, f"the {self._who} got a token"))

    def _without_token(self, fault: Exception, limit: timedelta) -> ProbeVerdict:
        """An identity service that answers 4xx says that our set-up is wrong; anything else, that it is ill."""
        response = fault.response if isinstance(fault, ClientAuthenticationError) else None
        refused = response is not None and 400 <= (response.status_code or 0) < 500
        said = shorten(str(fault.message), 120) if isinstance(fault, AzureError) else f"none within {limit}"
        observation = Observation.BLIND if refused else Observation.BAD
        return ProbeVerdict(observation, f"no token for the {self._who}: {said}")

    def _transport(self) -> AsyncBoundedTransport:
        loop = asyncio.get_running_loop()
        if loop not in self._transports:
            made = AsyncBoundedTransport(Gate(self._limits), self._settings.ca_bundle, keep=False)
            self._transports[loop] = made
        return self._transports[loop]


class Tick:
    """``Probes`` for the pairs of one tick, in one event loop: tokens are asked for by the first sweep, for all."""

    def __init__(self, probes: HttpProbes) -> None:
        self._probes = probes
        self._tokens: Tokens | None = None

    async def sweep(self, plan: Plan, now: datetime, *, without: Collection[Surface] = ()) -> Sequence[Signal]:
        """See ``Probes``."""
        if self._tokens is None:
            self._tokens = self._probes.tokens()
        return await self._probes.swept(plan, now, without, self._tokens)

    def for_one_tick(self) -> Tick:
        """See ``Probes``."""
        return Tick(self._probes)

    async def aclose(self) -> None:
        """See ``Probes``."""
        await self._probes.aclose()


def _signal(role: Role | None, surface: Surface, verdict: ProbeVerdict, now: datetime) -> Signal:
    return probe_signal(role, surface, verdict.observation, now, verdict.why)
