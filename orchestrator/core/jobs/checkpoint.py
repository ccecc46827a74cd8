"""What goes along to the other side besides the job itself: outputs made again there, and checkpoints."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.core.jobs.rewrite.json_pointer import put_at
from orchestrator.core.jobs.rewrite.report import Rewrite, Stayed
from orchestrator.core.jobs.rewrite.rewrite import job_of

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
    holder = _holder(job)
    if not isinstance(place, str) or not place.strip() or holder is None:
        return dict(body)
    told = {CHECKPOINT_VARIABLE: place.strip(), **_variables(holder)}
    changed = {**holder, "environmentVariables": told}
    return {**body, "properties": {**job, "trial": changed} if holder is not job else changed}


def checkpoint_of(body: Mapping[str, Any]) -> str | None:
    """Where a job's body tells it to find its checkpoints; None if it tells nothing of the kind."""
    place = _variables(_holder(job_of(body)) or {}).get(CHECKPOINT_VARIABLE)
    return place.strip() or None if isinstance(place, str) else None


def _holder(job: dict[str, Any]) -> dict[str, Any] | None:
    """The part of a job that has environment variables; None for types that have none of their own."""
    kind = str(job["jobType"]).casefold()
    holder = {"command": job, "sweep": job.get("trial")}.get(kind)
    return holder if isinstance(holder, dict) else None


def _variables(holder: Mapping[str, Any]) -> dict[str, Any]:
    variables = holder.get("environmentVariables")
    return variables if isinstance(variables, dict) else {}
