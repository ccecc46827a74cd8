"""Starting ``bench.sdk_loop``: the same work as azure-ai-ml does it, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from bench.measure import ROOT
from bench.sdk_loop import Given, Looped, Place
from bench.stage import Pair, Stage
from orchestrator.core.base.codec import decode, encode
from orchestrator.core.plan.schema import Hub
from orchestrator.simulator.identity import EXECUTOR


def loop_of(at: Stage, target: Hub, **what: Any) -> Looped:
    """Submit to a hub with the executor's rights; ``what`` as ``Given`` has it."""
    given = Given(target=place_of(target), client_id=EXECUTOR, mlclient=at.azure.mlclient_kwargs(), **what)
    command = [sys.executable, "-m", "bench.sdk_loop"]
    done = subprocess.run(command, cwd=ROOT, input=encode(given), stdout=subprocess.PIPE, check=True)
    return decode(done.stdout, Looped, "bench.sdk_loop")


def moved_again(at: Stage, pair: Pair, number: int) -> Looped:
    """Submit the first of the command jobs that a pair has just moved once more, under other names."""
    prefix = f"{pair.plan.pair}-"
    jobs = [job for job in at.azure.truth.jobs() if job.name.startswith(prefix)][:number]
    again = {f"looped-{job.name}": job.submitted["properties"] for job in jobs}
    return checked(loop_of(at, pair.plan.secondary, jobs=again), number)


def checked(loop: Looped, number: int) -> Looped:
    """A loop whose speed is worth telling: all its jobs were accepted."""
    if loop.accepted < number:
        raise RuntimeError(f"azure-ai-ml got {loop.accepted} of {number} jobs accepted: {loop.refused}")
    return loop


def place_of(hub: Hub) -> Place:
    return Place(subscription=hub.subscription, resource_group=hub.resource_group, workspace=hub.project)
