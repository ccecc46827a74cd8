"""Each kind of drill, asked for by curl and by the command line, to its end and its evidence; and one out of season."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from deployed_app import KEY, SPEED, App, count_captured, deployed
from endless_jobs import submit_endless
from waiting import until

from orchestrator.cli.main import status_of
from orchestrator.core.plan.drills import PartialDrill
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.simulator.cloud import LocalAzure

KINDS = ("tabletop", "decision", "canary", "partial", "full")
CURL = shutil.which("curl")


class Stage(NamedTuple):
    """A pair that is ready, with one job of a workload."""

    azure: LocalAzure
    app: App
    folder: Path


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("drills")
    with LocalAzure(seed=8, speed=SPEED) as azure, variables(azure.environment()), LocalEngine() as engine:
        policy = scale_policy(SPEED) | {"failback_hold": timedelta(seconds=2)}
        plan = msgspec.structs.replace(plan_of(azure, "demo", **policy), partial_drill=PartialDrill(until="running"))
        file = folder / "demo.yaml"
        file.write_text(yaml_of(plan), encoding="utf-8")
        with deployed(azure, engine, file) as app:
            until(lambda: app.view().get("phase") == "steady", "the first look")
            submit_endless(azure, plan.primary, "n1", "nightly", {"hubswitch.workload": "nightly"})
            until(lambda: count_captured(azure, plan) == 1, "the job in the ledger")
            until(lambda: app.get("pairs/demo/readiness").json().get("ready"), "a standby that is ready")
            yield Stage(azure, app, folder)


def _curl(stage: Stage, path: str, *given: str) -> tuple[int, dict[str, Any]]:
    """Status and body of what the real curl is answered."""
    command = [
        str(CURL),
        "-s",
        "-w",
        "\n%{http_code}",
        "-H",
        f"x-functions-key: {KEY}",
        *given,
        f"{stage.app.url}{path}",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    body, _, code = said.rpartition("\n")
    return int(code), json.loads(body)


def _by_curl(stage: Stage, kind: str) -> dict[str, Any]:
    """The run of a drill that curl asked for, at its end."""
    asked = {"reason": "weekly practice", "by": "ana", "kind": kind}
    asked |= {"workload": "nightly"} if kind == "partial" else {}

    def begun() -> str:
        code, answer = _curl(stage, "/api/pairs/demo/drill", "-d", json.dumps(asked))
        assert code in {202, 409}, answer
        return str(answer["follow"]) if code == 202 else ""

    follow = until(begun, "a drill that is taken", pause=0.2)
    return until(lambda: (run := _curl(stage, follow)[1])["status"] == "completed" and run, "the drill's end")


def _by_command(stage: Stage, kind: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The same by ``hubswitch drill --wait``."""
    words = ["drill", "demo", "--kind", kind, "--reason", "weekly practice", "--by", "ana", "--wait", "--json"]
    words += ["--workload", "nightly"] if kind == "partial" else []

    def held() -> dict[str, Any]:
        capsys.readouterr()
        status = status_of([*words, "--url", stage.app.url, "--key", KEY])
        said = capsys.readouterr()
        assert status in {0, 1}, said.err
        return dict(json.loads(said.out)) if status == 0 else {}

    return until(held, "a drill that went well", pause=0.2)


@pytest.mark.skipif(CURL is None, reason="no curl on this machine")
@pytest.mark.parametrize("how", ["curl", "command"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_drill_is_held_to_its_end_and_leaves_evidence(
    stage: Stage, kind: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its outcome, in the evidence too; the pair is where it was, and no account of a job has changed."""
    before = stage.app.view()["active"]
    run = _by_curl(stage, kind) if how == "curl" else _by_command(stage, kind, capsys)
    output = run["output"]
    code, evidence = _curl(stage, f"/api/runs/{run['id']}/evidence")
    assert (output["kind"], output["by"], output["reason"]) == (kind, "ana", "weekly practice")
    assert output["ok"], output["findings"]
    assert (code, evidence["kind"], evidence["outcome"]) == (200, kind, "succeeded")
    until(lambda: stage.app.view()["phase"] == "steady" and stage.app.view()["active"] == before, "a pair at rest")

    def live() -> list[str]:
        jobs = stage.azure.truth.jobs()
        return [job.name for job in jobs if job.name.startswith("n1") and job.status == "Running"]

    until(lambda: len(live()) == 1, "the job, running once", moved=live)
