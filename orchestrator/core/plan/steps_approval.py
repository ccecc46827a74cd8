"""The step at which a run waits for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.step_base import BaseStep

LONGEST_QUESTION = 400


class AwaitApproval(BaseStep, kw_only=True, tag="await_approval"):
    """Wait until a person says with a reason that the run goes on. People are told at once.

    It is answered like the proposal of a switch: `hubswitch approve PAIR --proposal RUN/STEP` lets the step be done,
    `reject` ends it as skipped; either way the run goes on, and the first answer counts. With a `timeout` and
    `on_error: continue` the run goes on unanswered.
    """

    asks_a_person: ClassVar[bool] = True

    question: str = ""
    """What people are asked, in the notice."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if len(self.question) > LONGEST_QUESTION:
            yield Fault("question", f"at most {LONGEST_QUESTION} characters", str(len(self.question)))
