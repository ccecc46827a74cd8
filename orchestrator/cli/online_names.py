"""``hubswitch plan check --online``: what ``standby`` and steps name, looked up in hubs and ledger. Reads only.

A thing that is not there is a fault, unless a template that the same run deploys makes it. What cannot be read is a
warning that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from orchestrator.cli.plan_names import PlanName, StepUse, list_names, step_uses
from orchestrator.core.base.errors import HubswitchError, InvalidInput, NotFound, Refused
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import template_path
from orchestrator.core.plan.faults import hint_of, nearest
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.step_base import BaseStep
from orchestrator.core.plan.steps_standby import DeployTemplate
from orchestrator.core.standby.name_map_check import NameMapFinding
from orchestrator.core.standby.planned_parts import templates_into
from orchestrator.core.standby.template_contents import KeptTemplate, Making, find_making
from orchestrator.ports import World
from orchestrator.standby.readiness import read_templates
from orchestrator.workflows.activities.steps import STEPS

SHOWN = 8
"""Known names that a fault shows."""


def look_up_names(world: World, plan: Plan) -> Iterator[NameMapFinding]:
    """Everything that is named and not there, and what could not be looked up."""
    lookup = _Lookup(world, plan)
    missing = set[str]()
    for named in list_names(plan):
        for finding in lookup.look(named):
            missing.add(finding.field)
            yield finding
    for use in step_uses(plan):
        if not any(_is_part_of(each, use) for each in missing):
            yield from _try(world, plan, use, lookup)


def _is_part_of(field: str, use: StepUse) -> bool:
    roots = (use.field,) if use.place == "standby" else (use.field, use.place)
    return field in roots or field.startswith(tuple(f"{root}{mark}" for root in roots for mark in ".["))


class _Unread(NamedTuple):
    why: str


class _Lookup:
    """Lists of what is there, each read once."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._plan = plan
        self._lists: dict[str, frozenset[str] | _Unread] = {}
        self._templates: dict[tuple[str, Role], Sequence[KeptTemplate] | _Unread] = {}

    def look(self, named: PlanName) -> Iterator[NameMapFinding]:
        """What there is to say about a name; nothing if it is there, or will be."""
        if named.inside is not None and not self._is_there(named.inside):
            making, _ = self._find_making(named.inside)
            if making is Making.NOT:
                return  # what it lies in is not there, which is said already
            known: frozenset[str] | _Unread = frozenset()
        else:
            known = self._list(named)
        if isinstance(known, _Unread):
            yield _not_known(named.field, f"{named.name} among the {named.side}'s {named.what}", known.why)
        elif named.name.casefold() not in {each.casefold() for each in known}:
            yield from self._judge_name(named, known)

    def _judge_name(self, named: PlanName, known: frozenset[str]) -> Iterator[NameMapFinding]:
        making, why = self._find_making(named)
        if making is Making.CERTAIN:
            return
        if making is Making.UNKNOWN:
            yield _not_known(named.field, f"a template of this run that makes {named.name}, which is not there", why)
            return
        hint = hint_of(nearest(named.name, known))
        expected = f"one of the {named.side}'s {named.what} ({_few(known)})"
        yield NameMapFinding(
            field=named.field, expected=expected, got=named.name, is_refused=named.is_needed, hint=hint
        )

    def _is_there(self, named: PlanName) -> bool:
        known = self._list(named)
        return isinstance(known, _Unread) or named.name.casefold() in {each.casefold() for each in known}

    def _list(self, named: PlanName) -> frozenset[str] | _Unread:
        if named.collection not in self._lists:
            try:
                listed = self._world.resources.list(named.collection, named.version, {})
                self._lists[named.collection] = frozenset(str(each.get("name")) for each in listed)
            except NotFound:
                self._lists[named.collection] = frozenset()
            except HubswitchError as fault:
                self._lists[named.collection] = _Unread(str(fault))
        return self._lists[named.collection]

    def _find_making(self, named: PlanName) -> tuple[Making, str]:
        """Whether a template that the same direction deploys into this side makes it, and why that is not known."""
        where = (named.direction, named.side)
        if where not in self._templates:
            try:
                deployed = templates_into(self._plan, *where)
                self._templates[where] = read_templates(self._world.ledgers[self._plan.pair], deployed)
            except HubswitchError as fault:
                self._templates[where] = _Unread(str(fault))
        templates = self._templates[where]
        if isinstance(templates, _Unread):
            return Making.UNKNOWN, templates.why
        best = max((find_making(each, named.kind, named.parts) for each in templates), default=Making.NOT)
        return best, "its name does not follow from the template's text"

    def templates_there(self) -> frozenset[str]:
        """Names of all templates of the ledger; none if they cannot be listed."""
        root = template_path("")
        try:
            names = self._world.ledgers[self._plan.pair].names(root)
            return frozenset(name.removeprefix(root) for name in names)
        except HubswitchError:
            return frozenset()


def _try(world: World, plan: Plan, use: StepUse, lookup: _Lookup) -> Iterator[NameMapFinding]:
    """What the step itself says of what is there: a size that a cluster cannot have, a parameter that is lacking."""
    preview = STEPS[use.step.kind].preview
    if preview is None:
        return
    try:
        preview(world, plan, use.target, use.step)
    except NotFound as fault:
        if isinstance(use.step, DeployTemplate):
            hint = hint_of(nearest(use.step.template, lookup.templates_there()))
            yield _refuse(use, "a template that the ledger has", str(fault), hint)
        # What a template makes is not there yet: whether it is missing was looked up before.
    except (Refused, InvalidInput) as fault:
        yield _refuse(use, _expectation(use.step), str(fault))
    except HubswitchError as fault:
        yield _not_known(use.field, _expectation(use.step), str(fault))


def _expectation(step: BaseStep) -> str:
    if isinstance(step, DeployTemplate):
        return "a template with these parameters"
    return f"what {step.kind} can change"


def _refuse(use: StepUse, expected: str, got: str, hint: str | None = None) -> NameMapFinding:
    return NameMapFinding(field=use.field, expected=expected, got=got, is_refused=True, hint=hint)


def _not_known(field: str, what: str, why: Any) -> NameMapFinding:
    return NameMapFinding(field=field, expected=what, got=f"not known: {why}", is_refused=False)


def _few(names: frozenset[str]) -> str:
    shown = sorted(names)[:SHOWN]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "") if names else "none"
