"""``hubswitch plan check`` and ``hubswitch plan schema``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from orchestrator.cli.plan_description import describe, steps_as_json
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.plan.faults import PlacedFault, without_place
from orchestrator.core.plan.groups import describe_group
from orchestrator.core.plan.schema import Plan
from orchestrator.plan_files import check_plans


def plan_check_command(
    places: Sequence[Path], *, out: TextIO, err: TextIO, online: bool = False, as_json: bool = False
) -> int:
    """2 if there is a fault, else 0 and what each plan does; 1 if Azure could not be asked.

    Every fault and every warning is a line on ``err``, with its place.

    Args:
        places: plans, or folders with plans (``*.yaml``). Together they are checked as those of one app.
        out: takes what the plans do, or the JSON.
        err: takes faults and warnings.
        online: hold the maps of plans without a fault against what exists on both sides. Nothing else needs Azure.
        as_json: print faults, warnings and steps as one JSON object.
    """
    checked = check_plans(places)
    faults, warnings, unasked = list(checked.faults), list(checked.warnings), []
    if online:
        from orchestrator.cli.online_plan import compare_with_azure  # Azure's clients are not needed offline

        for file, plan in checked.plans.items():
            try:
                refused, known = compare_with_azure(file, plan, checked.documents[file])
            except InvalidInput as fault:
                faults.append(without_place(fault))
            except HubswitchError as fault:
                unasked.append(f"{file}: the two sides could not be asked: {fault}")
            else:
                faults += refused
                warnings += known
    for line in (*faults, *(f"warning: {each}" for each in warnings), *unasked):
        print(line, file=err)
    is_ok = not faults and not unasked
    if as_json:
        print(json.dumps(_report(is_ok, faults, warnings, checked.plans.values())), file=out)
    else:
        told = [*map(describe, checked.plans.values()), *map(describe_group, checked.groups.values())]
        print("\n\n".join(told), end="\n" if told else "", file=out)
        if online and is_ok:
            print("online: every compute and datastore that the plan names exists, with memory enough", file=out)
    return 2 if faults else int(not is_ok)


def _report(
    is_ok: bool, faults: list[PlacedFault], warnings: list[PlacedFault], plans: Iterable[Plan]
) -> dict[str, Any]:
    return {
        "ok": is_ok,
        "faults": [each._asdict() for each in faults],
        "warnings": [each._asdict() for each in warnings],
        "steps": [step for plan in plans for step in steps_as_json(plan)],
    }


def plan_schema_command(*, out: TextIO, of_groups: bool = False) -> int:
    """Print the JSON Schema of plans, or that of recovery groups, as they are beside the samples in ``plans/``."""
    from orchestrator.cli.plan_schema import group_schema, plan_schema

    print(json.dumps(group_schema() if of_groups else plan_schema(), indent=2), file=out)
    return 0
