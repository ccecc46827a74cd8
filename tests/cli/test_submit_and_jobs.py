"""A new user with a plan and a folder submits, looks, and changes their mind; programs get JSON and exit statuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from leftovers import collected
from ran import Ran, run_here

from orchestrator.cli.main import status_of
from orchestrator.core.jobs.record import JobStatus
from orchestrator.local.simulated_plan import plan_yaml
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.job_lifecycle import Pace
from orchestrator.submit.api import desk

COMMAND = Path(__file__).parents[1] / "submit" / "jobs" / "command"
AI_ML_IS_SLOW = 600


type Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def leftovers() -> Iterator[None]:
    """After everything else of a test."""
    yield
    collected()


@pytest.fixture(scope="module")
def azure() -> Iterator[LocalAzure]:
    with LocalAzure(seed=9, speed=50, pace=Pace(running=(20, 30))) as made:
        yield made


@pytest.fixture(scope="module")
def folder(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean folder with a plan and somebody's job."""
    made = tmp_path_factory.mktemp("user")
    (made / "plan.yaml").write_text(plan_yaml(azure, "demo"), encoding="utf-8")
    shutil.copytree(COMMAND, made / "wine")
    return made


@pytest.fixture
def run(azure: LocalAzure, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("submit", "wine/job.yml")``: the command in that folder, as that person."""
    for name, value in azure.user_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")
    monkeypatch.setenv("USER", "ana")
    monkeypatch.setenv("LOGNAME", "ana")
    monkeypatch.chdir(folder)

    def start(*arguments: str) -> Ran:
        return run_here(capsys, *arguments, "--plan", "plan.yaml")

    return start


@pytest.fixture
def alone(azure: LocalAzure, folder: Path) -> Run:
    """The same as a process of its own, in an environment with nothing else in it."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "USER": "ana", **azure.user_environment()}

    def start(*arguments: str) -> Ran:
        command = [sys.executable, "-m", "orchestrator", *arguments, "--plan", "plan.yaml"]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=AI_ML_IS_SLOW, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return start


pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _shown(run: Run, name: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(run("jobs", "show", name, "--json").out)
    return shown


def test_a_new_user_submits_from_a_clean_folder_and_waits(alone: Run, run: Run) -> None:
    """One JSON object on standard output, the record in the ledger, status 0 when the job completes."""
    done = alone("submit", "wine/job.yml", "--set", "display_name=mine", "--set", "inputs.degree=3", "--wait", "--json")
    assert done.status == 0, done.err
    said = json.loads(done.out)
    assert said["name"].startswith("mine-")
    assert (said["side"], said["status"], said["region"]) == ("primary", "Completed", "eastus2")
    job = _shown(run, said["name"])["job"]
    assert job["body"]["properties"]["displayName"] == "mine"
    assert job["body"]["properties"]["inputs"]["degree"]["value"] == "3"
    assert job["priority"] == 5
    assert job["history"][0]["why"] == "by ana, to the primary"


def test_people_read_where_their_job_went(run: Run) -> None:
    """And may choose its name; the same name again is the same job."""
    for _ in range(2):
        done = run("submit", "wine/job.yml", "--name", "my-wine")
        assert done.status == 0, done.err
        assert "my-wine was submitted to the primary: proj-eastus2 in eastus2" in done.out
    assert [line["what"] for line in _shown(run, "my-wine")["job"]["history"]].count("submitting") == 1


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("missing.yml", None, r"missing\.yml: expected a YAML file of a job, got no such file"),
        ("wrong.yml", ("type: command", "type: comand"), r"wrong\.yml.*comand"),
        ("gone.yml", ("code: ./src", "code: ./elsewhere"), r"elsewhere"),
        ("nowhere.yml", ("azureml:cpu-cluster", "azureml:no-such"), r"no-such"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(
    run: Run, folder: Path, name: str, change: tuple[str, str] | None, expected: str
) -> None:
    """Not azure-ai-ml's pages of advice."""
    if change:
        text = (folder / "wine" / "job.yml").read_text(encoding="utf-8")
        (folder / "wine" / name).write_text(text.replace(*change), encoding="utf-8")
    done = run("submit", f"wine/{name}")
    assert done.status in {1, 2}
    assert done.out == ""
    lines = [line for line in done.err.splitlines() if "no pointer yet" not in line]
    assert len(lines) == 1, done.err
    assert re.search(expected, lines[0])


def test_jobs_are_listed_by_status_and_side(run: Run) -> None:
    """For people as a table, for programs as JSON."""
    run("submit", "wine/job.yml", "--name", "listed")
    found = json.loads(run("jobs", "list", "--json", "--side", "primary", "--why").out)
    assert "listed" in {job["name"] for job in found["jobs"]}
    assert found["quarantined"] == []
    assert json.loads(run("jobs", "list", "--json", "--side", "secondary").out)["jobs"] == []
    told = run("jobs", "list", "--status", "running").out
    assert re.search(r"^listed +running +primary", told, re.MULTILINE)
    assert run("jobs", "list", "--status", "asleep").status == 2


@pytest.mark.usefixtures("run")
def test_the_plan_may_come_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For those who work with one pair all day; its name is taken for no misspelt setting."""
    monkeypatch.setenv("HUBSWITCH_PAIR_PLAN", str(folder / "plan.yaml"))
    assert status_of(["jobs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["quarantined"] == []


def test_a_story_fits_on_a_screen(run: Run) -> None:
    """How it stands, what it needs, what happened to it."""
    run("submit", "wine/job.yml", "--name", "told")
    told = run("jobs", "show", "told")
    assert told.status == 0
    assert len(told.out.splitlines()) < 30
    for part in ("running: in the primary", "Command", "priority 5", "code ", "submitting", "submitted"):
        assert part in told.out
    assert run("jobs", "show", "nobody") == Ran(1, "", "the ledger of demo has no job nobody\n")


def test_a_person_skips_and_retries_a_job(run: Run, folder: Path) -> None:
    """The record says who asked and why; what makes no sense is refused with the reason."""
    run("submit", "wine/job.yml", "--name", "wished")
    assert run("jobs", "retry", "wished", "--reason", "again").status == 1
    skipped = json.loads(run("jobs", "skip", "wished", "--reason", "not worth it", "--json").out)
    assert (skipped["status"], skipped["retry"]) == ("running", False)
    assert _shown(run, "wished")["job"]["policy"] == "never"
    at = desk(folder / "plan.yaml")
    ledger = at.world.ledgers["demo"]
    found = ledger.read("demo", "wished")
    assert found is not None
    ledger.replace(msgspec.structs.replace(found.value, status=JobStatus.WAITING, reason="no quota"), found.etag)
    assert run("jobs", "retry", "wished").status == 2
    retried = json.loads(run("jobs", "retry", "wished", "--reason", "there is quota now", "--by", "bo", "--json").out)
    assert (retried["status"], retried["retry"]) == ("waiting", True)
    job = _shown(run, "wished")["job"]
    assert job["policy"] == "if-interrupted"
    assert job["history"][-1]["what"] == "retry"
    assert job["history"][-1]["why"].startswith("asked by bo: there is quota now")


def test_the_ledger_is_exported_as_json_lines(run: Run) -> None:
    """One record per line, in order of name."""
    run("submit", "wine/job.yml", "--name", "exported")
    records = [json.loads(line) for line in run("jobs", "export").out.splitlines()]
    names = [record["name"] for record in records]
    assert "exported" in names
    assert names == sorted(names)
    assert all(record["body"]["properties"] for record in records)
