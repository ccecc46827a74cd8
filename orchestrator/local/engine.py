"""The durable engine for local runs: durabletask's in-memory backend, made to outlive its workers.

The backend of ``durabletask.testing`` hands a work item out once. Real backends hold a lock on it and hand it
out again when the worker dies. This subclass does that, so that a worker may be killed at any moment:

* work items that a worker took are given out again when its stream ends;
* a completion that comes for an item no longer held is dropped, as a lost lock would have it;
* a parent waits for its sub-orchestration for as long as it runs (the original stops looking after 30 s);
* it listens on loopback only, on a port that the system chooses.

State lives in the memory of the process that hosts the engine: kill workers, not the engine.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any, NamedTuple, Self

import grpc
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.internal import orchestrator_service_pb2_grpc as stubs
from durabletask.testing.in_memory_backend import ActivityWorkItem, InMemoryOrchestrationBackend

Checkpoint = Callable[[str, str], bool]
"""Called with a kind of completion (``orchestrator``, ``activity``, ``entity``) and an instance id before the
completion is applied; False loses the completion, as if the worker had died just before it was stored."""

_THREADS = 64
"""Every waiting client and every worker's stream holds one."""


class _Item(NamedTuple):
    """What a worker took: enough to know it again, without its history."""

    kind: str
    instance: str
    task: int
    token: str


class LocalEngine(InMemoryOrchestrationBackend):
    """An in-memory durable engine that redelivers what dead workers held."""

    def __init__(self, *, checkpoint: Checkpoint | None = None) -> None:
        super().__init__(port=0, max_history_size=100_000)
        self._checkpoint = checkpoint
        self._held_activities: dict[tuple[str, int], ActivityWorkItem] = {}
        self.address = ""

    def start(self) -> str:
        """Listen; the address as ``127.0.0.1:<port>``."""
        self._shutdown_event.clear()
        options = [("grpc.so_reuseport", 0)]  # else the system may choose a port that another engine listens on
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=_THREADS), options=options)
        stubs.add_TaskHubSidecarServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.address = f"127.0.0.1:{self._port}"
        return self.address

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(grace=0)

    def GetWorkItems(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - the gRPC service's name
        """Give out work; take back what was not completed when the worker goes."""
        taken: dict[_Item, None] = {}
        try:
            for work in super().GetWorkItems(request, context):
                item = _item_of(work)
                with self._lock:
                    self._hold(item, work)
                    taken[item] = None
                    for done in [earlier for earlier in taken if not self._is_held(earlier)]:
                        del taken[done]
                yield work
        finally:
            with self._lock:
                for item in taken:
                    self._take_back(item)

    def CompleteOrchestratorTask(self, request: Any, context: Any) -> Any:  # noqa: N802
        item = _Item("orchestrator", request.instanceId, 0, request.completionToken)
        return self._complete(item, lambda: super(LocalEngine, self).CompleteOrchestratorTask(request, context))

    def CompleteActivityTask(self, request: Any, context: Any) -> Any:  # noqa: N802
        item = _Item("activity", request.instanceId, request.taskId, request.completionToken)

        def complete() -> Any:
            del self._held_activities[item.instance, item.task]
            return super(LocalEngine, self).CompleteActivityTask(request, context)

        return self._complete(item, complete)

    def CompleteEntityTask(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._lock:
            found = [
                e.instance_id for e in self._entities.values() if str(e.completion_token) == request.completionToken
            ]
        item = _Item("entity", "".join(found), 0, request.completionToken)
        return self._complete(item, lambda: super(LocalEngine, self).CompleteEntityTask(request, context))

    def idle(self) -> bool:
        """True when nothing is queued, held or still running."""
        with self._lock:
            return not (
                self._orchestration_queue
                or self._orchestration_in_flight
                or self._activity_queue
                or self._held_activities
                or self._entity_queue
                or self._entity_in_flight
                or any(not self._is_terminal_status(i.status) for i in self._instances.values())
            )

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Of each orchestration, by its id: events of its history, and bytes of all that is kept of it."""
        with self._lock:
            return {
                each.instance_id: (
                    len(each.history),
                    sum(event.ByteSize() for event in each.history)
                    + sum(len(text.encode()) for text in (each.input, each.output, each.custom_status) if text),
                )
                for each in self._instances.values()
            }

    def told(self) -> str:
        """What is still under way, for people: instances that have not ended, and what is queued or held."""
        with self._lock:
            open_ones = [
                f"{i.name} {i.instance_id} {i.custom_status or ''} ({len(i.history)} + {len(i.pending_events)} events)"
                for i in self._instances.values()
                if not self._is_terminal_status(i.status)
            ]
            held = [f"{key[0]} task {key[1]} {work.name}" for key, work in self._held_activities.items()]
            queued = [*self._orchestration_queue, *(w.name for w in self._activity_queue), *self._entity_queue]
            flying = [*self._orchestration_in_flight, *self._entity_in_flight]
        return f"open: {open_ones}; held activities: {held}; queued: {queued}; in flight: {flying}"

    def _complete(self, item: _Item, complete: Callable[[], Any]) -> Any:
        """Apply a completion, unless the item is not held under that token any more, or the checkpoint loses it."""
        with self._lock:
            held = self._is_held(item)
        if not held or (self._checkpoint and not self._checkpoint(item.kind, item.instance)):
            return pb.CompleteTaskResponse()
        with self._lock:
            return complete() if self._is_held(item) else pb.CompleteTaskResponse()

    def _hold(self, item: _Item, work: Any) -> None:
        if item.kind == "activity":
            request = work.activityRequest
            self._held_activities[item.instance, item.task] = ActivityWorkItem(
                instance_id=item.instance,
                name=request.name,
                task_id=item.task,
                input=request.input.value if request.HasField("input") else None,
                completion_token=int(item.token),
            )

    def _is_held(self, item: _Item) -> bool:
        """Whether the worker that took this item still owes its completion."""
        if item.kind == "activity":
            held = self._held_activities.get((item.instance, item.task))
            return held is not None and str(held.completion_token) == item.token
        flying = self._orchestration_in_flight if item.kind == "orchestrator" else self._entity_in_flight
        owner = (self._instances if item.kind == "orchestrator" else self._entities).get(item.instance)
        return owner is not None and item.instance in flying and str(owner.completion_token) == item.token

    def _take_back(self, item: _Item) -> None:
        if not self._is_held(item):
            return
        if item.kind == "activity":
            held = self._held_activities.pop((item.instance, item.task))
            self._activity_queue.append(dataclasses.replace(held, completion_token=self._new_token()))
        elif item.kind == "orchestrator":
            instance = self._instances[item.instance]
            instance.pending_events = list(instance.dispatched_events) + list(instance.pending_events)
            instance.dispatched_events.clear()
            instance.completion_token = self._new_token()
            self._orchestration_in_flight.discard(item.instance)
            self._enqueue_orchestration(item.instance)
        else:
            entity = self._entities[item.instance]
            entity.pending_operations = list(entity.dispatched_operations) + list(entity.pending_operations)
            entity.dispatched_operations.clear()
            entity.completion_token = self._new_token()
            self._entity_in_flight.discard(item.instance)
            self._enqueue_entity(item.instance)
        self._work_available.set()

    def _new_token(self) -> int:
        token = self._next_completion_token
        self._next_completion_token += 1
        return token

    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        def watch() -> None:
            while not self._shutdown_event.is_set():
                if self._wait_for_state(sub_instance_id, self._is_terminal_status_check, timeout=1.0):
                    super(LocalEngine, self)._watch_sub_orchestration(parent_instance_id, sub_instance_id, task_id)
                    return

        threading.Thread(target=watch, daemon=True).start()


def _item_of(work: Any) -> _Item:
    if work.HasField("activityRequest"):
        request = work.activityRequest
        return _Item("activity", request.orchestrationInstance.instanceId, request.taskId, work.completionToken)
    if work.HasField("orchestratorRequest"):
        return _Item("orchestrator", work.orchestratorRequest.instanceId, 0, work.completionToken)
    return _Item("entity", work.entityRequestV2.instanceId, 0, work.completionToken)
