"""What Resource Manager and Azure ML refuse in the body of a PUT, each refusal naming the field.

Known from documents, SDK code or reports of others: read-only fields are refused or ignored, immutable assets ("Asset
paths cannot be updated.", a message azure-ai-ml waits for), the need for a person's token where a job runs as its
user. **Not known**, and decided here for the strict side, because a permissive simulation would prove nothing: that
every foreign id is refused (and not merely fails later), that read-only fields are refused (and not dropped), which
reserved properties may not be sent again, that the code's URI must lie in the workspace's own account, that the folder
of an environment must do so too and hold its Dockerfile when the environment is put, and all wording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from orchestrator.simulator.arm.references import BodyReference, references
from orchestrator.simulator.services import AzureError

_READ_ONLY = ("id", "name", "type", "systemData")
_RESERVED = frozenset({"ContentSnapshotId", "ProcessInfoFile", "ProcessStatusFile", "StartTimeUtc", "EndTimeUtc"})
_RESERVED_PREFIXES = ("_azureml", "HD_")
_SERVICES = frozenset({"tracking", "studio"})

_REQUIRED_OF_JOB: dict[str, tuple[str, ...]] = {
    "Command": ("command", "environmentId"),
    "Sweep": ("trial", "trial.command", "trial.environmentId", "objective", "searchSpace", "samplingAlgorithm"),
    "Pipeline": ("jobs",),
    "AutoML": ("taskDetails", "taskDetails.taskType", "taskDetails.trainingData"),
    "Spark": ("codeId", "entry"),
    "FineTuning": ("fineTuningDetails", "fineTuningDetails.model", "fineTuningDetails.trainingData"),
}
_REQUIRED_OF_ASSET: dict[str, tuple[str, ...]] = {
    "codes": ("codeUri",),
    "environments": (),
    "components": ("componentSpec",),
    "data": ("dataUri", "dataType"),
    "models": ("modelUri",),
}
_IMMUTABLE: dict[str, tuple[str, ...]] = {
    "codes": ("codeUri",),
    "environments": ("image", "condaFile", "build"),
    "components": ("componentSpec",),
    "data": ("dataUri", "dataType"),
    "models": ("modelUri",),
}

type Resolver = Callable[[BodyReference], str | None]
"""What is wrong with a reference, or None."""


def user_error(message: str) -> AzureError:
    return AzureError(400, "UserError", message)


def check_job(name: str, body: Any, wrong: Resolver) -> None:
    """Refuse a job's body that the service would not run.

    Raises:
        AzureError: 400 UserError, naming the field.
    """
    properties = _properties_of(body)
    kind = properties.get("jobType")
    if kind not in _REQUIRED_OF_JOB:
        raise user_error(f"properties.jobType: one of {', '.join(_REQUIRED_OF_JOB)} was expected, got {kind!r}.")
    _refuse_first(_read_only_in(body, properties))
    _refuse_first(_results_in(name, properties))
    _refuse_first(_find_missing(properties, _REQUIRED_OF_JOB[kind]))
    _refuse_first(_find_malformed(properties))
    _refuse_first(_find_unresolved(body, wrong))


def check_asset(kind: str, body: Any, wrong: Resolver, owns: Callable[[str], bool]) -> None:
    """Refuse an asset's body that the service would not keep.

    Args:
        kind: ``codes``, ``environments``, ``components``, ``data`` or ``models``.
        body: as sent.
        wrong: says what is wrong with a reference.
        owns: whether a URI lies in the workspace's own storage account.

    Raises:
        AzureError: 400 UserError, naming the field.
    """
    properties = _properties_of(body)
    _refuse_first(_read_only_in(body, properties))
    _refuse_first(_find_missing(properties, _REQUIRED_OF_ASSET[kind]))
    if kind == "environments" and not any(properties.get(field) for field in _IMMUTABLE[kind]):
        raise user_error("properties: one of image, build, condaFile is required.")
    if kind == "codes" and not owns(properties["codeUri"]):
        raise user_error("properties.codeUri: a URI in the workspace's own storage account was expected.")
    _refuse_first(_find_unresolved(body, wrong))


def check_context(properties: dict[str, Any], file_at: Callable[[str], bool | None]) -> None:
    """Refuse an environment that could not be built for want of its folder.

    Args:
        properties: the environment's.
        file_at: whether the workspace's own account has the file behind a URI; None for a URI outside Azure's storage.

    Raises:
        AzureError: 400 UserError, naming the field.
    """
    build = properties.get("build") or {}
    context = str(build.get("contextUri") or "")
    file = str(build.get("dockerfilePath") or "Dockerfile")
    if context and file_at(f"{context.rstrip('/')}/{file}") is False:
        raise user_error(
            f"properties.build.contextUri: {file} was expected there, in the workspace's own storage account."
        )


def check_unchanged(kind: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Refuse to change what cannot change in an asset's version.

    Raises:
        AzureError: 400 UserError. The message is the one that azure-ai-ml 1.35.2 compares with; that it is also given
            for environments and components is not known.
    """
    for field in _IMMUTABLE[kind]:
        if before.get(field) != after.get(field):
            raise user_error("Asset paths cannot be updated.")


def _refuse_first(messages: Iterator[str]) -> None:
    message = next(messages, None)
    if message is not None:
        raise user_error(message)


def _properties_of(body: Any) -> dict[str, Any]:
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise user_error("properties: an object was expected.")
    return properties


def _read_only_in(body: dict[str, Any], properties: dict[str, Any]) -> Iterator[str]:
    for field in _READ_ONLY:
        if field in body:
            yield f"{field}: is read-only and cannot be set."
    for field in ("status", "provisioningState"):
        if properties.get(field) is not None:
            yield f"properties.{field}: is read-only and cannot be set."


def _results_in(name: str, properties: dict[str, Any]) -> Iterator[str]:
    """What the service adds to a job, and a client may therefore not send."""
    for key, service in _items(properties.get("services")):
        kind = service.get("jobServiceType", "") if isinstance(service, dict) else ""
        if {key.lower(), str(kind).lower()} & _SERVICES:
            yield f"properties.services.{key}: is set by the service and cannot be sent."
    for key, _ in _items(properties.get("properties")):
        if key in _RESERVED or key.startswith(_RESERVED_PREFIXES):
            yield f"properties.properties.{key}: is a reserved property and cannot be sent."
    for key, output in _items(properties.get("outputs")):
        uri = str(output.get("uri") or "") if isinstance(output, dict) else ""
        if "/ExperimentRun/dcid." in uri and not uri.rstrip("/").endswith(f"dcid.{name}"):
            yield f"properties.outputs.{key}.uri: belongs to another run."


def _find_missing(properties: dict[str, Any], fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        value: Any = properties
        for part in field.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value in (None, "", {}) and field != "jobs":
            yield f"properties.{field}: is required."
        if field == "jobs" and not isinstance(value, dict):
            yield "properties.jobs: an object was expected."


def _find_malformed(properties: dict[str, Any]) -> Iterator[str]:
    for field in ("inputs", "outputs", "tags", "properties", "services"):
        if not isinstance(properties.get(field) or {}, dict):
            yield f"properties.{field}: an object was expected."
    for key, value in _items(properties.get("tags")):
        if value is not None and not isinstance(value, str):
            yield f"properties.tags.{key}: a string was expected."


def _find_unresolved(body: dict[str, Any], wrong: Resolver) -> Iterator[str]:
    for reference in references(body):
        fault = wrong(reference)
        if fault:
            yield f"{reference.path}: {fault}"


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []
