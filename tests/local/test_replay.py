"""Replaying scenarios: every expectation holds, hours pass in milliseconds, and wrong files are refused by line."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.schema import Plan
from orchestrator.local.replay import Replayed, plan_for, replay
from orchestrator.local.scenario import Scenario, load_scenario, policy_of

OURS = sorted((Path(__file__).parents[1] / "scenarios").glob("*.yaml"))
SHARED = Path(__file__).parents[3] / "shared" / "corpus"
CORPUS = sorted([*(SHARED / "scenarios").glob("*.yaml"), *(SHARED / "reports" / "scenarios").glob("*.yaml")])

BASE = """\
name: made-up
start: 2026-05-04T10:00:00Z
end: 2026-05-04T12:00:00Z
primary: {region: eastus}
secondary: {region: westus}
policy: {}
world:
  - {at: 2026-05-04T10:10:00Z, set: {primary.hub: bad, primary.jobs: bad}}
events: []
operator: []
expect:
  outcome: failover
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "made-up.yaml"
        path.write_text(text)
        return path

    return written


def played(path: Path) -> Replayed:
    return replay(load_scenario(path))


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_each_of_our_scenarios_goes_as_expected(path: Path) -> None:
    """What the file expects is what the core decides."""
    assert played(path).missed == []


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_each_known_outage_goes_as_expected(path: Path) -> None:
    """Real outages and traps, where they are at hand."""
    assert played(path).missed == []


def test_there_are_scenarios() -> None:
    """An empty folder would pass everything."""
    assert len(OURS) >= 15


def test_a_result_has_the_promised_fields(write: Write) -> None:
    """Scripts read these names."""
    plain = played(write(BASE)).as_plain()
    assert list(plain) == ["scenario", "outcome", "failovers", "failbacks", "held", "phases", "told", "ok", "missed"]
    assert list(plain["failovers"][0]) == ["at", "from", "to", "epoch", "why"]
    assert plain["failovers"][0] | {"why": ""} == {
        "at": "2026-05-04T10:15:00Z",
        "from": "primary",
        "to": "secondary",
        "epoch": 1,
        "why": "",
    }
    assert [step["phase"] for step in plain["phases"]] == [
        "steady",
        "suspect",
        "switching",
        "resubmitting",
        "settled",
        "steady",
    ]
    assert [list(each) for each in plain["told"]] == [["at", "name", "why"]] * len(plain["told"])
    names = [each["name"] for each in plain["told"]]
    assert names == ["Suspect", "FailoverStarted", "FailoverSwitched", "FailoverCompleted", "Settled"]


@pytest.mark.parametrize(
    ("expect", "missed"),
    [
        ("outcome: hold", "outcome is failover, expected hold"),
        ("outcome: failover, failover_after: 2026-05-04T10:20:00Z", "is before 2026-05-04T10:20:00Z"),
        ("outcome: failover, failover_by: 2026-05-04T10:12:00Z", "is not by 2026-05-04T10:12:00Z"),
        ("outcome: failover, max_failovers: 0", "1 failovers, expected at most 0"),
        ("outcome: failover, min_failovers: 2", "1 failovers, expected at least 2"),
        ("outcome: failover, told: [Suspect, Escalated]", "Escalated was not told; told were Suspect, FailoverStarted"),
        ("outcome: failover, failback_by: 2026-05-04T11:00:00Z", "the failback at no time is not by"),
    ],
)
def test_a_missed_expectation_is_told(write: Write, expect: str, missed: str) -> None:
    """Which one, what was expected, and what happened."""
    text = BASE.replace("expect:\n  outcome: failover\n", f"expect: {{{expect}}}\n")
    (told,) = played(write(text)).missed
    assert missed in told


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("outcome: failover", "outcome: maybe", r"made-up\.yaml:12: expect\.outcome"),
        ("outcome: failover", "outcome: hold\n  told: [Shouted]", r"made-up\.yaml:13: expect\.told"),
        ("outcome: failover", "result: failover", r"made-up\.yaml:12: expect\.result: expected a field that is known"),
        ("primary.hub: bad", "primary.hub: sick", r"made-up\.yaml:8: world\[0\]\.set"),
        ("primary.hub: bad", "tertiary.hub: bad", r"world\[0\]\.set: expected keys <side>\.<surface>"),
        ("policy: {}", "policy: {confirm_aftr: 5m}", r"made-up\.yaml:6: policy"),
        (
            "policy: {}",
            "policy: {confirm_after: 5 minutes}",
            r"made-up\.yaml:6: policy\.confirm_after: expected a duration",
        ),
        ("policy: {}", "policy: {bad_after: 0}", r"made-up\.yaml:6: policy\.bad_after: expected at least 1"),
        ("end: 2026-05-04T12", "end: 2026-05-04T09", r"made-up\.yaml:3: end: expected a time after start"),
        ("{region: westus}", "{region: eastus}", r"secondary\.region: expected another region"),
        ("{region: westus}", "{region: Narnia}", r"secondary\.region: expected a canonical region name, got 'Narnia'"),
        ("{region: westus}", "{region: East US 2}", r"secondary\.region: expected a canonical region name"),
        ("events: []", "events: [{at: 2026-05-04T10:00:00Z}]", r"events\[0\]: expected a body, or a file"),
        ("events: []", "events: [{at: 2026-05-04T10:00:00Z, file: no.json}]", r"events\[0\]\.file: expected a file"),
        ("operator: []", "operator: [{at: 2026-05-04T10:00:00Z, do: dance}]", r"made-up\.yaml:10: operator\[0\]\.do"),
        ("name: made-up", "name: [", "a YAML document"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(write: Write, old: str, new: str, complaint: str) -> None:
    """File, line, field, what was expected."""
    assert old in BASE
    with pytest.raises(InvalidInput, match=complaint):
        load_scenario(write(BASE.replace(old, new, 1)))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """One sentence, no traceback."""
    with pytest.raises(InvalidInput, match="a file that can be read"):
        load_scenario(tmp_path / "nowhere.yaml")


def test_a_shorter_wait_shortens_what_must_not_be_longer(write: Write) -> None:
    """A scenario that says only the wait need not say the wait under a notice as well."""
    scenario = load_scenario(write(BASE.replace("policy: {}", "policy: {confirm_after: 1m}")))
    policy = policy_of(scenario, "x")
    assert (policy.confirm_after, policy.confirm_after_notice) == (timedelta(minutes=1), timedelta(minutes=1))


def test_a_plan_gives_the_policy_that_a_scenario_overrides(write: Write) -> None:
    """What would this plan have done? It only observes, unless the scenario says otherwise."""
    scenario = load_scenario(write(BASE))
    plan = plan_with_default_policy(scenario)
    assert replay(scenario, plan).failovers == []
    armed = load_scenario(write(BASE.replace("policy: {}", "policy: {mode: auto}")))
    assert len(replay(armed, plan).failovers) == 1


def plan_with_default_policy(scenario: Scenario) -> Plan:
    from orchestrator.core.plan.policy import Policy

    return plan_for(scenario, Policy())


def test_a_refused_order_is_among_what_was_held(write: Write) -> None:
    """The earliest time is in the reason."""
    text = BASE.replace("operator: []", "operator: [{at: 2026-05-04T11:30:00Z, do: failback}]")
    held = played(write(text)).as_plain()["held"]
    assert re.search(r"failback refused: .* earliest 2026-05-0\d", held[-1]["why"])


def test_the_same_scenario_gives_the_same_result(write: Write) -> None:
    """Nothing in it depends on the clock or on chance."""
    path = write(BASE)
    assert played(path) == played(path)
