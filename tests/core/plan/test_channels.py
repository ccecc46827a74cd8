"""Notification channels in a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.channels import EventGridChannel, WebhookChannel
from orchestrator.core.plan.load import plan_from

OLD_PLAN = Path(__file__).with_name("plan_without_steps.yaml").read_text(encoding="utf-8")
TOPIC = "https://t.northeurope-1.eventgrid.azure.net/api/events"
HOOK = "https://hooks.example.com/T0/s3cr3t"


def test_channels_are_read_after_the_topic_of_old() -> None:
    """`notices` is one of them, and the first."""
    notify = (
        f"notify:\n  - {{kind: event_grid, topic: '{TOPIC}'}}\n"
        f"  - {{kind: webhook, url: '{HOOK}', secret_setting: OPS_SECRET}}"
    )
    plan = plan_from(f"{OLD_PLAN}\n{notify}\n", "p")
    first, *others = plan.channels
    assert first == EventGridChannel(topic=plan.notices or "")
    assert others == [EventGridChannel(topic=TOPIC), WebhookChannel(url=HOOK, secret_setting="OPS_SECRET")]


def test_a_channel_is_named_without_its_url() -> None:
    """Some webhooks carry a secret in their path; the name of a channel is stored and shown."""
    key = WebhookChannel(url=HOOK, secret_setting="A").key
    assert key.startswith("webhook hooks.example.com ")
    assert "s3cr3t" not in key
    assert key != WebhookChannel(url=f"{HOOK}x", secret_setting="A").key


@pytest.mark.parametrize(
    ("channel", "field", "expected"),
    [
        ("{kind: pager}", "notify[0].kind", "event_grid or webhook"),
        ("{topic: 'https://a'}", "notify[0].kind", "a value"),
        ("{kind: event_grid, topic: 'http://a.example.com'}", "notify[0].topic", "an https URL"),
        ("{kind: webhook, url: 'ftp://a', secret_setting: A}", "notify[0].url", "an https URL"),
        ("{kind: webhook, url: 'https://a.example.com'}", "notify[0].secret_setting", "a value"),
        (
            "{kind: webhook, url: 'https://a.example.com', secret_setting: ''}",
            "notify[0].secret_setting",
            "app setting",
        ),
    ],
)
def test_a_channel_that_cannot_work_is_refused(channel: str, field: str, expected: str) -> None:
    """By its place, with what was expected."""
    with pytest.raises(InvalidInput) as refused:
        plan_from(f"{OLD_PLAN}\nnotify:\n  - {channel}\n", "p")
    assert refused.value.field == field
    assert expected in refused.value.expected


def test_a_secret_in_the_place_of_its_name_is_not_repeated() -> None:
    """Messages end in logs."""
    text = f"{OLD_PLAN}\nnotify:\n  - {{kind: webhook, url: 'https://a.example.com', secret_setting: hunter2}}\n"
    with pytest.raises(InvalidInput) as refused:
        plan_from(text, "p")
    assert "hunter2" not in str(refused.value)


def test_the_same_channel_twice_is_refused() -> None:
    """Also if it is the topic that `notices` names."""
    plan = plan_from(OLD_PLAN, "p")
    with pytest.raises(InvalidInput, match="a channel that is not there yet"):
        plan_from(f"{OLD_PLAN}\nnotify:\n  - {{kind: event_grid, topic: '{plan.notices}'}}\n", "p")
