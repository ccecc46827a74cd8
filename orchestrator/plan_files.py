"""Reading the files that people write, with the fault in their words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.regions import region_named
from orchestrator.core.base.strict_yaml import Document
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.faults import START, Fault, PlacedFault, is_broken, place_faults, without_place
from orchestrator.core.plan.load import LARGEST, Reading, plan_from, read_plan
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.ownership import Directory
from orchestrator.settings import Settings

BYTES_PER_CHARACTER = 4
"""Longest form of a character in UTF-8."""


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
    return plan_from(_plan_text(path), str(path))


def plans_in(place: Path) -> Directory:
    """The plans of a folder (every ``*.yaml``), or of one file, by pair.

    Raises:
        InvalidInput: nothing is there, a plan is wrong, two plans are for one pair, two pairs have one primary, or
            one pair's primary is another's secondary: its jobs would be recorded, and moved, by both.
    """
    plans = {file: plan_in(file) for file in _files_of(place)}
    for file, fault in _clashes(plans):
        raise InvalidInput(str(file), fault.field, fault.expected, fault.got)
    return Directory({plan.pair: plan for plan in plans.values()})


def find_clash(file: Path, plan: Plan) -> Fault | None:
    """What a plan would contradict in the other plans of its folder, if its file held it; those with faults are passed.

    Raises:
        InvalidInput: another file of the folder cannot be read.
    """
    others = [other for other in sorted(file.parent.glob("*.yaml")) if other.resolve() != file.resolve()]
    plans = {other: draft for other in others if (draft := read_plan(_plan_text(other), str(other)).draft)}
    return next((fault for _, fault in _clashes({**plans, file: plan})), None)


class CheckedPlans(NamedTuple):
    """Everything that is wrong, or unwise, in some plans: in the order of files, then of lines."""

    plans: dict[Path, Plan]
    """Those without a fault, by file."""

    documents: dict[Path, Document]
    """All files that could be read."""

    faults: tuple[PlacedFault, ...]
    warnings: tuple[PlacedFault, ...]


def check_plans(places: Iterable[Path]) -> CheckedPlans:
    """Read files and folders (every ``*.yaml`` directly in it) as one deployment would, and collect all faults."""
    files: dict[Path, Path] = {}
    found: dict[Path, list[PlacedFault]] = {}
    warnings: list[PlacedFault] = []
    readings: dict[Path, Reading] = {}
    for place in places:
        warnings += _find_ignored(place)
        try:
            for file in _files_of(place):
                files.setdefault(file.resolve(), file)
        except InvalidInput as fault:
            found[place] = [without_place(fault)]
    for file in files.values():
        try:
            readings[file] = read_plan(_plan_text(file), str(file))
        except InvalidInput as fault:
            found[file] = [without_place(fault)]
        else:
            found[file] = list(readings[file].faults)
            warnings += readings[file].warnings
    for file, clash in _clashes({file: reading.draft for file, reading in readings.items() if reading.draft}):
        wrong = {each.field for each in readings[file].faults}
        if not any(is_broken(field, wrong) for field in (clash.field, *clash.rests_on)):
            found[file] += place_faults([clash], readings[file].document, str(file))
    return CheckedPlans(
        {file: reading.draft for file, reading in readings.items() if reading.draft and not found[file]},
        {file: reading.document for file, reading in readings.items()},
        tuple(fault for faults in found.values() for fault in sorted(faults, key=lambda each: each[1:3])),
        tuple(warnings),
    )


def _files_of(place: Path) -> list[Path]:
    files = [place] if place.is_file() else sorted(place.glob("*.yaml"))
    if not files:
        raise InvalidInput(str(place), "", "a plan, or a folder with plans (*.yaml)", "none")
    return files


def _find_ignored(place: Path) -> list[PlacedFault]:
    """Files of a folder that look like plans and are not read."""
    names = [] if place.is_file() else sorted(place.glob("*.yml"))
    return [
        PlacedFault(str(file), *START, "", "a name that ends in .yaml", f"{file.name}, which is not read in a folder")
        for file in names
    ]


def _plan_text(file: Path) -> str:
    """The text of a plan. One that is too large is not read at all."""
    if file.is_file() and file.stat().st_size > LARGEST * BYTES_PER_CHARACTER:
        raise InvalidInput(str(file), "", f"at most {LARGEST} characters", f"{file.stat().st_size} bytes")
    return text_of(file)


def _clashes(plans: Mapping[Path, Plan]) -> Iterator[tuple[Path, Fault]]:
    """What one plan says and another says too: a pair's name, or a project that leads one pair and belongs to another.

    A standby may be shared.
    """
    pairs: set[str] = set()
    for file, plan in plans.items():
        if plan.pair in pairs:
            yield file, Fault("pair", "a pair that no other plan has", plan.pair)
        pairs.add(plan.pair)
    leads = {plan.primary.project_id.casefold(): plan.pair for plan in reversed(list(plans.values()))}
    for file, plan in plans.items():
        for role in Role:
            other = leads.get(plan.side(role).project_id.casefold(), plan.pair)
            if other != plan.pair:
                expected = "a project that is no other pair's primary"
                parts = tuple(f"{role}.{part}" for part in ("subscription", "resource_group"))
                yield file, Fault(f"{role}.project", expected, f"that of {other}", parts)


def at_home(plan: Plan, settings: Settings) -> Plan:
    """The plan with the region in which we run, unless it names one itself."""
    if plan.references.home or not settings.region:
        return plan
    home = msgspec.structs.replace(plan.references, home=region_named(settings.region) or "")
    return msgspec.structs.replace(plan, references=home)
