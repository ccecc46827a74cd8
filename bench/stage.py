"""Where runs are measured: the simulated Azure and the durable engine in this process, the worker in its own.

The worker is what would run in a Function App: it loads ``function_app.py``, and shares neither interpreter nor
memory with what it talks to.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
from durabletask.client import TaskHubGrpcClient

from bench.measure import ROOT
from bench.worker import READY
from orchestrator.adapters.assembly import assemble
from orchestrator.clock import SystemClock
from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.state import StartRun
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import Checkpoint, LocalEngine
from orchestrator.local.functions import ENGINE_LOG
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.ports import World
from orchestrator.settings import settings_from
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Estate
from orchestrator.workflows import names
from orchestrator.workflows.activities.epoch import ensure_pair
from orchestrator.workflows.messages import (
    CaptureOrder,
    CaptureReport,
    CaptureRun,
    DrillOrder,
    DrillReport,
    RunSummary,
    drill_run_id,
    order_from,
)

LONGEST_RUN = 400.0
"""Seconds after which a run is given up."""

PATIENCE = 30.0
"""Seconds that a worker has to end."""

LOOK = 0.1
"""Seconds between two looks at a run that is under way."""


@dataclass(frozen=True)
class Pair:
    """A plan, where it is written, and the ports to look after its ledger."""

    plan: Plan
    file: Path
    world: World


@dataclass(frozen=True)
class Stage:
    """A simulated Azure and an engine, both in this process."""

    azure: LocalAzure
    engine: LocalEngine
    client: TaskHubGrpcClient
    folder: Path

    def pair(
        self, name: str, jobs: Mapping[str, Any] | None = None, policy: Mapping[str, Any] | None = None, **fields: Any
    ) -> Pair:
        """A pair, at epoch 0 if new; ``jobs`` and ``policy`` override fields of these parts, ``fields`` whole parts."""
        usual = plan_of(self.azure, **{"missed_looks": 4, **(policy or {})})
        jobs_part = msgspec.structs.replace(usual.jobs, **(jobs or {}))
        plan = msgspec.structs.replace(usual, pair=name, jobs=jobs_part, **fields)
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml_of(plan), encoding="utf-8")
        settings = settings_from({**os.environ, "HUBSWITCH_PLANS": str(file)})
        world = assemble(settings, {name: plan}, SystemClock())
        ensure_pair(world, plan, world.clock.now())
        return Pair(plan, file, world)

    def switch(self, pair: Pair, epoch: int, look: Callable[[], None] | None = None) -> RunSummary:
        """Order the switch to an epoch, as the pair's entity would, and wait for its end.

        Args:
            pair: stands at the epoch before; the primary is active in even epochs.
            epoch: the one to claim.
            look: called again and again while the run is under way.
        """
        source = Role.PRIMARY if epoch % 2 else Role.SECONDARY
        start = StartRun(
            kind="failover" if epoch % 2 else "failback",
            run=f"{pair.plan.pair}-e{epoch}",
            epoch=epoch,
            source=source,
            target=source.other,
            why="a benchmark wants it",
        )
        order = order_from(start, pair.plan, pair.world.clock.now())
        output = self._run(names.SWITCH_RUN, to_builtins(order), order.run, look)
        summary = from_builtins(output, RunSummary, order.run)
        if summary.outcome != "completed":
            raise RuntimeError(f"{order.run} ended as {summary.outcome}: {summary.why}")
        return summary

    def warm_up(self, pair: Pair) -> None:
        """Let the worker load what it loads at first use: the Azure clients."""
        self.capture(pair, CaptureOrder(pair=pair.plan.pair, side=Role.PRIMARY, jobs=()), f"{pair.plan.pair}-warm-up")

    def capture(self, pair: Pair, order: CaptureOrder, run: str) -> CaptureReport:
        """Carry out an order of the reconciling timer, as an orchestration of this name."""
        given = CaptureRun(order=order, beat=pair.plan.policy.suspect_interval)
        return from_builtins(self._run(names.CAPTURE_RUN, to_builtins(given), run, None), CaptureReport, run)

    def drill(self, order: DrillOrder) -> DrillReport:
        """Hold a drill, and wait for its end."""
        run = drill_run_id(order.pair, order.drill)
        return from_builtins(self._run(names.DRILL_RUN, to_builtins(order), run, None), DrillReport, run)

    def _run(self, name: str, given: Any, run: str, look: Callable[[], None] | None) -> Any:
        self.client.schedule_new_orchestration(name, input=given, instance_id=run)
        until = time.monotonic() + LONGEST_RUN
        while time.monotonic() < until:
            if look:
                look()
            with contextlib.suppress(TimeoutError):
                state = self.client.wait_for_orchestration_completion(run, timeout=LOOK if look else LONGEST_RUN)
                if state is None or state.runtime_status.name != "COMPLETED":
                    raise RuntimeError(f"{run} ended badly: {state and state.failure_details}")
                return json.loads(state.serialized_output or "null")
        raise TimeoutError(f"{run} did not end within {LONGEST_RUN:g} s")


@contextlib.contextmanager
def stage(
    seed: int = 7, estate: Estate | None = None, checkpoint: Checkpoint | None = None, speed: float = 1.0
) -> Iterator[Stage]:
    """Everything but a worker. Resource Manager's limits are off, and no plan has canaries.

    ``speed``: how many times as fast as usual simulated work goes.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hubswitch-bench-")))
        azure = stack.enter_context(LocalAzure(seed=seed, estate=estate, canaries=False, speed=speed))
        azure.throttle.enabled = False
        stack.enter_context(variables(azure.environment()))
        engine = stack.enter_context(LocalEngine(checkpoint=checkpoint))
        client = TaskHubGrpcClient(host_address=engine.address, logger=ENGINE_LOG)
        stack.callback(client.close)
        yield Stage(azure, engine, client, folder)


@contextlib.contextmanager
def worker(at: Stage, pair: Pair) -> Iterator[psutil.Process]:
    """A worker process for one pair, ready to work, its Azure clients not yet loaded."""
    with working(at.engine, pair.file) as process:
        yield process


@contextlib.contextmanager
def working(engine: LocalEngine, plans: Path, module: str = "function_app") -> Iterator[psutil.Process]:
    """A worker process for all plans of a place, with the functions of a module's ``app``."""
    command = [sys.executable, "-m", "bench.worker", engine.address, module]
    environment = {**os.environ, "HUBSWITCH_PLANS": str(plans)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=pipe, stdout=pipe) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != READY:
                raise RuntimeError("the worker did not start; what it says is above")
            yield psutil.Process(process.pid)
        finally:
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Let a worker end with its standard input; kill it if it does not."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
