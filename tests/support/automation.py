"""Running a Python runbook as Azure Automation does: a process with arguments and a module for variables."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

RUNBOOK = Path(__file__).parents[2] / "infra" / "recovery" / "hubswitch_runbook.py"

ASSETS = """\
import json
from pathlib import Path

PLACE = Path(__file__).parent / "variables.json"


class AutomationAssetNotFound(Exception):
    pass


def get_automation_variable(name):
    found = json.loads(PLACE.read_text())
    if name not in found:
        raise AutomationAssetNotFound(name)
    return found[name]


def set_automation_variable(name, value):
    found = json.loads(PLACE.read_text())
    if name not in found:
        raise AutomationAssetNotFound(name)
    PLACE.write_text(json.dumps(found | {name: value}))
"""
"""Names and errors are those of learn.microsoft.com, "Manage variables in Azure Automation", Python."""


class Ran(NamedTuple):
    """What a runbook's job came to."""

    status: int
    out: str
    err: str


class AutomationAccount:
    """An account with variables, in a folder of its own."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        (folder / "automationassets.py").write_text(ASSETS, encoding="utf-8")
        self._place = folder / "variables.json"
        self._place.write_text(json.dumps(dict(variables)), encoding="utf-8")

    @property
    def variables(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._place.read_text(encoding="utf-8"))
        return found

    def start(self, *arguments: str, name: str = "hubswitch.py", **environment: str) -> subprocess.Popen[str]:
        """Begin a job of the runbook, which has that name in the account."""
        script = self._folder / name
        shutil.copyfile(RUNBOOK, script)
        return subprocess.Popen(
            [sys.executable, "-E", "-c", _LAUNCH.format(folder=str(self._folder), script=str(script)), *arguments],
            env={"PATH": os.environ["PATH"], "HUBSWITCH_RUNBOOK_POLL": "0.2", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, name: str = "hubswitch.py", **environment: str) -> Ran:
        """A job to its end."""
        process = self.start(*arguments, name=name, **environment)
        out, err = process.communicate(timeout=300)
        return Ran(process.returncode, out, err)


_LAUNCH = """\
import runpy, sys
sys.path.insert(0, {folder!r})
sys.argv[0] = {script!r}
runpy.run_path({script!r}, run_name="__main__")
"""
"""The module is beside nothing that is installed here, as in Automation."""


def context(kind: str, direction: str = "PrimaryToSecondary") -> str:
    """What Site Recovery hands over: the fields are those of its documentation, the values are made up."""
    return json.dumps(
        {
            "RecoveryPlanName": "payroll",
            "FailoverType": kind,
            "FailoverDirection": direction,
            "GroupId": "1",
            "VmMap": {"00000000-0000-4000-8000-000000000001": {"ResourceGroupName": "rg", "RoleName": "vm"}},
        }
    )
