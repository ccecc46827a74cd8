"""What it costs to import ``function_app``, against the libraries that it cannot do without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench.measure import ROOT, Measured, at_most, mebibytes, say, spread
from orchestrator.local.simulated_plan import plan_yaml
from orchestrator.simulator.cloud import LocalAzure

LIMIT = 1.5
OURS, LIBRARIES, NOTHING = "function_app", "azure.functions, azure.durable_functions", "sys"
PROGRAM = """
import json, time
cpu, wall = time.process_time(), time.perf_counter()
import {what}
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
import psutil
print(json.dumps([wall, cpu, psutil.Process().memory_info().rss]))
"""

HOW = """\
Each sample is a fresh interpreter that times one import statement; the two statements take turns, and which goes \
first does too. Bytecode is compiled beforehand, for all modules of both. HUBSWITCH_PLANS names one plan, which is \
read and checked within the import. cpu: processor time of the same span, which neighbours on the machine disturb \
less. Without bytecode: the same, with every module compiled anew, as on the first start of a fresh deployment \
whose files are read-only. Resident memory is taken right after the import; nothing: an interpreter that imported \
neither."""


def measured(*, quick: bool) -> Measured:
    rounds, fresh = (2, 1) if quick else (21, 3)
    with tempfile.TemporaryDirectory(prefix="hubswitch-bench-") as folder:
        plan = _plan(Path(folder))
        compiled = _environment(plan, str(Path(folder) / "bytecode"))
        for what in (OURS, LIBRARIES):
            _sample(what, compiled)
        warm = _rounds(rounds, compiled)
        bare = _environment(plan, str(Path(folder) / "none")) | {"PYTHONDONTWRITEBYTECODE": "1"}
        cold = _rounds(fresh, bare)
        nothing = _sample(NOTHING, compiled)
    ratio = _ratio(warm, 0)
    goal = at_most(LIMIT, ratio, "start: import of function_app / import of its libraries, medians")
    figures = {
        **_figures(warm),
        "without_bytecode": _figures(cold),
        "resident_mib": {
            "function_app": mebibytes(median(sample[2] for sample in warm[OURS])),
            "libraries": mebibytes(median(sample[2] for sample in warm[LIBRARIES])),
            "nothing": mebibytes(nothing[2]),
        },
    }
    return Measured(goals=(goal,), runs=rounds, how=HOW, figures=figures)


def _plan(folder: Path) -> Path:
    with LocalAzure() as azure:
        plan = folder / "plan.yaml"
        plan.write_text(plan_yaml(azure), encoding="utf-8")
    return plan


def _environment(plan: Path, bytecode: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "HUBSWITCH_PLANS": str(plan), "PYTHONPYCACHEPREFIX": bytecode}


def _rounds(number: int, environment: Mapping[str, str]) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {OURS: [], LIBRARIES: []}
    for turn in range(number):
        say(f"start: round {turn + 1} of {number}")
        for what in (OURS, LIBRARIES) if turn % 2 else (LIBRARIES, OURS):
            found[what].append(_sample(what, environment))
    return found


def _sample(what: str, environment: Mapping[str, str]) -> list[float]:
    """Wall time and processor time in seconds, resident memory in bytes."""
    command = [sys.executable, "-c", PROGRAM.format(what=what)]
    done = subprocess.run(command, cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, check=True)
    return [float(number) for number in json.loads(done.stdout)]


def _ratio(found: Mapping[str, list[list[float]]], column: int) -> float:
    ours, libraries = (median(sample[column] for sample in found[what]) for what in (OURS, LIBRARIES))
    return ours / libraries


def _figures(found: Mapping[str, list[list[float]]]) -> dict[str, Any]:
    return {
        "function_app_s": spread([sample[0] for sample in found[OURS]]),
        "libraries_s": spread([sample[0] for sample in found[LIBRARIES]]),
        "function_app_cpu_s": spread([sample[1] for sample in found[OURS]]),
        "libraries_cpu_s": spread([sample[1] for sample in found[LIBRARIES]]),
        "ratio": round(_ratio(found, 0), 3),
        "ratio_cpu": round(_ratio(found, 1), 3),
    }
