"""A job as ``az ml job show`` prints it, made a file that can be submitted again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.jobs.rewrite.read_only import without_read_only

_ADDED = frozenset({"id", "name", "resourceGroup", "creation_context", "status", "parent_job_name", "parameters"})
_MARKS = frozenset({"resourceGroup", "creation_context"})


def is_shown(job: Any) -> bool:
    """Whether a YAML document is what ``az ml job show`` prints: no file that people write has such fields."""
    return isinstance(job, dict) and bool(_MARKS & job.keys()) and "type" in job


def without_added(job: Mapping[str, Any]) -> dict[str, Any]:
    """What people wrote of it: without ids, state, system services, reserved tags and places of the run's own.

    The name goes too: the job under it has run, and the same name would be answered with that run.
    """
    asked = {key: value for key, value in job.items() if key not in _ADDED}
    outputs = asked.get("outputs")
    if isinstance(outputs, dict):
        asked["outputs"] = {name: _rename(output, "path", "uri") for name, output in outputs.items()}
    clean: dict[str, Any] = without_read_only({"name": job.get("name"), "properties": asked})["properties"]
    outputs = clean.get("outputs")
    if isinstance(outputs, dict):
        clean["outputs"] = {name: _rename(output, "uri", "path") for name, output in outputs.items()}
    return {key: value for key, value in clean.items() if value not in (None, {})}


def _rename(output: Any, old: str, new: str) -> Any:
    if not isinstance(output, dict):
        return output
    return {new if key == old else key: value for key, value in output.items()}
