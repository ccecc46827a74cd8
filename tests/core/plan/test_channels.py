"""Notification channels in a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.channels import EventGridChannel, WebhookChannel
from orchestrator.core.plan.load import plan_from, read_plan

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
        ("{kind: pager}", "notify[0].kind", "event_grid or webhook or teams or slack or pagerduty"),
        ("{topic: 'https://a'}", "notify[0].kind", "a value"),
        ("{kind: event_grid, topic: 'http://a.example.com'}", "notify[0].topic", "an https URL"),
        ("{kind: webhook, url: 'ftp://a', secret_setting: A}", "notify[0].url", "an https URL"),
        ("{kind: webhook, url: 'https://a.example.com'}", "notify[0].secret_setting", "a value"),
        ("{kind: teams}", "notify[0].url_setting", "a value"),
        ("{kind: teams, url_setting: A, only: [critcal]}", "notify[0].only[0]", "a severity"),
        ("{kind: teams, url_setting: A, except: [Settled, Foo]}", "notify[0].except[1]", "the name of a notice"),
        ("{kind: teams, url_setting: A, only: [Settled], except: [info]}", "notify[0].except", "at least one"),
        (
            "{kind: teams, url_setting: A, quiet_hours: [{rule: X, start: 2026-01-01T22:00:00, duration: 1h}]}",
            "notify[0].quiet_hours[0].rule",
            "an RRULE",
        ),
        ("{kind: slack, url_setting: 'https://hooks.slack.com/x'}", "notify[0].url_setting", "app setting"),
        ("{kind: pagerduty, routing_key_setting: abc}", "notify[0].routing_key_setting", "app setting"),
        (
            "{kind: pagerduty, routing_key_setting: A, events_api: 'http://a.example.com'}",
            "notify[0].events_api",
            "an https URL",
        ),
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


def test_a_word_that_is_nearly_known_is_suggested() -> None:
    """With its place in the file."""
    text = f"{OLD_PLAN}\nnotify:\n  - kind: slack\n    url_setting: A\n    only: [critical, FailoverStartd]\n"
    [fault] = read_plan(text, "p").faults
    assert str(fault).endswith("got 'FailoverStartd' (did you mean FailoverStarted?)")
    assert (fault.field, fault.line, fault.column) == ("notify[0].only[1]", text.count("\n"), 22)


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({}, {"Suspect", "Settled", "Escalated"}),
        ({"only": ("critical",)}, {"Escalated"}),
        ({"only": ("critical", "Settled")}, {"Escalated", "Settled"}),
        ({"excluded": ("warning",)}, {"Settled", "Escalated"}),
        ({"only": ("critical", "warning"), "excluded": ("Suspect",)}, {"Escalated"}),
    ],
)
def test_a_channel_wants_what_it_names_and_not_what_it_excludes(choice: dict[str, Any], wanted: set[str]) -> None:
    """By name, by severity, or both."""
    channel = EventGridChannel(topic=TOPIC, **choice)
    names = (NoticeName.SUSPECT, NoticeName.SETTLED, NoticeName.ESCALATED)
    assert {name.value for name in names if channel.wants(name)} == wanted


@pytest.mark.parametrize(
    ("choice", "matters"),
    [
        ("", None),
        ("only: [critical, info]", None),
        ("only: [critical]", "outage, reach, records and sight"),
        ("except: [TroubleOver]", "records"),
        ("only: [DrillsLapsed]", None),
    ],
)
def test_an_alert_that_nothing_would_resolve_is_a_warning(choice: str, matters: str | None) -> None:
    """It would stay open until somebody saw to it. What hubswitch never closes is no surprise."""
    notify = f"notify:\n  - {{kind: pagerduty, routing_key_setting: A, {choice}}}\n"
    reading = read_plan(f"{OLD_PLAN}\n{notify}", "p")
    assert reading.faults == ()
    said = [str(warning) for warning in reading.warnings if warning.field.startswith("notify")]
    assert [line.rpartition("matters ")[2] for line in said] == ([matters] if matters else [])
