"""The loop that people would write: ``MLClient.jobs.create_or_update``, job after job. A process of its own.

Reads one JSON object from standard input (``Given``), prints one (``Looped``).
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil
from azure.core.exceptions import AzureError

from orchestrator.core.base.codec import Value, decode, encode

WARM_UP = 3
"""Jobs before the first that is timed: schemas are built, a token is fetched, code and components are uploaded."""

ENVIRONMENT = "train-env:1"
CLUSTER = "cpu-cluster"
STEPS = ("prepare", "train", "evaluate")


class Place(Value, kw_only=True):
    """A hub's project."""

    subscription: str
    resource_group: str
    workspace: str


class Given(Value, kw_only=True):
    """Where to submit what, as whom. One of ``jobs``, ``pipelines`` and ``fetched`` says what, the others are empty."""

    target: Place
    client_id: str
    mlclient: dict[str, Any]
    jobs: Mapping[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    """Name -> ``properties`` of a command job, with the target's own ids."""

    pipelines: tuple[str, ...] = ()
    """Names for pipelines of three steps, each an anonymous component with code."""

    fetched: tuple[str, ...] = ()
    """Names of jobs of ``source``: what ``jobs.get`` says of them is submitted as it is."""

    source: Place | None = None


class Looped(Value, kw_only=True):
    jobs: int
    """Jobs that were timed."""

    seconds: float
    accepted: int
    """Submissions that raised nothing, the first ones included."""

    refused: str
    """The first refusal, empty if there was none."""

    resident: int
    """Bytes, at the end."""


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    given = decode(sys.stdin.buffer.read(), Given, "standard input")
    client = _client(given, given.target)
    with tempfile.TemporaryDirectory(prefix="hubswitch-bench-") as folder:
        said = _looped(client, _entities(given, Path(folder)))
    print(encode(said).decode())


def _looped(client: Any, entities: list[Any]) -> Looped:
    """Submit one after the other; a refusal does not end the loop."""
    accepted, refused, began = 0, "", time.monotonic()
    for number, job in enumerate(entities):
        if number == WARM_UP:
            began = time.monotonic()
        try:
            client.jobs.create_or_update(job)
            accepted += 1
        except (AzureError, AttributeError, TypeError, ValueError) as fault:  # all of them are seen from the SDK
            refused = refused or f"{type(fault).__name__}: {str(fault).partition('\n')[0]}"
    return Looped(
        jobs=len(entities) - WARM_UP,
        seconds=time.monotonic() - began,
        accepted=accepted,
        refused=refused,
        resident=psutil.Process().memory_info().rss,
    )


def _entities(given: Given, folder: Path) -> list[Any]:
    if given.source:
        source = _client(given, given.source)
        return [source.jobs.get(name) for name in given.fetched]
    if given.pipelines:
        (folder / "step.py").write_text("import sys\n\nprint(sys.argv[1:])\n", encoding="utf-8")
        return [pipeline_of(name, folder) for name in given.pipelines]
    return [command_of(name, properties) for name, properties in given.jobs.items()]


def _client(given: Given, place: Place) -> Any:
    from azure.ai.ml import MLClient
    from azure.identity import ManagedIdentityCredential

    return MLClient(
        ManagedIdentityCredential(client_id=given.client_id),
        place.subscription,
        place.resource_group,
        place.workspace,
        enable_telemetry=False,
        show_progress=False,
        **given.mlclient,
    )


def command_of(name: str, properties: Mapping[str, Any]) -> Any:
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


def pipeline_of(name: str, code: Path) -> Any:
    """Three steps, written as their author would write them."""
    from azure.ai.ml import command, dsl

    steps = [
        command(name=step, code=str(code), command=f"python step.py {step}", environment=ENVIRONMENT, compute=CLUSTER)
        for step in STEPS
    ]

    @dsl.pipeline(default_compute=CLUSTER, experiment_name="three-steps", tags={"local.duration": "7200"})  # type: ignore[call-overload, untyped-decorator]
    def three_steps() -> None:
        for step in steps:
            step()

    job = three_steps()
    job.name = name
    return job


if __name__ == "__main__":
    main()
