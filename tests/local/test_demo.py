"""The demo tells the truth: what it reports comes from the simulated Azure, not from the app."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from orchestrator.cli.main import status_of

LONGEST = 300
"""Seconds in which a demo must begin, or end when it is told to."""

LEFT_BEHIND = ("hubswitch-", "local-azure-")


@pytest.mark.parametrize("seed", [7, 21])
def test_every_job_of_an_outage_is_accounted_for(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """S5: resubmitted is interrupted less skipped, nothing lost, nothing twice; the pointer is at the secondary."""
    level = logging.getLogger().level
    assert status_of(["demo", "--json", "--jobs", "16", "--seed", str(seed), "--speed", "120"]) == 0
    assert logging.getLogger().level == level
    result = json.loads(capsys.readouterr().out)
    jobs = result["jobs"]
    assert result["ok"] is True
    assert (result["pointer"]["active"], result["pointer"]["epoch"]) == ("secondary", 1)
    assert jobs["interrupted"] == 16
    assert jobs["resubmitted"] == jobs["interrupted"] - jobs["skipped"]
    assert (jobs["lost"], jobs["duplicated"]) == (0, 0)
    assert set(result["phases"]) == {"detect_s", "decide_s", "switch_s", "first_job_s", "all_jobs_s"}
    assert {"hub", "jobs", "inference", "dependency"} <= result["evidence"]["primary"].keys()
    told = {line["what"]: line["why"] for line in reversed(result["timeline"])}
    assert "bad on the primary (needed: 2 s)" in told["switching"]
    # A machine that is busy may have been suspected before: at this speed a probe has two seconds.
    happened = [line["what"] for line in result["timeline"]]
    assert happened.index("outage") < happened.index("switching")


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders, ports and variables are as they were."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    status_of(["demo", "--json", "--jobs", "2", "--speed", "120"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(LEFT_BEHIND)] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_demo_that_is_ended_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of its work, by a key or by a terminal that is closed."""
    command = [sys.executable, "-m", "orchestrator", "demo", "--json", "--jobs", "40", "--speed", "30"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        try:
            _until_under_way(tmp_path, process)
            begun = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
            out, err = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
    assert process.returncode != 0
    assert (out, b"Traceback" in err) == (b"", False)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(LEFT_BEHIND)] == []
    assert psutil.wait_procs(begun, timeout=LONGEST)[1] == []


def test_the_app_is_left_running_where_that_was_asked_for() -> None:
    """Its page answers at the address that is told; a signal ends it, and the exit status is the demo's."""
    command = [sys.executable, "-m", "orchestrator", "demo", "--jobs", "2", "--speed", "60", "--keep"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = next(line for line in process.stdout if line.startswith("page"))
            url, key = told.split()[1], told.split()[-1]
            page = requests.get(url, headers={"Accept": "text/html"}, timeout=LONGEST)
            answer = requests.get(f"{url}api/status", headers={"x-functions-key": key}, timeout=LONGEST)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LONGEST)
        finally:
            process.kill()
    assert (page.status_code, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert [pair["region"] for pair in answer.json()["pairs"]] == ["westus3"]
    assert process.returncode == 0


def _until_under_way(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first files of the demo's session."""
    end = time.monotonic() + LONGEST
    while not any(path.name.startswith(LEFT_BEHIND) and any(path.iterdir()) for path in folder.iterdir()):
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < end, "it did not begin"
        time.sleep(0.05)
    time.sleep(0.5)
