"""Reasons not to act. Each is one function that returns its sentence, or None if it does not stand.

A switch is ordered only if none stands. Approval is not here: it is asked for when nothing else holds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from orchestrator.core.base.evidence_classes import MEMBERS
from orchestrator.core.base.store_time import AGREEMENT
from orchestrator.core.base.text import format_duration, format_time, join_words
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Observation, ReadinessRule, Role, Surface
from orchestrator.core.decision.brown_out import STANDBY_SHARE
from orchestrator.core.decision.evidence import MEMBER_KEYS, Incident, track_key
from orchestrator.core.decision.rule import confirmation, judge
from orchestrator.core.decision.stamps import green_count
from orchestrator.core.decision.standing import find_standing
from orchestrator.core.decision.state import PairState
from orchestrator.core.decision.verdicts import Assessment, Verdict
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.windows import end_of

CLOCK_LIMIT = timedelta(minutes=5)
"""How far back the clock may jump before nothing that it says is believed."""


CLOCK = "hold.clock"
"""Rule of decisions that were not made, for nobody knew the time."""


class Hold(NamedTuple):
    rule: str
    why: str


class Case(NamedTuple):
    """Everything that a hold may look at."""

    state: PairState
    seen: Assessment
    now: datetime
    policy: Policy
    source: Role
    target: Role
    bad: tuple[EvidenceClass, ...] = ()
    """Classes that are bad on the side that is to be left."""

    pairs_moving: float = 0.0


class Check(NamedTuple):
    """One reason not to act."""

    rule: str
    find: Callable[[Case], str | None]
    """Its sentence, or None if it does not stand."""

    ends: str
    """What would end it, as a noun clause."""


def trouble(case: Case) -> str | None:
    if case.state.trouble is None:
        return None
    return f"something that decisions rest on cannot be read: {case.state.trouble}"


def paused(case: Case) -> str | None:
    pause = case.state.paused
    return f"paused by {pause.by} since {format_time(pause.since)}: {pause.reason}" if pause else None


def everything_paused(case: Case) -> str | None:
    pause = case.state.paused_all
    return f"every pair is paused by {pause.by} since {format_time(pause.since)}: {pause.reason}" if pause else None


def maintenance(case: Case) -> str | None:
    ends = end_of(case.now, case.policy.maintenance_windows, case.policy.maintenance_weekly)
    return f"in a maintenance window until {format_time(ends)}" if ends else None


def blackout(case: Case) -> str | None:
    ends = blackout_end(case.now, case.policy)
    return f"in a blackout window until {format_time(ends)}" if ends else None


def cooldown(case: Case) -> str | None:
    ends = cooldown_end(case.state, case.policy)
    if ends is None or case.now >= ends:
        return None
    return f"cooldown after the last switch until {format_time(ends)}; an acknowledgement ends it"


def failed_run(case: Case) -> str | None:
    failed = case.state.failed_at
    if failed is None or case.now >= failed + case.policy.confirm_after:
        return None
    again, ago = failed + case.policy.confirm_after, format_duration(case.now - failed)
    return f"the last run ended without a switch {ago} ago; the next may begin at {format_time(again)}"


def deleted(case: Case) -> str | None:
    gone = case.seen.deletions()
    if not gone:
        return None
    names = join_words(f"{d.name} of the {d.role} ({format_time(d.at)})" for d in gone)
    return f"somebody deleted {names}; an acknowledgement, or its being there again, ends this"


def observer(case: Case) -> str | None:
    track = case.seen.world(Surface.OBSERVER)
    if track is None or track.seen not in {Observation.BAD, Observation.BLIND}:
        return None
    return f"our own region or network is in trouble: {track.why or track.seen}"


def identity(case: Case) -> str | None:
    """A token that can be had for neither side is our own trouble, or everybody's.

    While our own network is in trouble, which holds by itself, nobody knows whether one could be had.
    """
    if observer(case):
        return None
    tracks = [case.seen.evidence.tracks.get(track_key(role, Surface.IDENTITY)) for role in Role]
    fresh = [track for track in tracks if track and case.now - track.at <= case.policy.evidence_lifetime]
    blind = [track for track in fresh if track.seen in {Observation.BAD, Observation.BLIND}]
    if len(blind) < len(tracks):
        return None
    return f"no token can be had for either side, so nothing that needs one was asked: {blind[0].why or blind[0].seen}"


def own_region(case: Case) -> str | None:
    for incident in case.seen.open_incidents():
        if incident.ours:
            return f"Service Health names the region in which we run ourselves: {incident.why}"
    return None


def other_stamp(case: Case) -> str | None:
    """Another stamp that sees well everything that we see bad: one of us is wrong, and nobody can say which.

    The leader goes by its own view: what others see differently is shown there (``acting.describe_dissent``).
    """
    leadership = case.state.leadership
    if leadership is not None and not leadership.follows:
        return None
    bad = {c for c in case.bad if c is not EvidenceClass.NOTICE}
    for view in case.state.views if bad else ():
        age = case.now - view.looked_at
        if -CLOCK_LIMIT <= age <= case.policy.evidence_lifetime and bad.issubset(view.well.get(case.source, ())):
            names = join_words(c.value for c in EvidenceClass if c in bad)
            return f"the stamp {view.stamp} saw {names} of the {case.source} well {format_duration(age)} ago"
    return None


def follower(case: Case) -> str | None:
    """Another stamp acts for the pair."""
    leadership = case.state.leadership
    if leadership is None or not leadership.follows:
        return None
    return (
        f"the stamp {leadership.stamp} leads, as known here since {format_time(leadership.since)} (term "
        f"{leadership.term}); this one takes over if it is silent for {format_duration(leadership.take_over_after)}"
    )


def lead_lapsed(case: Case) -> str | None:
    """Our lead was not renewed in time, and another stamp may have taken over. Where there is no other, it counts."""
    leadership = case.state.leadership
    if leadership is None or leadership.until is None or case.now <= leadership.until or not case.state.views:
        return None
    return f"this stamp's lead counted until {format_time(leadership.until)}; another one may have taken over by now"


def drills(case: Case) -> str | None:
    policy = case.policy
    if policy.mode is not Mode.AUTO or policy.auto_without_drills.strip():
        return None
    green = green_count(case.state.green_drills, case.now, policy)
    if green >= policy.green_drills:
        return None
    return (
        f"{green} of {policy.green_drills} drills have gone well in the last {policy.drill_age.days} days: "
        "the mode auto does not act before"
    )


def standby_not_ready(case: Case) -> str | None:
    """The last look at the standby found it not ready, or there was none. One that is too old keeps nobody.

    Else a reader that has lost its way would hold a pair for ever, and nobody looks at a pair that is well.
    """
    policy = case.policy
    if policy.mode is not Mode.AUTO or policy.readiness is not ReadinessRule.BLOCK:
        return None
    standing = find_standing(case.state.readiness, case.source)
    if standing is None:
        return f"nobody has looked yet whether the {case.target} is ready, and the plan says readiness: block"
    if standing.ready or case.now - standing.at > policy.readiness_lifetime:
        return None
    return f"the {case.target} is not ready, as of {format_time(standing.at)}: {standing.why}"


def doubt_of_readiness(state: PairState, now: datetime, policy: Policy) -> str:
    """What people should know of a standby to which a switch would go all the same; empty if it is ready, or holds."""
    standing, target = find_standing(state.readiness, state.active), state.active.other
    if standing is None:
        return ""
    age = format_duration(now - standing.at)
    if now - standing.at > policy.readiness_lifetime:
        found = "ready" if standing.ready else "not ready"
        return f"the {target} was last looked at {age} ago, which counts no more; it was {found}"
    blocks = policy.mode is Mode.AUTO and policy.readiness is ReadinessRule.BLOCK
    return "" if standing.ready or blocks else f"the {target} is not ready, as of {age} ago: {standing.why}"


def blind_spell(case: Case) -> str | None:
    """Looks that did not come: what was bad before and is bad now may have been well between."""
    state, policy = case.state, case.policy
    if state.looked_at is None:
        return None
    if is_blind_spell(state, case.now, policy):
        return f"nobody has looked since {format_time(state.looked_at)}: what was heard since confirms nothing"
    if state.resumed_at is None:
        return None
    ends = state.resumed_at + confirmation(case.seen, case.source, policy)
    if case.now >= ends:
        return None
    return (
        f"looks were missed until {format_time(state.resumed_at)}; what was seen before confirms nothing: "
        f"it has to be seen anew until {format_time(ends)}"
    )


def unconfirmed_clock(case: Case) -> str | None:
    """Stores that have told the time before, and have not for a while: a clock ahead would make evidence look ripe."""
    confirmed, policy = case.state.confirmed_at, case.policy
    if confirmed is None or case.now - confirmed <= policy.probe_interval + AGREEMENT:
        return None
    return f"our clock was last confirmed by the stores {format_duration(case.now - confirmed)} ago, as it reckons"


def elsewhere(case: Case) -> str | None:
    track = case.seen.evidence.tracks.get(f"world.{Surface.ELSEWHERE}")
    if track is None or track.bad_at is None or case.now - track.bad_at > case.policy.evidence_lifetime:
        return None
    return f"the same fault is seen in regions that belong to no pair: {track.bad_why or 'failed'}"


def global_notice(case: Case) -> str | None:
    for incident in case.seen.open_incidents():
        if incident.everywhere and not _is_regional(case, incident):
            return f"Service Health names the whole world: {incident.why}"
    return None


def _is_regional(case: Case, incident: Incident) -> bool:
    """Whether an incident that also lists a global service is one of the active region all the same.

    It is if it names that region for a service that is used, and elsewhere and the standby are seen well.
    """
    world = case.seen.world(Surface.ELSEWHERE)
    if case.source not in incident.used or world is None or world.seen is not Observation.OK:
        return False
    probed = [c for c in MEMBERS if any(key in case.seen.evidence.tracks for key in MEMBER_KEYS[case.target, c])]
    return bool(probed) and all(case.seen.answers_well(case.target, c) for c in probed)


def global_settle(case: Case) -> str | None:
    """The rest of a fault that was everybody's ends soon after: what is bad now may be that rest."""
    evidence, settle = case.seen.evidence, case.policy.global_settle
    if evidence.global_at is None or case.now - evidence.global_at >= settle:
        return None
    ago, ends = format_duration(case.now - evidence.global_at), format_time(evidence.global_at + settle)
    return f"{evidence.global_why} {ago} ago; the rest of such a fault ends soon after: waits until {ends}"


def mass(case: Case) -> str | None:
    moving = max(case.pairs_moving, case.state.pairs_moving)
    if moving <= case.policy.mass_limit:
        return None
    share, limit = round(moving * 100), round(case.policy.mass_limit * 100)
    return f"{share} % of all pairs want to move at once (limit {limit} %): the fault is taken to be ours, or global"


def standby_notice(case: Case) -> str | None:
    for incident in case.seen.open_incidents():
        if case.target in incident.used:
            return f"Service Health names the region of the {case.target} for a service that is used: {incident.why}"
    return None


def standby_bad(case: Case) -> str | None:
    ill = [c for c in case.bad if c is not EvidenceClass.NOTICE and _is_bad(case.seen.of(case.target, c))]
    if not ill:
        return _standby_share(case)
    return f"the {case.target} is bad in {join_words(ill)} too: {case.seen.of(case.target, ill[0]).why}"


def _standby_share(case: Case) -> str | None:
    """A class that browns out on the active side must be steadier on the other."""
    for evidence_class in case.bad:
        if not case.seen.browns_out(case.source, evidence_class):
            continue
        part = case.seen.share(case.target, evidence_class).part
        if part >= STANDBY_SHARE:
            window, limit = format_duration(case.policy.share_window), f"{STANDBY_SHARE:.0%}"
            return f"{evidence_class} of the {case.target} was bad for {part:.0%} of the last {window} (limit {limit})"
    return None


def standby_unseen(case: Case) -> str | None:
    for evidence_class in case.bad:
        if evidence_class not in MEMBERS:
            continue
        verdict = case.seen.of(case.target, evidence_class)
        if verdict.last_ok_at is None:
            return f"{evidence_class} of the {case.target} has never been seen well: {verdict.why}"
        if case.now - verdict.last_ok_at > case.policy.secondary_fresh:
            ago, limit = format_duration(case.now - verdict.last_ok_at), format_duration(case.policy.secondary_fresh)
            return f"{evidence_class} of the {case.target} was last seen well {ago} ago (limit {limit}): {verdict.why}"
    return None


def mode(case: Case) -> str | None:
    return (
        "the mode is observe: the pair is watched and nothing is switched" if case.policy.mode is Mode.OBSERVE else None
    )


ALWAYS: tuple[Check, ...] = (
    Check("hold.trouble", trouble, "a look at which everything can be read again"),
    Check("hold.paused-all", everything_paused, "the command resume for every pair"),
    Check("hold.paused", paused, "the command resume"),
    Check("hold.maintenance", maintenance, "the end of the maintenance window"),
    Check("hold.blackout", blackout, "the end of the blackout window"),
    Check("hold.deleted", deleted, "the resource being there again, or an acknowledgement"),
    Check("hold.observer", observer, "our own references answering again"),
    Check("hold.own-region", own_region, "the incident being resolved, or an hour without a further message about it"),
    Check("hold.identity", identity, "a token being had for one side at least"),
    Check("hold.other-stamp", other_stamp, "the other stamp seeing what we see, or not being heard of any more"),
    Check("hold.elsewhere", elsewhere, "the other regions being well again"),
    Check(
        "hold.global-notice",
        global_notice,
        "the incident being resolved, or an hour without a further message about it",
    ),
    Check("hold.global-settle", global_settle, "the time after which the rest of such a fault is over"),
    Check(
        "hold.standby-notice",
        standby_notice,
        "the incident being resolved, or an hour without a further message about it",
    ),
    Check("hold.mass", mass, "fewer pairs wanting to move at once"),
)
"""What holds every switch, unless a person forces it."""

STANDBY: tuple[Check, ...] = (
    Check(
        "hold.standby-bad", standby_bad, "the standby being seen well in every class in which the active side is bad"
    ),
    Check(
        "hold.standby-unseen",
        standby_unseen,
        "the standby being seen well in every class in which the active side is bad",
    ),
)
"""What holds a move to a side because of that side."""

AUTOMATIC_SWITCH: tuple[Check, ...] = (
    Check("hold.mode", mode, "the mode auto, or a person's order"),
    Check(
        "hold.standby-not-ready",
        standby_not_ready,
        "a look at which the standby is ready, a result older than readiness_lifetime, or a person's order",
    ),
    Check("hold.drills", drills, "drills that go well, or a reason in the plan to act without them"),
    Check("hold.blind-spell", blind_spell, "looks without a gap for as long as the evidence has to stand"),
    Check("hold.unconfirmed-clock", unconfirmed_clock, "a look at which a store tells the time that our clock shows"),
    Check("hold.cooldown", cooldown, "an acknowledgement, or the end of the cooldown"),
    Check("hold.run-failed", failed_run, "the pause after a failed run being over"),
)
"""What holds only those switches that nobody ordered."""

FOLLOWER = "hold.follower"
"""Rule of a pair for which another stamp acts."""

LEADER: tuple[Check, ...] = (
    Check(FOLLOWER, follower, "this stamp taking over from one that is silent, or a person's order"),
)
"""What holds whatever a stamp would do of its own accord while another one leads."""

LEAD: tuple[Check, ...] = (Check("hold.lead-lapsed", lead_lapsed, "a look that renews the lead, or a person's order"),)
"""What holds the same between two renewals. The next look renews, so it is asked only when something is decided."""

UNFIT: tuple[Check, ...] = tuple(
    check
    for check in (*ALWAYS, *STANDBY, *AUTOMATIC_SWITCH)
    if check.find in {trouble, observer, own_region, identity, standby_unseen, blind_spell, unconfirmed_clock}
)
"""What holds because of where a stamp runs and what it can see: another stamp may be able to act."""


def find_holds(case: Case, *groups: tuple[Check, ...]) -> tuple[Hold, ...]:
    """The holds of these groups that stand, in order."""
    return tuple(Hold(check.rule, why) for group in groups for check in group if (why := check.find(case)))


def current_holds(state: PairState, seen: Assessment, now: datetime, policy: Policy) -> tuple[Hold, ...]:
    """What keeps the pair where it is at this moment, or would if anything asked for a switch.

    The other side is asked about if something is bad on the active one.
    """
    bad = judge(seen, state.active, policy).bad
    case = Case(state, seen, now, policy, state.active, state.active.other, bad, state.pairs_moving)
    return find_holds(case, ALWAYS, *((STANDBY,) if bad else ()), AUTOMATIC_SWITCH, LEADER)


def together(holds: tuple[Hold, ...]) -> str:
    """All reasons in one sentence, the first one first."""
    return "; also: ".join(hold.why for hold in holds)


def cooldown_end(state: PairState, policy: Policy) -> datetime | None:
    """When automatic switches may begin again; None if they may now, as far as the cooldown goes."""
    if state.acknowledged or state.switched_at is None:
        return None
    return state.switched_at + policy.cooldown


def clock_fault(state: PairState, now: datetime) -> Hold | None:
    """The clock went back further than clocks are corrected: nothing that depends on time can be said."""
    if state.last_now - now <= CLOCK_LIMIT:
        return None
    why = (
        f"the clock went back from {format_time(state.last_now)} to {format_time(now)}; nothing is decided until the "
        f"stores' clocks confirm it, it shows {format_time(state.last_now - CLOCK_LIMIT)} again, or a forced "
        "acknowledgement says that it is right now"
    )
    return Hold(CLOCK, why)


def blackout_end(now: datetime, policy: Policy) -> datetime | None:
    """When the blackout ends that stands now; None if none does."""
    return end_of(now, policy.blackout_windows, policy.blackout_weekly)


def is_blind_spell(state: PairState, now: datetime, policy: Policy) -> bool:
    """Whether there was no look for so long that what was seen before it confirms nothing."""
    return state.looked_at is not None and now - state.looked_at > longest_gap(policy)


def longest_gap(policy: Policy) -> timedelta:
    """How long nothing is seen until what was seen before says no more how a pair is."""
    return policy.missed_looks * policy.probe_interval


def _is_bad(verdict: Verdict) -> bool:
    return verdict.observation is Observation.BAD
