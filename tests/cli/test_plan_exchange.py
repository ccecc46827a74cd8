"""The secondary becomes the primary for good: all of it, or what holds and says how to go on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from crash_harness import Bench, Visit, order_of
from ran import Ran, run_here
from waiting import until

from orchestrator.adapters.stores.ledger import PROJECT
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.observation import Observed
from orchestrator.core.epoch import EpochRecord, PointerValue
from orchestrator.core.jobs.record import JobStatus, OldRun
from orchestrator.core.ledger_paths import summary_path
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Plan
from orchestrator.local.simulated_plan import yaml_of
from orchestrator.ports import World
from orchestrator.watch.look import look
from orchestrator.watch.stamps import Surroundings
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.activities.epoch import claim_epoch, publish_pointer

NOTE = "# the pair of the vision team\n"


class Pair(NamedTuple):
    """A pair with its plan in a folder of its own."""

    visit: Visit
    file: Path
    before: str

    @property
    def plan(self) -> Plan:
        return self.visit.plan

    def record(self) -> EpochRecord:
        found = self.visit.world.epochs[self.visit.pair].read(self.visit.pair)
        assert found is not None
        return found.value

    def pointer(self) -> PointerValue | None:
        return self.visit.world.pointers[self.visit.pair].snapshot(self.visit.pair).value

    def stored(self) -> dict[str, str]:
        """Everything of this pair in ledger and pointer, by path and key, with the version of each."""
        container = self.visit.world.ledgers[self.visit.pair]._container  # type: ignore[attr-defined]
        blobs = {blob.name: blob.etag for blob in container.listed(f"{self.visit.pair}/")}
        return blobs | dict(self.visit.world.pointers[self.visit.pair].snapshot(self.visit.pair).etags)


def away(bench: Bench, tmp_path: Path, **fields: Any) -> Pair:
    """Its secondary is active since epoch 1, and the run that brought it there has ended."""
    visit = bench.visit(**fields)
    order = order_of(visit, 1)
    claim_epoch(visit.world, order)
    publish_pointer(visit.world, order)
    visit.world.ledgers[visit.pair].put_once(summary_path(visit.pair, order.run), b"{}")
    return placed(visit, tmp_path)


def placed(visit: Visit, tmp_path: Path) -> Pair:
    file = tmp_path / "plan.yaml"
    before = NOTE + yaml_of(visit.plan)
    file.write_text(before, encoding="utf-8")
    return Pair(visit, file, before)


type Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run(pair, "--yes")``: the command for a pair's plan."""

    def start(pair: Pair, *more: str, reason: str = "the region is full") -> Ran:
        return run_here(capsys, "plan", "exchange", str(pair.file), "--by", "ana", "--reason", reason, *more)

    return start


def world_of(pair: Pair, plan: Plan) -> World:
    """The ports of an app that has been deployed with that plan."""
    from orchestrator.adapters.assembly import assemble
    from orchestrator.clock import SystemClock

    return assemble(pair.visit.bench.settings, {plan.pair: plan}, SystemClock())


def seen_by(pair: Pair, plan: Plan) -> Observed:
    """One look of an app that has been deployed with that plan."""
    world = world_of(pair, plan)

    async def look_once() -> Observed:
        try:
            return await look(world, plan, Surroundings(world, "test"), published=1)
        finally:
            await world.probes.aclose()

    return asyncio.run(look_once())


def assert_exchanged(pair: Pair) -> None:
    """File, epoch record, pointer and job records agree, and an app with the new plan has no trouble."""
    plan = plan_from(pair.file.read_text(encoding="utf-8"), "plan")
    assert (plan.primary, plan.secondary) == (pair.plan.secondary, pair.plan.primary)
    assert pair.file.read_text(encoding="utf-8").startswith(NOTE)
    record, shown = pair.record(), pair.pointer()
    assert shown is not None
    assert (record.epoch, record.active, record.run, record.sides_since) == (2, Role.PRIMARY, None, 2)
    assert record.why == "ana exchanged primary and secondary: the region is full"
    assert (shown.epoch, shown.active, shown.project) == (2, Role.PRIMARY, plan.primary.project)
    assert shown.endpoint == plan.primary.api
    seen = seen_by(pair, plan)
    assert (seen.trouble, seen.record) == (None, record)
    jobs = list(world_of(pair, plan).ledgers[plan.pair].summaries(plan.pair))
    assert {job.hub for job in jobs} == {Role.SECONDARY}
    assert not list(pair.file.parent.glob(".*"))


def assert_untouched(pair: Pair, before: dict[str, str]) -> None:
    """Not a blob, not a key, not a letter."""
    assert pair.stored() == before
    assert pair.file.read_text(encoding="utf-8") == pair.before
    assert [path.name for path in pair.file.parent.iterdir()] == [pair.file.name]


def test_without_yes_it_says_what_it_would_do_and_does_nothing(bench: Bench, tmp_path: Path, run: Run) -> None:
    """Status 3: a person has to decide."""
    pair = away(bench, tmp_path)
    before = pair.stored()
    ran = run(pair)
    assert (ran.status, ran.err) == (3, "")
    assert f"primary: {pair.plan.secondary.project} in {pair.plan.secondary.region}" in ran.out
    assert ran.out.rstrip().endswith("nothing was written; give --yes to do it")
    assert_untouched(pair, before)


def test_the_sides_are_exchanged_in_file_and_stores(bench: Bench, tmp_path: Path, run: Run) -> None:
    """And an app that still has the old plan holds and says so, until it has the new one."""
    pair = away(bench, tmp_path)
    ran = run(pair, "--yes", "--pair", pair.visit.pair)
    assert (ran.status, ran.err) == (0, "")
    assert f"deploy {pair.file} now" in ran.out
    assert_exchanged(pair)
    (entry,) = audit_log.newest(pair.visit.world.ledgers[pair.visit.pair], pair.visit.pair, 9)
    assert (entry.kind, entry.details["do"]) == ("order", "exchange")
    assert (entry.who, entry.details["reason"]) == ("ana", "the region is full")
    seen = seen_by(pair, pair.plan)
    assert (seen.record, "exchanged" in str(seen.trouble)) == (None, True)


def test_a_second_time_there_is_nothing_to_do(bench: Bench, tmp_path: Path, run: Run) -> None:
    """The command may be given again by somebody who does not know whether it ended."""
    pair = away(bench, tmp_path)
    assert run(pair, "--yes").status == 0
    before, text = pair.stored(), pair.file.read_text(encoding="utf-8")
    ran = run(pair, "--yes", "--json")
    assert (ran.status, json.loads(ran.out)["was"]) == (0, "done")
    assert (pair.stored(), pair.file.read_text(encoding="utf-8")) == (before, text)


def _old_job(pair: Pair) -> str:
    """A record as versions wrote it that did not name projects."""
    container = pair.visit.world.ledgers[pair.visit.pair]._container  # type: ignore[attr-defined]
    path = f"{pair.visit.pair}/jobs/{pair.visit.pair}-{next(iter(pair.visit.bench.templates.bodies))}-primary.json"
    blob = container.read(path)
    kept = {name: value for name, value in blob.metadata.items() if name != PROJECT}
    container.replace(path, blob.data, blob.etag, kept)
    return path


WRITES = {
    "a job record": ("ledger", r"/jobs/[^/]*\.json"),
    "the note": ("ledger", r"/exchanges/e2\.json"),
    "the epoch record": ("ledger", r"/epoch\.json"),
    "a plain key": ("appconfig", r":project"),
    "the pointer": ("appconfig", r":active"),
    "the sentinel": ("appconfig", r":epoch"),
}
ONCE_BEGUN = ("a plain key", "the pointer", "the sentinel")


@pytest.mark.parametrize("write", WRITES)
def test_killed_before_any_write_it_holds_or_has_done_nothing_and_goes_on(
    bench: Bench, tmp_path: Path, run: Run, write: str
) -> None:
    """SIGKILL while Azure has the request and has not carried it out: all before it is done, nothing after it."""
    pair = away(bench, tmp_path)
    _old_job(pair)
    surface, path = WRITES[write]
    bench.azure.faults.set(None, surface, "hang", method="PUT", path=path)
    command = [sys.executable, "-m", "orchestrator", "plan", "exchange", str(pair.file), "--yes"]
    process = subprocess.Popen(
        [*command, "--by", "ana", "--reason", "the region is full"],
        env={**os.environ, **bench.azure.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: any(fault["met"] for fault in bench.azure.faults.listed()), f"the request for {write}")
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
        bench.azure.faults.clear()
    assert pair.file.read_text(encoding="utf-8") == pair.before
    seen, shown = seen_by(pair, pair.plan), pair.pointer()
    assert shown is not None
    assert shown.project == pair.plan.secondary.project  # whatever was cut short, clients are sent to the same hub
    if write in ONCE_BEGUN:
        assert "primary and secondary exchanged" in str(seen.trouble)
        assert seen.record is None
    else:
        assert (seen.trouble, seen.record) == (None, pair.record())
        assert pair.record().epoch == 1
    for left in pair.file.parent.glob(".*"):
        left.unlink()
    again = run(pair, "--yes")
    assert (again.status, again.err) == (0, "")
    assert_exchanged(pair)


def test_cut_short_after_the_last_key_the_file_is_still_rewritten(bench: Bench, tmp_path: Path, run: Run) -> None:
    """The answer to the last write is lost: whatever the command makes of it, given again it ends."""
    pair = away(bench, tmp_path)
    bench.azure.faults.set(None, "appconfig", "lost-answer", method="PUT", path=":epoch")
    try:
        first = run(pair, "--yes")
    finally:
        bench.azure.faults.clear()
    assert first.status == 1
    assert len(first.err.splitlines()) == 1
    assert pair.file.read_text(encoding="utf-8") == pair.before
    assert run(pair, "--yes").status == 0
    assert_exchanged(pair)


@pytest.mark.parametrize("more", [(), ("--yes",)], ids=["asked", "ordered"])
def test_a_login_that_may_not_write_the_pointer_changes_nothing(
    bench: Bench, tmp_path: Path, run: Run, more: tuple[str, ...]
) -> None:
    """Once the epoch record says so, the pair holds until the pointer does, too: so that is found out before."""
    pair = away(bench, tmp_path)
    before = pair.stored()
    bench.azure.faults.set(None, "appconfig", "403", method="PUT")
    try:
        ran = run(pair, *more)
    finally:
        bench.azure.faults.clear()
    assert (ran.status, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert "answered 403" in ran.err
    assert_untouched(pair, before)


def _primary_is_active(pair: Pair) -> None:
    visit = pair.visit
    order = order_of(visit, 2)
    claim_epoch(visit.world, order)
    publish_pointer(visit.world, order)


def _run_is_under_way(pair: Pair) -> None:
    pair.visit.world.ledgers[pair.visit.pair].drop(summary_path(pair.visit.pair, order_of(pair.visit, 1).run))


def _switched_and_not_published(pair: Pair) -> None:
    world, order = pair.visit.world, order_of(pair.visit, 1)
    store = world.epochs[pair.visit.pair]
    found = store.read(pair.visit.pair)
    assert found is not None
    store.replace(pair.visit.pair, msgspec.structs.replace(found.value, epoch=3, run=None), found.etag)
    del order


def _record_of_an_older_version(pair: Pair) -> None:
    store = pair.visit.world.epochs[pair.visit.pair]
    found = store.read(pair.visit.pair)
    assert found is not None
    store.replace(pair.visit.pair, msgspec.structs.replace(found.value, place=None), found.etag)


def _job(**changes: Any) -> Callable[[Pair], None]:
    def change(pair: Pair) -> None:
        ledger = pair.visit.world.ledgers[pair.visit.pair]
        name = next(iter(ledger.summaries(pair.visit.pair))).name
        found = ledger.read(pair.visit.pair, name)
        assert found is not None
        ledger.replace(msgspec.structs.replace(found.value, **changes), found.etag)

    return change


def _exchanged_by_hand(pair: Pair) -> None:
    plan = msgspec.structs.replace(pair.plan, primary=pair.plan.secondary, secondary=pair.plan.primary)
    pair.file.write_text(yaml_of(plan), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_primary_is_active, "is active"),
        (_run_is_under_way, "is under way"),
        (_switched_and_not_published, "shows epoch 1, the epoch record says 3"),
        (_record_of_an_older_version, "does not say which hub it means"),
        (_job(status=JobStatus.SUBMITTING), "(submitting)"),
        (_job(status=JobStatus.WAITING), "(waiting)"),
        (_job(status=JobStatus.RESUBMITTED), "(its old run was not accounted for)"),
        (_job(status=JobStatus.RESUBMITTED, old_run=OldRun.STOPPING), "(its old run was not accounted for)"),
        (_exchanged_by_hand, "primary and secondary exchanged"),
    ],
    ids=lambda given: getattr(given, "__name__", None),
)
def test_what_is_not_at_rest_is_refused(
    bench: Bench, tmp_path: Path, run: Run, spoil: Callable[[Pair], None], why: str
) -> None:
    """One line that says why, status 1, and nothing has changed."""
    pair = away(bench, tmp_path)
    spoil(pair)
    pair = pair._replace(before=pair.file.read_text(encoding="utf-8"))
    before = pair.stored()
    ran = run(pair, "--yes")
    assert (ran.status, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert why in ran.err
    assert_untouched(pair, before)


def test_a_pair_that_nobody_has_looked_at_is_refused(bench: Bench, tmp_path: Path, run: Run) -> None:
    """There is nothing to exchange in the stores: the plan can be written as it is wanted."""
    pair = placed(bench.visit(), tmp_path)
    plan = msgspec.structs.replace(pair.plan, pair="unseen")
    pair.file.write_text(yaml_of(plan), encoding="utf-8")
    ran = run(pair, "--yes")
    assert (ran.status, ran.err) == (1, "unseen has no epoch record: the app has to look at it first\n")


def test_a_switch_that_comes_in_between_wins(bench: Bench, tmp_path: Path, run: Run) -> None:
    """The epoch record is written only over what was read: here it is held back while somebody else claims."""
    pair = away(bench, tmp_path)
    bench.azure.faults.set(None, "ledger", "slow", delay=6.0, times=1, method="PUT", path=r"/exchanges/e2\.json")
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(run, pair, "--yes")
        # One reading of the list: a fault that was met goes out of it.
        until(lambda: all(fault["met"] for fault in bench.azure.faults.listed()), "the note")
        _primary_is_active(pair)
        ran = ended.result()
    assert (ran.status, ran.err) == (1, f"somebody has switched {pair.visit.pair} meanwhile; nothing was exchanged\n")
    assert (pair.record().epoch, pair.record().active) == (2, Role.PRIMARY)
    assert pair.record().place is not None
    assert pair.record().sides_since == 0
    assert pair.file.read_text(encoding="utf-8") == pair.before


@pytest.mark.parametrize(
    ("text", "more", "why"),
    [
        ("nonsense: [", (), "expected a YAML document"),
        ("{}", (), "expected the number 1"),
        (None, ("--pair", "another"), "pair: expected another"),
        (None, ("--set", "canary"), "--set: expected FIELD=VALUE"),
        (None, ("--set", "policy.mode=auto"), "policy.mode: expected one of the fields that are exchanged"),
    ],
)
def test_input_that_cannot_be_used_is_refused(
    bench: Bench, tmp_path: Path, run: Run, text: str | None, more: tuple[str, ...], why: str
) -> None:
    """One line with file and field, status 2, and nothing has changed."""
    pair = away(bench, tmp_path)
    if text is not None:
        pair.file.write_text(text, encoding="utf-8")
        pair = pair._replace(before=text)
    before = pair.stored()
    ran = run(pair, "--yes", *more)
    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert why in ran.err
    assert_untouched(pair, before)


def test_a_standby_that_another_pair_shares_does_not_become_a_primary(bench: Bench, tmp_path: Path, run: Run) -> None:
    """The app would refuse to start with the two plans."""
    pair = away(bench, tmp_path)
    third = msgspec.structs.replace(pair.plan.primary, project="third")
    other = msgspec.structs.replace(pair.plan, pair="other", primary=third)
    (tmp_path / "other.yaml").write_text(yaml_of(other), encoding="utf-8")
    ran = run(pair, "--yes")
    assert (ran.status, pair.record().epoch) == (2, 1)
    assert "expected a project that is no other pair's primary" in ran.err


def test_a_file_that_cannot_be_replaced_is_found_out_before_anything_is_written(
    bench: Bench, tmp_path: Path, run: Run
) -> None:
    """A folder that is read-only must not leave the pair on hold."""
    pair = away(bench, tmp_path)
    before = pair.stored()
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    try:
        ran = run(pair, "--yes")
    finally:
        tmp_path.chmod(0o700)
    assert (ran.status, "a file that can be replaced" in ran.err) == (2, True)
    assert_untouched(pair, before)
