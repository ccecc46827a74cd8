"""Binding: which plain function is which Azure Function. The only file with the decorators of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.decision.commands import Do
from orchestrator.ports import World
from orchestrator.triggers import (
    deliveries,
    http_health,
    http_history,
    http_pairs,
    http_pause,
    http_runs,
)
from orchestrator.triggers.engine import DurableEngine
from orchestrator.watch import poll, reconcile, replicate, watch
from orchestrator.workflows import messages, names
from orchestrator.workflows.activities import (
    capture_jobs,
    decision_log,
    drill,
    epoch,
    notify,
    resubmit_jobs,
    settle_jobs,
)
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.deliveries_entity import deliveries_entity
from orchestrator.workflows.orchestrators import capture, resubmit, retry, settle, step_walk, switch
from orchestrator.workflows.orchestrators import decision_log as decision_log_module
from orchestrator.workflows.orchestrators import drill as drill_module
from orchestrator.workflows.orchestrators import notify as notify_module
from orchestrator.workflows.pair_entity import pair_entity

COMMANDS = ("approve", "reject", "acknowledge", "pause", "resume", "failover", "failback")

Body = Callable[[World, Any], Any]

ACTIVITIES: dict[str, tuple[type[Any], Body]] = {
    names.CLAIM_EPOCH: (messages.RunOrder, epoch.claim_epoch),
    names.PUBLISH_POINTER: (messages.RunOrder, epoch.publish_pointer),
    names.VERIFY_POINTER: (messages.RunOrder, epoch.verify_pointer),
    names.READ_EPOCH: (str, epoch.read_epoch),
    **STEP_ACTIVITIES,
    names.LIST_JOBS: (messages.RoundOrder, resubmit_jobs.list_jobs),
    names.RESUBMIT_JOBS: (messages.BatchOrder, resubmit_jobs.resubmit_jobs),
    names.SETTLE_JOBS: (messages.AfterOrder, settle_jobs.settle_jobs),
    names.CAPTURE_JOBS: (messages.CaptureOrder, capture_jobs.capture_jobs),
    names.TELL: (messages.Tidings, notify.publish_notice),
    names.KEEP_DECISION: (messages.KeepOrder, decision_log.keep_decision),
    names.FINISH_RUN: (messages.RunSummary, notify.finish_run),
    names.REHEARSE: (messages.DrillOrder, drill.rehearse),
    names.SUBMIT_CANARY: (messages.DrillOrder, drill.submit_canary),
    names.CHECK_CANARY: (messages.DrillOrder, drill.check_canary),
    names.FINISH_DRILL: (messages.DrillDone, drill.finish_drill),
}
"""Name -> shape of the order and the body that carries it out."""

ORCHESTRATORS: dict[str, Callable[..., Any]] = {
    names.SWITCH_RUN: switch.switch_run,
    names.STEP_RUN: step_walk.step_run,
    names.RESUBMIT_RUN: resubmit.resubmit_run,
    names.PATIENCE_RUN: retry.patience_run,
    names.AFTER_RUN: settle.after_run,
    names.CAPTURE_RUN: capture.capture_run,
    names.DRILL_RUN: drill_module.drill_run,
    names.TELL_RUN: notify_module.tell_run,
    names.KEEP_RUN: decision_log_module.keep_run,
}


def build(deployment: Deployment) -> df.DFApp:
    """The function app of a deployment."""
    app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
    for name, orchestrator in ORCHESTRATORS.items():
        app.orchestration_trigger(context_name="context", orchestration=name)(_rename(orchestrator, name))
    for name, (shape, body) in ACTIVITIES.items():
        app.activity_trigger(input_name="order", activity=name)(activity(deployment, name, shape, body))
    entity = pair_entity(lambda: deployment.plans)
    app.entity_trigger(context_name="context", entity_name=names.PAIR_ENTITY)(entity)
    counter = deliveries_entity(lambda: deployment.plans)
    app.entity_trigger(context_name="context", entity_name=names.DELIVERIES_ENTITY)(counter)
    _bind_http(app, deployment)
    _bind_deliveries(app, deployment)
    _bind_timers(app, deployment)
    return app


def activity(deployment: Deployment, name: str, shape: type[Any], body: Body) -> Callable[[Any], Any]:
    """The function that the engine calls for an activity: decode, carry out, encode."""

    def carry_out(order: Any) -> Any:
        given = from_builtins(order, shape, name)
        done = deployment.limits.run(name, given, lambda: body(deployment.world, given))
        if isinstance(done, messages.CaptureReport):
            deployment.memory.captured_lately.note(given, done)
        return to_builtins(done)

    return _rename(carry_out, name)


def _bind_http(app: df.DFApp, deployment: Deployment) -> None:
    _route(app, "get_status", "status", ["GET"], http_pairs.status(deployment))
    _route(app, "get_pair", "pairs/{pair}", ["GET"], http_pairs.pair(deployment))
    _route(app, "explain_pair", "pairs/{pair}/explain", ["GET"], http_pairs.explain(deployment))
    _route(app, "get_decisions", "pairs/{pair}/decisions", ["GET"], http_history.decisions(deployment))
    _route(app, "get_signals", "pairs/{pair}/signals", ["GET"], http_history.signals(deployment))
    _route(app, "get_runs", "runs", ["GET"], http_runs.runs(deployment))
    _route(app, "get_run", "runs/{id}", ["GET"], http_pairs.run(deployment))
    _route(app, "start_drill", "pairs/{pair}/drill", ["POST"], http_pairs.drill(deployment))
    for every in (Do.PAUSE, Do.RESUME):
        _route(app, f"{every}_everything", every.value, ["POST"], http_pause.everything(deployment, every))
    for do in COMMANDS:
        _route(app, f"{do}_pair", f"pairs/{{pair}}/{do}", ["POST"], http_pairs.command(deployment, do))

    @app.function_name("health_live")
    @app.route("health/live", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    def health_live(req: func.HttpRequest) -> func.HttpResponse:
        return http_health.live(req)

    readiness = http_health.ReadinessAnswer(deployment)

    @app.function_name("health_ready")
    @app.route("health/ready", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @app.durable_client_input(client_name="client")
    async def health_ready(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
        del req
        return await readiness.ready(DurableEngine(client))


def _bind_deliveries(app: df.DFApp, deployment: Deployment) -> None:
    receive = deliveries.deliveries(deployment)
    _route(app, "receive_events", "events", ["POST", "OPTIONS"], receive)
    _route(app, "receive_alerts", "alerts", ["POST", "OPTIONS"], receive)

    @app.event_grid_trigger(arg_name="event")
    @app.durable_client_input(client_name="client")
    async def on_event_grid(event: func.EventGridEvent, client: df.DurableFunctionsClient) -> None:
        await deliveries.event_grid(deployment, event, DurableEngine(client))


def _bind_timers(app: df.DFApp, deployment: Deployment) -> None:
    @app.function_name("watch")
    @app.timer_trigger(arg_name="timer", schedule=deployment.settings.watch_schedule, use_monitor=False)
    @app.durable_client_input(client_name="client")
    async def watch_pairs(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
        del timer
        await watch.watch(deployment, DurableEngine(client))

    @app.function_name("poll")
    @app.timer_trigger(arg_name="timer", schedule=deployment.settings.poll_schedule, use_monitor=False)
    @app.durable_client_input(client_name="client")
    async def poll_pairs(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
        del timer
        await poll.poll(deployment, DurableEngine(client))

    @app.function_name("reconcile")
    @app.timer_trigger(arg_name="timer", schedule=deployment.settings.reconcile_schedule, use_monitor=False)
    @app.durable_client_input(client_name="client")
    async def reconcile_ledgers(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
        del timer
        await reconcile.reconcile(deployment, DurableEngine(client))

    @app.function_name("replicate")
    @app.timer_trigger(arg_name="timer", schedule=deployment.settings.replicate_schedule, use_monitor=False)
    @app.durable_client_input(client_name="client")
    async def replicate_assets(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
        del timer
        await replicate.replicate(deployment, DurableEngine(client))


def _route(app: df.DFApp, name: str, route: str, methods: list[str], handler: http_pairs.Handler) -> None:
    async def respond(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
        return await handler(req, DurableEngine(client))

    _rename(respond, name)
    app.route(route, methods=methods)(app.durable_client_input(client_name="client")(respond))


def _rename(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The same function under the name by which the host will know it."""
    function.__name__ = name
    return function
