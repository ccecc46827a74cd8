"""What somebody did to a resource, from a record of the activity log or the data of a resource event."""

from __future__ import annotations

from typing import Any

from orchestrator.core.signals.json_access import branch, pick, text

CONTAINERS = frozenset({"microsoft.resources/subscriptions/resourcegroups", "microsoft.resources/subscriptions"})
"""What an operation on a resource group, or on a subscription, is called before its verb."""

READS = ("list", "check", "validate", "read", "get", "query", "export", "what")
"""How actions begin that change nothing: the keys of an account are listed all day."""

SHORTEST = 3
"""Parts of an operation that acts on a resource: provider, type and ``action``; mostly more."""


def acts(operation: str) -> bool:
    """Whether an operation, such as ``microsoft.storage/storageaccounts/regeneratekey/action``, may change a thing."""
    parts = operation.strip().casefold().split("/")
    return len(parts) >= SHORTEST and parts[-1] == "action" and not parts[-2].startswith(READS)


def describe_change(record: Any, operation: str) -> str:
    """Who did what, as far as the record says."""
    claims = branch(record, "claims")
    caller = pick(record, "caller") if isinstance(record, dict) else None
    who = text(caller) or text(pick(claims, "name", "upn", "appid")) or "somebody"
    return f"{who[:80]} did {operation[:120] or 'something'} to a resource: a change, not an outage"
