"""What is stored outside the hubs, one shape per kind, each with a schema number and one door.

====================  ==========================================  =======================
record                where                                       changed by
====================  ==========================================  =======================
``EpochRecord``       blob ``<pair>/epoch.json``                  the run that claims
``PointerValue``      App Configuration, ``hubswitch:<pair>:…``   the run that holds the epoch
``JobRecord``         blob ``<pair>/jobs/<name>.json``            submission, capture, resubmission
``Manifest``          blob ``<pair>/runs/<run>/round-<n>.json``  the run, once a round
====================  ==========================================  =======================
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from orchestrator.core.base.codec import SCHEMA, Moment, Record, Value
from orchestrator.core.base.vocabulary import JobPolicy, Role

JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
"""Names that Azure ML gives and accepts for jobs (azure-ai-ml, ``job`` schemas), and that are one path segment."""

JOB_NAME_LIMIT = 255
"""Azure ML refuses run ids of more than 256 characters (learn.microsoft.com, resource-limits-capacity)."""


JOB_SCHEMA = 2
"""Schema of ``JobRecord``. ``record_schema.read_job_record`` also reads the older one."""


class JobStatus(StrEnum):
    """Where a job stands in the ledger."""

    SUBMITTING = "submitting"
    """Written down ahead of its submission; whether a hub has it is not known yet."""

    NOT_SUBMITTED = "not_submitted"
    """Written down, but no hub took it: it was refused, or it never arrived."""

    RUNNING = "running"
    """Submitted to a hub and not known to have ended: queued, starting or running there."""

    FINISHED = "finished"
    """Ended by itself, well or not."""

    RESUBMITTED = "resubmitted"
    """Its successor was accepted by the other hub."""

    SKIPPED = "skipped"
    """Left alone, by its policy."""

    WAITING = "waiting"
    """Could not be submitted; ``reason`` says why and what it waits for."""

    REFUSED = "refused"
    """The other hub understood it and said no; ``reason`` holds its message."""


class OldRun(StrEnum):
    """What is known of the run that a resubmitted job left behind, once its hub answers again."""

    UNKNOWN = ""
    ENDED = "ended"
    """It had ended before its successor was submitted, or has failed since."""

    STOPPING = "stopping"
    """It ran on although its successor was accepted; its cancellation was asked for."""

    STOPPED = "stopped"
    COMPLETED = "completed"
    """It came to a good end of its own; see its history for what became of its successor."""

    GONE = "gone"
    """Its hub does not know it."""


class Asset(Record, kw_only=True):
    """Something that must exist in a hub before a job that names it is accepted there."""

    kind: str
    """``code``, ``environment``, ``component``, ``data`` or ``model``."""

    id: str
    """ARM id in the hub from which the job was captured, with a version."""

    label: str = ""
    """The id as the job names it, if that is by a label such as ``latest``."""


class JobEventKind(StrEnum):
    """What can happen to a job's record. ``record_changes`` has the table of what each may lead to."""

    SUBMITTING = "submitting"
    """Written down ahead of its submission."""

    CAPTURED = "captured"
    """First seen in a hub."""

    SUBMITTED = "submitted"
    """Its hub has shown it, or has accepted it as a successor."""

    NOT_SUBMITTED = "not submitted"
    TAG_NOT_UNDERSTOOD = "tag not understood"
    INCOMPLETE = "incomplete"
    """Something that it needs could not be kept, or not be made on the other side."""

    COMPLETED = "completed"
    """Everything that it needs is kept now."""

    FINISHED = "finished"
    """It ended in Azure ML."""

    RESUBMITTED = "resubmitted"
    SKIPPED = "skipped"
    """A run left it alone."""

    WAITING = "waiting"
    REFUSED = "refused"
    STAYS = "stays"
    """A run leaves it where it is, and it goes on there: its hub is well."""

    STOPPING = "stopping"
    """Its end was asked for. Written before the asking."""

    UNSURE = "unsure"
    """The answer to a submission did not arrive."""

    RETRY = "retry"
    """A person wants it to be tried again."""

    SKIP = "skip"
    """A person wants it to be left alone."""

    OLD_RUN_ENDED = "old run ended"
    OLD_RUN_STOPPED = "old run stopped"
    OLD_RUN_COMPLETED = "old run completed"
    OLD_RUN_GONE = "old run gone"
    NOTED = "noted"
    """A line of a record of schema 1 whose word is none of these; ``why`` begins with that word."""


class JobEvent(Record, kw_only=True):
    """One line of a job's story."""

    at: Moment
    what: JobEventKind
    why: str
    epoch: int


class Attempt(Record, kw_only=True):
    """A submission under ``successor_name(root, epoch)``."""

    side: Role
    epoch: int


class JobRecord(Record, kw_only=True):
    """A job that can be run again elsewhere."""

    schema: int = JOB_SCHEMA
    pair: str
    name: str
    root: str
    """Name of the first job of this line; the names of all successors are made from it."""

    hub: Role
    """Side on which this job was submitted."""

    status: JobStatus
    policy: JobPolicy
    priority: int = 0
    """Higher goes first."""

    api_version: str
    body: dict[str, Any]
    """ARM JSON as Azure ML gave it, read-only fields included; they go when the job is rewritten."""

    azure_status: str
    """Azure ML's own word for the job's status when last seen, such as ``Running``."""

    captured_at: Moment
    ended_at: Moment | None = None
    """When its end was noted; None while it runs."""

    closure: tuple[Asset, ...] = ()
    incomplete: str = ""
    """Why something of the closure could not be kept or recreated yet; it is tried again."""

    lacking: int = 0
    """How many assets of the closure are not on the other side yet; at least 1 while it is incomplete."""

    epoch: int = 0
    """Epoch of the run that last acted on this record."""

    successor: str | None = None
    reason: str = ""
    history: tuple[JobEvent, ...] = ()

    lineage: tuple[str, ...] = ()
    """Jobs whose outputs this job's inputs name."""

    deadline: Moment | None = None
    """After it nobody wants the job any more (tag ``hubswitch.deadline``)."""

    identity: str = ""
    """``user`` if the job, or a step of it, runs as the person who submitted it."""

    parent: str = ""
    """The pipeline or sweep of which this job is a part."""

    schedule: str = ""
    """The schedule that submitted it."""

    tries: int = 0
    """How often it was given up for a time."""

    retry_at: Moment | None = None
    """From then on a waiting or refused job is tried again, and one that stays in a hub that was left is looked at
    anew; None: only when a new epoch begins, or a person asks."""

    unsure: tuple[Attempt, ...] = ()
    """Submissions whose answers did not arrive: they may have been accepted."""

    old_run: OldRun = OldRun.UNKNOWN

    stop_asked: bool = False
    """Whether we asked its hub to stop the run, so that it can go on elsewhere or because its successor runs."""

    left_alone_by: str = ""
    """The person who does not want it to be moved; empty if nobody said so."""

    left_alone_why: str = ""
    """What that person gave as the reason."""


class JobSummary(Value, kw_only=True):
    """What a listing of the ledger gives without reading bodies."""

    name: str
    hub: Role
    status: JobStatus
    priority: int
    epoch: int
    captured_at: Moment
    azure_status: str = ""
    ended_at: Moment | None = None
    incomplete: bool = False
    policy: JobPolicy = JobPolicy.IF_INTERRUPTED
    lineage: tuple[str, ...] = ()
    """The first of them, as far as a listing has room."""

    retry_at: Moment | None = None
    old_run: OldRun = OldRun.UNKNOWN
    lacking: int = 0
    """Assets that the job needs and that were not on the other side when last tried."""


class Manifest(Value, kw_only=True):
    """Names of the jobs of one batch of one run, in the order in which they are to go."""

    schema: int = SCHEMA
    run: str
    batch: int
    jobs: tuple[str, ...]


def fell_with_its_region(job: JobRecord | JobSummary, doubted_since: datetime) -> bool:
    """Whether a job that Azure ML calls failed ended while its hub was in doubt: the outage's doing, not its own."""
    failed = job.status is JobStatus.FINISHED and job.azure_status.casefold() == "failed"
    return failed and job.ended_at is not None and job.ended_at >= doubted_since


def is_interrupted(job: JobRecord | JobSummary, doubted_since: datetime) -> bool:
    """Whether an outage has taken this job.

    It ran, or was being submitted, by the ledger's word, or failed while its hub was in doubt. A job of policy
    ``always`` is wanted again also if it completed in that time: its results lie where nobody may be able to read them.
    A cancelled one never is.
    """
    if job.status in {JobStatus.RUNNING, JobStatus.SUBMITTING} or fell_with_its_region(job, doubted_since):
        return True
    completed = job.status is JobStatus.FINISHED and job.azure_status.casefold() == "completed"
    in_doubt = job.ended_at is not None and job.ended_at >= doubted_since
    return completed and in_doubt and job.policy is JobPolicy.ALWAYS


def line_of(name: str, body: Mapping[str, Any]) -> tuple[str, int]:
    """The root of a job's line, and the epoch in which it was submitted: by its tags, if its name follows from them.

    A successor that is seen before its record is written is the same job, and no new line.
    """
    tags = (body.get("properties") or {}).get("tags") or {}
    source, epoch = tags.get("hubswitch.source"), str(tags.get("hubswitch.epoch"))
    if isinstance(source, str) and epoch.isascii() and epoch.isdigit() and name == successor_name(source, int(epoch)):
        return source, int(epoch)
    return name, 0


def is_job_name(text: str) -> bool:
    """Whether a job can be called so: letters, digits, ``_``, ``.`` and ``-``, the first of them a letter or digit."""
    return JOB_NAME.fullmatch(text) is not None


def successor_name(root: str, epoch: int) -> str:
    """The name under which a job is submitted in an epoch: always the same, so a second PUT is the same job."""
    name = f"{root}-e{epoch}"
    if len(name) <= JOB_NAME_LIMIT:
        return name
    tail = f"-{hashlib.sha256(root.encode()).hexdigest()[:12]}-e{epoch}"
    return root[: JOB_NAME_LIMIT - len(tail)] + tail
