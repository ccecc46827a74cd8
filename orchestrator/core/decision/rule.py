"""The rule: when the evidence about the active side is enough to leave it. Pure; knows nothing of holds.

Two classes must be bad, one of them a work class, each without a break for ``confirm_after``. While hub and jobs
are well, bad inference is a matter of one model route and the hub stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from orchestrator.core.base.evidence_classes import DECIDING_CLASSES, WORK_CLASSES
from orchestrator.core.base.text import format_duration, join_words
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role, Surface
from orchestrator.core.decision.evidence import track_key
from orchestrator.core.decision.verdicts import Assessment
from orchestrator.core.plan.policy import Policy

WITNESSES = 2
"""Classes that must agree."""


class Judgement(NamedTuple):
    """What the rule says of one side."""

    met: bool
    rule: str
    """``quiet``, ``confirm-only``, ``one-class``, ``no-work-class``, ``model-route``, ``confirming``, or the one that
    decides: ``two-classes``."""

    why: str
    bad: tuple[EvidenceClass, ...] = ()
    """All classes that are bad, ``notice`` among them."""


def judge(seen: Assessment, side: Role, policy: Policy) -> Judgement:
    """Whether the evidence about a side is enough to leave it, and if not, what is missing."""
    bad = seen.bad(side)
    deciding = [c for c in bad if c in DECIDING_CLASSES]
    if not deciding:
        return _judge_without_deciders(seen, side, bad)
    names = join_words(c.value for c in deciding)
    if EvidenceClass.INFERENCE in deciding and _hub_and_jobs_are_well(seen, side):
        why = f"{names} bad while hub and jobs of the {side} are well: one model route, the hub stays"
        return Judgement(False, "model-route", why, bad)
    if len(deciding) < WITNESSES:
        return Judgement(
            False, "one-class", f"only {names} of the {side} is bad: {_reasons(seen, side, deciding)}", bad
        )
    if not WORK_CLASSES.intersection(deciding):
        why = f"{names} of the {side} are bad, but none of hub, jobs and inference: work goes on"
        return Judgement(False, "no-work-class", why, bad)
    return _judge_confirmation(seen, side, deciding, bad, policy)


def _judge_without_deciders(seen: Assessment, side: Role, bad: tuple[EvidenceClass, ...]) -> Judgement:
    if not bad:
        blind = blind_work(seen, side)
        quiet = (
            f"nothing about the {side} is known to be bad, but {blind}" if blind else f"nothing about the {side} is bad"
        )
        return Judgement(False, "quiet", quiet)
    names = join_words(c.value for c in bad)
    why = f"only {names} of the {side} is bad, which confirms but does not decide: {_reasons(seen, side, bad)}"
    return Judgement(False, "confirm-only", why, bad)


def _judge_confirmation(
    seen: Assessment, side: Role, deciding: list[EvidenceClass], bad: tuple[EvidenceClass, ...], policy: Policy
) -> Judgement:
    needed = confirmation(seen, side, policy)
    ripe = [c for c in deciding if seen.of(side, c).bad_for >= needed]
    told = join_words(f"{c} for {format_duration(seen.of(side, c).bad_for)}" for c in deciding)
    if len(ripe) >= WITNESSES and WORK_CLASSES.intersection(ripe):
        why = f"{told} bad on the {side} (needed: {format_duration(needed)}): {_reasons(seen, side, ripe)}"
        return Judgement(True, "two-classes", why, bad)
    why = f"{told} bad on the {side}; two of them, one a work class, must be so for {format_duration(needed)}"
    return Judgement(False, "confirming", why, bad)


def find_confirmed_at(seen: Assessment, side: Role, policy: Policy) -> datetime | None:
    """When a look may find the rule met if nothing about a side changes; None if more than time is missing, or nothing.

    The first look at that moment or after it finds it so.
    """
    if judge(seen, side, policy).rule != "confirming":
        return None
    needed = confirmation(seen, side, policy)
    since = {c: seen.of(side, c).since for c in seen.bad(side) if c in DECIDING_CLASSES}
    for latest in sorted(at for at in since.values() if at):
        ripe = [c for c, at in since.items() if at and at <= latest]
        if len(ripe) >= WITNESSES and WORK_CLASSES.intersection(ripe):
            return latest + needed
    return None


def confirmation(seen: Assessment, side: Role, policy: Policy) -> timedelta:
    """How long two classes must have been bad: less while Azure itself declares an incident there."""
    declared = any(side in incident.used for incident in seen.open_incidents())
    return policy.confirm_after_notice if declared else policy.confirm_after


def _hub_and_jobs_are_well(seen: Assessment, side: Role) -> bool:
    return all(seen.of(side, c).observation is Observation.OK for c in (EvidenceClass.HUB, EvidenceClass.JOBS))


def blind_work(seen: Assessment, side: Role) -> str:
    """Why neither hub nor jobs of a side can be seen by those who ask; empty if one of them can."""
    track = seen.evidence.tracks.get(track_key(side, Surface.HUB))
    if track is None or track.seen is Observation.OK:
        return ""  # nobody has asked, or the answer was good
    both = [seen.of(side, c) for c in (EvidenceClass.HUB, EvidenceClass.JOBS)]
    if any(verdict.observation is not Observation.BLIND for verdict in both):
        return ""
    return f"hub and jobs of the {side} cannot be seen: {both[0].why}"


def _reasons(seen: Assessment, side: Role, classes: tuple[EvidenceClass, ...] | list[EvidenceClass]) -> str:
    return "; ".join(seen.of(side, c).why for c in classes)
