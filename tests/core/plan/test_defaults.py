"""A plan that extends a file of defaults is the plan that has it all in one file, and faults keep their places."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.defaults import DefaultsText, merge
from orchestrator.core.plan.load import Reading, plan_from, read_plan

WHOLE = Path(__file__).with_name("plan_without_steps.yaml").read_text(encoding="utf-8")
COMMON = "common.defaults.yaml"
OWN = """\
extends: common.defaults.yaml
pair: vision
primary: {region: eastus2, resource_group: rg-vision-eastus2, hub: hub-vision-eastus2, project: proj-vision-eastus2}
secondary: {region: westus3, resource_group: rg-vision-westus3, hub: hub-vision-westus3, project: proj-vision-westus3}
policy:
  mode: auto
"""
SHARED = """\
schema: 1
tier: hot/hot
primary: {subscription: 6f1d2c3b-8a40-4c55-9e1f-2b7c0d9a1e42}
secondary: {subscription: 6f1d2c3b-8a40-4c55-9e1f-2b7c0d9a1e42}
pointer: {endpoint: "https://appcs-hubswitch.azconfig.io"}
ledger: {account: "https://sthubswitchledger.blob.core.windows.net"}
jobs:
  computes: {gpu: gpu-west}
policy:
  mode: approve
  cooldown: 90m
"""


def read(own: str, shared: str | None) -> Reading:
    def find(name: str) -> DefaultsText:
        if shared is None:
            raise InvalidInput(name, "", "a file that can be read", "No such file or directory")
        return DefaultsText(name, shared)

    return read_plan(own, "p.yaml", find)


def said(reading: Reading) -> list[tuple[str, int, str]]:
    return [(fault.file, fault.line, fault.field) for fault in reading.faults]


def test_a_pair_needs_only_what_is_its_own() -> None:
    """Mappings are merged to any depth; what the plan says itself counts."""
    plan = read(OWN, SHARED).plan
    assert plan is not None
    assert (plan.primary.region, plan.primary.subscription) == ("eastus2", "6f1d2c3b-8a40-4c55-9e1f-2b7c0d9a1e42")
    assert (plan.policy.mode.value, plan.policy.cooldown.total_seconds()) == ("auto", 5400)
    assert (plan.tier.value, plan.jobs.computes) == ("hot/hot", {"gpu": "gpu-west"})


@given(st.data())
def test_however_a_plan_is_divided_it_is_the_same_plan(data: st.DataObject) -> None:
    """Each field, or each part of a mapping, in the plan, in the defaults, or in both with another value in these."""
    own, shared = divide(yaml.safe_load(WHOLE), data, top=True)
    found = read(yaml.safe_dump({"extends": COMMON, **own}), yaml.safe_dump(shared))
    assert found.faults == ()
    assert found.plan == msgspec.structs.replace(plan_from(WHOLE, "whole"), extends=COMMON)


def divide(whole: dict[str, object], data: st.DataObject, *, top: bool = False) -> tuple[dict[str, object], ...]:
    own: dict[str, object] = {}
    shared: dict[str, object] = {}
    for key, value in whole.items():
        if isinstance(value, dict) and data.draw(st.booleans()):
            own[key], shared[key] = divide(value, data)
        elif (top and key == "pair") or data.draw(st.booleans()):
            own[key] = value
            if not (top and key == "pair") and data.draw(st.booleans()):
                shared[key] = "overruled" if not isinstance(value, dict) else {}
        else:
            shared[key] = value
    return own, shared


def test_a_list_and_null_replace_what_the_defaults_say() -> None:
    """Half of a list of steps would be another list than anybody wrote."""
    assert merge({"a": [1, 2], "b": {"c": 1, "d": 2}, "e": 5}, {"a": [3], "b": {"c": None}}) == {
        "a": [3],
        "b": {"c": None, "d": 2},
        "e": 5,
    }


def test_each_fault_is_told_in_the_file_in_which_it_stands() -> None:
    """Those of the plan first; a field that is in neither is missing from the plan."""
    shared = SHARED.replace("cooldown: 90m", "cooldown: soon").replace("hot/hot", "hot/tepid")
    found = read(OWN.replace("mode: auto", "mode: autto").replace("hub: hub-vision-westus3, ", ""), shared)
    assert said(found) == [
        ("p.yaml", 4, "secondary.hub"),
        ("p.yaml", 6, "policy.mode"),
        (COMMON, 2, "tier"),
        (COMMON, 11, "policy.cooldown"),
    ]


def test_an_element_of_a_list_that_the_plan_has_itself_is_sought_in_the_plan() -> None:
    """The defaults' list, which is longer, says nothing any more."""
    step = "{kind: scale_cluster, cluster: gpu, min_nodes: 1}"
    shared = f"{SHARED}steps:\n  failover:\n    - {{kind: move_jobs}}\n    - {step}\n"
    own = f"{OWN}steps:\n  failover:\n    - {{kind: move_job}}\n"
    assert said(read(own, shared)) == [("p.yaml", 9, "steps.failover[0].kind")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("extends: common.yaml", "a path from the plan's own folder that ends in .defaults.yaml"),
        ("extends: /etc/common.defaults.yaml", "a path from the plan's own folder that ends in .defaults.yaml"),
        ("extends: [common.defaults.yaml]", "str | null"),
    ],
)
def test_a_name_that_cannot_be_meant_is_the_only_fault(line: str, expected: str) -> None:
    """What would be missing without the defaults is not told beside it."""
    found = read(OWN.replace("extends: common.defaults.yaml", line), SHARED)
    assert [(fault.line, fault.field) for fault in found.faults] == [(1, "extends")]
    assert expected in found.faults[0].expected


def test_a_file_that_is_not_there_is_the_only_fault() -> None:
    (fault,) = read(OWN, None).faults
    assert str(fault) == (
        "p.yaml:1:10: extends: expected a file that can be read, got common.defaults.yaml: No such file or directory"
    )


def test_a_text_without_a_folder_extends_nothing() -> None:
    """A plan that is read from the ledger or from an entity has no files beside it."""
    with pytest.raises(InvalidInput, match="no folder"):
        plan_from(OWN, "p.yaml")


@pytest.mark.parametrize("text", ["", "- a list", "42", "a: [", "a: 1\na: 2\n"])
def test_defaults_that_are_no_mapping_are_told_in_their_own_file(text: str) -> None:
    found = read(OWN, text)
    assert found.plan is None
    assert {fault.file for fault in found.faults} <= {COMMON, "p.yaml"}
    assert found.faults[-1].file == COMMON


def test_defaults_name_no_pair_and_extend_nothing() -> None:
    """They are for several pairs, and a chain of files is no longer read in one glance."""
    found = read(OWN, f"pair: vision\nextends: more.defaults.yaml\n{SHARED}")
    assert said(found) == [(COMMON, 1, "pair"), (COMMON, 2, "extends")]
    assert found.plan is None
