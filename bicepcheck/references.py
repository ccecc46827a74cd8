"""What refers to what: circles, which a deployment refuses, and things that are named where they may not be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tree_sitter import Node

from bicepcheck.syntax import Body, Finding, Module, Resource, Template, finding, items_of, text_of, value_of

CHOICES = frozenset({"ternary_expression", "if_statement"})


def check_references(templates: Mapping[Path, Template]) -> Iterator[Finding]:
    """Everything that refers to what it may not refer to; circles apart."""
    for template in templates.values():
        for body in _bodies(template).values():
            yield from _check_depends_on(template, body)
        yield from _check_scopes(template)
        yield from _check_conditional(template)


def find_circles(templates: Mapping[Path, Template]) -> Iterator[Finding]:
    """Variables, resources, modules and templates that need themselves. Nothing can be followed there."""
    for template in templates.values():
        yield from _check_circles(template)
    edges = {path: {t.module_path(one) for one in t.modules.values()} & set(templates) for path, t in templates.items()}
    for path, template in templates.items():
        for module in template.modules.values():
            place = template.module_path(module)
            if place in edges and path in _reached(place, edges):
                told = f"{module.name}: a circle of modules, because {module.kind} leads back to this file"
                yield finding(template.file, module.kind_node, told)


def _bodies(template: Template) -> dict[str, Body]:
    return {**template.resources, **template.modules}


def _reached[T](start: T, edges: Mapping[T, set[T]]) -> set[T]:
    """Everything that is reached from a start, and the start itself."""
    found, todo = set[T](), [start]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += edges.get(one, set())
    return found


def _check_circles(template: Template) -> Iterator[Finding]:
    bodies = _bodies(template)
    values = {name: variable.value for name, variable in template.variables.items()}
    edges = {name: _named(body, template) for name, body in bodies.items()}
    edges |= {name: set(identifiers_in(value)) & (values.keys() | bodies.keys()) for name, value in values.items()}
    nodes = {**{name: body.node for name, body in bodies.items()}, **{n: template.variables[n].node for n in values}}
    for name, node in nodes.items():
        circle = sorted(one for one in edges[name] if name in _reached(one, edges))
        if circle:
            yield finding(
                template.file, node, f"{name}: a circle, because it needs {', '.join(circle)} and is needed by it"
            )


def _named(body: Body, template: Template) -> set[str]:
    """Resources, modules and variables that a body needs before it can be made."""
    parts = [part for part in (body.body, body.condition, body.over) if part is not None]
    known = template.resources.keys() | template.modules.keys() | template.variables.keys()
    return {name for part in parts for name in identifiers_in(part)} & known - set(body.loop_variables)


def identifiers_in(node: Node) -> Iterator[str]:
    """Names in an expression: neither keys of objects nor properties behind a dot."""
    if node.type == "identifier":
        yield text_of(node)
        return
    children = node.named_children
    if node.type == "object_property":
        children = [child for child in children[:-1] if child.type != "identifier"] + children[-1:]
    elif node.type == "member_expression":
        children = children[:1]
    for child in children:
        yield from identifiers_in(child)


def _check_depends_on(template: Template, body: Body) -> Iterator[Finding]:
    given = value_of(body.body, "dependsOn")
    for item in items_of(given) if given is not None and given.type == "array" else []:
        names = [name for name in identifiers_in(item) if name in _bodies(template)]
        if item.type == "string" or (item.type == "identifier" and not names):
            told = f"dependsOn: expected a resource or module of this template, got {text_of(item)}"
            yield finding(template.file, item, told)


def _check_scopes(template: Template) -> Iterator[Finding]:
    """What is made at a resource of another group: Bicep wants a module for that (BCP139)."""
    for resource in template.resources.values():
        at = value_of(resource.body, "scope")
        target = template.resources.get(text_of(at)) if at is not None else None
        is_elsewhere = target is not None and target.is_existing and value_of(target.body, "scope") is not None
        if at is not None and is_elsewhere and not resource.is_existing:
            told = f"{resource.name}: {text_of(at)} is in another scope; expected a module that is deployed there"
            yield finding(template.file, at, told)


def _check_conditional(template: Template) -> Iterator[Finding]:
    """What is read of a thing that is not always made, outside of any choice."""
    conditional = {
        name: body for name, body in _bodies(template).items() if body.condition is not None and _is_made(body)
    }
    for body in _bodies(template).values():
        held = _conjuncts(template, body.condition)
        left = {name: one for name, one in conditional.items() if not _conjuncts(template, one.condition) <= held}
        yield from _read_in(template, body.body, left)
    for output in template.outputs.values():
        yield from _read_in(template, output.value, conditional)


def _conjuncts(template: Template, condition: Node | None) -> frozenset[str]:
    """What all has to be true for a condition to be, as texts; variables of the template are looked into."""
    if condition is None:
        return frozenset()
    if condition.type == "parenthesized_expression":
        return _conjuncts(template, condition.named_children[0])
    text = text_of(condition)
    if condition.type == "binary_expression" and any(each.type == "&&" for each in condition.children):
        return frozenset().union(*(_conjuncts(template, each) for each in condition.named_children))
    known = template.variables.get(text)
    return frozenset({text}) | (_conjuncts(template, known.value) if known else frozenset())


def _is_made(body: Body) -> bool:
    return isinstance(body, Module) or (isinstance(body, Resource) and not body.is_existing)


def _read_in(template: Template, node: Node, conditional: Mapping[str, Body]) -> Iterator[Finding]:
    if node.type in CHOICES:
        return
    if node.type == "member_expression":
        whole, part = node.named_children[0], text_of(node.named_children[-1])
        if text_of(whole) in conditional and part in {"outputs", "properties"}:
            told = f"{text_of(node)}: {text_of(whole)} is made on a condition only; expected condition ? … : …"
            yield finding(template.file, node, told)
            return
    for child in node.named_children:
        yield from _read_in(template, child, conditional)
