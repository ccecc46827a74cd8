"""What a run rests on, noted when it is ordered: nothing that is stored afterwards says it as exactly."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from orchestrator.core.base.codec import Moment, Value, to_builtins
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.standing import ReadinessStanding, find_standing
from orchestrator.core.decision.state import PairState
from orchestrator.core.evidence.document import Consent
from orchestrator.core.plan.schema import Plan

CONSENTS = frozenset({Do.APPROVE, Do.FAILOVER, Do.FAILBACK})
"""Commands that begin a run."""


class RunBasis(Value, kw_only=True):
    """The decision that ordered a run."""

    bad_since: Moment | None = None
    """First bad evidence about the side that is left, of classes that were bad at the decision; None: none was."""

    suspected_at: Moment | None = None
    """When the pair became suspect; None if it was not."""

    decision: Kept | None = None
    consents: tuple[Consent, ...] = ()
    plan_sha256: str = ""
    readiness: ReadinessStanding | None = None
    """What the last look at the side that takes over came to; None if there was none about it."""


def basis_of(
    before: PairState, after: PairState, plan: Plan, now: datetime, bad_since: datetime | None, command: Command | None
) -> RunBasis:
    """What a run rests on that is ordered now.

    Args:
        before: the pair before the decision.
        after: the pair after it, with the decision in ``latest``.
        plan: the pair's.
        now: the decision's time.
        bad_since: since when the side that is left is seen ill.
        command: what a person wanted, if the decision answers a person.
    """
    return RunBasis(
        bad_since=bad_since,
        suspected_at=find_suspected_since(after),
        decision=after.latest,
        consents=_consents(before, command, now),
        plan_sha256=plan_digest(plan),
        readiness=find_standing(before.readiness, before.active),
    )


def plan_digest(plan: Plan) -> str:
    """SHA-256 of a plan: canonical JSON of all fields, those that have their defaults included.

    Both sides' ``api`` and ``references.home`` are taken as left out: an app fills them in, each worker when it knows.
    """
    bare = msgspec.structs.replace(
        plan,
        primary=msgspec.structs.replace(plan.primary, api=None),
        secondary=msgspec.structs.replace(plan.secondary, api=None),
        references=msgspec.structs.replace(plan.references, home=""),
    )
    return hashlib.sha256(msgspec.json.encode(to_builtins(bare), order="sorted")).hexdigest()


def find_suspected_since(state: PairState) -> datetime | None:
    """When the pair left ``steady`` or ``settled`` as suspect, as far back as its journal goes; None if it did not."""
    found = None
    for entry in reversed(state.journal):
        if entry.phase in {Phase.STEADY, Phase.SETTLED}:
            break
        if entry.phase is Phase.SUSPECT:
            found = entry.at
    return found


def _consents(before: PairState, command: Command | None, now: datetime) -> tuple[Consent, ...]:
    if command is not None and command.do in CONSENTS:
        return (Consent(who=command.by, at=now, reason=command.reason),)
    granted = before.approval
    if granted is None or granted.granted_by is None:
        return ()
    return (Consent(who=granted.granted_by, at=granted.granted_at, reason=granted.granted_why),)
