"""What goes along to the other side besides the job itself: outputs made again there, and checkpoints."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.core.jobs.findings import Rewrite, Stayed
from orchestrator.core.jobs.pointers import put_at
from orchestrator.core.jobs.rewrite import job_of

CHECKPOINT_TAG = "hubswitch.checkpoint"
CHECKPOINT_VARIABLE = "HUBSWITCH_CHECKPOINT"
"""Environment variable in which a job finds, or declares, the place of its checkpoints."""

_OUTPUT = re.compile(r"azureml://jobs/(?P<run>[^/]+)(?P<rest>/.*)?", re.IGNORECASE | re.DOTALL)


def with_outputs_of(rewrite: Rewrite, continued: Mapping[str, str]) -> tuple[dict[str, Any], tuple[Stayed, ...]]:
    """A rewritten body that reads the outputs of successors, and what is unmapped all the same.

    Args:
        rewrite: what names outputs of old runs is unmapped in it.
        continued: old run -> the run that has made its outputs again, where the job goes.
    """
    body, left = rewrite.body, []
    for stayed in rewrite.unmapped:
        found = _OUTPUT.fullmatch(stayed.value) if isinstance(stayed.value, str) else None
        successor = continued.get(found["run"]) if found else None
        if not found or not successor:
            left.append(stayed)
            continue
        if body is rewrite.body:
            body = copy.deepcopy(body)
        put_at(body, stayed.path, f"azureml://jobs/{successor}{found['rest'] or ''}")
    return body, tuple(left)


def with_checkpoint(body: Mapping[str, Any]) -> dict[str, Any]:
    """A job's body in which the checkpoints that its tag names are an environment variable, to be mapped with the rest.

    A variable that the job sets itself stays. Pipelines, AutoML and others without variables of their own are left.
    """
    job = job_of(body)
    tags = job.get("tags")
    place = tags.get(CHECKPOINT_TAG) if isinstance(tags, dict) else None
    kind = str(job["jobType"]).casefold()
    if not isinstance(place, str) or not place.strip() or kind not in {"command", "sweep"}:
        return dict(body)
    holder = job.get("trial") if kind == "sweep" else job
    if not isinstance(holder, dict):
        return dict(body)
    variables = holder.get("environmentVariables")
    told = {CHECKPOINT_VARIABLE: place.strip(), **(variables if isinstance(variables, dict) else {})}
    changed = {**holder, "environmentVariables": told}
    return {**body, "properties": {**job, "trial": changed} if kind == "sweep" else changed}
