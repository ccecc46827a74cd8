"""What a job's own tags say about running it again, and the tags that a successor gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import JobPolicy, LeftJob
from orchestrator.core.jobs.rewrite.json_pointer import fold_key
from orchestrator.core.jobs.rewrite.references import references
from orchestrator.core.jobs.rewrite.rewrite import WHERE, job_of

DEADLINE_TAG = "hubswitch.deadline"

_NAMES_NO_INPUT = frozenset(
    {"outputs", "tags", "properties", "services", "description", "displayname", "experimentname", "command"}
)

_PARENT_FIELDS = frozenset({"parentjobname"})

_PARENT_KEYS = frozenset(
    {"azureml.parentrunid", "azureml.pipelinerunid", "azureml.rootpipelinerunid", "mlflow.parentrunid"}
)
"""Entries of the property bag or the tags of a run that is a step or a trial (azure-ai-ml 1.35 and MLflow)."""

_SCHEDULED = re.compile(r"(?P<schedule>.+)-\d{8}T\d{6}Z")
"""Display name of what a schedule submits (learn.microsoft.com, how-to-schedule-pipeline-job)."""

_TRIAL = re.compile(r"(?P<sweep>.+)_\d+")


def lineage_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Jobs whose outputs the inputs name, in the order in which they are met: ``azureml://jobs/<run>``, ``runs:/``."""
    found: dict[str, None] = {}
    for text in _inputs(body.get("properties")):
        for reference in references(text):
            if reference.form == "azureml" and reference.part("authority").casefold() == "jobs":
                found[reference.part("first")] = None
            elif reference.form == "run":
                found[reference.part("run")] = None
            elif reference.is_workspace and reference.part("kind").casefold() == "jobs":
                found[reference.part("child")] = None
    found.pop(str(body.get("name") or ""), None)
    return tuple(name for name in found if name)


def parent_of(body: Mapping[str, Any]) -> str:
    """The pipeline or sweep of which a job is a part; empty if it stands for itself."""
    return next(iter(parents_of(body)), "")


def parents_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The jobs of which a job says that it is a part, its parent first. A step of a step names its root too."""
    properties = body.get("properties")
    if not isinstance(properties, Mapping):
        return ()
    said = [value for key, value in properties.items() if fold_key(key) in _PARENT_FIELDS]
    for bag in (properties.get("properties"), properties.get("tags")):
        if isinstance(bag, Mapping):
            said += [value for key, value in bag.items() if key.casefold() in _PARENT_KEYS]
    own = body.get("name")
    return tuple(value for value in said if isinstance(value, str) and value and value != own)


def sweep_of(name: str) -> str:
    """The sweep whose trial a name may be: Azure ML numbers trials ``<sweep>_<n>``. Others use such names, too."""
    found = _TRIAL.fullmatch(name)
    return found["sweep"] if found else ""


def schedule_of(body: Mapping[str, Any]) -> str:
    """The schedule that submitted a job; empty if a person did.

    Documented is the display name. That an entry of the property bag names the schedule is assumed, not known.
    """
    properties = body.get("properties")
    if not isinstance(properties, Mapping):
        return ""
    bag = properties.get("properties")
    for key, value in bag.items() if isinstance(bag, Mapping) else ():
        if fold_key(key).rpartition(".")[2] in {"schedule", "schedulename", "scheduleid"} and value:
            return str(value).rpartition("/")[2]
    found = _SCHEDULED.fullmatch(str(properties.get("displayName") or ""))
    return found["schedule"] if found else ""


def deadline_of(body: Mapping[str, Any]) -> datetime | None:
    """The moment in the job's tag ``hubswitch.deadline``; None without the tag.

    Raises:
        InvalidInput: the tag holds no time, or one without a zone.
    """
    tags = job_of(body).get("tags")
    word = tags.get(DEADLINE_TAG) if isinstance(tags, dict) else None
    if word is None:
        return None
    try:
        moment = datetime.fromisoformat(str(word).strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        expected = "a time with a zone, such as 2026-03-01T12:00:00Z"
        raise InvalidInput(WHERE, f"properties.tags.{DEADLINE_TAG}", expected, repr(word)[:60])
    return moment


def identity_of(body: Mapping[str, Any]) -> str:
    """``user`` if the job runs as the person who submitted it; empty otherwise."""
    return "user" if runs_as_user(body) else ""


def owner_of(body: Mapping[str, Any]) -> str:
    """Who submitted a job, by Azure ML's word; empty if it does not say."""
    data = body.get("systemData")
    return str(data.get("createdBy") or "") if isinstance(data, Mapping) else ""


def _inputs(value: Any) -> Iterator[str]:
    """Texts in a body that may name what it reads."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _inputs(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if fold_key(key) not in _NAMES_NO_INPUT:
                yield from _inputs(item)


POLICY_TAG = "hubswitch.policy"

FAILBACK_TAG = "hubswitch.failback"

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


def left_job_of(body: Mapping[str, Any], default: LeftJob) -> LeftJob:
    """What the job's tag ``hubswitch.failback`` wants of it while it runs on a side that is left, or the default.

    Raises:
        InvalidInput: the tag holds another word.
    """
    word = _tag(body, FAILBACK_TAG)
    if word is None:
        return default
    try:
        return LeftJob(word)
    except ValueError as fault:
        expected = " or ".join(LeftJob)
        raise InvalidInput(WHERE, f"properties.tags.{FAILBACK_TAG}", expected, repr(word)[:60]) from fault


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
    return any((fold_key(key) == "identity" and _is_user(item)) or _runs_as_user(item) for key, item in value.items())


def _is_user(identity: Any) -> bool:
    if not isinstance(identity, dict):
        return False
    types = (item for key, item in identity.items() if fold_key(key) in {"identitytype", "type"})
    return any(isinstance(item, str) and fold_key(item) == _USER for item in types)


def add_origin_tags(body: Mapping[str, Any], *, source: str, epoch: int, run: str) -> dict[str, Any]:
    """A copy of a job's body whose tags say where it comes from: the old job's name, the epoch and the run."""
    job = job_of(body)
    tags = job.get("tags") if isinstance(job.get("tags"), dict) else {}
    marks = {SOURCE_TAG: source, EPOCH_TAG: str(epoch), RUN_TAG: run}
    return {**body, "properties": {**job, "tags": {**(tags or {}), **marks}}}


def _tag(body: Mapping[str, Any], name: str) -> Any:
    tags = job_of(body).get("tags")
    return tags.get(name) if isinstance(tags, dict) else None
