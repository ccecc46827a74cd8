"""The rule's numbers: one frozen value per pair, refused rather than repaired when it contradicts itself.

Each field says what it is, its unit, and why its default is what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.text import spell_duration
from orchestrator.core.base.vocabulary import Mode, ReadinessRule
from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.windows import Recurring, Window, recurring_faults

__all__ = ["Failback", "Policy", "Recurring", "Window", "check_policy", "policy_faults"]

DRILLS_KEPT = 16
"""Green drills that a pair remembers, the newest."""


class Failback(StrEnum):
    MANUAL = "manual"
    AUTO = "auto"


class Policy(Value, kw_only=True):
    """When to suspect, when to act, when to hold."""

    mode: Mode = Mode.OBSERVE
    """How far to go alone. A new deployment watches and explains; a person arms it."""

    probe_interval: timedelta = timedelta(seconds=30)
    """Time between two sweeps of a pair that is well. Two sweeps a minute cost little and find an outage in two."""

    suspect_interval: timedelta = timedelta(seconds=10)
    """Time between two sweeps while something is bad. Short, so that the confirmation rests on many looks."""

    bad_after: int = 3
    """Consecutive bad probes before a surface is bad. One lost packet, or one restart, is not an outage."""

    confirm_after: timedelta = timedelta(minutes=5)
    """How long two classes must have been bad without a break. Most regional blips are over by then."""

    confirm_after_notice: timedelta = timedelta(minutes=2)
    """The same, while Azure itself declares an incident in that region for a service that the hub uses."""

    share_window: timedelta = timedelta(minutes=30)
    """Window in which brown-outs are looked for. Long enough that one solid fault is not most of it."""

    bad_share: float = 0.75
    """Part of the answered time in the window in which a class must have been bad to be bad by share."""

    bad_share_notice: float = 0.4
    """The same, while Azure itself declares an incident in that region for a service that the hub uses."""

    global_settle: timedelta = timedelta(minutes=15)
    """How long a fault that was seen elsewhere, or told as global, still holds. Such faults end unevenly."""

    change_window: timedelta = timedelta(minutes=30)
    """How long after somebody changed a resource what turns bad in it is taken for the change's effect."""

    escalate_after: timedelta = timedelta(minutes=60)
    """How long a deciding class may be bad without a switch before people are told what they can do."""

    evidence_lifetime: timedelta = timedelta(minutes=5)
    """Age at which a probe's answer says nothing any more. Ten sweeps missed in a row make us blind."""

    metrics_lifetime: timedelta = timedelta(minutes=15)
    """Age at which an alert of Azure Monitor says nothing any more: three of its usual five-minute windows."""

    notice_lifetime: timedelta = timedelta(minutes=60)
    """Age at which a Service Health or Resource Health message says nothing any more. They are updated hourly."""

    secondary_fresh: timedelta = timedelta(minutes=5)
    """How recently the standby must have been seen well. Nobody should be moved to a place not looked at."""

    cooldown: timedelta = timedelta(minutes=60)
    """Time after a switch without another automatic one, in either direction. Stops flapping."""

    approval_expiry: timedelta = timedelta(minutes=30)
    """How long an asked-for approval stays valid. Evidence that old should be judged anew."""

    second_person: bool = False
    """Whether a person's order to fail over or back begins only when somebody else has approved it. Off, since at night
    there may be one person alone. It is worth as much as the names are: let people sign in."""

    mass_limit: float = 0.5
    """Share of all pairs that may move at once; above it the fault is taken to be ours, or global."""

    mass_from: int = 4
    """Number of pairs from which ``mass_limit`` applies. Half of two pairs is one, which says nothing."""

    failback: Failback = Failback.MANUAL
    """Who begins the return. Recoveries come as a staircase over hours; a person sees the whole stair."""

    failback_hold: timedelta = timedelta(hours=12)
    """Uninterrupted health of the old side before a return. Second waves came up to 22 hours later."""

    maintenance_windows: tuple[Window, ...] = ()
    """Announced work on the hubs, by date. Nothing is switched in it, unless forced; what is seen is still kept."""

    maintenance_weekly: tuple[Recurring, ...] = ()
    """The same, for work that comes again: every Saturday night, the first Sunday of a month."""

    blackout_windows: tuple[Window, ...] = ()
    """Times in which nobody may be disturbed, by date. As maintenance; drills are refused as well, unless forced."""

    blackout_weekly: tuple[Recurring, ...] = ()
    """The same, for times that come again: closing days, market hours."""

    green_drills: int = 1
    """Drills that must have gone well before mode ``auto`` acts alone; 0 asks for none. A standby that nobody has
    practised with is a guess."""

    drill_age: timedelta = timedelta(days=90)
    """Age at which a drill that went well does not count any more. Roles, quotas and images change within a quarter."""

    auto_without_drills: str = ""
    """Why mode ``auto`` may act without those drills, in a sentence; empty if it may not. It is shown to everybody."""

    readiness: ReadinessRule = ReadinessRule.WARN
    """What mode ``auto`` does while the standby is not ready: ``block`` waits until it is, ``warn`` moves all the same
    and says so. A person's order is never kept by it."""

    readiness_lifetime: timedelta = timedelta(hours=2)
    """Age at which a look at the standby says nothing any more, and blocks no longer: four looks that did not come. A
    standby that was never looked at blocks however old the deployment is."""

    missed_looks: int = 4
    """Times ``probe_interval`` without a look, after which what was seen before confirms nothing: the wait is gone
    through anew. One late timer is not blindness; two minutes without eyes are."""


def check_policy(policy: Policy, where: str) -> Policy:
    """The same policy, if it does not contradict itself.

    Raises:
        InvalidInput: names the first field that contradicts another.
    """
    for fault in policy_faults(policy):
        raise InvalidInput(where, fault.field, fault.expected, fault.got)
    return policy


def policy_faults(policy: Policy) -> Iterator[Fault]:
    """Every field that cannot be meant; as fields of a plan."""
    for claim in _claims(policy):
        if not claim.holds:
            others = tuple(f"policy.{name}" for name in claim.rests_on)
            value = getattr(policy, claim.field)
            got = spell_duration(value) if isinstance(value, timedelta) else str(value)
            yield Fault(f"policy.{claim.field}", claim.expected, got, others)
    for field in ("maintenance_windows", "blackout_windows"):
        for n, window in enumerate(getattr(policy, field)):
            yield from _window_faults(window, f"policy.{field}[{n}]")
    for field in ("maintenance_weekly", "blackout_weekly"):
        for n, recurring in enumerate(getattr(policy, field)):
            yield from recurring_faults(recurring, f"policy.{field}[{n}]")


def _window_faults(window: Window, place: str) -> Iterator[Fault]:
    bounds = {"from": window.since, "to": window.until}
    naive = [name for name, at in bounds.items() if at.tzinfo is None]
    for name in naive:
        expected = "a time with a zone, such as 2026-02-27T09:30:00Z"
        yield Fault(f"{place}.{name}", expected, bounds[name].isoformat())
    if not naive and window.since >= window.until:
        got = f"{window.since.isoformat()} to {window.until.isoformat()}"
        yield Fault(f"{place}.to", "a time after from", got, (f"{place}.from",))


class _Claim(NamedTuple):
    """What has to hold for a field."""

    field: str
    expected: str
    holds: bool
    rests_on: tuple[str, ...] = ()
    """Other fields that it is compared with."""


def _claims(policy: Policy) -> list[_Claim]:
    """Fields that are wrong by themselves come first: what they are compared with is not at fault then."""
    positive = [
        _Claim(name, "a duration above zero", getattr(policy, name) > timedelta())
        for name in (
            "probe_interval",
            "suspect_interval",
            "evidence_lifetime",
            "secondary_fresh",
            "approval_expiry",
            "drill_age",
            "metrics_lifetime",
            "notice_lifetime",
            "share_window",
            "escalate_after",
            "readiness_lifetime",
        )
    ]
    return [
        *positive,
        _Claim("bad_after", "at least 1", policy.bad_after >= 1),
        _Claim("global_settle", "not below zero", policy.global_settle >= timedelta()),
        _Claim("change_window", "not below zero", policy.change_window >= timedelta()),
        _Claim("bad_share", "above 0 and at most 1", 0 < policy.bad_share <= 1),
        _Claim("mass_from", "at least 1", policy.mass_from >= 1),
        _Claim("mass_limit", "above 0 and at most 1", 0 < policy.mass_limit <= 1),
        _Claim("green_drills", f"from 0 to {DRILLS_KEPT}", 0 <= policy.green_drills <= DRILLS_KEPT),
        _Claim("missed_looks", "at least 2, or one late timer is a blind spell", policy.missed_looks >= 2),  # noqa: PLR2004
        _Claim(
            "suspect_interval",
            "at most probe_interval",
            policy.suspect_interval <= policy.probe_interval,
            ("probe_interval",),
        ),
        _Claim(
            "confirm_after",
            "at least (bad_after - 1) x suspect_interval",
            # Divided and not multiplied: a timedelta has no room for a count of many digits.
            policy.suspect_interval <= timedelta()
            or policy.bad_after - 1 <= policy.confirm_after / policy.suspect_interval,
            ("bad_after", "suspect_interval"),
        ),
        _Claim(
            "confirm_after_notice",
            "at most confirm_after",
            policy.confirm_after_notice <= policy.confirm_after,
            ("confirm_after",),
        ),
        _Claim(
            "evidence_lifetime",
            "more than probe_interval, or evidence dies between two sweeps",
            policy.evidence_lifetime > policy.probe_interval,
            ("probe_interval",),
        ),
        _Claim(
            "bad_share_notice",
            "above 0 and at most bad_share",
            0 < policy.bad_share_notice <= policy.bad_share,
            ("bad_share",),
        ),
        _Claim(
            "share_window",
            "at least confirm_after",
            policy.share_window >= policy.confirm_after,
            ("confirm_after",),
        ),
    ]
