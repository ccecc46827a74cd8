"""The part of a drill's orchestrator that holds a full drill: there with a graceful failover, back with a failback.

1. Order the graceful failover; wait for a second person's approval, where the policy asks for it, and for its end.
2. Acknowledge that switch, and stay for as long as the plan says.
3. Order the failback, again while something holds it, and wait for the run's end. Acknowledge that, too.
4. Measure both runs.

The switches are runs of their own, ordered through the pair's entity; this only waits. An abort withdraws a failover
that has not claimed its epoch, and begins the way back at once after that. If the primary fails, or anybody else
switches, the drill has become real: it orders nothing any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, TaskFailedError, when_any

from orchestrator.core.base.codec import from_message, to_builtins, to_message
from orchestrator.core.base.vocabulary import Phase, Role
from orchestrator.core.decision.full_drill import DrillAsk, DrillSight, DrillStep
from orchestrator.workflows import names
from orchestrator.workflows.full_drill import FullDrillRun, end_of
from orchestrator.workflows.messages import DrillOrder, DrillOutcome, DrillReport, StopOrder, Wish, drill_run_id
from orchestrator.workflows.orchestrators.retry import (
    Steps,
    Waiter,
    insist,
    tell_that_it_waits,
    utc_now,
    waiting_status,
)
from orchestrator.workflows.orchestrators.wishes import Aborted

OFTEN = 200
"""Looks after which a run that still goes on is looked at seldom, so that the history stays short."""

SELDOM = 30
"""Longest pauses of the order between two such looks."""

TRIES = 20
"""Attempts to begin, and to measure."""


def hold_full(ctx: OrchestrationContext, order: DrillOrder) -> Steps[Any]:
    """The report of a full drill, as plain data."""
    held = _FullDrill(ctx, order)
    ended = yield from held.hold()
    held.stop_listening()
    try:
        return (
            yield from insist(
                ctx, names.MEASURE_DRILL, to_message(ended), beat=order.beat, longest=order.longest, tries=TRIES
            )
        )
    except TaskFailedError as failed:
        report: DrillReport = end_of(ended, f"its runs could not be measured: {failed.details.message}")
        return to_builtins(report)


class _FullDrill:
    """One full drill under way. ``sight`` is where the pair stood when it was last asked."""

    def __init__(self, ctx: OrchestrationContext, order: DrillOrder) -> None:
        self._ctx = ctx
        self._order = order
        self._abort = ctx.wait_for_external_event(names.ABORT)
        self._sight = DrillSight(phase=Phase.STEADY, active=Role.PRIMARY, epoch=order.epoch)
        self._pause = order.beat
        self._looks = 0
        self._failover = ""
        self._failback = ""
        self._is_pressed = False

    def hold(self) -> Steps[FullDrillRun]:
        """Go there and back; how it ended."""
        order = self._order
        if not (yield from self._ask(DrillStep.THERE, order.epoch, tries=TRIES)):
            return self._end(DrillOutcome.NOT_READY, self._sight.refused)
        ended = yield from self._await_approval()
        if ended is not None:
            return ended
        self._failover = self._sight.last_run or ""
        yield from self._await_end(self._failover, order.epoch, withdraw=True)
        if self._sight.epoch == order.epoch:
            word = DrillOutcome.INTERRUPTED if self._sight.end_rule == "run-aborted" else DrillOutcome.FAILED
            return self._end(word, f"{self._failover} ended before the pointer moved: {self._sight.end_why}")
        yield from self._stay(order.epoch + 1)
        return (yield from self._go_home(order.epoch + 1))

    def stop_listening(self) -> None:
        """Danger: an event that is waited for and never comes would be left over in the engine."""
        if not self._abort.is_complete:
            self._abort.cancel()

    def _await_approval(self) -> Steps[FullDrillRun | None]:
        """Wait until the failover is under way; how the drill ended if it never is."""
        while not self._sight.is_ours:
            if self._is_overtaken(self._order.epoch):
                return self._end(DrillOutcome.PROMOTED, self._describe_overtaking())
            if not self._sight.request:
                is_answered = self._sight.end_at is not None and self._sight.end_at >= self._order.asked_at
                said = self._sight.end_why if is_answered else "nobody else approved it in time"
                return self._end(DrillOutcome.NOT_READY, said)
            if self._abort.is_complete:
                yield from self._ask(DrillStep.WITHDRAW, self._order.epoch)
                continue
            self._show(f"approval of {self._sight.request} by a second person")
            yield from self._look_later()
        return None

    def _await_end(self, run: str, epoch: int, *, withdraw: bool) -> Steps[None]:
        """Wait until a run has ended, and it is certain whether it has left the epoch under which it was ordered.

        Args:
            run: the run.
            epoch: that epoch.
            withdraw: an abort of the drill keeps the run from claiming the next one.
        """
        is_asked = is_withdrawn = False
        self._pause, self._looks = self._order.beat, 0
        while self._sight.run == run:
            if withdraw and self._abort.is_complete and not is_asked:
                is_asked = True
                is_withdrawn = not (yield from self._write(names.WITHDRAW_RUN, run, self._describe_abort()))
            yield from self._press_if_it_fails(run, epoch)
            self._show(f"the end of {run}")
            yield from self._look_later()
        if self._sight.epoch != epoch or is_withdrawn:
            return
        # A run that is not waited for any more may still claim: then it has moved the pointer, and is the drill's.
        too_late = yield from self._write(names.WITHDRAW_RUN, run, f"the pair waits for {run} no more")
        while too_late and self._sight.epoch == epoch:
            self._show(f"the switch of {run}")
            yield from self._look_later()

    def _stay(self, epoch: int) -> Steps[None]:
        """Let the secondary be active for a while."""
        if not self._sight.fails:
            yield from self._ask(DrillStep.ACKNOWLEDGE, epoch)
        until = utc_now(self._ctx) + self._order.full.stay
        self._pause, self._looks = self._order.beat, 0
        while not self._abort.is_complete and utc_now(self._ctx) < until:
            if self._is_overtaken(epoch) or self._sight.fails:
                return
            self._show("the secondary is active")
            yield from self._look_later(until)

    def _go_home(self, epoch: int) -> Steps[FullDrillRun]:
        """Order the failback until it is taken and has moved the pointer; how the drill ended."""
        until = utc_now(self._ctx) + self._order.full.patience
        is_told, why = False, ""
        while True:
            if self._is_overtaken(epoch):
                return self._end(self._word_of_overtaking(), self._describe_overtaking())
            if self._sight.fails:
                yield from self._press_if_it_fails(self._failover, epoch - 1)
                return self._end(
                    DrillOutcome.PROMOTED, f"the primary is bad in {self._sight.ill}, so nothing goes back"
                )
            if (yield from self._ask(DrillStep.BACK, epoch)):
                self._failback = self._sight.last_run or ""
                yield from self._await_end(self._failback, epoch, withdraw=False)
                if self._sight.epoch == epoch + 1 and self._sight.is_ours:
                    done = yield from self._ask(DrillStep.ACKNOWLEDGE, epoch + 1)
                    seen = "the switch back is acknowledged" if done else f"acknowledge it: {self._sight.refused}"
                    return self._end(DrillOutcome.SUCCEEDED, seen)
                why = f"{self._failback} ended before the pointer moved: {self._sight.end_why}"
                self._pause = self._order.beat
            else:
                why = self._sight.refused
            if self._is_overtaken(epoch) or self._sight.fails:
                continue
            if utc_now(self._ctx) >= until:
                word = DrillOutcome.PROMOTED if self._sight.ill else DrillOutcome.INTERRUPTED
                return self._end(word, f"the way back stayed closed: {why}")
            if not is_told:
                is_told = True
                yield from self._tell_that_it_waits(why)
            self._show(f"the way back: {why}")
            yield from self._look_later(until, hear_abort=False)

    def _is_overtaken(self, epoch: int) -> bool:
        """Whether somebody else has switched, or does now."""
        sight = self._sight
        if sight.epoch != epoch:
            return True
        return not sight.is_ours if self._failover else sight.run is not None

    def _word_of_overtaking(self) -> DrillOutcome:
        """Somebody's way back ends a drill; any other switch makes it real."""
        is_way_back = (self._sight.last_run or "").startswith("failback-")
        return DrillOutcome.INTERRUPTED if is_way_back else DrillOutcome.PROMOTED

    def _describe_overtaking(self) -> str:
        sight = self._sight
        return f"{sight.run or sight.last_run or 'somebody'} was begun by others, epoch {sight.epoch}: {sight.why}"

    def _ask(self, do: DrillStep, epoch: int, tries: int | None = None) -> Steps[bool]:
        """Ask something of the pair; whether it was done. An entity that fails changes nothing, and is asked again."""
        order, pause, attempt = self._order, self._order.beat, 0
        while True:
            attempt += 1
            ask = DrillAsk(
                now=utc_now(self._ctx), do=do, drill=order.drill, by=order.by, reason=order.reason, epoch=epoch
            )
            entity = EntityInstanceId(names.PAIR_ENTITY, order.pair)
            try:
                answer = yield self._ctx.call_entity(entity, names.ADVANCE_DRILL, to_message(ask))
            except TaskFailedError as failed:
                if attempt == tries:
                    self._sight = msgspec.structs.replace(self._sight, refused=failed.details.message)
                    return False
                self._show(f"the pair's entity: {failed.details.message}")
                yield self._ctx.create_timer(pause)
                pause = min(pause * 2, order.longest)
            else:
                self._sight = from_message(answer, DrillSight, names.ADVANCE_DRILL)
                return not self._sight.refused

    def _look_later(self, until: datetime | None = None, *, hear_abort: bool = True) -> Steps[None]:
        """Ask where the pair stands after a pause, which grows, or at ``until``. An abort that comes ends the pause."""
        self._looks += 1
        now = utc_now(self._ctx)
        pause = min(self._pause, until - now) if until and until > now else self._pause
        timer = self._ctx.create_timer(pause)
        if hear_abort and not self._abort.is_complete:
            yield when_any([timer, self._abort])
        else:
            yield timer
        longest = self._order.longest
        self._pause = longest * SELDOM if self._looks > OFTEN else min(self._pause * 2, longest)
        yield from self._ask(DrillStep.LOOK, self._sight.epoch)

    def _press_if_it_fails(self, run: str, epoch: int) -> Steps[None]:
        """Let the failover wait for no job of a primary that has failed, once its pointer has moved."""
        if not self._is_pressed and run == self._failover and self._sight.fails and self._sight.epoch == epoch + 1:
            self._is_pressed = True
            why = f"the primary failed during full drill {self._order.drill}: {self._sight.ill}"
            yield from self._write(names.TURN_UNGRACEFUL, run, why)

    def _write(self, activity: str, run: str, why: str) -> Steps[str]:
        """Write a wish about a run into the epoch record; why it came too late, empty if it did not."""
        order = self._order
        wish = Wish(by=f"full drill {order.drill}", reason=why, at=utc_now(self._ctx))
        given = StopOrder(pair=order.pair, run=run, wish=wish, beat=order.beat, longest=order.longest)
        answer = yield from insist(self._ctx, activity, to_message(given), beat=order.beat, longest=order.longest)
        return str(answer or "")

    def _tell_that_it_waits(self, why: str) -> Steps[None]:
        order, run = self._order, drill_run_id(self._order.pair, self._order.drill)
        waiter = Waiter(order.pair, run, order.beat, order.longest)
        said = f"{run} has left the {self._sight.active} active, and its way back is held: {why}"
        yield from tell_that_it_waits(self._ctx, waiter, "failback", said)

    def _show(self, waits_for: str) -> None:
        self._ctx.set_custom_status(waiting_status(waits_for, utc_now(self._ctx).isoformat(), ""))

    def _describe_abort(self) -> str:
        if not self._abort.is_complete:
            return ""
        return str(Aborted(from_message(self._abort.get_result(), Wish, names.ABORT)))

    def _end(self, outcome: DrillOutcome, why: str) -> FullDrillRun:
        is_real = outcome is DrillOutcome.PROMOTED
        return FullDrillRun(
            order=self._order,
            outcome=outcome,
            why=why,
            active=self._sight.active,
            failover=self._failover,
            failback=self._failback,
            aborted="" if is_real else self._describe_abort(),
        )
