"""What a job's own tags say about running it again, and the tags that a successor gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import JobPolicy
from orchestrator.core.jobs.rewrite.json_pointer import folded_key
from orchestrator.core.jobs.rewrite.rewrite import WHERE, job_of

POLICY_TAG = "hubswitch.policy"
PRIORITY_TAG = "hubswitch.priority"
SOURCE_TAG = "hubswitch.source"
EPOCH_TAG = "hubswitch.epoch"
RUN_TAG = "hubswitch.run"
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_USER = "useridentity"


def policy_of(body: Mapping[str, Any], default: JobPolicy) -> JobPolicy:
    """The policy that the job's tag ``hubswitch.policy`` names, or the default.

    Raises:
        InvalidInput: the tag holds another word.
    """
    word = _tag(body, POLICY_TAG)
    if word is None:
        return default
    try:
        return JobPolicy(word)
    except ValueError as fault:
        expected = " or ".join(policy.value for policy in JobPolicy)
        raise InvalidInput(WHERE, f"properties.tags.{POLICY_TAG}", expected, repr(word)) from fault


def priority_of(body: Mapping[str, Any]) -> int:
    """The whole number in the job's tag ``hubswitch.priority``, higher goes first; 0 without the tag.

    Raises:
        InvalidInput: the tag holds something else.
    """
    word = _tag(body, PRIORITY_TAG)
    if word is None:
        return 0
    text = str(word).strip()
    if isinstance(word, bool) or not _WHOLE_NUMBER.fullmatch(text):
        raise InvalidInput(WHERE, f"properties.tags.{PRIORITY_TAG}", "a whole number", repr(word))
    return int(text)


def runs_as_user(body: Mapping[str, Any]) -> bool:
    """Whether the job, or any step of it, runs as the user who submits it: no managed identity may submit it."""
    return _runs_as_user(body.get("properties"))


def _runs_as_user(value: Any) -> bool:
    if isinstance(value, list):
        return any(_runs_as_user(item) for item in value)
    if not isinstance(value, dict):
        return False
    return any((folded_key(key) == "identity" and _is_user(item)) or _runs_as_user(item) for key, item in value.items())


def _is_user(identity: Any) -> bool:
    if not isinstance(identity, dict):
        return False
    types = (item for key, item in identity.items() if folded_key(key) in {"identitytype", "type"})
    return any(isinstance(item, str) and folded_key(item) == _USER for item in types)


def stamped(body: Mapping[str, Any], *, source: str, epoch: int, run: str) -> dict[str, Any]:
    """A copy of a job's body whose tags say where it comes from: the old job's name, the epoch and the run."""
    job = job_of(body)
    tags = job.get("tags") if isinstance(job.get("tags"), dict) else {}
    marks = {SOURCE_TAG: source, EPOCH_TAG: str(epoch), RUN_TAG: run}
    return {**body, "properties": {**job, "tags": {**(tags or {}), **marks}}}


def _tag(body: Mapping[str, Any], name: str) -> Any:
    tags = job_of(body).get("tags")
    return tags.get(name) if isinstance(tags, dict) else None
