"""`hubswitch doctor --wire` against an Azure that is simulated twice: nothing differs but what is made to differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli.main import status_of
from orchestrator.local.sample_jobs import kinds
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of, plan_yaml
from orchestrator.local.workload import User
from orchestrator.simulator.cloud import LocalAzure


def test_shapes_of_two_simulations_differ_by_what_one_does_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same questions are asked of both; a service that refuses is a difference, and no error."""
    plan, target = tmp_path / "demo.yaml", tmp_path / "wire.json"
    login = {"HUBSWITCH_CREDENTIAL": "managed-identity"}
    with LocalAzure(canaries=False) as azure, variables({**azure.environment(), **login}):
        plan.write_text(plan_yaml(azure), encoding="utf-8")
        hub, user = plan_of(azure).primary, User(azure)
        for name, body in kinds(hub, user.code(hub), user.environment(hub)).items():
            user.submit(hub, f"kind-{name}", body)
        assert status_of(["doctor", "--wire", str(target), "--plan", str(plan)]) == 0
        found = json.loads(target.read_text(encoding="utf-8"))
        assert found["differences"] == []
        calls = {shape["call"] for shape in found["azure"]}
        assert {call.split()[1] for call in calls} >= {
            *("resource-manager", "azureml", "appconfig", "storage", "keyvault", "acr", "login"),
        }
        assert hub.project not in target.read_text(encoding="utf-8")
        capsys.readouterr()
        # Of one list alone: each that is refused is waited for.
        azure.faults.set(hub.region, "control", "5xx", status=429, method="GET", path="/computes")
        assert status_of(["doctor", "--wire", str(target), "--plan", str(plan)]) == 1
    assert "429: the simulation answers 200" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--wire", "w.json"], "--wire: : expected a file to write, and --plan beside it"),
        (["--wire", ".", "--plan", "p.yaml"], "expected a file to write, got a folder"),
        (["--wire", "w.json", "--plan", "none.yaml"], "none.yaml"),
    ],
)
def test_arguments_that_cannot_be_used_write_nothing(
    given: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status_of(["doctor", *given]) == 2
    assert said.replace(": :", ":") in capsys.readouterr().err.replace(": :", ":")
    assert list(tmp_path.iterdir()) == []
