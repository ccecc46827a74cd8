"""Who may act: the epoch record, and the pointer's value that clients read."""

from __future__ import annotations

from orchestrator.core.base.codec import SCHEMA, Moment, Value
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan


class EpochRecord(Value, kw_only=True):
    """Who may act. Written only under an If-Match of what was read."""

    schema: int = SCHEMA
    epoch: int
    active: Role
    run: str | None
    since: Moment
    why: str
    doubted_since: Moment | None = None
    """The order's, so that a run which is begun again from this record takes the same jobs to have been interrupted."""

    ordered: bool = False
    """A person ordered this switch: the side that is left may be well, and its jobs may run on."""


class PointerValue(Value, kw_only=True):
    """Where clients should go: the one key that counts."""

    schema: int = SCHEMA
    epoch: int
    active: Role
    hub: str
    project: str
    subscription: str
    resource_group: str
    region: str
    endpoint: str
    since: Moment
    run: str | None
    why: str


def pointer_for(plan: Plan, record: EpochRecord) -> PointerValue:
    """What clients are told when a given epoch record is in force. ``endpoint`` is empty while nobody knows it."""
    hub = plan.side(record.active)
    return PointerValue(
        epoch=record.epoch,
        active=record.active,
        hub=hub.hub,
        project=hub.project,
        subscription=hub.subscription,
        resource_group=hub.resource_group,
        region=hub.region,
        endpoint=hub.api or "",
        since=record.since,
        run=record.run,
        why=record.why,
    )
