"""Kinds of steps that make the standby the side that works: deployments, traffic, schedules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.step_base import BaseStep, StepSide

ENDPOINT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]")
"""Names of endpoints and deployments (learn.microsoft.com, "Manage and increase quotas": 3 to 32 characters, a letter
first, then letters, digits and hyphens, no hyphen last)."""

ALL = 100
"""Percent of the requests."""

EXPECTED_NAME = "3 to 32 letters, digits and hyphens, a letter first and no hyphen last"


def name_faults(**names: str) -> Iterator[Fault]:
    """What of these fields of a step is no name of an endpoint or of a deployment behind one."""
    for field, name in names.items():
        if not ENDPOINT_NAME.fullmatch(name):
            yield Fault(field, f"its name: {EXPECTED_NAME}", repr(name))


def traffic_faults(traffic: dict[str, int], field: str) -> Iterator[Fault]:
    """What Azure ML would not take as the traffic of an online endpoint.

    The shares are percent and add up to 0 or 100 (learn.microsoft.com, rest/api/azureml/online-endpoints,
    ``OnlineEndpointProperties.traffic``).
    """
    for name, share in traffic.items():
        if not ENDPOINT_NAME.fullmatch(name):
            yield Fault(f"{field}.{name}", f"a deployment's name: {EXPECTED_NAME}", repr(name))
        if not 0 <= share <= ALL:
            yield Fault(f"{field}.{name}", "from 0 to 100 percent", str(share))
    total = sum(traffic.values())
    if total not in {0, ALL}:
        yield Fault(field, "shares that add up to 0 or 100", str(total))


class ScaleDeployment(BaseStep, kw_only=True, tag="scale_deployment"):
    """Set the number of instances of an online endpoint's deployment, and wait until it has succeeded.

    What is above the quota is refused by Azure ML, and the step fails with its reason. A deployment whose own scale
    settings change the number (``targetUtilization``) is not touched.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = ("phase B, per deployment that is scaled: a PATCH, and GETs until it succeeds",)
    actions: ClassVar[tuple[str, ...]] = ("onlineEndpoints/deployments/write",)

    endpoint: str
    """Name of the online endpoint in that side's project."""

    deployment: str
    """Name of the deployment behind it."""

    instances: int
    """Number of instances afterwards. Each costs from then on; a failback step can take them back."""

    side: StepSide = StepSide.TARGET
    """`target`: the side that the run switches to. `source`: the one that it leaves."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from name_faults(endpoint=self.endpoint, deployment=self.deployment)
        if self.instances < 1:
            yield Fault("instances", "at least 1, for a deployment without instances is deleted", str(self.instances))


class SetTraffic(BaseStep, kw_only=True, tag="set_traffic"):
    """Set which share of an online endpoint's requests each deployment answers, and wait until it has succeeded.

    A deployment that is to answer requests must have succeeded. Until then the step is tried again.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = (
        "phase B, per endpoint whose traffic is set: a GET per deployment, a PUT, and GETs until it succeeds",
    )
    actions: ClassVar[tuple[str, ...]] = ("onlineEndpoints/write",)

    endpoint: str
    """Name of the online endpoint in that side's project."""

    traffic: dict[str, int]
    """Name of each deployment -> percent. They add up to 100, or to 0; one that is not named gets none."""

    side: StepSide = StepSide.TARGET
    """`target`: the side that the run switches to. `source`: the one that it leaves."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from name_faults(endpoint=self.endpoint)
        yield from traffic_faults(self.traffic, "traffic")


SCHEDULE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")


class IfUnreachable(StrEnum):
    """What becomes of a schedule while the side that is left cannot be asked whether it is off there."""

    WAIT = "wait"
    ENABLE = "enable"


class SetSchedules(BaseStep, kw_only=True, tag="set_schedules"):
    """Disable schedules at the side that is left, then enable those of the same names at the side that takes over.

    A schedule is enabled only when the other side shows that its twin is disabled, or has none. What is not done when
    the step ends is gone on with every minute, as long as the run's epoch is the pair's.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = (
        "phase B, per schedule and side: a GET, a PUT if it has to be switched, and GETs until it shows",
    )
    actions: ClassVar[tuple[str, ...]] = ("schedules/write",)
    acts_on_both: ClassVar[bool] = True

    schedules: tuple[str, ...]
    """Names of schedules, the same in both projects."""

    if_unreachable: IfUnreachable = IfUnreachable.WAIT
    """While the side that is left does not answer: `wait` leaves a schedule off at the other side, so that it never
    runs on both; `enable` enables it there at once, and disables the old one when that side answers again. Until then,
    and up to a minute longer, it may run on both."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from schedule_faults(self.schedules, "schedules")
        if not self.schedules:
            yield Fault("schedules", "at least one schedule", "none")


def schedule_faults(schedules: tuple[str, ...], field: str) -> Iterator[Fault]:
    """Names that are none, or come twice."""
    seen: set[str] = set()
    for number, name in enumerate(schedules):
        if not SCHEDULE_NAME.fullmatch(name):
            yield Fault(f"{field}[{number}]", "a schedule's name: letters, digits, -, _ and .", repr(name))
        if name.casefold() in seen:
            yield Fault(f"{field}[{number}]", "each schedule once", name)
        seen.add(name.casefold())


TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_-]+)*\.json")


class DeployTemplate(BaseStep, kw_only=True, tag="deploy_template"):
    """Deploy an ARM template from the ledger's account into the resource group of a side, and wait until it succeeded.

    Mode Incremental: what the template does not name stays. A template is uploaded by people, to `_templates/` of the
    ledger's container; secrets belong in a vault that the template refers to.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = ("phase B, per template: a PUT of a deployment, and GETs until it succeeds",)

    template: str
    """Path below `_templates/` in the ledger's container, such as `search.json`: JSON, made by `az bicep build`."""

    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    """Values of the template's parameters by name."""

    side: StepSide = StepSide.TARGET
    """`target`: the side that the run switches to. `source`: the one that it leaves."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from template_faults(self.template, "template")


def template_faults(template: str, field: str) -> Iterator[Fault]:
    """A path that leads elsewhere, or to no JSON."""
    if not TEMPLATE_NAME.fullmatch(template):
        yield Fault(field, "a path below _templates/ that ends in .json, such as search.json", repr(template))
