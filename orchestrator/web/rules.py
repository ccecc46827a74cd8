"""What the rules of decisions and holds mean, and what to do about each: the runbook's table, for the page. Pure.

docs/runbook.md has the same rows; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class RuleMeaning(NamedTuple):
    """One row of the table."""

    rule: str
    meaning: str
    remedy: str
    """What would change it, or what to do; empty if there is nothing to do."""


RULES = (
    RuleMeaning(
        "quiet",
        "Nothing is bad.",
        "",
    ),
    RuleMeaning(
        "suspect",
        "Something became bad just now.",
        "",
    ),
    RuleMeaning(
        "clear",
        "What was bad has been seen well again.",
        "",
    ),
    RuleMeaning(
        "confirm-only",
        "Only control or notice is bad. They never decide.",
        "A class that does.",
    ),
    RuleMeaning(
        "one-class",
        "One class is bad; two are needed.",
        "A second one.",
    ),
    RuleMeaning(
        "no-work-class",
        "Two are bad, but work can run.",
        "hub, jobs or inference being bad too.",
    ),
    RuleMeaning(
        "model-route",
        "inference is bad while hub and jobs are well: one model's trouble.",
        "Mend the endpoint. The hub stays.",
    ),
    RuleMeaning(
        "confirming",
        "Two are bad, not yet for long enough.",
        "Time. The sentence says how much is needed.",
    ),
    RuleMeaning(
        "two-classes",
        "The rule is met: a run was started.",
        "",
    ),
    RuleMeaning(
        "hold.trouble",
        "The epoch record cannot be read, contradicts what was seen, or names another hub than the plan.",
        "A store that cannot be read.",
    ),
    RuleMeaning(
        "hold.paused",
        "Somebody paused the pair. paused says who and why.",
        "Ask them; resume.",
    ),
    RuleMeaning(
        "hold.paused-all",
        "Somebody paused every pair.",
        "Ask them; resume everything.",
    ),
    RuleMeaning(
        "hold.maintenance",
        "A maintenance window of the plan.",
        "Wait for its end. Windows are changed in the plan, with a new deployment.",
    ),
    RuleMeaning(
        "hold.blackout",
        "A blackout window of the plan: nobody may be disturbed. Drills are refused too.",
        "Wait for its end, or order the switch with force.",
    ),
    RuleMeaning(
        "hold.deleted",
        "Somebody deleted a resource of the pair. That is a change, not an outage.",
        "Something was deleted: recover it, or acknowledge.",
    ),
    RuleMeaning(
        "hold.observer",
        "Our own references do not answer: the orchestrator's network or region is in trouble.",
        "Look at the function app's region first.",
    ),
    RuleMeaning(
        "hold.own-region",
        "Service Health names the region in which this app runs, for something that it runs on.",
        "Look at the pair from elsewhere. Another stamp in another region is not held by this.",
    ),
    RuleMeaning(
        "hold.identity",
        "No token can be had for either side: our identity, or Entra ID, is in trouble. What needs a token is"
        " blind, never bad.",
        "See to the managed identity. If Entra ID is down, wait: a switch would not help.",
    ),
    RuleMeaning(
        "hold.other-stamp",
        "This stamp does not lead, and another one sees well everything that this one sees bad. One of the "
        "two is wrong. The leader is not held: there it is shown.",
        "Read stamps of the pair. Look at this stamp's network first. It ends when the other sees the same, "
        "or is not heard of for evidence_lifetime.",
    ),
    RuleMeaning(
        "hold.elsewhere",
        "The same API fails in regions that belong to nobody here.",
        "A global fault: a switch would not help. Wait.",
    ),
    RuleMeaning(
        "hold.global-notice",
        "Service Health names the whole world for a service that the hubs use.",
        "Wait. It ends with the incident, or an hour after its last message.",
    ),
    RuleMeaning(
        "hold.global-settle",
        "A fault was seen elsewhere, or told as global, less than global_settle ago: what is bad now may be "
        "the rest of it.",
        "Wait; the line says until when.",
    ),
    RuleMeaning(
        "hold.standby-notice",
        "Service Health names the standby's region for a service that is used.",
        "Wait, or see to the standby.",
    ),
    RuleMeaning(
        "hold.mass",
        "More than mass_limit of all pairs want to move at once.",
        "Suspect us: network, identity, a global fault.",
    ),
    RuleMeaning(
        "hold.standby-bad",
        "The standby is bad in a class in which the active side is bad.",
        "See to the standby.",
    ),
    RuleMeaning(
        "hold.standby-unseen",
        "The standby was not seen well, lately enough, in such a class.",
        "See why it is blind. If the plan does not name that part on both sides, it never will be.",
    ),
    RuleMeaning(
        "hold.mode",
        "The mode is observe.",
        "Change the plan if it should act.",
    ),
    RuleMeaning(
        "hold.standby-not-ready",
        "The plan says readiness: block, and the last look at the standby found it not ready, or there was "
        "none yet. A result older than readiness_lifetime holds no more.",
        "hubswitch readiness PAIR: mend what blocks; it is looked at again soon after the change, and every "
        "half hour. A person's order is not held by this.",
    ),
    RuleMeaning(
        "hold.drills",
        "Mode auto waits for as many green drills as green_drills says; older ones than drill_age do not count.",
        "Practise. Or write into the plan why it may act without: auto_without_drills.",
    ),
    RuleMeaning(
        "hold.blind-spell",
        "Looks were missed for missed_looks x probe_interval. What was seen before does not confirm: it has "
        "to be seen anew for the whole wait.",
        "See why the timer did not run. The sentence has its end. A person's order is not held by this.",
    ),
    RuleMeaning(
        "hold.follower",
        "Another stamp leads and acts for the pair; this one watches.",
        "Nothing. It takes over when the other is silent. A person's order is not held by this.",
    ),
    RuleMeaning(
        "hold.lead-lapsed",
        "This stamp leads and could not renew its lead in time; another one may have taken over.",
        "Nothing, if it ends with the next look. If it lasts, see why the ledger account refuses writes. A "
        "person's order is not held by this.",
    ),
    RuleMeaning(
        "hold.cooldown",
        "A switch happened a short time ago; the sentence has its end.",
        "acknowledge ends it.",
    ),
    RuleMeaning(
        "hold.run-failed",
        "The last run ended without a switch.",
        "It is tried again after confirm_after. Read that run's output.",
    ),
    RuleMeaning(
        "hold.approval",
        "A proposal waits. On the way back: a person has to begin it.",
        "approve or reject.",
    ),
    RuleMeaning(
        "hold.rejected",
        "A proposal was rejected.",
        "It is made again after approval_expiry.",
    ),
    RuleMeaning(
        "hold.clock",
        "Our clock and those of the stores (the Date of their answers) are more than a minute apart, or ours "
        "went back by more than five minutes and no store confirms it. Nothing is taken in; trouble and "
        "Hubswitch.TroubleBegan say so.",
        "See to the host's clock. It ends at the next look at which they agree; what was dated ahead of that "
        "is dropped then. If no store answers and the clock is right now, acknowledge --force: what was seen "
        "by the wrong clock is forgotten.",
    ),
    RuleMeaning(
        "hold.unconfirmed-clock",
        "The stores have told the time before, and for more than a minute and a probe_interval they have not."
        " A clock that runs ahead would make evidence look older than it is.",
        "Wait for the next look. If it lasts, see why the stores do not answer. A person's order is not held by this.",
    ),
)
"""In the runbook's order."""

_BY_NAME: Mapping[str, RuleMeaning] = {row.rule: row for row in RULES}


def rules_of(view: Mapping[str, Any], decisions: tuple[Mapping[str, Any], ...] = ()) -> list[RuleMeaning]:
    """The rules that are named in what is shown of a pair, in the table's order; those without a row are left out."""
    named = set(_rules_in(view)) | {str(entry["rule"]) for entry in decisions}
    return [row for row in RULES if row.rule in named]


def _rules_in(view: Mapping[str, Any]) -> Iterator[str]:
    for part in ("holds", "journal"):
        yield from (str(entry["rule"]) for entry in view.get(part) or ())


def has_meaning(rule: str) -> bool:
    """Whether the table has a row for it."""
    return rule in _BY_NAME
