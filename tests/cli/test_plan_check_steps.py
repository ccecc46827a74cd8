"""`hubswitch plan check` lists the steps of a plan, and which of them need Resource Manager."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.main import status_of

PLAN = (Path(__file__).parents[1] / "core" / "plan" / "plan_without_steps.yaml").read_text(encoding="utf-8")
STEPS = """
steps:
  failover:
    - parallel:
        - {name: warm, kind: scale_cluster, cluster: gpu, min_nodes: 2, timeout: 10m, on_error: continue}
        - {kind: move_jobs}
    - {kind: wait_for_url, url: "https://a.example.com", retry: {tries: 4}}
"""


def printed(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    file = tmp_path / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    assert status_of(["plan", "check", str(file)]) == 0
    return capsys.readouterr().out


def test_a_plan_without_steps_shows_what_it_does_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has to know the defaults."""
    out = printed(tmp_path, PLAN, capsys)
    assert "steps of a failover, after phase A\n  1. await_standby: tried until it succeeds" in out
    assert "  2. move_jobs: tried until it succeeds; needs Resource Manager: yes\n" in out
    assert "steps of a failback, after phase A\n  1. move_jobs: tried until it succeeds" in out
    assert "GET of the target's project\n" in out


def test_every_step_is_listed_with_its_end_and_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What follows a failure is told, and what the steps ask of Resource Manager; of those that are there."""
    out = printed(tmp_path, PLAN + STEPS, capsys)
    steps = out[out.index("steps of a failover") : out.index("steps of a failback")]
    assert steps == (
        "steps of a failover, after phase A\n"
        "  1. side by side:\n"
        "     - warm (scale_cluster): tried for 10m, then the run goes on without it; needs Resource Manager: yes\n"
        "     - move_jobs: tried until it succeeds; needs Resource Manager: yes\n"
        "  2. wait_for_url: tried 4 times, then people are told and the run stands still until it succeeds; "
        "needs Resource Manager: no\n"
    )
    assert "per cluster that is scaled: a PATCH" in out
    assert "phase B, before the first job: GET of the target's project" not in out


def test_steps_that_follow_from_the_standby_are_listed_with_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has to work out what a tier comes to."""
    section = """
standby:
  deployments: [{endpoint: score, deployment: blue, instances: 4}]
  endpoints: [{name: score, traffic: {blue: 100}}]
"""
    out = printed(tmp_path, PLAN + section, capsys)
    tail = "tried for 30m, then the run goes on without it; needs Resource Manager: yes\n"
    assert (
        "steps of a failover, after phase A (they follow from standby)\n"
        "  1. await_standby: tried until it succeeds; needs Resource Manager: yes\n"
        "  2. side by side:\n"
        "     - move_jobs: tried until it succeeds; needs Resource Manager: yes\n"
        f"     - deployment-score-blue (scale_deployment): {tail}"
        f"     - traffic-score (set_traffic), after deployment-score-blue: {tail}"
        "steps of a failback, after phase A (they follow from standby)\n"
    ) in out
    assert "per endpoint whose traffic is set" in out
