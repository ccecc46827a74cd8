"""The JSON Schemas of plans and of recovery groups, for editors: fields completed, explained, and marked if refused.

They know shapes alone. What contradicts itself is found by `hubswitch plan check`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.cli.field_docs import docstrings
from orchestrator.core.base.regions import REGIONS
from orchestrator.core.plan.defaults import FIELD
from orchestrator.core.plan.groups import GroupMember, RecoveryGroup
from orchestrator.core.plan.schema import PAIR_NAME, SCHEMA, Hub, Plan, References
from orchestrator.core.plan.shape_faults import structs_in
from orchestrator.core.plan.steps import Parallel

DURATION = r"^\d+(\.\d+)?(ms|s|m|h|d)$"


def plan_schema() -> dict[str, Any]:
    """JSON Schema 2020-12. Durations are strings such as ``30s`` there, as in the files."""
    schema = _as_written(msgspec.json.schema(Plan))
    shapes = schema["$defs"]
    shapes[Parallel.__name__]["required"] = ["parallel"]  # its kind may be left out: see with_group_tags
    # A file of defaults may have what a plan leaves out. The loader sees both; an editor sees one.
    shapes[Plan.__name__]["if"] = {"required": [FIELD]}
    shapes[Plan.__name__]["then"] = {"required": ["pair"]}
    shapes[Plan.__name__]["else"] = {"required": shapes[Plan.__name__].pop("required")}
    shapes[Plan.__name__]["properties"]["schema"] = {"const": SCHEMA}
    shapes[Plan.__name__]["properties"]["pair"]["pattern"] = PAIR_NAME.pattern
    shapes[Hub.__name__]["properties"]["region"]["enum"] = list(REGIONS)
    shapes[References.__name__]["properties"]["home"]["enum"] = ["", *REGIONS]
    return _finish(Plan, "hubswitch plan", schema)


def group_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a file with ``kind: group``."""
    schema = _as_written(msgspec.json.schema(RecoveryGroup))
    shapes = schema["$defs"]
    shapes[RecoveryGroup.__name__]["properties"]["schema"] = {"const": SCHEMA}
    shapes[RecoveryGroup.__name__]["properties"]["name"]["pattern"] = PAIR_NAME.pattern
    shapes[GroupMember.__name__]["properties"]["pair"]["pattern"] = PAIR_NAME.pattern
    return _finish(RecoveryGroup, "hubswitch recovery group", schema)


def _finish(root: type[msgspec.Struct], title: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a file with the docstring of every field as its description."""
    for shape in _structs_below(root, set()):
        told, properties = docstrings(shape), schema["$defs"][shape.__name__]["properties"]
        for field in msgspec.structs.fields(shape):
            properties[field.encode_name]["description"] = told[field.name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def _structs_below(shape: type[msgspec.Struct], seen: set[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    if shape not in seen:
        seen.add(shape)
        for field in msgspec.structs.fields(shape):
            for inner in structs_in(field.type):
                _structs_below(inner, seen)
    return seen


def _as_written(node: Any) -> Any:
    """The schema with durations in the form that plans use, and without defaults that msgspec spells its own way."""
    if isinstance(node, dict):
        if node.get("format") == "duration":
            return {"type": "string", "pattern": DURATION}
        is_optional = any(inner.get("format") == "duration" for inner in node.get("anyOf", ()))
        left_out = is_optional or isinstance(node.get("default"), dict | list)
        return {key: _as_written(value) for key, value in node.items() if not (left_out and key == "default")}
    if isinstance(node, list):
        return [_as_written(item) for item in node]
    return node
