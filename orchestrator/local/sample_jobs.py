"""Jobs of every type that Azure ML knows, written by hand, ready to be submitted to a simulated hub."""

from __future__ import annotations

from typing import Any

from orchestrator.core.plan.schema import Hub

REGISTRY = "azureml://registries/shared/components"
MODEL = "azureml://registries/shared/models/small/versions/3"
ROWS = "azureml://datastores/workspaceblobstore/paths/rows/"
DATA = {"jobInputType": "mltable", "uri": "azureml:iris:1"}


def kinds(hub: Hub, code: str, environment: str, duration: str = "1200") -> dict[str, dict[str, Any]]:
    """``properties`` by kind, for a hub that has a code and an environment by these ids."""
    cluster = f"{hub.project_id}/computes/cpu-cluster"
    bodies: dict[str, dict[str, Any]] = {
        **_commands(hub, cluster, code, environment),
        "sweep": _sweep(cluster, code, environment),
        "pipeline": _pipeline(cluster, code, environment),
        "automl": {
            "jobType": "AutoML",
            "computeId": cluster,
            "taskDetails": {"taskType": "Classification", "trainingData": DATA, "targetColumnName": "species"},
        },
        "spark": {
            "jobType": "Spark",
            "codeId": code,
            "entry": {"sparkJobEntryType": "SparkJobPythonEntry", "file": "clean.py"},
            "resources": {"instanceType": "standard_e4s_v3", "runtimeVersion": "3.4"},
        },
        "finetuning": {
            "jobType": "FineTuning",
            "fineTuningDetails": {
                "model": {"jobInputType": "mlflow_model", "uri": MODEL},
                "taskType": "TextCompletion",
                "modelProvider": "Custom",
                "trainingData": DATA,
            },
            "outputs": {"model": {"jobOutputType": "mlflow_model"}},
        },
    }
    tags = {"local.duration": duration, "local.outcome": "Completed"}
    return {
        kind: {"experimentName": "every-kind", "displayName": kind, **body, "tags": tags}
        for kind, body in bodies.items()
    }


def _commands(hub: Hub, cluster: str, code: str, environment: str) -> dict[str, dict[str, Any]]:
    return {
        "command": {
            "jobType": "Command",
            "command": "python train.py --data ${{inputs.rows}}",
            "codeId": code,
            "environmentId": environment,
            "computeId": cluster,
            "inputs": {"rows": {"jobInputType": "uri_folder", "uri": ROWS, "mode": "ReadOnlyMount"}},
        },
        "distributed": {
            "jobType": "Command",
            "command": "python train.py",
            "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
            "computeId": f"{hub.project_id}/computes/gpu-cluster",
            "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 4},
            "resources": {"instanceCount": 2},
        },
    }


def _sweep(cluster: str, code: str, environment: str) -> dict[str, Any]:
    command = "python train.py --lr ${{search_space.lr}}"
    return {
        "jobType": "Sweep",
        "computeId": cluster,
        "trial": {"command": command, "codeId": code, "environmentId": environment},
        "objective": {"goal": "Minimize", "primaryMetric": "loss"},
        "searchSpace": {"lr": ["uniform", [0.001, 0.1]]},
        "samplingAlgorithm": {"samplingAlgorithmType": "Random"},
        "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 6, "maxConcurrentTrials": 2},
    }


def _pipeline(cluster: str, code: str, environment: str) -> dict[str, Any]:
    """With a step of a registry, a pipeline inside, and a parallel step."""
    task = {"type": "run_function", "entry_script": "score.py"}
    task |= {"code": f"azureml:{code}", "environment": f"azureml:{environment}"}
    prepare = {"type": "command", "componentId": f"{REGISTRY}/prepare/versions/2", "computeId": cluster}
    score = {"type": "parallel", "computeId": cluster, "input_data": "${{inputs.rows}}", "task": task}
    return {
        "jobType": "Pipeline",
        "settings": {"default_compute": cluster},
        "inputs": {"rows": {"jobInputType": "uri_folder", "uri": ROWS}},
        "jobs": {
            "prepare": prepare,
            "nested": {"type": "pipeline", "componentId": f"{REGISTRY}/evaluate/versions/1"},
            "score": {**score, "mini_batch_size": 10},
        },
    }
