"""A plan with primary and secondary exchanged: the hubs change their roles, and everything that names a part of one.

The plan's words for directions stay: a failover still leaves the primary, so its steps stay where they are, and the
clusters that they name become those of the hub that has the role now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.data_copies import DataPlan
from orchestrator.core.plan.schema import TABLES, Plan
from orchestrator.core.plan.standby import Standby
from orchestrator.core.plan.step_base import StepSide
from orchestrator.core.plan.steps import Parallel, ScaleCluster, Step, StepOrGroup, WaitForUrl, steps_in
from orchestrator.core.plan.steps_alert import WaitForAlert
from orchestrator.core.plan.steps_front import FrontStep
from orchestrator.core.plan.steps_models import ScaleAiDeployment, SetBatchDefault
from orchestrator.core.plan.steps_standby import ScaleDeployment, SetTraffic

_replace = msgspec.structs.replace

PARTS: Mapping[type[Step], Mapping[str, str | None]] = {
    ScaleCluster: {"cluster": "computes"},
    ScaleDeployment: {"endpoint": "endpoints", "deployment": ""},
    SetTraffic: {"endpoint": "endpoints"},
    SetBatchDefault: {"endpoint": "endpoints", "deployment": ""},
    ScaleAiDeployment: {"account": None, "deployment": ""},
}
"""Kind of step -> its fields that name a part of the side that it works on -> the table of ``jobs`` with its names;
none for what has the same name on both sides, if ``jobs.same_names`` says so; null for what only a person can tell."""

STANDBY_PARTS = (
    ("name", "computes", "clusters"),
    ("endpoint", "endpoints", "deployments"),
    ("deployment", "", "deployments"),
    ("name", "endpoints", "endpoints"),
    ("name", "endpoints", "batch_endpoints"),
    ("deployment", "", "batch_endpoints"),
    ("account", None, "ai_deployments"),
    ("deployment", "", "ai_deployments"),
)
"""Fields of ``standby`` that name a part of the secondary: field, table as above, and the list that it is in."""


class Renaming(NamedTuple):
    """A field that has another value afterwards."""

    field: str
    value: str


class Exchange(NamedTuple):
    """The plan as it is afterwards, and which of its single fields have changed for it."""

    plan: Plan
    renamed: tuple[Renaming, ...]
    """Besides ``primary``, ``secondary`` and the tables of ``jobs``, which are turned round."""


def exchange_sides(plan: Plan, where: str, given: Mapping[str, str] | None = None) -> Exchange:
    """The plan in which the secondary is the primary, and the primary the secondary.

    Args:
        plan: as it is.
        where: the file, for what cannot be exchanged.
        given: values that a person gives for fields of which nobody else can tell what they are afterwards.

    Raises:
        InvalidInput: a table cannot be turned round, a field's value afterwards cannot be told, or ``given`` names a
            field that is not exchanged; names the field, and what to do.
    """
    for table in TABLES:
        _must_be_reversible(getattr(plan.jobs, table), f"jobs.{table}", where)
    wanted, renamed = dict(given or {}), list[Renaming]()
    for field, found in _names_of_parts(plan):
        value = wanted.pop(field, None) or _counterpart(plan, found)
        if value is None:
            expected = f"its value after the exchange, as --set {field}=…"
            raise InvalidInput(
                where, field, expected, f"{found.name}, which names no part of a hub that the plan knows"
            )
        if value != found.name:
            renamed.append(Renaming(field, value))
    if wanted:
        known = join_words(field for field, _ in _names_of_parts(plan))
        raise InvalidInput(where, next(iter(wanted)), f"one of the fields that are exchanged: {known}", "another")
    values = dict(renamed)
    jobs = _replace(plan.jobs, **{name: {new: old for old, new in getattr(plan.jobs, name).items()} for name in TABLES})
    steps = _replace(
        plan.steps,
        **{field.name: _with_names(plan, field.name, values) for field in msgspec.structs.fields(type(plan.steps))},
    )
    canary = _replace(plan.canary, compute=values.get("canary.compute", plan.canary.compute))
    exchanged = _replace(
        plan,
        primary=plan.secondary,
        secondary=plan.primary,
        jobs=jobs,
        steps=steps,
        standby=_standby_with_names(plan, values),
        canary=canary,
        data=_data_with_names(plan, values),
    )
    return Exchange(exchanged, tuple(renamed))


class _Part(NamedTuple):
    """A value that names a part of one hub."""

    name: str
    side: Role
    table: str | None
    """Field of ``Jobs`` with its names, empty for none; None for a URL."""


def _names_of_parts(plan: Plan) -> Iterator[tuple[str, _Part]]:
    """Every field outside the two sides and the tables that names a part of one hub, with that hub."""
    yield "canary.compute", _Part(plan.canary.compute, Role.SECONDARY, "computes")
    for n, copy in enumerate(plan.data.copies):
        if copy.datastore:
            yield f"data.copies[{n}].datastore", _Part(copy.datastore, Role.PRIMARY, "datastores")
    for field, table, parts in STANDBY_PARTS:
        for n, part in enumerate(getattr(plan.standby, parts)):
            yield f"standby.{parts}[{n}].{field}", _Part(getattr(part, field), Role.SECONDARY, table)
    for direction, target in (("failover", Role.SECONDARY), ("failback", Role.PRIMARY)):
        for path, step in steps_in(getattr(plan.steps, direction)):
            field = f"steps.{direction}{path}"
            side = target if getattr(step, "side", StepSide.TARGET) is StepSide.TARGET else target.other
            for name, table in PARTS.get(type(step), {}).items():
                yield f"{field}.{name}", _Part(getattr(step, name), side, table)
            if isinstance(step, WaitForUrl):
                yield f"{field}.url", _Part(step.url, target, None)
            if isinstance(step, WaitForAlert):
                for name in ("rule", "target"):
                    if getattr(step, name):  # nobody else can tell which rule watches the other hub
                        yield f"{field}.{name}", _Part(getattr(step, name), target, None)


def _counterpart(plan: Plan, part: _Part) -> str | None:
    """What the other hub's part of this kind is called; None if nobody can tell."""
    if part.table is not None:
        names: Mapping[str, str] = getattr(plan.jobs, part.table) if part.table else {}
        table = names if part.side is Role.PRIMARY else {b: a for a, b in names.items()}
        return table.get(part.name) or (part.name if plan.jobs.same_names else None)
    here, there = plan.side(part.side), plan.side(part.side.other)
    bases = [(getattr(here, name), getattr(there, name)) for name in ("api", "storage", "keyvault", "acr")]
    if here.inference and there.inference:
        bases.insert(0, (here.inference.url, there.inference.url))
    for old, new in bases:
        if old and new and (part.name == old or part.name.startswith(f"{old.rstrip('/')}/")):
            return f"{new.rstrip('/')}{part.name.removeprefix(old.rstrip('/'))}"
    return None


def _with_names(plan: Plan, direction: str, values: Mapping[str, str]) -> tuple[StepOrGroup, ...]:
    def change(step: Step, path: str) -> Step:
        names: dict[str, Any] = {
            name: values[field]
            for name in (*PARTS.get(type(step), {}), "url", "rule", "target")
            if (field := f"steps.{direction}{path}.{name}") in values
        }
        if isinstance(step, FrontStep):
            names |= {"primary": step.secondary, "secondary": step.primary}
        return _replace(step, **names)

    changed: list[StepOrGroup] = []
    for number, item in enumerate(getattr(plan.steps, direction)):
        if isinstance(item, Parallel):
            inner = tuple(change(step, f"[{number}].parallel[{n}]") for n, step in enumerate(item.parallel))
            changed.append(_replace(item, parallel=inner))
        else:
            changed.append(change(item, f"[{number}]"))
    return tuple(changed)


def _standby_with_names(plan: Plan, values: Mapping[str, str]) -> Standby:
    standby = plan.standby
    for field, _, parts in STANDBY_PARTS:
        listed: tuple[Any, ...] = getattr(standby, parts)
        names = [values.get(f"standby.{parts}[{n}].{field}", getattr(part, field)) for n, part in enumerate(listed)]
        changed = tuple(_replace(part, **{field: name}) for part, name in zip(listed, names, strict=True))
        standby = _replace(standby, **{parts: changed})
    return standby


def _data_with_names(plan: Plan, values: Mapping[str, str]) -> DataPlan:
    changed = tuple(
        _replace(
            copy,
            datastore=values.get(f"data.copies[{n}].datastore", copy.datastore),
            primary=copy.secondary,
            secondary=copy.primary,
        )
        for n, copy in enumerate(plan.data.copies)
    )
    return _replace(plan.data, copies=changed)


def _must_be_reversible(table: Mapping[str, str], field: str, where: str) -> None:
    first: dict[str, str] = {}
    for old, new in table.items():
        if new in first:
            expected = f"one name that leads to {new}, for the way back would be lost"
            raise InvalidInput(where, field, expected, f"{first[new]} and {old}")
        first[new] = old
