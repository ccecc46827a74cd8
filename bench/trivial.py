"""A function app that does nothing, in as many steps as the product takes: the engine's own floor.

Loaded by ``bench.worker`` in place of ``function_app``, so that both run in a worker of the same making.
"""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df
import azure.functions as func
from durabletask.entities import DurableEntity, EntityInstanceId
from durabletask.task import OrchestrationContext

from orchestrator.core.base.codec import Value, from_builtins, to_builtins

ENTITY = "idle"
CHAIN = "chain"
NOTHING = "nothing"


class Steps(Value, kw_only=True):
    """What one trivial orchestration does: so many activities, one after another, and so many entity operations."""

    activities: int
    reports: int
    entity: str


class Idle(DurableEntity):
    """Counts; begins an orchestration when told to, as a pair's entity begins a run."""

    def poke(self, given: Any) -> None:
        del given
        self.set_state((self.get_state(int) or 0) + 1)

    def begin(self, given: Any) -> None:
        self.set_state((self.get_state(int) or 0) + 1)
        self.schedule_new_orchestration(CHAIN, input=given)


def chain(ctx: OrchestrationContext, given: Any) -> Any:
    steps = from_builtins(given, Steps, CHAIN)
    for number in range(steps.activities):
        yield ctx.call_activity(NOTHING, input=given)
        if number < steps.reports:
            ctx.signal_entity(EntityInstanceId(ENTITY, steps.entity), "poke", input=None)
    return to_builtins(steps)


def built() -> df.DFApp:
    """The app."""
    app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
    app.entity_trigger(context_name="context", entity_name=ENTITY)(Idle)
    app.orchestration_trigger(context_name="context", orchestration=CHAIN)(chain)

    @app.activity_trigger(input_name="order", activity=NOTHING)
    def nothing(order: Any) -> Any:
        return order

    @app.route("api/poke/{name}", methods=["POST"])
    @app.durable_client_input(client_name="client")
    async def poke(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
        body = req.get_json()
        await client.signal_entity(EntityInstanceId(ENTITY, req.route_params["name"]), "poke", input=body)
        return func.HttpResponse(status_code=202)

    return app


app = built()
