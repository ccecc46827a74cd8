"""The loop that people would write: ``MLClient.jobs.create_or_update``, job after job. A process of its own.

Reads one JSON object from standard input (``Given``), prints one (``Looped``).
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from typing import Any

import psutil

from orchestrator.core.codec import Value, decode, encode

WARM_UP = 3
"""Jobs before the first that is timed: schemas are built, a token is fetched."""


class Given(Value, kw_only=True):
    """Where to submit what, as whom."""

    subscription: str
    resource_group: str
    workspace: str
    client_id: str
    mlclient: dict[str, Any]
    jobs: dict[str, dict[str, Any]]
    """Name -> ``properties`` of a command job, with the workspace's own ids."""


class Looped(Value, kw_only=True):
    jobs: int
    seconds: float
    resident: int
    """Bytes, at the end."""


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    given = decode(sys.stdin.buffer.read(), Given, "standard input")
    client = _client(given)
    jobs = [entity_of(name, properties) for name, properties in given.jobs.items()]
    for job in jobs[:WARM_UP]:
        client.jobs.create_or_update(job)
    began = time.monotonic()
    for job in jobs[WARM_UP:]:
        client.jobs.create_or_update(job)
    seconds = time.monotonic() - began
    said = Looped(jobs=len(jobs) - WARM_UP, seconds=seconds, resident=psutil.Process().memory_info().rss)
    print(encode(said).decode())


def _client(given: Given) -> Any:
    from azure.ai.ml import MLClient
    from azure.identity import ManagedIdentityCredential

    return MLClient(
        ManagedIdentityCredential(client_id=given.client_id),
        given.subscription,
        given.resource_group,
        given.workspace,
        enable_telemetry=False,
        show_progress=False,
        **given.mlclient,
    )


def entity_of(name: str, properties: dict[str, Any]) -> Any:
    """The same job as azure-ai-ml's own class."""
    from azure.ai.ml import Input, PyTorchDistribution, command

    inputs = {
        key: Input(type=found["jobInputType"], path=found["uri"], mode="ro_mount")
        for key, found in (properties.get("inputs") or {}).items()
    }
    spread = properties.get("distribution")
    job = command(
        command=properties["command"],
        code=properties.get("codeId"),
        environment=properties["environmentId"],
        compute=properties["computeId"].rpartition("/")[2],
        inputs=inputs,
        distribution=PyTorchDistribution(process_count_per_instance=spread["processCountPerInstance"])
        if spread
        else None,
        instance_count=(properties.get("resources") or {}).get("instanceCount"),
        display_name=properties.get("displayName"),
        experiment_name=properties["experimentName"],
        tags=properties.get("tags"),
    )
    job.name = name
    return job


if __name__ == "__main__":
    main()
