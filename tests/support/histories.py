"""Histories of orchestrations as an engine has them: read from one, kept as JSON, and replayed by today's code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import durabletask.internal.orchestrator_service_pb2 as pb
from azure.durable_functions.internal.serialization import DEFAULT_FUNCTIONS_DATA_CONVERTER
from durabletask.client import TaskHubGrpcClient
from durabletask.worker import _OrchestrationExecutor, _Registry
from google.protobuf import json_format

from orchestrator.local.functions import ENGINE_LOG
from orchestrator.triggers.registration import ORCHESTRATORS

FOLDER = Path(__file__).parents[1] / "upgrade" / "histories"


class History(NamedTuple):
    """Everything that happened to one orchestration."""

    instance: str
    events: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The orchestrator's."""
        return next(each.executionStarted.name for each in self.events if each.HasField("executionStarted"))


class Ended(NamedTuple):
    """How a replay ended."""

    status: str
    result: Any
    why: str


def read_histories(client: TaskHubGrpcClient) -> Iterator[History]:
    """Of every orchestration that the engine knows."""
    for state in client.get_all_orchestration_states():
        request = pb.StreamInstanceHistoryRequest(instanceId=state.instance_id)
        chunks = client._stub.StreamInstanceHistory(request)
        yield History(state.instance_id, tuple(event for chunk in chunks for event in chunk.events))


def keep(history: History, file: Path) -> None:
    events = [_without_stack(json_format.MessageToDict(event)) for event in history.events]
    file.write_text(json.dumps({"instance": history.instance, "events": events}, indent=1) + "\n", encoding="utf-8")


def _without_stack(event: Any) -> Any:
    """An event without the places of a machine's files; nothing that is replayed reads them."""
    if isinstance(event, dict):
        return {key: _without_stack(value) for key, value in event.items() if key != "stackTrace"}
    return event


def kept(file: Path) -> History:
    found = json.loads(file.read_text(encoding="utf-8"))
    return History(
        found["instance"], tuple(json_format.ParseDict(event, pb.HistoryEvent()) for event in found["events"])
    )


def turns_of(history: History) -> list[tuple[Any, ...]]:
    """The events of each turn of the orchestrator: what the engine gave it at once."""
    turns: list[list[Any]] = []
    for event in history.events:
        if event.HasField("orchestratorStarted") or not turns:
            turns.append([])
        turns[-1].append(event)
    return [tuple(turn) for turn in turns]


def replay(instance: str, before: Sequence[Any], turn: Sequence[Any]) -> Ended | None:
    """What today's code does in a turn after a history; None if it goes on."""
    registry = _Registry()
    for name, orchestrator in ORCHESTRATORS.items():
        registry.add_named_orchestrator(name, orchestrator)
    executor = _OrchestrationExecutor(registry, ENGINE_LOG, DEFAULT_FUNCTIONS_DATA_CONVERTER)
    for action in executor.execute(instance, before, turn).actions:
        if action.HasField("completeOrchestration"):
            end = action.completeOrchestration
            result = json.loads(end.result.value) if end.HasField("result") else None
            return Ended(pb.OrchestrationStatus.Name(end.orchestrationStatus), result, end.failureDetails.errorMessage)
    return None
