"""The check of one folder of templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bicepcheck.azure_types import ANY, OF_BICEP, AzureTypes
from bicepcheck.bodies import Bodies
from bicepcheck.expressions import Expressions
from bicepcheck.syntax import Finding, Template, read_template


def read_all(folder: Path, root: Path) -> dict[Path, Template]:
    """Every template of a folder, by its path."""
    return {path.resolve(): read_template(path, root) for path in sorted(folder.rglob("*.bicep"))}


def check_types(templates: dict[Path, Template], types: AzureTypes | None = None) -> list[Finding]:
    """Everything that is wrong in each template by itself, and in how they call each other."""
    broken = [found for template in templates.values() for found in template.findings if template.root.has_error]
    if broken:
        return broken  # what is not understood would be told again wherever it is named
    known = types or AzureTypes()
    return [found for template in templates.values() for found in _check_one(template, templates, known)]


def _check_one(template: Template, templates: dict[Path, Template], types: AzureTypes) -> list[Finding]:
    modules = {
        name: templates[place]
        for name, module in template.modules.items()
        if (place := template.module_path(module)) in templates
    }
    expressions = Expressions(template, types, modules)
    bodies = Bodies(template, types, expressions, modules)
    for parameter in template.parameters.values():
        if parameter.type not in OF_BICEP:
            template.told(
                parameter.node, f"{parameter.name}: expected one of {', '.join(OF_BICEP)}, got {parameter.type}"
            )
        if parameter.default is not None:
            bodies.check_value(parameter.default, OF_BICEP.get(parameter.type, ANY), parameter.name)
    for variable in template.variables.values():
        expressions.type_of(variable.value, {})
    for resource in template.resources.values():
        bodies.check_resource(resource)
    for module in template.modules.values():
        bodies.check_module(module)
    for output in template.outputs.values():
        bodies.check_value(output.value, OF_BICEP.get(output.type, ANY), output.name)
    for name, declaration in (template.parameters | template.variables).items():
        if name not in expressions.used:
            template.told(declaration.node, f"{name} is declared and not used")
    return sorted(template.findings, key=lambda found: found[1:3])


def check_parameters(templates: dict[Path, Template], folder: Path, root: Path) -> Iterator[Finding]:
    """``<template>.parameters.json`` names parameters of its template, and all that have no default."""
    for file in sorted(folder.glob("*.parameters.json")):
        shown = file.relative_to(root).as_posix()
        template = templates.get(file.with_name(file.name.replace(".parameters.json", ".bicep")).resolve())
        try:
            given = json.loads(file.read_text(encoding="utf-8"))["parameters"]
        except (ValueError, KeyError, TypeError) as fault:
            yield Finding(shown, 1, 1, f"expected a JSON object with parameters: {fault}")
            continue
        if template is None:
            yield Finding(shown, 1, 1, "there is no template of that name")
            continue
        lines = file.read_text(encoding="utf-8").splitlines()
        for name in given:
            if name not in template.parameters:
                line = next((n for n, text in enumerate(lines, 1) if f'"{name}"' in text), 1)
                yield Finding(shown, line, 1, f"{template.file} has no parameter {name}")
        for name, parameter in template.parameters.items():
            if parameter.default is None and name not in given:
                yield Finding(shown, 1, 1, f"{template.file} requires {name}")
