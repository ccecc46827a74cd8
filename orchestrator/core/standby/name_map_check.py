"""Whether a plan's map fits what exists on both sides. Offline a plan can only be checked against itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from orchestrator.core.base.codec import Value
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.faults import hint_of, nearest
from orchestrator.core.plan.schema import Plan


class Sides(Value, kw_only=True):
    """What exists in one project."""

    computes: dict[str, float | None]
    """Gigabytes of memory of one machine, by name; None where that is not known."""

    datastores: frozenset[str]
    environments: frozenset[str]


class NameMapFinding(Value, kw_only=True):
    """One thing about the plan."""

    field: str
    expected: str
    got: str
    is_refused: bool
    """Jobs would be refused or starve. What is not is worth knowing."""

    hint: str | None = None
    """The nearest name that is there, as a question."""

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, got {self.got}"


def findings(plan: Plan, primary: Sides, secondary: Sides) -> tuple[NameMapFinding, ...]:
    """Everything about the map that the two projects do not bear out; what is refused first."""
    found = [
        *_absent("computes", plan.jobs.computes, frozenset(primary.computes), frozenset(secondary.computes)),
        *_absent("datastores", plan.jobs.datastores, primary.datastores, secondary.datastores),
        *_absent("environments", plan.jobs.environments, primary.environments, None),
        *_smaller(plan.jobs.computes, primary.computes, secondary.computes),
        *_without_namesake(plan, primary, secondary),
        *_canary(plan, secondary),
        *_copies(plan, primary, secondary),
    ]
    return tuple(sorted(found, key=lambda finding: not finding.is_refused))


def _absent(
    table: str, names: Mapping[str, str], here: frozenset[str], there: frozenset[str] | None
) -> Iterator[NameMapFinding]:
    """Environments are made in the secondary under their new names; computes and datastores are not."""
    for old, new in names.items():
        if there is not None and not _has(there, new):
            yield NameMapFinding(
                field=f"jobs.{table}.{old}",
                expected=f"one of the secondary's {table} ({_few(there)})",
                got=new,
                is_refused=True,
                hint=hint_of(nearest(new, there)),
            )
        if not _has(here, old):
            yield NameMapFinding(
                field=f"jobs.{table}.{old}",
                expected=f"one of the primary's {table} ({_few(here)})",
                got="a name that no job there can use",
                is_refused=False,
            )


def _smaller(
    names: Mapping[str, str], here: Mapping[str, float | None], there: Mapping[str, float | None]
) -> Iterator[NameMapFinding]:
    """Several computes on one with less memory: their jobs were sized for what they had."""
    onto: dict[str, list[str]] = defaultdict(list)
    for old, new in names.items():
        onto[new.casefold()].append(old)
    for new, olds in onto.items():
        has = _of(there, new)
        for old in olds:
            had = _of(here, old)
            if has is not None and had is not None and has < had:
                others = f", to which {', '.join(other for other in olds if other != old)} leads too"
                yield NameMapFinding(
                    field=f"jobs.computes.{old}",
                    expected=f"a compute with at least {had:g} GB a machine, as {old} has",
                    got=f"{names[old]} with {has:g} GB{others if len(olds) > 1 else ''}",
                    is_refused=len(olds) > 1,
                )


def _without_namesake(plan: Plan, primary: Sides, secondary: Sides) -> Iterator[NameMapFinding]:
    if not plan.jobs.same_names:
        return
    for table, here, there in (
        ("computes", frozenset(primary.computes), frozenset(secondary.computes)),
        ("datastores", primary.datastores, secondary.datastores),
    ):
        for name in sorted(here):
            if not _has(frozenset(getattr(plan.jobs, table)), name) and not _has(there, name):
                yield NameMapFinding(
                    field=f"jobs.{table}",
                    expected=f"an entry for {name}, which the secondary has not",
                    got="none; jobs that use it would be refused",
                    is_refused=False,
                )


def _canary(plan: Plan, secondary: Sides) -> Iterator[NameMapFinding]:
    if not _has(frozenset(secondary.computes), plan.canary.compute):
        yield NameMapFinding(
            field="canary.compute",
            expected=f"one of the secondary's computes ({_few(frozenset(secondary.computes))})",
            got=plan.canary.compute,
            is_refused=False,
        )


def _copies(plan: Plan, primary: Sides, secondary: Sides) -> Iterator[NameMapFinding]:
    """Datastores whose data are to be copied ahead, on both sides. What ``jobs.datastores`` names is told there."""
    listed = {old.casefold(): new for old, new in plan.jobs.datastores.items()}
    for number, copy in enumerate(plan.data.copies):
        there = listed.get(copy.datastore.casefold(), copy.datastore)
        for side, name, known in (
            (Role.PRIMARY, copy.datastore, primary.datastores),
            (Role.SECONDARY, there, secondary.datastores),
        ):
            if name and not _has(known, name):
                yield NameMapFinding(
                    field=f"data.copies[{number}].datastore",
                    expected=f"one of the {side}'s datastores ({_few(known)})",
                    got=name,
                    is_refused=True,
                )


def _has(names: frozenset[str], name: str) -> bool:
    return name.casefold() in {each.casefold() for each in names} | {"serverless"}


def _of(memory: Mapping[str, float | None], name: str) -> float | None:
    return next((value for each, value in memory.items() if each.casefold() == name.casefold()), None)


def _few(names: frozenset[str]) -> str:
    shown = sorted(names)[:8]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "") if names else "none"
