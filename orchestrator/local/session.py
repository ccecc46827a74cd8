"""Everything on this machine at once: a local Azure, a durable engine, and the function app on the local host.

``async with session(...) as local`` gives all three; at its end every port, thread, file and environment variable is
as it was before.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import orchestrator
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Plan
from orchestrator.local.engine import LocalEngine
from orchestrator.local.host import HostOptions, LocalHost
from orchestrator.local.practice import practise, scale_given
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.settings import digest_of
from orchestrator.simulator.cloud import LocalAzure

FUNCTION_APP = Path(orchestrator.__file__).parents[1] / "function_app.py"

FLOORS = {
    "probe_interval": timedelta(milliseconds=500),
    "suspect_interval": timedelta(milliseconds=250),
    "confirm_after": timedelta(seconds=2),
    "confirm_after_notice": timedelta(seconds=1),
    "evidence_lifetime": timedelta(seconds=15),
    "metrics_lifetime": timedelta(seconds=15),
    "notice_lifetime": timedelta(seconds=15),
    "secondary_fresh": timedelta(seconds=10),
    "cooldown": timedelta(seconds=10),
    "approval_expiry": timedelta(seconds=10),
    "failback_hold": timedelta(seconds=10),
    "share_window": timedelta(seconds=60),
    "global_settle": timedelta(seconds=5),
    "change_window": timedelta(seconds=30),
    "escalate_after": timedelta(seconds=120),
}
"""Shortest value of each duration, however high the speed: a sweep still takes its time."""

PATIENT = 20
"""Intervals of a fast session without a look: its seconds are fractions of one, and other programs want to run too."""

PROBE_SECONDS = 120.0
"""Seconds that a probe may take, times the speed: two seconds at sixty, and the four of the settings at thirty."""

PROBE_FLOOR, CONNECT_SECONDS = 2.0, 4.0
"""Seconds. A fault of the simulated Azure is met at once where it refuses; a machine that is busy with other things
needs a second for what takes milliseconds, and is not to be taken for an outage."""

UNPRACTISED = "a simulated pair, which is there to be tried out"


@dataclass(frozen=True)
class Local:
    """A running session."""

    azure: LocalAzure
    engine: LocalEngine
    host: LocalHost
    plan: Plan
    plan_file: Path
    key: str


def scale_policy(speed: float, mode: Mode = Mode.AUTO) -> dict[str, Any]:
    """The default policy with every duration divided by ``speed``, but not below its floor; no drills are asked for."""
    return {
        "auto_without_drills": UNPRACTISED,
        **scale_given(Policy(), speed, mode, FLOORS),
        **({"missed_looks": PATIENT} if speed > 1 else {}),
    }


@contextlib.asynccontextmanager
async def session(  # noqa: PLR0913 - what a person may choose of one
    *,
    seed: int = 0,
    speed: float = 1.0,
    port: int = 0,
    key: str = "",
    timers: bool = True,
    azure: LocalAzure | None = None,
    mode: Mode | None = None,
    practised: Plan | None = None,
) -> AsyncIterator[Local]:
    """Bring everything up.

    Args:
        seed: of everything that is random.
        speed: by what all waits are divided.
        port: of the app; 0: one that is free.
        key: of the app; empty: one that is made up.
        timers: whether the app's timers tick.
        azure: what it simulates, not yet started.
        mode: of the policy; None: that of the plan that is practised, or else auto.
        practised: a plan whose policy and rules are taken over, see ``local.practice``.
    """
    cloud = azure or LocalAzure(seed=seed, speed=speed)
    key = key or secrets.token_urlsafe(24)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hubswitch-")))
        stack.enter_context(cloud)
        engine = stack.enter_context(LocalEngine())
        plan_file = folder / "demo.yaml"
        plan = _plan(cloud, speed, mode, practised)
        plan_file.write_text(yaml_of(plan), encoding="utf-8")
        options = HostOptions(engine=engine.address, port=port, keys=[key], speed=speed, timers=timers)
        async with serve_app(cloud, plan_file, options) as host:
            yield Local(cloud, engine, host, plan, plan_file, key)


def _plan(cloud: LocalAzure, speed: float, mode: Mode | None, practised: Plan | None) -> Plan:
    if practised is None:
        return plan_of(cloud, **scale_policy(speed, mode or Mode.AUTO))
    patience = {"missed_looks": PATIENT} if speed > 1 else {}
    policy = scale_given(practised.policy, speed, mode, FLOORS) | patience
    return practise(plan_of(cloud), practised, policy)


@contextlib.asynccontextmanager
async def serve_app(cloud: LocalAzure, plan_file: Path, options: HostOptions) -> AsyncIterator[LocalHost]:
    """The function app with a plan, beside an engine and a local Azure that serve. Ended and begun it is a restart."""
    keys = {"HUBSWITCH_MACHINE_KEYS": ",".join(digest_of(key) for key in options.keys)}
    places = {"HUBSWITCH_PLANS": str(plan_file), **keys, **_bounds(options.speed)}
    with variables({**cloud.environment(), **places}):
        module = function_app()
        host = LocalHost(module.app, replace(options, route_prefix=""))  # as host.json has it
        try:
            async with host.serve():
                yield host
        finally:
            module.deployment.memory.readiness_going_on.is_closed = True
            await module.deployment.aclose()


def function_app() -> ModuleType:
    """A fresh load of ``function_app.py``, with the environment as it is now."""
    spec = importlib.util.spec_from_file_location("function_app", FUNCTION_APP)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(FUNCTION_APP)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a while: azure-identity and requests read them from there."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text


def _bounds(speed: float) -> dict[str, str]:
    """Tighter bounds for probes of a fast session: on loopback an answer takes milliseconds.

    Timers are as many times faster; that of readiness asks once a minute, or it would list the stores all the time.
    """
    if speed <= 1:
        return {}
    wait = f"{round(min(max(PROBE_SECONDS / speed, PROBE_FLOOR), 4.0) * 1000)}ms"
    connect = f"{CONNECT_SECONDS:.0f}s"
    bounds = {"PROBE_TIMEOUT": wait, "CONNECT_TIMEOUT": connect, "READINESS_SCHEDULE": "30 * * * * *"}
    return {f"HUBSWITCH_{name}": value for name, value in bounds.items()}
