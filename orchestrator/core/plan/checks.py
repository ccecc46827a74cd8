"""What a plan must not say, although each of its fields has the right shape: what contradicts itself or cannot work."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.evidence_classes import CLASS_OF_SURFACE
from orchestrator.core.base.regions import GLOBAL, region_named
from orchestrator.core.base.text import is_https_url
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.channels import channel_faults
from orchestrator.core.plan.policy import check_policy
from orchestrator.core.plan.schema import ARM_ID, GUID, PAIR_NAME, TABLES, Canary, Hub, Plan
from orchestrator.core.plan.steps import workflow_faults


def check_canary(canary: Canary, where: str) -> Canary:
    """The same, if it does not contradict itself.

    Raises:
        InvalidInput: names the first field that does.
    """
    for name in ("deadline", "waiting"):
        if getattr(canary, name) <= timedelta():
            raise InvalidInput(where, f"canary.{name}", "a duration above zero", str(getattr(canary, name)))
    if canary.interval and canary.interval < canary.deadline:
        expected = "0s for no canaries, or at least canary.deadline"
        raise InvalidInput(where, "canary.interval", expected, str(canary.interval))
    return canary


ARM_NAME = re.compile(r"[^/\s]+")

CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
"""learn.microsoft.com: naming and referencing containers."""

Must = Callable[[bool, str, str, str], None]
"""Whether something holds, the field, what was expected, what was found."""


def cross_checked(plan: Plan, where: str) -> Plan:
    """The same plan, if it can work.

    Raises:
        InvalidInput: names the first field that cannot be meant.
    """

    def must(holds: bool, field: str, expected: str, got: str) -> None:
        if not holds:
            raise InvalidInput(where, field, expected, got)

    must(bool(PAIR_NAME.match(plan.pair)), "pair", "lower-case letters, digits and hyphens, at most 63", plan.pair)
    for role in Role:
        _check_side(plan.side(role), role.value, must)
    _check_both(plan, must)
    for field, url in _urls(plan):
        must(is_https_url(url), field, "an https URL", url)
    for fault in (*channel_faults(plan.notify, plan.notices), *workflow_faults(plan.steps)):
        must(False, *fault)
    _check_ledger(plan, must)
    intervals = [each for each in (plan.polls.interval, plan.polls.suspect_interval) if each is not None]
    must(min(intervals) > timedelta(), "polls", "durations above zero, or null for none", str(min(intervals)))
    _check_jobs(plan, must)
    home = plan.references.home
    must(not home or _is_region(home), "references.home", "a canonical region name", home)
    check_canary(plan.canary, where)
    check_policy(plan.policy, where)
    return plan


def _check_side(hub: Hub, side: str, must: Must) -> None:
    must(_is_region(hub.region), f"{side}.region", "a canonical region name, such as eastus2", repr(hub.region))
    for field in ("subscription", "resource_group", "hub", "project"):
        said = getattr(hub, field)
        expected = "a name, without slashes and white space"
        must(bool(ARM_NAME.fullmatch(said)), f"{side}.{field}", expected, repr(said))
    guid = hub.project_guid
    must(guid is None or bool(GUID.match(guid)), f"{side}.project_guid", "a workspace id, a GUID", str(guid))
    must(hub.logs is None or bool(GUID.match(hub.logs)), f"{side}.logs", "a workspace id, a GUID", str(hub.logs))
    for n, resource in enumerate(hub.resources):
        must(bool(ARM_ID.match(resource)), f"{side}.resources[{n}]", "an ARM id of a resource", resource)


def _check_both(plan: Plan, must: Must) -> None:
    must(
        plan.primary.project_id.casefold() != plan.secondary.project_id.casefold(),
        "secondary.project",
        "another workspace than the primary's",
        plan.secondary.project_id,
    )
    must(plan.primary.region != plan.secondary.region, "secondary.region", "another region", plan.secondary.region)
    asked = {role: {CLASS_OF_SURFACE[surface] for surface in plan.surfaces(role)} for role in Role}
    lacking = asked[Role.PRIMARY] ^ asked[Role.SECONDARY]
    must(
        not lacking,
        "secondary",
        "the same kinds of things to ask on both sides, for a standby that cannot be asked is never ready",
        f"only one side with {', '.join(sorted(str(kind) for kind in lacking))}",
    )


def _check_ledger(plan: Plan, must: Must) -> None:
    container = plan.ledger.container
    must(bool(CONTAINER.fullmatch(container)), "ledger.container", "a container's name", repr(container))
    ours = urlsplit(plan.ledger.account).netloc.casefold()
    for role in Role:
        theirs = urlsplit(plan.side(role).storage or "").netloc.casefold()
        expected = f"another account than the {role}'s own, which goes with its region"
        must(theirs != ours, "ledger.account", expected, plan.ledger.account)


def _check_jobs(plan: Plan, must: Must) -> None:
    jobs = plan.jobs
    must(jobs.batch >= 1, "jobs.batch", "at least 1", str(jobs.batch))
    must(jobs.writes_per_second > 0, "jobs.writes_per_second", "above 0", str(jobs.writes_per_second))
    must(jobs.patience > timedelta(), "jobs.patience", "above 0s", f"{jobs.patience.total_seconds():g}s")
    must(jobs.retry > timedelta(), "jobs.retry", "above 0s", f"{jobs.retry.total_seconds():g}s")
    must(jobs.write_burst >= 1, "jobs.write_burst", "at least 1", str(jobs.write_burst))
    for table in TABLES:
        for old, new in getattr(jobs, table).items():
            must(bool(old.strip() and new.strip()), f"jobs.{table}.{old}", "a name", repr(new))


def _is_region(name: str) -> bool:
    return region_named(name) == name != GLOBAL


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
