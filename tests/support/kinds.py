"""Jobs of every type that Azure ML knows, written by hand, ready to be submitted to a simulated hub."""

from __future__ import annotations

from typing import Any

from orchestrator.core.plan import Hub

REGISTRY = "azureml://registries/shared/components"


def kinds(hub: Hub, code: str, environment: str, duration: str = "1200") -> dict[str, dict[str, Any]]:
    """``properties`` by kind, for a hub that has a code and an environment by these ids."""
    cluster = f"{hub.project_id}/computes/cpu-cluster"
    data = {"jobInputType": "mltable", "uri": "azureml:iris:1"}
    store = "azureml://datastores/workspaceblobstore/paths"
    step = {"type": "command", "componentId": f"{REGISTRY}/prepare/versions/2", "computeId": cluster}
    trial = {"command": "python train.py --lr ${{search_space.lr}}", "codeId": code, "environmentId": environment}
    parallel = {
        "type": "parallel",
        "computeId": cluster,
        "input_data": "${{inputs.rows}}",
        "mini_batch_size": 10,
        "task": {"type": "run_function", "entry_script": "score.py", "code": f"azureml:{code}"}
        | {"environment": f"azureml:{environment}"},
    }
    bodies: dict[str, dict[str, Any]] = {
        "command": {
            "jobType": "Command",
            "command": "python train.py --data ${{inputs.rows}}",
            "codeId": code,
            "environmentId": environment,
            "computeId": cluster,
            "inputs": {"rows": {"jobInputType": "uri_folder", "uri": f"{store}/rows/", "mode": "ReadOnlyMount"}},
        },
        "distributed": {
            "jobType": "Command",
            "command": "python train.py",
            "environmentId": f"{hub.project_id}/environments/train-env/versions/1",
            "computeId": f"{hub.project_id}/computes/gpu-cluster",
            "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 4},
            "resources": {"instanceCount": 2},
        },
        "sweep": {
            "jobType": "Sweep",
            "computeId": cluster,
            "trial": trial,
            "objective": {"goal": "Minimize", "primaryMetric": "loss"},
            "searchSpace": {"lr": ["uniform", [0.001, 0.1]]},
            "samplingAlgorithm": {"samplingAlgorithmType": "Random"},
            "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 6, "maxConcurrentTrials": 2},
        },
        "pipeline": {
            "jobType": "Pipeline",
            "settings": {"default_compute": cluster},
            "inputs": {"rows": {"jobInputType": "uri_folder", "uri": f"{store}/rows/"}},
            "jobs": {
                "prepare": step,
                "nested": {"type": "pipeline", "componentId": f"{REGISTRY}/evaluate/versions/1"},
                "score": parallel,
            },
        },
        "automl": {
            "jobType": "AutoML",
            "computeId": cluster,
            "taskDetails": {"taskType": "Classification", "trainingData": data, "targetColumnName": "species"},
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
                "model": {"jobInputType": "mlflow_model", "uri": "azureml://registries/shared/models/small/versions/3"},
                "taskType": "TextCompletion",
                "modelProvider": "Custom",
                "trainingData": data,
            },
        },
    }
    tags = {"local.duration": duration, "local.outcome": "Completed"}
    return {
        kind: {"experimentName": "every-kind", "displayName": kind, **body, "tags": tags}
        for kind, body in bodies.items()
    }
