"""The JSON Schemas beside the samples are those that are printed, and editors accept with them what is accepted."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.cli.commands_plan import plan_schema_command
from orchestrator.cli.plan_schema import group_schema, plan_schema
from orchestrator.core.plan.groups import group_from

SAMPLES = ("hot-cold.yaml", "hot-hot.yaml", "hot-warm.yaml")
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": int | float, "boolean": bool}
KNOWN = {
    *("$ref", "$defs", "$schema", "title", "description", "default", "discriminator", "format"),
    *("const", "enum", "type", "pattern", "anyOf", "required", "properties", "additionalProperties", "items"),
    *("if", "then", "else"),
}


class EditorLoader(yaml.SafeLoader):
    """YAML 1.2, as editors read it: times are texts."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [(tag, regex) for tag, regex in rules if not tag.endswith(":timestamp")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(text: str) -> Any:
    return yaml.load(text, Loader=EditorLoader)  # noqa: S506 - it is the safe loader


def faults(value: Any, schema: dict[str, Any], shapes: dict[str, Any], path: str = "$") -> list[str]:
    """Where a value is not what a schema says. It understands the keywords that this schema uses, and no others."""
    assert set(schema) <= KNOWN
    if "$ref" in schema:
        return faults(value, shapes[schema["$ref"].removeprefix("#/$defs/")], shapes, path)
    if "anyOf" in schema:
        return [] if any(not faults(value, each, shapes, path) for each in schema["anyOf"]) else [path]
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        return [path]
    kind = schema.get("type")
    if kind == "null":
        return [] if value is None else [path]
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [path]
    if isinstance(value, str):
        return [] if re.search(schema.get("pattern", ""), value) else [path]
    if isinstance(value, list):
        items = schema.get("items", {})
        return [fault for n, item in enumerate(value) for fault in faults(item, items, shapes, f"{path}[{n}]")]
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties", {})
        found = [f"{path}.{name}" for name in schema.get("required", ()) if name not in value]
        if "if" in schema:
            branch = "else" if faults(value, schema["if"], shapes, path) else "then"
            found += faults(value, schema[branch], shapes, path)
        for name, item in value.items():
            inner = known.get(name, other)
            found += [f"{path}.{name}"] if inner is False else faults(item, inner or {}, shapes, f"{path}.{name}")
        return found
    return []


def judge(value: Any) -> list[str]:
    schema = plan_schema()
    return faults(value, schema, schema["$defs"])


def judge_group(value: Any) -> list[str]:
    schema = group_schema()
    return faults(value, schema, schema["$defs"])


def test_the_schema_in_the_repository_is_the_one_that_is_printed(root: Path) -> None:
    """`hubswitch plan schema > plans/plan.schema.json` makes it anew."""
    stored = (root / "plans" / "plan.schema.json").read_text(encoding="utf-8")
    assert stored == json.dumps(plan_schema(), indent=2) + "\n"


@pytest.mark.parametrize(("name", "of_groups"), [("plan.schema.json", False), ("group.schema.json", True)])
def test_the_command_prints_both_schemas(root: Path, name: str, of_groups: bool) -> None:
    """`hubswitch plan schema --group > plans/group.schema.json` makes that of groups anew."""
    out = io.StringIO()
    assert plan_schema_command(out=out, of_groups=of_groups) == 0
    assert out.getvalue() == (root / "plans" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_names_the_schema_and_is_accepted_by_it(root: Path, name: str) -> None:
    """An editor that opens it completes and checks it at once."""
    text = (root / "plans" / name).read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=plan.schema.json\n")
    assert judge(read(text)) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("schema: 1", "schema: 2", "$.schema"),
        ("pair: vision", "pair: Vision", "$.pair"),
        ("pair: vision", "pear: vision", "$.pear"),
        ("tier: hot/warm", "tier: warm", "$.tier"),
        ("region: westus3", "region: West US 3", "$.secondary.region"),
        ("  hub: hub-vision-westus3\n", "", "$.secondary.hub"),
        ("mode: approve", "cooldown: 5 minutes", "$.policy.cooldown"),
        ("mode: approve", "bad_after: 1.5", "$.policy.bad_after"),
        ("gpu-a100: gpu-h100", "gpu-a100: [x]", "$.jobs.computes.gpu-a100"),
        ("min_nodes: 2", "min_nodes: two", "$.steps.failover[1]"),
        ("interval: 5m  ", "interval: 5  ", "$.polls.interval"),
    ],
)
def test_the_schema_marks_what_the_loader_refuses(root: Path, old: str, new: str, place: str) -> None:
    """Names, words, types and what is missing, each at its place."""
    text = (root / "plans" / "hot-warm.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    assert place in judge(read(text.replace(old, new)))


def test_the_sample_of_a_group_names_its_schema_and_is_accepted_by_it(root: Path) -> None:
    """An editor that opens it completes and checks it at once; the sample shows every field."""
    text = (root / "plans" / "group.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=group.schema.json\n")
    assert judge_group(read(text)) == []
    assert group_from(text, "group.yaml").name == read(text)["name"]
    assert set(read(text)) == set(group_schema()["$defs"]["RecoveryGroup"]["properties"])


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("schema: 1", "schema: 2", "$.schema"),
        ("kind: group", "kind: plan", "$.kind"),
        ("name: assistant", "name: Assistant", "$.name"),
        ("name: assistant", "nmae: assistant", "$.nmae"),
        ("at_once: 2", "at_once: two", "$.at_once"),
        ("on_error: stop", "on_error: halt", "$.on_error"),
        ("timeout: 30m", "timeout: 30 minutes", "$.timeout"),
        ("language, after: [search]", "language, after: search", "$.pairs[1].after"),
        ("{pair: search}", "{pair: Search}", "$.pairs[0].pair"),
        ("{pair: search}", "{}", "$.pairs[0].pair"),
    ],
)
def test_the_schema_of_groups_marks_what_is_refused(root: Path, old: str, new: str, place: str) -> None:
    """As that of plans does."""
    text = (root / "plans" / "group.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    assert place in judge_group(read(text.replace(old, new)))


def test_an_editor_misses_nothing_in_a_plan_that_extends_defaults() -> None:
    """What it leaves out may be in the other file; its name may not."""
    assert judge({"extends": "common.defaults.yaml", "pair": "vision"}) == []
    assert judge({"extends": "common.defaults.yaml"}) == ["$.pair"]
    assert "$.ledger" in judge({"pair": "vision"})


@pytest.mark.parametrize("schema", [plan_schema, group_schema])
def test_every_field_is_explained(schema: Callable[[], dict[str, Any]]) -> None:
    """An editor shows it where the field is written."""
    shapes = schema()["$defs"].items()
    fields = [(f"{shape}.{name}", field) for shape, it in shapes for name, field in it.get("properties", {}).items()]
    assert [name for name, field in fields if "description" not in field and not name.endswith(".kind")] == []
