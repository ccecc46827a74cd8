"""Fields that Azure ML adds or refuses, which never go back out.

Two measures. ``as_contracted`` takes what the contract of ``jobs rewrite`` names and no more; ``without_read_only``
takes, besides, everything that a strict service refuses in a PUT or that belongs to the one run: the model's
read-only fields (azure-ai-ml 1.35, ``_restclient/arm_ml_service``), reserved entries of the property bag and tags,
the output that the service itself adds for a run's artifacts, and places of outputs that hold the run's own name.

What a GET adds to what was submitted (as recorded by azure-powershell's and azure-sdk-for-python's tests), and what
becomes of it:

==================================================  ==========================================================
``parameters``, ``status``, ``parentJobName``       dropped: read-only, or of the one run
``componentId`` and others (``_UNSET``) that are null  dropped: null is the service's word for "not set"
``queueSettings.jobTier: "Null"``                   dropped: nobody chose a tier; a chosen one is sent again
``resources``, ``limits``                           sent again, without their nulls: a default of the old hub
                                                    (``shmSize: 2g``) is what the job ran with
``description: null`` of inputs and outputs         dropped; a ``mode`` that the service filled in is sent again
tags ``_aml…``, properties ``_azureml…``,           dropped: the service's own
``StartTimeUtc``, ``EndTimeUtc`` and others
==================================================  ==========================================================

Of an asset's version go, besides, ``jobName`` and the names of runs in its property bag, which belong to the run that
made it, the label that the service keeps in the bag (``azureml.labels``), and an empty ``condaFile``. ``stage`` is
people's own and is sent again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.core.jobs.rewrite.json_pointer import fold_key

ENVELOPE = frozenset({"id", "name", "type", "systemData"})
_SYSTEM_SERVICES = frozenset({"tracking", "studio"})
_SERVICE_STATE = frozenset({"status", "errormessage", "endpoint"})
_OF_THE_RUN = frozenset({"status", "provisioningState", "parameters", "parentJobName", "sourceJobId"})
_UNSET = frozenset(
    {
        "autologgersettings",
        "codeid",
        "componentid",
        "computeid",
        "description",
        "distribution",
        "earlytermination",
        "environmentid",
        "environmentvariables",
        "identity",
        "limits",
        "notificationsetting",
        "queuesettings",
        "resources",
        "secretsconfiguration",
        "settings",
    }
)
"""Fields of a job, or of the trial of a sweep, that a GET shows as null where nobody set them."""

_CLEARED = frozenset({"limits", "queuesettings", "resources"})
"""Objects whose nulls go as well."""

_RESERVED = re.compile(
    r"_azureml|_aml|contentsnapshotid$|processinfofile$|processstatusfile$|starttimeutc$|endtimeutc$|runtemplate$"
    r"|(?-i:HD_)"
    r"|azureml\.(?:rootpipelinerunid|pipelinerunid|pipelineid|pipelinestages|parentrunid|runsource|noderunid|moduleid"
    r"|runtype|nodeid|isarchived|pipelinecomponent|continuedpipelinerunid|defaultcomputename|defaultdatastorename"
    r"|stepruntype)$|mlflow\.(?:parentrunid|rootrunid)$",
    re.IGNORECASE,
)
_OF_ITS_MAKER = re.compile(r"azureml\.labels$|(?:azureml|mlflow)\.[\w.]*run_?id$", re.IGNORECASE)
"""Entries in the property bag of an asset that name the run which made it, or that the service keeps there."""

_RUN_ARTIFACTS = re.compile(r"/ExperimentRun/dcid\.", re.IGNORECASE)


def as_contracted(body: Mapping[str, Any]) -> dict[str, Any]:
    """A job's body without ``id``, ``name``, ``type``, ``systemData``, status, Tracking and Studio."""
    outside = {key: value for key, value in body.items() if key not in ENVELOPE}
    properties = outside.get("properties")
    if isinstance(properties, dict):
        outside["properties"] = _job_without(properties, frozenset({"status"}))
    return outside


def without_read_only(body: Mapping[str, Any]) -> dict[str, Any]:
    """A job's body that a strict service accepts in a PUT, as far as its own fields go. The argument stays as it is.

    Apply it before ``rewrite``: what goes here need not be mapped.
    """
    outside = as_contracted(body)
    properties = outside.get("properties")
    if isinstance(properties, dict):
        job = _without_unset(_job_without(properties, _OF_THE_RUN))
        for bag in ("properties", "tags"):
            if isinstance(job.get(bag), dict):
                job[bag] = {key: value for key, value in job[bag].items() if not _RESERVED.match(key)}
        for group, keep in (("outputs", _not_default_artifacts), ("services", _not_system_service)):
            if isinstance(job.get(group), dict):
                job[group] = {name: item for name, item in job[group].items() if keep(name, item)}
        if isinstance(job.get("inputs"), dict):
            job["inputs"] = {name: _describe(item) for name, item in job["inputs"].items()}
        if isinstance(job.get("outputs"), dict):
            own = body.get("name")
            outputs = {name: _without_own_place(output, own) for name, output in job["outputs"].items()}
            job["outputs"] = {name: _describe(output) for name, output in outputs.items()}
        outside["properties"] = job
    return outside


def _job_without(properties: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    job = {key: value for key, value in properties.items() if key not in fields}
    if isinstance(job.get("services"), dict):
        kept = {key: value for key, value in job["services"].items() if key.casefold() not in _SYSTEM_SERVICES}
        job["services"] = {key: _without_state(service) for key, service in kept.items()}
    return job


def _without_unset(job: dict[str, Any]) -> dict[str, Any]:
    """A job, or the trial of a sweep, without what nobody set."""
    kept = {}
    for key, value in job.items():
        name = fold_key(key)
        if value is None and name in _UNSET:
            continue
        if isinstance(value, dict) and name in _CLEARED:
            part = {field: item for field, item in value.items() if item is not None and not _is_no_tier(field, item)}
            if part or not value:
                kept[key] = part
        elif isinstance(value, dict) and name == "trial":
            kept[key] = _without_unset(value)
        else:
            kept[key] = value
    return kept


def _is_no_tier(field: str, value: Any) -> bool:
    return fold_key(field) == "jobtier" and str(value).casefold() == "null"


def _describe(item: Any) -> Any:
    """An input or output without a description that is null."""
    if not isinstance(item, dict) or item.get("description", "") is not None:
        return item
    return {key: value for key, value in item.items() if key != "description"}


def _without_state(service: Any) -> Any:
    """A service that the user asked for, without what the service answered about it."""
    if not isinstance(service, dict):
        return service
    return {key: value for key, value in service.items() if value is None or fold_key(key) not in _SERVICE_STATE}


def _not_default_artifacts(name: str, output: Any) -> bool:
    return name != "default" or not _RUN_ARTIFACTS.search(_uri(output))


def _not_system_service(_: str, service: Any) -> bool:
    """Tracking and Studio may stand under another name."""
    types = (item for key, item in service.items() if fold_key(key) == "jobservicetype") if _is_object(service) else ()
    return not any(str(item).casefold() in _SYSTEM_SERVICES for item in types)


def _without_own_place(output: Any, job: Any) -> Any:
    """An output without the place that the service gave it: one that holds the run's own name."""
    uri = _uri(output)
    own = isinstance(job, str) and bool(job) and job in re.split(r"[/?]", uri)
    return {k: v for k, v in output.items() if k != "uri"} if own or _RUN_ARTIFACTS.search(uri) else output


def _uri(output: Any) -> str:
    uri = output.get("uri") if _is_object(output) else None
    return uri if isinstance(uri, str) else ""


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def asset_without_read_only(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same for the version of an environment, a component, a code, a model or a data asset."""
    outside = {key: value for key, value in body.items() if key not in ENVELOPE}
    properties = outside.get("properties")
    if isinstance(properties, dict):
        kept = {key: value for key, value in properties.items() if not _is_of_the_service(key, value)}
        if isinstance(kept.get("properties"), dict):
            kept["properties"] = {
                key: value
                for key, value in kept["properties"].items()
                if not _RESERVED.match(key) and not _OF_ITS_MAKER.match(key)
            }
        outside["properties"] = kept
    return outside


def _is_of_the_service(key: str, value: Any) -> bool:
    if key in {"provisioningState", "environmentType", "jobName"}:
        return True
    return (key == "condaFile" and value == "") or (key == "description" and value is None)
