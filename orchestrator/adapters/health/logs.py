"""Azure Monitor Logs of one side, through azure-monitor-query: two summaries.

``orchestrator.core.signals.log_rows`` judges them.

Diagnostic settings have to send ``AmlRunStatusChangedEvent`` and ``AmlOnlineEndpointTrafficLog`` to the workspace that
the plan names. A table that never had a row, an empty or partial answer, throttling and our own missing rights are all
blind: logs are down together with their region, and quiet hubs have none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsQueryError, LogsQueryResult
from azure.monitor.query.aio import LogsQueryClient

from orchestrator.adapters.http.errors import from_azure
from orchestrator.adapters.http.transport import NO_RETRY, AsyncBoundedTransport
from orchestrator.core.base.errors import Refused
from orchestrator.core.base.vocabulary import EvidenceClass, Role
from orchestrator.core.plan.schema import Hub
from orchestrator.core.signals.facts import Fact
from orchestrator.core.signals.json_access import key_of
from orchestrator.core.signals.log_rows import Group, Judged, LogStatement, groups, runs, traffic
from orchestrator.core.signals.signal import Says, Signal, Source


class QueryResult(NamedTuple):
    """What came of one question."""

    signals: tuple[Signal, ...] = ()
    blind: tuple[str, ...] = ()
    messages: tuple[Fact, ...] = ()
    """What Service Health has said of incidents."""


class Topic(NamedTuple):
    """One summary. Rows come as ``by``, ``counted``, ``Oldest``, ``Newest``; ``judge`` says what they mean."""

    name: str
    table: str
    by: str
    counted: str
    each: str
    """What goes before the summary: one row for each thing that is counted."""

    window: timedelta
    judge: Callable[[list[Group], datetime], Judged]


TOPICS = (
    Topic(
        name="runs",
        table="AmlRunStatusChangedEvent",
        by="Status",
        counted="Runs",
        each="\n| summarize arg_max(TimeGenerated, Status) by RunId",
        window=timedelta(minutes=60),
        judge=runs,
    ),
    Topic(
        name="scoring",
        table="AmlOnlineEndpointTrafficLog",
        by="ResponseCode",
        counted="Requests",
        each="",
        window=timedelta(minutes=15),
        judge=lambda found, _: traffic(found),
    ),
)
"""Windows are longer than logs take to arrive (3 to 10 minutes), and short enough to see a change."""


class LogReader:
    """Asks one deployment's workspaces. One per event loop and transport."""

    def __init__(self, endpoint: str, credential: AsyncTokenCredential, transport: AsyncBoundedTransport) -> None:
        self._client = LogsQueryClient(credential, endpoint=endpoint, transport=transport, **NO_RETRY)

    def asks(self, hub: Hub, role: Role, now: datetime) -> list[Callable[[], Awaitable[QueryResult]]]:
        """One question per topic, if the plan names a workspace."""
        if hub.logs is None:
            return []
        return [partial(self._query, hub, hub.logs, role, now, topic) for topic in TOPICS]

    async def _query(self, hub: Hub, workspace: str, role: Role, now: datetime, topic: Topic) -> QueryResult:
        answer = await self._answer(workspace, query_for(hub, topic), (now - topic.window, now))
        if not isinstance(answer, LogsQueryResult):
            return QueryResult(blind=(f"logs of the {role}: the answer about {topic.name} is partial",))
        judged = topic.judge(groups(_rows(answer), topic.by, topic.counted), now)
        if isinstance(judged, str):
            return QueryResult(blind=(f"logs of the {role}: {judged}",))
        return QueryResult(signals=(_signal(role, workspace, topic, judged),))

    async def _answer(self, workspace: str, query: str, span: tuple[datetime, datetime]) -> Any:
        try:
            return await self._client.query_workspace(workspace, query, timespan=span)
        except HttpResponseError as fault:
            told = fault.model
            if isinstance(told, LogsQueryError) and fault.status_code == 400:
                raise Refused(f"{told.code}: {told.message}", code=told.code) from fault
            raise from_azure(fault, "asking") from fault


def query_for(hub: Hub, topic: Topic) -> str:
    """The Kusto query of a topic for one side: a workspace may hold the logs of others too."""
    project = hub.project_id.lower()
    return (
        f"{topic.table}\n"
        f'| where _ResourceId =~ "{project}" or _ResourceId startswith "{project}/"{topic.each}\n'
        f"| summarize {topic.counted}=count(), Oldest=min(TimeGenerated), Newest=max(TimeGenerated) by {topic.by}"
    )


def _rows(answer: LogsQueryResult) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for table in answer.tables for row in table.rows]


def _signal(role: Role, workspace: str, topic: Topic, said: LogStatement) -> Signal:
    return Signal(
        key=key_of("logs", workspace, topic.name, role, said.observation, said.at.isoformat()),
        source=Source.DELIVERY,
        role=role,
        subject=f"{topic.name} in logs {workspace}",
        evidence_class=EvidenceClass.METRICS,
        observation=said.observation,
        occurred_at=said.at,
        why=f"logs, {topic.name}: {said.why}",
        says=Says.ALERT,
    )
