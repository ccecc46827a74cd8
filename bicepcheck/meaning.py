"""What an expression means where its template is used: parameters lead to callers, outputs to modules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tree_sitter import Node

from bicepcheck.syntax import Module, Resource, Template, items_of, literal, text_of, value_of

type Templates = Mapping[Path, Template]


@dataclass(frozen=True)
class Use:
    """A template where it is used: by a module of another one, or by itself."""

    template: Template
    caller: Use | None = None
    module: Module | None = None

    def __hash__(self) -> int:
        return hash((self.template.file, self.module.name if self.module else "", self.caller))


class Symbol(NamedTuple):
    """A resource or a module, where it is declared, and what was read of it."""

    use: Use
    body: Resource | Module
    path: tuple[str, ...] = ()


class Named(NamedTuple):
    """What only the deployment knows, by name: ``estate.accounts[].name``."""

    name: str


def uses_of(
    template: Template, templates: Templates, caller: Use | None = None, module: Module | None = None
) -> Iterator[Use]:
    """A template and everything that it uses."""
    use = Use(template, caller, module)
    yield use
    for each in template.modules.values():
        inner = templates.get(template.module_path(each))
        if inner is not None:
            yield from uses_of(inner, templates, use, each)


def entry_points(templates: Templates) -> list[Template]:
    """Templates that no other uses."""
    used = {template.module_path(module) for template in templates.values() for module in template.modules.values()}
    return [template for path, template in templates.items() if path not in used]


class Meanings:
    """Follows expressions. What cannot be known here is ``Named`` by what is known of it, or None."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def of(self, node: Node | None, use: Use, local: Mapping[str, Any] | None = None) -> Any:
        """A text, a list, an object, a ``Symbol``, a ``Named``, or None."""
        if node is None:
            return None
        local = local or {}
        match node.type:
            case "parenthesized_expression":
                return self.of(node.named_children[0], use, local)
            case "string":
                return self._text(node, use, local)
            case "array":
                return [self.of(each, use, local) for each in items_of(node)]
            case "identifier":
                return self._name(text_of(node), use, local)
            case "member_expression":
                return self._member(self.of(node.named_children[0], use, local), text_of(node.named_children[-1]))
            case "call_expression":
                return self._call(node, use, local)
            case "ternary_expression":
                both = [self.of(each, use, local) for each in node.named_children[1:]]
                return both[0] + both[1] if all(isinstance(each, list) for each in both) else None
        return None

    def local_of(self, body: Resource | Module, use: Use) -> dict[str, Any]:
        """Variables of the loop that makes a resource or module."""
        if body.over is None:
            return {}
        over = self.of(body.over, use)
        return {body.loop_variables[0]: Named(f"{over.name}[]") if isinstance(over, Named) else None}

    def _text(self, node: Node, use: Use, local: Mapping[str, Any]) -> str | None:
        plain = literal(node)
        if plain is not None:
            return plain
        parts = []
        for child in node.named_children:
            if child.type == "interpolation":
                value = self.of(child.named_children[0], use, local)
                parts.append(value if isinstance(value, str) else "…")
            else:
                parts.append(text_of(child))
        return "".join(parts)

    def _name(self, name: str, use: Use, local: Mapping[str, Any]) -> Any:
        template = use.template
        if name in local:
            return local[name]
        if name in template.parameters:
            if use.module is None or use.caller is None:
                return Named(name)
            given = value_of(use.module.body, "params", name)
            if given is None:
                return self.of(template.parameters[name].default, use)
            return self.of(given, use.caller, self.local_of(use.module, use.caller))
        if name in template.variables:
            return self.of(template.variables[name].value, use)
        body = template.resources.get(name) or template.modules.get(name)
        return Symbol(use, body) if body is not None else None

    def _member(self, whole: Any, name: str) -> Any:
        match whole:
            case Named(inner):
                return Named(f"{inner}.{name}")
            case dict():
                return whole.get(name)
            case Symbol(use, Module() as module, ("outputs",)):
                of = self._templates.get(use.template.module_path(module))
                output = of.outputs.get(name) if of else None
                return self.of(output.value, Use(of, use, module)) if of and output else None
            case Symbol(use, body, path):
                return Symbol(use, body, (*path, name))
        return None

    def _call(self, node: Node, use: Use, local: Mapping[str, Any]) -> Any:
        called, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        arguments = items_of(given) if given else []
        match text_of(called) if called else "":
            case "loadJsonContent":
                try:
                    return json.loads(
                        (use.template.path.parent / (literal(arguments[0]) or "")).read_text(encoding="utf-8")
                    )
                except (OSError, ValueError, IndexError):
                    return None
            case "base64ToJson":
                return self.of(arguments[0], use, local)
            case "subscriptionResourceId":
                return self.of(arguments[-1], use, local)
            case "union":
                lists = [self.of(each, use, local) for each in arguments]
                return (
                    [one for each in lists for one in each] if all(isinstance(each, list) for each in lists) else None
                )
        return None
