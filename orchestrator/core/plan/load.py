"""A plan from the text of a YAML file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import msgspec

from orchestrator.core.base.codec import from_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import line_of, yaml_from
from orchestrator.core.base.text import duration_from
from orchestrator.core.plan.schema import SCHEMA, Plan


def plan_from(text: str, where: str) -> Plan:
    """The plan that a YAML text holds.

    Raises:
        InvalidInput: names file and line, field, what was expected and what was found.
    """
    from orchestrator.core.plan.checks import cross_checked  # it knows the shapes of this module

    raw = yaml_from(text, where)
    if not isinstance(raw, dict):
        raise InvalidInput(where, "", "a mapping with schema, pair, primary, secondary, …", type(raw).__name__)
    if raw.get("schema") != SCHEMA:
        line = line_of(text, "schema")
        raise InvalidInput(f"{where}:{line}", "schema", f"the number {SCHEMA}", repr(raw.get("schema")))
    try:
        return cross_checked(from_builtins(with_durations(raw, Plan, where), Plan, where), where)
    except InvalidInput as fault:
        line = line_of(text, fault.field)
        raise InvalidInput(f"{where}:{line}" if line else where, fault.field, fault.expected, fault.got) from fault


def with_durations(raw: Any, shape: type, where: str, path: str = "") -> Any:
    """A copy of plain data in which durations such as ``30s`` or ``12h`` have become ``timedelta``.

    Which fields are durations follows from the shape. Everything else stays as it is.
    """
    if not isinstance(raw, dict):
        return raw
    hints = {field.encode_name: field.type for field in msgspec.structs.fields(shape)}
    return {
        key: _with_duration(value, hints.get(key), where, f"{path}.{key}" if path else str(key))
        for key, value in raw.items()
    }


def _with_duration(value: Any, hint: Any, where: str, path: str) -> Any:
    if hint is timedelta or (timedelta in get_args(hint) and value is not None):
        return duration_from(value, where, path)
    structs = [t for t in (hint, *get_args(hint)) if isinstance(t, type) and issubclass(t, msgspec.Struct)]
    if structs and isinstance(value, dict):
        return with_durations(value, structs[0], where, path)
    if structs and isinstance(value, list):
        return [with_durations(item, structs[0], where, f"{path}[{n}]") for n, item in enumerate(value)]
    return value
