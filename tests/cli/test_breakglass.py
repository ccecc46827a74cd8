"""A pair is shown and switched from a person's machine: by the epoch's rules, each job once, with no app about."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import crash_harness
import pytest
from crash_harness import Bench, Visit, order_of
from ran import Ran, run_here
from waiting import until

from orchestrator.audit.past_runs import list_past_runs
from orchestrator.core.base.codec import decode, encode
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.decision_log import KeptPage
from orchestrator.core.epoch import EpochRecord, PointerValue
from orchestrator.core.ledger_paths import summary_path
from orchestrator.local.simulated_plan import yaml_of
from orchestrator.standby.breakglass import HandOrder, order_by_hand
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.activities.decision_log import page_path
from orchestrator.workflows.activities.epoch import claim_epoch, publish_pointer
from orchestrator.workflows.messages import Milestones, RunKind, RunSummary, order_again

T = datetime(2026, 3, 1, 4, 45, tzinfo=UTC)
THERE = ("--to", "secondary", "--reason", "the region is gone", "--by", "ana", "--bad-since", "2020-01-01T00:00:00Z")


class Pair(NamedTuple):
    """A pair with its plan in a file."""

    visit: Visit
    file: Path

    def record(self) -> EpochRecord:
        found = self.visit.world.epochs[self.visit.pair].read(self.visit.pair)
        assert found is not None
        return found.value

    def pointer(self) -> PointerValue:
        value = self.visit.world.pointers[self.visit.pair].snapshot(self.visit.pair).value
        assert value is not None
        return value

    def jobs(self) -> dict[str, str]:
        """What the ledger says of the jobs of the primary, by the kind of each."""
        found = self.visit.world.ledgers[self.visit.pair].summaries(self.visit.pair)
        return {job.name.split("-")[1]: str(job.status) for job in found if job.hub is Role.PRIMARY}

    def submitted(self) -> list[str]:
        """Jobs of the pair that the simulated Azure was given since, in both hubs."""
        return sorted(job.name for job in self.visit.bench.azure.truth.jobs() if job.name.startswith(self.visit.pair))

    def decisions(self) -> list[str]:
        found = self.visit.world.ledgers[self.visit.pair].page(page_path(self.visit.pair))
        return [kept.why for kept in decode(found.value, KeptPage, "page").changes] if found else []


type Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The primary's region is down."""
    with crash_harness.bench(tmp_path_factory.mktemp("plans"), primary_down=True) as made:
        yield made


@pytest.fixture
def pair(bench: Bench, tmp_path: Path) -> Pair:
    """A pair that the app has looked at once; its primary is active, and down, with three jobs."""
    visit = bench.visit()
    file = tmp_path / "plan.yaml"
    file.write_text(yaml_of(visit.plan), encoding="utf-8")
    return Pair(visit, file)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run(pair, "--yes")``: the command for a pair's plan."""

    def start(pair: Pair, *more: str) -> Ran:
        return run_here(capsys, "breakglass", str(pair.file), *more)

    return start


def assert_moved(pair: Pair) -> None:
    """Pointer and epoch record agree on the secondary; each job that may move has one successor."""
    record, shown = pair.record(), pair.pointer()
    assert (record.epoch, record.active, record.run) == (1, Role.SECONDARY, f"failover-{pair.visit.pair}-e1-by-hand")
    assert (shown.epoch, shown.active, shown.run) == (1, Role.SECONDARY, record.run)
    assert pair.jobs() == {"plain": "resubmitted", "coded": "resubmitted", "never": "skipped"}
    assert len(pair.submitted()) == 2
    assert pair.decisions() == ["ana switched by hand, without the app: the region is gone"]


def test_it_shows_the_pair_and_writes_nothing(pair: Pair, run: Run) -> None:
    """Epoch, pointer, jobs, and what this machine sees of both sides."""
    before = pair.record()
    ran = run(pair, "--json")
    said = json.loads(ran.out)
    assert (ran.status, said["record"]["epoch"], said["pointer"]["active"]) == (0, 0, "primary")
    assert said["jobs"]["primary"] == {"running": 3}
    assert said["sides"]["primary.hub"].startswith("bad")
    assert said["sides"]["secondary.hub"].startswith("ok")
    assert said["trouble"] == []
    plain = run(pair)
    assert "to make the secondary active: --to secondary" in plain.out
    assert pair.record() == before


def test_without_yes_it_says_what_it_would_do(pair: Pair, run: Run) -> None:
    """Status 3: a person has to decide."""
    before = pair.record()
    ran = run(pair, *THERE)
    assert (ran.status, ran.err) == (3, "")
    assert "nothing was written" in ran.out
    assert (pair.record(), pair.submitted()) == (before, [])


def test_a_login_that_may_not_write_the_pointer_claims_no_epoch(pair: Pair, run: Run) -> None:
    """An epoch that is claimed and not published would be a switch that nobody follows."""
    before = pair.record()
    faults = pair.visit.bench.azure.faults
    faults.set(None, "appconfig", "403", method="PUT")
    try:
        ran = run(pair, *THERE, "--yes")
    finally:
        faults.clear(None, "appconfig")
    assert (ran.status, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert "answered 403" in ran.err
    assert (pair.record(), pair.pointer().active, pair.decisions()) == (before, "primary", [])
    assert run(pair, *THERE, "--yes").status == 0
    assert_moved(pair)


def test_it_switches_and_moves_each_job_once(pair: Pair, run: Run) -> None:
    """Given again it finds everything done."""
    ran = run(pair, *THERE, "--yes", "--json")
    assert (ran.status, json.loads(ran.out)["moved"]["resubmitted"]) == (0, 2)
    assert_moved(pair)
    before = pair.record()
    assert run(pair, *THERE, "--yes").status == 0
    assert pair.record() == before
    assert_moved(pair)


def test_who_switched_is_in_the_audit_log_once(pair: Pair, run: Run) -> None:
    """However often the command is given for the same run."""
    for _ in range(2):
        assert run(pair, *THERE, "--yes").status == 0
    (entry,) = audit_log.newest(pair.visit.world.ledgers[pair.visit.pair], pair.visit.pair, 10)
    assert (entry.kind, entry.who, entry.details["reason"]) == ("order", "ana", "the region is gone")
    assert entry.details["run"] == pair.record().run


def test_an_audit_log_that_is_broken_keeps_nobody_from_switching(pair: Pair, run: Run) -> None:
    """It is told, and left as it is."""
    pair.visit.world.ledgers[pair.visit.pair].put_once(f"{pair.visit.pair}/audit/00000001.jsonl", b"by hand\n")
    ran = run(pair, *THERE, "--yes")
    assert (ran.status, "not noted in the audit log" in ran.err) == (0, True)
    assert_moved(pair)


@pytest.mark.parametrize(("since", "kind"), [(None, RunKind.FAILBACK), (T, RunKind.FAILOVER)])
def test_a_secondary_that_began_to_fail_is_failed_over_from(pair: Pair, since: datetime | None, kind: RunKind) -> None:
    """A failback would take it to be well, and leave there what was interrupted. Begun again it is the same."""
    world, plan = pair.visit.world, pair.visit.plan
    order = order_of(pair.visit, 1)
    claim_epoch(world, order)
    publish_pointer(world, order)
    back = order_by_hand(world, plan, HandOrder(Role.PRIMARY, "ana", "it is down, too", since))
    assert back is not None
    assert (back.kind, back.is_graceful, back.ordered) == (kind, since is None, since is not None)
    record = claim_epoch(world, back)
    again = order_again(record, plan, world.clock.now())
    assert (again.kind, again.is_graceful, again.ordered) == (back.kind, back.is_graceful, back.ordered)
    assert (again.interrupted_since, again.run) == (back.interrupted_since, back.run)


def test_it_points_a_pair_while_resource_manager_is_away(pair: Pair, run: Run) -> None:
    """The pointer moves; the jobs are left, told, and moved by the next call."""
    faults = pair.visit.bench.azure.faults
    faults.set(None, "control", "5xx", status=503)
    try:
        ran = run(pair, *THERE, "--yes", "--patience", "0s")
    finally:
        faults.clear(None, "control")
    assert ran.status == 1
    assert "give the command again" in ran.out
    assert (pair.pointer().active, pair.pointer().epoch) == (Role.SECONDARY, 1)
    assert pair.submitted() == []
    assert run(pair, *THERE, "--yes").status == 0
    assert_moved(pair)


def test_a_run_of_the_app_is_gone_on_with(pair: Pair, run: Run) -> None:
    """The app died after its claim: the pointer of its epoch is published, and its jobs are moved, under its id."""
    order = order_of(pair.visit, 1)
    claim_epoch(pair.visit.world, order)
    assert run(pair, *THERE, "--yes").status == 0
    assert pair.pointer().run == order.run
    assert pair.jobs() == {"plain": "resubmitted", "coded": "resubmitted", "never": "skipped"}
    assert pair.decisions() == []  # the app's own decision is in its own words


def test_what_is_active_already_is_left_alone(pair: Pair, run: Run) -> None:
    """No epoch is spent, and a pointer that was lost is published again."""
    before = pair.record()
    ran = run(pair, "--to", "primary", "--reason", "to be sure", "--yes")
    assert ran.status == 0
    assert (pair.record(), pair.pointer().active) == (before, Role.PRIMARY)


def test_a_run_that_has_ended_is_listed_with_the_others(pair: Pair, run: Run) -> None:
    """As the app leaves it when it is back: after the runs of earlier epochs."""
    run(pair, *THERE, "--yes")
    ledger, now = pair.visit.world.ledgers[pair.visit.pair], pair.visit.world.clock.now()
    for epoch, name in ((1, pair.record().run), (2, f"failback-{pair.visit.pair}-e2")):
        summary = RunSummary(
            pair=pair.visit.pair,
            run=str(name),
            kind=RunKind(str(name).partition("-")[0]),
            epoch=epoch,
            outcome="completed",
            why="",
            milestones=Milestones(decided_at=now),
        )
        ledger.put_once(summary_path(pair.visit.pair, str(name)), encode(summary))
    assert [line.epoch for line in list_past_runs(ledger, pair.visit.pair, 1)] == [2]


def test_somebody_who_switched_meanwhile_is_not_overtaken(
    pair: Pair, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that says who holds the epoch, status 1."""
    from orchestrator.cli import commands_breakglass

    ordered = commands_breakglass.order_by_hand

    def claim_first(*given: Any) -> Any:
        found = ordered(*given)
        claim_epoch(pair.visit.world, order_of(pair.visit, 1))
        publish_pointer(pair.visit.world, order_of(pair.visit, 1))
        return found

    monkeypatch.setattr(commands_breakglass, "order_by_hand", claim_first)
    ran = run(pair, *THERE, "--yes")
    assert (ran.status, len(ran.err.splitlines())) == (1, 1)
    assert pair.pointer().run == order_of(pair.visit, 1).run


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (("--to", "secondary", "--yes"), "--reason"),
        ((*THERE, "--bad-since", "yesterday"), "--bad-since"),
        ((*THERE, "--bad-since", "2026-03-01T04:45:00"), "--bad-since"),
        ((*THERE, "--patience", "soon"), "--patience"),
        (("--to", "tertiary"), "--to"),
    ],
)
def test_what_makes_no_sense_is_refused(pair: Pair, run: Run, more: tuple[str, ...], what: str) -> None:
    """One line that names the option, status 2, and nothing is written."""
    before = pair.record()
    ran = run(pair, *more)
    assert (ran.status, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert what in ran.err
    assert pair.record() == before


WRITES = {
    "the epoch record": ("ledger", r"/epoch\.json"),
    "the decision": ("ledger", r"/decisions"),
    "a plain key": ("appconfig", r":project"),
    "the pointer": ("appconfig", r":active"),
    "the sentinel": ("appconfig", r":epoch"),
    "the list of jobs": ("ledger", r"/round-0\.json"),
    "a job's record": ("ledger", r"/jobs/"),
    "a job": ("control", r"/jobs/"),
}


@pytest.mark.parametrize("write", WRITES)
def test_killed_at_any_write_and_given_again_it_ends_the_same(pair: Pair, run: Run, write: str) -> None:
    """SIGKILL while Azure has the request and has not carried it out."""
    azure = pair.visit.bench.azure
    surface, path = WRITES[write]
    azure.faults.set(None, surface, "hang", method="PUT", path=path)
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "breakglass", str(pair.file), *THERE, "--yes"],
        env={**os.environ, **azure.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: any(fault["met"] for fault in azure.faults.listed()), f"the request for {write}")
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
        azure.faults.clear(None, surface)
    assert run(pair, *THERE, "--yes").status == 0
    assert_moved(pair)
