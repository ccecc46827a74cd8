"""Print how the code of ``orchestrator/`` is laid out, as a table: sizes, names, imports, and what breaks a limit.

Nothing here fails. The two limits (complexity and number of parameters) are ruff's, in ``pyproject.toml``.
"""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = "orchestrator"
CORE = f"{PACKAGE}.core"
SMALL = 50
"""Lines below which a file counts as small."""

LIMITS = {"C901": "functions with complexity over the limit", "PLR0913": "functions with parameters over the limit"}

IRREGULAR = re.compile(
    "become|been|begun|bought|bound|broken|brought|built|caught|chosen|done|drawn|driven|fallen|felt|forgotten|found|"
    "frozen|given|gone|got|grown|heard|held|hidden|kept|known|laid|learnt|led|left|lent|lost|made|meant|met|paid|"
    "ridden|risen|said|seen|sent|shown|sold|spent|spoken|stood|stuck|sworn|taken|taught|thought|thrown|told|torn|"
    "turned|understood|woken|won|worn|written"
)
"""Participles that do not end in -ed, without those that are imperatives as well (cut, put, run, set)."""

NO_PARTICIPLES = frozenset(
    {"bring", "embed", "exceed", "feed", "need", "ping", "proceed", "ring", "seed", "shed", "speed"}
)


class Module(NamedTuple):
    """One file: its dotted name, whether it is a package, its lines and its syntax tree."""

    name: str
    is_package: bool
    lines: int
    tree: ast.Module

    @property
    def folder(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def load_modules() -> list[Module]:
    """Every file of the package that holds a statement."""
    found = []
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        if tree.body:
            found.append(Module(".".join(parts[:-1] if is_package else parts), is_package, text.count("\n"), tree))
    return found


def is_participle(name: str) -> bool:
    """Whether the first word of a function's name is a participle, as far as its spelling tells."""
    first = name.lstrip("_").partition("_")[0]
    ends = re.search(r".{2}(ed|ing)$", first) is not None
    return first not in NO_PARTICIPLES and (ends or IRREGULAR.fullmatch(first) is not None)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def count_private_used_once(modules: Iterable[Module]) -> int:
    """Private functions that one place of their own module refers to."""
    total = 0
    for module in modules:
        used = Counter(
            node.id if isinstance(node, ast.Name) else node.attr
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Name | ast.Attribute)
        )
        total += sum(is_private(f.name) and used[f.name] == 1 for f in module.functions())
    return total


def list_repeated_classes(modules: Iterable[Module]) -> dict[str, list[str]]:
    """Class name -> the modules that define it, where there are several."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(module.name)
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def list_imports(modules: Iterable[Module]) -> dict[str, set[str]]:
    """Module -> the modules of the package that it imports, anywhere in its text."""
    modules = list(modules)
    known = {module.name for module in modules}
    arrows: dict[str, set[str]] = {}
    for module in modules:
        wanted: set[str] = set()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                # ``from folder import module`` needs the module; anything else needs the file it is taken from.
                wanted |= inner & known or {node.module}
        arrows[module.name] = (wanted & known) - {module.name}
    return arrows


def count_floors(arrows: Mapping[str, set[str]]) -> int:
    """The longest chain of imports; a circle is cut where it closes."""
    under_way: set[str] = set()

    @cache
    def height(name: str) -> int:
        under_way.add(name)
        below = [height(other) for other in sorted(arrows[name]) if other in arrows and other not in under_way]
        under_way.discard(name)
        return 1 + max(below, default=0)

    return max((height(name) for name in sorted(arrows)), default=0)


def within(arrows: Mapping[str, set[str]], folder: str) -> dict[str, set[str]]:
    """The part of an import graph that lies below a folder."""
    names = {name for name in arrows if name == folder or name.startswith(f"{folder}.")}
    return {name: arrows[name] & names for name in names}


def between_folders(arrows: Mapping[str, set[str]], folders: Mapping[str, str]) -> dict[str, set[str]]:
    """Folder -> the other folders that its modules import."""
    joined: dict[str, set[str]] = {folders[name]: set() for name in arrows}
    for name, wanted in arrows.items():
        joined[folders[name]] |= {folders[other] for other in wanted} - {folders[name]}
    return joined


def list_violations() -> dict[str, int]:
    """Rule -> how many functions break its limit, those that give a reason included."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--ignore-noqa", "--exit-zero"]
    wanted = ["--select", ",".join(LIMITS), "--output-format", "json", PACKAGE]
    done = subprocess.run([*command, *wanted], cwd=ROOT, capture_output=True, text=True, check=True)
    found = Counter(entry["code"] for entry in json.loads(done.stdout))
    return {rule: found[rule] for rule in LIMITS}


def describe(arrows: Mapping[str, set[str]]) -> str:
    """Modules, arrows and floors of a graph, in words."""
    return f"{len(arrows)} modules, {sum(map(len, arrows.values()))} arrows, {count_floors(arrows)} floors"


def measure_core(modules: Iterable[Module]) -> list[tuple[str, str]]:
    """Rows about the imports inside ``core``: all of it, its folders among each other, each folder by itself."""
    inside = within(list_imports(modules), CORE)
    folders = {module.name: module.folder for module in modules}
    joined = between_folders(inside, folders)
    rows = [
        ("core", describe(inside)),
        (
            "core, folder to folder",
            f"{len(joined)} folders, {sum(map(len, joined.values()))} arrows, {count_floors(joined)} floors",
        ),
    ]
    for folder in sorted(joined):
        own = {name: inside[name] for name in inside if folders[name] == folder}
        rows.append(
            (f"inside {folder.removeprefix(f'{PACKAGE}.')}", describe({name: own[name] & own.keys() for name in own}))
        )
    return rows


def measure() -> list[tuple[str, str]]:
    """The whole table: what is counted -> the figure."""
    modules = load_modules()
    functions = [function for module in modules for function in module.functions()]
    lengths = [(f.end_lineno or f.lineno) - f.lineno + 1 for f in functions]
    once = count_private_used_once(modules)
    participles = sum(is_participle(f.name) for f in functions)
    repeated = list_repeated_classes(modules)
    folders = {module.name: module.folder for module in modules}
    across = [name for name, found in repeated.items() if len({folders[module] for module in found}) > 1]
    small = sum(module.lines < SMALL for module in modules)
    return [
        ("modules", str(len(modules))),
        ("files under 50 lines", str(small)),
        ("functions per module", f"{len(functions) / len(modules):.1f}"),
        ("function length, median", f"{median(lengths):.0f} lines"),
        ("function length, p90", f"{quantiles(lengths, n=10)[-1]:.0f} lines"),
        ("private functions used once", _share(once, len(functions))),
        ("participles as function names", _share(participles, len(functions))),
        ("class names defined twice or more", str(len(repeated))),
        ("the same, across folders", f"{len(across)}{': ' * bool(across)}{', '.join(across)}"),
        *((LIMITS[rule], str(count)) for rule, count in list_violations().items()),
        *measure_core(modules),
    ]


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)"


def main() -> None:
    rows = measure()
    width = max(len(name) for name, _ in rows)
    for name, figure in rows:
        sys.stdout.write(f"{name:<{width}}  {figure}\n")


if __name__ == "__main__":
    main()
