"""A host sees an app's functions as they were declared, and runs the durable ones under their declared names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from durabletask.client import TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from live import until
from small_app import Seen, small_app

from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import ENGINE_LOG, Function, client_configuration, durable_worker, index_app


@pytest.fixture
def functions() -> dict[str, Function]:
    return {function.name: function for function in index_app(small_app(Seen()))}


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    """An engine with a worker for the small app."""
    with LocalEngine() as running:
        worker = durable_worker(index_app(small_app(Seen())), running.address)
        worker.start()  # type: ignore[no-untyped-call]
        yield running
        worker.stop()  # type: ignore[no-untyped-call]


@pytest.fixture
def client(engine: LocalEngine) -> Iterator[TaskHubGrpcClient]:
    made = TaskHubGrpcClient(host_address=engine.address, logger=ENGINE_LOG)
    yield made
    made.close()


def test_every_function_is_known_by_its_trigger(functions: dict[str, Function]) -> None:
    """Those that the durable library adds to every app included."""
    assert {name: function.trigger for name, function in functions.items()} == {
        "BuiltIn__HttpActivity": "activityTrigger",
        "BuiltIn__HttpPollOrchestrator": "orchestrationTrigger",
        "doubled": "activityTrigger",
        "some_name_of_its_own": "orchestrationTrigger",
        "Counter": "entityTrigger",
        "echo": "httpTrigger",
        "text": "httpTrigger",
        "typed": "httpTrigger",
        "broken": "httpTrigger",
        "start": "httpTrigger",
        "on_event": "eventGridTrigger",
        "tick": "timerTrigger",
    }


def test_parameters_are_filled_by_name(functions: dict[str, Function]) -> None:
    """The trigger's, and the durable client's where there is one."""
    assert (functions["start"].trigger_name, functions["start"].client_name) == ("req", "client")
    assert (functions["echo"].trigger_name, functions["echo"].client_name) == ("req", None)


def test_the_clients_configuration_is_what_the_host_would_give() -> None:
    """The engine's address, and where the extension's own endpoints would be."""
    given = json.loads(client_configuration("127.0.0.1:4", "http://127.0.0.1:7071"))
    assert given["rpcBaseUrl"] == "127.0.0.1:4"
    assert given["httpBaseUrl"] == "http://127.0.0.1:7071/runtime/webhooks/durabletask"


def test_a_function_with_a_client_reaches_the_engine(engine: LocalEngine, client: TaskHubGrpcClient) -> None:
    """The client is made from the configuration, as in Azure."""
    import azure.functions as func

    start = next(function for function in index_app(small_app(Seen())) if function.name == "start")
    request = func.HttpRequest(method="POST", url="http://x/api/start", body=b"4")
    answer = asyncio.run(start.invoke(request, client_configuration(engine.address, "http://x")))
    found = client.wait_for_orchestration_completion(answer.get_body().decode(), timeout=300)
    assert found is not None
    assert found.serialized_output == "8"


def test_an_orchestrator_runs_under_the_name_in_its_trigger(client: TaskHubGrpcClient) -> None:
    """Not under that of the Python function; and calls activities by theirs."""
    run = client.schedule_new_orchestration("doubling", input=21)
    found = client.wait_for_orchestration_completion(run, timeout=300)
    assert found is not None
    assert found.serialized_output == "42"


def test_an_entity_runs_under_the_name_in_its_trigger(client: TaskHubGrpcClient) -> None:
    """And keeps its state between operations."""
    entity = EntityInstanceId("counter", "one")
    for number in (1, 2, 3):
        client.signal_entity(entity, "add", input=number)

    def told() -> str | None:
        found = client.get_entity(entity)
        return found.get_state(str) if found else None

    until(lambda: told() == "6", "the sum")
