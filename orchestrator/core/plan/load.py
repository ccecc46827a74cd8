"""A plan from the text of a YAML file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple, get_args

import msgspec

from orchestrator.core.base.codec import from_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import Document, read_document, yaml_from
from orchestrator.core.base.text import duration_from
from orchestrator.core.plan.defaults import FIELD, ExtendedDocument, ReadDefaults, extend
from orchestrator.core.plan.faults import (
    START,
    Fault,
    PlacedFault,
    drop_consequences,
    is_broken,
    place_faults,
    show,
)
from orchestrator.core.plan.schema import SCHEMA, Plan
from orchestrator.core.plan.shape_faults import Shaped, structs_in
from orchestrator.core.plan.steps import with_group_tags

LARGEST = 1_000_000
"""Characters of a plan. What people write has some thousand."""


class Reading(NamedTuple):
    """What a text says, and everything that is wrong with it, in the order of lines."""

    draft: Plan | None
    """The plan with stand-ins for what is wrong; None if not even that can be had."""

    document: Document
    faults: tuple[PlacedFault, ...]
    warnings: tuple[PlacedFault, ...]

    @property
    def plan(self) -> Plan | None:
        """None if there is any fault."""
        return None if self.faults else self.draft


def plan_from(text: str, where: str, read_defaults: ReadDefaults | None = None) -> Plan:
    """The plan that a YAML text holds. ``read_defaults``: see ``read_plan``.

    Raises:
        InvalidInput: the first fault; names file and line, field, what was expected and what was found.
    """
    reading = read_plan(text, where, read_defaults)
    if reading.plan is not None:
        return reading.plan
    if reading.document.faults:
        yaml_from(text, where)  # it raises, in the words of every other YAML file
    first = reading.faults[0]
    place = f"{first.file}:{first.line}" if first.field else first.file
    raise InvalidInput(place, first.field, first.expected, first.got)


def read_plan(text: str, where: str, read_defaults: ReadDefaults | None = None) -> Reading:
    """A plan with all faults and warnings. Never raises.

    Args:
        text: YAML.
        where: the file, for the faults.
        read_defaults: reads the file that the plan extends; None for a text that has no folder.
    """
    if len(text) > LARGEST:
        fault = PlacedFault(where, *START, "", f"at most {LARGEST} characters", str(len(text)))
        return Reading(None, Document(None, []), (fault,), ())
    document = read_document(text)
    found = [
        PlacedFault(where, *(fault.place or START), fault.field, fault.expected, fault.got) for fault in document.faults
    ]
    if isinstance(document.value, dict):
        broken = {fault.field for fault in document.faults}
        document, wrong = extend(document, where, read_defaults)
        found += wrong
        raw = document.value
        plan, faults, warnings = _examine(raw, document, broken)
        if raw.get(FIELD) is not None and not isinstance(document, ExtendedDocument):
            faults = [fault for fault in faults if document.has(fault.field)]  # what is missing may be in the defaults
        found += place_faults(faults, document, where)
        said = place_faults(warnings, document, where)
    else:
        plan, said = None, iter(())
        if not found:
            found = [_no_mapping(document.value, where)]
    return Reading(plan, document, put_in_order(found, where), put_in_order(said, where))


def _examine(raw: dict[Any, Any], document: Document, broken: set[str]) -> tuple[Plan | None, list[Fault], list[Fault]]:
    """The plan, its faults and its warnings; ``broken`` are fields that are no YAML."""
    if "steps" in raw:
        raw = {**raw, "steps": with_group_tags(raw["steps"])}
    shaped = Shaped(raw, Plan)
    faults = [*_schema_faults(raw), *(fault for fault in shaped.faults if fault.field != "schema")]
    faults = [fault for fault in faults if not is_broken(fault.field, broken)]
    unusable = {*broken, *shaped.broken}
    try:
        plan = from_builtins(shaped.usable, Plan, "")
    except InvalidInput as fault:  # a rule of msgspec that the walk does not know: still a fault, and no traceback
        return None, [*faults, Fault(fault.field, fault.expected, fault.got)], []
    from orchestrator.core.plan.checks import plan_faults  # it knows the shapes of this module
    from orchestrator.core.plan.plan_warnings import plan_warnings

    contradictions = [
        fault._replace(field=shaped.misspelt.get(fault.field, fault.field))
        for fault in drop_consequences(plan_faults(plan), unusable, document)
    ]
    wrong = {fault.field for fault in contradictions}
    said = [each for each in plan_warnings(plan) if wrong.isdisjoint({each.field, *each.rests_on})]
    return plan, [*faults, *contradictions], list(drop_consequences(said, unusable, document))


def _schema_faults(raw: dict[Any, Any]) -> list[Fault]:
    found = raw.get("schema")
    if found == SCHEMA and not isinstance(found, bool):
        return []
    return [Fault("schema", f"the number {SCHEMA}", show(found) if "schema" in raw else "nothing")]


def _no_mapping(raw: Any, where: str) -> PlacedFault:
    got = "nothing" if raw is None else type(raw).__name__
    return PlacedFault(where, *START, "", "a mapping with schema, pair, primary, secondary, …", got)


def put_in_order(faults: Iterable[PlacedFault], where: str) -> tuple[PlacedFault, ...]:
    """By lines; those of the plan's own file first."""
    return tuple(sorted(faults, key=lambda fault: (fault.file != where, fault.line, fault.column)))


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
    struct = next(structs_in(hint), None)
    if struct is not None and isinstance(value, dict):
        return with_durations(value, struct, where, path)
    if struct is not None and isinstance(value, list):
        return [with_durations(item, struct, where, f"{path}[{n}]") for n, item in enumerate(value)]
    return value
