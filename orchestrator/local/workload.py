"""Work for a simulated hub: jobs of several kinds, submitted as a person would, with what they name in place.

The kinds follow from the seed: command jobs with a registered environment, with a code snapshot and an anonymous
environment, on several nodes, with data, and sweeps; some tagged never to be moved, some with priority.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from azure.storage.blob import ContainerClient

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.credential import Identity, credential_for
from orchestrator.adapters.http.pacing import Pacer, pacer_for
from orchestrator.adapters.http.transport import BoundedTransport, Gate, limits_from
from orchestrator.core.plan.schema import Hub
from orchestrator.settings import settings_from
from orchestrator.simulator.cloud import LocalAzure

ASSET_VERSION = "2023-04-01"
ENVIRONMENT_VERSION = "2023-04-01-preview"
COMPONENT_VERSION = "2024-01-01-preview"
JOB_VERSION = "2025-01-01-preview"
TRAINING_CODE = {"train.py": b"import sys\nprint('training', sys.argv[1:])\n", "README.txt": b"a small model\n"}
SHARE_NEVER = 0.08
"""Part of the jobs that are tagged never to be moved."""

LONGEST = 7200
"""Seconds of simulated running, before the speed divides them: long enough to be caught by an outage."""


PATIENCE = timedelta(minutes=1)
"""How long a person waits for a connection and for an answer: longer than the app, which has others to look after."""


@dataclass(frozen=True)
class Workload:
    """What was submitted: name of each job -> its kind."""

    kinds: Mapping[str, str]

    def by_kind(self) -> Mapping[str, int]:
        return Counter(self.kinds.values())


class User:
    """A person with the right to submit jobs, talking to the simulated hub through real SDK clients."""

    def __init__(self, azure: LocalAzure) -> None:
        given = settings_from({**os.environ, "HUBSWITCH_PLANS": "."})
        patience = {"connect_timeout": PATIENCE, "read_timeout": PATIENCE}
        settings = msgspec.structs.replace(given, executor_client_id=azure.user_client_id, **patience)
        self._transport = BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
        self._credential = credential_for(settings, Identity.EXECUTOR, self._transport)
        self._manager = ResourceManager(settings.resource_manager, self._credential, self._transport)
        self._endpoint = settings.resource_manager
        self._user = azure.user_client_id

    def submit(self, hub: Hub, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """PUT a job."""
        return self._put(hub, f"/jobs/{name}", properties, JOB_VERSION)

    def environment(self, hub: Hub) -> str:
        """An anonymous environment, as the SDK makes it for an inline image; its id."""
        path = f"/environments/CliV2AnonymousEnvironment/versions/{_digest('image')}"
        self._put(hub, path, {"image": "mcr.microsoft.com/azureml/openmpi5.0-ubuntu24.04"}, ENVIRONMENT_VERSION)
        return hub.project_id + path

    def registered_environment(self, hub: Hub, name: str) -> str:
        """Version 1 of an environment with a name; its id."""
        path = f"/environments/{name}/versions/1"
        self._put(hub, path, {"image": "mcr.microsoft.com/azureml/openmpi5.0-ubuntu24.04"}, ENVIRONMENT_VERSION)
        return hub.project_id + path

    def component(self, hub: Hub, environment: str) -> str:
        """A registered command component that runs in an environment of the hub; its id."""
        path = "/components/prepare/versions/1"
        spec = {"name": "prepare", "version": "1", "type": "command", "command": "echo prepared"}
        self._put(hub, path, {"componentSpec": {**spec, "environment": f"azureml:{environment}"}}, COMPONENT_VERSION)
        return hub.project_id + path

    def code(self, hub: Hub) -> str:
        """A code snapshot, uploaded as the SDK uploads a folder; its id."""
        name = str(UUID(_digest("code")[:32]))
        path = f"/codes/{name}/versions/1"
        ask = {"pendingUploadType": "TemporaryBlobReference"}
        given = self._manager.write(
            "POST", f"{hub.project_id}{path}/startPendingUpload", ASSET_VERSION, ask, pacer=self._pacer(hub)
        )
        reference = given["blobReferenceForConsumption"]
        with ContainerClient.from_container_url(reference["credential"]["sasUri"], transport=self._transport) as blobs:
            for file, content in TRAINING_CODE.items():
                blobs.upload_blob(f"train/{file}", content, overwrite=True)
        digest = {"hash_sha256": _digest("code"), "hash_version": "202208"}
        uri = f"{reference['blobUri']}/train"
        self._put(hub, path, {"codeUri": uri, "isAnonymous": True, "properties": digest}, ASSET_VERSION)
        return hub.project_id + path

    def _put(self, hub: Hub, path: str, properties: Mapping[str, Any], version: str) -> dict[str, Any]:
        body = {"properties": dict(properties)}
        return self._manager.write("PUT", hub.project_id + path, version, body, pacer=self._pacer(hub))

    def _pacer(self, hub: Hub) -> Pacer:
        return pacer_for(self._endpoint, hub.subscription, self._user, rate=1e6, burst=1_000_000)


def submit_workload(azure: LocalAzure, hub: Hub, count: int, seed: int, prefix: str = "job") -> Workload:
    """Submit ``count`` jobs of several kinds to a hub."""
    user = User(azure)
    dice = random.Random(f"workload-{seed}")
    assets = {"code": user.code(hub), "environment": user.environment(hub)}
    wanted = {f"{prefix}-{number:04d}": _job(hub, assets, dice, number) for number in range(count)}
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda item: user.submit(hub, item[0], item[1][1]), wanted.items()))
    return Workload({name: kind for name, (kind, _) in wanted.items()})


def _job(hub: Hub, assets: Mapping[str, str], dice: random.Random, number: int) -> tuple[str, dict[str, Any]]:
    kind = dice.choice(["plain", "with code", "distributed", "with data", "sweep"])
    tags = {"team": dice.choice(["vision", "language", "search"]), "local.duration": str(LONGEST)}
    if dice.random() < SHARE_NEVER and number:  # the first may be the only one, and is there to be seen moving
        tags["hubswitch.policy"] = "never"
    if dice.random() < 0.2:
        tags["hubswitch.priority"] = str(dice.randint(1, 9))
    properties: dict[str, Any] = {
        "jobType": "Command",
        "displayName": f"{kind} {number}",
        "experimentName": "local-demo",
        "command": "python train.py --epochs 10",
        "computeId": f"{hub.project_id}/computes/cpu-cluster",
        "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
        "tags": tags,
    }
    if kind == "sweep":
        return kind, _sweep(properties, assets)
    return kind, properties | _extras(kind, hub, assets)


def _sweep(command: Mapping[str, Any], assets: Mapping[str, str]) -> dict[str, Any]:
    """The command as the trial of a hyperparameter sweep."""
    kept = {name: command[name] for name in ("displayName", "experimentName", "computeId", "tags")}
    trial = {"command": "python train.py --lr ${{search_space.lr}}", "codeId": assets["code"]}
    return kept | {
        "jobType": "Sweep",
        "objective": {"goal": "Maximize", "primaryMetric": "accuracy"},
        "samplingAlgorithm": {"samplingAlgorithmType": "Random"},
        "searchSpace": {"lr": ["uniform", [0.001, 0.1]]},
        "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 8, "maxConcurrentTrials": 2},
        "trial": trial | {"environmentId": command["environmentId"]},
    }


def _extras(kind: str, hub: Hub, assets: Mapping[str, str]) -> dict[str, Any]:
    match kind:
        case "with code":
            return {"codeId": assets["code"], "environmentId": assets["environment"]}
        case "distributed":
            return {
                "computeId": f"{hub.project_id}/computes/gpu-cluster",
                "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 4},
                "resources": {"instanceCount": 2},
            }
        case "with data":
            where = "azureml://datastores/workspaceblobstore/paths/iris/"
            return {"inputs": {"iris": {"jobInputType": "uri_folder", "uri": where, "mode": "ReadOnlyMount"}}}
        case _:
            return {}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
