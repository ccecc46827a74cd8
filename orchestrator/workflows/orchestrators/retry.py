"""Trying a step again for as long as it takes, visibly, and never against an error that forbids it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.workflows import names
from orchestrator.workflows.messages import Insistence, Tidings

TRIES_HERE = 12
"""Tries within a run's own history. Then the step is tried in an orchestration that begins anew now and then."""

TRIES_THERE = 60
"""Tries after which such an orchestration begins anew, so that no history grows with the length of an outage."""

TELL_TRIES = 3
"""Attempts to tell people; nothing depends on them."""

FINAL = frozenset({"EpochFenced", "OrderExpired"})
"""Errors after which this run must not go on. Everything else may pass: people mend roles, stores come back."""


type Steps[T] = Generator[Any, Any, T]
"""An orchestrator's generator that ends with a value."""


class RunStopped(Exception):
    """A step said that this run must not go on. ``error`` is the error's class name."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(why)
        self.error = error
        self.why = why


class Waiter(NamedTuple):
    """Whose step it is: the pair and the run that people are told of, and its pauses."""

    pair: str
    run: str
    beat: timedelta
    longest: timedelta


def insist(
    ctx: OrchestrationContext,
    activity: str,
    order: Any,
    *,
    beat: timedelta,
    longest: timedelta,
    tries: int | None = None,
    waiter: Waiter | None = None,
) -> Steps[Any]:
    """The activity's answer, however often it has to be asked.

    While it fails, the run's custom status names the step, since when it is tried, and the last reason. With a
    ``waiter`` a step that fails for long goes on in a ``patience_run``, and people are told that the run waits.

    Raises:
        RunStopped: the step raised an error of ``FINAL``.
        TaskFailedError: it failed ``tries`` times.
    """
    since = utc_now(ctx)
    pause = beat
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = yield ctx.call_activity(activity, input=order)
        except TaskFailedError as failed:
            _check_final(failed)
            if tries is not None and attempt >= tries:
                raise
            ctx.set_custom_status(waiting(activity, since.isoformat(), failed.details.message))
            if waiter and tries is None and attempt >= TRIES_HERE:
                step = _long(waiter, activity, order, since, failed.details.message)
                return (yield from _elsewhere(ctx, step))
            yield ctx.create_timer(pause)
            pause = min(pause * 2, longest)
        else:
            if attempt > 1:
                ctx.set_custom_status(waiting("", since.isoformat(), ""))
            return answer


def _check_final(failed: TaskFailedError) -> None:
    error = failed.details.error_type.rpartition(".")[2]
    if error in FINAL:
        raise RunStopped(error, failed.details.message) from failed


def _long(waiter: Waiter, activity: str, order: Any, since: datetime, why: str) -> Insistence:
    return Insistence(
        pair=waiter.pair,
        run=waiter.run,
        activity=activity,
        order=order,
        beat=waiter.beat,
        longest=waiter.longest,
        since=since,
        why=why,
    )


def _elsewhere(ctx: OrchestrationContext, step: Insistence) -> Steps[Any]:
    """The step's answer, from an orchestration of its own. What breaks that one does not break the run."""
    while True:
        instance = f"{step.run}-{step.activity}-{ctx.new_uuid()[:8]}"
        try:
            found = yield ctx.call_sub_orchestrator(names.PATIENCE_RUN, input=to_builtins(step), instance_id=instance)
        except TaskFailedError:
            yield ctx.create_timer(step.longest)
            continue
        if found["stopped"]:
            raise RunStopped(found["stopped"], found["why"])
        ctx.set_custom_status(waiting("", step.since.isoformat(), ""))
        return found["answer"]


def patience_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """One step for as long as it takes. Input: ``Insistence``; output: its answer, or which error stopped it.

    It begins anew after ``TRIES_THERE`` tries: its history stays short however long the step fails.
    """
    step = from_builtins(given, Insistence, ctx.instance_id)
    if not step.told:
        told = f"{step.run} waits for {step.activity} since {step.since:%Y-%m-%d %H:%M:%SZ}: {step.why}"
        yield from tell_that_it_waits(ctx, Waiter(step.pair, step.run, step.beat, step.longest), step.activity, told)
    why = step.why
    for _ in range(TRIES_THERE):
        ctx.set_custom_status(waiting(step.activity, step.since.isoformat(), why))
        yield ctx.create_timer(step.longest)
        try:
            answer = yield ctx.call_activity(step.activity, input=step.order)
        except TaskFailedError as failed:
            why = failed.details.message
            try:
                _check_final(failed)
            except RunStopped as stopped:
                return {"stopped": stopped.error, "why": stopped.why, "answer": None}
        else:
            return {"stopped": "", "why": "", "answer": answer}
    ctx.continue_as_new(to_builtins(msgspec.structs.replace(step, told=True, why=why)))
    return None


def tell_that_it_waits(ctx: OrchestrationContext, waiter: Waiter, step: str, why: str) -> Steps[None]:
    """Tell people that a run waits long for a step, once for each run and step; go on if they cannot be told."""
    tidings = to_builtins(
        Tidings(pair=waiter.pair, id=f"{waiter.run}-waits-{step}", name=NoticeName.RUN_WAITS, at=utc_now(ctx), why=why)
    )
    try:
        yield from insist(ctx, names.TELL, tidings, beat=waiter.beat, longest=waiter.longest, tries=TELL_TRIES)
    except TaskFailedError as failed:
        ctx.set_custom_status(waiting(step, utc_now(ctx).isoformat(), f"nobody was told: {failed.details.message}"))


def utc_now(ctx: OrchestrationContext) -> datetime:
    """The orchestration's own time, the same in every replay. The engine gives it without a zone; it is UTC."""
    now = ctx.current_utc_datetime
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def waiting(step: str, since: str, why: str) -> Mapping[str, str]:
    """The shape of a run's custom status: the step it waits for (empty: none), since when, and why."""
    return {"step": step, "since": since, "why": why}


TURNS = 100
"""Times that work which others begin again anyway asks for a place."""

LONGEST_TURN = 20
"""Beats of the longest pause between two of them."""


def turn(ctx: OrchestrationContext, pause: timedelta) -> Any:
    """A timer until the next time: half of a pause to one and a half, the same whenever it is played again."""
    return ctx.create_timer(pause * (0.5 + int(ctx.new_uuid()[:4], 16) / 0xFFFF))


def pause_after(number: int, beat: timedelta, longest: timedelta) -> timedelta:
    """A beat, and twice as long after each of so many tries."""
    return min(beat * (1 << min(number, 16)), longest)
