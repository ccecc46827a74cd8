"""The step that calls a webhook, against a receiver on loopback through real clients."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import claimed

from orchestrator.core.base.errors import HubswitchError, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import webhook_path
from orchestrator.core.plan.steps_webhook import CallWebhook
from orchestrator.ports import WebhookAnswer
from orchestrator.simulator.webhook_receiver import SETTING, WebhookReceiver
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES, STEPS
from orchestrator.workflows.messages import RunOrder, StepOrder


@pytest.fixture
def visit(bench: Bench) -> Visit:
    """A pair of its own."""
    return bench.visit()


@pytest.fixture
def run(visit: Visit) -> RunOrder:
    """A run of it that holds the epoch."""
    return claimed(visit)


def hook(visit: Visit, **more: Any) -> CallWebhook:
    usual: dict[str, Any] = {"url": f"{visit.plan.references.observer[0]}hooks/dns", "secret_setting": SETTING}
    return CallWebhook(**(usual | more))


def receiver(visit: Visit) -> WebhookReceiver:
    return visit.bench.azure.services.webhooks


def carried(visit: Visit, run: RunOrder, step: CallWebhook) -> str:
    _, body = STEP_ACTIVITIES[step.kind]
    return body(visit.world, StepOrder(**msgspec.structs.asdict(run), step=step))


def begun(visit: Visit) -> list[Any]:
    return [work for work in receiver(visit).begun if visit.pair in work.key]


def test_it_is_called_once_and_asked_until_it_is_over(visit: Visit, run: RunOrder) -> None:
    """202 first, then the end. Repeated, nothing is sent any more."""
    step, before = hook(visit), receiver(visit).calls
    with pytest.raises(TemporaryError, match="goes on"):
        carried(visit, run, step)
    for _ in range(2):
        carried(visit, run, step)
    assert receiver(visit).calls == before + 1
    [work] = begun(visit)
    assert work.key == f"{run.run}/call_webhook"
    assert json.loads(work.body) == {
        "schema": 1,
        "pair": visit.pair,
        "run": run.run,
        "epoch": run.epoch,
        "direction": "failover",
        "step": "call_webhook",
        "source": "primary",
        "target": "secondary",
        "source_region": visit.plan.primary.region,
        "target_region": visit.plan.secondary.region,
        "decided_at": msgspec.to_builtins(run.decided_at),
    }


def test_what_could_not_be_kept_is_sent_again_under_the_same_key(visit: Visit, run: RunOrder) -> None:
    """So the receiver begins nothing twice."""
    step, ledger = hook(visit), visit.world.ledgers[visit.pair]
    with pytest.raises(TemporaryError):
        carried(visit, run, step)
    ledger.drop(webhook_path(visit.pair, run.run, step.title))
    with pytest.raises(TemporaryError):
        carried(visit, run, step)
    carried(visit, run, step)
    assert len(begun(visit)) == 1


def test_a_receiver_that_refuses_is_told_without_secrets(visit: Visit, run: RunOrder) -> None:
    """The host is named; neither the URL's path nor the secret is."""
    with pytest.raises(HubswitchError) as told:
        carried(visit, run, hook(visit, secret_setting="HUBSWITCH_CA_BUNDLE"))
    assert "401" in str(told.value)
    assert "hooks" not in str(told.value)
    assert visit.bench.azure.environment()["HUBSWITCH_CA_BUNDLE"] not in str(told.value)
    with pytest.raises(HubswitchError, match="NO_SUCH_SETTING"):
        carried(visit, run, hook(visit, secret_setting="NO_SUCH_SETTING"))
    assert begun(visit) == []


class Scripted:
    """``Webhooks`` that give the answers of a script, and note what they were asked."""

    def __init__(self, *answers: WebhookAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def call(self, step: CallWebhook, content: bytes, key: str) -> WebhookAnswer:
        del step, content
        self.asked.append(key)
        return self.answers.pop(0)

    def ask(self, step: CallWebhook, location: str) -> WebhookAnswer:
        del step
        self.asked.append(location)
        return self.answers.pop(0)

    def check(self, step: CallWebhook) -> str:
        del step
        return "host"


class At:
    """A clock that stands until it is moved."""

    def __init__(self, visit: Visit) -> None:
        self.time = visit.world.clock.now()

    def now(self) -> Any:
        return self.time


def test_a_receiver_is_left_alone_as_long_as_it_wants(visit: Visit, run: RunOrder) -> None:
    """And the place that it names last is asked."""
    goes_on = WebhookAnswer(goes_on=True, location="https://h/1", retry_after=timedelta(seconds=30))
    moved = WebhookAnswer(goes_on=True, location="https://h/2")
    script, clock = Scripted(goes_on, moved, WebhookAnswer(goes_on=True), WebhookAnswer(goes_on=False)), At(visit)
    visit.world = visit.world._replace(webhooks=script, clock=clock)
    for _ in range(2):
        with pytest.raises(TemporaryError):
            carried(visit, run, hook(visit))
    assert len(script.asked) == 1
    clock.time += timedelta(seconds=31)
    for _ in range(2):
        with pytest.raises(TemporaryError):
            carried(visit, run, hook(visit))
    for _ in range(2):
        carried(visit, run, hook(visit))
    assert script.asked[1:] == ["https://h/1", "https://h/2", "https://h/2"]


def test_a_202_that_names_no_place_ends_the_step(visit: Visit, run: RunOrder) -> None:
    """Nobody could say when it is over."""
    script = Scripted(WebhookAnswer(goes_on=True))
    visit.world = visit.world._replace(webhooks=script)
    carried(visit, run, hook(visit))
    carried(visit, run, hook(visit))
    assert len(script.asked) == 1


def test_a_preview_sends_nothing(visit: Visit) -> None:
    """It says whom it would call, and whether the app settings are there."""
    preview, before = STEPS["call_webhook"].preview, receiver(visit).calls
    assert preview is not None
    assert "127.0.0.1" in preview(visit.world, visit.plan, Role.SECONDARY, hook(visit))
    with pytest.raises(HubswitchError, match="NO_SUCH_SETTING"):
        preview(visit.world, visit.plan, Role.SECONDARY, hook(visit, secret_setting="NO_SUCH_SETTING"))
    assert receiver(visit).calls == before
