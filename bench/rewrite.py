"""How many bodies of jobs are rewritten in a second, against reading and writing the same bodies as JSON."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.measure import Measured, at_most, spread
from orchestrator.core.jobs.rewrite import JobMap, Rewriter, Workspace

LIMIT = 25.0
HOW = """\
Bodies of every type of job, some hundred different ones drawn with a fixed seed, pipelines of up to 40 steps among \
them, with references in every spelling; one map with tables, made ready once. A pass rewrites all of them in one \
thread, closing scan and report included. Baseline: json.loads and json.dumps of the same bodies, which is what it \
costs to touch every value once in each direction. Passes take turns; the medians are compared."""

OLD = Workspace(subscription="aaaa1111-0000-4000-8000-000000000001", resource_group="rg-north", workspace="ml-north")
NEW = Workspace(subscription="bbbb2222-0000-4000-8000-000000000002", resource_group="rg-south", workspace="ml-south")
LONG = f"azureml://subscriptions/{OLD.subscription}/resourcegroups/{OLD.resource_group}/workspaces/{OLD.workspace}"
MAP = JobMap(
    from_=OLD,
    to=NEW,
    computes={"gpu": "gpu-south", "cpu": "cpu-south"},
    datastores={"lake": "lake-south"},
    environments={"train": "train-south"},
    storage_accounts={"stnorth": "stsouth"},
    registries={"crnorth": "crsouth"},
    same_names=True,
)


def measured(*, quick: bool) -> Measured:
    count, passes = (30, 3) if quick else (300, 15)
    bodies = _bodies(count)
    texts = [json.dumps(body) for body in bodies]
    rewriter = Rewriter(MAP)
    _check(rewriter, bodies)
    ours, base = list[float](), list[float]()
    for _ in range(passes):
        ours.append(_timed(lambda: [rewriter.job(body) for body in bodies]))
        base.append(_timed(lambda: [json.dumps(json.loads(text)) for text in texts]))
    mine, theirs = spread(ours, 6), spread(base, 6)
    ratio = mine["p50"] / theirs["p50"]
    figures = {
        "bodies": count,
        "bytes_per_body": round(sum(map(len, texts)) / count),
        "bodies_per_second": round(count / mine["p50"]),
        "json_bodies_per_second": round(count / theirs["p50"]),
        "pass_s": mine,
        "json_pass_s": theirs,
    }
    goal = at_most(LIMIT, ratio, "rewrite: time per body / json.loads and json.dumps of it, medians")
    return Measured(goals=(goal,), runs=passes, how=HOW, figures=figures)


def _check(rewriter: Rewriter, bodies: Sequence[dict[str, Any]]) -> None:
    """Speed counts only if the work is done."""
    for body in bodies:
        result = rewriter.job(body)
        if result.unmapped or OLD.workspace in json.dumps(result.body):
            raise RuntimeError(f"not rewritten: {result.unmapped[:1]}")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _bodies(count: int) -> list[dict[str, Any]]:
    dice = random.Random(11)  # noqa: S311 - a seed is the point
    kinds = [_command, _sweep, _pipeline, _automl, _spark]
    return [{"properties": kinds[number % len(kinds)](dice) | _common(dice)} for number in range(count)]


def _common(dice: random.Random) -> dict[str, Any]:
    tags = {f"tag-{n}": f"value {dice.random()}" for n in range(dice.randrange(6))}
    return {"displayName": "a job", "experimentName": "bench", "tags": tags, "properties": {}, "isArchived": False}


def _asset(dice: random.Random, kind: str, name: str = "") -> str:
    before = dice.choice(["", "azureml:"])
    return f"{before}{OLD.id}/{kind}/{name or dice.getrandbits(64)}/versions/{dice.randrange(1, 30)}"


def _compute(dice: random.Random) -> str:
    return f"{OLD.id}/computes/{dice.choice(['gpu', 'cpu'])}"


def _inputs(dice: random.Random) -> dict[str, Any]:
    uris = [
        f"{LONG}/datastores/lake/paths/{dice.getrandbits(48)}/",
        "azureml://datastores/lake/paths/rows.csv",
        _asset(dice, "data", "rows"),
        "https://stnorth.blob.core.windows.net/c/rows.csv",
        "azureml://registries/azureml/models/m/versions/1",
    ]
    found: dict[str, Any] = {
        f"in_{n}": {"jobInputType": "uri_folder", "mode": "ReadOnlyMount", "uri": dice.choice(uris)}
        for n in range(dice.randrange(1, 4))
    }
    return found | {"rate": {"jobInputType": "literal", "value": "0.01"}}


def _command(dice: random.Random) -> dict[str, Any]:
    return {
        "jobType": "Command",
        "command": "python train.py --data ${{inputs.in_0}} --rate ${{inputs.rate}} " + "--more x " * dice.randrange(9),
        "codeId": _asset(dice, "codes"),
        "environmentId": _asset(dice, "environments", "train"),
        "computeId": _compute(dice),
        "environmentVariables": {"A": "b", "IMAGE": "crnorth.azurecr.io/train:3"},
        "inputs": _inputs(dice),
        "outputs": {"model": {"jobOutputType": "mlflow_model", "uri": f"{LONG}/datastores/lake/paths/out/"}},
        "resources": {"instanceCount": 2, "shmSize": "8g"},
    }


def _sweep(dice: random.Random) -> dict[str, Any]:
    trial = {"command": "x", "codeId": _asset(dice, "codes"), "environmentId": _asset(dice, "environments", "train")}
    space = {"lr": ["uniform", [0.001, 0.1]], "depth": ["choice", [[1, 2, 3]]]}
    return {
        "jobType": "Sweep",
        "trial": trial,
        "computeId": _compute(dice),
        "searchSpace": space,
        "inputs": _inputs(dice),
    }


def _pipeline(dice: random.Random) -> dict[str, Any]:
    data = {"job_input_type": "uri_folder", "uri": _asset(dice, "data", "rows")}
    steps = {
        f"step_{n}": {
            "type": "command",
            "componentId": _asset(dice, "components", "azureml_anonymous"),
            "computeId": _compute(dice),
            "inputs": {"rows": data, "long": data | {"uri": f"{LONG}/datastores/lake/paths/{n}/"}},
            "outputs": {"o": {"job_output_type": "uri_folder", "value": "${{parent.outputs.o}}"}},
        }
        for n in range(dice.randrange(2, 41))
    }
    settings = {"default_compute": _compute(dice), "default_datastore": f"{OLD.id}/datastores/lake"}
    return {"jobType": "Pipeline", "jobs": steps, "settings": settings, "inputs": _inputs(dice)}


def _automl(dice: random.Random) -> dict[str, Any]:
    data = {"jobInputType": "mltable", "uri": _asset(dice, "data", "table")}
    task = {"taskType": "Classification", "targetColumnName": "y", "trainingData": data, "testData": data}
    return {"jobType": "AutoML", "taskDetails": task, "computeId": _compute(dice)}


def _spark(dice: random.Random) -> dict[str, Any]:
    return {
        "jobType": "Spark",
        "codeId": _asset(dice, "codes"),
        "entry": {"sparkJobEntryType": "SparkJobPythonEntry", "file": "main.py"},
        "conf": {"spark.driver.cores": "1", "spark.driver.memory": "2g"},
        "args": "--in ${{inputs.in_0}}",
        "inputs": _inputs(dice),
        "resources": {"instanceType": "Standard_E8S_V3", "runtimeVersion": "3.4"},
    }
