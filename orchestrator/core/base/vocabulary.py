"""The words of the field, each an enumeration, spelt as they are stored and shown.

An unknown word never becomes a member: decoding raises, and the caller stands still.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The fixed place of a hub in its pair. Which of the two is *active* changes; the role does not."""

    PRIMARY = "primary"
    SECONDARY = "secondary"

    @property
    def other(self) -> Role:
        return Role.SECONDARY if self is Role.PRIMARY else Role.PRIMARY


class EvidenceClass(StrEnum):
    """A kind of evidence. However many observations it carries, it speaks once."""

    HUB = "hub"
    JOBS = "jobs"
    INFERENCE = "inference"
    DEPENDENCY = "dependency"
    METRICS = "metrics"
    NOTICE = "notice"
    CONTROL = "control"


class Surface(StrEnum):
    """A question that a probe asks. Several surfaces may speak for one class."""

    HUB = "hub"
    JOBS = "jobs"
    INFERENCE = "inference"
    STORAGE = "storage"
    KEYVAULT = "keyvault"
    ACR = "acr"
    CONTROL = "control"
    IDENTITY = "identity"
    OBSERVER = "observer"
    ELSEWHERE = "elsewhere"


class Observation(StrEnum):
    """What was seen. ``blind``: the answer, or that none came, says nothing about health."""

    OK = "ok"
    DEGRADED = "degraded"
    BAD = "bad"
    BLIND = "blind"


class Cause(StrEnum):
    PLATFORM = "platform"
    PLANNED = "planned"
    USER = "user"
    GUEST = "guest"
    NONE = "none"


class Tier(StrEnum):
    HOT_HOT = "hot/hot"
    HOT_WARM = "hot/warm"
    HOT_COLD = "hot/cold"


class Mode(StrEnum):
    """How far the orchestrator may go by itself."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"


class ReadinessRule(StrEnum):
    """What a standby that is not ready means for a switch that nobody ordered."""

    BLOCK = "block"
    WARN = "warn"


class Phase(StrEnum):
    STEADY = "steady"
    SUSPECT = "suspect"
    AWAITING_APPROVAL = "awaiting_approval"
    SWITCHING = "switching"
    RESUBMITTING = "resubmitting"
    SETTLED = "settled"
    RETURNING = "returning"


class JobPolicy(StrEnum):
    """What is to become of a job whose hub went down while it ran."""

    NEVER = "never"
    IF_INTERRUPTED = "if-interrupted"
    ALWAYS = "always"


class Twin(StrEnum):
    """What is to become of a successor whose old run has completed after all."""

    KEEP = "keep"
    CANCEL = "cancel"


class LeftJob(StrEnum):
    """What is to become of a job that runs on a side that is left although it is well: a failback, a planned switch."""

    FINISH = "finish"
    MOVE = "move"
    DEADLINE = "deadline"


class AbsentInput(StrEnum):
    """What is to become of a job whose input is absent on the side where it would run."""

    WAIT = "wait"
    TELL = "tell"


class NoticeName(StrEnum):
    """What people and programs are told, as the type ``Hubswitch.<name>`` of a CloudEvent; docs/notices.md explains."""

    SUSPECT = "Suspect"
    CLEARED = "Cleared"
    SWITCH_HELD = "SwitchHeld"
    APPROVAL_REQUESTED = "ApprovalRequested"
    REJECTED = "Rejected"
    FAILOVER_STARTED = "FailoverStarted"
    FAILOVER_SWITCHED = "FailoverSwitched"
    FAILOVER_COMPLETED = "FailoverCompleted"
    FAILOVER_JOBS_GIVEN_UP = "FailoverJobsGivenUp"
    FAILBACK_STARTED = "FailbackStarted"
    FAILBACK_SWITCHED = "FailbackSwitched"
    FAILBACK_COMPLETED = "FailbackCompleted"
    FAILBACK_JOBS_GIVEN_UP = "FailbackJobsGivenUp"
    RUN_WAITS = "RunWaits"
    APPROVAL_NEEDED = "ApprovalNeeded"
    RUN_FAILED = "RunFailed"
    RUN_ABORTED = "RunAborted"
    STEP_FAILED = "StepFailed"
    SETTLED = "Settled"
    SUPERSEDED = "Superseded"
    JOB_NEEDS_OWNER = "JobNeedsOwner"
    TROUBLE_BEGAN = "TroubleBegan"
    TROUBLE_OVER = "TroubleOver"
    SIGHT_LOST = "SightLost"
    SIGHT_REGAINED = "SightRegained"
    DRILLS_LAPSED = "DrillsLapsed"
    STANDBY_NOT_READY = "StandbyNotReady"
    STANDBY_READY = "StandbyReady"
    LOOKS_NOT_TAKEN_IN = "LooksNotTakenIn"
    ESCALATED = "Escalated"
    CLASS_BLIND = "ClassBlind"
    RULE_OUT_OF_REACH = "RuleOutOfReach"
    RULE_IN_REACH = "RuleInReach"
    CHANGE_SUSPECTED = "ChangeSuspected"
    DELIVERIES_UNREAD = "DeliveriesUnread"
    RECORD_NOT_KEPT = "RecordNotKept"
    LEADER_CHANGED = "LeaderChanged"
    STAMP_SILENT = "StampSilent"
    STAMP_HEARD = "StampHeard"
    TEST_NOTICE = "TestNotice"
