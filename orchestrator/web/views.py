"""Views: plain data for the HTTP answers and the status page, made from state alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.text import format_duration
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role
from orchestrator.core.decision import holds
from orchestrator.core.decision.class_effect import counts_as
from orchestrator.core.decision.decision_log import Kept, KeptPage
from orchestrator.core.decision.explain import explain, reason_of
from orchestrator.core.decision.second_person import answer_until, waiting_id
from orchestrator.core.decision.stamps import green_count
from orchestrator.core.decision.standing import find_standing
from orchestrator.core.decision.state import PairState
from orchestrator.core.decision.verdicts import Assessment, assess
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.unread import UnreadLog, describe, still_counted
from orchestrator.web.headline import can_fail_over, headline_of, needs_a_person, next_of

NEW, UNREADABLE = "new", "unreadable"
"""Words that stand where a phase stands if there is none."""

CALM = frozenset({"steady", NEW})
"""What stands for a pair that nobody has to look at, unless it is paused or in trouble."""

UNKNOWN = (
    *(
        "since",
        "active",
        "region",
        "epoch",
        "run",
        "last_run",
        "paused",
        "paused_all",
        "cooldown_until",
        "trouble",
        "caution",
    ),
    *("ready", "proposal", "unknown_words", "polled", "blind_since", "out_of_reach", "looked_at", "stale", "next"),
    "untold",
)
"""Fields of a line about which nothing can be said of a pair without a state."""

EXPLAINED = 20
"""Journal entries that go with an explanation."""

type Readable = PairState | HubswitchError | None
"""A pair's state; why it cannot be read; or None before its first look."""


def status_view(
    plans: Mapping[str, Plan],
    states: Mapping[str, Readable],
    now: datetime,
    untold: Mapping[str, list[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """Every pair in one line each, those that need a look first.

    ``untold``: by pair, the channels that did not take notices; None if that is not known.
    """
    lines = [
        pair_line(plan, states.get(pair), now) | {"untold": None if untold is None else untold.get(pair, [])}
        for pair, plan in plans.items()
    ]
    return {"as_of": now, "pairs": sorted(lines, key=lambda line: (not needs_a_look(line), line["pair"]))}


def unread_view(log: UnreadLog | None, now: datetime) -> list[dict[str, Any]] | None:
    """Deliveries that could not be read, one line for each kind; None if that is not known."""
    return (
        None
        if log is None
        else [{**to_builtins(unread), "what": describe(unread)} for unread in still_counted(log, now)]
    )


def needs_a_look(line: Mapping[str, Any]) -> bool:
    """Whether a person should see this line first."""
    told = ("paused", "paused_all", "trouble", "caution", "blind_since", "out_of_reach")
    is_calm = line["phase"] in CALM and not line["stale"] and not line.get("untold")
    return not is_calm or any(line[name] is not None for name in told)


def pair_line(plan: Plan, state: Readable, now: datetime, seen: Assessment | None = None) -> dict[str, Any]:
    """One pair in one line. ``stale``: nothing was seen for so long that it says how the pair was, not how it is.

    ``seen`` is what its evidence amounts to, if that is known already.
    """
    if not isinstance(state, PairState):
        phase, why = (NEW, "not looked at yet") if state is None else (UNREADABLE, f"it stands still: {state}")
        unknown = dict.fromkeys(UNKNOWN)
        attention = {
            "headline": f"{phase.upper()}: {why}",
            "needs_a_person": phase == UNREADABLE,
            "can_fail_over": False,
        }
        return {"pair": plan.pair, "phase": phase, **unknown, **attention, "why": why}
    seen = seen or assess(state.evidence, now, plan.policy)
    return {
        "pair": plan.pair,
        "phase": state.phase.value,
        "since": state.phase_since,
        "active": state.active.value,
        "region": plan.side(state.active).region,
        "epoch": state.epoch,
        "run": state.run,
        "last_run": state.last_run,
        "paused": to_builtins(state.paused),
        "paused_all": to_builtins(state.paused_all),
        "cooldown_until": holds.cooldown_end(state, plan.policy),
        "proposal": waiting_id(state, now, plan.policy),
        "trouble": state.trouble,
        "unknown_words": state.evidence.unknown_words,
        "polled": to_builtins(state.polled),
        "caution": "; ".join(filter(None, (state.caution, state.dissent))) or None,
        "blind_since": state.blind_since,
        "out_of_reach": state.out_of_reach,
        "ready": ready_of(state),
        "looked_at": state.looked_at,
        "stale": holds.is_blind_spell(state, now, plan.policy),
        "headline": headline_of(plan, state, now),
        "next": next_of(plan, state, seen),
        "needs_a_person": needs_a_person(plan, state, now),
        "can_fail_over": can_fail_over(plan, state, seen, now),
        "untold": None,
        "why": reason_of(state),
    }


def pair_view(plan: Plan, state: Readable, now: datetime) -> dict[str, Any]:
    """One pair in full: line, evidence by side and class, what holds, journal (newest first)."""
    if not isinstance(state, PairState):
        return pair_line(plan, state, now)
    seen = assess(state.evidence, now, plan.policy)
    return {
        **pair_line(plan, state, now, seen),
        "readiness": to_builtins(find_standing(state.readiness, state.active)),
        "mode": plan.policy.mode.value,
        "tier": plan.tier.value,
        "approval_until": answer_until(state, now, plan.policy),
        "drills": drills_view(plan, state, now),
        "stamps": to_builtins(state.views),
        "leadership": to_builtins(state.leadership),
        "regions": {role.value: plan.side(role).region for role in Role},
        "evidence": evidence_view(seen),
        "holds": holds_view(plan, state, seen, now),
        "journal": [to_builtins(entry) for entry in reversed(state.journal)],
        "latest": to_builtins(state.latest),
    }


def ready_of(state: PairState) -> bool | None:
    """Whether the standby could take over, by the last look at it; None if there was none."""
    standing = find_standing(state.readiness, state.active)
    return None if standing is None else standing.ready


def evidence_view(seen: Assessment) -> dict[str, Any]:
    """Per side and class: what is seen, since when, why, and what it counts for."""
    return {role.value: {name.value: _verdict_view(seen, role, name) for name in EvidenceClass} for role in Role}


def _verdict_view(seen: Assessment, role: Role, name: EvidenceClass) -> dict[str, Any]:
    return {**to_builtins(seen.of(role, name)), "counts": counts_as(seen, role, name, seen.policy)}


def drills_view(plan: Plan, state: PairState, now: datetime) -> dict[str, Any]:
    """How many drills count, how many the mode ``auto`` needs, and why it may do without, if it may."""
    policy = plan.policy
    return {
        "green": green_count(state.green_drills, now, policy),
        "needed": policy.green_drills,
        "without": policy.auto_without_drills.strip() or None,
    }


def holds_view(plan: Plan, state: PairState, seen: Assessment, now: datetime) -> list[dict[str, str]]:
    """What would keep the pair where it is at this moment, whether or not anything asks for a switch."""
    return [{"rule": hold.rule, "why": hold.why} for hold in holds.current_holds(state, seen, now, plan.policy)]


def explain_view(plan: Plan, state: Readable, now: datetime) -> dict[str, Any]:
    """One paragraph on where a pair stands and why, what would change it, and the entries that it rests on."""
    if not isinstance(state, PairState):
        why = pair_line(plan, state, now)["why"]
        return {"pair": plan.pair, "rule": None, "text": f"{plan.pair}: {why}.", "would_change": [], "journal": []}
    told = explain(state, now, plan.policy)
    journal = [to_builtins(entry) for entry in reversed(state.journal[-EXPLAINED:])]
    seen = _describe_seen(assess(state.evidence, now, plan.policy))
    text = f"{_warn_if_stale(plan, state, now)}{told.text} {_unlearnt(state)}{seen}"
    changes = list(told.would_change)
    return {"pair": plan.pair, "rule": told.rule, "text": text, "would_change": changes, "journal": journal}


def _warn_if_stale(plan: Plan, state: PairState, now: datetime) -> str:
    silence = _describe_silence(plan, state, now)
    return silence and (
        f"Nothing was seen {silence}: what follows is how it was then, and nothing is switched meanwhile. Look whether "
        "the timer `watch` runs and whether the engine answers. "
    )


def warn_of_order(plan: Plan, state: PairState, now: datetime) -> str:
    """What to say to an order for a pair that takes nothing in; empty if it does, as far as is known."""
    silence = _describe_silence(plan, state, now)
    return silence and (
        f"Handed over, but nothing that is handed to {plan.pair} was taken in {silence}: this order may wait until the "
        "engine answers. "
    )


def _describe_silence(plan: Plan, state: PairState, now: datetime) -> str:
    """Since when, and for how long, a pair was not looked at; empty if it was, or never was."""
    if state.looked_at is None or not holds.is_blind_spell(state, now, plan.policy):
        return ""
    return f"since {state.looked_at:%H:%M:%S}, for {format_duration(now - state.looked_at)}"


def _unlearnt(state: PairState) -> str:
    """What the last poll could not learn. It counts neither for nor against anything."""
    polled = state.polled
    if polled is None or not polled.blinds:
        return ""
    more = polled.blinds - len(polled.blind)
    told = "; ".join(dict.fromkeys(polled.blind)) + (f" (and {more} more)" if more else "")
    return f"Not learnt by the poll at {polled.at:%H:%M:%S}: {told}. "


def decisions_view(pair: str, page: KeptPage, latest: Kept | None, limit: int) -> dict[str, Any]:
    """The decisions that are kept and the one that stands, newest first; those that changed the phase once more."""
    if latest is not None:
        page = page.plus(latest)
    told = [list(reversed(to_builtins(entries)))[:limit] for entries in (page.decisions, page.changes)]
    return {"pair": pair, "decisions": told[0], "phase_changes": told[1]}


def run_view(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run: its status, and either what it waits for or what it came to."""
    waits = run["waits_for"]
    return {**run, "waits_for": waits if isinstance(waits, Mapping) and waits.get("step") else None}


def _describe_seen(seen: Assessment) -> str:
    told = [
        f"{role}.{name} is {verdict.observation} since {since}: {verdict.why}"
        for role in Role
        for name in EvidenceClass
        if (verdict := seen.of(role, name)).observation not in {Observation.OK, None}
        and (since := f"{verdict.since:%H:%M:%S}" if verdict.since else "a while")
    ]
    return f"Seen: {'; '.join(told)}." if told else "Nothing bad is seen."
