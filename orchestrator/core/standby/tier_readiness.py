"""Readiness knows the plan's tiers: what is planned to be smaller or not to be there is no drift. Pure.

Only the secondary has tiers, and only while work runs in the primary: on the way home nothing of this applies.

=====  ==================================================  =======================================
tier   is there                                            is not there
=====  ==================================================  =======================================
hot    as in the primary, and at the plan's size at least  missing
warm   at the plan's idle size, neither more nor less      missing
cold   the same                                            ready, if a template of the plan makes it
=====  ==================================================  =======================================

The tables of checks and their rules stay as they are: what is planned is put into the standby's inventory before they
look, and what the plan expects is looked at by the same rows after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from orchestrator.core.base.codec import Value
from orchestrator.core.base.numbers import number_in
from orchestrator.core.base.text import join_words
from orchestrator.core.ledger_paths import template_path
from orchestrator.core.plan.standby import PartTier
from orchestrator.core.standby.batch_readiness import BATCH_CHECK, DEPLOYMENTS, ENDPOINTS, set_default_command
from orchestrator.core.standby.inventory import as_list, as_object, dig, name_of
from orchestrator.core.standby.planned_parts import PlannedPart, full_name
from orchestrator.core.standby.readiness import CheckRow, Comparison, Severity, label
from orchestrator.core.standby.template_contents import KeptTemplate, Making, find_making
from orchestrator.core.standby.twin_map import Translator

ABSENT = "is missing in the secondary"
"""What the checks say of a twin that is not there."""

CHECK_OF = {
    "computes": 5,
    "openai_deployments": 8,
    "online_endpoints": 14,
    "online_deployments": 14,
    "schedules": 15,
    **dict.fromkeys((ENDPOINTS, DEPLOYMENTS), BATCH_CHECK),
}
"""Key of a planned part -> the check that looks at it."""

_DEFAULT = "properties.defaults.deploymentName"

TEMPLATE_CHECK = 29
"""The check of the plan's templates. Two inventories alone have none, so that only live looks know it."""


class ByPlan(Value, kw_only=True):
    """Something of the standby that differs from the active side because the plan says so."""

    path: str
    """As in findings."""

    tier: str
    what: str
    """One sentence."""


class _Seen(NamedTuple):
    """A planned part, and what stands for it on both sides."""

    part: PlannedPart
    path: str
    one: Mapping[str, Any] | None
    other: Mapping[str, Any] | None
    maker: str
    """The template that makes it, if it is cold and not there."""

    making: Making

    @property
    def is_cold_and_absent(self) -> bool:
        return self.other is None and self.part.tier is PartTier.COLD and self.making is not Making.NOT


class TierView(NamedTuple):
    """The same standby with its tiers."""

    here: dict[str, Any]
    there: dict[str, Any]
    rows: tuple[CheckRow, ...]
    by_plan: tuple[ByPlan, ...]


def apply_tiers(
    sides: tuple[Mapping[str, Any], Mapping[str, Any]],
    parts: Sequence[PlannedPart],
    templates: Sequence[KeptTemplate],
    translate: Translator,
    rows: Sequence[CheckRow],
) -> TierView:
    """What to compare in place of two inventories, with which rows, and what is as it is by plan.

    Args:
        sides: the primary's inventory and the secondary's.
        parts: what the plan names.
        templates: what a failover deploys.
        translate: reads what the primary says as the secondary would say it.
        rows: the table of checks.
    """
    here, there = dict(sides[0]), dict(sides[1])
    seen = [_find(part, here, there, templates, translate) for part in parts if _is_read(there, part)]
    seen = [each for each in seen if not each.part.is_implied or each.is_cold_and_absent]
    for each in seen:
        _put_in(there, each, translate)
    absent = [each.one for each in seen if each.is_cold_and_absent and each.one is not None]
    here["role_assignments"] = _without_roles_of(here.get("role_assignments"), absent)
    looked = [_with_plan(row, seen) for row in rows]
    if templates:
        cold = [each for each in seen if each.other is None and each.part.tier is PartTier.COLD]
        looked.append(_template_row(templates, is_needed=bool(cold)))
    return TierView(here, there, tuple(looked), tuple(_explain(seen)))


def _is_read(inventory: Mapping[str, Any], part: PlannedPart) -> bool:
    """Whether a part would be in an inventory if it were there."""
    if part.account:
        named = [dig(each, "properties.metadata.ResourceId") for each in as_list(inventory.get("connections"))]
        if part.account.casefold() not in [str(each).casefold() for each in named]:
            return False
    return isinstance(inventory.get(part.key), list)


def _find(
    part: PlannedPart,
    here: Mapping[str, Any],
    there: Mapping[str, Any],
    templates: Sequence[KeptTemplate],
    translate: Translator,
) -> _Seen:
    name = part.name.casefold()
    other = next((each for each in _elements(there, part) if _name_in_plan(each, there, part).casefold() == name), None)
    one = next(
        (e for e in _elements(here, part) if translate.name(_name_in_plan(e, here, part)).casefold() == name), None
    )
    best, maker = Making.NOT, ""
    if other is None and part.tier is PartTier.COLD:
        for kept in templates:
            making = find_making(kept, part.kind, part.parts)
            if making > best:
                best, maker = making, kept.name
    if other is not None:
        shown = name_of(other)
    elif one is not None:
        shown = translate.name(name_of(one))
    else:
        shown = part.parts[-1] if _is_short(here, there, part) else part.name
    return _Seen(part, f"{part.key}.{shown}", one, other, maker, best)


def _is_short(here: Mapping[str, Any], there: Mapping[str, Any], part: PlannedPart) -> bool:
    """Whether the inventories name deployments without their endpoint."""
    listed = [*_elements(here, part), *_elements(there, part)]
    return len(part.parts) > 1 and part.key != DEPLOYMENTS and not any("/" in name_of(each) for each in listed)


def _elements(inventory: Mapping[str, Any], part: PlannedPart) -> Iterator[Mapping[str, Any]]:
    return (each for each in as_list(inventory.get(part.key)) if isinstance(each, Mapping))


def _name_in_plan(element: Mapping[str, Any], inventory: Mapping[str, Any], part: PlannedPart) -> str:
    return full_name(element, inventory) if len(part.parts) > 1 else name_of(element)


def _put_in(there: dict[str, Any], seen: _Seen, translate: Translator) -> None:
    """What is planned, in place of what the comparison would take for a drift."""
    if seen.is_cold_and_absent and seen.one is not None:
        there[seen.part.key] = [*there[seen.part.key], _stand_in(seen, seen.one, translate)]
    elif seen.other is not None and seen.one is not None and seen.part.tier is not PartTier.HOT:
        own = _as_planned(seen.part, seen.one, seen.other, translate)
        there[seen.part.key] = [own if each is seen.other else each for each in there[seen.part.key]]


def _stand_in(seen: _Seen, one: Mapping[str, Any], translate: Translator) -> dict[str, Any]:
    """What a template will have made, so that what rests on it, such as quota, is asked for all the same."""
    made: dict[str, Any] = translate.value(one)
    properties = {**as_object(made.get("properties"))}
    if "provisioningState" in properties:
        properties["provisioningState"] = "Succeeded"
    if seen.part.key == "schedules":
        properties["isEnabled"] = False
    return {**made, "name": seen.path.removeprefix(f"{seen.part.key}."), "properties": properties}


def _as_planned(
    part: PlannedPart, one: Mapping[str, Any], other: Mapping[str, Any], translate: Translator
) -> dict[str, Any]:
    """The standby's element with the primary's size and traffic: both are set by a failover."""
    planned = dict(other)
    if part.size is not None and part.size.path == "sku.capacity":
        planned["sku"] = {**as_object(other.get("sku")), "capacity": dig(one, "sku.capacity")}
    if part.traffic is not None:
        traffic = translate.value(dig(one, "properties.traffic"))
        planned["properties"] = {**as_object(other.get("properties")), "traffic": traffic}
    return planned


def _without_roles_of(assignments: Any, absent: Iterable[Mapping[str, Any]]) -> Any:
    """Role assignments without those of, and at, what a template has yet to make: it makes them, too."""
    if not isinstance(assignments, list):
        return assignments
    gone = list(absent)
    principals = {str(dig(each, "identity.principalId")).casefold() for each in gone} - {"none"}
    places = tuple(str(each["id"]).casefold() for each in gone if each.get("id"))

    def rests(assignment: Any) -> bool:
        principal, scope = (str(dig(assignment, f"properties.{name}")).casefold() for name in ("principalId", "scope"))
        return principal in principals or any(scope == place or scope.startswith(f"{place}/") for place in places)

    return [each for each in assignments if not rests(each)]


def _with_plan(row: CheckRow, seen: Sequence[_Seen]) -> CheckRow:
    mine = [each for each in seen if CHECK_OF[each.part.key] == row.number]
    return row._replace(look=partial(_look, row, mine)) if mine else row


def _look(row: CheckRow, seen: Sequence[_Seen], c: Comparison) -> None:
    row.look(c)
    for each in seen:
        _look_at_part(each, c)


def _look_at_part(seen: _Seen, c: Comparison) -> None:
    """What the plan expects of one thing, besides what the check has found."""
    part, path = seen.part, seen.path
    known = {each.path for each in c.found}
    if seen.other is not None:
        _look_at_size(seen, c, known)
        _look_at_default(seen, c)
    elif part.tier is not PartTier.COLD:
        if path not in known and not part.is_implied:
            c.add(path, f"{ABSENT}, and the plan's standby names it as {part.tier}", dig(seen.one, "name"))
    elif seen.making is Making.UNKNOWN:
        what = f"is cold by plan; whether {seen.maker} makes it does not follow from its text"
        fix = "give its name as a text in the template, or under `parameters` of standby.templates"
        c.add(path, what, dig(seen.one, "name"), severity=Severity.WARN, fix=fix)
    elif seen.making is Making.NOT:
        c.found[:] = [each for each in c.found if (each.path, each.what) != (path, ABSENT)]
        fix = f"add a {part.kind} of this name to a template of standby.templates, or make it in the secondary"
        c.add(
            path, f"{ABSENT}; it is cold by plan, and no template of the plan makes it", dig(seen.one, "name"), fix=fix
        )


def _look_at_size(seen: _Seen, c: Comparison, known: set[str]) -> None:
    size, wanted = seen.part.size, seen.part.wanted()
    if size is None or wanted is None:
        return
    path, has = f"{seen.path}.{label(size.path)}", number_in(dig(seen.other, size.path))
    is_hot = seen.part.tier is PartTier.HOT
    if path in known or has == wanted or (is_hot and has is not None and has > wanted):
        return
    than = "not known" if has is None else "above the plan's" if has > wanted else "below the plan's"
    what = f"is {than}: {seen.part.tier} by plan, {wanted} {size.unit} are expected"
    fix = f"set it to {wanted} in the secondary, or change standby in the plan"
    c.add(path, what, dig(seen.one, size.path), dig(seen.other, size.path), Severity.WARN, fix)


def _look_at_default(seen: _Seen, c: Comparison) -> None:
    """A hot batch endpoint has the plan's default deployment at all times; of others a failover sets it."""
    wanted, has = seen.part.default, dig(seen.other, _DEFAULT)
    if not wanted or seen.part.tier is not PartTier.HOT or str(has or "").casefold() == wanted.casefold():
        return
    what, fix = f"is not the plan's: hot by plan, {wanted} is expected", set_default_command(seen.part.name, wanted)
    c.add(f"{seen.path}.{label(_DEFAULT)}", what, dig(seen.one, _DEFAULT), has, Severity.WARN, fix)


def _template_row(templates: Sequence[KeptTemplate], *, is_needed: bool) -> CheckRow:
    severity = Severity.BLOCK if is_needed else Severity.WARN
    look = partial(_look_at_templates, templates)
    return CheckRow(TEMPLATE_CHECK, "templates", (), severity, look, "upload the template to the ledger's container")


def _look_at_templates(templates: Sequence[KeptTemplate], c: Comparison) -> None:
    for name in dict.fromkeys(kept.name for kept in templates if kept.body is None):
        fault = next(kept.fault for kept in templates if kept.name == name)
        upload = "az storage blob upload --account-name <the ledger's> --container-name <the ledger's>"
        fix = f"{upload} --name {template_path(name)} --file <the template, as `az bicep build` writes it>"
        c.add(f"templates.{name}", f"a failover cannot deploy it: {fault}", fix=fix)


def _explain(seen: Iterable[_Seen]) -> Iterator[ByPlan]:
    """What is as it is because the plan says so."""
    for each in seen:
        part = each.part
        if each.is_cold_and_absent:
            what = f"cold by plan: {each.maker}"
        elif each.other is not None and part.tier is not PartTier.HOT and part.size is not None:
            what = f"{part.tier} by plan: {part.size.idle} {part.size.unit}, {part.size.full} after a failover"
        elif each.other is not None and part.tier is not PartTier.HOT and part.traffic is not None:
            shares = join_words(f"{name} {share} %" for name, share in part.traffic.items())
            what = f"{part.tier} by plan: a failover sets the traffic to {shares}"
        elif each.other is not None and part.tier is not PartTier.HOT and part.default:
            what = f"{part.tier} by plan: a failover makes {part.default} the default deployment"
        else:
            continue
        yield ByPlan(path=each.path, tier=str(part.tier), what=what)
