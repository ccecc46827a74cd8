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
from orchestrator.core.plan.defaults import SUFFIX, DefaultsText, ReadDefaults
from orchestrator.core.plan.faults import START, Fault, PlacedFault, is_broken, place_faults, without_place
from orchestrator.core.plan.groups import (
    GroupReading,
    RecoveryGroup,
    folder_group_faults,
    group_from,
    is_group,
    read_group,
)
from orchestrator.core.plan.load import LARGEST, Reading, plan_from, put_in_order, read_plan
from orchestrator.core.plan.pair_steps import folder_faults, folder_warnings
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
    return plan_from(_plan_text(path), str(path), defaults_beside(path))


def defaults_beside(file: Path) -> ReadDefaults:
    """What reads the file of defaults that a plan names."""

    def read(name: str) -> DefaultsText:
        path = file.parent / name
        return DefaultsText(str(path), _plan_text(path))

    return read


def plans_in(place: Path) -> Directory:
    """The plans of a folder (every ``*.yaml``), or of one file, by pair.

    Raises:
        InvalidInput: nothing is there, a plan is wrong, two plans are for one pair, two pairs have one primary, or
            one pair's primary is another's secondary: its jobs would be recorded, and moved, by both; or a plan orders
            a pair that no plan of the folder is for, or that orders it in turn.
    """
    plans = {file: plan_in(file) for file in _files_of(place)}
    known = [plan.pair for plan in plans.values()] if place.is_dir() else None
    for file, fault in (*_clashes(plans), *folder_faults(plans, known)):
        raise InvalidInput(str(file), fault.field, fault.expected, fault.got)
    return Directory({plan.pair: plan for plan in plans.values()})


def groups_in(place: Path, pairs: Iterable[str]) -> dict[str, RecoveryGroup]:
    """The recovery groups of a folder with plans, by name; none if the place is a file.

    Raises:
        InvalidInput: a group is wrong, or names a pair that is not among ``pairs``.
    """
    files = _groups_of(place) if place.is_dir() else []
    groups = {file: group_from(_plan_text(file), str(file)) for file in files}
    for file, fault in folder_group_faults(groups, pairs):
        raise InvalidInput(str(file), fault.field, fault.expected, fault.got)
    return {group.name: group for group in groups.values()}


def find_clash(file: Path, plan: Plan) -> Fault | None:
    """What a plan would contradict in the other plans of its folder, if its file held it; those with faults are passed.

    Raises:
        InvalidInput: another file of the folder cannot be read.
    """
    others = [other for other in _plans_of(file.parent) if other.resolve() != file.resolve()]
    plans = {other: draft for other in others if (draft := _read(other).draft)}
    return next((fault for _, fault in _clashes({**plans, file: plan})), None)


class CheckedPlans(NamedTuple):
    """Everything that is wrong, or unwise, in some plans: in the order of files, then of lines."""

    plans: dict[Path, Plan]
    """Those without a fault, by file."""

    groups: dict[Path, RecoveryGroup]
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
    groups: dict[Path, GroupReading] = {}
    places = list(places)
    for place in places:
        warnings += _find_ignored(place)
        found_here = [place] if _is_group_file(place) else _groups_of(place)
        groups |= {file: read_group(_plan_text(file), str(file)) for file in found_here}
        if _is_group_file(place):
            continue
        try:
            for file in _files_of(place):
                files.setdefault(file.resolve(), file)
        except InvalidInput as fault:
            found[place] = [without_place(fault)]
    for file in files.values():
        try:
            readings[file] = _read(file)
        except InvalidInput as fault:
            found[file] = [without_place(fault)]
        else:
            found[file] = list(readings[file].faults)
            warnings += readings[file].warnings
    drafts = {file: reading.draft for file, reading in readings.items() if reading.draft}
    names_all = any(place.is_dir() for place in places) and _names_all(files.values(), readings)
    known = [draft.pair for draft in drafts.values()] if names_all else None
    for file, clash in (*_clashes(drafts), *folder_faults(drafts, known)):
        if not _follows_from_fault(clash, readings[file]):
            found[file] += place_faults([clash], readings[file].document, str(file))
    for file, unwise in folder_warnings(drafts):
        if not _follows_from_fault(unwise, readings[file]):
            warnings += place_faults([unwise], readings[file].document, str(file))
    found |= {file: list(reading.faults) for file, reading in groups.items()}
    drafts_of_groups = {file: reading.draft for file, reading in groups.items() if reading.draft}
    for file, clash in folder_group_faults(drafts_of_groups, known):
        if not _follows_from_fault(clash, groups[file]):
            found[file] += place_faults([clash], groups[file].document, str(file))
    return CheckedPlans(
        {file: reading.draft for file, reading in readings.items() if reading.draft and not found[file]},
        {file: draft for file, draft in drafts_of_groups.items() if not found[file]},
        {file: reading.document for file, reading in readings.items()},
        # What is wrong with a file of defaults is told once, and not for each plan that extends it.
        tuple(dict.fromkeys(fault for file, faults in found.items() for fault in put_in_order(faults, str(file)))),
        tuple(dict.fromkeys(warnings)),
    )


def _names_all(files: Iterable[Path], readings: Mapping[Path, Reading]) -> bool:
    """Whether every file says which pair it is for: a pair that is missing might be that of one that does not."""
    return all(
        file in readings and readings[file].draft and not any(fault.field == "pair" for fault in readings[file].faults)
        for file in files
    )


def _follows_from_fault(concluded: Fault, reading: Reading | GroupReading) -> bool:
    """Whether something was concluded from a field that is wrong itself."""
    wrong = {each.field for each in reading.faults}
    return any(is_broken(field, wrong) for field in (concluded.field, *concluded.rests_on))


def _read(file: Path) -> Reading:
    return read_plan(_plan_text(file), str(file), defaults_beside(file))


def _files_of(place: Path) -> list[Path]:
    files = [place] if place.is_file() else _plans_of(place)
    if not files:
        raise InvalidInput(str(place), "", "a plan, or a folder with plans (*.yaml)", "none")
    return files


def _plans_of(folder: Path) -> list[Path]:
    return [file for file in _yaml_files(folder) if not _is_group_file(file)]


def _groups_of(folder: Path) -> list[Path]:
    return [file for file in _yaml_files(folder) if _is_group_file(file)]


def _yaml_files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.yaml")) if not file.name.endswith(SUFFIX)]


def _is_group_file(file: Path) -> bool:
    """Whether a file says that it is a group. One that cannot be read is taken for a plan, and told as such."""
    try:
        return file.is_file() and is_group(_plan_text(file))
    except InvalidInput:
        return False


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
