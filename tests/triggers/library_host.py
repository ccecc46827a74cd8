"""The Functions host, as far as an app sees it: drives the worker library that Azure runs (azure_functions_runtime).

Started as a program with the app's folder. Reads one JSON object per line and answers with one:

* ``{"do": "index"}``: every function with its bindings, as the host would get them;
* ``{"do": "invoke", "function": name, "inputs": {name: [kind, value]}}``: one invocation;
* ``{"do": "serve", "engine": address}``: from now on carry out the engine's work items by invocations, as the durable
  extension does: orchestrators and entities get their requests as base64, activities get JSON.

Everything that concerns the app goes through the library. Only the protobuf messages in which host and library talk
are stood in for, by plain objects with the same attributes. Standard output carries answers and nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
from collections.abc import Mapping
from typing import Any

import azure_functions_runtime as library
import grpc
from durabletask.internal import helpers
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.internal import orchestrator_service_pb2_grpc as stubs

ENTITIES = {"pair": "PairEntity", "deliveries": "DeliveriesEntity"}
"""Entity -> the function that carries it."""


class Message:
    """Any message: what it was made with is what it has."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def WhichOneof(self, _name: str) -> str | None:  # noqa: N802 - protobuf's name
        """Which field of a union is set. Ours are made with that one only."""
        return next((name for name in self.__dict__ if name != "name"), None)


class BindingInfo(Message):
    """Directions and types of data, with the numbers of the host's protocol."""

    out, inout, undefined = 1, 2, 0


setattr(BindingInfo, "in", 0)


class StatusResult(Message):
    Failure, Success, Cancelled = 0, 1, 2


class Protos:
    """The module of message classes that the host hands over."""

    BindingInfo = BindingInfo
    StatusResult = StatusResult

    def __getattr__(self, name: str) -> type[Message]:
        return type(name, (Message,), {})


class Host:
    """One app, loaded by the library."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._ids: dict[str, str] = {}

    async def load(self) -> str:
        """Let the library import and index the app; why it could not, or nothing."""
        init = Message(capabilities={}, function_app_directory=self._folder)
        answer = await library.worker_init_request(
            Message(request=Message(worker_init_request=init), properties={"host": "127.0.0.1", "protos": Protos()})
        )
        failed = answer.result.status != StatusResult.Success
        return answer.result.exception.message if failed else ""

    async def index(self) -> list[dict[str, Any]]:
        answer = await library.functions_metadata_request(None)
        self._ids = {function.name: function.function_id for function in answer.function_metadata_results}
        return [
            {"name": function.name, "bindings": [json.loads(binding) for binding in function.raw_bindings]}
            for function in answer.function_metadata_results
        ]

    async def invoke(self, function: str, inputs: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
        given = [Message(data=_typed(kind, value), name=name) for name, (kind, value) in inputs.items()]
        invocation = Message(
            invocation_id=f"invocation-of-{function}",
            function_id=self._ids[function],
            input_data=given,
            trigger_metadata={},
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
        answer = await library.invocation_request(Message(request=Message(invocation_request=invocation)))
        if answer.result.status != StatusResult.Success:
            return {"ok": False, "error": answer.result.exception.message}
        return {"ok": True, "output": _plain(answer.return_value)}

    async def carry_out(self, item: Any, stub: Any) -> None:
        """One work item of the engine, as the durable extension hands it to a worker and takes the answer back."""
        if item.HasField("activityRequest"):
            stub.CompleteActivityTask(await self._activity(item))
        elif item.HasField("orchestratorRequest"):
            request = item.orchestratorRequest
            started = [e for e in (*request.pastEvents, *request.newEvents) if e.HasField("executionStarted")]
            name = started[-1].executionStarted.name
            answer = await self._replayed(name, request, pb.OrchestratorResponse(), item.completionToken)
            stub.CompleteOrchestratorTask(answer)
        else:
            batch, told = helpers.convert_to_entity_batch_request(item.entityRequestV2)
            function = ENTITIES[batch.instanceId.split("@")[1]]
            answer = await self._replayed(function, batch, pb.EntityBatchResult(), item.completionToken)
            answer.operationInfos.extend(told)
            stub.CompleteEntityTask(answer)

    async def _replayed(self, function: str, request: Any, answer: Any, token: str) -> Any:
        body = base64.b64encode(request.SerializeToString()).decode()
        found = await self.invoke(function, {"_durable_input": ("string", body)})
        assert found["ok"], found
        answer.ParseFromString(base64.b64decode(found["output"]))
        answer.completionToken = token
        return answer

    async def _activity(self, item: Any) -> Any:
        request = item.activityRequest
        found = await self.invoke(request.name, {"order": ("json", request.input.value)})
        answer = pb.ActivityResponse(
            instanceId=request.orchestrationInstance.instanceId,
            taskId=request.taskId,
            completionToken=item.completionToken,
        )
        if found["ok"]:
            answer.result.value = found["output"]
        else:
            # The extension takes what stands before the first colon for the error's type (OutOfProcMiddleware).
            answer.failureDetails.errorType, _, answer.failureDetails.errorMessage = found["error"].partition(": ")
        return answer


def _typed(kind: str, value: Any) -> Message:
    if kind == "http":
        body = _typed("string", value["body"]) if value["body"] else Message(bytes=b"")
        return Message(http=Message(**value | {"body": body}))
    return Message(**{kind: value})


def _plain(value: Any) -> Any:
    """What an invocation returned: text, or an HTTP answer as plain data."""
    kind = value.WhichOneof("data") if value is not None else None
    if kind == "http":
        answer = value.http
        return {
            "status": int(answer.status_code),
            "headers": dict(answer.headers),
            "body": answer.body.bytes.decode(),
        }
    return getattr(value, kind) if kind else None


def serve(host: Host, engine: str, loop: asyncio.AbstractEventLoop) -> None:
    """Take work items from an engine until it goes."""
    channel = grpc.insecure_channel(engine)
    stub = stubs.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]
    try:
        for item in stub.GetWorkItems(pb.GetWorkItemsRequest()):
            asyncio.run_coroutine_threadsafe(host.carry_out(item, stub), loop)
    except grpc.RpcError:
        channel.close()


def say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def main(folder: str) -> None:
    loop = asyncio.get_running_loop()
    host = Host(folder)
    library.start_threadpool_executor()
    fault = await host.load()
    say({"fault": fault})
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        answer: Any = None
        match order["do"]:
            case "index":
                answer = await host.index()
            case "invoke":
                answer = await host.invoke(order["function"], order["inputs"])
            case "serve":
                threading.Thread(target=serve, args=(host, order["engine"], loop), daemon=True).start()
        say(answer)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    asyncio.run(main(sys.argv[1]))
