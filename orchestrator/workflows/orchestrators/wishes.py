"""What people wish of a run that is under way, as it reaches replayed code: external events of its orchestration.

A wish that comes while nobody waits for it is kept by the engine until somebody does. It then ends the next pause of
that orchestration early: a step is tried once more than needed, which is harmless, for every step may be repeated.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from durabletask.task import OrchestrationContext, Task, when_any

from orchestrator.core.base.codec import from_message
from orchestrator.workflows import names
from orchestrator.workflows.messages import Wish


def pause(ctx: OrchestrationContext, length: timedelta) -> Generator[Any, Any, bool]:
    """Wait for so long, or until a person wants the next try at once; whether that was so."""
    return (yield from pause_until(ctx, ctx.create_timer(length)))


def pause_until(ctx: OrchestrationContext, timer: Task[Any]) -> Generator[Any, Any, bool]:
    """The same with a timer that is set already.

    Danger: a wait that is over is cancelled. Otherwise it would take the next wish, and nobody would look at it.
    """
    wish = ctx.wait_for_external_event(names.TRY_NOW)
    yield when_any([timer, wish])
    if wish.is_complete:
        return True
    wish.cancel()
    return False


class Aborted(Exception):
    """A person wants this to end."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(f"{wish.by} aborted it: {wish.reason}")
        self.wish = wish


def until_aborted[T](ctx: OrchestrationContext, steps: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    """What the steps return, unless a person aborts them before they have returned it.

    What they wait for then goes on, and nobody looks at what it comes to. They see the abort as an exception, and may
    restore something before they pass it on; from then on nothing aborts them.

    Raises:
        Aborted: a person did, and the steps did not end in another way because of that.
    """
    wish = ctx.wait_for_external_event(names.ABORT)
    try:
        task = next(steps)
        while True:
            yield when_any([task, wish])
            if wish.is_complete:
                task = steps.throw(Aborted(from_message(wish.get_result(), Wish, names.ABORT)))
                break
            task = steps.throw(task.get_exception()) if task.is_failed else steps.send(task.get_result())
        while True:
            try:
                found = yield task
            except Exception as fault:  # noqa: BLE001 - whatever the engine raises is for the steps to judge
                task = steps.throw(fault)
            else:
                task = steps.send(found)
    except StopIteration as end:
        wish.cancel()
        value: T = end.value
        return value
