"""Secrets that would be shown: outputs and parameters stand in the history of deployments for whoever may read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tree_sitter import Node

from bicepcheck.syntax import Finding, Template, finding, literal, properties, text_of, value_of


def check_secrets(templates: Mapping[Path, Template]) -> Iterator[Finding]:
    """Outputs with a secret, secrets that are handed to an open parameter, secrets that stand in the template."""
    for template in templates.values():
        secret = {name for name, parameter in template.parameters.items() if "secure" in parameter.decorators}
        for name, parameter in template.parameters.items():
            if name in secret and parameter.default is not None and literal(parameter.default) != "":
                yield finding(
                    template.file, parameter.default, f"{name}: a secret stands in the template; expected no default"
                )
        for output in template.outputs.values():
            why = _secret_in(output.value, template, secret)
            if why:
                told = f"output {output.name}: {why} would stand in the history of deployments"
                yield finding(template.file, output.node, told)
        yield from _check_modules(template, templates, secret)


def _check_modules(template: Template, templates: Mapping[Path, Template], secret: set[str]) -> Iterator[Finding]:
    for module in template.modules.values():
        of = templates.get(template.module_path(module))
        given = value_of(module.body, "params")
        for key, value, whole in properties(given) if given is not None and of is not None else ():
            parameter = of.parameters.get(str(key)) if of is not None else None
            why = _secret_in(value, template, secret)
            if parameter is not None and why and "secure" not in parameter.decorators:
                yield finding(template.file, whole, f"params.{key}: {why} is handed to a parameter without @secure()")


def _secret_in(node: Node, template: Template, secret: set[str]) -> str:
    """Which secret is in an expression; empty if there is none. Variables are looked into."""
    if node.type == "identifier":
        name = text_of(node)
        if name in secret:
            return f"the secret {name}"
        variable = template.variables.get(name)
        return _secret_in(variable.value, template, secret) if variable is not None else ""
    if node.type == "call_expression":
        called = text_of(node.named_children[0]).rpartition(".")[2]
        if called.startswith("list"):
            return f"what {called} gives"
    children = node.named_children
    if node.type in {"object_property", "member_expression"}:
        children = children[-1:] if node.type == "object_property" else children[:1]
    return next((found for child in children if (found := _secret_in(child, template, secret))), "")
