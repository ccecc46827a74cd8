"""Body of the step that calls a webhook.

What has become of the call is kept in the ledger: that it was taken, where to ask for its end, that it has ended. So a
step that is repeated asks for the end of what it began, and a run that begins again calls nothing a second time. Only
if the ledger cannot be written just after the call was taken, it is sent again, with the same ``Idempotency-Key``.
"""

from __future__ import annotations

from orchestrator.core.base.codec import SCHEMA, Moment, Value, encode, read_record
from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.base.text import format_time
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import webhook_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps_webhook import CallWebhook
from orchestrator.ports import Versioned, WebhookAnswer, World
from orchestrator.workflows.messages import RunKind, StepOrder


class WebhookBody(Value, kw_only=True):
    """What a receiver is sent. Equal for the same run and step, whenever it is sent."""

    schema: int = SCHEMA
    pair: str
    run: str
    epoch: int
    direction: RunKind
    step: str
    source: str
    target: str
    source_region: str
    target_region: str
    decided_at: Moment


class WebhookCall(Value, kw_only=True):
    """What has become of a call, as the ledger keeps it."""

    schema: int = SCHEMA
    location: str = ""
    """Where its end is asked for; empty: nowhere."""

    not_before: Moment | None = None
    """When the receiver wants to be asked again."""

    is_over: bool = False


def call_webhook(world: World, order: StepOrder, step: CallWebhook) -> None:
    """Call once, and return when what was begun has ended.

    Raises:
        TemporaryError: it goes on, or the receiver did not answer.
        HubswitchError: the receiver refused it, or says that it has failed.
    """
    ledger, path = world.ledgers[order.pair], webhook_path(order.pair, order.run, step.title)
    page = ledger.page(path)
    call = read_record(page.value, WebhookCall, path) if page else None
    if call is not None and call.is_over:
        return
    if call is not None and call.not_before is not None and world.clock.now() < call.not_before:
        raise TemporaryError(f"it goes on; the receiver wants to be asked at {format_time(call.not_before)}")
    if call is None:
        answer = world.webhooks.call(step, encode(_body(world, order, step)), f"{order.run}/{step.title}")
    else:
        answer = world.webhooks.ask(step, call.location)
    after = _call_after(world, answer, call)
    _keep(world, order, path, page, after)
    if not after.is_over:
        raise TemporaryError("what the webhook began goes on")


def preview_webhook(world: World, _plan: Plan, _target: Role, step: CallWebhook) -> str:
    """Whom it would call. Nothing is sent: a receiver cannot tell a drill from a run.

    Raises:
        InvalidInput: an app setting that the step names is not there.
    """
    return f"it would call {world.webhooks.check(step)}; its app settings are there"


def _call_after(world: World, answer: WebhookAnswer, call: WebhookCall | None) -> WebhookCall:
    location = answer.location or (call.location if call else "")
    if not answer.goes_on or not location:
        return WebhookCall(location=location, is_over=True)
    wait = answer.retry_after
    return WebhookCall(location=location, not_before=world.clock.now() + wait if wait else None)


def _keep(world: World, order: StepOrder, path: str, page: Versioned[bytes] | None, call: WebhookCall) -> None:
    world.ledgers[order.pair].write_page(path, encode(call), page.etag if page else None)


def _body(world: World, order: StepOrder, step: CallWebhook) -> WebhookBody:
    plan = world.plans[order.pair]
    return WebhookBody(
        pair=order.pair,
        run=order.run,
        epoch=order.epoch,
        direction=order.kind,
        step=step.title,
        source=order.source.value,
        target=order.target.value,
        source_region=plan.side(order.source).region,
        target_region=plan.side(order.target).region,
        decided_at=order.decided_at,
    )
