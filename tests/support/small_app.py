"""A function app with one function of each kind, for tests of what hosts an app."""

from __future__ import annotations

import threading
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from durabletask.entities import DurableEntity
from durabletask.task import OrchestrationContext


class Counter(DurableEntity):
    """Adds up what it is told."""

    def add(self, number: int) -> None:
        self.set_state((self.get_state(int) or 0) + number)


class Seen:
    """What the app's functions were given."""

    def __init__(self) -> None:
        self.requests: list[func.HttpRequest] = []
        self.events: list[Any] = []
        self.ticks = 0
        self.threads: set[str] = set()


def small_app(seen: Seen, *, schedule: str = "* * * * * *") -> df.DFApp:
    app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
    _durable(app)
    _http(app, seen)

    @app.event_grid_trigger(arg_name="event")
    async def on_event(event: func.EventGridEvent) -> None:
        seen.events.append(event)
        if getattr(event, "subject", "") == "spoilt":
            raise RuntimeError("this event cannot be handled")

    @app.timer_trigger(arg_name="timer", schedule=schedule, use_monitor=False)
    async def tick(timer: func.TimerRequest) -> None:
        del timer
        seen.ticks += 1
        raise RuntimeError("a tick that fails")

    return app


def _durable(app: df.DFApp) -> None:
    @app.activity_trigger(input_name="number")
    def doubled(number: int) -> int:
        return 2 * number

    @app.orchestration_trigger(context_name="context", orchestration="doubling")
    def some_name_of_its_own(ctx: OrchestrationContext, number: int) -> Any:
        return (yield ctx.call_activity("doubled", input=number))

    app.entity_trigger(context_name="context", entity_name="counter")(Counter)


def _http(app: df.DFApp, seen: Seen) -> None:
    @app.route("echo/{name}", methods=["GET", "POST"])
    def echo(req: func.HttpRequest) -> func.HttpResponse:
        seen.requests.append(req)
        seen.threads.add(threading.current_thread().name)
        return func.HttpResponse(req.get_body(), mimetype="application/json", headers={"X-Some": "thing"})

    @app.route("text", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def text(req: func.HttpRequest) -> func.HttpResponse:
        del req
        return func.HttpResponse("text")

    @app.route("typed", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def typed(req: func.HttpRequest) -> func.HttpResponse:
        del req
        return func.HttpResponse("a,b", headers={"Content-Type": "text/csv"})

    @app.route("broken", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def broken(req: func.HttpRequest) -> func.HttpResponse:
        raise RuntimeError(req.url)

    @app.route("start", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
    @app.durable_client_input(client_name="client")
    async def start(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
        run = await client.schedule_new_orchestration("doubling", input=int(req.get_body()))
        return func.HttpResponse(run)
