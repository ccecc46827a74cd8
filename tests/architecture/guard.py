"""A walk over syntax trees that finds what replayed and pure code must not do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

BANNED_MODULES = frozenset(
    {"random", "secrets", "time", "uuid", "os", "socket", "subprocess", "requests", "urllib.request"}
)
"""Importing one of these is enough: pure code has no use for them."""

BANNED_IN_REPLAY = ("opentelemetry", "orchestrator.metrics", "orchestrator.tracing")
"""Whatever they record, a replay would record once more. Activities, which are not replayed, may."""

BANNED_CALLS = frozenset({"now", "utcnow", "today", "open", "sleep", "getenv", "urandom", "input", "print"})
"""Names of calls that read the clock, the world, or wait."""

ALLOWED_OWNERS = frozenset({"clock"})
"""``world.clock.now()`` is the port: its value reaches pure code as an argument."""

ACTIVITIES = ("workflows", "activities")
"""The folder that is not replayed: its code may ask the port of the clock. No other code below may."""

PURE = ("core", "workflows")
"""Folders that are held to the rule, with everything in them."""


def violations(source: str, name: str, *, allow_clock: bool) -> Iterator[str]:
    """One line per place that breaks the rule: ``file:line what``."""
    for node in ast.walk(ast.parse(source)):
        yield from (f"{name}:{node.lineno} {what}" for what in _breaks(node, allow_clock=allow_clock))  # type: ignore[attr-defined]


def files(root: Path) -> Iterator[tuple[Path, bool]]:
    """Files that are held to the rule, and whether they may ask the clock's port."""
    for folder in PURE:
        for path in sorted((root / folder).rglob("*.py")):
            yield path, path.relative_to(root).parts[:2] == ACTIVITIES


def _breaks(node: ast.AST, *, allow_clock: bool) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"imports {alias.name}" for alias in names if _is_banned(alias.name, allow_clock))
        case ast.ImportFrom(module=str(module)) if _is_banned(module, allow_clock):
            yield f"imports from {module}"
        case ast.ImportFrom(module=str(module), names=names):
            whole = (f"{module}.{alias.name}" for alias in names)
            yield from (f"imports {name}" for name in whole if _is_banned(name, allow_clock))
        case ast.Call(func=ast.Name(id=called)) if called in BANNED_CALLS:
            yield f"calls {called}()"
        case ast.Call(func=ast.Attribute(attr=called, value=owner)) if called in BANNED_CALLS:
            if not (allow_clock and isinstance(owner, ast.Attribute) and owner.attr in ALLOWED_OWNERS):
                yield f"calls .{called}()"
        case _:
            return


def _is_banned(module: str, allow_clock: bool) -> bool:
    if module in BANNED_MODULES:
        return True
    return not allow_clock and any(module == each or module.startswith(f"{each}.") for each in BANNED_IN_REPLAY)
