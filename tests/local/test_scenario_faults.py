"""A scenario with a wrong field is refused with file, line, field and what was expected, wherever the field is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.load import plan_from
from orchestrator.local.scenario import load_scenario

ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "tests/scenarios/rejected.yaml").read_text(encoding="utf-8")


def without(text: str, field: str) -> str:
    return re.sub(rf"(?m)^{field}:.*\n(?:[ -]+.*\n)*", "", text)


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        ("policy: {moode: auto}", "policy.moode", "a field that is known here"),
        ("policy: {mode: audo}", "policy.mode", "observe or approve or auto"),
        ("policy: {confirm_after: 5}", "policy.confirm_after", "a duration such as 30s, 5m or 12h"),
        ("policy: {bad_after: 0}", "policy.bad_after", "at least 1"),
        ("policy: {3: 4}", "policy", "names of type str"),
        ("policy: [1]", "policy", "object"),
        (
            "policy: {maintenance_windows: [{from: 2026-01-01T00:00:00Z}]}",
            "policy.maintenance_windows[0].to",
            "a value",
        ),
        ("start: noon", "start", "a time with a zone, such as 2026-02-27T09:30:00Z"),
        ("primary: {region: nowhere}", "primary.region", "a canonical region name"),
        (
            "world: [{at: 2026-01-01T00:00:00Z, set: {primary.hub: badd}}]",
            "world[0].set[primary.hub]",
            "ok or bad or blind or flaky",
        ),
        ("operator: [{at: 2026-01-01T00:00:00Z, do: dance}]", "operator[0].do", "approve or"),
        ("expect: {outcome: hold, max_failovers: -1}", "expect.max_failovers", ""),
        ("expect: {}", "expect.outcome", "a value"),
        ("colour: red", "colour", "a field that is known here"),
    ],
)
def test_a_wrong_field_of_a_scenario_is_named(tmp_path: Path, given: str, field: str, expected: str) -> None:
    """The line is the one on which the field, or what it is missing from, stands."""
    path = tmp_path / "wrong.yaml"
    text = without(GOOD, given.partition(":")[0]).rstrip("\n") + f"\n{given}\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        load_scenario(path)
    assert (refused.value.where, refused.value.field) == (f"{path}:{text.count(chr(10))}", field)
    assert expected in refused.value.expected


@pytest.mark.parametrize("given", ["start: 2026-13-01T00:00:00Z", "start: [", "start: *none"])
def test_a_scenario_that_is_no_yaml_is_refused(tmp_path: Path, given: str) -> None:
    """A month that does not exist is not YAML's either."""
    path = tmp_path / "wrong.yaml"
    path.write_text(f"{without(GOOD, 'start')}\n{given}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="expected a YAML document"):
        load_scenario(path)


def test_a_plan_of_another_schema_is_refused_by_line() -> None:
    """Like every other field of a plan."""
    text = without((ROOT / "plans/hot-warm.yaml").read_text(encoding="utf-8"), "schema") + "\nschema: 2\n"
    with pytest.raises(InvalidInput) as refused:
        plan_from(text, "plan.yaml")
    assert refused.value.where == f"plan.yaml:{text.count(chr(10))}"
