"""``hubswitch up`` as a process: it says where it is, serves, and ends without a trace when told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from live import until

from orchestrator.local.up import UpOptions, up_command

LONGEST = 300
"""Seconds in which it must be up, or have ended."""


@dataclass(frozen=True)
class Up:
    """A running ``hubswitch up --json`` and what it said."""

    process: subprocess.Popen[str]
    said: dict[str, Any]

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def send(self, method: str, path: str, *, key: str | None = "", **options: Any) -> requests.Response:
        headers = {} if key is None else {"x-functions-key": key or self.said["key"]}
        return requests.request(method, f"{self.said['url']}/api/{path}", headers=headers, timeout=LONGEST, **options)


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator", "up", *options]


@contextmanager
def up(folder: Path, *options: str) -> Iterator[Up]:
    """The process, its temporary files in ``folder``; killed at the end if it is still there."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(
        command("--port", "0", "--json", "--speed", "60", *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            yield Up(process, json.loads(process.stdout.readline()))
        finally:
            if process.poll() is None:
                process.kill()


def ports_of(pid: int) -> set[int]:
    """Ports on which a process and its children listen; all of them on this machine only."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    found = [c.laddr for p in processes for c in p.net_connections() if c.status == psutil.CONN_LISTEN]
    assert {address.ip.removeprefix("::ffff:") for address in found} == {"127.0.0.1"}
    return {address.port for address in found}


def left_of(folder: Path) -> list[psutil.Process]:
    """Processes whose temporary files are in this folder. A port that is free again may soon be somebody else's."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            found += [process] if process.environ().get("TMPDIR") == str(folder) else []
    return found


def test_it_serves_a_drill_and_ends_without_a_trace(tmp_path: Path) -> None:
    """A run is followed to its end over HTTP; then exit 0, no port, no file, no child, no complaint."""
    with up(tmp_path) as running:
        drill = running.send("POST", "pairs/demo/drill", json={"reason": "practice"})
        assert running.send("POST", "pairs/demo/drill", key=None, json={"reason": "practice"}).status_code == 401
        path = drill.headers["Location"].partition("/api/")[2]
        run = until(lambda: seen if (seen := running.get(path).json())["status"] == "completed" else None, "the drill")
        ports, children = ports_of(running.process.pid), psutil.Process(running.process.pid).children(recursive=True)
        files, working = list(tmp_path.iterdir()), left_of(tmp_path)
        running.process.send_signal(signal.SIGTERM)
        _, complaints = running.process.communicate(timeout=LONGEST)
    assert (drill.status_code, run["output"]["kind"]) == (202, "tabletop")
    # On a busy machine a store may be slow for one look: that is told, and it is no complaint of the command itself.
    others = [line for line in complaints.splitlines() if not json.loads(line)["what"].startswith("notice ")]
    assert (running.process.returncode, others) == (0, [])
    assert len(ports) > 5
    assert working
    assert left_of(tmp_path) == []
    assert files
    assert list(tmp_path.iterdir()) == []
    assert not [child for child in children if child.is_running()]


def test_it_says_where_everything_is_and_takes_a_key_of_ones_own(tmp_path: Path) -> None:
    """For scripts: one object with the address, the key, the plan and every endpoint. Ctrl-C ends it as well."""
    with up(tmp_path, "--key", "my-own-key") as running:
        plan = Path(running.said["plan"]).read_text(encoding="utf-8")
        status = running.get("status").status_code
        running.process.send_signal(signal.SIGINT)
        running.process.communicate(timeout=LONGEST)
    assert (running.process.returncode, running.said["key"], status) == (0, "my-own-key", 200)
    assert plan.startswith("schema: 1")
    assert {"admin", "ledger", "resource-manager"} <= running.said["endpoints"].keys()


def test_a_plan_of_ones_own_is_practised_with_jobs_and_a_person_s_approval(tmp_path: Path) -> None:
    """A policy that would only observe; the mode that was wanted instead; what cannot be practised is said."""
    sample = Path(__file__).parents[2] / "plans" / "hot-warm.yaml"
    with up(tmp_path, "--mode", "approve", "--plan", str(sample), "--jobs", "3") as running:
        plan = Path(running.said["plan"]).read_text(encoding="utf-8")
        view = until(lambda: (v := running.get("pairs/demo").json()).get("mode") == "approve" and v, "the pair")
        running.process.send_signal(signal.SIGTERM)
        _, told = running.process.communicate(timeout=LONGEST)
    assert running.process.returncode == 0
    assert view["pair"] == "demo"
    assert "mode: approve" in plan
    assert told.startswith(f"{sample} is practised on simulated hubs, without its hubs and stores")


JOB = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: python -c pass
environment: azureml:train-env:1
compute: azureml:cpu-cluster
tags: {local.duration: "360000"}
"""


def hubswitch(running: Up, folder: Path, *arguments: str) -> str:
    """What a command of somebody who submits jobs says, with the environment that ``up`` has written for him."""
    shell = f'set -a; . {running.said["user_env"]}; set +a; exec {sys.executable} -m orchestrator "$@"'
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "HUBSWITCH_PAIR_PLAN": running.said["plan"]}
    done = subprocess.run(
        ["bash", "-c", shell, "hubswitch", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_job_of_one_s_own_is_seen_to_move(tmp_path: Path) -> None:
    """What a newcomer tries first: submit, take the region down, and look where the job went."""
    folder, elsewhere = tmp_path / "mine", tmp_path / "served"
    for place in (folder, elsewhere):
        place.mkdir()
    (folder / "job.yml").write_text(JOB, encoding="utf-8")
    with up(elsewhere) as running:
        hubswitch(running, folder, "submit", "job.yml", "--name", "mine")
        region = requests.post(f"{running.said['admin']}/admin/regions/eastus2/down", json={}, timeout=LONGEST)
        assert region.ok, region.text
        until(lambda: running.get("pairs/demo").json()["active"] == "secondary" or None, "the switch")

        def moved() -> dict[str, Any] | None:
            found = {
                one["name"]: one for one in json.loads(hubswitch(running, folder, "jobs", "list", "--json"))["jobs"]
            }
            status = [found.get(name, {}).get("status") for name in ("mine", "mine-e1")]
            return found if status == ["resubmitted", "running"] else None

        found = until(moved, "the job", pause=1.0)
        running.process.send_signal(signal.SIGTERM)
        running.process.communicate(timeout=LONGEST)
    assert found["mine-e1"]["hub"] == "secondary"
    assert list(elsewhere.iterdir()) == []


def test_a_port_that_is_taken_is_one_line_and_exit_2(tmp_path: Path) -> None:
    """And nothing is left behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            command("--port", str(port)),
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert ended.stderr.startswith(f"cannot listen on port {port}: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", [-1, 65536, 70000])
def test_a_port_that_cannot_be_is_one_line_and_exit_2(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What was expected, and what was given."""
    status = up_command(UpOptions(port=port))
    assert (status, capsys.readouterr().err) == (2, f"--port: expected 0 to 65535, got {port}\n")
