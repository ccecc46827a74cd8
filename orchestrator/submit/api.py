"""For programs that submit jobs: to the active hub, with a record in the ledger ahead of the submission.

A YAML file, or a job that was built with azure-ai-ml::

    from orchestrator.submit.api import submit
    done = submit("job.yml", "research.yaml")

A client of one's own, which goes on as it is::

    from orchestrator.submit.api import submission_policy
    client = MLClient(credential, ..., per_call_policies=[submission_policy("research.yaml")])

Settings come from the environment, as for the app; without ``HUBSWITCH_CREDENTIAL`` the login of this machine is used.
The identity needs to read the pointer and to write the ledger's container, besides what it needs to submit.
"""

from __future__ import annotations

import getpass
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from azure.core.credentials import TokenCredential

from orchestrator.clock import SystemClock
from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import HubswitchError, InvalidInput, NotFound, NotNow, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.azure_status import has_ended, status_of
from orchestrator.core.jobs.record import JobStatus, is_job_name
from orchestrator.core.jobs.record_changes import why_not
from orchestrator.core.plan.schema import Plan
from orchestrator.plan_files import plan_in
from orchestrator.ports import World
from orchestrator.settings import Settings, settings_from, with_own_login
from orchestrator.submit.journal import Destination, Submissions, destination

if TYPE_CHECKING:
    from orchestrator.adapters.hub.submission_policy import SubmissionPolicy

_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")
NAME_RULE = "letters, digits, '_', '.' and '-', a letter or digit first, at most 255"
POLL = 5.0
"""Seconds between two questions while a job is waited for."""


class Submitted(Value, kw_only=True):
    """A job that a hub has taken."""

    pair: str
    name: str
    side: Role
    hub: str
    project: str
    region: str
    status: str
    studio: str
    """Where to look at it; empty if the hub did not say."""

    warnings: tuple[str, ...] = ()


class Noting(Submissions):
    """Remembers the hub's answer. azure-ai-ml may fail over an answer of a job that is submitted all the same."""

    answer: dict[str, Any] | None = None

    def accepted(self, side: Role, name: str, job: Mapping[str, Any]) -> str:
        self.answer = dict(job)
        return super().accepted(side, name, job)


@dataclass(frozen=True)
class Desk:
    """What one program needs to submit for one pair."""

    plan: Plan
    world: World
    settings: Settings
    credential: TokenCredential


def desk(plan: Plan | Path | str, credential: TokenCredential | None = None) -> Desk:
    """Plan, settings and clients. Nothing is asked of Azure yet.

    Raises:
        InvalidInput: the plan or a setting is wrong.
    """
    from orchestrator.adapters.assembly import assemble
    from orchestrator.adapters.http.credential import Identity, credential_for
    from orchestrator.adapters.http.transport import BoundedTransport, Gate, limits_from

    known = plan if isinstance(plan, Plan) else plan_in(Path(plan))
    settings = settings_from({**with_own_login(os.environ), "HUBSWITCH_PLANS": "."})
    if settings.ca_bundle:
        # azure-ai-ml gives the clients with which it uploads files no transport and no setting of ours.
        os.environ.setdefault("REQUESTS_CA_BUNDLE", settings.ca_bundle)
    given = credential or credential_for(
        settings, Identity.EXECUTOR, BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
    )
    world = assemble(settings, {known.pair: known}, SystemClock(), credential=given)
    return Desk(known, world, settings, given)


def submission_policy(
    plan: Plan | Path | str,
    credential: TokenCredential | None = None,
    *,
    strict: bool = False,
    warn: Callable[[str], object] | None = None,
) -> SubmissionPolicy:
    """A policy for ``MLClient(per_call_policies=[...])`` that keeps the ledger's record of every job submitted.

    Args:
        plan: of the pair, or the file with it. Jobs of other workspaces pass unseen.
        credential: reads the pointer and writes the ledger; this machine's login if None.
        strict: refuse what cannot be written down, or would go to a hub that is not active. Otherwise warn.
        warn: takes each warning, one line; logged for ``hubswitch.submission`` if not given.
    """
    return _policy(desk(plan, credential), strict=strict, warn=warn)


def submit(
    job: Any,
    plan: Plan | Path | str | Desk,
    *,
    name: str | None = None,
    sets: Sequence[str] = (),
    side: Role | None = None,
    strict: bool = False,
    credential: TokenCredential | None = None,
) -> Submitted:
    """Submit a job to the active hub of a pair, its record ahead of it.

    Args:
        job: a YAML file, or a job of azure-ai-ml.
        plan: of the pair, the file with it, or a desk that was made before.
        name: of the job. Fixed before anything is sent; to try again after a failure, give the same one.
        sets: ``path.to.field=value`` each, laid over the file.
        side: where to, without asking the pointer.
        strict: refuse to submit what cannot be written down.
        credential: whose job it is; this machine's login if None.

    Raises:
        InvalidInput: plan, file or job is wrong. Nothing was sent.
        NotNow: the name is that of another job of the ledger, or ``strict`` forbids it.
        HubswitchError: the pointer cannot be read, or the hub did not take the job.
    """
    from orchestrator.adapters.hub import mlclient

    at = plan if isinstance(plan, Desk) else desk(plan, credential)
    loaded = mlclient.load(Path(job), sets, name) if isinstance(job, str | Path) else job
    loaded.name = name or loaded.name or _make_name(loaded, job)
    if not is_job_name(loaded.name):
        said_in = str(job) if isinstance(job, str | Path) and name is None else "the job"
        raise InvalidInput(said_in, "name", NAME_RULE, repr(loaded.name))
    where = Destination(side, 0, "", "") if side else destination(at.world, at.plan)
    _must_be_free(at, loaded.name, where.side)
    return _put(at, loaded, where, strict=strict)


def follow(at: Desk, name: str, side: Role, poll: float = POLL) -> Iterator[tuple[str, Role, str]]:
    """Name, side and status of a job whenever one of them changes, until it ends.

    When the job is moved, its successor is followed. A hub that does not answer is asked again.
    """
    last: tuple[str, Role, str] | None = None
    while last is None or not has_ended(last[2]):
        name, side = _newest(at, name, side)
        now = (name, side, _ask_status(at, name, side) or (last[2] if last and last[0] == name else "Unknown"))
        if now != last:
            yield now
            last = now
        if not has_ended(now[2]):
            time.sleep(poll)


def _put(at: Desk, job: Any, where: Destination, *, strict: bool) -> Submitted:
    from orchestrator.adapters.hub import mlclient
    from orchestrator.adapters.hub.submission_policy import SubmissionPolicy

    said = [where.note] if where.note else []
    journal = Noting(at.world, at.plan, _who())
    policy = SubmissionPolicy(journal, strict=strict, warn=said.append)
    hub, status, studio = at.plan.side(where.side), "", ""
    try:
        answer = mlclient.submit(job, hub, at.credential, at.settings.resource_manager, policy)
        status, studio = str(getattr(answer.status, "value", answer.status) or ""), answer.studio_url or ""
    except HubswitchError as fault:
        if journal.answer is None:
            raise
        said.append(f"{job.name} was taken, but azure-ai-ml does not understand the answer: {fault}")
    return Submitted(
        pair=at.plan.pair,
        name=job.name,
        side=where.side,
        hub=hub.hub,
        project=hub.project,
        region=hub.region,
        status=status or status_of(journal.answer or {}),
        studio=studio,
        warnings=tuple(said),
    )


def _newest(at: Desk, name: str, side: Role) -> tuple[str, Role]:
    with suppress(HubswitchError):
        found = at.world.ledgers[at.plan.pair].read(at.plan.pair, name)
        if found and found.value.status is JobStatus.RESUBMITTED and found.value.successor:
            return found.value.successor, found.value.hub.other
    return name, side


def _ask_status(at: Desk, name: str, side: Role) -> str:
    """The job's status; empty if its hub does not answer, or does not have it yet."""
    try:
        return status_of(at.world.jobs.get(at.plan.side(side), name))
    except (TemporaryError, NotFound):
        return ""


def _policy(at: Desk, *, strict: bool, warn: Callable[[str], object] | None) -> SubmissionPolicy:
    from orchestrator.adapters.hub.submission_policy import SubmissionPolicy

    return SubmissionPolicy(Submissions(at.world, at.plan, _who()), strict=strict, warn=warn)


def _must_be_free(at: Desk, name: str, side: Role) -> None:
    """Refuse a name that belongs to a job elsewhere. A ledger that cannot be read is the policy's business."""
    try:
        found = at.world.ledgers[at.plan.pair].read(at.plan.pair, name)
    except HubswitchError:
        return
    trouble = why_not(found.value, side) if found else ""
    if trouble:
        raise NotNow(f"{trouble}; choose another name")


def _make_name(job: Any, source: Any) -> str:
    """A name that says what the job is, and that nobody else will choose."""
    stem = Path(source).resolve().parent.name if isinstance(source, str | Path) else ""
    word = _UNFIT.sub("-", str(job.display_name or job.experiment_name or stem)).strip("-_")[:40]
    return f"{word or 'job'}-{uuid.uuid4().hex[:10]}"


def _who() -> str:
    try:
        return getpass.getuser()
    except OSError:
        return "somebody"


def plain(submitted: Submitted) -> Mapping[str, Any]:
    """As JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(submitted)
    return found
