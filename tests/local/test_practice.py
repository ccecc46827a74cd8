"""What is taken of a plan of one's own, and what is not, when it is practised on the simulated pair."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Plan, Targets
from orchestrator.local.practice import LEFT_OUT, TAKEN, list_left_out, practise, scale_given
from orchestrator.local.session import FLOORS, scale_policy
from orchestrator.local.simulated_plan import plan_of
from orchestrator.plan_files import plan_in
from orchestrator.simulator.cloud import LocalAzure

ROOT = Path(__file__).parents[2]
SAMPLES = [ROOT / "plans" / f"{name}.yaml" for name in ("hot-cold", "hot-hot", "hot-warm")]


def test_every_field_of_a_plan_is_taken_or_left_out_on_purpose() -> None:
    """A new field has to be thought about."""
    always = {"schema", "pair", "extends", "primary", "secondary", "pointer", "ledger", "services"}
    assert {field.name for field in msgspec.structs.fields(Plan)} == always | {*TAKEN, *LEFT_OUT, "policy", "jobs"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_practised_on_the_simulated_hubs(sample: Path) -> None:
    """Its policy, drills and targets; hubs, stores and names of clusters are the simulated ones."""
    given = plan_in(sample)
    with LocalAzure() as azure:
        simulated = plan_of(azure)
        found = practise(simulated, given, scale_given(given.policy, 10, Mode.APPROVE, FLOORS))
    assert (found.policy.mode, found.policy.confirm_after) == (Mode.APPROVE, given.policy.confirm_after / 10)
    assert (found.policy.green_drills, found.drills, found.targets) == (
        given.policy.green_drills,
        given.drills,
        given.targets,
    )
    assert (found.primary, found.ledger, found.notify) == (simulated.primary, simulated.ledger, simulated.notify)
    assert found.jobs.computes == simulated.jobs.computes
    assert found.jobs.patience == given.jobs.patience


def test_what_is_not_practised_is_named() -> None:
    """Only what the plan says something about."""
    given = plan_in(SAMPLES[2])
    named = list_left_out(given)
    assert "jobs.computes" in named
    assert "notices" in named
    assert "polls" not in named
    bare = Plan(
        schema=1,
        pair="p",
        primary=given.primary,
        secondary=given.secondary,
        pointer=given.pointer,
        ledger=given.ledger,
        targets=Targets(rto=timedelta(minutes=9)),
    )
    assert list_left_out(bare) == []


def test_a_policy_of_ones_own_is_scaled_and_never_slowed_down() -> None:
    """A duration that is below its floor already stays."""
    quick = msgspec.structs.replace(Policy(mode=Mode.OBSERVE), suspect_interval=timedelta(milliseconds=100))
    scaled = scale_given(quick, 1000, None, FLOORS)
    assert (scaled["suspect_interval"], scaled["mode"]) == (timedelta(milliseconds=100), Mode.OBSERVE)
    assert scale_given(Policy(), 1, Mode.AUTO, FLOORS).items() <= scale_policy(1).items()
