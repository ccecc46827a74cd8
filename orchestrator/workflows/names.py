"""Every name under which something durable is registered, called or signalled. A name lives here or nowhere.

The activity of a plan's step is the exception: its name is the step's kind, from ``orchestrator.core.plan.steps``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestrator.core.plan.step_base import kind_of
from orchestrator.core.plan.steps import AwaitStandby
from orchestrator.core.plan.steps_pair import RunPair

PAIR_ENTITY: Final = "pair"

OBSERVE: Final = "observe"
COMMAND: Final = "command"
REPORT: Final = "report"
ADVANCE_DRILL: Final = "advance_drill"
ORDER: Final = "order"
"""Called, and not signalled, as ``ADVANCE_DRILL`` is: it answers."""

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
STOP_RUN: Final = "stop_run"
PRESS_RUN: Final = "press_run"
KEEP_RUN: Final = "keep_run"
AUDIT_RUN: Final = "audit_run"
NOTICE_RUN: Final = "notice_run"
RECOVER_RUN: Final = "recover_run"
ORDER_PAIR_RUN: Final = "order_pair_run"
GROUP_RUN: Final = "group_run"
GROUP_PAIR_RUN: Final = "group_pair_run"
ORDER_GROUP_PAIR_RUN: Final = "order_group_pair_run"

ABORT: Final = "abort"
"""Event: a person wants a drill to end, with everything restored. Its input is a ``Wish``."""

TRY_NOW: Final = "try_now"
"""Event: a person wants the next try of what an orchestration pauses for at once."""

WITHDRAW_RUN: Final = "withdraw_run"
LOOK_AT_DRAIN: Final = "look_at_drain"
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
CANCEL_CANARY: Final = "cancel_canary"
BEGIN_PARTIAL: Final = "begin_partial"
LOOK_AT_COPIES: Final = "look_at_copies"
END_COPIES: Final = "end_copies"
TURN_UNGRACEFUL: Final = "turn_ungraceful"
MEASURE_DRILL: Final = "measure_drill"
FINISH_DRILL: Final = "finish_drill"
MAKE_EVIDENCE: Final = "make_evidence"
WRITE_AUDIT: Final = "write_audit"
KEEP_NOTICES: Final = "keep_notices"
RECOVER_RESOURCE: Final = "recover_resource"
FINISH_RECOVERY: Final = "finish_recovery"
KEEP_PAIR_ORDER: Final = "keep_pair_order"
KEEP_GROUP_ORDER: Final = "keep_group_order"
LOOK_AT_GROUP_PAIR: Final = "look_at_group_pair"

TRIED_AS_WORKFLOW: Mapping[str, str] = {
    kind_of(RunPair): ORDER_PAIR_RUN,
    LOOK_AT_GROUP_PAIR: ORDER_GROUP_PAIR_RUN,
}
"""Activities of which each try is an orchestration around them: it does what no activity can."""

CONCURRENCY_LIMITS: Mapping[str, int] = {
    RESUBMIT_JOBS: 8,
    CAPTURE_JOBS: 3,
    SETTLE_JOBS: 1,
    LOOK_AT_DRAIN: 2,
}
"""Activity -> how many may be under way in one process. Those of a plan's steps are in ``activities.steps``. Whatever
is in neither takes a second or two."""
