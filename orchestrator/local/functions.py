"""The functions of ``function_app.app`` as a host sees them: by trigger, with the names of their parameters.

Nothing is registered by hand: what the app declares is what runs.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from azure.durable_functions.internal.serialization import DEFAULT_FUNCTIONS_DATA_CONVERTER
from durabletask.task import ActivityContext
from durabletask.worker import ConcurrencyOptions, TaskHubGrpcWorker

ENGINE_LOG = logging.getLogger("hubswitch.engine")
ENGINE_LOG.setLevel(logging.ERROR)
"""durabletask tells every step of every orchestration at INFO, and its own shutdown as a warning."""


@dataclass(frozen=True)
class Function:
    """One function of the app."""

    name: str
    trigger: str
    """Type of its trigger, such as ``httpTrigger``."""

    trigger_name: str
    """Name of the parameter that the trigger fills."""

    client_name: str | None
    """Name of the parameter that takes the durable client, if it has one."""

    settings: dict[str, Any]
    """The trigger's binding, as the host would get it."""

    call: Callable[..., Any]

    async def invoke(self, value: Any, client: str) -> Any:
        """Call the function with what the trigger brought; ``client`` is the durable client's configuration."""
        arguments: dict[str, Any] = {self.trigger_name: value}
        if self.client_name:
            arguments[self.client_name] = client
        if inspect.iscoroutinefunction(self.call):
            return await self.call(**arguments)
        return await asyncio.to_thread(self.call, **arguments)


def index_app(app: Any) -> list[Function]:
    """Every function of an app. An app can be indexed once."""
    return [_function(built) for built in app.get_functions()]


def _function(built: Any) -> Function:
    trigger = built.get_trigger()
    bindings = built.get_bindings()
    client = next((binding.name for binding in bindings if binding.type == "durableClient"), None)
    return Function(
        name=built.get_function_name(),
        trigger=trigger.type,
        trigger_name=trigger.name,
        client_name=client,
        settings=trigger.get_dict_repr(),
        call=built.get_user_function(),
    )


def client_configuration(engine: str, base_url: str) -> str:
    """What the Functions host would pass as the durable client's configuration."""
    return json.dumps(
        {
            "taskHubName": "hubswitch",
            "rpcBaseUrl": engine,
            "httpBaseUrl": f"{base_url}/runtime/webhooks/durabletask",
            "requiredQueryStringParameters": "",
        }
    )


def durable_worker(functions: Iterable[Function], engine: str, *, activities_at_once: int = 20) -> TaskHubGrpcWorker:
    """A worker that runs an app's orchestrators, entities and activities against an engine. Not started yet."""
    worker = TaskHubGrpcWorker(
        host_address=engine,
        data_converter=DEFAULT_FUNCTIONS_DATA_CONVERTER,
        emit_trace_spans=False,
        logger=ENGINE_LOG,
        concurrency_options=ConcurrencyOptions(
            maximum_concurrent_activity_work_items=activities_at_once,
            maximum_thread_pool_workers=activities_at_once,
        ),
    )
    registry = worker._registry  # noqa: SLF001 - add_orchestrator takes the name from the function, not from the app
    for function in functions:
        match function.trigger:
            case "orchestrationTrigger":
                name = function.settings.get("orchestration") or function.name
                registry.add_named_orchestrator(name, function.call.orchestrator_function)  # type: ignore[attr-defined]
            case "activityTrigger":
                name = function.settings.get("activity") or function.name
                registry.add_named_activity(name, _activity(function.call))
            case "entityTrigger":
                name = function.settings.get("entityName") or function.name
                worker.add_entity(function.call.entity_function, name=name)  # type: ignore[attr-defined]
    return worker


def _activity(call: Callable[[Any], Any]) -> Callable[[ActivityContext, Any], Any]:
    def run(_context: ActivityContext, order: Any) -> Any:
        return call(order)

    return run
