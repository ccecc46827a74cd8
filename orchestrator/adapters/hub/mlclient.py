"""azure-ai-ml, as far as people's YAML files need it: load one, submit it, all with what people would use themselves.

The package is imported inside the functions: it takes more than a second, which no other command should wait for.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from orchestrator.adapters.http.errors import from_azure, shorten
from orchestrator.adapters.hub.address_policy import AddressPolicy
from orchestrator.adapters.hub.submission_policy import SubmissionPolicy
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.strict_yaml import yaml_from
from orchestrator.core.jobs.shown import is_shown, without_added
from orchestrator.core.plan.schema import Hub
from orchestrator.plan_files import text_of

CLOUDS = {
    "management.azure.com": "AzureCloud",
    "management.usgovcloudapi.net": "AzureUSGovernment",
    "management.chinacloudapi.cn": "AzureChinaCloud",
}
"""azure-ai-ml's names for the clouds that it knows (1.35, ``_azure_environments.py``)."""

BOUNDS: Mapping[str, Any] = {
    "connection_timeout": 5,
    "read_timeout": 120,
    "retry_total": 3,
    "permit_redirects": False,
}
"""Its own defaults wait 300 s for each of four connections. A job's PUT, a pipeline's above all, may take its time.
No redirect is followed."""

DATA_FIELDS = ("training_data", "validation_data", "test_data")
FLAT = frozenset({"tags", "properties", "environment_variables"})
"""Maps of a job from names to texts."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NO_FIELDS = frozenset({"", "_schema", "value", "key"})
"""Keys of marshmallow's errors that are no names in the file."""

_DETAIL = re.compile(r"^\(x\) (?P<detail>.+)$", re.MULTILINE)


def cloud_of(resource_manager: str) -> dict[str, Any]:
    """``MLClient``'s arguments for the cloud behind an endpoint of Resource Manager.

    azure-ai-ml keeps clouds by name for the life of the process and ignores a second description of a known one, so
    an endpoint that it does not know gets a name that is made from its address.
    """
    known = CLOUDS.get(urlsplit(resource_manager).netloc)
    if known:
        return {"cloud": known}
    base = resource_manager.rstrip("/") + "/"
    return {
        "cloud": f"hubswitch-{hashlib.sha256(base.encode()).hexdigest()[:12]}",
        "cloud_metadata": {
            "azure_portal": "https://portal.azure.com/",
            "resource_manager": base,
            "active_directory": base,
            "aml_resource_id": "https://ml.azure.com",
            "storage_endpoint": "core.windows.net",
            "registry_discovery_endpoint": base,
        },
    }


def load(file: Path, sets: Sequence[str] = (), name: str | None = None) -> Any:
    """The job in a YAML file.

    Args:
        file: the file.
        sets: ``path.to.field=value`` each, the value in YAML; laid over the file.
        name: the job's name; the file's own if None.

    Raises:
        InvalidInput: the file cannot be read, or azure-ai-ml does not accept it.
    """
    from azure.ai.ml import load_job

    if not file.is_file():
        raise InvalidInput(str(file), "", "a YAML file of a job", "no such file")
    given = [_override(text) for text in sets] + ([("name", name)] if name else [])
    shown = _show(file)
    with _understand(str(file)):
        overrides = _overrides(file, given, shown)
        if shown:
            text = yaml.safe_dump(shown, allow_unicode=True)
            job = load_job(io.StringIO(text), relative_origin=str(file), params_override=overrides)
        else:
            job = load_job(file, params_override=overrides)
    _anchor(job, file.resolve().parent)
    return job


def submit(job: Any, hub: Hub, credential: TokenCredential, resource_manager: str, policy: SubmissionPolicy) -> Any:
    """Submit with azure-ai-ml; the job as its hub shows it.

    Raises:
        InvalidInput: azure-ai-ml finds the job wrong.
        HubswitchError: the hub does not take it, or does not answer.
    """
    client = make_client(hub, credential, resource_manager, policy)
    with _understand(f"the job {job.name}"):
        return client.jobs.create_or_update(job)


def make_client(hub: Hub, credential: TokenCredential, resource_manager: str, policy: SubmissionPolicy) -> Any:
    """azure-ai-ml's client for one project. It follows no redirect, and reaches hosts of Azure ML only."""
    from azure.ai.ml import MLClient

    return MLClient(
        credential,
        hub.subscription,
        hub.resource_group,
        hub.project,
        enable_telemetry=False,
        show_progress=False,
        per_call_policies=[policy],
        per_retry_policies=[AddressPolicy(hub, resource_manager)],
        **BOUNDS,
        **cloud_of(resource_manager),
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Without what azure-ai-ml says beside its answers: experimental classes, bars of progress, changes of colour.

    For commands only: it silences warnings and standard error of the whole process.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _anchor(job: Any, folder: Path) -> None:
    """Make data paths of AutoML, fine-tuning and distillation jobs absolute.

    azure-ai-ml 1.35 looks for them from the directory in which the program runs, and for all others from the file's.
    """
    if getattr(job, "type", "") not in {"automl", "distillation", "finetuning"}:
        return
    for field in DATA_FIELDS:
        given: Any = getattr(job, field, None)
        path = getattr(given, "path", None)
        if given is not None and isinstance(path, str) and not urlsplit(path).scheme and (folder / path).exists():
            given.path = str(folder / path)


def _show(file: Path) -> dict[str, Any]:
    """The file without what the service added, if it holds what ``az ml job show`` printed; else nothing."""
    text = text_of(file)
    if "creation_context" not in text and "resourceGroup" not in text:
        return {}
    job = yaml_from(text, str(file))
    return without_added(job) if is_shown(job) else {}


def _overrides(file: Path, given: Sequence[tuple[str, Any]], shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What azure-ai-ml is to lay over the file. It takes every point for a step down; names in flat maps have some."""
    flat: dict[str, dict[str, Any]] = {}
    found: list[dict[str, Any]] = []
    for field, value in given:
        name, point, key = field.partition(".")
        if point and name in FLAT:
            flat.setdefault(name, {})[key] = value
        else:
            found.append({field: value})
    job = shown or (yaml_from(text_of(file), str(file)) if flat else {})
    return found + [{name: _map_in(job, name) | values} for name, values in flat.items()]


def _map_in(job: Any, name: str) -> dict[str, Any]:
    """A map of the file's; empty if there is none."""
    said = job.get(name) if isinstance(job, dict) else None
    return said if isinstance(said, dict) else {}


def _override(text: str) -> tuple[str, Any]:
    field, sign, value = text.partition("=")
    if not sign or not field:
        raise InvalidInput("--set", "", "path.to.field=value", repr(text))
    try:
        read = yaml.safe_load(value)
        # A map of texts takes ``1500``, ``1.10`` and ``true`` as they are written.
        is_text = field.partition(".")[0] in FLAT and "." in field and not isinstance(read, str | dict | list)
        return field, value.strip() if is_text else read
    except yaml.YAMLError as fault:
        raise InvalidInput("--set", field, "a value in YAML", repr(value)) from fault


@contextmanager
def _understand(where: str) -> Iterator[None]:
    """Turn what azure-ai-ml raises into ours, its pages of advice into one line."""
    from azure.ai.ml.exceptions import MlException
    from marshmallow.exceptions import ValidationError

    try:
        yield
    except HubswitchError:
        raise
    except (MlException, ValidationError) as fault:
        field, said = _read_complaint(str(fault))
        raise InvalidInput(where, field, "a job that azure-ai-ml accepts", said) from fault
    except AzureError as fault:
        raise from_azure(fault, f"submitting {where}") from fault
    except (TypeError, AttributeError, KeyError, ValueError, OSError) as fault:
        # Its own slips on files that it did not foresee, such as a section that is null.
        said = shorten(f"{type(fault).__name__}: {fault}")
        raise InvalidInput(where, "", "a job that azure-ai-ml understands", said) from fault


def _read_complaint(text: str) -> tuple[str, str]:
    """Field and sentence of the first thing that azure-ai-ml complains about.

    It writes its errors as JSON between pages of advice, and those of a schema once more inside a message of that.
    """
    plain = _COLOUR.sub("", text)
    found = _object_in(plain)
    errors = found.get("errors") if isinstance(found, dict) else None
    if errors and isinstance(errors, list) and isinstance(errors[0], dict):
        path, message = str(errors[0].get("path", "")), str(errors[0].get("message", ""))
        inner = _first(_object_in(message))
        return inner or ("" if path == "*" else path, shorten(message))
    detail = _DETAIL.search(plain)
    return _first(found) or ("", shorten(detail["detail"] if detail else " ".join(plain.split())))


def _object_in(text: str) -> Any:
    """The first JSON object of a text, or None."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, start)[0]
    except ValueError:
        return None


def _first(told: Any, *path: str) -> tuple[str, str] | None:
    """Field and sentence of the first fault in what a schema tells: sentences in lists, by field, however deep."""
    if isinstance(told, str):
        return ".".join(part for part in path if part not in _NO_FIELDS), shorten(told)
    inner = told.items() if isinstance(told, dict) else [("", item) for item in told] if isinstance(told, list) else []
    return next((found for name, item in inner if (found := _first(item, *path, name))), None)
