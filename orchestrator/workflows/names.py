"""Every name under which something durable is registered, called or signalled. A name lives here or nowhere.

The activity of a plan's step is the exception: its name is the step's kind, from ``orchestrator.core.plan.steps``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestrator.core.plan.steps import AwaitStandby, kind_of

PAIR_ENTITY: Final = "pair"

OBSERVE: Final = "observe"
COMMAND: Final = "command"
REPORT: Final = "report"

DELIVERIES_ENTITY: Final = "deliveries"
DELIVERIES_KEY: Final = "all"

COUNT: Final = "count"

SWITCH_RUN: Final = "switch_run"
STEP_RUN: Final = "step_run"
RESUBMIT_RUN: Final = "resubmit_run"
PATIENCE_RUN: Final = "patience_run"
AFTER_RUN: Final = "after_run"
CAPTURE_RUN: Final = "capture_run"
DRILL_RUN: Final = "drill_run"
TELL_RUN: Final = "tell_run"
KEEP_RUN: Final = "keep_run"

CLAIM_EPOCH: Final = "claim_epoch"
PUBLISH_POINTER: Final = "publish_pointer"
VERIFY_POINTER: Final = "verify_pointer"
READ_EPOCH: Final = "read_epoch"
AWAIT_STANDBY: Final = kind_of(AwaitStandby)
LIST_JOBS: Final = "list_jobs"
RESUBMIT_JOBS: Final = "resubmit_jobs"
SETTLE_JOBS: Final = "settle_jobs"
CAPTURE_JOBS: Final = "capture_jobs"
TELL: Final = "tell"
KEEP_DECISION: Final = "keep_decision"
FINISH_RUN: Final = "finish_run"
REHEARSE: Final = "rehearse"
SUBMIT_CANARY: Final = "submit_canary"
CHECK_CANARY: Final = "check_canary"
FINISH_DRILL: Final = "finish_drill"

CONCURRENCY_LIMITS: Mapping[str, int] = {
    RESUBMIT_JOBS: 8,
    CAPTURE_JOBS: 3,
    SETTLE_JOBS: 1,
}
"""Activity -> how many may be under way in one process. Those of a plan's steps are in ``activities.steps``. Whatever
is in neither takes a second or two."""
