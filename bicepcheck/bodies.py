"""Bodies of resources and modules beside what they may hold."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from tree_sitter import Node

from bicepcheck.azure_types import ANY, OF_BICEP, AzureTypes, Type
from bicepcheck.expressions import Expressions
from bicepcheck.syntax import (
    GROUP,
    SUBSCRIPTION,
    Module,
    Resource,
    Template,
    items_of,
    literal,
    properties,
    text_of,
    value_of,
    without_parentheses,
)

OF_BICEP_ITSELF = frozenset({"parent", "scope", "dependsOn"})
ANYWHERE = frozenset({"microsoft.authorization", "microsoft.insights/diagnosticsettings"})
"""Types that stand at groups, subscriptions and resources."""

GROUPS = "microsoft.resources/resourcegroups"


class Bodies:
    """Checks the bodies of one template. Findings go to the template."""

    def __init__(
        self, template: Template, types: AzureTypes, expressions: Expressions, modules: Mapping[str, Template]
    ) -> None:
        self._template = template
        self._types = types
        self._expressions = expressions
        self._modules = modules

    def check_resource(self, resource: Resource) -> None:
        """Type and version, properties, parent and scope."""
        local = self._local(resource)
        section = self._types.resource(resource.kind)
        self._expressions.type_of(resource.body, local)
        self._check_symbols(resource)
        if section is None:
            self._template.told(
                resource.kind_node, f"no type {resource.kind} is known; {self._types.near(resource.kind)}"
            )
            return
        if resource.is_existing:
            for key, _, whole in properties(resource.body):
                if key not in {"name", "parent", "scope"}:
                    self._template.told(whole, f"{key}: an existing resource has a name, and a parent or scope")
        elif self._types.is_only_existing(section):
            self._template.told(resource.kind_node, f"{resource.kind} is known for existing resources only")
        else:
            self._check_place(resource)
            self._check_object(resource.body, section, "", local)
        self._check_parent(resource)

    def check_module(self, module: Module) -> None:
        """The file, its parameters, and the scope that it asks for."""
        local = self._local(module)
        self._expressions.type_of(module.body, local)
        of = self._modules.get(module.name)
        if of is None:
            self._template.told(module.kind_node, f"expected a template, got {module.kind}: there is none")
            return
        for key, _, whole in properties(module.body):
            if key not in {"name", "scope", "params", "dependsOn"}:
                self._template.told(whole, f"{key}: a module has name, scope, params and dependsOn")
        given = value_of(module.body, "params")
        values = {str(key): (value, whole) for key, value, whole in properties(given)} if given else {}
        for name, (value, whole) in values.items():
            parameter = of.parameters.get(name)
            if parameter is None:
                meant = get_close_matches(name, of.parameters, n=1)
                hint = f" (did you mean {meant[0]}?)" if meant else ""
                self._template.told(whole, f"{of.file} has no parameter {name}{hint}")
            else:
                self._check(value, OF_BICEP.get(parameter.type, ANY), f"params.{name}", local)
        for name, parameter in of.parameters.items():
            if parameter.default is None and name not in values:
                self._template.told(given or module.body, f"params: {of.file} requires {name}")
        self._check_scope(module, of)

    def check_value(self, node: Node, expected: Type, path: str) -> None:
        """A value outside of a loop, such as a parameter's default."""
        self._expressions.type_of(node, {})
        self._check(node, expected, path, {})

    def _local(self, body: Resource | Module) -> dict[str, Type]:
        if body.condition is not None:
            self._expressions.type_of(body.condition, dict.fromkeys(body.loop_variables, ANY))
        return self._expressions.loop(body.loop_variables, body.over, {}) if body.over is not None else {}

    def _check_symbols(self, resource: Resource) -> None:
        """Parent and scope are symbols of resources, which exist by that."""
        for field in ("parent", "scope"):
            value = value_of(resource.body, field)
            if value is None:
                continue
            symbol = text_of(value) if value.type == "identifier" else ""
            is_call = value.type == "call_expression" and field == "scope"
            if symbol not in self._template.resources and not is_call:
                self._template.told(value, f"{field}: expected a resource of this template, got {text_of(value)}")

    def _check_parent(self, resource: Resource) -> None:
        above = resource.type.rpartition("/")[0].casefold()
        parent = self._template.resources.get(text_of(found)) if (found := value_of(resource.body, "parent")) else None
        is_child = above.count("/") > 0
        if is_child and found is None and "/" not in (literal(value_of(resource.body, "name")) or ""):
            self._template.told(resource.node, f"parent: a {resource.type} needs its {above}")
        if found is not None and parent is not None and parent.type.casefold() != above:
            self._template.told(found, f"parent: expected a resource of type {above}, got {parent.type}")

    def _check_place(self, resource: Resource) -> None:
        kind = resource.type.casefold()
        if kind.startswith(tuple(ANYWHERE)):
            return
        wanted = SUBSCRIPTION if kind == GROUPS else GROUP
        if self._template.target != wanted:
            expected = f"a template with targetScope {wanted}"
            self._template.told(
                resource.kind_node, f"{resource.type}: expected {expected}, got {self._template.target}"
            )

    def _check_scope(self, module: Module, of: Template) -> None:
        value = value_of(module.body, "scope")
        got = self._template.target
        if value is not None:
            symbol = self._template.resources.get(text_of(value))
            called = text_of(value).partition("(")[0] if value.type == "call_expression" else ""
            is_group = symbol is not None and symbol.type.casefold() == GROUPS
            got = GROUP if is_group else called
        if got != of.target:
            told = f"scope: {of.file} is for a {of.target}, got {got or text_of(value) if value else got}"
            self._template.told(value or module.body, told)

    def _check(self, node: Node, expected: Type, path: str, local: Mapping[str, Type]) -> None:
        """A value beside the type that it should have."""
        node = without_parentheses(node)
        if not expected.kinds:
            return
        match node.type:
            case "ternary_expression":
                for branch in node.named_children[1:]:
                    self._check(branch, expected, path, local)
                return
            case "object" if "object" in expected.kinds:
                self._check_whole_object(node, expected, path, local)
                return
            case "array" if "array" in expected.kinds and expected.items:
                self._check_items(node, expected.items, path, local)
                return
        found = self._expressions.type_of(node, local)
        if found.kinds and found.kinds != {"null"} and not found.kinds & expected.kinds:
            self._template.told(node, f"{path}: expected {expected.spelt}, got {found.spelt}")
        for text in sorted(found.values if expected.values else ()):
            if text not in expected.values:
                self._template.told(node, f"{path}: expected {_choice(expected, text)}, got '{text}'")

    def _check_items(self, node: Node, items: Type, path: str, local: Mapping[str, Type]) -> None:
        for number, child in enumerate(items_of(node)):
            if child.type == "for_statement":
                return
            self._check(child, items, f"{path}[{number}]", local)

    def _check_whole_object(self, node: Node, expected: Type, path: str, local: Mapping[str, Type]) -> None:
        if expected.section:
            self._check_object(node, expected.section, path, local)
        elif expected.rest:
            for key, value, _ in properties(node):
                self._check(value, expected.rest, f"{path}.{key or '*'}", local)

    def _check_object(self, node: Node, section: str, path: str, local: Mapping[str, Type]) -> None:
        known = self._types.properties(section)
        rest = self._types.rest(section)
        by = self._types.discriminator(section)
        if by:
            case = self._case_of(node, section, by, path)
            if case is None:
                return
            known = known | self._types.properties(case)
            rest = rest or self._types.rest(case)
        dot = f"{path}." if path else ""
        given: set[str] = set()
        is_whole = True
        for key, value, whole in properties(node):
            is_whole = is_whole and key is not None
            given.add(str(key))
            if key is None or (not path and key in OF_BICEP_ITSELF):
                continue
            line = known.get(key)
            if line is None and rest is None:
                meant = get_close_matches(key, known, n=1)
                hint = f"did you mean {meant[0]}?" if meant else f"known are {', '.join(sorted(known)[:12])}"
                self._template.told(whole, f"{dot}{key}: no such property ({hint})")
            elif line is not None and line.is_read_only:
                self._template.told(whole, f"{dot}{key}: Azure sets this; a template may only read it")
            else:
                self._check(value, line.type if line else rest or ANY, f"{dot}{key}", local)
        for name, line in known.items():
            if is_whole and line.is_required and not line.is_read_only and name not in given:
                self._template.told(node, f"{dot}{name}: required, and not there")

    def _case_of(self, node: Node, section: str, by: str, path: str) -> str | None:
        cases = self._types.cases(section)
        value = value_of(node, by)
        name = literal(value)
        dot = f"{path}." if path else ""
        if value is None:
            self._template.told(node, f"{dot}{by}: required, and not there")
        elif name is not None and name not in cases:
            self._template.told(value, f"{dot}{by}: expected one of {', '.join(cases)}, got '{name}'")
        return cases.get(name or "")


def _choice(expected: Type, text: str) -> str:
    """What is allowed, for a message; of a list that is open, what is known."""
    meant = get_close_matches(text, expected.values, n=1)
    known = ", ".join(f"'{value}'" for value in sorted(expected.values)[:12])
    return f"one of {known}" + (f" (did you mean '{meant[0]}'?)" if meant else "")
