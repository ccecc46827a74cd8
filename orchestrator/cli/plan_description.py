"""A plan in words: what it does in each phase, and every call in it that needs Resource Manager."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from orchestrator.core.base.text import join_words, spell_duration
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.step_base import OnError
from orchestrator.core.plan.steps import Parallel, Step, Workflow, steps_in
from orchestrator.workflows.activities.steps import STEPS

RESOURCE_MANAGER_CALLS = (
    "after a switch: the list of the side that was left, a GET per old run missing there, a cancel per running one",
    "capture, per job: one GET, and one per asset; reconciliation: the list of the active side, a GET per submission",
    "replication: twenty GETs a minute, a GET and a PUT per asset that is lacking, a POST for a signature per upload",
    "drills: tabletop and decision none but the probes; canary one PUT, and GETs until it has ended",
    "partial drills: the same for each job of the workload, a PUT per asset that is lacking, and a cancel at the end",
    "full drills: what a graceful failover and a failback call",
    "probe `control`: GET of each side's project",
    "polls: the availability statuses of each side's resource groups, the health events of each subscription",
    "canaries, if there are any: two PUTs for each, and up to eight GETs until its deadline",
)


AFTERWARDS = {
    OnError.STOP: "people are told and the run stands still until it succeeds",
    OnError.CONTINUE: "the run goes on without it",
}
"""What follows a step that has used up its time or its tries."""


def describe(plan: Plan) -> str:
    """What a plan does in each phase, and every call in it that needs Resource Manager."""
    sides = [f"  {role}: {plan.side(role).hub}/{plan.side(role).project} in {plan.side(role).region}" for role in Role]
    probes = [f"  {role}: {', '.join(plan.surfaces(role))}" for role in Role]
    lines = [
        f"{plan.pair} ({plan.tier}), mode {plan.policy.mode}",
        *sides,
        "probes",
        *probes,
        _polls(plan),
        _detection(plan.policy),
        _phase_a(plan),
        _phase_b(plan),
        *_steps(plan),
        _canaries(plan),
        "calls that need Resource Manager",
        *(f"  {call}" for call in (*_calls_of_steps(plan), *RESOURCE_MANAGER_CALLS)),
    ]
    return "\n".join(lines)


def _polls(plan: Plan) -> str:
    if plan.polls.interval is None:
        return "polls: none"
    read = [role.value for role in Role if plan.side(role).logs]
    logs = f", logs of the {' and the '.join(read)}" if read else ""
    return f"polls every {spell_duration(plan.polls.interval)}: Resource Health, Service Health{logs}"


def _phase_a(plan: Plan) -> str:
    return (
        f"phase A: claim the epoch in {plan.ledger.account}, publish the pointer at {plan.pointer.endpoint}, verify it "
        f"on {len(plan.pointer.replicas)} replicas; no call of Resource Manager, none to the side that is left"
    )


def _phase_b(plan: Plan) -> str:
    return (
        f"phase B: resubmit jobs (policy {plan.jobs.policy} unless tagged) in batches of {plan.jobs.batch}, at most "
        f"{plan.jobs.write_burst} at once and {plan.jobs.writes_per_second:g} a second after that"
    )


def _steps(plan: Plan) -> Iterator[str]:
    """Every step of each direction, and whether it needs Resource Manager."""
    for field in msgspec.structs.fields(Workflow):
        items = getattr(plan.workflow, field.name)
        source = " (they follow from standby)" if items != getattr(plan.steps, field.name) else ""
        yield (
            f"steps of a {field.name}, after phase A{source}" if items else f"steps of a {field.name}: none but phase A"
        )
        for number, item in enumerate(items, 1):
            if isinstance(item, Parallel):
                yield f"  {number}. side by side:"
                yield from (f"     - {_step(step)}" for step in item.parallel)
            else:
                yield f"  {number}. {_step(item)}"


def _calls_of_steps(plan: Plan) -> Iterator[str]:
    """What the plan's steps ask Resource Manager, each kind once."""
    used = {step.kind for items in (plan.workflow.failover, plan.workflow.failback) for _, step in steps_in(items)}
    yield from (call for name, kind in STEPS.items() if name in used for call in kind.shape.calls)


def _step(step: Step) -> str:
    named = f"{step.name} ({step.kind})" if step.name else step.kind
    ends = [f"for {spell_duration(step.timeout)}"] if step.timeout is not None else []
    ends += [f"{step.retry.tries} times"] if step.retry.tries is not None else []
    tried = f"tried {' or '.join(ends)}, then {AFTERWARDS[step.on_error]}" if ends else "tried until it succeeds"
    if step.after:
        named += f", after {join_words(step.after)}"
    needs = "yes" if STEPS[step.kind].needs_resource_manager else "no"
    return f"{named}: {tried}; needs Resource Manager: {needs}"


def _canaries(plan: Plan) -> str:
    """What canaries cost, in jobs: what a job costs is the price of its cluster."""
    canary = plan.canary
    if not canary.interval:
        return "canaries: none (canary.interval is 0s); jobs that do not run are seen by people, not by the probe"
    daily = timedelta(days=1) / canary.interval
    return (
        f"canaries: {2 * daily:g} jobs a day, {daily:g} on {canary.compute} of each side, each to complete within "
        f"{spell_duration(canary.deadline)}; fewer with a longer canary.interval, none with 0s"
    )


def _detection(policy: Policy) -> str:
    quickest = policy.confirm_after + policy.bad_after * policy.suspect_interval
    return (
        f"decision: two classes bad for {spell_duration(policy.confirm_after)} (at the earliest about "
        f"{spell_duration(quickest)} after the fault), then none for {spell_duration(policy.cooldown)}"
    )


def steps_as_json(plan: Plan) -> list[dict[str, Any]]:
    """Every step of both directions, in order; steps that run side by side come one after another."""
    return [
        {
            "direction": field.name,
            "name": step.title,
            "needs_resource_manager": STEPS[step.kind].needs_resource_manager,
            "timeout": None if step.timeout is None else spell_duration(step.timeout),
        }
        for field in msgspec.structs.fields(Workflow)
        for _, step in steps_in(getattr(plan.workflow, field.name))
    ]
