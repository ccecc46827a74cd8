"""A partial drill: copies of the jobs of one workload run in the standby, and are cleared away.

The jobs themselves are not touched. Nothing is written to the ledger but the assets that a failover would make as well;
no record knows of a copy. Its name follows from the job and the drill, so a step that is repeated finds what it has
submitted.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from orchestrator import telemetry
from orchestrator.core.base.errors import (
    HubswitchError,
    InvalidInput,
    NotFound,
    Refused,
    TemporaryError,
    Throttled,
    Unreachable,
)
from orchestrator.core.base.text import count_of, format_time
from orchestrator.core.base.vocabulary import AbsentInput, JobPolicy
from orchestrator.core.jobs import checkpoint, drill_copy, tags
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs.azure_status import has_ended, status_of
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.ledger_paths import drill_path
from orchestrator.ports import World
from orchestrator.tracing import in_this_context
from orchestrator.workflows.activities.absent_inputs import AbsentInputs
from orchestrator.workflows.activities.assets import BUSY, AssetCopier, AssetMissing, versions_of
from orchestrator.workflows.activities.epoch import read_epoch, why_other_hub
from orchestrator.workflows.activities.job_records import read_records
from orchestrator.workflows.messages import DrillOrder, DrillOutcome
from orchestrator.workflows.partial_drill import Copy, CopyState, PartialDrillRun

GOALS = {"completed": frozenset({"completed"}), "running": frozenset({"running", "finalizing", "completed"})}
"""What a copy has to reach -> Azure ML's words for that."""

WORKERS = 8
"""Copies dealt with at once, as jobs of a batch are (``resubmit_jobs``)."""

LOG = telemetry.logger("drills")


def begin_partial(world: World, order: DrillOrder) -> PartialDrillRun:
    """Choose the jobs that are copied: those of the workload that run in the active side by the ledger's word.

    Raises:
        HubswitchError: epoch record or ledger cannot be read.
    """
    plan, ledger = world.plans[order.pair], world.ledgers[order.pair]
    held = read_epoch(world, order.pair)
    run = PartialDrillRun(
        order=order,
        source=held.active,
        epoch=held.epoch,
        begun_at=world.clock.now(),
        until=plan.partial_drill.until,
        patience=plan.partial_drill.patience,
    )
    names = sorted(
        each.name
        for each in ledger.summaries(plan.pair)
        if each.status is JobStatus.RUNNING and each.hub is held.active
    )
    copies = tuple(
        Copy(job=record.name, name=drill_copy.name_copy(record.name, order.drill))
        for record in read_records(ledger, plan.pair, names)
        if isinstance(record, JobRecord) and _is_meant(record, order.workload)
    )
    trouble = why_other_hub(held, plan) or _why_none(run, len(copies), plan.partial_drill.most)
    if trouble:
        return msgspec.structs.replace(run, outcome=DrillOutcome.NOT_READY, why=trouble)
    return msgspec.structs.replace(run, copies=copies)


def _is_meant(record: JobRecord, workload: str) -> bool:
    return not tags.parent_of(record.body) and drill_copy.workload_of(record.body) == workload.strip()


def _why_none(run: PartialDrillRun, found: int, most: int) -> str:
    if not found:
        return f"no job with the tag {drill_copy.WORKLOAD_TAG} {run.order.workload} runs in the {run.source}"
    if found > most:
        running = count_of(found, "job of it runs", "jobs of it run")
        return f"{running} in the {run.source}, and partial_drill.most of the plan allows {most}"
    return ""


def look_at_copies(world: World, run: PartialDrillRun) -> PartialDrillRun:
    """Submit what is not accepted yet, and see how far the rest has got. A repeated step changes nothing.

    Raises:
        HubswitchError: epoch record or ledger cannot be read.
    """
    held = read_epoch(world, run.order.pair)
    if held.epoch != run.epoch or held.active is not run.source:
        why = f"the pair has switched meanwhile: the {held.active} is active in epoch {held.epoch}"
        return msgspec.structs.replace(run, outcome=DrillOutcome.PROMOTED, why=why)
    return _for_each(run, _Copies(world, run).look, lambda copy: copy.is_open)


def end_copies(world: World, run: PartialDrillRun) -> PartialDrillRun:
    """Ask for the end of every copy that may run. What could not be asked for is ``may_run`` in what is returned."""
    return _for_each(run, _Copies(world, run).end, lambda copy: not copy.ended)


def _for_each(run: PartialDrillRun, act: Callable[[Copy], Copy], is_meant: Callable[[Copy], bool]) -> PartialDrillRun:
    """The drill after each copy that is meant was dealt with, some side by side: Azure takes about a second for a job.

    The first one goes alone, so that a standby that does not answer is waited for once.
    """
    copies = list(run.copies)
    meant = [number for number, copy in enumerate(copies) if is_meant(copy)]
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for wave in (meant[:1], meant[1:]):
            found = pool.map(in_this_context(act), [copies[number] for number in wave])
            for number, copy in zip(wave, found, strict=True):
                copies[number] = copy
    return msgspec.structs.replace(run, copies=tuple(copies))


class _Copies:
    """Submits, asks about and cancels the copies of one drill. Safe to share between threads."""

    def __init__(self, world: World, run: PartialDrillRun) -> None:
        plan, source = world.plans[run.order.pair], run.source
        self._world = world
        self._run = run
        self._silence: HubswitchError | None = None
        self._plan = plan
        self._ledger = world.ledgers[plan.pair]
        self._standby = plan.side(source.other)
        self._map = rewriting.job_map(plan, source)
        self._assets = AssetCopier(world, plan, source)
        self._inputs = AbsentInputs(world, plan, source, source.other)

    def look(self, copy: Copy) -> Copy:
        """A copy that is open after one look. A fault that may pass leaves it where it was, and says why."""
        return self._try(copy, self._submit if copy.state is CopyState.PENDING else self._check)

    def end(self, copy: Copy) -> Copy:
        """A copy that may run, whose end is asked for if it does."""
        try:
            self._answers()
            job = self._find(copy)
            if job is not None and not has_ended(status_of(job)):
                self._world.jobs.cancel(self._standby, copy.name)
        except HubswitchError as fault:
            return self._put_off(copy, fault)
        return msgspec.structs.replace(copy, ended=True)

    def _try(self, copy: Copy, act: Callable[[Copy], Copy]) -> Copy:
        try:
            self._answers()
            return act(copy)
        except AssetMissing as fault:
            return msgspec.structs.replace(copy, state=CopyState.NEEDS_ASSETS, why=str(fault))
        except InvalidInput as fault:
            return msgspec.structs.replace(copy, state=CopyState.UNFIT, why=str(fault))
        except HubswitchError as fault:
            return self._put_off(copy, fault)
        except Exception as fault:  # one job must not keep the others from their end
            LOG.exception("%s could not be dealt with", copy.name)
            return msgspec.structs.replace(copy, why=f"{type(fault).__name__}: {fault}")

    def _put_off(self, copy: Copy, fault: HubswitchError) -> Copy:
        if isinstance(fault, Unreachable | Throttled):
            self._silence = fault
        return msgspec.structs.replace(copy, why=str(fault))

    def _answers(self) -> None:
        """Raise again what kept the last copy from an answer: it is not waited for once for each of the others."""
        if self._silence is not None:
            raise self._silence

    def _submit(self, copy: Copy) -> Copy:
        found = self._ledger.read(self._plan.pair, copy.job)
        if found is None or found.value.status is not JobStatus.RUNNING:
            became = found.value.status.value if found else "gone"
            return msgspec.structs.replace(copy, state=CopyState.SKIPPED, why=f"the job is {became} by now")
        record = found.value
        state, why = self._why_not(record)
        if why:
            return msgspec.structs.replace(copy, state=state, why=why)
        body, state, why = self._make_body(record)
        if why:
            return msgspec.structs.replace(copy, state=state, why=why)
        return self._put(copy, record, body)

    def _why_not(self, record: JobRecord) -> tuple[CopyState, str]:
        """Why a job has no copy, before its body is looked at; empty if it may have one."""
        if record.policy is JobPolicy.NEVER:
            return CopyState.SKIPPED, "its policy is never: a failover would not submit it either"
        if record.deadline and self._world.clock.now() > record.deadline:
            return CopyState.SKIPPED, f"its deadline {format_time(record.deadline)} has passed"
        if record.identity == "user" or tags.runs_as_user(record.body):
            return CopyState.UNFIT, "it runs as its user: after a failover it would wait for its owner"
        return CopyState.PENDING, ""

    def _make_body(self, record: JobRecord) -> tuple[dict[str, Any], CopyState, str]:
        """The body of a copy, rewritten as a failover would; in place of one, why there is none."""
        pinned = rewriting.pin_versions(record.body, self._map.from_, versions_of(record.closure))
        told = checkpoint.with_checkpoint(rewriting.without_read_only(pinned))
        rewrite = rewriting.rewrite(told, self._map)
        if rewrite.unmapped:
            first, more = rewrite.unmapped[0], len(rewrite.unmapped) - 1
            why = f"{first.path} names {first.value}: {first.why}{f' and {more} more' if more else ''}"
            return {}, CopyState.UNMAPPED, why
        absent = self._inputs.find(record, rewrite.body)
        if absent and self._plan.jobs.absent_input is AbsentInput.WAIT:
            return {}, CopyState.NEEDS_ASSETS, absent
        body, why = drill_copy.make_copy(rewrite.body, record.name, self._run.order.drill)
        if not why:
            self._assets.ensure(record.closure)
        return body, CopyState.UNFIT, why

    def _put(self, copy: Copy, record: JobRecord, body: dict[str, Any]) -> Copy:
        """Submit a copy.

        Danger: not after the drill has ended. A worker that was frozen must not leave a job that nobody clears away.
        """
        order = self._run.order
        if self._ledger.get(drill_path(order.pair, order.drill)) is not None:
            return msgspec.structs.replace(copy, state=CopyState.SKIPPED, why="the drill is over")
        try:
            job = self._world.jobs.put(self._standby, copy.name, body, record.api_version)
        except NotFound as fault:
            return msgspec.structs.replace(copy, state=CopyState.REFUSED, why=str(fault))
        except Refused as fault:
            standing = self._find(copy)
            if standing is None and fault.status in BUSY:
                raise TemporaryError(str(fault)) from fault
            if standing is None:
                return msgspec.structs.replace(copy, state=CopyState.REFUSED, why=str(fault))
            job = standing
        accepted = msgspec.structs.replace(copy, state=CopyState.ACCEPTED, accepted_after=self._since(), why="")
        return self._heed(accepted, job)

    def _check(self, copy: Copy) -> Copy:
        job = self._find(copy)
        if job is None:
            return msgspec.structs.replace(copy, state=CopyState.FAILED, why="the standby does not know it any more")
        return self._heed(msgspec.structs.replace(copy, why=""), job)

    def _heed(self, copy: Copy, job: dict[str, Any]) -> Copy:
        """The copy, with what its hub shows of it."""
        status = status_of(job)
        seen = msgspec.structs.replace(copy, azure_status=status, ended=has_ended(status))
        if status.casefold() in GOALS[self._run.until]:
            return msgspec.structs.replace(seen, state=CopyState.REACHED, reached_after=self._since())
        if seen.ended:
            return msgspec.structs.replace(seen, state=CopyState.FAILED, why=f"it is {status} in the standby")
        return seen

    def _find(self, copy: Copy) -> dict[str, Any] | None:
        try:
            return self._world.jobs.get(self._standby, copy.name)
        except NotFound:
            return None

    def _since(self) -> float:
        return (self._world.clock.now() - self._run.begun_at).total_seconds()
