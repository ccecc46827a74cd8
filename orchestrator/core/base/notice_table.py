"""Every notice in one table: how bad it is, what it says, what happens next, what a person can do. Pure.

A *matter* is what several notices are about: those of one pair and matter belong together, and one that ``closes`` a
matter says that it is over. Channels that keep an alert open until it is resolved go by it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.base.vocabulary import NoticeName


class NoticeSeverity(StrEnum):
    """How bad what a notice tells of is."""

    CRITICAL = "critical"
    """Work stands still, is being moved, or would not be moved if it had to be."""

    WARNING = "warning"
    """Somebody should look within the day."""

    INFO = "info"
    """For the record."""


class Matter(StrEnum):
    """What notices of a pair are about."""

    OUTAGE = "outage"
    RETURN = "return"
    RUN = "run"
    STEP = "step"
    JOBS = "jobs"
    OWNER = "owner"
    RECORDS = "records"
    SIGHT = "sight"
    DRILLS = "drills"
    STANDBY = "standby"
    LOOKS = "looks"
    CLASSES = "classes"
    REACH = "reach"
    CHANGE = "change"
    DELIVERIES = "deliveries"
    STAMPS = "stamps"
    SILENCE = "silence"
    TEST = "test"


class NoticeRow(NamedTuple):
    """What is known of a kind of notice before one is sent."""

    name: NoticeName
    severity: NoticeSeverity
    matter: Matter
    what: str
    """What has happened, in a few words."""

    next: str
    """What happens by itself."""

    do: str
    """What a person can do."""

    closes: tuple[Matter, ...] = ()
    """Matters that are over with it."""

    is_switch: bool = False
    """Whether it tells of a switch: no quiet hours keep it back."""


_WATCHED = "The pair is watched as before."
_NOT_MOVED = "Nothing is switched by itself meanwhile."
_NOTHING = "Nothing."

ROWS: tuple[NoticeRow, ...] = (
    NoticeRow(
        NoticeName.SUSPECT,
        NoticeSeverity.WARNING,
        Matter.OUTAGE,
        "Something on the active side is bad",
        "It is looked at more often. If enough stays bad for long enough, the pair fails over, or asks.",
        "Nothing yet. `hubswitch explain` says what is seen and what would follow.",
    ),
    NoticeRow(
        NoticeName.CLEARED,
        NoticeSeverity.INFO,
        Matter.OUTAGE,
        "The active side is well again",
        _WATCHED,
        _NOTHING,
        closes=(Matter.OUTAGE,),
    ),
    NoticeRow(
        NoticeName.SWITCH_HELD,
        NoticeSeverity.WARNING,
        Matter.OUTAGE,
        "A switch is due and something holds it",
        "It is made when what holds it has ended, if it is still due then.",
        "Read why; each hold has its end in the runbook. A failover ordered with a reason and `force` overrides it.",
    ),
    NoticeRow(
        NoticeName.APPROVAL_REQUESTED,
        NoticeSeverity.CRITICAL,
        Matter.OUTAGE,
        "A switch is proposed and waits for approval",
        "The proposal expires unanswered; it is made again as long as it is due.",
        "Approve or reject it.",
    ),
    NoticeRow(
        NoticeName.REJECTED,
        NoticeSeverity.INFO,
        Matter.OUTAGE,
        "A proposal was rejected",
        "It is made again after `approval_expiry`, if it is still due.",
        _NOTHING,
    ),
    NoticeRow(
        NoticeName.FAILOVER_STARTED,
        NoticeSeverity.CRITICAL,
        Matter.OUTAGE,
        "A failover has begun",
        "The epoch is claimed and the pointer published; the jobs follow.",
        _NOTHING,
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.FAILOVER_SWITCHED,
        NoticeSeverity.CRITICAL,
        Matter.OUTAGE,
        "The pointer shows the other side",
        "Interrupted jobs are moved.",
        "Look whether your clients follow.",
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.FAILOVER_COMPLETED,
        NoticeSeverity.INFO,
        Matter.OUTAGE,
        "The failover is complete",
        "The cooldown runs; the side that is active now is protected after it.",
        "Look at the jobs that wait: `hubswitch jobs list --status waiting`.",
        closes=(Matter.RUN,),
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.FAILOVER_JOBS_GIVEN_UP,
        NoticeSeverity.WARNING,
        Matter.JOBS,
        "Some jobs were neither taken nor refused by the other side",
        "They are tried again by themselves.",
        "Find out why, from one job's story: `hubswitch jobs show`.",
    ),
    NoticeRow(
        NoticeName.FAILBACK_STARTED,
        NoticeSeverity.WARNING,
        Matter.RETURN,
        "The way back has begun",
        "The epoch is claimed and the pointer published.",
        _NOTHING,
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.FAILBACK_SWITCHED,
        NoticeSeverity.WARNING,
        Matter.RETURN,
        "The pointer shows the primary again",
        "The steps of the way back follow.",
        "Look whether your clients follow.",
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.FAILBACK_COMPLETED,
        NoticeSeverity.INFO,
        Matter.RETURN,
        "The way back is complete",
        "Jobs that stay in the secondary end there, or move at their deadline.",
        _NOTHING,
        closes=(Matter.RETURN, Matter.RUN),
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.FAILBACK_JOBS_GIVEN_UP,
        NoticeSeverity.WARNING,
        Matter.JOBS,
        "Jobs could not be brought home",
        "They are tried again by themselves.",
        "`hubswitch jobs list --why` has the reasons.",
    ),
    NoticeRow(
        NoticeName.SETTLED,
        NoticeSeverity.INFO,
        Matter.OUTAGE,
        "A run has ended and the pair is watched again",
        "No automatic switch until the cooldown is over.",
        "When you have seen to everything, `acknowledge` ends the cooldown.",
        closes=(Matter.OUTAGE, Matter.RETURN, Matter.RUN),
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.RUN_WAITS,
        NoticeSeverity.WARNING,
        Matter.RUN,
        "A step of a run has been tried for long",
        "It is tried for as long as it takes.",
        "Read why. If a role lacks, give it; the run goes on by itself.",
    ),
    NoticeRow(
        NoticeName.APPROVAL_NEEDED,
        NoticeSeverity.CRITICAL,
        Matter.RUN,
        "A run waits for a person before it goes on",
        "Nothing after this step begins before it is answered, or before its `timeout` if its plan goes on then.",
        "Approve or reject the proposal; with reject the run goes on without this step.",
    ),
    NoticeRow(
        NoticeName.STEP_FAILED,
        NoticeSeverity.WARNING,
        Matter.STEP,
        "A step of a run failed",
        "The run goes on without it.",
        "Read why, and do by hand what the step is for. The run's report has the step.",
    ),
    NoticeRow(
        NoticeName.RUN_FAILED,
        NoticeSeverity.CRITICAL,
        Matter.OUTAGE,
        "A run ended without its work done",
        "It is tried again after `confirm_after`, if it is still due.",
        "Read why.",
        closes=(Matter.RUN,),
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.RUN_ABORTED,
        NoticeSeverity.WARNING,
        Matter.OUTAGE,
        "A run was aborted before it had switched",
        "The pair is where it was, and is watched as before; a failover may become due again.",
        "Nothing, or `hubswitch pause` if the pair is to stay there whatever happens.",
        closes=(Matter.RUN,),
    ),
    NoticeRow(
        NoticeName.SUPERSEDED,
        NoticeSeverity.WARNING,
        Matter.OUTAGE,
        "Somebody else has switched the pair",
        "What they did is taken over; the cooldown runs.",
        "Nothing, if you know who it was: another stamp, or a person by hand.",
        closes=(Matter.RETURN, Matter.RUN),
        is_switch=True,
    ),
    NoticeRow(
        NoticeName.JOB_NEEDS_OWNER,
        NoticeSeverity.WARNING,
        Matter.OWNER,
        "A job can be submitted by its owner alone",
        "It waits.",
        "Tell that person.",
    ),
    NoticeRow(
        NoticeName.RECORD_NOT_KEPT,
        NoticeSeverity.WARNING,
        Matter.RECORDS,
        "Evidence of a run, or an entry of the audit log, was not stored",
        "Evidence is made when somebody asks for it; the audit log says nothing of that entry.",
        "See why the ledger account refused.",
    ),
    NoticeRow(
        NoticeName.TROUBLE_BEGAN,
        NoticeSeverity.CRITICAL,
        Matter.RECORDS,
        "The pair's records cannot be read or contradict each other",
        "The pair stands still until they can be read and agree.",
        "Mend the store, or see to the host's clock.",
    ),
    NoticeRow(
        NoticeName.TROUBLE_OVER,
        NoticeSeverity.INFO,
        Matter.RECORDS,
        "The pair's records can be read again",
        _WATCHED,
        _NOTHING,
        closes=(Matter.RECORDS,),
    ),
    NoticeRow(
        NoticeName.SIGHT_LOST,
        NoticeSeverity.CRITICAL,
        Matter.SIGHT,
        "Neither hub nor jobs of the active side can be seen",
        _NOT_MOVED,
        "Read why: our identity, its roles, our network. Look at the hub yourself.",
    ),
    NoticeRow(
        NoticeName.SIGHT_REGAINED,
        NoticeSeverity.INFO,
        Matter.SIGHT,
        "The active side can be seen again",
        _WATCHED,
        _NOTHING,
        closes=(Matter.SIGHT,),
    ),
    NoticeRow(
        NoticeName.DRILLS_LAPSED,
        NoticeSeverity.WARNING,
        Matter.DRILLS,
        "Too few drills are young enough",
        "The pair does not act by itself until there are enough.",
        "Hold a drill: `POST pairs/<pair>/drill`.",
    ),
    NoticeRow(
        NoticeName.STANDBY_NOT_READY,
        NoticeSeverity.WARNING,
        Matter.STANDBY,
        "The standby could not take over now",
        "It is looked at again within half an hour, and after changes.",
        "`hubswitch readiness PAIR` says what lacks, and what mends it.",
    ),
    NoticeRow(
        NoticeName.STANDBY_READY,
        NoticeSeverity.INFO,
        Matter.STANDBY,
        "The standby could take over again",
        _WATCHED,
        _NOTHING,
        closes=(Matter.STANDBY,),
    ),
    NoticeRow(
        NoticeName.LOOKS_NOT_TAKEN_IN,
        NoticeSeverity.CRITICAL,
        Matter.LOOKS,
        "What is seen of the pair is not taken in",
        _NOT_MOVED,
        "Look at the engine: its storage or scheduler, the app's log, a worker that hangs. Restart the app.",
    ),
    NoticeRow(
        NoticeName.ESCALATED,
        NoticeSeverity.CRITICAL,
        Matter.OUTAGE,
        "A class has been bad for long and nothing was switched",
        "Nothing, as long as the evidence stays as it is.",
        "Order a failover with a reason, or pause the pair.",
    ),
    NoticeRow(
        NoticeName.CLASS_BLIND,
        NoticeSeverity.WARNING,
        Matter.CLASSES,
        "A class of evidence cannot be seen",
        "It counts for nothing until it can.",
        "Read why: a role, a network rule, an address in the plan.",
    ),
    NoticeRow(
        NoticeName.RULE_OUT_OF_REACH,
        NoticeSeverity.CRITICAL,
        Matter.REACH,
        "The pair can never fail over by itself",
        _NOT_MOVED,
        "Mend what cannot be seen, or name more surfaces in the plan.",
    ),
    NoticeRow(
        NoticeName.RULE_IN_REACH,
        NoticeSeverity.INFO,
        Matter.REACH,
        "The pair can fail over by itself again",
        _WATCHED,
        _NOTHING,
        closes=(Matter.REACH,),
    ),
    NoticeRow(
        NoticeName.CHANGE_SUSPECTED,
        NoticeSeverity.WARNING,
        Matter.CHANGE,
        "Something turned bad after somebody had changed it",
        "As long as it stays bad it is no evidence for a failover.",
        "Ask who changed it; undo it, or order a failover.",
    ),
    NoticeRow(
        NoticeName.DELIVERIES_UNREAD,
        NoticeSeverity.WARNING,
        Matter.DELIVERIES,
        "Something was delivered that cannot be read",
        "It counts for nothing.",
        "Do what the line says, such as switching on the common alert schema.",
    ),
    NoticeRow(
        NoticeName.LEADER_CHANGED,
        NoticeSeverity.WARNING,
        Matter.STAMPS,
        "Another stamp leads",
        "The stamp that took over acts for the pair; the other one follows when it is back.",
        "See why the other stamp is silent: its region, its app, its engine.",
    ),
    NoticeRow(
        NoticeName.STAMP_SILENT,
        NoticeSeverity.WARNING,
        Matter.SILENCE,
        "Another stamp does not watch any more",
        "The stamp that tells this acts for the pair. If it goes, too, nobody takes over.",
        "See why the other stamp is silent: its region, its app, its engine. If it was removed, delete its view.",
    ),
    NoticeRow(
        NoticeName.STAMP_HEARD,
        NoticeSeverity.INFO,
        Matter.SILENCE,
        "Every other stamp watches again",
        _WATCHED,
        _NOTHING,
        closes=(Matter.SILENCE,),
    ),
    NoticeRow(
        NoticeName.TEST_NOTICE,
        NoticeSeverity.WARNING,  # what is for the record alone opens no alert, and nobody would see whether it works
        Matter.TEST,
        "This is a test: nothing has happened",
        _NOTHING,
        "Close the alert if it opened one.",
    ),
)

NOTICE_TABLE: dict[NoticeName, NoticeRow] = {row.name: row for row in ROWS}
