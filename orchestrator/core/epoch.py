"""Who may act: the epoch record, and the pointer's value that clients read; and whether a plan means the same hubs."""

from __future__ import annotations

from orchestrator.core.base.codec import SCHEMA, Moment, Record, Value
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Hub, Plan


class HubPlace(Record, kw_only=True):
    """The hub that a side is, by the names that do not change as long as it is the same one."""

    subscription: str
    resource_group: str
    hub: str
    project: str
    region: str


class AbortedRun(Record, kw_only=True):
    """A run that may not claim the epoch after the record's: a person aborted it."""

    run: str
    by: str
    reason: str
    at: Moment


class TurnedUngraceful(Record, kw_only=True):
    """A person's wish that the jobs which a planned switch lets run on are moved at once."""

    by: str
    reason: str
    at: Moment


class PressedRun(Record, kw_only=True):
    """A planned switch that drains and is to wait for no job any more: it takes this over when it claims its epoch."""

    run: str
    by: str
    reason: str
    at: Moment
    """From then on a job that failed is taken to have failed with its hub. Not later than the wish."""


class EpochRecord(Record, kw_only=True):
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

    graceful: bool = False
    """This was a planned failover: the side that is left is well. A failback always is; see ``RunOrder``."""

    drill: str = ""
    """Name of the full drill that ordered this switch, so that other stamps know it for that; empty if none did."""

    place: HubPlace | None = None
    """The hub that ``active`` meant when this was written; None in records of versions that did not say so."""

    sides_since: int = 0
    """Epoch of the last exchange of the sides: what was known of a side before it was about the other one."""

    aborted: tuple[AbortedRun, ...] = ()
    """Runs that were aborted while this was in force, newest last. Stands here because a claim is a conditional write
    of the same record: whichever of abort and claim is written first, the other sees it."""

    pressed: tuple[PressedRun, ...] = ()
    """Runs that are to end their drain, newest last. Stands here, as ``aborted`` does, because the claim rewrites this
    record: it takes over what was written before it, and a wish that comes later finds the claim."""

    ungraceful: TurnedUngraceful | None = None
    """Of a planned switch: since when it waits for no job any more; None while it does. Stands here because each step
    of a run, and what is done after it, reads this record first."""


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


def place_of(hub: Hub) -> HubPlace:
    """What an epoch record says of a side."""
    return HubPlace(**{name: getattr(hub, name) for name in HubPlace.__struct_fields__})


def is_place(hub: Hub, named: HubPlace | PointerValue) -> bool:
    """Whether a side of a plan is the hub that a record or a pointer names, in any casing."""
    return not _differing(hub, named)


def describe_other_hub(plan: Plan, active: Role, named: HubPlace | PointerValue | None, who: str) -> str | None:
    """Why a plan does not mean the hub that was written down as the active one; None if it does, or nothing was.

    Danger: a switch on such a plan would go to the side that is called active elsewhere, which may be the one that is
    down, and jobs would be looked for where they are not.

    Args:
        plan: the pair's, as it is now.
        active: the side that was written down.
        named: the hub that was written down with it.
        who: what said so, such as ``the pointer of epoch 3``.
    """
    if named is None or is_place(plan.side(active), named):
        return None
    side = plan.side(active)
    told = ", ".join(f"{name} {getattr(named, name)} (plan: {getattr(side, name)})" for name in _differing(side, named))
    if is_place(plan.side(active.other), named):
        project = f"project {named.project} (plan: {side.project})"
        return (
            f"{who} and the plan have primary and secondary exchanged: {active} is {project}; deploy the plan that "
            "fits; sides change places by `hubswitch plan exchange` alone"
        )
    return f"{who} names another {active} than the plan: {told}; correct the plan"


def _differing(hub: Hub, named: HubPlace | PointerValue) -> list[str]:
    return [
        name for name in HubPlace.__struct_fields__ if getattr(hub, name).casefold() != getattr(named, name).casefold()
    ]


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
