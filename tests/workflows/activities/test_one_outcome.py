"""Every job of the ledger ends in exactly one outcome, whatever is answered, lost or repeated on the way."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from crash_harness import Bench, Visit
from job_stories import changed, claimed, moved, records, settled
from judged import complaints
from stories import DEEP

from orchestrator.core.base.errors import Throttled, Unreachable
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.next_move import Answer, Submission
from orchestrator.core.jobs.record import Attempt, JobRecord, JobStatus
from orchestrator.ports import Versioned
from orchestrator.workflows.activities import move_job, resubmit_jobs
from orchestrator.workflows.activities.resubmit_jobs import list_jobs
from orchestrator.workflows.messages import RoundOrder

JOBS = 16
SEEDS = range(3 * DEEP)


class Lossy:
    """The real job service over a bad line: some calls do not arrive, some answers do not come back."""

    def __init__(self, real: Any, dice: random.Random) -> None:
        self._real = real
        self._dice = dice
        self.bad = 0.6

    def put(self, *given: Any) -> Any:
        drawn = self._dice.random()
        if drawn < self.bad / 3:
            raise Throttled("asked to wait", retry_after=timedelta(milliseconds=1))
        if drawn < self.bad * 2 / 3:
            raise Unreachable("the call was lost")
        answer = self._real.put(*given)
        if drawn < self.bad:
            raise Unreachable("the answer was lost")
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _uri(value: str) -> Callable[[JobRecord], JobRecord]:
    def change(job: JobRecord) -> JobRecord:
        inputs = {"x": {"jobInputType": "uri_folder", "uri": value}}
        body = {**job.body, "properties": {**job.body["properties"], "inputs": inputs}}
        return msgspec.structs.replace(job, body=body)

    return change


def _drawn(visit: Visit, dice: random.Random, number: int, names: list[str]) -> None:
    """One job with a fate that its number and the dice decide."""
    visit.record("plain", Role.PRIMARY, mark=f"j{number}")
    name = f"{visit.pair}-j{number}-primary"
    names.append(name)
    now = visit.world.clock.now()
    compute = f"{visit.plan.primary.project_id}/computes/no-such-cluster"
    reads = dice.choice(names[:-1]) if names[:-1] else "nobody"
    shapes: list[dict[str, Any]] = [
        {},
        {},
        {"policy": JobPolicy.NEVER},
        {"policy": JobPolicy.ALWAYS, "status": JobStatus.FINISHED, "azure_status": "Completed", "ended_at": now},
        {"status": JobStatus.FINISHED, "azure_status": "Failed", "ended_at": now},
        {"status": JobStatus.FINISHED, "azure_status": "Completed", "ended_at": now},
        {"deadline": now - timedelta(seconds=1)},
        {"schedule": "nightly"},
        {"identity": "user"},
        {"parent": reads},
        {"lineage": (reads,), "change": _uri(f"azureml://jobs/{reads}/outputs/y")},
        {"change": _uri("azureml://jobs/unknown/outputs/y")},
        {"change": lambda job: _with_compute(job, compute)},
    ]
    changed(visit, name, **dice.choice(shapes), priority=dice.randint(-1, 2))


def _with_compute(job: JobRecord, compute: str) -> JobRecord:
    body = {**job.body, "properties": {**job.body["properties"], "computeId": compute}}
    return msgspec.structs.replace(job, body=body)


def _story(bench: Bench, seed: int) -> list[str]:
    """A failover over a bad line, its end, its retries, and another epoch; what a judge says of it."""
    dice = random.Random(f"one-outcome-{seed}")  # noqa: S311 - repeatable, not secret
    visit = bench.visit()
    names: list[str] = []
    for number in range(JOBS):
        _drawn(visit, dice, number, names)
    lossy = Lossy(visit.world.jobs, dice)
    visit.world = visit.world._replace(jobs=lossy)
    order = claimed(visit)
    for number in range(2):
        if not list_jobs(visit.world, RoundOrder(run=order, round=number)).jobs:
            break
        visit.record("plain", Role.PRIMARY, mark=f"late{number}")
        for _ in range(dice.randint(1, 4)):
            moved(visit, order, number)
        moved(visit, order, number, last=True)
    changed(visit, f"{visit.pair}-late1-primary", status=JobStatus.FINISHED, azure_status="Completed")
    for epoch in (1, 2):
        order = order if epoch == 1 else claimed(visit, 2)
        for name, record in records(visit).items():
            if record.retry_at:
                changed(visit, name, retry_at=visit.world.clock.now())
        lossy.bad = 0.9 if epoch == 1 else 0.0
        for _ in range(3 if epoch == 2 else 1):
            settled(visit, order)
    ours = [job for job in bench.azure.truth.jobs() if job.name.startswith(f"{visit.pair}-")]
    return complaints(records(visit), ours)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_ledger_job_ends_in_exactly_one_outcome(bench: Bench, seed: int) -> None:
    """S5: never lost, never twice, and each with its reason."""
    assert _story(bench, seed) == []


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Plants a bug by its name."""

    def duplicate() -> None:
        numbers = iter(range(1_000_000))
        real = move_job.successor_name
        monkeypatch.setattr(move_job, "successor_name", lambda root, epoch: f"{real(root, epoch)}-{next(numbers)}")

    def loss() -> None:
        real = resubmit_jobs.in_order
        monkeypatch.setattr(resubmit_jobs, "in_order", lambda jobs: real(jobs)[: max(0, len(jobs) - 1)])

    def silent_loss() -> None:
        def close(self: Any, _body: Any, found: Versioned[JobRecord]) -> tuple[Answer, Versioned[JobRecord]]:
            del self
            marks = {"hubswitch.source": found.value.root, "hubswitch.epoch": "1"}
            return Answer(job={"properties": {"tags": marks}}), found

        monkeypatch.setattr(move_job.Mover, "_put", close)

    def forgotten_attempt() -> None:
        def find_nothing(self: Any, _record: JobRecord, attempt: Attempt) -> Submission:
            del self
            return Submission(attempt=attempt, job=None)

        monkeypatch.setattr(move_job.Mover, "_look_for", find_nothing)

    bugs = {f.__name__: f for f in (duplicate, loss, silent_loss, forgotten_attempt)}
    return lambda name: bugs[name]()


@pytest.mark.parametrize(
    ("bug", "complaint"),
    [("duplicate", "twice"), ("loss", "lost"), ("silent_loss", "lost"), ("forgotten_attempt", "twice")],
)
def test_a_planted_bug_is_found(bench: Bench, planted: Callable[[str], None], bug: str, complaint: str) -> None:
    """A judge that finds nothing when something is wrong would prove nothing."""
    planted(bug)
    found: list[str] = []
    for seed in range(8):
        found += _story(bench, seed)
        if any(each.startswith(complaint) for each in found):
            return
    raise AssertionError(f"nobody has found the planted {bug}: {found}")
