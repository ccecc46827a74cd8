"""What a plan may say and had better not: it loads, and people are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from orchestrator.core.base.evidence_classes import CLASS_OF_SURFACE, DECIDING_CLASSES, PLAN_FIELDS, WORK_CLASSES
from orchestrator.core.base.regions import region_named
from orchestrator.core.base.text import is_https_url, join_words
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Role
from orchestrator.core.plan.channels import channel_warnings
from orchestrator.core.plan.checks import classes_of_one_side
from orchestrator.core.plan.data_copies import data_warnings
from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.pair_steps import pair_step_warnings
from orchestrator.core.plan.schema import GUID, Plan
from orchestrator.core.plan.standby import standby_warnings

AGREEING = 2
"""Classes that have to agree: see ``orchestrator.core.decision.rule``."""


def plan_warnings(plan: Plan) -> Iterator[Fault]:
    """Everything in a plan that is legal and unwise."""
    for field, lost in (
        ("observer", "a fault of our own network looks like one of the region"),
        ("elsewhere", "a fault that is the same everywhere looks like one of the region"),
    ):
        if not getattr(plan.references, field):
            yield Fault(f"references.{field}", "at least one URL", f"none: {lost}", ("references",))
    for role in Role:
        if not GUID.match(plan.side(role).subscription):
            yield Fault(f"{role}.subscription", "the id of a subscription, a GUID", plan.side(role).subscription)
    yield from _surfaces_of_one_side(plan)
    yield from _bases(plan)
    yield from _drills(plan)
    yield from channel_warnings(plan.notify)
    yield from data_warnings(plan.data, plan.targets.rpo)
    yield from standby_warnings(plan.steps, plan.standby, plan.tier)
    yield from pair_step_warnings(plan)
    home = region_named(plan.references.home)
    for role in Role:
        if home is not None and home == plan.side(role).region:
            expected = f"a region that does not go with the {role}"
            yield Fault("references.home", expected, home, (f"{role}.region",))
        if gap := reach_gap(deciding_classes(plan, role)):
            yield Fault(role.value, "two deciding classes, one of them hub, jobs or inference", gap)


def deciding_classes(plan: Plan, role: Role) -> frozenset[EvidenceClass]:
    """Classes of a side that could ever be one of the two that agree, from what the plan has asked.

    Alerts of Azure Monitor are left out: whether any are sent is no matter of the plan.
    """
    classes = {CLASS_OF_SURFACE[surface] for surface in plan.surfaces(role)}
    return frozenset(each for each in classes if each in DECIDING_CLASSES)


def reach_gap(classes: Iterable[EvidenceClass]) -> str | None:
    """Why these classes can never meet the rule; None if they can."""
    able = sorted(set(classes) & DECIDING_CLASSES)
    if len(able) >= AGREEING and WORK_CLASSES.intersection(able):
        return None
    return f"{f'only {join_words(able)}' if able else 'none'}: this side can never be left by the rule"


def _surfaces_of_one_side(plan: Plan) -> Iterator[Fault]:
    """Of one class, so that the plan is not refused; the standby is judged by less than the active side, or by more."""
    refused = classes_of_one_side(plan)
    fields = [field for surface, field in PLAN_FIELDS.items() if field and CLASS_OF_SURFACE[surface] not in refused]
    for field in [*fields, "logs"]:
        named = {role: getattr(plan.side(role), field) for role in Role}
        for role in Role:
            if named[role] is None and named[role.other] is not None:
                others = (f"{role.other}.{field}",)
                yield Fault(f"{role}.{field}", f"what the {role.other} names as well", "nothing", others)


def _bases(plan: Plan) -> Iterator[Fault]:
    """Endpoints to which paths are added: one that has a path of its own asks for something else."""
    sides = [
        (f"{role}.{field}", getattr(plan.side(role), field))
        for role in Role
        for field in ("api", "storage", "keyvault", "acr")
    ]
    replicas = [(f"pointer.replicas[{n}]", url) for n, url in enumerate(plan.pointer.replicas)]
    others = [("pointer.endpoint", plan.pointer.endpoint), ("ledger.account", plan.ledger.account)]
    for field, url in (*sides, *others, *replicas):
        if url is None or not is_https_url(url):
            continue
        parts = urlsplit(url)
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            yield Fault(field, f"{parts.scheme}://{parts.netloc} alone", f"{url}: a path or a query is not asked")


def _drills(plan: Plan) -> Iterator[Fault]:
    policy = plan.policy
    if policy.mode is not Mode.AUTO:
        return
    if policy.green_drills == 0:
        others = ("policy.mode",)
        yield Fault("policy.green_drills", "at least 1 in mode auto", "0: nobody has practised the switch", others)
    elif policy.auto_without_drills:
        expected = "nothing in mode auto, for drills show whether the standby can take over"
        yield Fault("policy.auto_without_drills", expected, policy.auto_without_drills, ("policy.mode",))
