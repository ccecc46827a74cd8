"""Reading the files that people write, with the fault in their words."""

from __future__ import annotations

from pathlib import Path

import msgspec

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.regions import region_named
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.routing import Directory
from orchestrator.settings import Settings


def text_of(path: Path, where: str = "") -> str:
    """A file's text. ``where``: what is named if it cannot be had; the file itself if not given.

    Raises:
        InvalidInput: it cannot be read, or is not UTF-8.
    """
    where = where or str(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as fault:
        raise InvalidInput(where, "", "a file that can be read", fault.strerror or str(fault)) from fault
    except UnicodeDecodeError as fault:
        raise InvalidInput(where, "", "UTF-8 text", str(fault)) from fault


def plan_in(path: Path) -> Plan:
    """The plan that a file holds.

    Raises:
        InvalidInput: the file cannot be read, or the plan is wrong.
    """
    return plan_from(text_of(path), str(path))


def plans_in(place: Path) -> Directory:
    """The plans of a folder (every ``*.yaml``), or of one file, by pair.

    Raises:
        InvalidInput: nothing is there, a plan is wrong, two plans are for one pair, two pairs have one primary, or
            one pair's primary is another's secondary: its jobs would be recorded, and moved, by both.
    """
    files = [place] if place.is_file() else sorted(place.glob("*.yaml"))
    if not files:
        raise InvalidInput(str(place), "", "a plan, or a folder with plans (*.yaml)", "none")
    plans: dict[str, Plan] = {}
    places: dict[Path, Plan] = {}
    for file in files:
        plan = plan_from(text_of(file), str(file))
        if plan.pair in plans:
            raise InvalidInput(str(file), "pair", "a pair that no other plan has", plan.pair)
        places[file] = plan
        plans[plan.pair] = plan
    _apart(places)
    return Directory(plans)


def _apart(places: dict[Path, Plan]) -> None:
    """Refuse a project that leads one pair and belongs to another. A standby may be shared."""
    leads = {plan.primary.project_id.casefold(): plan.pair for plan in reversed(places.values())}
    for file, plan in places.items():
        for role in Role:
            other = leads.get(plan.side(role).project_id.casefold(), plan.pair)
            if other != plan.pair:
                expected = "a project that is no other pair's primary"
                raise InvalidInput(str(file), f"{role}.project", expected, f"that of {other}")


def at_home(plan: Plan, settings: Settings) -> Plan:
    """The plan with the region in which we run, unless it names one itself."""
    if plan.references.home or not settings.region:
        return plan
    home = msgspec.structs.replace(plan.references, home=region_named(settings.region) or "")
    return msgspec.structs.replace(plan, references=home)
