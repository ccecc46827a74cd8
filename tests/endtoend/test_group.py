"""A recovery group, ordered over HTTP and by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deployed_app import KEY, SPEED, deployed
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure

GROUP = "schema: 1\nkind: group\nname: payments\npairs: [{pair: demo}]\n"


def test_a_group_is_ordered_and_says_what_became_of_its_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each order starts one run; bad orders start none, and neither does one while a run is under way."""
    with LocalAzure(seed=9, speed=SPEED, canaries=False) as azure, LocalEngine() as engine:
        (tmp_path / "demo.yaml").write_text(yaml_of(plan_of(azure, "demo", **scale_policy(SPEED))), encoding="utf-8")
        (tmp_path / "payments.yaml").write_text(GROUP, encoding="utf-8")
        with variables(azure.environment()), deployed(azure, engine, tmp_path) as app:

            def order(name: str, do: str, *more: str) -> tuple[int, str, str]:
                at = ["--url", app.url, "--key", KEY, "--by", "ana", "--json"]
                status = status_of(["group", do, name, *at, *more])
                said = capsys.readouterr()
                return status, said.out, said.err

            until(lambda: app.view().get("phase") == "steady", "the first look")
            status, _, told = order("nobody", "failover", "--reason", "a drill")
            assert (status, "there are: payments" in told) == (1, True)
            status, _, told = order("payments", "failover", "--reason", " ")
            assert (status, "reason" in told) == (2, True)

            def command(do: str) -> None:
                at = ["--url", app.url, "--key", KEY, "--by", "ana", "--reason", "a look first"]
                assert status_of([do, "demo", *at]) == 0
                capsys.readouterr()

            def went(do: str) -> dict[str, Any]:
                """Order it and wait for its end."""
                status, said, told = order("payments", do, "--reason", "planned work", "--wait")
                assert status == 0, told + said
                return dict(json.loads(said))

            there = went("failover")
            assert there["name"] == "group_run"
            until(lambda: app.view()["active"] == "secondary", "the switch as the pair has it")
            output = there["output"]
            assert (output["outcome"], output["by"], output["reason"]) == ("completed", "ana", "planned work")
            assert [(step["name"], step["kind"], step["outcome"]) for step in output["steps"]] == [
                ("demo", "failover", "done")
            ]
            assert there["waits_for"] is None
            again = went("failover")["output"]
            assert [step["outcome"] for step in again["steps"]] == ["done"]
            assert app.view()["epoch"] == 1

            (ended, first) = app.get("runs").json()["group_runs"]
            assert (first["id"], first["group"], first["outcome"]) == (there["id"], "payments", "completed")
            assert {run["pair"] for run in app.get("runs").json()["runs"]} == {"demo"}
            assert status_of(["runs", "demo", "--url", app.url, "--key", KEY]) == 0
            shown = capsys.readouterr().out.splitlines()
            assert [line for line in shown if ended["id"] in line and "completed: 1 of 1 pairs" in line]

            command("pause")
            until(lambda: app.view()["paused"], "the pause")
            status, said, _ = order("payments", "failback", "--reason", "home")
            run = json.loads(said)["run"]
            until(lambda: app.get(f"runs/{run}").json()["waits_for"], "the refusal")
            assert app.get(f"runs/{run}").json()["waits_for"]["step"] == "demo"
            under_way = app.get("runs?pair=demo").json()["group_runs"][0]
            assert (under_way["id"], under_way["outcome"], under_way["why"]) == (run, "running", "waits for demo")
            status, _, told = order("payments", "failover", "--reason", "back again")
            assert (status, f"{run} is under way" in told) == (1, True)
