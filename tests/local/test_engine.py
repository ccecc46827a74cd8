"""The local engine outlives its workers: what they held is given out again, what comes too late is dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import psutil
import pytest
from durabletask.client import OrchestrationStatus, TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.internal import orchestrator_service_pb2_grpc as stubs
from durabletask.task import OrchestrationContext
from durabletask.worker import TaskHubGrpcWorker
from live import until

from orchestrator.local.engine import LocalEngine

QUIET = logging.getLogger("hubswitch.test-engine")
QUIET.setLevel(logging.CRITICAL)


class HandWorker:
    """A worker in slow motion: takes one item at a time, completes it when told to, or goes."""

    def __init__(self, engine: LocalEngine) -> None:
        self._channel = grpc.insecure_channel(engine.address)
        self.stub: Any = stubs.TaskHubSidecarServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._stream = self.stub.GetWorkItems(pb.GetWorkItemsRequest(), timeout=300)

    def take(self) -> Any:
        return next(self._stream)

    def leaves(self) -> None:
        """The stream ends, as when the process dies. Its other calls still arrive, as after a hiccup of the network."""
        self._stream.cancel()

    def close(self) -> None:
        self._channel.close()


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    with LocalEngine() as running:
        yield running


@pytest.fixture
def client(engine: LocalEngine) -> Iterator[TaskHubGrpcClient]:
    made = TaskHubGrpcClient(host_address=engine.address, logger=QUIET)
    yield made
    made.close()


@pytest.fixture
def worker_of() -> Iterator[Callable[[LocalEngine], HandWorker]]:
    """Makes workers by hand; they are closed at the end."""
    made: list[HandWorker] = []

    def make(engine: LocalEngine) -> HandWorker:
        made.append(HandWorker(engine))
        return made[-1]

    yield make
    for worker in made:
        worker.close()


def double(_: Any, number: int) -> int:
    return 2 * number


def doubling(ctx: OrchestrationContext, number: int) -> Any:
    return (yield ctx.call_activity(double, input=number))


def parent(ctx: OrchestrationContext, seconds: float) -> Any:
    return (yield ctx.call_sub_orchestrator(child, input=seconds))


def child(ctx: OrchestrationContext, seconds: float) -> Any:
    yield ctx.create_timer(ctx.current_utc_datetime.fromtimestamp(ctx.current_utc_datetime.timestamp() + seconds))
    return "done"


@contextmanager
def working(engine: LocalEngine) -> Iterator[TaskHubGrpcWorker]:
    """A real worker."""
    worker = TaskHubGrpcWorker(host_address=engine.address, logger=QUIET)
    for orchestrator in (doubling, parent, child):
        worker.add_orchestrator(orchestrator)
    worker.add_activity(double)
    worker.start()  # type: ignore[no-untyped-call]
    try:
        yield worker
    finally:
        worker.stop()  # type: ignore[no-untyped-call]


def scheduled(client: TaskHubGrpcClient, worker: HandWorker) -> Any:
    """An activity's work item, after the orchestrator that asks for it was carried out by hand."""
    client.schedule_new_orchestration(doubling, input=21, instance_id="run")
    item = worker.take()
    action = pb.OrchestratorAction(id=1, scheduleTask=pb.ScheduleTaskAction(name="double"))
    action.scheduleTask.input.value = "21"
    worker.stub.CompleteOrchestratorTask(
        pb.OrchestratorResponse(instanceId="run", actions=[action], completionToken=item.completionToken)
    )
    return worker.take()


def answered(item: Any, result: str) -> Any:
    """The completion of an activity."""
    request = item.activityRequest
    answer = pb.ActivityResponse(instanceId="run", taskId=request.taskId, completionToken=item.completionToken)
    answer.result.value = result
    return answer


def listening_on(engine: LocalEngine) -> set[str]:
    """Addresses on which this process listens at the engine's port. gRPC writes those of IPv4 as IPv6."""
    port = int(engine.address.rpartition(":")[2])
    found = [c.laddr for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN]
    return {address.ip.removeprefix("::ffff:") for address in found if address.port == port}


def test_only_this_machine_can_reach_the_engine(engine: LocalEngine) -> None:
    """It has no keys: whoever reaches it can start and end runs."""
    assert listening_on(engine) == {"127.0.0.1"}


def test_an_orchestrator_that_died_with_its_worker_is_given_out_again(
    engine: LocalEngine, client: TaskHubGrpcClient, worker_of: Callable[[LocalEngine], HandWorker]
) -> None:
    """With the same new events, to whoever asks next."""
    client.schedule_new_orchestration(doubling, input=21, instance_id="run")
    first = worker_of(engine)
    lost = first.take()
    first.leaves()
    again = worker_of(engine).take()
    assert again.orchestratorRequest.instanceId == "run"
    assert list(again.orchestratorRequest.newEvents) == list(lost.orchestratorRequest.newEvents)
    assert again.completionToken != lost.completionToken


def test_an_activity_that_died_with_its_worker_is_given_out_again(
    engine: LocalEngine, client: TaskHubGrpcClient, worker_of: Callable[[LocalEngine], HandWorker]
) -> None:
    """The same task with the same input; and the run ends with what the second worker makes of it."""
    first = worker_of(engine)
    lost = scheduled(client, first)
    first.leaves()
    with working(engine):
        found = client.wait_for_orchestration_completion("run", timeout=300)
    assert lost.activityRequest.name == "double"
    assert found is not None
    assert (found.runtime_status, found.serialized_output) == (OrchestrationStatus.COMPLETED, "42")


def test_an_operation_of_an_entity_that_died_with_its_worker_is_given_out_again(
    engine: LocalEngine, client: TaskHubGrpcClient, worker_of: Callable[[LocalEngine], HandWorker]
) -> None:
    """Operations keep their order: those that came meanwhile follow."""
    entity = EntityInstanceId("counter", "one")
    client.signal_entity(entity, "first", input=1)
    first = worker_of(engine)
    assert [e.entityOperationSignaled.operation for e in first.take().entityRequestV2.operationRequests] == ["first"]
    client.signal_entity(entity, "second", input=2)
    first.leaves()
    again = worker_of(engine).take().entityRequestV2
    assert [e.entityOperationSignaled.operation for e in again.operationRequests] == ["first", "second"]


def test_an_orchestrators_answer_that_comes_too_late_is_dropped(
    engine: LocalEngine, client: TaskHubGrpcClient, worker_of: Callable[[LocalEngine], HandWorker]
) -> None:
    """As with a lost lock: the worker that holds it now decides."""
    client.schedule_new_orchestration(doubling, input=21, instance_id="run")
    first = worker_of(engine)
    late = first.take()
    first.leaves()
    second = worker_of(engine)
    held = second.take()
    for worker, item, output in ((first, late, "late"), (second, held, "held")):
        done = pb.CompleteOrchestrationAction(orchestrationStatus=pb.ORCHESTRATION_STATUS_COMPLETED)
        done.result.value = f'"{output}"'
        action = pb.OrchestratorAction(id=1, completeOrchestration=done)
        worker.stub.CompleteOrchestratorTask(
            pb.OrchestratorResponse(instanceId="run", actions=[action], completionToken=item.completionToken)
        )
    found = client.get_orchestration_state("run")
    assert found is not None
    assert found.serialized_output == '"held"'


def test_an_activitys_answer_that_comes_too_late_is_dropped(
    engine: LocalEngine, client: TaskHubGrpcClient, worker_of: Callable[[LocalEngine], HandWorker]
) -> None:
    """Also while another worker is at it: the answers of two must not be mixed up."""
    first = worker_of(engine)
    late = scheduled(client, first)
    first.leaves()
    second = worker_of(engine)
    held = second.take()
    first.stub.CompleteActivityTask(answered(late, "1"))
    assert not engine.idle()
    second.stub.CompleteActivityTask(answered(held, "2"))
    events = second.take().orchestratorRequest.newEvents
    results = [event.taskCompleted.result.value for event in events if event.HasField("taskCompleted")]
    assert results == ["2"]


def test_an_entitys_answer_that_comes_too_late_is_dropped(
    engine: LocalEngine, client: TaskHubGrpcClient, worker_of: Callable[[LocalEngine], HandWorker]
) -> None:
    """A state that was computed from an older one overwrites nothing."""
    entity = EntityInstanceId("counter", "one")
    client.signal_entity(entity, "add", input=1)
    first = worker_of(engine)
    late = first.take()
    first.leaves()
    second = worker_of(engine)
    held = second.take()
    for worker, item, state in ((first, late, "late"), (second, held, "held")):
        batch = pb.EntityBatchResult(completionToken=item.completionToken)
        batch.entityState.value = f'"{state}"'
        worker.stub.CompleteEntityTask(batch)
    found = client.get_entity(entity)
    assert found is not None
    assert found.get_state(str) == '"held"'


def test_an_answer_given_twice_counts_once(
    engine: LocalEngine, client: TaskHubGrpcClient, worker_of: Callable[[LocalEngine], HandWorker]
) -> None:
    """A repeated call of a worker whose first one got no answer."""
    worker = worker_of(engine)
    held = scheduled(client, worker)
    for _ in range(2):
        worker.stub.CompleteActivityTask(answered(held, "42"))
    events = worker.take().orchestratorRequest.newEvents
    assert len([event for event in events if event.HasField("taskCompleted")]) == 1


def test_a_checkpoint_may_lose_an_answer(worker_of: Callable[[LocalEngine], HandWorker]) -> None:
    """As if the worker had died just before it was stored: nothing is applied, and the item is still held."""
    with LocalEngine(checkpoint=lambda kind, _: kind != "activity") as engine:
        client = TaskHubGrpcClient(host_address=engine.address, logger=QUIET)
        worker = worker_of(engine)
        held = scheduled(client, worker)
        worker.stub.CompleteActivityTask(answered(held, "42"))
        worker.leaves()
        again = worker_of(engine).take()
        client.close()
    assert again.activityRequest.taskId == held.activityRequest.taskId


class Impatient(LocalEngine):
    """Every wait inside the engine ends after 50 ms instead of 30 s."""

    def _wait_for_state(self, instance_id: str, predicate: Any, timeout: float | None) -> Any:
        del timeout
        return super()._wait_for_state(instance_id, predicate, 0.05)


def test_a_parent_waits_for_its_sub_orchestration_however_long_it_runs() -> None:
    """Many times as long as one wait inside the engine: the original looks once and forgets the parent."""
    with Impatient() as engine, working(engine):
        client = TaskHubGrpcClient(host_address=engine.address, logger=QUIET)
        client.schedule_new_orchestration(parent, input=0.4, instance_id="run")

        def output() -> str | None:
            found = client.get_orchestration_state("run")
            return found.serialized_output if found else None

        assert until(output, "the parent's end") == '"done"'
        client.close()


def test_the_engine_says_what_is_under_way(engine: LocalEngine, client: TaskHubGrpcClient) -> None:
    """For people who wait for it to become idle."""
    assert engine.idle()
    client.schedule_new_orchestration(doubling, input=21, instance_id="run")
    assert not engine.idle()
    assert "doubling run" in engine.told()


def test_the_engine_stops_and_gives_its_port_back() -> None:
    """Also while a worker is waiting for work."""
    with LocalEngine() as engine, working(engine):
        engine.stop(grace=0)
    assert listening_on(engine) == set()
