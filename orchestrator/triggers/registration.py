"""Binding: which plain function is which Azure Function. The only file with the decorators of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import from_message, to_message
from orchestrator.core.decision.commands import ANSWERS, Do
from orchestrator.ports import Engine, World
from orchestrator.settings import Settings
from orchestrator.standby.readiness import look_at_standby
from orchestrator.standby.recovery import find_missing
from orchestrator.triggers import (
    deliveries,
    http_audit,
    http_data,
    http_doctor,
    http_evidence,
    http_groups,
    http_health,
    http_history,
    http_notices,
    http_openapi,
    http_page,
    http_pairs,
    http_pause,
    http_recover,
    http_runs,
    http_wishes,
    step_answers,
)
from orchestrator.triggers.callers import refuse
from orchestrator.triggers.engine import DurableEngine
from orchestrator.triggers.routes import ROUTES, RouteAccess, route_named, template_of
from orchestrator.watch import (
    copies,
    drills,
    existence,
    letters,
    poll,
    readiness,
    reconcile,
    replicate,
    schedules,
    watch,
)
from orchestrator.workflows import group_messages, messages, names, recovery_messages
from orchestrator.workflows.activities import (
    audit_log,
    capture_jobs,
    decision_log,
    drain,
    drill,
    drill_full,
    drill_partial,
    epoch,
    evidence,
    group,
    incident,
    notify,
    pair_step,
    recover,
    resubmit_jobs,
    settle_jobs,
    spans,
    wishes,
)
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.deliveries_entity import deliveries_entity
from orchestrator.workflows.full_drill import FullDrillRun
from orchestrator.workflows.messages import RunKind
from orchestrator.workflows.orchestrators import (
    capture,
    order_pair,
    records,
    resubmit,
    retry,
    settle,
    step_walk,
    switch,
)
from orchestrator.workflows.orchestrators import decision_log as decision_log_module
from orchestrator.workflows.orchestrators import drill as drill_module
from orchestrator.workflows.orchestrators import group as group_module
from orchestrator.workflows.orchestrators import notify as notify_module
from orchestrator.workflows.orchestrators import recover as recover_module
from orchestrator.workflows.pair_entity import pair_entity
from orchestrator.workflows.partial_drill import PartialDrillRun

COMMANDS = ("approve", "reject", "acknowledge", "pause", "resume", "failover", "failback")

LEVELS = {RouteAccess.ANYBODY: func.AuthLevel.ANONYMOUS, RouteAccess.KEY: func.AuthLevel.FUNCTION}

Body = Callable[[World, Any], Any]

ACTIVITIES: dict[str, tuple[type[Any], Body]] = {
    names.CLAIM_EPOCH: (messages.RunOrder, epoch.claim_epoch),
    names.WITHDRAW_RUN: (messages.StopOrder, wishes.withdraw_run),
    names.LOOK_AT_DRAIN: (messages.DrainOrder, drain.look_at_drain),
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
    names.CANCEL_CANARY: (messages.DrillOrder, drill.cancel_canary),
    names.BEGIN_PARTIAL: (messages.DrillOrder, drill_partial.begin_partial),
    names.LOOK_AT_COPIES: (PartialDrillRun, drill_partial.look_at_copies),
    names.END_COPIES: (PartialDrillRun, drill_partial.end_copies),
    names.TURN_UNGRACEFUL: (messages.StopOrder, wishes.press_run),
    names.MEASURE_DRILL: (FullDrillRun, drill_full.measure_drill),
    names.FINISH_DRILL: (messages.DrillDone, drill.finish_drill),
    names.MAKE_EVIDENCE: (messages.EvidenceOrder, evidence.make_evidence),
    names.WRITE_AUDIT: (messages.AuditOrder, audit_log.write_audit),
    names.KEEP_NOTICES: (messages.NoticeOrder, incident.keep_notices),
    names.RECOVER_RESOURCE: (recovery_messages.RecoverStep, recover.recover_resource),
    names.KEEP_PAIR_ORDER: (messages.StepOrder, pair_step.keep_pair_order),
    names.KEEP_GROUP_ORDER: (group_messages.GroupPairOrder, group.keep_group_order),
    names.LOOK_AT_GROUP_PAIR: (group_messages.GroupPairOrder, group.look_at_group_pair),
    names.FINISH_RECOVERY: (recovery_messages.RecoveryReport, recover.finish_recovery),
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
    names.AUDIT_RUN: records.audit_run,
    names.NOTICE_RUN: records.notice_run,
    names.RECOVER_RUN: recover_module.recover_run,
    names.ORDER_PAIR_RUN: order_pair.order_pair_run,
    names.GROUP_RUN: group_module.group_run,
    names.GROUP_PAIR_RUN: group_module.group_pair_run,
    names.ORDER_GROUP_PAIR_RUN: group_module.order_group_pair_run,
    names.STOP_RUN: records.stop_run,
    names.PRESS_RUN: records.press_run,
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
        bare, attempt = spans.split_attempt(order)
        given = from_message(bare, shape, name)

        def recorded() -> Any:
            return spans.carry_out(name, given, attempt, lambda: body(deployment.world, given))

        done = deployment.limits.run(name, given, recorded)
        if isinstance(done, messages.CaptureReport):
            deployment.memory.captured_lately.note(given, done)
        return to_message(done)

    return _rename(carry_out, name)


def _bind_http(app: df.DFApp, deployment: Deployment) -> None:
    bind = partial(_route, app, settings=deployment.settings)
    bind("get_openapi", http_openapi.openapi(ROUTES))
    bind("get_status", http_pairs.status(deployment))
    bind("get_pair", http_pairs.pair(deployment))
    bind("explain_pair", http_pairs.explain(deployment))
    bind("get_decisions", http_history.decisions(deployment))
    bind("get_readiness", http_history.readiness(deployment))
    bind("get_data", http_data.data(deployment))
    bind("get_signals", http_history.signals(deployment))
    bind("get_runs", http_runs.runs(deployment))
    bind("get_run", http_pairs.run(deployment))
    bind("get_evidence", http_evidence.evidence(deployment))
    bind("finalise_run", http_evidence.finalise_evidence(deployment))
    bind("get_audit", http_audit.audit(deployment))
    bind("skip_step", http_runs.skip(deployment))
    bind("get_doctor", http_doctor.doctor(deployment))
    bind("start_drill", http_pairs.drill(deployment))
    bind("recover_pair", http_recover.recover(deployment))
    bind("send_test_notices", http_notices.send_test_notices(deployment))
    for kind in RunKind:
        bind(f"{kind}_group", http_groups.start(deployment, kind))
    bind("retry_run", http_wishes.retry(deployment))
    bind("abort_run", http_wishes.abort(deployment))
    bind("ungraceful_run", http_wishes.ungraceful(deployment))
    for every in (Do.PAUSE, Do.RESUME):
        bind(f"{every}_everything", http_pause.everything(deployment, every))
    for do in COMMANDS:
        make = step_answers.command if do in ANSWERS else http_pairs.command
        bind(f"{do}_pair", make(deployment, do))

    alive = route_named("health_live")

    @app.function_name(alive.name)
    @app.route(template_of(alive), methods=list(alive.methods), auth_level=LEVELS[alive.access])
    def health_live(req: func.HttpRequest) -> func.HttpResponse:
        return http_health.live(req)

    readiness = http_health.ReadinessAnswer(deployment)

    async def ready(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        del req
        return await readiness.ready(engine)

    bind("health_ready", ready)
    row, answer_home = route_named("get_home"), http_page.home(deployment)

    @app.function_name(row.name)
    @app.route(template_of(row), methods=list(row.methods), auth_level=LEVELS[row.access])
    def get_home(req: func.HttpRequest) -> func.HttpResponse:
        return answer_home(req)


def _bind_deliveries(app: df.DFApp, deployment: Deployment) -> None:
    receive = deliveries.deliveries(deployment)
    bind = partial(_route, app, settings=deployment.settings)
    bind("receive_events", receive)
    bind("receive_alerts", receive)

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
        engine = DurableEngine(client)
        await asyncio.gather(
            reconcile.reconcile(deployment, engine),
            letters.send_waiting(deployment),
            drills.hold_scheduled(deployment, engine),
            existence.look_for_gone(deployment, engine, find_missing),
            schedules.finish_waiting(deployment),
        )

    @app.function_name("replicate")
    @app.timer_trigger(arg_name="timer", schedule=deployment.settings.replicate_schedule, use_monitor=False)
    @app.durable_client_input(client_name="client")
    async def replicate_assets(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
        del timer
        engine = DurableEngine(client)
        await asyncio.gather(replicate.replicate(deployment, engine), copies.copy_ahead(deployment, engine))

    @app.function_name("readiness")
    @app.timer_trigger(arg_name="timer", schedule=deployment.settings.readiness_schedule, use_monitor=False)
    @app.durable_client_input(client_name="client")
    async def look_at_standbys(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
        del timer
        await readiness.look_at_standbys(deployment, DurableEngine(client), look_at_standby)


def _route(app: df.DFApp, name: str, handler: http_pairs.Handler, settings: Settings) -> None:
    """Bind a handler as its row in ``routes`` says. Where people sign in, rows with a role are judged here."""
    row = route_named(name)
    needed = row.role if settings.signed_in_header else None
    level = func.AuthLevel.ANONYMOUS if needed else LEVELS[row.access]

    async def respond(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
        refusal = refuse(req, needed, settings) if needed else None
        return await handler(req, DurableEngine(client)) if refusal is None else refusal

    _rename(respond, name)
    bound = app.durable_client_input(client_name="client")(respond)
    app.route(template_of(row), methods=list(row.methods), auth_level=level)(bound)


def _rename(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The same function under the name by which the host will know it."""
    function.__name__ = name
    return function
