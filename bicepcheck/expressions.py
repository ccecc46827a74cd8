"""What expressions are of: names that exist, properties that are there, functions that are called as they should be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from tree_sitter import Node

from bicepcheck.azure_types import (
    ANY,
    ARRAY,
    BOOLEAN,
    INTEGER,
    NULL,
    OBJECT,
    OF_BICEP,
    STRING,
    AzureTypes,
    Type,
    either,
    list_of,
    object_with,
)
from bicepcheck.functions import FUNCTIONS
from bicepcheck.syntax import Body, Module, Resource, Template, items_of, literal, loop_of, properties, text_of

PLAIN = {"number": INTEGER, "boolean": BOOLEAN, "null": NULL}
ALWAYS = {"id": STRING, "name": STRING, "type": STRING, "apiVersion": STRING}
"""Properties of every resource's symbol."""


def type_of_json(value: Any) -> Type:
    """The type of a value that was read from a file."""
    match value:
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case str():
            return Type(STRING.kinds, frozenset({value}), is_open=False)
        case list():
            return ARRAY
        case dict():
            return object_with({name: type_of_json(one) for name, one in value.items()})
    return ANY


class Expressions:
    """The expressions of one template. Findings go to the template.

    Args:
        template: whose names count.
        types: of resources.
        modules: templates of the modules that it uses, by the module's name.
    """

    def __init__(self, template: Template, types: AzureTypes, modules: Mapping[str, Template]) -> None:
        self._template = template
        self._types = types
        self._modules = modules
        self.used: set[str] = set()

    def type_of(self, node: Node, local: Mapping[str, Type]) -> Type:
        """The type of an expression; ``local`` are variables of loops around it."""
        if node.type in PLAIN:
            return PLAIN[node.type]
        match node.type:
            case "string":
                return self._string(node, local)
            case "identifier":
                return self._name(node, local)
            case "parenthesized_expression":
                return self.type_of(node.named_children[0], local)
            case "object":
                return self._object(node, local)
            case "array":
                return self._array(node, local)
            case "for_statement":
                names, over, body = loop_of(node)
                return list_of(self.type_of(body, {**local, **self.loop(names, over, local)}))
            case "if_statement" | "ternary_expression":
                self.type_of(node.named_children[0], local)
                one, other = (self.type_of(each, local) for each in (node.named_children[1], node.named_children[-1]))
                return either(one, other)
            case "binary_expression" | "unary_expression":
                return self._operation(node, local)
            case "member_expression":
                return self._member(node, local)
            case "subscript_expression":
                return self._element(node, local)
            case "call_expression":
                return self._call(node, local)
            case "lambda_expression":
                inner = {text_of(each): ANY for each in node.named_children[:-1]}
                self.type_of(node.named_children[-1], {**local, **inner})
                return ANY
        return ANY

    def loop(self, names: tuple[str, ...], over: Node, local: Mapping[str, Type]) -> dict[str, Type]:
        """Variables of a loop."""
        found = self.type_of(over, local)
        if found.kinds and "array" not in found.kinds:
            self._template.told(over, f"a loop runs over an array, got {found.spelt}")
        return dict(zip(names, (found.items or ANY, INTEGER), strict=False))

    def _string(self, node: Node, local: Mapping[str, Type]) -> Type:
        text = literal(node)
        if text is not None:
            return Type(STRING.kinds, frozenset({text}), is_open=False)
        for child in node.named_children:
            if child.type == "interpolation":
                self.type_of(child.named_children[0], local)
        return STRING

    def _name(self, node: Node, local: Mapping[str, Type]) -> Type:
        name, template = text_of(node), self._template
        if name in local:
            return local[name]
        self.used.add(name)
        if name in template.parameters:
            return OF_BICEP.get(template.parameters[name].type, ANY)
        if name in template.variables:
            return self.type_of(template.variables[name].value, {})
        if name in template.resources:
            return _looped(template.resources[name], self._resource(template.resources[name]))
        if name in template.modules:
            return _looped(template.modules[name], self._module(template.modules[name]))
        known = [*local, *template.parameters, *template.variables, *template.resources, *template.modules]
        meant = get_close_matches(name, known, n=1)
        template.told(node, f"no {name} is declared" + (f" (did you mean {meant[0]}?)" if meant else ""))
        return ANY

    def _resource(self, resource: Resource) -> Type:
        section = self._types.resource(resource.kind)
        return Type(OBJECT.kinds, section=section) if section else ANY

    def _module(self, module: Module) -> Type:
        of = self._modules.get(module.name)
        if of is None:
            return ANY
        given = {name: OF_BICEP.get(output.type, ANY) for name, output in of.outputs.items()}
        return object_with({"name": STRING, "outputs": object_with(given)})

    def _object(self, node: Node, local: Mapping[str, Type]) -> Type:
        fields: dict[str, Type] = {}
        is_whole = True
        for key, value, whole in properties(node):
            if key is None:
                self.type_of(whole.named_children[0], local)
                is_whole = False
            elif key in fields:
                self._template.told(whole, f"{key} is given twice")
            fields[key or ""] = self.type_of(value, local)
        return object_with(fields) if is_whole else OBJECT

    def _array(self, node: Node, local: Mapping[str, Type]) -> Type:
        items = items_of(node)
        types = [self.type_of(child, local) for child in items]
        if len(items) == 1 and items[0].type == "for_statement":
            return types[0]
        if not types:
            return ARRAY
        found = types[0]
        for other in types[1:]:
            found = either(found, other)
        return list_of(found)

    def _operation(self, node: Node, local: Mapping[str, Type]) -> Type:
        for child in node.named_children:
            self.type_of(child, local)
        sign = next((text_of(child) for child in node.children if not child.is_named), "")
        return ANY if sign == "??" else INTEGER if sign in {"+", "-", "*", "/", "%"} else BOOLEAN

    def _member(self, node: Node, local: Mapping[str, Type]) -> Type:
        before, name = node.named_children[0], text_of(node.named_children[-1])
        if before.type in {"binary_expression", "unary_expression"}:
            # tree-sitter-bicep 1.1.0 reads `a && b.c` as `(a && b).c`; Bicep binds the dot to b.
            for operand in before.named_children[:-1]:
                self.type_of(operand, local)
            before = before.named_children[-1]
        whole = self.type_of(before, local)
        if not whole.kinds:
            return ANY
        if "object" not in whole.kinds:
            self._template.told(node, f"{text_of(node)}: an object was expected before .{name}, got {whole.spelt}")
            return ANY
        known = self._fields_of(whole)
        if known is None or name in known:
            return (known or {}).get(name, ANY)
        meant = get_close_matches(name, known, n=1)
        hint = f" (did you mean {meant[0]}?)" if meant else f"; known are {', '.join(sorted(known)[:12])}"
        self._template.told(node, f"{text_of(node)}: there is no {name}{hint}")
        return ANY

    def _fields_of(self, whole: Type) -> Mapping[str, Type] | None:
        """Everything that an object may have; None where that is not known."""
        if whole.fields is not None:
            return whole.fields
        if not whole.section or self._types.discriminator(whole.section) or self._types.rest(whole.section):
            return None
        own = {name: line.type for name, line in self._types.properties(whole.section).items()}
        if self._types.is_only_existing(whole.section):
            own |= dict.fromkeys(("identity", "kind", "properties", "sku", "tags"), ANY)
        return own | ALWAYS if " " not in whole.section else own

    def _element(self, node: Node, local: Mapping[str, Type]) -> Type:
        whole = self.type_of(node.named_children[0], local)
        self.type_of(node.named_children[-1], local)
        if whole.kinds and not whole.kinds & {"array", "object"}:
            self._template.told(node, f"{text_of(node)}: an array or object was expected, got {whole.spelt}")
        return whole.items or ANY

    def _call(self, node: Node, local: Mapping[str, Type]) -> Type:
        called = node.child_by_field_name("function")
        given = node.child_by_field_name("arguments")
        arguments = [child for child in given.named_children if child.type != "comment"] if given else []
        types = [self.type_of(each, local) for each in arguments]
        name = text_of(called) if called else ""
        known = FUNCTIONS.get(name)
        if known is None:
            meant = get_close_matches(name, FUNCTIONS, n=1)
            self._template.told(
                node, f"no function {name} is known" + (f" (did you mean {meant[0]}?)" if meant else "")
            )
            return ANY
        if not known.fewest <= len(arguments) <= known.most:
            counts = f"{known.fewest}" if known.fewest == known.most else f"{known.fewest} or more"
            self._template.told(node, f"{name}: expected {counts} arguments, got {len(arguments)}")
        if name == "loadJsonContent" and arguments:
            return self._load(arguments[0])
        if name in {"union", "concat"} and types:
            return types[0] if all(one.kinds == types[0].kinds for one in types) and types[0].items else _alike(types)
        return known.gives

    def _load(self, node: Node) -> Type:
        path = self._template.path.parent / (literal(node) or "")
        try:
            return type_of_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as fault:
            self._template.told(node, f"expected a JSON file, got {text_of(node)}: {type(fault).__name__}")
            return ANY


def _alike(types: list[Type]) -> Type:
    kinds = {one.kinds for one in types}
    return Type(kinds.pop()) if len(kinds) == 1 else ANY


def _looped(body: Body, one: Type) -> Type:
    return list_of(one) if body.over is not None else one
