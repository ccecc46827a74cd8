"""Mutation testing of the decision and the job table: bugs made by rule, of which the tests must find nearly all.

``python tests/generated_mutants.py`` lets cosmic-ray make every small change that its operators know (``<`` to ``<=``,
``and`` to ``or``, a number plus one, a condition negated, a loop that runs zero times ...), draws a sample of them, and
runs the tests of that part against one after the other. It prints every change that no test noticed (a survivor), and
ends with status 1 if the share of survivors is above `CEILING`. The same seed and size draw the same mutants of the
same code.

Mutants are made in a copy of the tree, which is deleted at the end; the checkout is only read. A run that is killed
leaves nothing behind but a folder ``mutants-*`` in the system's folder for temporary files.

Planted bugs that break a promise are in ``mutants.py``.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import queue
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from mutants import ROOT, copied_to, told

CEILING = 0.15
"""The share of a sample that may survive.

Measured: 4 % of 125 mutants whose survivors had been looked at one by one and tested where that says something, and
13 % (8) of 60 that nobody had looked at before, of which 2 have a test since. Most of the others do the same as the
code (``!=`` for ``<`` where it cannot be more); some are numbers that were chosen (a limit, the length of a cut
text), which a test could only repeat. Chance moves the share of 150 by three points either way. Whoever finds it
lower lowers this.
"""

SIZE = 150
SEED = 1


class Part(NamedTuple):
    """Modules, and the tests that are to find what is wrong with them."""

    modules: tuple[str, ...]
    """Patterns of paths below ``orchestrator/core``."""

    tests: str
    """A folder below ``tests/core``."""

    first: tuple[str, ...]
    """The test files that find most in the least time."""

    last: tuple[str, ...]
    """Those that take longer than all others together. They run only for a mutant that the others did not find."""


PARTS = {
    "decision": Part(
        ("decision/*.py",),
        "decision",
        (
            "test_rule.py",
            "test_holds.py",
            "test_commands.py",
            "test_run_reports.py",
            "test_verdicts.py",
            "test_fold_limits.py",
            "test_observation.py",
            "test_stamps.py",
            "test_explain.py",
            "test_state.py",
            "test_transitions.py",
            "test_alarms.py",
            "test_brown_out.py",
            "test_fold.py",
            "test_decide.py",
            "test_second_holds.py",
        ),
        ("test_second_decider.py", "test_machine.py", "test_machine_of_two.py"),
    ),
    "jobs": Part(
        ("jobs/next_move.py", "jobs/record.py", "jobs/record_changes.py", "jobs/record_schema.py"),
        "jobs",
        ("test_next_move.py", "test_record_changes.py", "test_record.py", "test_operator_actions.py"),
        ("test_job_machine.py", "test_second_job_decider.py"),
    ),
}


def get_stages(part: Part, root: Path) -> tuple[list[str], list[str]]:
    """The part's test files in two runs of pytest, quick ones and slow ones."""
    folder = root / "tests/core" / part.tests
    others = sorted({path.name for path in folder.glob("test_*.py")} - {*part.first, *part.last})
    return [f"tests/core/{part.tests}/{name}" for name in (*part.first, *others)], [
        f"tests/core/{part.tests}/{name}" for name in part.last
    ]


OPERATORS = re.compile(
    r"core/("
    r"AddNot|ExceptionReplacer|NumberReplacer|RemoveDecorator|ZeroIterationForLoop"
    r"|Replace(And|Or|True|False|Continue|Break)With\w+"
    r"|ReplaceUnaryOperator_Delete_\w+"
    r"|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul|BitOr_BitAnd|BitAnd_BitOr)"
    r"|ReplaceComparisonOperator_(Is_IsNot|IsNot_Is|(Eq|NotEq|Lt|LtE|Gt|GtE)_(Eq|NotEq|Lt|LtE|Gt|GtE))"
    r")"
)
"""Without those whose mutants any test finds (a sum of times to a power) and those that change nothing (identity of
enumeration members to equality): both would only make the share look different from what it is."""


class Mutant(NamedTuple):
    """One change of one module."""

    part: str
    path: str
    """Below the root of the repository."""

    line: int
    operator: str
    occurrence: int
    """The how manieth place of this operator in the module."""


def main(arguments: list[str]) -> int:
    """Status 1 if too many mutants survive, 2 if the tests are red without one."""
    options = read_arguments(arguments)
    mutants = [m for m in generate() if not options.only or any(text in f"{m.path}:{m.line}:" for text in options.only)]
    drawn = [
        m for m in (mutants if options.all else draw(mutants, options.size, options.seed)) if mutate(m, read(m, ROOT))
    ]
    told(f"{len(mutants)} mutants, {len(drawn)} of them drawn" + ("" if options.all else f" with seed {options.seed}"))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = copy_tree(Path(folder), options.processes)
        try:
            limits = {name: measure(copies[0], PARTS[name]) for name in dict.fromkeys(m.part for m in drawn)}
        except RuntimeError as fault:
            told(str(fault))
            return 2
        survivors = run(drawn, copies, limits)
    share = len(survivors) / max(1, len(drawn))
    told(
        f"{len(drawn) - len(survivors)} found, {len(survivors)} survived ({share:.1%}; the ceiling is {CEILING:.0%}), "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if share > CEILING else 0


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutation testing of the decision and the job table.")
    parser.add_argument("only", nargs="*", help="parts of `path:line:`; others are left out")
    parser.add_argument("--size", type=int, default=SIZE, help="how many mutants are drawn (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="the same seed draws the same mutants (%(default)s)")
    parser.add_argument("--all", action="store_true", help="every mutant; takes hours")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at the same time (%(default)s)")
    return parser.parse_args(arguments)


def draw(mutants: list[Mutant], size: int, seed: int) -> list[Mutant]:
    return sorted(random.Random(seed).sample(mutants, min(size, len(mutants))))  # noqa: S311 - no secret


def generate() -> list[Mutant]:
    """Every mutant of every part."""
    return [
        mutant
        for name, part in PARTS.items()
        for pattern in part.modules
        for path in sorted((ROOT / "orchestrator/core").glob(pattern))
        for mutant in generate_of_module(name, path)
    ]


def generate_of_module(part: str, path: Path) -> Iterator[Mutant]:
    text = path.read_text(encoding="utf-8")
    nodes = list(ast_nodes(get_ast(text)))
    ignored = list(find_ignored(text))
    for name in operator_names():
        if OPERATORS.fullmatch(name):
            operator = get_operator(name)()
            places = (place for node in nodes for place in operator.mutation_positions(node))
            for occurrence, (start, end) in enumerate(places):
                if not any(first <= start and end <= last for first, last in ignored):
                    yield Mutant(part, str(path.relative_to(ROOT)), start[0], name, occurrence)


def find_ignored(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The first and the last place, as line and column, of what is not changed: types, and options of a class.

    Nothing computes types but msgspec, which fails at once where it cannot; and whoever names every field notices
    nothing of ``kw_only=False``. Mutants of these say nothing of the tests.
    """
    lines = [line.encode() for line in text.splitlines()]  # offsets of syntax trees count bytes, those of parso do not
    for found in (node for parent in ast.walk(ast.parse(text)) for node in get_ignored(parent)):
        first, last = found.lineno, found.end_lineno or found.lineno
        yield (
            (first, len(lines[first - 1][: found.col_offset].decode())),
            (last, len(lines[last - 1][: found.end_col_offset].decode())),
        )


def get_ignored(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.TypeAlias(value=found) | ast.AnnAssign(annotation=found) | ast.arg(annotation=ast.expr() as found):
            return [found]
        case ast.FunctionDef(returns=ast.expr() as found):
            return [found]
        case ast.ClassDef(keywords=options):
            return [option.value for option in options]
        case _:
            return []


def mutate(mutant: Mutant, text: str) -> str | None:
    """The module's text with the change; None if that is no Python, or means the same."""
    new = mutate_code(text, get_operator(mutant.operator)(), mutant.occurrence)
    try:
        return None if new is None or ast.dump(ast.parse(new)) == ast.dump(ast.parse(text)) else str(new)
    except SyntaxError:
        return None


def read(mutant: Mutant, root: Path) -> str:
    return (root / mutant.path).read_text(encoding="utf-8")


def copy_tree(folder: Path, number: int) -> list[Path]:
    copies = [folder / str(index) for index in range(number)]
    for copy in copies:
        copy.mkdir()
        copied_to(copy)
    return copies


def measure(copy: Path, part: Part) -> list[float]:
    """The seconds after which each stage counts as red: a loop that does not end is found too.

    Raises:
        RuntimeError: the tests are red without a mutant.
    """
    limits = []
    for stage in get_stages(part, copy):
        began = time.monotonic()
        if run_tests(copy, stage, limit=None) != 0:
            raise RuntimeError(f"these tests are not green without a mutant: {' '.join(stage)}")
        limits.append(30 + 4 * (time.monotonic() - began))
    return limits


def run_tests(copy: Path, tests: list[str], limit: float | None) -> int:
    """The exit status of pytest: 0 green, any other red; 1 also after more seconds than the limit."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {
        "HUBSWITCH_DEEP": "1",  # the same examples in every run
        "HUBSWITCH_SHRINK": "0",  # a mutant is found when a test is red; nobody reads the smallest example
        # Bytecode is compared with its source by whole seconds and size: `<` for `>` in one second would go unnoticed.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join([str(copy), str(copy / "tests" / "support")]),
    }
    try:
        return subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, check=False, timeout=limit
        ).returncode
    except subprocess.TimeoutExpired:
        return 1


def run(mutants: list[Mutant], copies: list[Path], limits: dict[str, list[float]]) -> list[Mutant]:
    """The survivors; each is printed as it comes."""
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def test(mutant: Mutant) -> str | None:
        copy = free.get()
        try:
            return find_survivor(mutant, copy, limits[mutant.part])
        finally:
            free.put(copy)

    survivors = []
    with ThreadPoolExecutor(len(copies)) as workers:
        jobs = {workers.submit(test, mutant): mutant for mutant in mutants}
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                if (change := job.result()) is not None:
                    mutant = jobs[job]
                    survivors.append(mutant)
                    told(f"SURVIVED  {mutant.path}:{mutant.line}: {mutant.operator.removeprefix('core/')}\n{change}")
                if done % 25 == 0:
                    told(f"{done} of {len(mutants)} done, {len(survivors)} survived")
        finally:
            workers.shutdown(cancel_futures=True)  # an interrupted run does not begin the rest
    return survivors


def find_survivor(mutant: Mutant, copy: Path, limits: list[float]) -> str | None:
    """The lines that were changed, if no test noticed; None if one did."""
    path = copy / mutant.path
    text, times = read(mutant, copy), path.stat()
    new = mutate(mutant, text) or text
    path.write_text(new, encoding="utf-8")
    try:
        for stage, limit in zip(get_stages(PARTS[mutant.part], copy), limits, strict=True):
            if run_tests(copy, stage, limit) != 0:
                return None
    finally:
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # its bytecode fits again
    return "\n".join(
        f"    {line}"
        for line in difflib.unified_diff(text.splitlines(), new.splitlines(), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
