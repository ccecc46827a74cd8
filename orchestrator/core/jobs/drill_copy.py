"""Copies of jobs that a partial drill runs in the standby: their names, their marks, and places of their own. Pure.

A copy runs beside the job that it copies. So it must not write where that one writes: every output with a place of its
own goes to a folder ``hubswitch-drills/<drill>`` of the same container, and so do checkpoints. It registers no asset,
for a version that it took would be refused to the job's real successor, and it notifies nobody. What a job's own code
writes to, and no output names, cannot be seen here.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.jobs.azure_status import DRILL_TAG
from orchestrator.core.jobs.checkpoint import CHECKPOINT_TAG, CHECKPOINT_VARIABLE
from orchestrator.core.jobs.record import JOB_NAME_LIMIT
from orchestrator.core.jobs.rewrite.json_pointer import fold_key
from orchestrator.core.jobs.rewrite.rewrite import job_of

WORKLOAD_TAG = "hubswitch.workload"
"""Names the workload of a job: those of one workload are practised with together."""

COPY_OF_TAG = "hubswitch.drill.of"
"""Carried by a copy, with the name of the job that it copies."""

FOLDER = "hubswitch-drills"

_UNSAFE = "a copy could write where the job writes"

_REGISTERED = frozenset({"assetname", "assetversion", "autodeletesetting"})
"""Fields of an output that make it an asset (``JobOutput`` of the REST API)."""

_OTHERS_WORDS = frozenset({"notificationsetting"})

_WORKSPACE = r"subscriptions/[^/]+/resourcegroups/[^/]+/(?:providers/[^/]+/)?workspaces/[^/]+/"

_PLACES = tuple(
    re.compile(f"(?P<place>{place})(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
    for place in (
        rf"azureml://(?:{_WORKSPACE})?datastores/[^/]+/paths/",
        r"https://[^/]+\.(?:blob|dfs)\.[^/]+/[^/?]+/",
        r"(?:abfss?|wasbs?)://[^/@]+@[^/]+/",
    )
)
"""Schemes of places, each with the part that names a container."""


def workload_of(body: Mapping[str, Any]) -> str:
    """The workload that a job's tag names; empty if it has none."""
    tags = job_of(body).get("tags")
    word = tags.get(WORKLOAD_TAG) if isinstance(tags, Mapping) else None
    return str(word).strip() if word is not None else ""


def name_copy(job: str, drill: str) -> str:
    """The name of a job's copy in a drill: always the same, so that a second PUT is the same job."""
    name = f"{job}-d{drill}"
    if len(name) <= JOB_NAME_LIMIT:
        return name
    tail = f"-{hashlib.sha256(job.encode()).hexdigest()[:12]}-d{drill}"
    return job[: JOB_NAME_LIMIT - len(tail)] + tail


def make_copy(body: Mapping[str, Any], job: str, drill: str) -> tuple[dict[str, Any], str]:
    """The body of a copy, and why there can be none; empty if there can.

    Args:
        body: the job as the standby would accept it.
        job: name of the job that is copied.
        drill: the drill's id.
    """
    properties = copy.deepcopy(dict(job_of(body)))
    tags = properties.get("tags") if isinstance(properties.get("tags"), dict) else {}
    kept = {name: value for name, value in (tags or {}).items() if name != CHECKPOINT_TAG}
    properties = {key: value for key, value in properties.items() if fold_key(key) not in _OTHERS_WORDS}
    properties["tags"] = {**kept, DRILL_TAG: drill, COPY_OF_TAG: job}
    for output in _outputs(properties):
        for field in [key for key in output if fold_key(key) in _REGISTERED]:
            del output[field]
        for field in [key for key in output if fold_key(key) == "uri" and output[key]]:
            moved = _move_place(output[field], drill)
            if not moved:
                return {}, f"{_UNSAFE}: its output {_show(output[field])} has no other place"
            output[field] = moved
    for variables in _checkpoint_variables(properties):
        moved = _move_place(variables[CHECKPOINT_VARIABLE], drill)
        if not moved:
            return {}, f"{_UNSAFE}: {CHECKPOINT_VARIABLE} has no other place"
        variables[CHECKPOINT_VARIABLE] = moved
    return {**body, "properties": properties}, ""


def _outputs(value: Any) -> Iterator[dict[str, Any]]:
    """Every output of a job and of its steps."""
    if isinstance(value, list):
        for item in value:
            yield from _outputs(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if fold_key(key) == "outputs" and isinstance(item, dict):
                yield from (each for each in item.values() if isinstance(each, dict))
            else:
                yield from _outputs(item)


def _checkpoint_variables(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _checkpoint_variables(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if fold_key(key) == "environmentvariables" and isinstance(item, dict) and item.get(CHECKPOINT_VARIABLE):
                yield item
            else:
                yield from _checkpoint_variables(item)


def _move_place(place: Any, drill: str) -> str:
    """The same place in the drill's folder of its container; empty for what is no place that is understood."""
    if not isinstance(place, str):
        return ""
    found = next((match for form in _PLACES if (match := form.fullmatch(place.strip()))), None)
    return f"{found['place']}{FOLDER}/{drill}/{found['rest']}" if found else ""


def _show(place: Any) -> str:
    """A place for people, without a signature."""
    return str(place).partition("?")[0][:200]
