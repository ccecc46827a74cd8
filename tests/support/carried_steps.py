"""Steps of a plan, carried out by their activities as a run does."""

from __future__ import annotations

from typing import Any

import msgspec
from crash_harness import Visit
from waiting import until

from orchestrator.core.base.errors import TemporaryError
from orchestrator.workflows.activities.steps import STEP_ACTIVITIES
from orchestrator.workflows.messages import RunOrder, StepOrder


def carry(visit: Visit, run: RunOrder, step: Any) -> str:
    order = StepOrder(**msgspec.structs.asdict(run), step=step)
    return STEP_ACTIVITIES[step.kind][1](visit.world, order)


def carry_until_done(visit: Visit, run: RunOrder, step: Any) -> list[str]:
    """Try a step as a run does; why it was not done at each try."""
    whys: list[str] = []

    def is_done() -> bool:
        try:
            carry(visit, run, step)
        except TemporaryError as why:
            whys.append(str(why))
            return False
        return True

    until(is_done, f"{step.title} is done")
    return whys
