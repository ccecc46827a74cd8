"""The one door for YAML that people write. It refuses what YAML itself lets pass: two keys of one name, and abysses.

A text is read into nodes first, because nodes know their lines and columns; the values are made from the nodes. All
faults are collected where the text can be read at all: a key that comes twice, and a scalar that is none, hide no
other fault.

The safe loader in C is used where there is one. It has no bound of its own for brackets in brackets, and ends the
process where its stack ends; so they are counted first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from orchestrator.core.base.errors import InvalidInput

DEEPEST = 200
"""Brackets in brackets. What people write has a handful."""

LARGEST = 100_000
"""Values that a text may stand for, aliases counted at each place: a few lines could stand for billions."""

SHOWN = 200

MERGE = "tag:yaml.org,2002:merge"


class Place(NamedTuple):
    """Where something stands in a text; both numbers begin at 1."""

    line: int
    column: int


class Spans(NamedTuple):
    """Which characters of a text a field is, each as start and end. ``value`` is None for what is no scalar."""

    key: tuple[int, int]
    value: tuple[int, int] | None


class YamlFault(NamedTuple):
    """What makes a text no YAML that can be meant. ``place`` is None where nobody can tell it."""

    place: Place | None
    field: str
    expected: str
    got: str


class Document:
    """A YAML text as plain data, the places of its parts, and what is wrong with it as YAML.

    Where a key comes twice, ``value`` has the first; a scalar that cannot be read is its text.
    """

    def __init__(self, root: Any, faults: list[YamlFault]) -> None:
        """See ``read_document``."""
        self.faults = faults
        self._root = root
        self._entries: dict[int, dict[str, tuple[Any, Any]]] = {}
        self._made: dict[int, Any] = {}
        self.value: Any = None
        if root is not None:
            import yaml

            self._maker = yaml.constructor.SafeConstructor()
            self._drop_doubles(root, "", set())
            self.value = self._make(root, "")

    def file_of(self, field: str) -> str | None:  # noqa: ARG002 - a text alone is one file
        """The file in which a field stands, if that is not the one that was read."""
        return None

    def place(self, field: str) -> Place | None:
        """Where a field such as ``a.b[2].c`` stands, or its nearest ancestor if it is missing.

        That is the scalar itself for a scalar, and the key for what has several lines. None for an empty text.
        """
        return self._find(field)[0]

    def place_of_key(self, field: str) -> Place | None:
        """The same, but for the key of the field: the line that a reader looks for."""
        return self._find(field)[1]

    def has(self, field: str) -> bool:
        """Whether the field is written in the text."""
        return self._find(field)[2]

    def spans(self, field: str) -> Spans | None:
        """The characters of a field's key and of its value; None if the field is not written.

        They count from the beginning of the text that was read, a byte order mark left out.
        """
        way = list(self._follow(field))
        if not way or way[-1] is None:
            return None
        key_node, node = way[-1]
        return Spans(_span(key_node), _span(node) if _is_scalar(node) else None)

    def _find(self, field: str) -> tuple[Place | None, Place | None, bool]:
        if self._root is None:
            return None, None, False
        place = key_place = _place(self._root)
        for step in self._follow(field):
            if step is None:
                return place, key_place, False
            key_node, node = step
            key_place = _place(key_node)
            place = _place(node) if _is_scalar(node) and key_node.start_mark.line <= node.start_mark.line else key_place
        return place, key_place, True

    def _follow(self, field: str) -> Iterator[tuple[Any, Any] | None]:
        """The key (or element) and the value of each part of a path; at the end None if the field is not written."""
        node, rest = self._root, field
        while rest:
            step = None if node is None else self._step(node, rest)
            if step is None:
                yield None
                return
            key_node, node, rest = step
            yield key_node, node

    def _step(self, node: Any, rest: str) -> tuple[Any, Any, str] | None:
        """The key (or element) that a path begins with, its value, and what is left of the path."""
        if _is_sequence(node):
            index = re.match(r"\.?\[?(\d{1,9})\]?(?=[.\[]|$)", rest)
            if index is None or int(index[1]) >= len(node.value):
                return None
            element = node.value[int(index[1])]
            return element, element, rest[index.end() :]
        entries = self._entries.get(id(node), {})
        ends = [len(rest), *(at.start() for at in reversed(list(re.finditer(r"[.\[]", rest))) if at.start())]
        for end in ends:  # the longest first: keys may have dots in them
            said = rest[:end]
            for name in (said, said.removeprefix("."), said[1:-1] if said[0] == "[" and said[-1] == "]" else said):
                if name in entries:
                    key_node, value_node = entries[name]
                    return key_node, value_node, rest[end:]
        return None

    def _make(self, node: Any, path: str) -> Any:
        if id(node) in self._made:
            return self._made[id(node)]
        if _is_scalar(node):
            made = self._scalar(node, path)
        elif _is_sequence(node) and node.tag == "tag:yaml.org,2002:seq":
            made = [self._make(item, f"{path}[{n}]") for n, item in enumerate(node.value)]
        elif _is_mapping(node) and node.tag == "tag:yaml.org,2002:map":
            made = self._mapping(node, path)
        else:
            self._fault(node, path, "plain YAML: mappings, lists, texts, numbers, times", f"the tag {node.tag}")
            made = None
        self._made[id(node)] = made
        return made

    def _scalar(self, node: Any, path: str) -> Any:
        import yaml

        try:
            return self._maker.construct_object(node)
        except yaml.constructor.ConstructorError as fault:
            said = f"the tag {node.tag}" if "could not determine" in str(fault.problem) else _one_line(fault.problem)
            self._fault(node, path, "a YAML document", said)
        except (ValueError, KeyError, OverflowError) as fault:
            kind = "time" if node.tag.endswith(":timestamp") else node.tag.rpartition(":")[2]
            self._fault(node, path, "a YAML document", _one_line(f"the {kind} {node.value}: {fault}"))
        return node.value

    def _mapping(self, node: Any, path: str) -> dict[Any, Any]:
        import yaml

        try:
            self._maker.flatten_mapping(node)  # puts what is merged before what the mapping has itself
        except yaml.constructor.ConstructorError as fault:
            self._fault(node, f"{path}.<<".lstrip("."), "a YAML document", _one_line(fault.problem))
            node.value = [pair for pair in node.value if pair[0].tag != MERGE]
        made: dict[Any, Any] = {}
        entries: dict[str, tuple[Any, Any]] = {}
        for key_node, value_node in node.value:
            if not _is_scalar(key_node):
                self._fault(key_node, f"{path}.?".lstrip("."), "a YAML document", "a key that is no text")
                continue
            key = self._make(key_node, path)
            made[key] = self._make(value_node, f"{path}.{key}" if path else str(key))
            entries[str(key)] = (key_node, value_node)  # a key of the mapping itself comes after merged ones
        self._entries[id(node)] = entries
        return made

    def _drop_doubles(self, node: Any, path: str, seen: set[int]) -> None:
        """Leave out every second key of one name, before merging puts keys there that may come again."""
        if id(node) in seen or _is_scalar(node):
            return
        seen.add(id(node))
        if _is_sequence(node):
            for number, item in enumerate(node.value):
                self._drop_doubles(item, f"{path}[{number}]", seen)
            return
        first: dict[str, Any] = {}
        others = []
        for key_node, value_node in node.value:
            name = f"{path}.{key_node.value}" if path else str(key_node.value)
            if not _is_scalar(key_node) or key_node.tag == MERGE:
                others.append((key_node, value_node))
            elif key_node.value in first:
                self._fault(key_node, name, "a YAML document", f"the key {key_node.value} a second time")
                continue
            else:
                first[key_node.value] = (key_node, value_node)
            self._drop_doubles(value_node, name, seen)
        node.value = [*others, *first.values()]

    def _fault(self, node: Any, path: str, expected: str, got: str) -> None:
        self.faults.append(YamlFault(_place(node), path, expected, got[:SHOWN]))


def read_document(text: str) -> Document:
    """A YAML text, read as far as it can be. Never raises; see ``Document.faults``."""
    import yaml  # 20 ms that no worker's start needs

    text = text.removeprefix("\ufeff")
    place = _too_deep(text)
    if place:
        return Document(None, [_abyss(place)])
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as fault:
        return Document(None, [_unreadable(text, fault)])
    except yaml.reader.ReaderError as fault:
        return Document(None, [_unprintable(text, fault)])
    except RecursionError:
        return Document(None, [_abyss(None)])
    except (yaml.YAMLError, ValueError) as fault:
        return Document(None, [YamlFault(None, "", "a YAML document", _one_line(fault))])
    if root is None:
        return Document(None, [])
    bounds = _Bounds()
    try:
        bounds.measure(root, 0)
    except RecursionError:
        return Document(None, [_abyss(None)])
    if bounds.is_abyss:
        return Document(None, [_abyss(None)])
    if bounds.sizes[id(root)] > LARGEST:
        return Document(None, [YamlFault(None, "", f"at most {LARGEST} values, those of aliases counted", "more")])
    return Document(root, [])


def yaml_from(text: str, where: str) -> Any:
    """What a YAML text holds.

    Raises:
        InvalidInput: it is no YAML, holds a key twice or a time that is none, or is nested too deeply; names file and,
            where it can be told, the line.
    """
    document = read_document(text)
    if document.faults:
        fault = document.faults[0]
        raise InvalidInput(f"{where}:{fault.place.line}" if fault.place else where, "", fault.expected, fault.got)
    return document.value


def line_of(text: str, field: str) -> int | None:
    """Line (from 1) on which a field stands, such as ``a.b[2].c``; of its nearest ancestor if it is missing."""
    place = read_document(text).place_of_key(field)
    return place.line if place else None


class _Bounds:
    """How deep nodes are nested, and how many values they stand for, without following an alias twice."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self.is_abyss = False
        self._heights: dict[int, int] = {}
        self._open: set[int] = set()

    def measure(self, node: Any, depth: int) -> int:
        """Levels below a node. Nothing is followed below an abyss, nor from a node into itself."""
        if id(node) in self._open or depth > DEEPEST:
            self.is_abyss = True
            self.sizes[id(node)] = 1
            return 0
        if id(node) in self._heights:
            height = self._heights[id(node)]
            self.is_abyss = self.is_abyss or depth + height > DEEPEST
            return height
        self._open.add(id(node))
        size, height = 1, 0
        for child in _children(node):
            height = max(height, 1 + self.measure(child, depth + 1))
            size += self.sizes[id(child)]
        self._open.discard(id(node))
        self.sizes[id(node)], self._heights[id(node)] = size, height
        return height


def _children(node: Any) -> list[Any]:
    if _is_scalar(node):
        return []
    if _is_sequence(node):
        return list(node.value)
    return [each for pair in node.value for each in pair]


def _is_scalar(node: Any) -> bool:
    return str(node.id) == "scalar"


def _is_sequence(node: Any) -> bool:
    return str(node.id) == "sequence"


def _is_mapping(node: Any) -> bool:
    return str(node.id) == "mapping"


def _place(node: Any) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _span(node: Any) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index


def _one_line(said: object) -> str:
    return " ".join(str(said).split())[:SHOWN]


def _abyss(place: Place | None) -> YamlFault:
    return YamlFault(place, "", f"things in things to a depth of {DEEPEST}", "more")


def _unreadable(text: str, fault: Any) -> YamlFault:
    """What the parser says; a tab in the indentation in plain words, for that is what it mostly is."""
    mark = fault.problem_mark or fault.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else None
    rows = text.split("\n")
    row = rows[mark.line] if mark and mark.line < len(rows) else ""
    if "\t" in row[: len(row) - len(row.lstrip())]:
        return YamlFault(place, "", "a YAML document, indented with spaces", "a tab")
    return YamlFault(place, "", "a YAML document", _one_line(fault.problem))


def _unprintable(text: str, fault: Any) -> YamlFault:
    """A control character, which YAML does not allow in any text."""
    letter = fault.character if isinstance(fault.character, int) else ord(str(fault.character)[:1] or "\0")
    at = text.find(chr(letter))
    before = text[: max(at, 0)]
    place = Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1) if at >= 0 else None
    return YamlFault(place, "", "a YAML document", f"the control character #x{letter:04x}")


def _too_deep(text: str) -> Place | None:
    """Where more brackets are open than anybody means; None if nowhere. Those in texts count, too."""
    depth, line, begin = 0, 1, 0
    for at, letter in enumerate(text):
        if letter in "[{":
            depth += 1
            if depth > DEEPEST:
                return Place(line, at - begin + 1)
        elif letter in "]}":
            depth = max(depth - 1, 0)
        elif letter == "\n":
            line, begin = line + 1, at + 1
    return None
