"""A map can be right by itself and wrong for the two projects that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator.core.plan.data_copies import DataCopy, DataPlan
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Canary, Jobs, Plan
from orchestrator.core.standby.name_map_check import Sides, findings


@pytest.fixture
def plan() -> Plan:
    file = Path(__file__).parents[3] / "plans" / "hot-warm.yaml"
    return plan_from(file.read_text(encoding="utf-8"), str(file))


@pytest.fixture
def checked(plan: Plan) -> Any:
    """``checked(jobs, here, there)``: (field, refused) of everything found."""

    def check(jobs: Jobs, here: dict[str, float | None], there: dict[str, float | None], **more: Any) -> Any:
        stores = {"datastores": frozenset({"lake"}), "environments": frozenset({"train"})} | more
        mapped = msgspec.structs.replace(plan, jobs=jobs, canary=Canary(compute=next(iter(there))))
        found = findings(mapped, Sides(computes=here, **stores), Sides(computes=there, **stores))
        return [(finding.field, finding.is_refused) for finding in found]

    return check


def test_two_computes_on_one_with_less_memory_are_refused(checked: Any) -> None:
    """The one that is too small for is named; the other fits."""
    jobs = Jobs(computes={"small": "west", "large": "west"})
    assert checked(jobs, {"small": 14.0, "large": 28.0}, {"west": 14.0}) == [("jobs.computes.large", True)]


def test_two_computes_on_one_that_is_large_enough_are_fine(checked: Any) -> None:
    """The standby may be smaller in number."""
    assert checked(Jobs(computes={"a": "west", "b": "WEST"}), {"a": 14.0, "b": 28.0}, {"west": 28.0}) == []


def test_one_compute_on_a_smaller_one_is_worth_knowing(checked: Any) -> None:
    """Somebody may have meant it."""
    assert checked(Jobs(computes={"a": "west"}), {"a": 28.0}, {"west": 14.0}) == [("jobs.computes.a", False)]


def test_memory_that_is_not_known_is_not_judged(checked: Any) -> None:
    """Attached clusters have no size."""
    assert checked(Jobs(computes={"a": "west", "b": "west"}), {"a": None, "b": 28.0}, {"west": None}) == []


def test_a_name_that_is_absent_in_the_standby_is_refused(checked: Any) -> None:
    """Compute or datastore; ``serverless`` is everywhere, and environments are made there under their new name."""
    jobs = Jobs(
        computes={"a": "nowhere", "b": "serverless"}, datastores={"lake": "sea"}, environments={"train": "train-west"}
    )
    found = checked(jobs, {"a": 14.0, "b": 14.0}, {"west": 14.0})
    assert found == [("jobs.computes.a", True), ("jobs.datastores.lake", True)]


def test_a_name_that_is_absent_in_the_primary_is_worth_knowing(checked: Any) -> None:
    """A slip of the pen, or a cluster that is gone: no job can use it."""
    assert checked(Jobs(computes={"gone": "west"}, same_names=False), {"a": 14.0}, {"west": 14.0}) == [
        ("jobs.computes.gone", False)
    ]


def test_a_compute_without_a_namesake_is_worth_knowing_if_names_are_to_be_the_same(checked: Any) -> None:
    """Its jobs would be refused at the failover, one by one."""
    assert checked(Jobs(), {"a": 14.0, "west": 14.0}, {"west": 14.0}) == [("jobs.computes", False)]
    assert checked(Jobs(same_names=False), {"a": 14.0, "west": 14.0}, {"west": 14.0}) == []


def test_a_datastore_that_is_copied_ahead_and_absent_on_a_side_is_refused(plan: Plan) -> None:
    """By its name there, as the map has it."""
    copies = tuple(DataCopy(datastore=name) for name in ("rows", "labels", "nowhere"))
    jobs = msgspec.structs.replace(plan.jobs, datastores={"rows": "rows2"})
    changed = msgspec.structs.replace(plan, jobs=jobs, data=DataPlan(copies=copies))
    here, there = frozenset({"rows", "labels"}), frozenset({"rows2"})
    empty: dict[str, float | None] = {}
    sides = [Sides(computes=empty, datastores=each, environments=frozenset()) for each in (here, there)]
    found = [(each.field, each.got) for each in findings(changed, *sides) if each.field.startswith("data.")]
    assert found == [
        ("data.copies[1].datastore", "labels"),
        ("data.copies[2].datastore", "nowhere"),
        ("data.copies[2].datastore", "nowhere"),
    ]
