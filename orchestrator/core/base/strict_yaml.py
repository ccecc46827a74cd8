"""The one door for YAML that people write. It refuses what YAML itself lets pass: two keys of one name, and abysses.

The safe loader in C is used where there is one. It has no bound of its own for brackets in brackets, and ends the
process where its stack ends; so they are counted first.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from orchestrator.core.base.errors import InvalidInput

DEEPEST = 200
"""Brackets in brackets. What people write has a handful."""

SHOWN = 200


def yaml_from(text: str, where: str) -> Any:
    """What a YAML text holds.

    Raises:
        InvalidInput: it is no YAML, holds a key twice or a time that is none, or is nested too deeply; names file and,
            where it can be told, the line.
    """
    import yaml  # 20 ms that no worker's start needs

    line = _too_deep(text)
    if line:
        raise _abyss(f"{where}:{line}")
    try:
        found = yaml.load(text, Loader=_loader())  # noqa: S506 - it is the safe loader
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        place = f"{where}:{mark.line + 1}" if mark else where
        raise InvalidInput(place, "", "a YAML document", " ".join(str(fault.problem).split())[:SHOWN]) from fault
    except RecursionError as fault:
        raise _abyss(where) from fault
    except (yaml.YAMLError, ValueError) as fault:
        raise InvalidInput(where, "", "a YAML document", " ".join(str(fault).split())[:SHOWN]) from fault
    if _is_abyss(found):
        raise _abyss(where)
    return found


def _abyss(where: str) -> InvalidInput:
    return InvalidInput(where, "", f"things in things to a depth of {DEEPEST}", "more")


def _is_abyss(found: Any) -> bool:
    """Whether something is nested too deeply without brackets. Anchors may make it deep without end."""
    layer = [found]
    for _ in range(DEEPEST + 1):
        held = [item.values() if isinstance(item, dict) else item for item in layer if isinstance(item, dict | list)]
        layer = list({id(each): each for holder in held for each in holder}.values())
        if not layer:
            return False
    return True


def line_of(text: str, field: str) -> int | None:
    """Line (from 1) on which a field stands, such as ``a.b[2].c``; of its nearest ancestor if it is missing."""
    import yaml

    node: Any = yaml.compose(text, Loader=_loader())
    line = node.start_mark.line + 1 if node else None
    for inside, plain in re.findall(r"\[([^\]]*)\]|([^.\[\]]+)", field):
        child = _child(node, inside or plain)
        if child is None:
            break
        line, node = child
    return line


def _child(node: Any, part: str) -> tuple[int, Any] | None:
    """Line and node of an element of a sequence, or of the value of a key."""
    for number, entry in enumerate(node.value if isinstance(node.value, list) else []):
        key, value = entry if isinstance(entry, tuple) else (entry, entry)
        if (key is not value and key.value == part) or (key is value and part == str(number)):
            return key.start_mark.line + 1, value
    return None


def _too_deep(text: str) -> int:
    """The line in which more brackets are open than anybody means; 0 if there is none. Those in texts count, too."""
    depth, line = 0, 1
    for letter in text:
        if letter in "[{":
            depth += 1
            if depth > DEEPEST:
                return line
        elif letter in "]}":
            depth = max(depth - 1, 0)
        elif letter == "\n":
            line += 1
    return 0


@cache
def _loader() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Strict(base):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT002 - as it is called
            seen = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if key.value in seen:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value} a second time", key.start_mark
                        )
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

        def construct_yaml_timestamp(self, node: Any) -> Any:
            try:
                return super().construct_yaml_timestamp(node)
            except ValueError as fault:
                said = f"the time {node.value}: {fault}"
                raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from fault

    Strict.add_constructor("tag:yaml.org,2002:timestamp", Strict.construct_yaml_timestamp)
    return Strict
