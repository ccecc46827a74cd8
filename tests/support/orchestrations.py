"""Orchestrators on a real engine, with activities that a test writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.durable_functions.internal.serialization import DEFAULT_FUNCTIONS_DATA_CONVERTER
from durabletask.client import TaskHubGrpcClient
from durabletask.task import ActivityContext
from durabletask.worker import TaskHubGrpcWorker

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.vocabulary import Role
from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import ENGINE_LOG
from orchestrator.workflows.messages import RunKind, RunOrder

type Activity = Callable[[ActivityContext, Any], Any]

SHORT = timedelta(milliseconds=20)


def run_order(**more: Any) -> RunOrder:
    """The order of a failover whose waits are short."""
    now = datetime.now(UTC)
    usual: dict[str, Any] = {
        "pair": "p",
        "run": "failover-p-e1",
        "kind": RunKind.FAILOVER,
        "epoch": 1,
        "source": Role.PRIMARY,
        "target": Role.SECONDARY,
        "why": "a test",
        "decided_at": now,
        "doubted_since": now,
        "claim_by": now + timedelta(hours=1),
        "beat": SHORT,
        "longest": SHORT,
    }
    return RunOrder(**usual | more)


def worker_of(
    engine: LocalEngine,
    orchestrators: Iterable[Any],
    activities: Mapping[str, Activity],
    entities: Mapping[str, Any] | None = None,
) -> TaskHubGrpcWorker:
    """A worker that runs, with these orchestrators, and activities and entities by name."""
    worker = TaskHubGrpcWorker(
        host_address=engine.address,
        data_converter=DEFAULT_FUNCTIONS_DATA_CONVERTER,
        emit_trace_spans=False,
        logger=ENGINE_LOG,
    )
    for orchestrator in orchestrators:
        worker.add_orchestrator(orchestrator)
    for name, activity in activities.items():
        worker._registry.add_named_activity(name, activity)
    for name, entity in (entities or {}).items():
        worker.add_entity(entity, name=name)
    worker.start()
    return worker


@contextmanager
def played(orchestrator: Any, name: str, activity: Activity) -> Iterator[Callable[[Any], Any]]:
    """``run(order)``: the output of the orchestrator, on a real engine, with one activity behind it."""
    with LocalEngine() as engine:
        worker = worker_of(engine, [orchestrator], {name: activity})
        client = TaskHubGrpcClient(host_address=engine.address, logger=ENGINE_LOG)

        def run(order: Any) -> Any:
            instance = client.schedule_new_orchestration(orchestrator, input=to_builtins(order))
            state = client.wait_for_orchestration_completion(instance, timeout=300)
            assert state is not None
            assert state.runtime_status.name == "COMPLETED", state.failure_details
            return json.loads(state.serialized_output or "null")

        try:
            yield run
        finally:
            client.close()
            worker.stop()
