"""Bicep files as declarations. Syntax is tree-sitter-bicep's; what it cannot read is a finding with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bicep.language()))
DECORATORS = frozenset(
    {"allowed", "batchSize", "description", "maxLength", "maxValue", "metadata", "minLength", "minValue", "secure"}
)
"""Those that are known here (learn.microsoft.com, "Parameters in Bicep", "Iterative loops in Bicep")."""

GROUP, SUBSCRIPTION = "resourceGroup", "subscription"


class Finding(NamedTuple):
    """Something that a deployment would refuse, or that nobody can have meant."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


def finding(file: str, node: Node, text: str) -> Finding:
    """A finding at the beginning of a node; lines and columns count from 1."""
    return Finding(file, node.start_point.row + 1, node.start_point.column + 1, text)


def text_of(node: Node) -> str:
    return (node.text or b"").decode()


def literal(node: Node | None) -> str | None:
    """The text of a string without interpolation; None of everything else."""
    if node is None or node.type != "string" or any(child.type == "interpolation" for child in node.named_children):
        return None
    return "".join(_piece(child) for child in node.named_children)


def _piece(node: Node) -> str:
    return text_of(node)[1:] if node.type == "escape_sequence" else text_of(node)


def without_parentheses(node: Node) -> Node:
    while node.type == "parenthesized_expression":
        node = node.named_children[0]
    return node


def properties(node: Node) -> Iterator[tuple[str | None, Node, Node]]:
    """Key, value and whole of each property of an object; the key is None if it is computed."""
    for child in node.named_children:
        if child.type == "object_property":
            key, value = child.named_children[0], child.named_children[-1]
            yield (literal(key) if key.type == "string" else text_of(key)), value, child


def value_of(node: Node | None, *path: str) -> Node | None:
    """The value at a path of an object, if it is there."""
    for name in path:
        if node is None or node.type != "object":
            return None
        node = next((value for key, value, _ in properties(node) if key == name), None)
    return node


def items_of(node: Node) -> list[Node]:
    """The elements of an array.

    In arrays tree-sitter-bicep 1.1.0 may read ``f()`` as two elements, ``f`` and ``()``: what stands together is read
    again, at the same place of an otherwise empty file.
    """
    found: list[Node] = []
    for child in node.named_children:
        if child.type == "comment":
            continue
        if found and found[-1].end_byte == child.start_byte and text_of(child).startswith("("):
            found[-1] = _read_again(text_of(found[-1]) + text_of(child), found[-1])
        else:
            found.append(child)
    return found


def _read_again(text: str, place: Node) -> Node:
    row, column = place.start_point.row, place.start_point.column
    blank = "\n" * max(row - 1, 0) + "var again =\n" + " " * column
    return _PARSER.parse((blank + text).encode()).root_node.named_children[0].named_children[-1]


@dataclass(frozen=True)
class Declaration:
    """What a statement declares. ``node`` is the name in it."""

    name: str
    node: Node


@dataclass(frozen=True)
class Parameter(Declaration):
    type: str
    default: Node | None
    decorators: tuple[str, ...]


@dataclass(frozen=True)
class Variable(Declaration):
    value: Node


@dataclass(frozen=True)
class Output(Declaration):
    type: str
    value: Node


@dataclass(frozen=True)
class Body(Declaration):
    """A resource or a module: its object, the variables of its loop with what they run over, its condition."""

    kind: str
    kind_node: Node
    body: Node
    over: Node | None
    loop_variables: tuple[str, ...]
    condition: Node | None


@dataclass(frozen=True)
class Resource(Body):
    """``kind`` is ``type@version``."""

    is_existing: bool

    @property
    def type(self) -> str:
        return self.kind.partition("@")[0]


@dataclass(frozen=True)
class Module(Body):
    """``kind`` is the path as it stands there."""


@dataclass
class Template:
    """One file."""

    path: Path
    file: str
    root: Node
    target: str = GROUP
    parameters: dict[str, Parameter] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def told(self, node: Node, text: str) -> None:
        """Add a finding, once."""
        found = finding(self.file, node, text)
        if found not in self.findings:
            self.findings.append(found)

    def module_path(self, module: Module) -> Path:
        return (self.path.parent / module.kind).resolve()


def read_template(path: Path, root: Path) -> Template:
    """The declarations of a file, and its syntax errors as findings."""
    tree = _PARSER.parse(path.read_bytes()).root_node
    file = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    template = Template(path, file, tree)
    for broken in _errors(tree):
        shown = text_of(broken).strip().partition("\n")[0][:40]
        template.told(
            broken, f"syntax: {f'{broken.type} is missing' if broken.is_missing else f'not understood: {shown}'}"
        )
    decorators: tuple[str, ...] = ()
    for node in tree.named_children:
        if node.type == "decorators":
            decorators = tuple(text_of(each).removeprefix("@").partition("(")[0] for each in node.named_children)
            for each, name in zip(node.named_children, decorators, strict=True):
                if name not in DECORATORS:
                    template.told(each, f"no decorator {name} is known")
            continue
        _declare(template, node, decorators)
        decorators = ()
    return template


def _errors(node: Node) -> Iterator[Node]:
    if node.type == "ERROR" or node.is_missing:
        yield node
    elif node.has_error:
        for child in node.children:
            yield from _errors(child)


def _declare(template: Template, node: Node, decorators: tuple[str, ...]) -> None:
    parts = node.named_children
    if node.has_error or node.type == "comment":
        return
    match node.type:
        case "target_scope_assignment":
            template.target = literal(parts[0]) or template.target
        case "parameter_declaration":
            default = parts[2] if len(parts) > 2 else None  # noqa: PLR2004 - name, type, default
            given = Parameter(text_of(parts[0]), parts[0], text_of(parts[1]), default, decorators)
            _put(template, template.parameters, given)
        case "variable_declaration":
            _put(template, template.variables, Variable(text_of(parts[0]), parts[0], parts[-1]))
        case "output_declaration":
            given_out = Output(text_of(parts[0]), parts[0], text_of(parts[1]), parts[-1])
            if given_out.name in template.outputs:
                template.told(parts[0], f"output {given_out.name} is declared twice")
            template.outputs[given_out.name] = given_out
        case "resource_declaration":
            is_existing = any(child.type == "existing" for child in node.children)
            fields = _body(node)
            _put(template, template.resources, Resource(*fields, is_existing))
        case "module_declaration":
            _put(template, template.modules, Module(*_body(node)))
        case _:
            template.told(node, f"{node.type} is not known to this check")


def _body(node: Node) -> tuple[str, Node, str, Node, Node, Node | None, tuple[str, ...], Node | None]:
    name, kind, value = node.named_children[0], node.named_children[1], node.named_children[-1]
    over, variables, condition = None, tuple[str, ...](), None
    if value.type == "for_statement":
        variables, over, value = loop_of(value)
    if value.type == "if_statement":
        condition, value = value.named_children[0], value.named_children[-1]
    return text_of(name), name, literal(kind) or "", kind, value, over, variables, condition


def loop_of(node: Node) -> tuple[tuple[str, ...], Node, Node]:
    """Variables of a loop, what it runs over, and its body."""
    head, over, body = node.named_children
    names = [head] if head.type == "identifier" else head.named_children
    return tuple(text_of(each) for each in names), over, body


def _put[T: Declaration](template: Template, table: dict[str, T], given: T) -> None:
    taken = (template.parameters, template.variables, template.resources, template.modules)
    if any(given.name in other for other in taken):
        template.told(given.node, f"{given.name} is declared twice")
    table[given.name] = given
