"""A plan from the text of a YAML file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import msgspec

from orchestrator.core.base.codec import from_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import line_of, yaml_from
from orchestrator.core.base.text import duration_from
from orchestrator.core.plan.schema import SCHEMA, Plan
from orchestrator.core.plan.steps import with_group_tags


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
    if "steps" in raw:
        raw = {**raw, "steps": with_group_tags(raw["steps"])}
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
    structs = list(_structs_in(hint))
    if structs and isinstance(value, dict):
        return with_durations(value, _struct_for(value, structs), where, path)
    if structs and isinstance(value, list):
        return [with_durations(item, _struct_for(item, structs), where, f"{path}[{n}]") for n, item in enumerate(value)]
    return value


def _structs_in(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs that a type names, also inside unions and lists."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for inner in get_args(hint):
        yield from _structs_in(inner)


def _struct_for(value: Any, structs: list[type[msgspec.Struct]]) -> type[msgspec.Struct]:
    """Of several structs the one that a value's tag names; the first if there is no such tag."""
    for struct in structs:
        config = struct.__struct_config__
        if isinstance(value, dict) and config.tag is not None and value.get(config.tag_field) == config.tag:
            return struct
    return structs[0]
