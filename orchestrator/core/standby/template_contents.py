"""What an ARM template makes, read from its text without deploying it. Pure.

Modules, which ``az bicep build`` writes as nested deployments, are looked into. Shapes: learn.microsoft.com,
"Understand the structure and syntax of ARM templates", "Using linked and nested templates", "Resource declaration"
(resources by symbolic name, ``existing``). A condition is not evaluated: what it guards counts as made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from orchestrator.core.standby.inventory import as_list, as_object, dig
from orchestrator.core.standby.template_names import TemplateScope, evaluate, fits, spell

NESTED = "microsoft.resources/deployments"
DEEPEST = 8
"""Templates in templates that are looked into."""


class Making(IntEnum):
    """Whether a template makes a thing."""

    NOT = 0
    UNKNOWN = 1
    """It makes something of this type whose name does not follow from the text."""

    CERTAIN = 2


class KeptTemplate(NamedTuple):
    """A template that a failover deploys."""

    name: str
    """As the plan names it."""

    parameters: Mapping[str, Any] = {}
    """As the plan gives them."""

    body: Mapping[str, Any] | None = None
    """None: it cannot be deployed."""

    fault: str = ""
    """Why not."""


class _Made(NamedTuple):
    kind: str
    """Full type, in lower case."""

    name: str
    """With the names of what it lies in, as far as they are known."""


def find_making(kept: KeptTemplate, kind: str, parts: tuple[str, ...]) -> Making:
    """Whether a template makes a thing.

    Args:
        kept: the template.
        kind: the thing's full type.
        parts: the last segments of its name, such as those of endpoint and deployment.
    """
    best = Making.NOT
    for made in _list_resources(kept):
        if made.kind != kind.casefold():
            continue
        said = list(fits(made.name, parts))
        if all(said):
            return Making.CERTAIN
        if False not in said:
            best = Making.UNKNOWN
    return best


def _list_resources(kept: KeptTemplate) -> Iterator[_Made]:
    if kept.body is not None:
        scope = _scope(kept.body, kept.parameters)
        yield from _resources(kept.body.get("resources"), scope, _Made("", ""), 0)


def _scope(template: Mapping[str, Any], given: Mapping[str, Any]) -> TemplateScope:
    declared = as_object(template.get("parameters"))
    values = {str(name).casefold(): dig(each, "defaultValue") for name, each in declared.items()}
    values |= {str(name).casefold(): value for name, value in given.items()}
    return TemplateScope(
        values, {str(name).casefold(): each for name, each in as_object(template.get("variables")).items()}
    )


def _resources(listed: Any, scope: TemplateScope, parent: _Made, depth: int) -> Iterator[_Made]:
    """Resources of a list, or of an object by symbolic name; what only refers to something existing makes nothing."""
    if depth > DEEPEST:
        return
    for each in listed.values() if isinstance(listed, Mapping) else as_list(listed):
        if not isinstance(each, Mapping) or not isinstance(each.get("type"), str):
            continue
        kind, name = each["type"].casefold(), spell(each.get("name"), scope)
        is_child = bool(parent.kind) and "." not in kind
        made = _Made(f"{parent.kind}/{kind}", f"{parent.name}/{name}") if is_child else _Made(kind, name)
        if not each.get("existing"):
            yield made
        if kind == NESTED:
            yield from _list_nested_resources(each, scope, depth)
        else:
            yield from _resources(each.get("resources"), scope, made, depth + 1)


def _list_nested_resources(deployment: Mapping[str, Any], scope: TemplateScope, depth: int) -> Iterator[_Made]:
    """What a deployment inside a template makes; its expressions are evaluated outside unless it says ``inner``."""
    template = as_object(dig(deployment, "properties.template"))
    within = scope
    if str(dig(deployment, "properties.expressionEvaluationOptions.scope")).casefold() == "inner":
        given = as_object(dig(deployment, "properties.parameters"))
        within = _scope(template, {str(name): evaluate(dig(each, "value"), scope) for name, each in given.items()})
    yield from _resources(template.get("resources"), within, _Made("", ""), depth + 1)
