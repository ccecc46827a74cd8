"""The demo tells the truth: what it reports comes from the simulated Azure, not from the app."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli.main import status_of

LEFT_BEHIND = ("hubswitch-", "local-azure-")


@pytest.mark.parametrize("seed", [7, 21])
def test_every_job_of_an_outage_is_accounted_for(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """S5: resubmitted is interrupted less skipped, nothing lost, nothing twice; the pointer is at the secondary."""
    assert status_of(["demo", "--json", "--jobs", "16", "--seed", str(seed), "--speed", "120"]) == 0
    result = json.loads(capsys.readouterr().out)
    jobs = result["jobs"]
    assert result["ok"] is True
    assert (result["pointer"]["active"], result["pointer"]["epoch"]) == ("secondary", 1)
    assert jobs["interrupted"] == 16
    assert jobs["resubmitted"] == jobs["interrupted"] - jobs["skipped"]
    assert (jobs["lost"], jobs["duplicated"]) == (0, 0)
    assert set(result["phases"]) == {"detect_s", "decide_s", "switch_s", "first_job_s", "all_jobs_s"}
    told = {name: verdict["counts"] for name, verdict in result["evidence"]["primary"].items()}
    assert "needed: counts (work class)" in told["hub"]
    assert "second witness" in told["dependency"]
    assert next(line["what"] for line in result["timeline"]) == "outage"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders, ports and variables are as they were."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    status_of(["demo", "--json", "--jobs", "2", "--speed", "120"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(LEFT_BEHIND)] == []
