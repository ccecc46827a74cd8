"""What ``python -m bench`` prints. Nothing here judges speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GOALS = {
    "start": 1,
    "surface": 5,
    "switch": 1,
    "detect": 1,
    "rewrite": 1,
    "resubmit": 2,
    "failback": 2,
    "drill-partial": 2,
    "mlclient": 2,
    "capture": 1,
    "ingest": 1,
    "deliver": 2,
    "ready": 2,
    "hostile": 2,
    "state": 1,
    "mixed": 3,
    "storm": 2,
    "replay": 1,
    "audit-verify": 1,
    "readiness": 3,
    "warm-up": 1,
    "history": 2,
}
"""Benchmark -> how many goals it has."""


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)


@pytest.fixture(scope="module")
def quick() -> dict[str, Any]:
    """One quick run of everything, as printed."""
    done = bench("--quick")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_without_names_all_benchmarks_are_run_and_told_as_one_object(quick: dict[str, Any]) -> None:
    """Scripts find every benchmark in one JSON object, and nothing else on standard output."""
    assert set(quick) == {"quick", "begun", "machine", "met", "benchmarks"}
    assert set(quick["benchmarks"]) == set(GOALS)


@pytest.mark.parametrize(("name", "goals"), GOALS.items())
def test_a_benchmark_says_goal_value_and_whether_it_was_met(quick: dict[str, Any], name: str, goals: int) -> None:
    """A figure is never without what it is measured against, how, and how disturbed it was."""
    found = quick["benchmarks"][name]
    assert set(found) == {"goals", "runs", "how", "figures", "noise", "took_s"}
    told = [(type(goal["goal"]), type(goal["value"]), type(goal["met"])) for goal in found["goals"]]
    assert told == [(str, float, bool)] * goals


def test_the_baseline_of_a_switch_counts_calls_made_side_by_side_once(quick: dict[str, Any]) -> None:
    """The seven plain keys go out together: the path is shorter than its calls."""
    figures = quick["benchmarks"]["switch"]["figures"]
    assert figures["calls_overlapping_counted_once"] < figures["calls"]


def test_every_job_is_moved_with_the_limit_and_without(quick: dict[str, Any]) -> None:
    """A rate is only worth telling if nothing was left behind."""
    figures = quick["benchmarks"]["resubmit"]["figures"]
    assert (figures["limited"]["jobs"], figures["unlimited"]["jobs"]) == (60, 60)


def test_every_job_comes_home_and_no_copy_of_a_drill_is_missing(quick: dict[str, Any]) -> None:
    """The same for the way home, whose jobs ran in the secondary first, and for a drill."""
    home, drill = quick["benchmarks"]["failback"]["figures"], quick["benchmarks"]["drill-partial"]["figures"]
    assert (home["jobs"], home["right"], drill["copies"]) == (40, 40, 6)


def test_what_mlclient_reads_of_one_hub_is_right_in_no_other(quick: dict[str, Any]) -> None:
    """The loop that people write is quick to write, too: none of its submissions arrives as it should."""
    figures = quick["benchmarks"]["mlclient"]["figures"]["fetched_and_submitted_by_mlclient"]
    assert {kind: (one["tried"], one["right"]) for kind, one in figures.items()} == {
        "commands": (2, 0),
        "pipelines": (2, 0),
    }


def test_a_second_reconciliation_finds_nothing_and_a_third_what_ended(quick: dict[str, Any]) -> None:
    """Every job is taken in once; after that only its end is worth a question."""
    figures = quick["benchmarks"]["capture"]["figures"]
    assert [figures[name]["changed"] for name in ("new", "same", "ended")] == [60, 0, 1]


def test_a_second_look_at_a_standby_asks_for_no_asset_again(quick: dict[str, Any]) -> None:
    """The first one asks for each; no answer of the budget that is granted is a 429."""
    found = quick["benchmarks"]["readiness"]["figures"]
    first, second = found["first"], found["second"]
    assert (found["assets"], first["refused"]) == (60, 0)
    assert second["reads"] < first["reads"] - 60
    assert second["bytes"] < first["bytes"] / 2


def test_pairs_of_one_subscription_share_what_they_read(quick: dict[str, Any]) -> None:
    """The lists of a subscription are read once for all of them."""
    found = quick["benchmarks"]["readiness"]["figures"]["pairs_without_assets"]
    assert found["reads_of_second_looks"] < found["reads_of_first_looks"] / 2


def test_every_step_of_a_warm_up_is_done(quick: dict[str, Any]) -> None:
    """A time is only worth telling if all clusters and deployments have their size."""
    figures = quick["benchmarks"]["warm-up"]["figures"]
    assert (figures["clusters"], figures["deployments"]) == (4, 4)
    assert figures["critical_path_s"] < figures["one_by_one_s"]


def test_each_run_s_history_holds_what_it_did(quick: dict[str, Any]) -> None:
    """Steps and jobs both take room: else the baseline would measure nothing."""
    figures = quick["benchmarks"]["history"]["figures"]
    assert figures["none"]["bytes"] < figures["jobs"]["bytes"] < figures["many"]["bytes"]
    assert figures["none"]["bytes"] < figures["few"]["bytes"] < figures["many"]["bytes"]


def test_a_benchmark_that_does_not_exist_is_refused_by_name() -> None:
    """A typing error is told in one line and measures nothing."""
    done = bench("swich")
    assert (done.returncode, done.stdout) == (2, "")
    assert "got swich" in done.stderr.splitlines()[-1]
