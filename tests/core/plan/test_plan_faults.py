"""Every mistake of a plan is found in one reading, each with its line and column, and nothing that follows from one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import EvidenceClass
from orchestrator.core.plan.faults import PlacedFault
from orchestrator.core.plan.load import LARGEST, plan_from, read_plan
from orchestrator.core.plan.plan_warnings import reach_gap

GOOD = Path(__file__).with_name("plan_without_steps.yaml").read_text(encoding="utf-8")

SAMPLE = (Path(__file__).parents[3] / "plans" / "hot-warm.yaml").read_text(encoding="utf-8")

TEN = """\
schema: 1
pair: Research!
tier: hot/tepid
primary:
  region: eastus22
  subscription: 6f1d2c3b-8a40-4c55-9e1f-2b7c0d9a1e42
  resource_group: rg-east
  project: proj-east
  api: http://eastus2.api.azureml.ms
secondary:
  region: westus3
  subscription: 6f1d2c3b-8a40-4c55-9e1f-2b7c0d9a1e42
  resource_group: rg-west
  hub: hub-west
  project: proj-west
  api: https://westus3.api.azureml.ms
pointer: {endpoint: "https://pointer.azconfig.io"}
ledger: {account: "https://ledger.blob.core.windows.net"}
jobs:
  computes: {"gpu.large": ""}
  batch: many
policy:
  confrim_after: 10m
  cooldown: 9m
  probe_interval: 5 minutes
  maintenance_windows:
    - from: 2026-03-14T22:00:00
      to: 2026-03-14T23:00:00Z
steps:
  failover:
    - {kind: move_job}
"""


def faults_of(text: str) -> tuple[PlacedFault, ...]:
    return read_plan(text, "p.yaml").faults


def places_of(text: str) -> list[tuple[int, int, str]]:
    return [(fault.line, fault.column, fault.field) for fault in faults_of(text)]


def place_in(text: str, snippet: str) -> tuple[int, int]:
    """Line and column at which a text holds what it holds once."""
    assert text.count(snippet) == 1, snippet
    before = text[: text.index(snippet)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_the_mistakes_of_a_first_plan_are_all_reported_at_once() -> None:
    """Types, names, missing fields and contradictions together, in the order of lines, each at its own place."""
    assert places_of(TEN) == [
        (2, 7, "pair"),
        (3, 7, "tier"),
        (4, 1, "primary.hub"),
        (5, 11, "primary.region"),
        (9, 8, "primary.api"),
        (20, 27, "jobs.computes.gpu.large"),
        (21, 10, "jobs.batch"),
        (23, 3, "policy.confrim_after"),
        (24, 13, "policy.cooldown"),
        (25, 19, "policy.probe_interval"),
        (27, 13, "policy.maintenance_windows[0].from"),
        (31, 14, "steps.failover[0].kind"),
    ]


def test_a_slip_of_the_pen_is_answered_with_the_nearest_name() -> None:
    """Fields, words and regions; a field that belongs elsewhere is named with its place."""
    hints = {fault.field: fault.hint for fault in faults_of(TEN) if fault.hint}
    assert hints == {
        "tier": "did you mean hot/hot?",
        "primary.region": "did you mean eastus2?",
        "policy.confrim_after": "did you mean confirm_after?",
        "steps.failover[0].kind": "did you mean move_jobs?",
    }
    (fault,) = faults_of(f"{GOOD}confirm_after: 3m\n")
    assert fault.hint == "did you mean policy.confirm_after?"
    assert str(fault).endswith("got an unknown field (did you mean policy.confirm_after?)")


def test_the_loader_of_the_app_raises_the_first_of_them() -> None:
    """With file and line, field, what was expected and what was there, as ever."""
    with pytest.raises(InvalidInput) as refused:
        plan_from(TEN, "p.yaml")
    assert (refused.value.where, refused.value.field) == ("p.yaml:2", "pair")


@pytest.mark.parametrize(
    ("old", "new", "marks"),
    [
        ("region: westus3", "region: eastus2  #", {"secondary.region": "eastus2  #"}),
        ("project: proj-vision-westus3", "project:\n    7", {"secondary.project": "7\n"}),
        ("mode: approve", "confirm_after: 1.5s", {"policy.confirm_after": "1.5s"}),
        ("mode: approve", "cooldown: 90s", {"policy.cooldown": "90s"}),
        (
            "mode: approve",
            "confirm_after: 10s\n  confirm_after_notice: 50s",
            {"policy.confirm_after": "10s", "policy.confirm_after_notice": "50s"},
        ),
        ("mode: approve", "mode: {a: b}", {"policy.mode": "mode: {"}),
        ("mode: approve", "mode: approve\n  mode: auto", {"policy.mode": "mode: auto"}),
        ("mode: approve", "drill_age: 2026-13-01T00:00:00Z", {"policy.drill_age": "2026-13"}),
        ("mode: approve", "drill_age: 99999999999d", {"policy.drill_age": "99999999999d"}),
        ("mode: approve", f"bad_after: 1{'0' * 400}", {"policy.confirm_after": "1" + "0" * 400}),
        ("to: 2026-03-14T23", "to: 2026-03-14T21", {"policy.maintenance_windows[0].to": "2026-03-14T21"}),
        ("gpu-a100: gpu-h100", "gpu-a100:", {"jobs.computes.gpu-a100": "\n\ncanary"}),
        ("gpu-a100: gpu-h100", "7: gpu-h100", {"jobs.computes.7": "7: gpu"}),
        ("- https://status.example.com/", "- status", {"references.observer[0]": "status\n"}),
        ("- https://status.example.com/", '- "https://["', {"references.observer[0]": '"https://["'}),
        ("schema: 1\n", "schema: yes\n", {"schema": "yes"}),
        ("schema: 1\n", "", {"schema": "pair: vision"}),
        ("pair: vision", "pair: vision\nn: !local x", {"n": "!local"}),
        ("pair: vision", "pear: vision", {"pear": "pear"}),
    ],
)
def test_one_mistake_is_one_fault_at_its_place(old: str, new: str, marks: dict[str, str]) -> None:
    """What follows from a mistake, or from a default beside it, is no second one."""
    text = changed(old, new)
    assert places_of(text) == [(*place_in(text, mark), field) for field, mark in marks.items()]


def test_a_default_that_a_value_contradicts_is_reported_where_the_value_stands() -> None:
    """The default is written nowhere."""
    text = changed("mode: approve", "probe_interval: 5s")
    assert places_of(text) == [(*place_in(text, "5s"), "policy.suspect_interval")]


def test_all_wrong_elements_of_lists_are_found() -> None:
    """A broken step hides neither the next one nor makes it a namesake."""
    steps = """\
steps:
  failover:
    - {kind: await_standby, retry: {tries: 0, pause: 0s}}
    - parallel:
        - {kind: wait, url: "https://a.example.com"}
        - {kind: await_standby, name: second, timeout: soon}
    - {kind: move_jobs, colour: red}
    - {kind: scale_cluster}
"""
    assert [fault.field for fault in faults_of(GOOD + steps)] == [
        "steps.failover[0].retry.tries",
        "steps.failover[0].retry.pause",
        "steps.failover[1].parallel[0].kind",
        "steps.failover[1].parallel[1].timeout",
        "steps.failover[2].colour",
        "steps.failover[3].cluster",
        "steps.failover[3].min_nodes",
    ]


def test_what_an_anchor_brings_is_found_where_it_was_written() -> None:
    """Both sides may share what is alike; a mistake in it is that of the anchor."""
    text = """\
schema: 1
pair: p
primary: &hub {region: eastus2, subscription: s, resource_group: g, hub: 3, project: one, api: "https://a.example"}
secondary: {<<: *hub, region: westus3, hub: h, project: two, api: "ftp://a"}
pointer: {endpoint: "https://c.example"}
ledger: {account: "https://l.example"}
"""
    assert places_of(text) == [(3, 74, "primary.hub"), (4, 67, "secondary.api")]
    assert places_of(text.replace("hub: 3", "hub: x", 1).replace("hub: h, ", "").replace("g, hub", "7, hub")) == [
        (3, 66, "primary.resource_group"),
        (3, 66, "secondary.resource_group"),
        (4, 59, "secondary.api"),
    ]


@pytest.mark.parametrize(
    ("text", "place", "expected", "got"),
    [
        ("", (1, 1), "a mapping with schema", "nothing"),
        ("# only words\n", (1, 1), "a mapping with schema", "nothing"),
        ("- a\n", (1, 1), "a mapping with schema", "list"),
        ("just text", (1, 1), "a mapping with schema", "str"),
        ("a: 1\nb:\n\tc: 2\n", (3, 1), "indented with spaces", "a tab"),
        ("a: [1\n", (2, 1), "a YAML document", "expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a YAML document", "another document"),
        ("a: *nowhere\n", (1, 4), "a YAML document", "undefined alias"),
        ("a: b\nc: \x07\n", (2, 4), "a YAML document", "the control character #x0007"),
        ("a: &a [*a]\n", (1, 1), "depth of 200", "more"),
        ("\n" + "[" * 300, (2, 201), "depth of 200", "more"),
        ("#" * (LARGEST + 1), (1, 1), f"at most {LARGEST} characters", str(LARGEST + 1)),
    ],
    ids=["empty", "comment", "list", "text", "tab", "open", "two", "alias", "bell", "itself", "deep", "huge"],
)
def test_what_is_no_plan_at_all_is_one_fault(text: str, place: tuple[int, int], expected: str, got: str) -> None:
    """Whatever it is, with a place and without a traceback; the loader refuses it as well."""
    (fault,) = faults_of(text)
    assert (fault.line, fault.column) == place
    assert expected in fault.expected
    assert got in fault.got
    with pytest.raises(InvalidInput):
        plan_from(text, "p.yaml")


def test_aliases_that_stand_for_billions_are_refused() -> None:
    """Nine lines are enough for them."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (fault,) = faults_of("\n".join(rows))
    assert fault.expected == "at most 100000 values, those of aliases counted"


def test_a_byte_order_mark_is_no_mistake_and_moves_no_column() -> None:
    """Some editors put one in front."""
    assert read_plan(f"\ufeff{GOOD}", "p.yaml").plan == plan_from(GOOD, "p.yaml")
    assert places_of(f"\ufeff{changed('schema: 1', 'schema: 2')}") == [(1, 9, "schema")]


@pytest.mark.parametrize(
    ("old", "new", "mark", "field", "said"),
    [
        (
            "  acr: https://crvisionwestus3.azurecr.io\n",
            "",
            "https://crvisioneastus2",
            "secondary.acr",
            "what the primary names as well",
        ),
        (
            "azconfig.io\n  # V",
            "azconfig.io/x\n  # V",
            "https://appcs-hubswitch.",
            "pointer.endpoint",
            "azconfig.io alone",
        ),
        (
            "//westus3.api.azureml.ms",
            "//westus3.api.azureml.ms/?a=b",
            "https://westus3.api",
            "secondary.api",
            "ms alone",
        ),
        ("mode: approve", "mode: auto\n  green_drills: 0x0", "0x0", "policy.green_drills", "at least 1"),
        (
            "mode: approve",
            "mode: auto\n  auto_without_drills: none held",
            "none held",
            "policy.auto_without_drills",
            "nothing in mode auto",
        ),
    ],
)
def test_what_is_legal_and_unwise_is_a_warning_with_its_place(
    old: str, new: str, mark: str, field: str, said: str
) -> None:
    """It is told and loads all the same."""
    text = changed(old, new)
    reading = read_plan(text, "p.yaml")
    (warning,) = reading.warnings
    assert reading.plan is not None
    assert (warning.line, warning.column, warning.field) == (*place_in(text, mark), field)
    assert said in warning.expected


def test_a_plan_without_references_is_warned_of() -> None:
    """Nothing tells its own faults from those of the region."""
    text = GOOD[: GOOD.index("references:")] + "references: {}\n" + GOOD[GOOD.index("jobs:\n") :]
    warnings = read_plan(text, "p.yaml").warnings
    assert [warning.field for warning in warnings] == ["references.observer", "references.elsewhere"]
    assert {warning[1:3] for warning in warnings} == {place_in(text, "references:")}


def test_a_subscription_that_is_no_guid_and_an_app_at_home_in_a_hub_s_region_are_warned_of() -> None:
    """Several warnings come in the order of lines."""
    text = changed("westus3\n  subscription: 6f1d2c3b-8a40-4c55-9e1f-2b7c0d9a1e42", "westus3\n  subscription: prod")
    warnings = read_plan(text.replace("references:\n", "references:\n  home: westus3\n"), "p.yaml").warnings
    assert [warning.field for warning in warnings] == ["secondary.subscription", "references.home"]


def test_a_good_plan_has_neither_faults_nor_warnings() -> None:
    """Silence means something."""
    reading = read_plan(GOOD, "p.yaml")
    assert (reading.faults, reading.warnings) == ((), ())


@pytest.mark.parametrize(
    ("classes", "gap"),
    [
        ({EvidenceClass.HUB, EvidenceClass.JOBS, EvidenceClass.CONTROL}, None),
        ({EvidenceClass.HUB, EvidenceClass.CONTROL}, "only hub"),
        ({EvidenceClass.DEPENDENCY, EvidenceClass.METRICS}, "only dependency and metrics"),
        ({EvidenceClass.CONTROL, EvidenceClass.NOTICE}, "none"),
    ],
)
def test_a_rule_that_cannot_be_reached_is_known_beforehand(classes: set[EvidenceClass], gap: str | None) -> None:
    """Two deciding classes are needed, one of them a work class."""
    found = reach_gap(classes)
    assert found is None if gap is None else (found or "").startswith(f"{gap}: ")


WORDS = ("", "null", "[]", "{}", "[1, {a: b}]", "{1: 2}", "-1", "1.5", ".nan", "0s", "9999999999d", '"https://["', "*x")
ODD = (
    *WORDS,
    "&x y",
    "!odd z",
    "!!int no",
    "2026-01-01",
    "<<",
    "[{kind: move_jobs}]",
    "{<<: 1}",
    "{? [a] : b}",
    "12:30",
)


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(ODD)), min_size=1, max_size=4))
def test_whatever_is_written_is_answered_with_places_and_not_with_a_traceback(edits: list[tuple[int, str]]) -> None:
    """The loader refuses exactly the plans that have faults."""
    rows = SAMPLE.split("\n")
    for number, word in edits:
        key, colon, _ = rows[number % len(rows)].partition(":")
        rows[number % len(rows)] = f"{key}{colon} {word}"
    text = "\n".join(rows)
    reading = read_plan(text, "p.yaml")
    for fault in (*reading.faults, *reading.warnings):
        assert 1 <= fault.line <= len(rows)
        assert "\n" not in str(fault)
    if reading.faults:
        with pytest.raises(InvalidInput):
            plan_from(text, "p.yaml")
    else:
        assert plan_from(text, "p.yaml") == reading.plan


@pytest.mark.parametrize(("field", "length"), [("rto", "0s"), ("rpo", "0s")])
def test_a_target_of_no_time_is_a_fault(field: str, length: str) -> None:
    """It could never be met; no target is null, or left out."""
    (fault,) = faults_of(f"{GOOD}targets: {{{field}: {length}}}\n")
    assert (fault.field, fault.got) == (f"targets.{field}", length)
    assert faults_of(f"{GOOD}targets: {{{field}: null}}\n") == ()
    assert faults_of(f"{GOOD}targets: {{{field}: 15m}}\n") == ()
