"""Things that would be made twice under one name, of which Azure keeps the last, or refuses both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bicepcheck.references import identifiers_in
from bicepcheck.syntax import Body, Finding, Resource, Template, finding, text_of, value_of

PLACE = ("parent", "scope")
ASSIGNMENT = "microsoft.authorization/roleassignments"
CLOUDS = re.compile(
    r"management\.azure\.com|login\.microsoftonline\.com|core\.windows\.net|vault\.azure\.net|database\.windows\.net"
)
"""Hosts of one cloud. ``environment()`` has those of the cloud into which is deployed."""


def check_duplicates(templates: Mapping[Path, Template]) -> Iterator[Finding]:
    """One name for two things of a kind at one place, or for everything in a loop; names that Azure does not take."""
    for template in templates.values():
        yield from _check_twice(template)
        for body in (*template.resources.values(), *template.modules.values()):
            yield from _check_loop(template, body)
        for resource in template.resources.values():
            yield from _check_assignment(template, resource)
        yield from _check_clouds(template)


def _check_twice(template: Template) -> Iterator[Finding]:
    seen: dict[tuple[str, ...], str] = {}
    made = [one for one in template.resources.values() if not one.is_existing]
    for body in (*made, *template.modules.values()):
        name = value_of(body.body, "name")
        if name is None:
            continue
        kind = body.type.casefold() if isinstance(body, Resource) else "module"
        place = [text_of(value) if (value := value_of(body.body, field)) is not None else "" for field in PLACE]
        key = (kind, text_of(name), *place)
        if key in seen and body.condition is None:
            yield finding(template.file, name, f"{body.name}: {seen[key]} has the same name at the same place")
        seen.setdefault(key, body.name)


def _check_loop(template: Template, body: Body) -> Iterator[Finding]:
    if body.over is None:
        return
    places = [value for field in ("name", *PLACE) if (value := value_of(body.body, field)) is not None]
    if not any(name in body.loop_variables for place in places for name in identifiers_in(place)):
        told = f"name: expected one for each {body.loop_variables[0]} of the loop, or all are made under one"
        yield finding(template.file, body.node, f"{body.name}: {told}")


def _check_assignment(template: Template, resource: Resource) -> Iterator[Finding]:
    if resource.type.casefold() != ASSIGNMENT or resource.is_existing:
        return
    name = value_of(resource.body, "name")
    principal = value_of(resource.body, "properties", "principalId")
    if name is None or principal is None:
        return
    if not text_of(name).startswith("guid("):
        yield finding(template.file, name, f"{resource.name}: expected guid(…) as the name of a role assignment")
    elif not any(word in text_of(name) for word in (text_of(principal), text_of(principal).partition(".")[0] + ".id")):
        told = "expected the identity in guid(…), or two identities get one assignment"
        yield finding(template.file, name, f"{resource.name}: {told}")


def _check_clouds(template: Template) -> Iterator[Finding]:
    todo = [template.root]
    while todo:
        node = todo.pop()
        found = CLOUDS.search(text_of(node)) if node.type == "string_content" else None
        if found is not None and not _is_description(node):
            told = f"{found[0]} is the host of one cloud; expected what environment() has"
            yield finding(template.file, node, told)
        todo += node.named_children


def _is_description(node: object) -> bool:
    parent = getattr(node, "parent", None)
    while parent is not None:
        if parent.type == "decorators":
            return True
        parent = parent.parent
    return False
