"""A plan of one's own, practised on the simulated pair: its policy and rules there, the simulated hubs and stores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Jobs, Plan

TAKEN = ("drills", "partial_drill", "full_drill", "targets", "recording")
"""Fields of a plan that mean the same on other hubs."""

TAKEN_OF_JOBS = (
    *("policy", "batch", "writes_per_second", "write_burst", "patience", "retry", "twin", "failback"),
    *("failback_deadline", "absent_input"),
)
"""The same of its ``jobs``: all but what names resources."""

LEFT_OUT = ("tier", "notices", "notify", "references", "canary", "polls", "data", "standby", "steps")
"""Fields that name resources or people that the simulated Azure does not have; told if the plan says anything there."""


def practise(simulated: Plan, given: Plan, policy: dict[str, Any]) -> Plan:
    """The simulated plan, with what is taken from the given one. ``policy``: the fields of its policy, as scaled.

    Raises:
        InvalidInput: the policy contradicts itself.
    """
    jobs = {name: getattr(given.jobs, name) for name in TAKEN_OF_JOBS}
    return msgspec.structs.replace(
        simulated,
        policy=msgspec.structs.replace(given.policy, **policy),
        jobs=msgspec.structs.replace(simulated.jobs, **jobs),
        **{name: getattr(given, name) for name in TAKEN},
    )


def list_left_out(given: Plan) -> list[str]:
    """What the given plan says and is not practised with, beside its hubs and stores."""
    usual = {field.name: field for field in msgspec.structs.fields(Plan)}
    found = [name for name in LEFT_OUT if getattr(given, name) != usual[name].default]
    defaults = Jobs()
    named = [name for name in msgspec.structs.asdict(defaults) if name not in TAKEN_OF_JOBS]
    return found + [f"jobs.{name}" for name in named if getattr(given.jobs, name) != getattr(defaults, name)]


def scale_given(policy: Policy, speed: float, mode: Mode | None, floors: dict[str, timedelta]) -> dict[str, Any]:
    """The durations of a policy divided by ``speed``, not below their floors and never longer; and its mode."""
    scaled = {name: max(getattr(policy, name) / speed, floor) for name, floor in floors.items()}
    capped: dict[str, Any] = {name: min(length, getattr(policy, name)) for name, length in scaled.items()}
    return capped | {"mode": policy.mode if mode is None else mode}
