"""One poll: Resource Health, Service Health and the logs of both sides, at once, each bounded, none raising.

What is asked goes through Resource Manager or Azure Monitor. Either may be down while every hub is well, or refuse us:
then nothing is learnt, and that is all that is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from weakref import WeakKeyDictionary

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from orchestrator.adapters.health.logs import LogReader, QueryResult
from orchestrator.adapters.http.arm_async import ManagerReader
from orchestrator.adapters.http.credential import Identity, async_credential_for
from orchestrator.adapters.http.errors import NotWaitedFor, from_azure, from_response, shorten
from orchestrator.adapters.http.transport import AsyncBoundedTransport, Gate, Limits
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Observation, Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import PollReport, subscriptions_of, with_health, worth_handing_over
from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.health_updates import event_messages
from orchestrator.core.signals.ownership import attribute
from orchestrator.core.signals.resource_health import event_fact, status_fact
from orchestrator.settings import Settings

HEALTH_VERSION = "2025-05-01"
_PROVIDER = "providers/Microsoft.ResourceHealth"
_SHARED_FOR = 1 / 3
"""How long, as a part of the shortest interval, what one pair was told about a subscription is told to others."""

_TOLD = 120

type Answer = Awaitable[QueryResult]


class Ask(NamedTuple):
    """One question: what it is called in a sentence, and how it is asked."""

    what: str
    ask: Callable[[], Answer]


class SubscriptionEvents(NamedTuple):
    """What Service Health lists for a subscription: the state of each event, and what was said of incidents."""

    states: tuple[Fact, ...]
    messages: tuple[Fact, ...]
    blind: tuple[str, ...]


class _Session:
    """What belongs to one event loop: connections, a credential with its tokens, and shared answers."""

    def __init__(self, settings: Settings) -> None:
        limits = Limits(connect=settings.connect_timeout, read=settings.poll_timeout, request=settings.poll_timeout)
        self.transport = AsyncBoundedTransport(Gate(limits), settings.ca_bundle)
        credential: AsyncTokenCredential = async_credential_for(settings, Identity.PROBE, self.transport)
        self.manager = ManagerReader(settings.resource_manager, credential, self.transport)
        self.logs = LogReader(settings.log_analytics, credential, self.transport)
        self.events: dict[str, tuple[datetime, asyncio.Task[SubscriptionEvents]]] = {}

    async def close(self) -> None:
        for _, task in self.events.values():
            task.cancel()
        await self.transport.close()


class AzurePolls:
    """``Polls`` as the probe identity. Usable from several event loops; each has connections of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Session] = WeakKeyDictionary()

    async def poll(self, plan: Plan, now: datetime) -> PollReport:
        """What the services say about both sides. Never raises; what takes too long is blind."""
        asks = self._asks(self._session(), plan, now)
        found = await asyncio.gather(*(self._within_time(each) for each in asks))
        lifetime = max(plan.policy.notice_lifetime, plan.policy.metrics_lifetime)
        signals = (signal for heard in found for signal in heard.signals)
        return PollReport(
            signals=worth_handing_over(signals, now, lifetime),
            asked=len(asks),
            blind=tuple(why for heard in found for why in heard.blind),
            messages=tuple(message for heard in found for message in heard.messages),
        )

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def _asks(self, session: _Session, plan: Plan, now: datetime) -> list[Ask]:
        asks = [
            Ask(f"Resource Health of the {role}", partial(_statuses, session, plan, group, wanted))
            for role in Role
            for group, wanted in with_health(plan.side(role)).items()
        ]
        asks += [Ask("Service Health", partial(self._events, session, plan, s, now)) for s in subscriptions_of(plan)]
        for role in Role:
            asks += [Ask(f"logs of the {role}", ask) for ask in session.logs.asks(plan.side(role), role, now)]
        return asks

    async def _within_time(self, each: Ask) -> QueryResult:
        limit = self._settings.poll_timeout
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await each.ask()
        except Exception as fault:  # noqa: BLE001 - a poll never raises; what is unknown is blind
            return QueryResult(blind=(f"{each.what}: {_describe_fault(fault, limit)}",))

    async def _events(self, session: _Session, plan: Plan, subscription: str, now: datetime) -> QueryResult:
        """Events of a subscription, asked once for all pairs that are polled together."""
        shared = plan.polls.suspect_interval * _SHARED_FOR
        asked_at, task = session.events.get(subscription, (None, None))
        if asked_at is None or task is None or not timedelta() <= now - asked_at < shared:
            task = asyncio.create_task(self._list_events(session, subscription))
            task.add_done_callback(_swallow_failure)
            session.events[subscription] = (now, task)
        found = await asyncio.shield(task)
        return _read_facts(plan, found.states, found.blind)._replace(messages=found.messages)

    async def _list_events(self, session: _Session, subscription: str) -> SubscriptionEvents:
        """Bounded by itself: whoever waits for it may give up earlier, and others wait on."""
        async with asyncio.timeout(self._settings.poll_timeout.total_seconds()):
            path = f"/subscriptions/{subscription}/{_PROVIDER}/events"
            listed = await session.manager.listed(path, HEALTH_VERSION)
        return SubscriptionEvents(
            states=tuple(fact for each in listed.elements if (fact := event_fact(each))),
            messages=tuple(message for each in listed.elements for message in event_messages(each)),
            blind=listed.blind("events"),
        )

    def _session(self) -> _Session:
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            self._sessions[loop] = _Session(self._settings)
        return self._sessions[loop]


async def _statuses(session: _Session, plan: Plan, group: str, wanted: Sequence[str]) -> QueryResult:
    """The states of a group's resources. What is not listed, or not known to Resource Health itself, is blind."""
    listed = await session.manager.listed(f"{group}/{_PROVIDER}/availabilityStatuses", HEALTH_VERSION)
    facts = [fact for each in listed.elements if (fact := status_fact(each))]
    known = {fact.parsed.target for fact in facts if fact.parsed.observation is not Observation.BLIND}
    unknown = [resource.rpartition("/")[2] for resource in wanted if resource not in known]
    blind = (*listed.blind("statuses"), *(f"Resource Health does not know the state of {name}" for name in unknown))
    return _read_facts(plan, facts, blind)


def _swallow_failure(task: asyncio.Task[SubscriptionEvents]) -> None:
    """A failure that nobody waited for any more is no surprise."""
    if not task.cancelled():
        task.exception()


def _read_facts(plan: Plan, facts: Iterable[Fact], blind: Iterable[str]) -> QueryResult:
    return QueryResult(tuple(signal for fact in facts for signal in attribute(fact, plan)), tuple(blind))


def _describe_fault(fault: Exception, limit: timedelta) -> str:
    """Why nothing was learnt, in a few words. Nothing in it says anything about what was asked for."""
    if isinstance(fault, TimeoutError):
        return f"no answer within {limit.total_seconds():g} s"
    if isinstance(fault, NotWaitedFor):
        fault = from_response(fault.response, "asking")
    if isinstance(fault, AzureError):
        fault = from_azure(fault, "asking")
    text = (
        str(fault) if isinstance(fault, HubswitchError) else f"an answer that cannot be read ({type(fault).__name__})"
    )
    return shorten(text.removeprefix("asking: "), _TOLD)
