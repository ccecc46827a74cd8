"""Seeded bugs in the decision core and around its runs, each of which the tests must find.

``python tests/mutants.py`` copies the tree, plants one bug in each copy, and runs the tests that are to turn red, on
as many processors as there are. It prints a line per bug with the seconds that it took, and ends with status 1 if
one of them goes unnoticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
MACHINE = "tests/core/decision/test_machine.py"
TWO = "tests/core/decision/test_machine_of_two.py"
BOUNDS = "tests/core/decision/test_bounds.py"
DUMB = "tests/core/decision/test_second_decider.py"
REPORTS = "tests/core/decision/test_run_reports.py"
HOLDS = "tests/core/decision/test_holds.py"
FROZEN = "tests/crash/test_frozen.py"
SUBMITTING = "tests/submit/test_journal.py"
POLICY = "tests/submit/test_policy.py"
AFTERWARDS = "tests/workflows/activities/test_settle_jobs.py"
OUTCOME = "tests/workflows/activities/test_one_outcome.py"


class Mutant(NamedTuple):
    """A bug: what is changed where, and which promise or test finds it."""

    name: str
    file: str
    old: str
    new: str
    found_by: str


MUTANTS = (
    Mutant(
        "S1: a second run while one is under way",
        "core/decision/decide.py",
        "    if state.phase in RUNNING:\n",
        "    if state.phase is Phase.RESUBMITTING:\n",
        MACHINE,
    ),
    Mutant(
        "S1: the same epoch twice",
        "core/decision/run_reports.py",
        "epoch = state.epoch + 1",
        "epoch = max(state.epoch, 1)",
        MACHINE,
    ),
    Mutant("S3: a pause is forgotten", "core/decision/holds.py", '    ("hold.paused", paused),\n', "", MACHINE),
    Mutant(
        "S3: the cooldown is forgotten",
        "core/decision/decide.py",
        "return ends is None or now >= ends",
        "return True",
        MACHINE,
    ),
    Mutant("S3: elsewhere is forgotten", "core/decision/holds.py", '    ("hold.elsewhere", elsewhere),\n', "", MACHINE),
    Mutant(
        "S3: a worldwide notice is forgotten",
        "core/decision/holds.py",
        '    ("hold.global-notice", global_notice),\n',
        "",
        MACHINE,
    ),
    Mutant("S3: a deletion is forgotten", "core/decision/holds.py", '    ("hold.deleted", deleted),\n', "", MACHINE),
    Mutant(
        "S3: a proposal goes without an answer",
        "core/decision/decide.py",
        "if approval.granted_by is None:",
        "if approval.rejected_at is not None:",
        MACHINE,
    ),
    Mutant(
        "S4: blind prolongs a row of bad answers",
        "core/decision/fold.py",
        "        return _replace(track, at=at, seen=seen, why=why)\n",
        "        return _replace(track, at=at, seen=seen, why=why, bad_at=track.bad_at and at)\n",
        MACHINE,
    ),
    Mutant(
        "S4: blind counts as bad",
        "core/decision/fold.py",
        "if seen is not Observation.BAD:",
        "if seen is Observation.DEGRADED:",
        MACHINE,
    ),
    Mutant(
        "S8: any run may report",
        "core/decision/run_reports.py",
        "if report.run != state.run or not _fits",
        "if not _fits",
        MACHINE,
    ),
    Mutant(
        "S1: what others switched is not taken over",
        "core/decision/run_reports.py",
        "if record.epoch <= state.epoch or state.run is not None:",
        "if record.epoch >= state.epoch or state.run is not None:",
        TWO,
    ),
    Mutant(
        "S1: what others switched ends a run under way",
        "core/decision/run_reports.py",
        "if record.epoch <= state.epoch or state.run is not None:",
        "if record.epoch <= state.epoch:",
        TWO,
    ),
    Mutant(
        "S1: what others switched leaves the side as it was",
        "core/decision/run_reports.py",
        "after = _superseded(state, record.epoch, record.active,",
        "after = _superseded(state, record.epoch, state.active,",
        TWO,
    ),
    Mutant(
        "S1: a record that went back is believed",
        "core/decision/observation.py",
        "    if record is None or record.epoch > state.epoch:\n        return None\n    if began",
        "    if record is None or record.epoch != state.epoch:\n        return None\n    if began",
        TWO,
    ),
    Mutant(
        "S3: a switch of the other stamp begins no cooldown",
        "core/decision/run_reports.py",
        "        switched_at=now,\n        acknowledged=False,\n        attempts=0,\n        failed_at=None,\n"
        "        suspects=(),\n        approval=None,",
        "        switched_at=now,\n        attempts=0,\n        failed_at=None,\n"
        "        suspects=(),\n        approval=None,",
        TWO,
    ),
    Mutant("S3: a mass event is forgotten", "core/decision/holds.py", '    ("hold.mass", mass),\n', "", TWO),
    Mutant("S3: trouble is forgotten", "core/decision/holds.py", '    ("hold.trouble", trouble),\n', "", TWO),
    Mutant(
        "S1: a run that failed is begun again under its old name",
        "core/decision/run_reports.py",
        'changes |= {"attempts": state.attempts + 1, "failed_at": now}',
        'changes |= {"failed_at": now}',
        TWO,
    ),
    Mutant(
        "S8: a report fits in any phase",
        "core/decision/run_reports.py",
        "moving and report.epoch == state.epoch + 1 and",
        "",
        REPORTS,
    ),
    Mutant(
        "memory: texts are cut by characters",
        "core/base/text.py",
        "    if size <= limit:\n        return text\n",
        "    if len(text) <= limit or size:\n        return text[:limit]\n",
        BOUNDS,
    ),
    Mutant(
        "memory: nothing bounds what was reported",
        "core/decision/fold.py",
        "reported=rationed(draft.reported, REPORTED_LIMIT, lambda item: _use_of_statement(item, now, policy)),",
        "reported=draft.reported,",
        BOUNDS,
    ),
    Mutant(
        "memory: many incidents push out what holds",
        "core/decision/fold.py",
        "return is_open(item, now, policy), item.everywhere, item.ours, item.used, item.named",
        "return (is_open(item, now, policy),)",
        "tests/core/decision/test_storms.py",
    ),
    Mutant(
        "memory: many alerts push out the other side's",
        "core/decision/fold.py",
        'return lives, item.bad, item.role, item.evidence_class, item.surface or ""',
        "return lives, item.bad",
        "tests/core/decision/test_storms.py",
    ),
    Mutant(
        "an unknown word is a stage",
        "core/signals/service_health.py",
        'STAGE.get(word(pick(properties, "stage")) or status)',
        'STAGE.get(word(pick(properties, "stage")) or status, Stage.ACTIVE)',
        "tests/core/signals/test_unknown_words.py",
    ),
    Mutant(
        "a plan is not asked for what lies inside its resources",
        "core/signals/routing.py",
        """        found: tuple[Plan, ...] = ()
        for place in within(resource):""",
        """        found: tuple[Plan, ...] = ()
        for place in (resource,):""",
        "tests/core/signals/test_plan_index.py",
    ),
    Mutant("L1: nothing is ever ripe", "core/decision/rule.py", "bad_for >= needed]", "bad_for > needed * 3]", MACHINE),
    Mutant("L1: a clear outage is one class", "core/decision/rule.py", "WITNESSES = 2", "WITNESSES = 3", MACHINE),
    Mutant(
        "blind breaks a row",
        "core/decision/fold.py",
        "return _replace(track, at=at, seen=seen, why=why)",
        "return Track(at=at, seen=seen, why=why)",
        DUMB,
    ),
    Mutant(
        "a row outlives its lifetime",
        "core/decision/fold.py",
        "at - track.bad_at <= lifetime",
        "at >= track.bad_at",
        DUMB,
    ),
    Mutant(
        "a class forgets what touched it",
        "core/decision/verdicts.py",
        "last.since < since <= last.until",
        "since < last.since",
        DUMB,
    ),
    Mutant(
        "a good answer outdoes nothing",
        "core/decision/verdicts.py",
        "return bool(speaks and track",
        "return bool(not speaks and track",
        DUMB,
    ),
    Mutant(
        "identity is no eye",
        "core/decision/fold.py",
        "if role is None or surface is Surface.IDENTITY:",
        "if role is None or surface:",
        DUMB,
    ),
    Mutant(
        "a notice shortens nothing",
        "core/decision/rule.py",
        "if declared else policy.confirm_after",
        "if not declared else policy.confirm_after",
        DUMB,
    ),
    Mutant(
        "one model route moves the hub",
        "core/decision/rule.py",
        "if EvidenceClass.INFERENCE in deciding and",
        "if not deciding and",
        DUMB,
    ),
    Mutant(
        "bad is two in a row",
        "core/decision/verdicts.py",
        "track.bads >= policy.bad_after",
        "track.bads >= policy.bad_after - 1",
        DUMB,
    ),
    Mutant(
        "flaky is well",
        "core/decision/verdicts.py",
        "if track.oks < policy.bad_after:",
        "if track.oks < 1:",
        "tests/core/decision/test_fold.py",
    ),
    Mutant(
        "blind does not pause the way back",
        "core/decision/verdicts.py",
        "if track.seen is not Observation.OK or",
        "if",
        "tests/core/decision/test_commands.py",
    ),
    Mutant(
        "an unseen standby is good enough",
        "core/decision/holds.py",
        ', ("hold.standby-unseen", standby_unseen)',
        "",
        "tests/core/decision/test_decide.py",
    ),
    Mutant(
        "half of all pairs is too many",
        "core/decision/holds.py",
        "moving <= case.policy.mass_limit",
        "moving < case.policy.mass_limit",
        "tests/core/decision/test_decide.py",
    ),
    *(
        Mutant(
            f"S3: the hold {rule} is forgotten", "core/decision/holds.py", f'    ("hold.{rule}", {check}),\n', "", HOLDS
        )
        for rule, check in (
            ("paused-all", "everything_paused"),
            ("own-region", "own_region"),
            ("identity", "identity"),
            ("other-stamp", "other_stamp"),
            ("drills", "drills"),
        )
    ),
    Mutant(
        "S3: a blind spell is forgotten",
        "core/decision/holds.py",
        '    ("hold.blind-spell", blind_spell),\n',
        "",
        MACHINE,
    ),
    Mutant(
        "S3: a blackout is forgotten",
        "core/decision/holds.py",
        '    ("hold.blackout", blackout),\n',
        "",
        "tests/core/plan/test_windows.py",
    ),
    Mutant(
        "a window follows no clock but UTC",
        "core/plan/windows.py",
        "at.replace(tzinfo=zone)",
        "at.replace(tzinfo=UTC)",
        "tests/core/plan/test_windows.py",
    ),
    Mutant(
        "an old drill counts for ever", "core/decision/stamps.py", "now - at <= policy.drill_age", "bool(at)", HOLDS
    ),
    Mutant(
        "a slow look undoes a pause",
        "core/decision/observation.py",
        "known is None or record.at > known",
        "bool(record)",
        HOLDS,
    ),
    Mutant(
        "a slow look contradicts a switch",
        "core/decision/observation.py",
        "began <= state.switched_at",
        "began is None",
        HOLDS,
    ),
    Mutant(
        "S1: an epoch is claimed whatever the record says",
        "workflows/activities/epoch.py",
        "    _must_follow(found, order)\n    now",
        "    now",
        FROZEN,
    ),
    Mutant(
        "S2: the pointer is written without a condition",
        "adapters/stores/pointer.py",
        "set_configuration_setting(setting, match_condition=condition, etag=etag)",
        "set_configuration_setting(setting)",
        FROZEN,
    ),
    Mutant(
        "S8: a step does not ask whether its run still holds the epoch",
        "workflows/activities/epoch.py",
        "    if (found.value.epoch, found.value.run) != (order.epoch, order.run):\n        holder",
        "    if order.epoch < 0:\n        holder",
        FROZEN,
    ),
    Mutant(
        "S5: a job is put before it is written down",
        "adapters/hub/submission_policy.py",
        'self._journal.ahead(side, name, body, parse_qs(url.query).get("api-version", [""])[0])',
        "del body",
        POLICY,
    ),
    Mutant(
        "S5: a run leaves behind what is being submitted",
        "core/jobs/record.py",
        "{JobStatus.RUNNING, JobStatus.SUBMITTING}",
        "{JobStatus.RUNNING}",
        SUBMITTING,
    ),
    Mutant(
        "S5: a submission that may still arrive is given up",
        "core/jobs/record_changes.py",
        "now - record.captured_at > GRACE",
        "now > record.captured_at",
        SUBMITTING,
    ),
    Mutant(
        "S5: a name goes to both hubs",
        "core/jobs/record_changes.py",
        "record.hub is not side and record.status",
        "record.hub is side and record.status",
        SUBMITTING,
    ),
    Mutant(
        "S5: a ledger that is away stops a user's work",
        "adapters/hub/submission_policy.py",
        '            if self._strict:\n                raise NotNow(f"not',
        '            if not self._strict:\n                raise NotNow(f"not',
        POLICY,
    ),
    Mutant(
        "S5: an ordered failover stops nothing",
        "core/jobs/next_move.py",
        "if facts.which is Try.AGAIN or facts.ordered:",
        "if facts.which is Try.AGAIN:",
        AFTERWARDS,
    ),
    Mutant(
        "S5: a run is stopped although its successor is not there",
        "core/jobs/next_move.py",
        "if not goes_on:",
        "if record.successor is None:",
        AFTERWARDS,
    ),
    Mutant(
        "S5: a submission whose answer was lost is forgotten",
        "core/jobs/record_changes.py",
        "unsure = record.unsure if attempt in record.unsure else (*record.unsure, attempt)",
        "unsure = ()",
        OUTCOME,
    ),
    Mutant(
        "S5: a job is left out of its round",
        "workflows/activities/resubmit_jobs.py",
        "return in_order(found)",
        "return in_order(found)[1:]",
        OUTCOME,
    ),
)


def survives(mutant: Mutant) -> str | None:
    """Why a bug went unnoticed; None if the tests found it."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copied_to(Path(folder))
        path = Path(folder) / "orchestrator" / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            return f"its place is found {text.count(mutant.old)} times in {mutant.file}"
        path.write_text(text.replace(mutant.old, mutant.new))
        status = tested(Path(folder), mutant.found_by)
        return None if status == 1 else f"{mutant.found_by} ended with status {status}"


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
            for tests in dict.fromkeys(mutant.found_by for mutant in chosen)
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
