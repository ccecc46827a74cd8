"""Changes that somebody made: who did what, and whether it changed or deleted the resource itself."""

from __future__ import annotations

from typing import Any

from orchestrator.core.base.text import truncate
from orchestrator.core.signals.json_access import arm_type, branch, pick, text
from orchestrator.core.signals.targets import scope_of

LONGEST_WHO = 120
READS = ("list", "check", "validate", "read", "get", "query")
"""How the last word of an action begins that only reads, whatever it is called."""

_SCOPES = ("microsoft.resources/subscriptions", "microsoft.resources/subscriptions/resourcegroups")
_CANCELLED = "microsoft.subscription/cancel/action"
_CLAIMS = (
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "unique_name",
    "preferred_username",
    "upn",
    "name",
    "appid",
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
)
"""Where claims name a person or a program, the most readable first."""


def author_of(record: Any) -> str | None:
    """Who made a change, from ``caller`` or ``claims`` of the activity log or of an event; None if it is not told."""
    said = text(pick(record, "caller"))
    if said is None:
        claims = branch(record, "claims")
        said = next((found for name in _CLAIMS if (found := text(claims.get(name)) or text(pick(claims, name)))), None)
    return truncate(" ".join(said.split()), LONGEST_WHO) if said else None


def describe_change(who: str | None, operation: str | None, otherwise: str, *, done: bool = True) -> str:
    """One sentence: ``<who> did <operation>``. ``otherwise`` is what there is to say if neither is known."""
    if not who and not operation:
        return otherwise
    what = truncate(operation, LONGEST_WHO) if operation else "something to the resource"
    if done:
        return f"{who or 'somebody'} did {what}: a change, not an outage"
    return f"{who or 'somebody'} tried {what}, which has not succeeded: no outage"


def is_real_action(operation: str | None) -> bool:
    """Whether an action may have changed something; False where it is not named."""
    if not operation:
        return False
    parts = operation.strip().casefold().split("/")
    if parts[-1] != "action":
        return False
    return not (parts[-2] if len(parts) > 1 else "").startswith(READS)


def concerns(operation: str, target: str) -> bool:
    """Whether an operation is one on the resource itself, and not on something inside it."""
    subject, _, verb = operation.strip().casefold().rpartition("/")
    if verb == "action":
        subject = subject.rpartition("/")[0]
    return subject == (arm_type(target) or _SCOPES[min(scope_of(target), 1)])


def is_deletion(operation: str, target: str) -> bool:
    """Whether an operation that succeeded took the resource away; a subscription goes by being cancelled too."""
    said = operation.strip().casefold()
    if said == _CANCELLED:
        return scope_of(target) == 0
    return said.endswith("/delete") and concerns(said, target)
