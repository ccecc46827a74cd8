"""JSON pointers (RFC 6901), and keys compared without regard to their spelling."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

MISSING = object()


def child(path: str, key: str | int) -> str:
    """The pointer of a member or element below ``path``."""
    if isinstance(key, int):
        return f"{path}/{key}"
    if "~" in key or "/" in key:
        key = key.replace("~", "~0").replace("/", "~1")
    return f"{path}/{key}"


def value_at(root: Any, pointer: str) -> Any:
    """What a pointer points at, or ``MISSING``."""
    for step in _steps(pointer):
        if isinstance(root, dict):
            root = root.get(step, MISSING)
        elif isinstance(root, list) and step.isdigit() and int(step) < len(root):
            root = root[int(step)]
        else:
            return MISSING
    return root


def put_at(root: Any, pointer: str, value: Any) -> None:
    """Replace what a pointer points at. It must be there."""
    *steps, last = _steps(pointer)
    for step in steps:
        root = root[int(step)] if isinstance(root, list) else root[step]
    root[int(last) if isinstance(root, list) else last] = value


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


@lru_cache(maxsize=4096)
def fold_key(key: str) -> str:
    """``computeId``, ``compute_id`` and ``ComputeID`` as one word."""
    return key.replace("_", "").casefold()
