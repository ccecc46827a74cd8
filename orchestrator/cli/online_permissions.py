"""``hubswitch plan check --online``: whether the executor may do what the steps of a plan do. Nothing is changed.

Azure lists what the caller may do with a resource (learn.microsoft.com, rest/api/authorization/permissions). A login
that is not the executor's says nothing about the executor: then it is only worth knowing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.cli.plan_names import StepUse, step_uses
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps_models import AI_ACTIONS, ScaleAiDeployment
from orchestrator.core.plan.steps_standby import DeployTemplate
from orchestrator.core.standby.name_map_check import NameMapFinding
from orchestrator.doctor.roles import COPY, SUBMIT, WORKSPACES, find_missing
from orchestrator.ports import PermissionSet, Trials

DEPLOY = ("Microsoft.Resources/deployments/read", "Microsoft.Resources/deployments/write")


class NeededPermission(NamedTuple):
    """What a part of the plan takes."""

    field: str
    scope: str
    """ARM id at which it is taken."""

    actions: tuple[str, ...]


def look_up_permissions(trials: Trials, plan: Plan, *, is_executor: bool) -> Iterator[NameMapFinding]:
    """What is lacking, each permission at a scope once: at the first part of the plan that takes it."""
    held: dict[str, Sequence[PermissionSet] | str] = {}
    told: set[tuple[str, str]] = set()
    for field, scope, actions in list_needed_permissions(plan):
        if scope not in held:
            held[scope] = _ask(trials, scope)
            if isinstance(held[scope], str):
                expected = f"what {_whose(is_executor)} may do at {scope}"
                yield NameMapFinding(field=field, expected=expected, got=f"not known: {held[scope]}", is_refused=False)
        found = held[scope]
        new = [action for action in actions if (scope, action) not in told]
        told |= {(scope, action) for action in actions}
        lacking = [] if isinstance(found, str) else find_missing(new, found)
        if lacking:
            yield describe_lacking(field, lacking, is_executor=is_executor)


def describe_lacking(field: str, actions: Sequence[str], *, is_executor: bool) -> NameMapFinding:
    """The finding about permissions that no role gives."""
    expected = f"a role of {_whose(is_executor)} that allows {join_words(actions)}"
    return NameMapFinding(field=field, expected=expected, got="none", is_refused=is_executor)


def _whose(is_executor: bool) -> str:
    return "the executor" if is_executor else "this login (the doctor asks as the executor)"


def _ask(trials: Trials, scope: str) -> Sequence[PermissionSet] | str:
    """What the executor may do there, or why that is not known."""
    try:
        return trials.permissions(scope)
    except HubswitchError as fault:
        return str(fault)


def list_needed_permissions(plan: Plan) -> Iterator[NeededPermission]:
    """Everything that runs of the plan take besides reads."""
    for role in Role:
        yield NeededPermission(f"{role}.project", plan.side(role).project_id, (*SUBMIT, *COPY))
    for use in step_uses(plan):
        yield from _of_step(plan, use)


def _of_step(plan: Plan, use: StepUse) -> Iterator[NeededPermission]:
    if isinstance(use.step, DeployTemplate):
        yield NeededPermission(use.field, plan.side(use.side).group_id, DEPLOY)
    if isinstance(use.step, ScaleAiDeployment):
        yield NeededPermission(use.field, use.step.account, AI_ACTIONS)
    actions = tuple(f"{WORKSPACES}/{action}" for action in use.step.actions)
    for role in Role if use.step.acts_on_both else (use.side,):
        if actions:
            yield NeededPermission(use.field, plan.side(role).project_id, actions)
