"""What a plan says about data that are copied ahead, and what of it is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.core.plan.faults import PlacedFault
from orchestrator.core.plan.load import read_plan

GOOD = """\
schema: 1
pair: a
primary: &side
  region: eastus2
  subscription: 11111111-2222-3333-4444-555555555555
  resource_group: one
  hub: one
  project: one
secondary:
  region: westus2
  subscription: 11111111-2222-3333-4444-555555555555
  resource_group: two
  hub: two
  project: two
pointer: {endpoint: "https://x.azconfig.io"}
ledger: {account: "https://ledger.blob.core.windows.net"}
""".replace(" &side", "")

ONE = "https://one.blob.core.windows.net/features"
TWO = "https://two.blob.core.windows.net/features"


def faults_of(data: str, more: str = "") -> list[PlacedFault]:
    return list(read_plan(f"{GOOD}{more}data: {data}\n", "p.yaml").faults)


def test_a_plan_names_datastores_or_both_containers() -> None:
    data = f"{{copies: [{{datastore: training}}, {{primary: '{ONE}', secondary: '{TWO}', prefix: v2/, every: 5m}}]}}"
    plan = read_plan(f"{GOOD}data: {data}\n", "p.yaml").plan
    assert plan is not None
    first, second = plan.data.copies
    assert (first.name, first.every, second.name) == ("training", timedelta(minutes=15), "features/v2/")
    assert first.key != second.key
    assert plan.data.save == ()


def test_a_plan_may_save_logs_and_notebooks() -> None:
    assert faults_of("{save: [logs, notebooks], save_every: 30m}") == []


@pytest.mark.parametrize(
    ("copy", "field"),
    [
        ("{}", ""),
        ("{prefix: v2/}", ""),
        (f"{{datastore: training, primary: '{ONE}', secondary: '{TWO}'}}", ".datastore"),
        ("{datastore: 'azureml://datastores/training'}", ".datastore"),
        (f"{{primary: '{ONE}'}}", ".secondary"),
        (f"{{secondary: '{ONE}'}}", ".primary"),
        (f"{{primary: '{ONE}', secondary: 'http://two.blob.core.windows.net/features'}}", ".secondary"),
        (f"{{primary: '{ONE}', secondary: 'https://two.blob.core.windows.net'}}", ".secondary"),
        (f"{{primary: '{ONE}', secondary: 'https://two.blob.core.windows.net/a/b'}}", ".secondary"),
        (f"{{primary: '{ONE}', secondary: '{TWO}?sv=1&sig=x'}}", ".secondary"),
        (f"{{primary: '{ONE}', secondary: 'https://me@two.blob.core.windows.net/features'}}", ".secondary"),
        (f"{{primary: '{ONE}', secondary: 'https://ONE.blob.core.windows.net/other'}}", ".secondary"),
        (f"{{primary: '{ONE}', secondary: 'https://ledger.blob.core.windows.net/data'}}", ".secondary"),
        ("{datastore: training, prefix: /v2}", ".prefix"),
        ("{datastore: training, prefix: a//b}", ".prefix"),
        ("{datastore: training, prefix: a/../b}", ".prefix"),
        ("{datastore: training, prefix: 'a\\b'}", ".prefix"),
        (f"{{datastore: training, prefix: {'x' * 1025}}}", ".prefix"),
        ("{datastore: training, every: 59s}", ".every"),
        ("{datastore: training, every: 25h}", ".every"),
        ("{datastore: training, blobs_per_minute: 0}", ".blobs_per_minute"),
        ("{datastore: training, blobs_per_minute: 10001}", ".blobs_per_minute"),
        ("{datastore: training, megabytes_per_minute: -1}", ".megabytes_per_minute"),
    ],
)
def test_what_cannot_be_copied_is_one_fault_with_its_field(copy: str, field: str) -> None:
    (fault,) = faults_of(f"{{copies: [{copy}]}}")
    assert fault.field == f"data.copies[0]{field}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{datastore: training}", "{datastore: Training}"),
        ("{datastore: training, prefix: v}", "{datastore: training, prefix: v2/}"),
        ("{datastore: training, prefix: v2/x}", "{datastore: training, prefix: v2/}"),
        (f"{{primary: '{ONE}', secondary: '{TWO}'}}", f"{{primary: '{ONE}/', secondary: '{TWO}'}}"),
    ],
)
def test_no_blob_is_copied_twice(first: str, second: str) -> None:
    (fault,) = faults_of(f"{{copies: [{first}, {second}]}}")
    assert fault.field == "data.copies[1].prefix"


def test_beginnings_that_differ_are_two_copies() -> None:
    assert faults_of("{copies: [{datastore: training, prefix: v1/}, {datastore: training, prefix: v2/}]}") == []


def test_a_datastore_is_named_in_the_map_where_names_differ() -> None:
    more = "jobs: {same_names: false, datastores: {labels: labels2}}\n"
    (fault,) = faults_of("{copies: [{datastore: training}, {datastore: labels}]}", more)
    assert (fault.field, "jobs.datastores" in fault.expected) == ("data.copies[0].datastore", True)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ("{save: [logs, logs]}", "data.save"),
        ("{save: [images]}", "data.save[0]"),
        ("{save: [logs, images]}", "data.save[1]"),
        ("{save_every: 0s}", "data.save_every"),
        ("{copies: training}", "data.copies"),
    ],
)
def test_what_cannot_be_saved_is_a_fault(data: str, field: str) -> None:
    (fault,) = faults_of(data)
    assert fault.field == field


@pytest.mark.parametrize(("every", "warned"), [("14m", False), ("15m", True), ("16m", True)])
def test_a_copy_that_comes_too_seldom_for_the_target_is_warned_of(every: str, warned: bool) -> None:
    """The age of a copy is a period and a pass at the most."""
    text = f"{GOOD}targets: {{rpo: 15m}}\ndata: {{copies: [{{datastore: training, every: {every}}}]}}\n"
    found = [each.field for each in read_plan(text, "p.yaml").warnings if each.field.startswith("data")]
    assert found == (["data.copies[0].every"] if warned else [])
