"""The durable engine behind ``orchestrator.ports.Engine``: the client that Durable Functions hands to a function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
from azure.durable_functions import DurableFunctionsClient
from durabletask.client import OrchestrationQuery
from durabletask.entities import EntityInstanceId

from orchestrator.ports import EngineError, OrchestrationState


class DurableEngine:
    """Implements ``orchestrator.ports.Engine``."""

    def __init__(self, client: DurableFunctionsClient) -> None:
        self._client = client

    async def entity_state(self, entity: str, key: str) -> str | None:
        with _translate_errors():
            found = await self._client.get_entity(EntityInstanceId(entity, key))
        return found.get_state(str) if found else None

    async def signal(self, entity: str, key: str, operation: str, given: Any) -> None:
        with _translate_errors():
            await self._client.signal_entity(EntityInstanceId(entity, key), operation, input=given)

    async def start(self, orchestration: str, given: Any, instance: str | None = None) -> str:
        with _translate_errors():
            started: str = await self._client.schedule_new_orchestration(
                orchestration, input=given, instance_id=instance
            )
        return started

    async def status(self, instance: str) -> str | None:
        with _translate_errors():
            found = await self._client.get_orchestration_state(instance, fetch_payloads=False)
        return found.runtime_status.name.casefold() if found else None

    async def state(self, instance: str) -> OrchestrationState | None:
        with _translate_errors():
            found = await self._client.get_orchestration_state(instance)
        return _state(found) if found else None

    async def started_since(self, prefix: str, since: datetime) -> list[OrchestrationState]:
        query = OrchestrationQuery(created_time_from=since, instance_id_prefix=prefix, fetch_inputs_and_outputs=True)
        with _translate_errors():
            found = await self._client.get_all_orchestration_states(query)
        return sorted((_state(each) for each in found), key=lambda each: each.created_at)

    async def raise_event(self, instance: str, event: str, given: Any) -> None:
        with _translate_errors():
            await self._client.raise_orchestration_event(instance, event, data=given)

    async def purge(self, instance: str) -> None:
        with _translate_errors():
            await self._client.purge_orchestration(instance)


def _state(found: Any) -> OrchestrationState:
    failure = found.failure_details
    return OrchestrationState(
        id=found.instance_id,
        name=found.name,
        status=found.runtime_status.name.casefold(),
        waits_for=found.get_custom_status() if found.serialized_custom_status else None,
        output=found.get_output() if found.serialized_output else (failure.message if failure else None),
        created_at=_to_utc(found.created_at),
        updated_at=_to_utc(found.last_updated_at),
    )


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as fault:
        raise EngineError(str(fault)) from fault


def _to_utc(at: datetime) -> datetime:
    """The engine gives UTC without a zone."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
