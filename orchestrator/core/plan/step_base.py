"""What every kind of step of a plan has: a name, a timeout, retries, and what follows when it has failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import spell_duration
from orchestrator.core.plan.faults import Fault

STEP_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")
"""A step's name is part of the ids of orchestrations."""

MOST_TRIES = 100
"""Tries that a plan may count: they are part of a run's own history, which each of them makes longer."""


class OnError(StrEnum):
    """What becomes of a run when one of its steps has used up its time or its tries."""

    STOP = "stop"
    CONTINUE = "continue"


class Retry(Value, kw_only=True):
    """How a step that fails is tried again."""

    tries: int | None = None
    """Tries after which the step has failed; null: no limit."""

    pause: timedelta | None = None
    """Pause after the first try; it doubles with each further one. Null: as between the tries of phase A."""

    longest: timedelta | None = None
    """Longest pause between two tries. Null: as between the tries of phase A."""


class BaseStep(Value, kw_only=True, tag_field="kind"):
    """What every kind of step has. A subclass is one kind; its tag is the kind's name in plans."""

    needs_resource_manager: ClassVar[bool] = False
    """Whether the step cannot succeed while Resource Manager is away. `hubswitch plan check` prints it."""

    calls: ClassVar[tuple[str, ...]] = ()
    """Which calls of Resource Manager it makes, for `hubswitch plan check`."""

    actions: ClassVar[tuple[str, ...]] = ()
    """What it takes of Azure ML besides reads, as ``computes/write``, at the project of the side that it works on."""

    acts_on_both: ClassVar[bool] = False
    """Whether it changes both sides' projects; else that of its ``side``, or of the target if it has no such field."""

    asks_a_person: ClassVar[bool] = False
    """Whether the step waits for a person, who is told as soon as the run comes to it."""

    milestone: ClassVar[str] = ""
    """Field of ``Milestones`` that takes the time at which a step of this kind was over; empty: none."""

    name: str = ""
    """The step's name in the run's report and in its notices; the kind if it is left out. Each name comes once."""

    timeout: timedelta | None = None
    """Time after which the step has failed; null: no limit."""

    on_error: OnError = OnError.STOP
    """What follows when the step has failed. `stop`: people are told, nothing after it begins, and the step is tried on
    until it succeeds. `continue`: the run goes on without it."""

    retry: Retry = Retry()
    """How the step is tried again."""

    after: tuple[str, ...] = ()
    """Names of steps of the same group that are over before this one begins, whether they were done or failed. Outside
    a group each step begins after the one before it."""

    @property
    def kind(self) -> str:
        return kind_of(type(self))

    @property
    def title(self) -> str:
        """The name under which people meet the step."""
        return self.name or self.kind

    def faults(self) -> Iterator[Fault]:
        """What contradicts itself in this step."""
        if not STEP_NAME.fullmatch(self.title):
            yield Fault("name", "lower-case letters, digits, - and _, at most 40", repr(self.title))
        if self.timeout is not None and self.timeout <= timedelta():
            yield Fault("timeout", "a duration above zero", spell_duration(self.timeout))
        if self.retry.tries is not None and not 1 <= self.retry.tries <= MOST_TRIES:
            yield Fault("retry.tries", f"from 1 to {MOST_TRIES}; a timeout allows more", str(self.retry.tries))
        for field in ("pause", "longest"):
            pause = getattr(self.retry, field)
            if pause is not None and pause <= timedelta():
                yield Fault(f"retry.{field}", "a duration above zero", spell_duration(pause))
        if self.on_error is OnError.CONTINUE and self.timeout is None and self.retry.tries is None:
            expected = "stop, or a timeout or retry.tries beside continue"
            yield Fault("on_error", expected, "a step that never fails", ("timeout", "retry.tries"))


class StepSide(StrEnum):
    """The side of a run that a step works on."""

    TARGET = "target"
    SOURCE = "source"


def kind_of(shape: type[BaseStep]) -> str:
    """A kind's name: the tag of its shape."""
    return str(shape.__struct_config__.tag)
