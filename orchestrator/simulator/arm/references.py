"""Which resources of which workspace a body names, in any of the spellings that clients use.

======================================================================  ===============================
spelling                                                                where it is seen
======================================================================  ===============================
``/subscriptions/…/providers/Microsoft.MachineLearningServices/…``      ids in job bodies
``azureml:/subscriptions/…`` (one slash)                                component specifications
``azureml://subscriptions/…/resourcegroups/…/workspaces/…/…``           long datastore and data URIs
``azureml://locations/…/workspaces/<guid>/…``                           URIs of assets that Azure ML returns
``azureml://datastores/<name>/…``, ``azureml://jobs/<name>/…``          short forms, of the own workspace
``azureml:<name>:<version>``, ``azureml:<name>@<label>``                short forms, of the own workspace
======================================================================  ===============================

Registry URIs name no workspace, bindings (``${{…}}``) are filled in later. Free text (command, arguments, environment
variables, tags, description, property bags) is not looked at: as far as is known the service does not look there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_ARM = re.compile(
    r"^(?:azureml:/{0,2})?/?subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)"
    r"/(?:providers/microsoft\.machinelearningservices/)?workspaces/(?P<workspace>[^/?]+)(?:/(?P<rest>[^?]*))?$",
    re.IGNORECASE,
)
_BY_GUID = re.compile(r"^azureml://locations/[^/]+/workspaces/(?P<guid>[^/]+)/(?P<rest>.*)$", re.IGNORECASE)
_OWN = re.compile(r"^(?:azureml://(?P<kind>datastores|jobs)/|(?P<run>runs:/))(?P<name>[^/]+)", re.IGNORECASE)
_SHORT = re.compile(r"^azureml:(?P<name>[^/:@]+)(?::(?P<version>[^/:@]+)|@(?P<label>[^/:@]+))?$")
_FREE_TEXT = frozenset(
    {"tags", "description", "displayName", "command", "args", "arguments", "environmentVariables", "conf", "properties"}
)
_KIND_OF_FIELD = {
    "environmentid": "environments",
    "environment": "environments",
    "componentid": "components",
    "computeid": "computes",
    "default_compute": "computes",
    "codeid": "codes",
    "code": "codes",
}


class BodyReference(NamedTuple):
    """One resource that a body names.

    Attributes:
        path: where in the body, such as ``properties.jobs.train.computeId``.
        text: as written.
        workspace: ARM id of its workspace in lower case, ``guid:<id>``, or None for the own one.
        kind: ``computes``, ``codes``, … in lower case; empty for the workspace itself; ``assets`` if it cannot be told.
        name: name of the resource.
        version: version, if one is named.
        label: label, if one is named.
    """

    path: str
    text: str
    workspace: str | None
    kind: str
    name: str
    version: str | None = None
    label: str | None = None


def references(body: Any) -> Iterator[BodyReference]:
    """Every reference in a PUT body ``{"properties": {...}}``."""
    yield from _walk(body.get("properties"), "properties", "")


def _walk(value: Any, path: str, field: str) -> Iterator[BodyReference]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in _FREE_TEXT:
                yield from _walk(inner, f"{path}.{key}", key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{number}]", field)
    elif isinstance(value, str) and (found := _read(value, path, field.lower())):
        yield found


def _read(text: str, path: str, field: str) -> BodyReference | None:
    if "${{" in text:
        # A binding, filled in when the pipeline runs.
        return None
    if arm := _ARM.match(text):
        workspace = (
            f"/subscriptions/{arm['subscription']}/resourcegroups/{arm['group']}"
            f"/providers/microsoft.machinelearningservices/workspaces/{arm['workspace']}"
        ).lower()
        return _inside(text, path, workspace, arm["rest"] or "")
    if guid := _BY_GUID.match(text):
        return _inside(text, path, f"guid:{guid['guid'].lower()}", guid["rest"])
    if own := _OWN.match(text):
        return BodyReference(path, text, None, (own["kind"] or "jobs").lower(), own["name"])
    if short := _SHORT.match(text):
        kind = _KIND_OF_FIELD.get(field, "assets")
        return BodyReference(path, text, None, kind, short["name"], short["version"], short["label"])
    if _KIND_OF_FIELD.get(field) == "computes" and text and re.fullmatch(r"[\w.-]+", text):
        return BodyReference(path, text, None, "computes", text)
    return None


def _inside(text: str, path: str, workspace: str, rest: str) -> BodyReference:
    kind, _, tail = rest.strip("/").partition("/")
    parts = tail.split("/")
    version = parts[2] if len(parts) > 2 and parts[1].lower() == "versions" else None
    label = parts[2] if len(parts) > 2 and parts[1].lower() == "labels" else None
    return BodyReference(path, text, workspace, kind.lower(), parts[0], version, label)
