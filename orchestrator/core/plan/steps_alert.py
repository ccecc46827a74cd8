"""The step that waits until an alert of Azure Monitor is over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.step_base import BaseStep

_RULE = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/(?:Microsoft\.Insights/"
    r"(?:metricAlerts|scheduledQueryRules|activityLogAlerts)|Microsoft\.AlertsManagement/"
    r"(?:prometheusRuleGroups|smartDetectorAlertRules))/[^/\s]+",
    re.IGNORECASE,
)
_RESOURCE = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/[^/\s]+(?:/[^/\s]+/[^/\s]+)+", re.IGNORECASE
)


class WaitForAlert(BaseStep, kw_only=True, tag="wait_for_alert"):
    """Wait until no alert of a rule, or on a resource, is fired: all have been resolved, or there are none.

    Asked of Azure Monitor, which lists the alerts of the last 30 days. What people have set an alert to (new,
    acknowledged, closed) does not count: whether its condition still holds does.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = ("phase B, per alert that is waited for: the list of those that are fired",)

    rule: str = ""
    """ARM id of the alert rule, if alerts of one rule count."""

    target: str = ""
    """ARM id of the resource, if alerts on one resource count. With a rule as well, both must fit."""

    @property
    def subscription(self) -> str:
        """Where it is asked: the subscription of the resource, which lists alerts on it; else that of the rule."""
        return (self.target or self.rule).split("/")[2]

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not self.rule and not self.target:
            yield Fault("rule", "a rule, a target or both", "neither", ("target",))
        if self.rule and not _RULE.fullmatch(self.rule):
            yield Fault("rule", "an ARM id of an alert rule, such as Microsoft.Insights/metricAlerts", self.rule)
        if self.target and not _RESOURCE.fullmatch(self.target):
            yield Fault("target", "an ARM id of a resource", self.target)
