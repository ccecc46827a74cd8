"""Trying a step again for as long as it takes, visibly, and never against an error that forbids it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from durabletask.task import OrchestrationContext, Task, TaskFailedError, when_any

from orchestrator.core.base.codec import from_message, to_message
from orchestrator.core.base.errors import (
    EpochFenced,
    HubswitchError,
    OrderExpired,
    RunAborted,
    TemporaryError,
    TurnedAway,
)
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.workflows import names
from orchestrator.workflows.messages import ATTEMPT, Insistence, Tidings, Told
from orchestrator.workflows.orchestrators.wishes import pause as pause_for
from orchestrator.workflows.orchestrators.wishes import pause_until
from orchestrator.workflows.pair_orders import TryOutcome

TRIES_HERE = 12
"""Tries within a run's own history. Then the step is tried in an orchestration that begins anew now and then."""

STEP_TURNS = 60
"""Times that a step which finds no place in its process asks again before that counts as a failure."""

LONGEST_STEP_TURN = 4
"""Beats of the longest pause between two of them. Places are free again within a second or two."""

TRIES_THERE = 60
"""Tries after which such an orchestration begins anew, so that no history grows with the length of an outage."""

TELL_TRIES = 3
"""Attempts to tell people; nothing depends on them."""

_FINAL_ERRORS: Mapping[str, type[HubswitchError]] = {
    error.__name__: error for error in (EpochFenced, OrderExpired, RunAborted)
}

FINAL = frozenset(_FINAL_ERRORS)
"""Errors after which this run must not go on. Everything else may pass: people mend roles, stores come back."""


type Steps[T] = Generator[Any, Any, T]
"""An orchestrator's generator that ends with a value."""


class RunStopped(Exception):
    """A step said that this run must not go on. ``error`` is the error's class name."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(why)
        self.error = error
        self.why = why


class StepTimedOut(Exception):
    """A step was not over when its time was."""


class Waiter(NamedTuple):
    """Whose step it is: the pair and the run that people are told of, and its pauses."""

    pair: str
    run: str
    beat: timedelta
    longest: timedelta
    step: str = ""
    """How people call the step; empty: as its activity."""

    until: datetime | None = None
    """When the step is given up; None: never."""

    done: tuple[Mapping[str, str], ...] = ()
    """What the run has done so far, for its custom status."""

    tried: int = 0
    """How often the activity was called before, for the number of the try in its order."""


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
    ``waiter`` a step that fails for long goes on in a ``patience_run``, and people are told that the run waits. One
    that found no place in its process was not tried: it asks again soon, and that is no try.

    Raises:
        RunStopped: the step raised an error of ``FINAL``.
        TaskFailedError: it failed ``tries`` times.
        StepTimedOut: the waiter's ``until`` has come; an answer that comes later is not waited for.
    """
    since = utc_now(ctx)
    clock = _Deadline(ctx, waiter.until if waiter else None)
    step, done = (waiter.step or activity, waiter.done) if waiter else (activity, ())
    pause = beat
    attempt, before, turns = 0, waiter.tried if waiter else 0, 0
    while True:
        attempt += 1
        try:
            answer = yield from _try(ctx, clock, activity, order, before + attempt)
        except TaskFailedError as failed:
            _check_final(failed)
            clock.why = failed.details.message
            if _error_of(failed) == TurnedAway.__name__ and turns < STEP_TURNS:
                yield from clock.pause(scatter(ctx, pause_after(turns, beat, beat * LONGEST_STEP_TURN)))
                attempt, turns = attempt - 1, turns + 1
                continue
            if tries is not None and attempt >= tries:
                raise
            ctx.set_custom_status(waiting_status(step, since.isoformat(), clock.why, done))
            if waiter and tries is None and attempt >= TRIES_HERE:
                step_left = _long(waiter._replace(tried=before + attempt), activity, order, since, clock.why)
                return (yield from elsewhere(ctx, step_left, done))
            yield from clock.pause(pause)
            pause = min(pause * 2, longest)
        else:
            if attempt > 1:
                ctx.set_custom_status(waiting_status("", since.isoformat(), "", done))
            return answer


class _Deadline:
    """The time that a step has: one durable timer for all of its tries; none if it has no end."""

    def __init__(self, ctx: OrchestrationContext, until: datetime | None) -> None:
        self._ctx = ctx
        self._until = until
        self._timer = ctx.create_timer(max(until - utc_now(ctx), timedelta())) if until else None
        self.why = "it has not answered"

    def answer(self, task: Task[Any]) -> Steps[Any]:
        """What a task returns or raises.

        Raises:
            StepTimedOut: the time was over first. The task goes on; nobody looks at what it returns.
        """
        if self._timer is None:
            return (yield task)
        first = yield when_any([task, self._timer])
        if first is self._timer and not task.is_complete:
            raise StepTimedOut(self.why)
        if task.is_failed:
            raise task.get_exception()
        return task.get_result()

    def pause(self, pause: timedelta) -> Steps[None]:
        """Wait for a pause, or for what is left of the time; not any longer than until a person wants the next try.

        Raises:
            StepTimedOut: nothing is left after that.
        """
        if self._until is None or self._until - utc_now(self._ctx) > pause:
            yield from pause_for(self._ctx, pause)
            return
        if self._timer is None or not (yield from pause_until(self._ctx, self._timer)):
            raise StepTimedOut(self.why)


def _try(ctx: OrchestrationContext, clock: _Deadline, activity: str, order: Any, number: int) -> Steps[Any]:
    """The answer of an activity, told the number of its try, or of the orchestration around it where there is one.

    Raises:
        TaskFailedError: it failed.
        StepTimedOut: the time was over first.
    """
    workflow = names.TRIED_AS_WORKFLOW.get(activity)
    if workflow is None:
        return (yield from clock.answer(ctx.call_activity(activity, input=number_try(order, number))))
    instance = f"{order['run']}-{activity}-{ctx.new_uuid()[:8]}"
    task: Task[Any] = ctx.call_sub_orchestrator(workflow, input=order, instance_id=instance)
    found = from_message((yield from clock.answer(task)), TryOutcome, workflow)
    if found.error:
        raise TaskFailedError(found.why, _FINAL_ERRORS.get(found.error, TemporaryError)(found.why))
    return found.answer


def _check_final(failed: TaskFailedError) -> None:
    error = _error_of(failed)
    if error in FINAL:
        raise RunStopped(error, failed.details.message) from failed


def _error_of(failed: TaskFailedError) -> str:
    """The class of the error that an activity raised."""
    return failed.details.error_type.rpartition(".")[2]


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
        step=waiter.step,
        until=waiter.until,
        tried=waiter.tried,
    )


def number_try(order: Any, number: int) -> Any:
    """An activity's input with the number of the try; the first try's as it is."""
    return {**order, ATTEMPT: number} if number > 1 and isinstance(order, dict) else order


def elsewhere(ctx: OrchestrationContext, step: Insistence, done: tuple[Mapping[str, str], ...] = ()) -> Steps[Any]:
    """The step's answer, from an orchestration of its own. What breaks that one does not break the run.

    Raises:
        RunStopped: the step raised an error of ``FINAL``.
        StepTimedOut: its ``until`` has come.
    """
    while True:
        instance = f"{step.run}-{step.activity}-{ctx.new_uuid()[:8]}"
        try:
            found = yield ctx.call_sub_orchestrator(names.PATIENCE_RUN, input=to_message(step), instance_id=instance)
        except TaskFailedError:
            yield ctx.create_timer(step.longest)
            continue
        if found["stopped"] == StepTimedOut.__name__:
            raise StepTimedOut(found["why"])
        if found["stopped"]:
            raise RunStopped(found["stopped"], found["why"])
        ctx.set_custom_status(waiting_status("", step.since.isoformat(), "", done))
        return found["answer"]


def patience_run(ctx: OrchestrationContext, given: Any) -> Steps[Any]:
    """One step for as long as it takes. Input: ``Insistence``; output: its answer, or which error stopped it.

    It begins anew after ``TRIES_THERE`` tries: its history stays short however long the step fails.
    """
    step = from_message(given, Insistence, ctx.instance_id)
    title = step.step or step.activity
    if not step.told:
        told = f"{step.run} waits for {title} since {step.since:%Y-%m-%d %H:%M:%SZ}: {step.why}"
        waiter = Waiter(step.pair, step.run, step.beat, step.longest)
        yield from tell_that_it_waits(ctx, waiter, title, told, step.since)
    clock = _Deadline(ctx, step.until)
    clock.why, pause = step.why, step.longest
    for number in range(1, TRIES_THERE + 1):
        ctx.set_custom_status(waiting_status(title, step.since.isoformat(), clock.why))
        try:
            yield from clock.pause(pause)
            answer = yield from _try(ctx, clock, step.activity, step.order, step.tried + number)
        except StepTimedOut:
            return {"stopped": StepTimedOut.__name__, "why": clock.why, "answer": None}
        except TaskFailedError as failed:
            clock.why, pause = failed.details.message, step.longest
            if _error_of(failed) == TurnedAway.__name__:
                pause = min(pause, scatter(ctx, step.beat * LONGEST_STEP_TURN))
            try:
                _check_final(failed)
            except RunStopped as stopped:
                return {"stopped": stopped.error, "why": stopped.why, "answer": None}
        else:
            return {"stopped": "", "why": "", "answer": answer}
    ctx.continue_as_new(
        to_message(msgspec.structs.replace(step, told=True, why=clock.why, tried=step.tried + TRIES_THERE))
    )
    return None


def tell_that_it_waits(
    ctx: OrchestrationContext, waiter: Waiter, step: str, why: str, since: datetime | None = None
) -> Steps[None]:
    """Tell people that a run waits long for a step, once for each run and step; go on if they cannot be told."""
    name = NoticeName.RUN_WAITS
    tidings = Tidings(
        pair=waiter.pair, id=f"{waiter.run}-waits-{step}", name=name, at=utc_now(ctx), since=since, why=why
    )
    untold = yield from tell(ctx, tidings, waiter.beat, waiter.longest)
    if untold:
        ctx.set_custom_status(waiting_status(step, utc_now(ctx).isoformat(), f"nobody was told: {untold}", waiter.done))


def tell(
    ctx: OrchestrationContext, tidings: Tidings, beat: timedelta, longest: timedelta, tries: int = TELL_TRIES
) -> Steps[str]:
    """Tell people, and tell those channels again that did not take it: empty if all have it, else why one has not."""
    pause = beat
    for attempt in range(1, tries + 1):
        try:
            answer = yield ctx.call_activity(names.TELL, input=to_message(tidings))
        except TaskFailedError as failed:
            untold = failed.details.message
        else:
            # An activity of an older version answers nothing: it raises if the notice was not taken.
            told = from_message(answer, Told, names.TELL) if answer else Told()
            if not told.failed:
                return ""
            tidings, untold = msgspec.structs.replace(tidings, channels=told.failed), told.why
        if attempt < tries:
            yield ctx.create_timer(pause)
            pause = min(pause * 2, longest)
    return untold


def tell_aside(ctx: OrchestrationContext, tidings: Tidings) -> None:
    """Tell people in an orchestration of its own, and do not wait for it.

    Danger: not before ``continue_as_new``. The answer would come to the next life, which numbers its tasks anew.
    """
    # An id that no earlier life of this run has used: an engine may refuse one that it knows.
    instance = f"tell-{tidings.id}-{ctx.new_uuid()[:8]}"
    ctx.call_sub_orchestrator(names.TELL_RUN, input=to_message(tidings), instance_id=instance)


def utc_now(ctx: OrchestrationContext) -> datetime:
    """The orchestration's own time, the same in every replay. The engine gives it without a zone; it is UTC."""
    now = ctx.current_utc_datetime
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def waiting_status(step: str, since: str, why: str, done: tuple[Mapping[str, str], ...] = ()) -> Mapping[str, Any]:
    """The shape of a run's custom status: the step it waits for (empty: none), since when, and why.

    ``done`` are the steps that are over, if the run is one that has steps.
    """
    now = {"step": step, "since": since, "why": why}
    return {**now, "done": list(done)} if done else now


TURNS = 100
"""Times that work which others begin again anyway asks for a place."""

LONGEST_TURN = 20
"""Beats of the longest pause between two of them."""


def turn(ctx: OrchestrationContext, pause: timedelta) -> Any:
    """A timer until the next time."""
    return ctx.create_timer(scatter(ctx, pause))


def scatter(ctx: OrchestrationContext, pause: timedelta) -> timedelta:
    """Half of a pause to one and a half, so that not all come at once; the same whenever it is played again."""
    return pause * (0.5 + int(ctx.new_uuid()[:4], 16) / 0xFFFF)


def pause_after(number: int, beat: timedelta, longest: timedelta) -> timedelta:
    """A beat, and twice as long after each of so many tries."""
    return min(beat * (1 << min(number, 16)), longest)
