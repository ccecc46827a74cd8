"""Kinds of steps for batch endpoints and for models that AI services serve."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.step_base import BaseStep, StepSide
from orchestrator.core.plan.steps_front import is_id_of
from orchestrator.core.plan.steps_standby import name_faults

AI_ACCOUNT = "Microsoft.CognitiveServices/accounts"
AI_DEPLOYMENT = f"{AI_ACCOUNT}/deployments"
AI_ACTIONS = (f"{AI_DEPLOYMENT}/read", f"{AI_DEPLOYMENT}/write")
"""What scaling one takes, at its account."""

AI_DEPLOYMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names of deployments. What Azure takes is not documented; these are what its portal takes."""


class ScaleAiDeployment(BaseStep, kw_only=True, tag="scale_ai_deployment"):
    """Set the capacity of a model's deployment in an AI services or Azure OpenAI account, and wait until it shows.

    What is above the quota of the region is refused by Azure (`InsufficientQuota`), and the step fails with its
    reason.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = (
        "phase B, per AI services deployment that is scaled: a PATCH, and GETs until it succeeds",
    )

    account: str
    """ARM id of the account. It says which side's it is: the step works on it in either direction."""

    deployment: str
    """Name of the deployment in it."""

    capacity: int
    """Capacity afterwards (`sku.capacity`): thousands of tokens a minute, or units of provisioned throughput."""

    @property
    def resource_id(self) -> str:
        """ARM id of the deployment."""
        return f"{self.account}/deployments/{self.deployment}"

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not is_id_of(AI_ACCOUNT, self.account):
            yield Fault("account", f"an ARM id of type {AI_ACCOUNT}", self.account)
        if not AI_DEPLOYMENT_NAME.fullmatch(self.deployment):
            expected = "a deployment's name: letters, digits, -, _ and ., at most 64"
            yield Fault("deployment", expected, repr(self.deployment))
        if self.capacity < 1:
            yield Fault("capacity", "at least 1, for a deployment without capacity is deleted", str(self.capacity))


class SetBatchDefault(BaseStep, kw_only=True, tag="set_batch_default"):
    """Make a deployment the default one of a batch endpoint, and wait until the service shows it.

    Jobs that are sent to the endpoint without naming a deployment go to it. The nodes that it takes are those of its
    cluster: see `scale_cluster`.
    """

    needs_resource_manager: ClassVar[bool] = True
    calls: ClassVar[tuple[str, ...]] = (
        "phase B, per batch endpoint: a GET of the deployment, a PUT, and GETs until it succeeds",
    )
    actions: ClassVar[tuple[str, ...]] = ("batchEndpoints/write",)

    endpoint: str
    """Name of the batch endpoint in that side's project."""

    deployment: str
    """Name of the deployment behind it."""

    side: StepSide = StepSide.TARGET
    """`target`: the side that the run switches to. `source`: the one that it leaves."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from name_faults(endpoint=self.endpoint, deployment=self.deployment)
