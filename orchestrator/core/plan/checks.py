"""What a plan must not say, although each of its fields has the right shape: what contradicts itself or cannot work."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from orchestrator.core.base.evidence_classes import CLASS_OF_SURFACE, PLAN_FIELDS
from orchestrator.core.base.regions import GLOBAL, REGIONS, region_named
from orchestrator.core.base.text import is_https_url, spell_duration
from orchestrator.core.base.vocabulary import EvidenceClass, Role
from orchestrator.core.plan.channels import channel_faults
from orchestrator.core.plan.data_copies import data_faults
from orchestrator.core.plan.drills import drill_faults, full_drill_faults, partial_drill_faults
from orchestrator.core.plan.faults import Fault, hint_of, nearest, show
from orchestrator.core.plan.pair_steps import pair_step_faults
from orchestrator.core.plan.policy import Policy, policy_faults
from orchestrator.core.plan.schema import (
    ARM_ID,
    GUID,
    PAIR_NAME,
    TABLES,
    Canary,
    Hub,
    Jobs,
    Plan,
    PollSchedule,
    Targets,
)
from orchestrator.core.plan.standby import standby_faults
from orchestrator.core.plan.steps import workflow_faults

ARM_NAME = re.compile(r"[^/\s]+")

CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
"""learn.microsoft.com: naming and referencing containers."""


def plan_faults(plan: Plan) -> Iterator[Fault]:
    """Every field that cannot be meant. Those that are wrong by themselves come before what follows from several."""
    if not PAIR_NAME.match(plan.pair):
        yield Fault("pair", "lower-case letters, digits and hyphens, at most 63", plan.pair)
    for role in Role:
        yield from _side_faults(plan.side(role), role.value)
    for field, url in _urls(plan):
        if not is_https_url(url):
            yield Fault(field, "an https URL", url)
    yield from _both_faults(plan)
    yield from channel_faults(plan.notify, plan.notices)
    yield from workflow_faults(plan.steps)
    yield from pair_step_faults(plan)
    yield from standby_faults(plan.standby)
    yield from _ledger_faults(plan)
    yield from _poll_faults(plan.polls)
    yield from _job_faults(plan.jobs)
    home = plan.references.home
    if home and not _is_region(home):
        yield Fault("references.home", "a canonical region name", home, hint=_region_hint(home))
    yield from _canary_faults(plan.canary)
    yield from drill_faults(plan.drills)
    yield from partial_drill_faults(plan.partial_drill)
    yield from full_drill_faults(plan.full_drill, plan.drills)
    yield from _target_faults(plan.targets)
    yield from data_faults(
        plan.data, plan.ledger.account, names_all=not plan.jobs.same_names, datastores=tuple(plan.jobs.datastores)
    )
    yield from policy_faults(plan.policy)
    yield from _cooldown_faults(plan.policy)


def _side_faults(hub: Hub, side: str) -> Iterator[Fault]:
    if not _is_region(hub.region):
        expected = "a canonical region name, such as eastus2"
        yield Fault(f"{side}.region", expected, show(hub.region), hint=_region_hint(hub.region))
    for field in ("subscription", "resource_group", "hub", "project"):
        said = getattr(hub, field)
        if not ARM_NAME.fullmatch(said):
            yield Fault(f"{side}.{field}", "a name, without slashes and white space", show(said))
    if hub.project_guid is not None and not GUID.match(hub.project_guid):
        yield Fault(f"{side}.project_guid", "a workspace id, a GUID", hub.project_guid)
    if hub.logs is not None and not GUID.match(hub.logs):
        yield Fault(f"{side}.logs", "a workspace id, a GUID", hub.logs)
    for n, resource in enumerate(hub.resources):
        if not ARM_ID.match(resource):
            yield Fault(f"{side}.resources[{n}]", "an ARM id of a resource", resource)


def _both_faults(plan: Plan) -> Iterator[Fault]:
    parts = ("subscription", "resource_group", "project")
    if plan.primary.project_id.casefold() == plan.secondary.project_id.casefold():
        others = tuple(f"{role}.{part}" for role in Role for part in parts)
        yield Fault("secondary.project", "another workspace than the primary's", plan.secondary.project_id, others)
    if plan.primary.region == plan.secondary.region:
        yield Fault("secondary.region", "another region", plan.secondary.region, ("primary.region",))
    lacking = classes_of_one_side(plan)
    if lacking:
        fields = {field for surface, field in PLAN_FIELDS.items() if field and CLASS_OF_SURFACE[surface] in lacking}
        yield Fault(
            "secondary",
            "the same kinds of things to ask on both sides, for a standby that cannot be asked is never ready",
            f"only one side with {', '.join(sorted(str(kind) for kind in lacking))}",
            tuple(f"{role}.{field}" for role in Role for field in sorted(fields)),
        )


def classes_of_one_side(plan: Plan) -> frozenset[EvidenceClass | None]:
    """Classes that are asked on one side only."""
    asked = {role: frozenset(CLASS_OF_SURFACE[surface] for surface in plan.surfaces(role)) for role in Role}
    return asked[Role.PRIMARY] ^ asked[Role.SECONDARY]


def _ledger_faults(plan: Plan) -> Iterator[Fault]:
    container = plan.ledger.container
    if not CONTAINER.fullmatch(container):
        yield Fault("ledger.container", "a container's name", show(container))
    for role in Role:
        storage = plan.side(role).storage
        if storage and _host(storage) == _host(plan.ledger.account):
            expected = f"another account than the {role}'s own, which goes with its region"
            yield Fault("ledger.account", expected, plan.ledger.account, (f"{role}.storage",))


def _poll_faults(polls: PollSchedule) -> Iterator[Fault]:
    intervals = [each for each in (polls.interval, polls.suspect_interval) if each is not None]
    if min(intervals) <= timedelta():
        yield Fault("polls", "durations above zero, or null for none", spell_duration(min(intervals)))


def _target_faults(targets: Targets) -> Iterator[Fault]:
    for field in ("rto", "rpo"):
        length = getattr(targets, field)
        if length is not None and length <= timedelta():
            yield Fault(f"targets.{field}", "above 0s, or null for no target", spell_duration(length))


def _job_faults(jobs: Jobs) -> Iterator[Fault]:
    if jobs.batch < 1:
        yield Fault("jobs.batch", "at least 1", str(jobs.batch))
    if not 0 < jobs.writes_per_second < math.inf:
        yield Fault("jobs.writes_per_second", "above 0", str(jobs.writes_per_second))
    for field in ("patience", "retry", "failback_deadline"):
        length = getattr(jobs, field)
        if length <= timedelta():
            yield Fault(f"jobs.{field}", "above 0s", spell_duration(length))
    if jobs.write_burst < 1:
        yield Fault("jobs.write_burst", "at least 1", str(jobs.write_burst))
    for table in TABLES:
        for old, new in getattr(jobs, table).items():
            if not (old.strip() and new.strip()):
                yield Fault(f"jobs.{table}.{old}", "a name", show(new))


def _canary_faults(canary: Canary) -> Iterator[Fault]:
    for name in ("deadline", "waiting"):
        if getattr(canary, name) <= timedelta():
            yield Fault(f"canary.{name}", "a duration above zero", spell_duration(getattr(canary, name)))
    if canary.interval and canary.interval < canary.deadline:
        expected = "0s for no canaries, or at least canary.deadline"
        yield Fault("canary.interval", expected, spell_duration(canary.interval), ("canary.deadline",))


def _cooldown_faults(policy: Policy) -> Iterator[Fault]:
    """Asked of plans only: replays and tests may shorten either alone."""
    if policy.cooldown < policy.confirm_after:
        got = spell_duration(policy.cooldown)
        yield Fault("policy.cooldown", "at least confirm_after", got, ("policy.confirm_after",))


def _is_region(name: str) -> bool:
    return region_named(name) == name != GLOBAL


def _region_hint(name: str) -> str | None:
    found = region_named(name) or nearest(name, REGIONS)
    return hint_of(found) if found != GLOBAL else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.casefold()
    except ValueError:
        return url


def _urls(plan: Plan) -> list[tuple[str, str]]:
    sides = [(role.value, plan.side(role)) for role in Role]
    found = [
        (f"{name}.{field}", getattr(hub, field))
        for name, hub in sides
        for field in ("api", "storage", "keyvault", "acr")
    ]
    found += [(f"{name}.inference.url", hub.inference.url) for name, hub in sides if hub.inference]
    found += [("pointer.endpoint", plan.pointer.endpoint), ("ledger.account", plan.ledger.account)]
    found += [(f"pointer.replicas[{n}]", url) for n, url in enumerate(plan.pointer.replicas)]
    found += [("notices", plan.notices)]
    found += [(f"references.observer[{n}]", url) for n, url in enumerate(plan.references.observer)]
    found += [(f"references.elsewhere[{n}]", url) for n, url in enumerate(plan.references.elsewhere)]
    return [(field, url) for field, url in found if url is not None]
