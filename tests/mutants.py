"""Planted bugs, each of which breaks one promise of docs/safety.md and must be found by the tests.

``python tests/mutants.py`` copies the tree, plants one bug in each copy, and runs the tests that are to turn red, on
as many processors as there are. It prints a line per bug with the seconds that it took, and ends with status 1 if
one of them goes unnoticed.

A bug is a pattern in Python and what stands there instead. The pattern is looked for in the syntax trees of the whole
package, so it does not matter in which file it stands, nor how it is laid out. It must be found exactly once. Names
that begin with ``ANY_`` stand for any expression.
"""

from __future__ import annotations

import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
MACHINE = "test_machine.py"
TWO = "test_machine_of_two.py"
HOLDS = "decision/test_holds.py"
ALARMS = "decision/test_alarms.py"
SECOND = "test_second_decider.py"
FOLD = "decision/test_fold.py"
BROWN_OUT = "decision/test_brown_out.py"
DECIDE = "test_decide.py"
FROZEN = "test_frozen.py"
SWITCHING = "activities/test_epoch.py"
SUBMITTING = "submit/test_journal.py"
POLICY = "submit/test_policy.py"
AFTERWARDS = "test_settle_jobs.py"
OUTCOME = "test_one_outcome.py"
STEP_BODIES = "activities/test_steps.py"
WALK = "orchestrators/test_step_walk.py"
PARTITIONS = "test_partitions.py"
LEADING = "decision/test_leadership.py"


class Mutant(NamedTuple):
    """A bug."""

    name: str
    """Begins with the promise that it breaks."""

    old: str
    """One expression, or statements that follow each other."""

    new: str
    found_by: str
    """The end of the path of a test file below ``tests/``."""


def forgotten(rule: str, found_by: str) -> Mutant:
    """A hold that never stands."""
    row = f'Check("hold.{rule}", ANY_check, ANY_ends)'
    return Mutant(f"S3: the hold {rule} is forgotten", row, row.replace("ANY_check", "lambda case: None"), found_by)


MUTANTS = (
    Mutant(
        "S1: a second run while one is under way",
        "state.phase in RUNNING",
        "state.phase is Phase.RESUBMITTING",
        MACHINE,
    ),
    Mutant(
        "S1: a run that was aborted claims its epoch",
        "must_not_be_aborted(found.value, order.run)",
        "None",
        "activities/test_wishes.py",
    ),
    Mutant(
        "S3: a failback goes on to a side that has turned bad",
        "not is_slow or state.target is None or state.run_forced",
        "True",
        "decision/test_failback_relapse.py",
    ),
    Mutant(
        "S3: a drain goes on to a side that has turned bad",
        "state.phase is Phase.RETURNING or state.is_draining",
        "state.phase is Phase.RETURNING",
        "decision/test_drain.py",
    ),
    Mutant(
        "S3: a drain that stood still claims on old evidence",
        "min(now, until) + lifetime",
        "now + lifetime",
        "orchestrators/test_drain.py",
    ),
    Mutant(
        "S5: a drain waits for jobs of a side that has failed",
        "_end_drain(state, view, now, policy)",
        "None",
        "decision/test_drain.py",
    ),
    Mutant(
        "S5: a claim forgets that its run is to wait for no job",
        "_take_over_wish(found.value, order)",
        "None",
        "activities/test_drain.py",
    ),
    Mutant(
        "S1: a run that drains takes the claim of another stamp's run for its own",
        "found.value.epoch != run.epoch - 1",
        "False",
        "activities/test_drain.py",
    ),
    Mutant("S1: the same epoch twice", "epoch = state.epoch + 1", "epoch = max(state.epoch, 1)", MACHINE),
    Mutant("S1: any epoch may follow any other", "epoch != order.epoch - 1", "order.epoch < 0", FROZEN),
    Mutant(
        "S1: what another stamp switched is not taken over",
        "record.epoch <= state.epoch",
        "record.epoch >= state.epoch",
        TWO,
    ),
    Mutant(
        "S1: evidence of the old primary counts for the new one",
        "since <= state.sides_since",
        "since >= 0",
        "decision/test_exchanged_sides.py",
    ),
    Mutant(
        "S2: a run publishes whatever its plan calls the active side",
        "describe_other_hub(plan, record.active, record.place, ANY_who)",
        "None",
        SWITCHING,
    ),
    Mutant(
        "S2: the pointer is written without a condition",
        "ANY_client.set_configuration_setting(ANY_setting, match_condition=ANY_condition, etag=ANY_etag)",
        "ANY_client.set_configuration_setting(ANY_setting)",
        FROZEN,
    ),
    forgotten("paused", MACHINE),
    forgotten("elsewhere", DECIDE),
    forgotten("mass", TWO),
    forgotten("drills", "decision/test_holds.py"),
    forgotten("standby-unseen", DECIDE),
    forgotten("global-settle", ALARMS),
    Mutant(
        "S3: what turned bad after somebody's change is evidence",
        "since is not None and change.at - OPERATION <= since <= change.at + policy.change_window",
        "False",
        SECOND,
    ),
    Mutant("S3: one long fault is a brown-out", "share.spells >= SPELLS", "share.spells >= 1", BROWN_OUT),
    Mutant("S3: a standby that browns out is well", "STANDBY_SHARE = 0.1", "STANDBY_SHARE = 1.1", ALARMS),
    Mutant(
        "S3: the better of two states of one second stands", "2 if bad else ANY_less", "-1 if bad else ANY_less", FOLD
    ),
    Mutant("S3: the cooldown is forgotten", "return ends is None or now >= ends", "return True", MACHINE),
    Mutant(
        "S3: a proposal goes without an answer",
        "approval.granted_by is None",
        "approval.rejected_at is not None",
        MACHINE,
    ),
    Mutant("S4: blind counts as bad", "seen is not Observation.BAD", "seen is Observation.DEGRADED", MACHINE),
    Mutant(
        "S4: blind prolongs a row of bad answers",
        "return _replace(track, at=at, seen=seen, why=why, degraded_at=degraded_at)",
        "return _replace(track, at=at, seen=seen, why=why, bad_at=track.bad_at and at)",
        MACHINE,
    ),
    Mutant(
        "S5: a job is put before it is written down",
        "self._journal.ahead(side, name, body, ANY_version)\nreturn Put(side, name)",
        "return Put(side, name)",
        POLICY,
    ),
    Mutant(
        "S5: a run leaves behind what is being submitted",
        "job.status in {JobStatus.RUNNING, JobStatus.SUBMITTING}",
        "job.status is JobStatus.RUNNING",
        SUBMITTING,
    ),
    Mutant(
        "S5: a submission whose answer was lost is forgotten",
        "(*record.unsure, attempt)",
        "record.unsure",
        OUTCOME,
    ),
    Mutant(
        "S5: an attempt is sent before it is written down",
        "found = Versioned(record, self._ledger.replace(noted, found.etag))",
        "pass",
        "test_overtaken.py",
    ),
    Mutant("S5: a job is left out of its round", "return in_order(found)", "return in_order(found)[1:]", OUTCOME),
    Mutant(
        "S5: a run is stopped although its successor is not there",
        "not goes_on",
        "record.successor is None",
        AFTERWARDS,
    ),
    Mutant(
        "S6: a claim is not found again after a kill",
        "found and (found.value.epoch, found.value.run) == (order.epoch, order.run)",
        "found and order.epoch < 0",
        SWITCHING,
    ),
    Mutant(
        "S7: a claim overwrites what another stamp has claimed",
        "store.replace(order.pair, record, found.etag)",
        "store.replace(order.pair, record, store.read(order.pair).etag)",
        FROZEN,
    ),
    Mutant(
        "S7: a leader that cannot renew goes on after a follower has taken over",
        "take_over_after * LEAD_PART",
        "take_over_after * 2",
        PARTITIONS,
    ),
    Mutant(
        "S7: a lead counts from the answer to its renewal",
        "timedelta(seconds=left)",
        "timedelta(seconds=lead_span(self._take_over_after).total_seconds())",
        PARTITIONS,
    ),
    Mutant(
        "S7: a follower acts",
        "not self.is_ours and not self.leaves_pair",
        "False",
        LEADING,
    ),
    Mutant(
        "L1: a follower waits for a leader that leaves the pair",
        "not is_ours and pair not in record.pairs",
        "False",
        LEADING,
    ),
    Mutant(
        "S8: any run may report",
        "report.run != state.run or not ANY_fits",
        "not ANY_fits",
        MACHINE,
    ),
    Mutant(
        "S8: a step does not ask whether its run still holds the epoch",
        "(found.value.epoch, found.value.run) != (order.epoch, order.run)",
        "order.epoch < 0",
        FROZEN,
    ),
    Mutant(
        "S8: a step of a plan is carried out by a run that was overtaken",
        "read_held_epoch(world, order)\nstep = order.step or kind.shape()",
        "step = order.step or kind.shape()",
        STEP_BODIES,
    ),
    Mutant(
        "S9: an unknown word is a stage",
        "stage = STAGE.get(ANY_word)",
        "stage = STAGE.get(ANY_word, Stage.ACTIVE)",
        "test_unknown_words.py",
    ),
    Mutant(
        "L1: no class is ever bad for long enough",
        "ripe = [c for c in deciding if ANY_verdict.bad_for >= needed]",
        "ripe = [c for c in deciding if ANY_verdict.bad_for > needed * 3]",
        MACHINE,
    ),
    Mutant("L1: a clear outage is one class", "WITNESSES = 2", "WITNESSES = 3", MACHINE),
    Mutant(
        "S5: a step that must not fail is gone on without, and the jobs after it move too early",
        "step.on_error is OnError.CONTINUE",
        "step.on_error in OnError",
        WALK,
    ),
    Mutant(
        "L2: a step's time is never over",
        "first is self._timer and not task.is_complete",
        "False",
        WALK,
    ),
    Mutant("L2: a run waits for its claim for ever", "now > order.claim_by", "now < order.decided_at", SWITCHING),
)

NOT_COMPARED = {"ctx", "type_comment", "kind", "type_params"}
"""Fields of syntax trees that say nothing of the meaning."""

type Found = tuple[Path, list[ast.AST], dict[str, ast.expr]]


def parse_pattern(text: str) -> list[ast.AST]:
    """One expression, or the statements."""
    body = ast.parse(text).body
    only = body[0]
    return [only.value] if len(body) == 1 and isinstance(only, ast.Expr) else list(body)


def matches(pattern: Any, node: Any, bound: dict[str, ast.expr]) -> bool:
    """Whether a syntax tree is like a pattern; what the names with ``ANY_`` stand for is added to ``bound``."""
    if isinstance(pattern, ast.Name) and pattern.id.startswith("ANY_") and isinstance(node, ast.expr):
        return ast.dump(bound.setdefault(pattern.id, node)) == ast.dump(node)
    if isinstance(pattern, ast.AST):
        fields = (name for name in pattern._fields if name not in NOT_COMPARED)
        same = type(pattern) is type(node)
        return same and all(matches(getattr(pattern, name), getattr(node, name), bound) for name in fields)
    if isinstance(pattern, list):
        same = isinstance(node, list) and len(pattern) == len(node)
        return same and all(matches(one, other, bound) for one, other in zip(pattern, node, strict=True))
    return bool(pattern == node)


def spans(tree: ast.AST, length: int, *, of_statements: bool) -> Iterator[list[ast.AST]]:
    """Every expression, or every row of so many statements."""
    for node in ast.walk(tree):
        if not of_statements and isinstance(node, ast.expr):
            yield [node]
        for _, value in ast.iter_fields(node):
            if of_statements and isinstance(value, list):
                for start in range(len(value) - length + 1):
                    yield value[start : start + length]


def places(mutant: Mutant, package: Path) -> list[Found]:
    """Where in a package a bug could be planted."""
    pattern = parse_pattern(mutant.old)
    of_statements = isinstance(pattern[0], ast.stmt)
    found: list[Found] = []
    for path in sorted(package.rglob("*.py")):
        for nodes in spans(parsed(path), len(pattern), of_statements=of_statements):
            bound: dict[str, ast.expr] = {}
            if matches(pattern, nodes, bound):
                found.append((path, nodes, bound))
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


class Filler(ast.NodeTransformer):
    """Puts in what the names with ``ANY_`` stand for."""

    def __init__(self, bound: dict[str, ast.expr]) -> None:
        self._bound = bound

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self._bound.get(node.id, node))


def planted(mutant: Mutant, package: Path) -> tuple[Path, str]:
    """The file in which a bug stands, and its text with the bug.

    Raises:
        LookupError: there is no place for it, or more than one.
    """
    found = places(mutant, package)
    if len(found) != 1:
        where = ", ".join(f"{path.relative_to(package)}:{nodes[0].lineno}" for path, nodes, _ in found)  # type: ignore[attr-defined]
        raise LookupError(f"its place is found {len(found)} times: {where or mutant.old}")
    path, nodes, bound = found[0]
    first: Any = nodes[0]
    last: Any = nodes[-1]
    new = [ast.unparse(Filler(bound).visit(node)) for node in ast.parse(mutant.new).body]
    indent = " " * first.col_offset
    text = f"\n{indent}".join(line for part in new for line in part.splitlines())
    text = text if isinstance(first, ast.stmt) else f"({text})"
    lines = path.read_bytes().splitlines(keepends=True)  # offsets of syntax trees count bytes
    before = b"".join(lines[: first.lineno - 1]) + lines[first.lineno - 1][: first.col_offset]
    after = lines[last.end_lineno - 1][last.end_col_offset :] + b"".join(lines[last.end_lineno :])
    return path, (before + text.encode() + after).decode()


def test_file(mutant: Mutant, tests: Path) -> Path:
    """The file of tests that finds a bug.

    Raises:
        LookupError: there is none of that name, or more than one.
    """
    found = [path for path in tests.rglob("test_*.py") if f"/{path.as_posix()}".endswith(f"/{mutant.found_by}")]
    if len(found) != 1:
        raise LookupError(f"{mutant.found_by} is found {len(found)} times below {tests.name}/")
    return found[0]


def survives(mutant: Mutant) -> str | None:
    """Why a bug went unnoticed; None if the tests found it."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copied_to(Path(folder))
        try:
            path, text = planted(mutant, Path(folder) / "orchestrator")
        except LookupError as fault:
            return str(fault)
        path.write_text(text, encoding="utf-8")
        tests = str(test_file(mutant, ROOT / "tests").relative_to(ROOT))
        status = tested(Path(folder), tests)
        return None if status == 1 else f"{tests} ended with status {status}"


def copied_to(folder: Path) -> None:
    for part in ("orchestrator", "bench", "tests", "function_app.py", "pyproject.toml"):
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / part)


def tested(folder: Path, tests: str) -> int:
    """The exit status of these tests, run in a copy of the tree: 0 green, 1 red."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests]
    environment = os.environ | {
        "HUBSWITCH_SHRINK": "0",
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "tests" / "support")]),
    }
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode


def is_green(tests: str) -> str | None:
    """Why tests are of no use; None if they are green without a bug."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copied_to(Path(folder))
        status = tested(Path(folder), tests)
        return None if status == 0 else f"ended with status {status}"


def main(wanted: list[str]) -> int:
    """Status 1 if a bug survives, or if tests are red without one. Arguments choose bugs by a part of their name."""
    chosen = [m for m in MUTANTS if not wanted or any(part in m.name for part in wanted)]
    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        sound = [
            workers.submit(judged, f"{tests} without a bug", "green", "RED", partial(is_green, tests))
            for tests in dict.fromkeys(str(test_file(m, ROOT / "tests").relative_to(ROOT)) for m in chosen)
        ]
        found = [workers.submit(judged, m.name, "found", "SURVIVED", partial(survives, m)) for m in chosen]
        failed = sum(not job.result() for job in (*sound, *found))
    told(f"{len(chosen)} bugs, {failed} failures, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def judged(name: str, good: str, bad: str, work: Callable[[], str | None]) -> bool:
    """Do the work and tell what came of it: nothing said is good."""
    began = time.monotonic()
    why = work()
    took = f"{time.monotonic() - began:5.1f} s"
    told(f"{bad}  {took}  {name}: {why}" if why else f"{good}  {took}  {name}")
    return why is None


def told(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
