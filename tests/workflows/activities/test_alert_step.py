"""The step that waits until an alert is over, against the simulated Azure's alerts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import claimed

from orchestrator.core.base.errors import HubswitchError, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.steps_alert import WaitForAlert
from orchestrator.workflows.activities.alert_step import count_fired
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES, STEPS
from orchestrator.workflows.messages import RunOrder, StepOrder


class Alerts:
    """A pair's run, and rules of its own."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.run: RunOrder = claimed(visit)
        group = f"/subscriptions/{visit.plan.primary.subscription}/resourceGroups/rg-{visit.pair}/providers"
        self.rule = f"{group}/Microsoft.Insights/metricAlerts/{visit.pair}"
        self.target = f"{group}/Microsoft.Storage/storageAccounts/st"

    def fire(self, **more: Any) -> str:
        azure = self.visit.bench.azure
        given: dict[str, Any] = {"rule": self.rule, "target": self.target} | more
        return str(azure.call(partial(azure.services.manager.alerts.fire, **given)))

    def resolve(self, alert: str) -> None:
        azure = self.visit.bench.azure
        azure.call(partial(azure.services.manager.alerts.resolve, alert))

    def carry_out(self, **given: str) -> str:
        step = WaitForAlert(**(given or {"rule": self.rule}))
        _, body = STEP_ACTIVITIES[step.kind]
        return body(self.visit.world, StepOrder(**msgspec.structs.asdict(self.run), step=step))


@pytest.fixture
def alerts(bench: Bench) -> Iterator[Alerts]:
    """Nothing is fired afterwards."""
    made = Alerts(bench.visit())
    yield made
    azure = bench.azure
    azure.call(azure.services.manager.alerts.forget)


def test_it_waits_until_every_alert_of_the_rule_is_resolved(alerts: Alerts) -> None:
    """None at all is well, too."""
    alerts.carry_out()
    first, second = alerts.fire(), alerts.fire(age=timedelta(days=20))
    with pytest.raises(TemporaryError, match="2 alerts are fired still"):
        alerts.carry_out()
    alerts.resolve(first)
    with pytest.raises(TemporaryError, match="1 alerts"):
        alerts.carry_out()
    alerts.resolve(second)
    alerts.carry_out()


def test_only_alerts_that_fit_count(alerts: Alerts) -> None:
    """By rule, by resource, or by both; in any casing."""
    alerts.fire(rule=f"{alerts.rule}-other")
    alerts.carry_out()
    with pytest.raises(TemporaryError):
        alerts.carry_out(target=alerts.target.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))
    alerts.carry_out(target=alerts.target, rule=alerts.rule)
    alerts.carry_out(target=f"{alerts.target}2")


def test_what_may_not_be_read_is_no_end_of_an_alert(alerts: Alerts) -> None:
    """The step fails with the reason."""
    azure, executor = alerts.visit.bench.azure, "e0000000-0000-4000-8000-00000000e0ec"
    azure.call(lambda: azure.kernel.revoke(executor, "arm.read"))
    try:
        with pytest.raises(HubswitchError, match="403"):
            alerts.carry_out()
    finally:
        azure.call(lambda: azure.kernel.grant(executor, "arm.read"))


def test_a_drill_says_what_is_fired_now(alerts: Alerts) -> None:
    """As the step would see it."""
    preview, step = STEPS["wait_for_alert"].preview, WaitForAlert(rule=alerts.rule)
    assert preview is not None
    visit = alerts.visit
    assert preview(visit.world, visit.plan, Role.SECONDARY, step) == "no alert that counts is fired"
    alerts.fire()
    assert "would wait: 1" in preview(visit.world, visit.plan, Role.SECONDARY, step)


class Listing:
    """``ArmResources`` that list what they are told."""

    def __init__(self, *shown: Any) -> None:
        self.shown = shown

    def list(self, place: str, api_version: str, query: Any) -> Iterator[Any]:
        del place, api_version, query
        return iter(self.shown)


@pytest.mark.parametrize(
    ("essentials", "fired"),
    [
        ({"monitorCondition": "Fired", "alertRule": "r"}, 1),
        ({"monitorCondition": "Resolved", "alertRule": "r"}, 0),
        ({"monitorCondition": None, "alertRule": "r"}, 1),
        ({"alertRule": "/subscriptions/s/x/R/"}, 1),
        ({}, 1),
        ({"monitorCondition": "Fired", "alertRule": "other"}, 0),
    ],
)
def test_what_is_not_known_counts_as_fired(essentials: dict[str, Any], fired: int) -> None:
    """And what a filter let through by mistake does not count."""
    listed: Any = Listing({"properties": {"essentials": essentials}})
    assert count_fired(listed, WaitForAlert(rule="/subscriptions/s/x/r")) == fired
    for broken in ({}, {"properties": {"essentials": 3}}):
        shown: Any = Listing(broken)
        with pytest.raises(TemporaryError, match="essentials"):
            count_fired(shown, WaitForAlert(rule="/subscriptions/s/x/r"))
