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
from functools import partial
from typing import NamedTuple
from weakref import WeakKeyDictionary

import aiohttp
import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError

from orchestrator import metrics
from orchestrator.adapters.health.answer_meanings import Asked, ProbeVerdict, read_status, seconds
from orchestrator.adapters.health.api_addresses import ApiAddresses
from orchestrator.adapters.health.hub_questions import (
    READ_AT_MOST,
    HubQuestion,
    is_answer,
    is_known,
    says_that_no_run_is_there,
)
from orchestrator.adapters.health.probe_requests import Audience, Question, any_answers, by_fault, questions
from orchestrator.adapters.http import exchanges
from orchestrator.adapters.http.credential import Identity, async_credential_for, name_of
from orchestrator.adapters.http.errors import shorten
from orchestrator.adapters.http.transport import AsyncBoundedTransport, Gate, Limits
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.text import ASKED
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.signals.signal import Signal, probe_signal
from orchestrator.settings import Settings

OF_HUB = frozenset({Surface.HUB, Surface.JOBS})
"""Surfaces that are asked at the hub's own API."""

NEVER = 2**31
"""A breaker would answer for a host that was not asked."""


class ProbeAnswer(NamedTuple):
    """What came back, or the verdict on a request that was not answered."""

    status: int
    body: bytes
    took: timedelta
    fault: ProbeVerdict | None = None


class Token(NamedTuple):
    """A token, or the verdict on the identity that gave none."""

    text: str
    verdict: ProbeVerdict


type Tokens = Mapping[Audience, asyncio.Task[Token]]
"""One task per audience. Several sweeps may wait for it, so none may cancel it: it is awaited behind a shield."""


class HttpProbes:
    """``Probes`` as the probe identity. Usable from several event loops; each has a session of its own."""

    def __init__(self, settings: Settings, addresses: ApiAddresses | None = None) -> None:
        self._settings = settings
        self._addresses = addresses
        self._who = name_of(settings, Identity.PROBE)
        self._limits = Limits(
            connect=min(settings.connect_timeout, settings.probe_timeout),
            read=settings.probe_timeout,
            request=settings.probe_timeout,
            failures=NEVER,
        )
        self._known: dict[str, str] = {}
        """Name of the question that a hub answered well last, by the URL of its preferred one. Lost with the process:
        one question too many is the price."""
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
        hub, unknown = await self._locate(plan, role)
        asked: dict[Surface, list[Question]] = {}
        for one in questions(hub, self._settings.resource_manager):
            if one.surface not in without:
                asked.setdefault(one.surface, []).append(one)
        verdicts = await asyncio.gather(
            *(
                _measure(
                    plan.pair,
                    role,
                    surface,
                    partial(self._ask_until_known, transport, alike, tokens[alike[0].audience]),
                )
                for surface, alike in asked.items()
            )
        )
        identity = (await asyncio.shield(tokens[Audience.MANAGER])).verdict
        found = dict(zip(asked, verdicts, strict=True))
        if unknown:
            found |= {surface: unknown for surface in OF_HUB if surface not in without}
        found[Surface.IDENTITY] = identity
        return [_signal(role, surface, found[surface], now) for surface in plan.surfaces(role) if surface in found]

    async def _locate(self, plan: Plan, role: Role) -> tuple[Hub, ProbeVerdict | None]:
        """The side with the address of its API, or why nobody knows that."""
        hub = plan.side(role)
        if hub.api is not None:
            return hub, None
        try:
            if self._addresses is None:
                raise InvalidInput(f"the plan of {plan.pair}", f"{role}.api", "the base of an API", "nothing")
            async with asyncio.timeout(self._settings.probe_timeout.total_seconds()):
                api = await asyncio.to_thread(self._addresses.find, plan, role)
        except TimeoutError:
            return hub, ProbeVerdict(Observation.BLIND, "the workspace did not say in time where its API is")
        except HubswitchError as fault:
            return hub, ProbeVerdict(Observation.BLIND, f"where its API is cannot be told: {shorten(str(fault), 200)}")
        return msgspec.structs.replace(hub, api=api), None

    async def _world(
        self, transport: AsyncBoundedTransport, surface: Surface, urls: tuple[str, ...], now: datetime
    ) -> list[Signal]:
        verdicts = await asyncio.gather(*(self._reach(transport, url) for url in urls))
        return [_signal(None, surface, any_answers(surface.value, list(verdicts)), now)]

    async def _ask_until_known(
        self, transport: AsyncBoundedTransport, alike: Sequence[Question], token: asyncio.Task[Token]
    ) -> ProbeVerdict:
        """Ask the question that was answered last, and the others only of a hub that says that it does not know it.

        Each question has the whole of ``probe_timeout``: less for a later one would make a slow hub a bad one.
        """
        surface, preferred = alike[0].surface, alike[0].url
        had = await asyncio.shield(token)
        if not had.text:
            return ProbeVerdict(Observation.BLIND, f"could not ask {surface}: {had.verdict.why}")
        unknown: list[str] = []
        for question in sorted(alike, key=lambda each: _name_of(each) != self._known.get(preferred)):
            answer = await self._receive(surface, self._request(transport, question, had.text))
            if question.of_hub is None:
                return answer.fault or read_status(surface, answer.status, answer.took, question.asked)
            if answer.fault is None and not is_known(question.of_hub, answer.status, answer.body):
                unknown.append(f"{question.of_hub.name} ({answer.status})")
                continue
            verdict = answer.fault or _judge_answer(question.of_hub, answer)
            if verdict.observation is Observation.OK:
                self._known[preferred] = question.of_hub.name
            return ProbeVerdict(verdict.observation, f"{verdict.why}{ASKED}{_describe(question.of_hub, unknown)}")
        return ProbeVerdict(Observation.BLIND, f"{surface} knows none of our questions: {', '.join(unknown)}")

    def _request(
        self, transport: AsyncBoundedTransport, question: Question, token: str
    ) -> Awaitable[aiohttp.ClientResponse]:
        form = {**question.form, "access_token": token} if question.form else None
        headers = dict(question.headers) | ({} if form else {"Authorization": f"Bearer {token}"})
        sent: Awaitable[aiohttp.ClientResponse] = transport.session.request(
            question.method,
            question.url,
            params=question.query,
            headers=headers,
            json=question.json,
            data=form,
            allow_redirects=False,
        )
        return sent

    async def _reach(self, transport: AsyncBoundedTransport, url: str) -> ProbeVerdict:
        """References are asked without a token; that they answer is enough."""
        answer = await self._receive(url, transport.session.get(url, allow_redirects=False))
        return answer.fault or read_status(url, answer.status, answer.took, Asked.REFERENCE)

    async def _receive(self, what: str, request: Awaitable[aiohttp.ClientResponse]) -> ProbeAnswer:
        start, limit = time.monotonic(), self._settings.probe_timeout
        try:
            async with asyncio.timeout(limit.total_seconds()):
                response = await request
                async with response:
                    body = await _read(response)
            exchanges.hear_body(response, body)
        except Exception as fault:  # noqa: BLE001 - a sweep never raises; what is unknown is blind
            return ProbeAnswer(0, b"", timedelta(), by_fault(what, fault, limit))
        return ProbeAnswer(response.status, body, timedelta(seconds=time.monotonic() - start))

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


async def _measure(pair: str, role: Role, surface: Surface, ask: Callable[[], Awaitable[ProbeVerdict]]) -> ProbeVerdict:
    """What asking came to, measured. Nothing is asked yet when this is called: a sweep may end before its turn."""
    start = time.monotonic()
    try:
        return await ask()
    finally:
        took = time.monotonic() - start
        metrics.measure(metrics.PROBE_DURATION, took, pair=pair, side=role.value, surface=surface.value)


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


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, or its beginning. One ``read`` gives what has come so far, which may be less."""
    body = bytearray()
    while len(body) < READ_AT_MOST and (part := await response.content.read(READ_AT_MOST - len(body))):
        body += part
    return bytes(body)


def _judge_answer(question: HubQuestion, answer: ProbeAnswer) -> ProbeVerdict:
    """What an answer of a hub says that knows the question."""
    surface, status = question.surface, answer.status
    if says_that_no_run_is_there(question, status, answer.body):
        return ProbeVerdict(Observation.OK, f"{surface} answered {status} in {seconds(answer.took)}, as it should")
    verdict = read_status(surface, status, answer.took)
    if verdict.observation is Observation.OK and not is_answer(question, answer.body):
        return ProbeVerdict(Observation.BLIND, f"{surface} answered {status} with something that is no answer")
    return verdict


def _describe(question: HubQuestion, unknown: Sequence[str]) -> str:
    """Which question is in use, and which ones this hub has just not known."""
    return f"{question.name}{', not known: ' if unknown else ''}{', '.join(unknown)}"


def _name_of(question: Question) -> str | None:
    return question.of_hub.name if question.of_hub else None


def _signal(role: Role | None, surface: Surface, verdict: ProbeVerdict, now: datetime) -> Signal:
    return probe_signal(role, surface, verdict.observation, now, verdict.why)
