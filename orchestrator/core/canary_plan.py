"""What a plan says about canaries."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import InvalidInput


class Canary(Value, kw_only=True):
    """The small job that a canary drill submits to the standby, and that the watch submits to both sides."""

    compute: str = "cpu-cluster"
    """Compute of the standby's project."""

    environment: str = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"
    """An environment that the standby accepts; one of a shared registry by default."""

    command: str = "echo hubswitch canary"
    """What it runs: something that ends by itself, well, within minutes."""

    interval: timedelta = timedelta()
    """Time between two canaries of the watch on one side; ``0s``: none. They cost: `hubswitch plan check` says how many
    there are a day. An hour and more suits a cluster that starts a node for each; less, one that always runs."""

    deadline: timedelta = timedelta(minutes=15)
    """Time in which a canary must complete, from when it was taken. A cluster without nodes needs some minutes to
    start one."""

    waiting: timedelta = timedelta(minutes=30)
    """Time after which jobs that wait are told of, if none has started or completed meanwhile. It is never counted."""


def checked_canary(canary: Canary, where: str) -> Canary:
    """The same, if it does not contradict itself.

    Raises:
        InvalidInput: names the first field that does.
    """
    for name in ("deadline", "waiting"):
        if getattr(canary, name) <= timedelta():
            raise InvalidInput(where, f"canary.{name}", "a duration above zero", str(getattr(canary, name)))
    if canary.interval and canary.interval < canary.deadline:
        expected = "0s for no canaries, or at least canary.deadline"
        raise InvalidInput(where, "canary.interval", expected, str(canary.interval))
    return canary
